package main

import (
	"bytes"
	"context"
	"crypto/x509"
	"encoding/pem"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/go-logr/logr"
	. "github.com/onsi/gomega"
	"github.com/onsi/gomega/gbytes"
	"k8s.io/utils/clock"
	clocktesting "k8s.io/utils/clock/testing"

	"github.com/fota-callback-operator/fota-callback-operator/internal/logins/loginstest"
	"github.com/fota-callback-operator/fota-callback-operator/internal/thingspace"
)

// mounted is a bundle as the kubelet mounts it: the file is a link through a link, and a change replaces the second one.
type mounted struct {
	t    *testing.T
	path string
	dir  string
	n    int
}

func mount(t *testing.T, content []byte) *mounted {
	t.Helper()
	dir := t.TempDir()
	m := &mounted{t: t, dir: dir, path: filepath.Join(dir, "ca.crt")}
	m.change(content)
	NewWithT(t).Expect(os.Symlink(filepath.Join("..data", "ca.crt"), m.path)).To(Succeed())
	return m
}

func (m *mounted) change(content []byte) {
	m.t.Helper()
	g := NewWithT(m.t)
	m.n++
	folder := filepath.Join(m.dir, ".."+strings.Repeat("x", m.n))
	g.Expect(os.Mkdir(folder, 0o700)).To(Succeed())
	g.Expect(os.WriteFile(filepath.Join(folder, "ca.crt"), content, 0o600)).To(Succeed())
	next := filepath.Join(m.dir, "..next")
	g.Expect(os.Symlink(folder, next)).To(Succeed())
	g.Expect(os.Rename(next, filepath.Join(m.dir, "..data"))).To(Succeed())
}

func pemOf(server *httptest.Server) []byte {
	return pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: server.Certificate().Raw})
}

// otherCertificate is one that has signed nothing that these tests meet.
func otherCertificate(t *testing.T) []byte {
	t.Helper()
	pool, err := os.ReadFile(filepath.Join("testdata", "other-ca.pem"))
	NewWithT(t).Expect(err).NotTo(HaveOccurred())
	return pool
}

func TestBundlesThatAreRefused(t *testing.T) {
	server := httptest.NewTLSServer(http.NotFoundHandler())
	defer server.Close()
	good := pemOf(server)
	for name, c := range map[string]struct {
		content []byte
		why     string
	}{
		"empty":            {nil, "holds no PEM certificate"},
		"text":             {[]byte("no certificate"), "holds no PEM certificate"},
		"DER":              {server.Certificate().Raw, "holds no PEM certificate"},
		"a key":            {pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: []byte("s3cret")}), "holds no PEM certificate"},
		"cut off":          {append(bytes.Clone(good), good[:len(good)/2]...), "is damaged: of 2 certificates that begin only 1"},
		"cut off at once":  {good[:len(good)/2], "is damaged: of 1 certificates that begin only 0"},
		"no certificate":   {append(bytes.Clone(good), pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: []byte("x")})...), "number 2"},
		"far too long":     {append(bytes.Clone(good), bytes.Repeat([]byte(" "), bundleSize)...), "is longer than"},
		"a bundle, spoilt": {bytes.ReplaceAll(good, []byte("END"), []byte("XND")), "is damaged"},
	} {
		t.Run(name, func(t *testing.T) {
			_, err := newAuthorities(mount(t, c.content).path, clock.RealClock{}, logr.Discard())
			NewWithT(t).Expect(err).To(MatchError(And(HavePrefix("--thingspace-ca-file: "), ContainSubstring(c.why), Not(ContainSubstring("s3cret")))))
		})
	}
	for name, path := range map[string]string{"missing": filepath.Join(t.TempDir(), "ca.pem"), "a folder": t.TempDir()} {
		t.Run(name, func(t *testing.T) {
			_, err := newAuthorities(path, clock.RealClock{}, logr.Discard())
			NewWithT(t).Expect(err).To(MatchError(And(HavePrefix("--thingspace-ca-file: "), ContainSubstring(path))))
		})
	}
}

