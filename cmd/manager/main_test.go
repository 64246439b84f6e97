package main

import (
	"bytes"
	"context"
	"errors"
	"io"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"testing"
	"time"

	. "github.com/onsi/gomega"
	"github.com/onsi/gomega/gbytes"
	"k8s.io/client-go/rest"
	"k8s.io/client-go/tools/clientcmd/api"
)

// asManager makes the program of these tests the operator itself.
const asManager = "TEST_AS_MANAGER"

func TestMain(m *testing.M) {
	if os.Getenv(asManager) != "" {
		os.Exit(run(os.Args[1:]))
	}
	os.Exit(m.Run())
}

// manager is the operator as a process, with nothing in its environment but what is given.
func manager(ctx context.Context, environment []string, args ...string) *exec.Cmd {
	command := exec.CommandContext(ctx, os.Args[0], args...)
	command.Env = append([]string{asManager + "=true"}, environment...)
	return command
}

func TestHelpGoesToStdout(t *testing.T) {
	g := NewWithT(t)
	var out, failed bytes.Buffer
	command := manager(t.Context(), nil, "--help")
	command.Stdout, command.Stderr = &out, &failed
	g.Expect(command.Run()).To(Succeed())
	g.Expect(out.String()).To(ContainSubstring("--thingspace-url=URL  [THINGSPACE_URL]"))
	g.Expect(failed.String()).To(BeEmpty())
}

// What is wrong ends the process with exit code 2 and one message: no page of flags hides it.
func TestWhatIsWrongIsTheLastWord(t *testing.T) {
	for _, c := range []struct{ variable, arg, says string }{
		{"", "--thingspace-timeout=15", `invalid value "15" for flag --thingspace-timeout: a duration is a number with a unit, for example 15s`},
		{"THINGSPACE_TIMEOUT=15", "", `environment variable THINGSPACE_TIMEOUT (flag --thingspace-timeout): a duration is a number with a unit, for example 15s`},
		{"", "--thingspace-url=https://thingspace.example.com/api?", "--thingspace-url: the base URL must have no query"},
		{"THINGSPACE_URL=https://thingspace.example.com:70000", "", "--thingspace-url: the base URL's port"},
		{"", "--no-such-flag", "flag provided but not defined: --no-such-flag"},
		{"https_proxy=http://user:s3cret@proxy:port", "", "environment variable https_proxy: it must be a URL"},
		{"NO_PROXY=10.0.0.0/40,s3cret", "", "environment variable NO_PROXY: entry 1"},
	} {
		g := NewWithT(t)
		var environment, args []string
		if c.variable != "" {
			environment = append(environment, c.variable)
		}
		if c.arg != "" {
			args = append(args, c.arg)
		}
		out, err := manager(t.Context(), environment, args...).CombinedOutput()
		var exit *exec.ExitError
		g.Expect(errors.As(err, &exit)).To(BeTrue())
		g.Expect(exit.ExitCode()).To(Equal(2))
		g.Expect(string(out)).To(HavePrefix("manager: "))
		g.Expect(string(out)).To(ContainSubstring(c.says))
		g.Expect(string(out)).NotTo(ContainSubstring("s3cret"))
		g.Expect(bytes.Count(out, []byte("\n"))).To(BeNumerically("<=", 2), string(out))
	}
}

// An API server that refuses connections is named within 10 seconds, again while it lasts, and in /readyz.
func TestAnAPIServerThatRefusesConnections(t *testing.T) {
	g := NewWithT(t)
	nobody, probes := freeAddress(t), freeAddress(t)
	kubeconfig := filepath.Join(t.TempDir(), "kubeconfig")
	g.Expect(os.WriteFile(kubeconfig, []byte(`
apiVersion: v1
kind: Config
clusters: [{name: c, cluster: {server: "http://`+nobody+`"}}]
contexts: [{name: c, context: {cluster: c, user: u, namespace: here}}]
users: [{name: u, user: {}}]
current-context: c
`), 0o600)).To(Succeed())
	for _, arg := range []string{"--leader-elect=false", "--leader-election-namespace=here"} {
		log := gbytes.NewBuffer()
		command := manager(t.Context(), nil, "--kubeconfig="+kubeconfig, arg, "--metrics-bind-address=0", "--health-probe-bind-address="+probes)
		command.Stderr = log
		g.Expect(command.Start()).To(Succeed())
		g.Eventually(log).WithTimeout(10 * time.Second).Should(gbytes.Say(`"level":"error".*The Kubernetes API server can't be reached.*"server":"http://` + nobody + `".*refused`))
		g.Eventually(func() string { return body("http://" + probes + "/readyz?verbose") }).Should(ContainSubstring("[-]kubernetes-api failed"))
		g.Expect(body("http://" + probes + "/healthz")).To(Equal("ok"))
		g.Expect(command.Process.Signal(os.Interrupt)).To(Succeed())
		g.Expect(command.Wait()).To(Succeed(), string(log.Contents()))
	}
}

func freeAddress(t *testing.T) string {
	t.Helper()
	listener, err := (&net.ListenConfig{}).Listen(t.Context(), "tcp", "127.0.0.1:0")
	NewWithT(t).Expect(err).NotTo(HaveOccurred())
	defer listener.Close() //nolint:errcheck // of a test
	return listener.Addr().String()
}

func body(url string) string {
	answer, err := http.Get(url) //nolint:noctx // of a test, on loopback
	if err != nil {
		return err.Error()
	}
	defer answer.Body.Close() //nolint:errcheck // of a test
	text, err := io.ReadAll(answer.Body)
	if err != nil {
		return err.Error()
	}
	return string(text)
}

// A kubeconfig may name an auth provider, which client-go knows only where it has been linked in.
func TestAuthProvidersAreThere(t *testing.T) {
	g := NewWithT(t)
	_, err := rest.HTTPClientFor(&rest.Config{Host: "https://api.example.com", AuthProvider: &api.AuthProviderConfig{
		Name: "oidc", Config: map[string]string{"idp-issuer-url": "https://issuer.example.com", "client-id": "kubernetes"},
	}})
	g.Expect(err).NotTo(HaveOccurred())
}
