package main

import (
	"bufio"
	"bytes"
	"context"
	"crypto/tls"
	"crypto/x509"
	"encoding/json"
	"encoding/pem"
	"flag"
	"io"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	. "github.com/onsi/gomega"

	"github.com/fota-callback-operator/fota-callback-operator/internal/simulator"
)

// text is a buffer that may be read while it is written.
type text struct {
	mu sync.Mutex
	b  bytes.Buffer
}

func (t *text) Write(p []byte) (int, error) {
	t.mu.Lock()
	defer t.mu.Unlock()
	return t.b.Write(p)
}

func (t *text) String() string {
	t.mu.Lock()
	defer t.mu.Unlock()
	return t.b.String()
}

// serve runs the command until the test ends or stop is called, which gives its error.
func serve(t *testing.T, args ...string) (base string, requestLog *text, stop func() error) {
	t.Helper()
	requestLog = &text{}
	ctx, cancel := context.WithCancel(t.Context())
	reader, writer := io.Pipe()
	ended := make(chan error, 1)
	go func() {
		err := run(ctx, append([]string{"--listen=127.0.0.1:0"}, args...), writer, requestLog)
		_ = writer.Close()
		ended <- err
	}()
	stop = sync.OnceValue(func() error {
		cancel()
		return <-ended
	})
	t.Cleanup(func() { _ = stop() })
	line, err := bufio.NewReader(reader).ReadString('\n')
	NewWithT(t).Expect(err).NotTo(HaveOccurred(), "it ends before it says where it listens")
	_, base, _ = strings.Cut(strings.TrimSpace(line), " at ")
	return base, requestLog, stop
}

func askToken(t *testing.T, client *http.Client, base, id, secret string) (int, error) {
	t.Helper()
	request, err := http.NewRequestWithContext(t.Context(), http.MethodPost, base+"/ts/v1/oauth2/token", strings.NewReader("grant_type=client_credentials"))
	NewWithT(t).Expect(err).NotTo(HaveOccurred())
	request.SetBasicAuth(id, secret)
	request.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	response, err := client.Do(request)
	if err != nil {
		return 0, err
	}
	return response.StatusCode, response.Body.Close()
}

func trusting(t *testing.T, file string) *http.Client {
	t.Helper()
	bundle, err := os.ReadFile(file)
	g := NewWithT(t)
	g.Expect(err).NotTo(HaveOccurred())
	roots := x509.NewCertPool()
	g.Expect(roots.AppendCertsFromPEM(bundle)).To(BeTrue())
	transport := &http.Transport{TLSClientConfig: &tls.Config{RootCAs: roots, MinVersion: tls.VersionTLS12}}
	t.Cleanup(transport.CloseIdleConnections)
	return &http.Client{Transport: transport}
}

func TestHTTPWithItsOwnCredentialsAndBasePath(t *testing.T) {
	g := NewWithT(t)
	base, requestLog, _ := serve(t, "--base-path=/other/", "--client-id=k", "--client-secret=canary", "--log-requests")
	g.Expect(base).To(MatchRegexp(`^http://127\.0\.0\.1:\d+/other$`))
	g.Expect(askToken(t, http.DefaultClient, base, "k", "canary")).To(Equal(200))
	g.Expect(askToken(t, http.DefaultClient, base, simulator.DefaultClientID, simulator.DefaultClientSecret)).To(Equal(401))
	lines := strings.Split(strings.TrimSpace(requestLog.String()), "\n")
	g.Expect(lines).To(HaveLen(2))
	var logged simulator.Request
	g.Expect(json.Unmarshal([]byte(lines[1]), &logged)).To(Succeed())
	g.Expect(logged.Operation).To(Equal("token"))
	g.Expect(logged.Status).To(Equal(401))
	g.Expect(requestLog.String()).NotTo(ContainSubstring("canary"))
}