func TestWithoutABundleTheSystemIsTrusted(t *testing.T) {
	g := NewWithT(t)
	a, err := newAuthorities("", clock.RealClock{}, logr.Discard())
	g.Expect(err).NotTo(HaveOccurred())
	g.Expect(a.roots()).To(BeNil())
	g.Expect(a.Start(t.Context())).To(Succeed(), "there is nothing to wait for")
	g.Expect(a.NeedLeaderElection()).To(BeFalse())
}

// someone is where the credentials of a user are kept.
type someone struct{}

// Get implements thingspace.CredentialsSource.
func (someone) Get(context.Context, time.Duration) (thingspace.Credentials, error) {
	return thingspace.Credentials{ClientID: "i", ClientSecret: "s", Username: "u", Password: "p"}, nil
}

// A Secret or ConfigMap that is mounted is replaced while the operator runs: calls that failed by the certificate go through, without a restart, and
// what is no bundle changes nothing.
func TestABundleThatChanges(t *testing.T) {
	g := NewWithT(t)
	server := httptest.NewTLSServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(http.StatusServiceUnavailable) }))
	defer server.Close()
	server.Config.ErrorLog = nil
	m := mount(t, otherCertificate(t))
	fake := clocktesting.NewFakeClock(time.Now())
	log := gbytes.NewBuffer()
	o, err := parseOptions(nil, nothingSet, nil)
	g.Expect(err).NotTo(HaveOccurred())
	a, err := newAuthorities(m.path, fake, newLogger(o.zap, log))
	g.Expect(err).NotTo(HaveOccurred())
	ctx, stop := context.WithCancel(t.Context())
	ended := make(chan error, 1)
	go func() { ended <- a.Start(ctx) }()
	g.Eventually(fake.HasWaiters).Should(BeTrue())

	record, _ := loginstest.NewStore(clock.RealClock{})
	client, err := thingspace.New(thingspace.Config{Logins: record, BaseURL: server.URL, RootCAs: a.roots, Timeout: 5 * time.Second, Clock: clock.RealClock{}})
	g.Expect(err).NotTo(HaveOccurred())
	list := func() string {
		_, err := client.List(t.Context(), thingspace.Caller{Account: "A-1", Credentials: someone{}})
		return err.Error()
	}
	const untrusted, answered = "its certificate is not trusted", "HTTP 503"
	g.Expect(list()).To(ContainSubstring(untrusted))

	m.change(pemOf(server))
	fake.Step(bundleReadEvery)
	g.Eventually(log).Should(gbytes.Say("has changed; new connections"))
	g.Expect(list()).To(ContainSubstring(answered))

	for _, spoilt := range []string{"no certificate", ""} {
		m.change([]byte(spoilt))
		fake.Step(bundleReadEvery)
		g.Eventually(log).Should(gbytes.Say("has changed, and can't be used.*holds no PEM certificate"))
		g.Expect(list()).To(ContainSubstring(answered))
	}
	g.Expect(os.Remove(m.path)).To(Succeed())
	fake.Step(bundleReadEvery)
	g.Eventually(log).Should(gbytes.Say("can't be read again.*no such file"))
	a.readAgain() // the same again is not told again
	g.Expect(bytes.Count(log.Contents(), []byte("can't be read again"))).To(Equal(1))
	g.Expect(list()).To(ContainSubstring(answered))

	g.Expect(os.WriteFile(m.path, otherCertificate(t), 0o600)).To(Succeed())
	fake.Step(bundleReadEvery)
	g.Eventually(log).Should(gbytes.Say("has changed; new connections"))
	g.Expect(list()).To(ContainSubstring(untrusted), "what is taken out is trusted no more, on connections that are there either")
	stop()
	g.Eventually(ended).Should(Receive(BeNil()))
}

func TestRootsOfTheSystemStayTrusted(t *testing.T) {
	g := NewWithT(t)
	system, err := x509.SystemCertPool()
	g.Expect(err).NotTo(HaveOccurred())
	a, err := newAuthorities(mount(t, otherCertificate(t)).path, clock.RealClock{}, logr.Discard())
	g.Expect(err).NotTo(HaveOccurred())
	system.AppendCertsFromPEM(otherCertificate(t))
	g.Expect(a.roots().Equal(system)).To(BeTrue())
}
