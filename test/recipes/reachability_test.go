package recipes_test

import (
	"context"
	"strings"
	"sync"
	"testing"
	"time"

	. "github.com/onsi/gomega"
	"k8s.io/client-go/rest"
	"sigs.k8s.io/controller-runtime/pkg/client"
)

// warnings keeps what the API server warns of.
type warnings struct {
	mu   sync.Mutex
	said []string
}

func (w *warnings) HandleWarningHeaderWithContext(_ context.Context, _ int, _, text string) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.said = append(w.said, text)
}

// The policy warns of a URL that ThingSpace could hardly reach, and refuses none.
func TestReachabilityPolicyWarns(t *testing.T) {
	g, heard := NewWithT(t), &warnings{}
	namespace(t, "reachability")
	for _, o := range objects(t, file(t, "config/samples/reachability/policy.yaml")) {
		g.Expect(apply(t, o)).To(Succeed())
	}
	t.Cleanup(func() {
		for _, o := range objects(t, file(t, "config/samples/reachability/policy.yaml")) {
			g.Expect(set.Client.Delete(context.WithoutCancel(t.Context()), o)).To(Succeed())
		}
	})
	config := rest.CopyConfig(set.Config)
	config.WarningHandlerWithContext = heard
	listening, err := client.New(config, client.Options{})
	g.Expect(err).NotTo(HaveOccurred())
	says := func(url string) string {
		heard.mu.Lock()
		heard.said = nil
		heard.mu.Unlock()
		o := sample(t, "config/samples/fotacallback.yaml", "reachability")
		o.Object["spec"].(map[string]any)["url"] = url
		g.Expect(listening.Create(t.Context(), o, client.DryRunAll)).To(Succeed(), url)
		heard.mu.Lock()
		defer heard.mu.Unlock()
		return strings.Join(heard.said, "\n")
	}
	const host, port = "can hardly reach the host ", "may not accept port "
	g.Eventually(func() string { return says("https://localhost/") }).WithTimeout(30*time.Second).Should(ContainSubstring(host+"localhost"), "the API server takes a moment to know a policy")
	for _, url := range []string{
		"https://LOCALHOST/a", "https://a.localhost/", "https://fota/", "https://fota.iot.svc/", "https://fota.iot.svc.cluster.local/", "https://printer.local", "https://printer.local.",
		"https://a.internal/", "https://10.1.2.3/", "https://192.168.0.1:443/", "https://172.31.0.1/", "https://127.0.0.1/", "https://169.254.169.254/", "https://100.64.0.1/",
		"https://0.0.0.0/", "https://[::1]/", "https://[fe80::1]/", "https://[fd00::1]:443/",
	} {
		g.Expect(says(url)).To(And(ContainSubstring(host), Not(ContainSubstring(port))), url)
	}
	for _, url := range []string{"https://fota.example.com:8443/", "https://fota.example.com:9007/", "https://fota.example.com:28221", "https://[2001:db8::1]:50550/"} {
		g.Expect(says(url)).To(And(ContainSubstring(port), Not(ContainSubstring(host))), url)
	}
	g.Expect(says("https://localhost:8443/")).To(And(ContainSubstring(port), ContainSubstring(host)))
	for _, url := range []string{
		"https://fota.example.com", "https://fota.example.com:443/", "https://fota.example.com:80/", "https://a.example.com:9001", "https://a.example.com:9006", "https://a.example.com:28200/",
		"https://a.example.com:28220/", "https://a.example.com:50551/", "https://a.example.com:50559?local", "https://8.8.8.8/", "https://[2001:db8::1]/", "https://172.32.0.1/",
		"https://local.example.com/.svc", "https://svc.example.com",
	} {
		g.Expect(says(url)).To(BeEmpty(), url)
	}
}