func TestSelfSigned(t *testing.T) {
	g := NewWithT(t)
	ca := filepath.Join(t.TempDir(), "ca.pem")
	base, requestLog, _ := serve(t, "--tls-self-signed", "--tls-ca-out="+ca, "--tls-hosts=thingspace.iot.svc, 192.0.2.7")
	g.Expect(base).To(HavePrefix("https://127.0.0.1:"))
	client := trusting(t, ca)
	g.Expect(askToken(t, client, base, simulator.DefaultClientID, simulator.DefaultClientSecret)).To(Equal(200))
	g.Expect(requestLog.String()).To(BeEmpty(), "nobody asked for a log")

	_, err := askToken(t, &http.Client{Transport: &http.Transport{}}, base, "k", "s")
	g.Expect(err).To(MatchError(ContainSubstring("unknown authority")))
	config := client.Transport.(*http.Transport).TLSClientConfig
	for host, wanted := range map[string]bool{"localhost": true, "thingspace.iot.svc": true, "192.0.2.7": true, "elsewhere.example": false} {
		named := config.Clone()
		named.ServerName = host
		address := strings.TrimSuffix(strings.TrimPrefix(base, "https://"), "/api")
		connection, err := (&tls.Dialer{Config: named}).DialContext(t.Context(), "tcp", address)
		g.Expect(err == nil).To(Equal(wanted), host)
		if err == nil {
			g.Expect(connection.Close()).To(Succeed())
		}
	}
}

func TestCertificateFromFiles(t *testing.T) {
	g, dir := NewWithT(t), t.TempDir()
	cert, key, ca := filepath.Join(dir, "tls.crt"), filepath.Join(dir, "tls.key"), filepath.Join(dir, "ca.pem")
	pair, err := selfSigned(ca, nil)
	g.Expect(err).NotTo(HaveOccurred())
	keyDER, err := x509.MarshalPKCS8PrivateKey(pair.PrivateKey)
	g.Expect(err).NotTo(HaveOccurred())
	for file, block := range map[string]*pem.Block{
		cert: {Type: "CERTIFICATE", Bytes: pair.Certificate[0]}, key: {Type: "PRIVATE KEY", Bytes: keyDER},
	} {
		g.Expect(os.WriteFile(file, pem.EncodeToMemory(block), 0o600)).To(Succeed())
	}
	base, _, _ := serve(t, "--tls-cert="+cert, "--tls-key="+key)
	g.Expect(askToken(t, trusting(t, ca), base, simulator.DefaultClientID, simulator.DefaultClientSecret)).To(Equal(200))
}

func TestStopsAlthoughARequestHangs(t *testing.T) {
	g := NewWithT(t)
	base, _, stop := serve(t)
	post, err := http.NewRequestWithContext(t.Context(), http.MethodPost, strings.TrimSuffix(base, "/api")+"/simulator/faults", strings.NewReader(`{"hang":true}`))
	g.Expect(err).NotTo(HaveOccurred())
	response, err := http.DefaultClient.Do(post)
	g.Expect(err).NotTo(HaveOccurred())
	g.Expect(response.Body.Close()).To(Succeed())
	hung := make(chan error, 1)
	go func() {
		_, err := askToken(t, http.DefaultClient, base, "k", "s")
		hung <- err
	}()
	counts := func() string {
		request, err := http.NewRequestWithContext(t.Context(), http.MethodGet, strings.TrimSuffix(base, "/api")+"/simulator/counts", http.NoBody)
		if err != nil {
			return err.Error()
		}
		response, err := http.DefaultClient.Do(request)
		if err != nil {
			return err.Error()
		}
		defer response.Body.Close() //nolint:errcheck // read to the end
		body, _ := io.ReadAll(response.Body)
		return string(body)
	}
	g.Eventually(counts).Should(ContainSubstring(`"token": 1`))
	begun := time.Now()
	g.Expect(stop()).To(Succeed())
	g.Expect(time.Since(begun)).To(BeNumerically("<", 4*time.Second), "not by running into the limit")
	g.Expect(<-hung).To(HaveOccurred())
	_, err = (&net.Dialer{}).DialContext(t.Context(), "tcp", strings.TrimSuffix(strings.TrimPrefix(base, "http://"), "/api"))
	g.Expect(err).To(HaveOccurred())
}

func TestFlagsThatMakeNoSense(t *testing.T) {
	for message, args := range map[string][]string{
		"go together: nobody":       {"--tls-self-signed"},
		"--tls-key go together":     {"--tls-cert=x"},
		"choose one":                {"--tls-cert=x", "--tls-key=y", "--tls-self-signed", "--tls-ca-out=z"},
		"give that, too":            {"--tls-hosts=x"},
		"no such file":              {"--tls-cert=/nowhere", "--tls-key=/nowhere"},
		`no way "x"`:                {"--nothing=x"},
		`no answer "x"`:             {"--session-refusal=x"},
		`"x"; there are`:            {"--normalize=host-case,x"},
		"200, 400 or 404, not 500":  {"--update-missing=500"},
		"400, 401 or 403, not 500":  {"--login-refusal=500"},
		`only flags, so what is "x`: {"x"},
		"missing port":              {"--listen=x"},
	} {
		g := NewWithT(t)
		err := run(t.Context(), append([]string{"--listen=127.0.0.1:0"}, args...), io.Discard, io.Discard)
		g.Expect(err).To(MatchError(ContainSubstring(message)), "%v", args)
	}
}

func TestFlagsReachTheOptions(t *testing.T) {
	g := NewWithT(t)
	c, err := parse(strings.Fields("--latency=20ms --token-life=2m --session-idle=3m --session-life=4m --single-session --login-refusal=401 "+
		"--bearer-refusal=bare-401 --session-refusal=unauthorized-uws --account-refusal=forbidden-xml --nothing=404 --as-array "+
		"--update-missing=404 --deregister-missing=400 --normalize=host-case,default-port --log-size=7"), io.Discard, io.Discard)
	g.Expect(err).NotTo(HaveOccurred())
	g.Expect(c.options.Normalize("https://H:443/A")).To(Equal("https://h/A"))
	c.options.Normalize = nil
	g.Expect(c.options).To(Equal(simulator.Options{
		BasePath: "/api", ClientID: simulator.DefaultClientID, ClientSecret: simulator.DefaultClientSecret,
		Username: simulator.DefaultUsername, Password: simulator.DefaultPassword,
		Latency: 20 * time.Millisecond, TokenLife: 2 * time.Minute, SessionIdle: 3 * time.Minute, SessionLife: 4 * time.Minute,
		SingleSession: true, LoginRefusal: 401, BearerRefusal: simulator.AnswerBare401, SessionRefusal: simulator.AnswerUnauthorizedUWS,
		AccountRefusal: simulator.AnswerForbiddenXML, Nothing: simulator.Nothing404, AsArray: true,
		UpdateMissing: 404, DeregisterMissing: 400, LogSize: 7,
	}))
}

func TestFlagsThatTurnNothingOn(t *testing.T) {
	g := NewWithT(t)
	c, err := parse([]string{"--log-requests", "--log-requests=false", "--normalize=host-case", "--normalize="}, io.Discard, io.Discard)
	g.Expect(err).NotTo(HaveOccurred())
	g.Expect(c.options.OnRequest).To(BeNil())
	g.Expect(c.options.Normalize).To(BeNil())
	_, err = parse([]string{"--log-requests=x"}, io.Discard, io.Discard)
	g.Expect(err).To(HaveOccurred())
}

func TestHelp(t *testing.T) {
	g := NewWithT(t)
	var out text
	g.Expect(run(t.Context(), []string{"--help"}, &out, io.Discard)).To(MatchError(flag.ErrHelp))
	g.Expect(out.String()).To(And(ContainSubstring("-listen"), ContainSubstring("chunked"), Not(ContainSubstring("ThingSpace simulator at"))))
}

func TestThePageNamesEverything(t *testing.T) {
	g := NewWithT(t)
	page, err := os.ReadFile("../../docs/simulator.md")
	g.Expect(err).NotTo(HaveOccurred())
	for _, answer := range simulator.Answers() {
		g.Expect(string(page)).To(ContainSubstring("`%s`", answer))
	}
	for _, way := range simulator.Nothings() {
		g.Expect(string(page)).To(ContainSubstring("`%s`", way))
	}
	(&command{}).flags(io.Discard).VisitAll(func(f *flag.Flag) { g.Expect(string(page)).To(ContainSubstring("--" + f.Name)) })
}
