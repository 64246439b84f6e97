package thingspace

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"io"
	"log"
	"math/big"
	"net"
	"net/http"
	"net/http/httptest"
	"net/url"
	"sync/atomic"
	"testing"
	"time"

	. "github.com/onsi/gomega"
)

// authority is a CA of a test.
type authority struct {
	certificate *x509.Certificate
	key         *ecdsa.PrivateKey
}

func newAuthority(g Gomega, name string) authority {
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	g.Expect(err).NotTo(HaveOccurred())
	template := &x509.Certificate{
		SerialNumber: big.NewInt(1), Subject: pkix.Name{CommonName: name}, NotBefore: time.Now().Add(-time.Hour), NotAfter: time.Now().Add(time.Hour),
		IsCA: true, BasicConstraintsValid: true, KeyUsage: x509.KeyUsageCertSign,
	}
	der, err := x509.CreateCertificate(rand.Reader, template, template, &key.PublicKey, key)
	g.Expect(err).NotTo(HaveOccurred())
	certificate, err := x509.ParseCertificate(der)
	g.Expect(err).NotTo(HaveOccurred())
	return authority{certificate, key}
}

func (a authority) pool() *x509.CertPool {
	pool := x509.NewCertPool()
	pool.AddCert(a.certificate)
	return pool
}

// serve serves TLS with a certificate of the authority's, for some names or addresses, until it ends.
func (a authority) serve(t *testing.T, notAfter time.Time, names []string, addresses ...net.IP) *httptest.Server {
	t.Helper()
	g := NewWithT(t)
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	g.Expect(err).NotTo(HaveOccurred())
	der, err := x509.CreateCertificate(rand.Reader, &x509.Certificate{
		SerialNumber: big.NewInt(2), NotBefore: time.Now().Add(-time.Hour), NotAfter: notAfter, DNSNames: names, IPAddresses: addresses,
		ExtKeyUsage: []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth},
	}, a.certificate, &key.PublicKey, a.key)
	g.Expect(err).NotTo(HaveOccurred())
	server := httptest.NewUnstartedServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.Method == http.MethodConnect { // as a proxy: everything is this server
			passOn(w, r)
			return
		}
		io.WriteString(w, "ok") //nolint:errcheck // of a test
	}))
	server.TLS = &tls.Config{Certificates: []tls.Certificate{{Certificate: [][]byte{der}, PrivateKey: key}}, MinVersion: tls.VersionTLS12}
	server.EnableHTTP2 = a.certificate.Subject.CommonName != proxies // CONNECT takes over the connection
	server.Config.ErrorLog = log.New(io.Discard, "", 0)              // handshakes fail on purpose
	server.StartTLS()
	t.Cleanup(server.Close)
	return server
}

const proxies = "proxies"

func passOn(w http.ResponseWriter, r *http.Request) {
	near, _, err := http.NewResponseController(w).Hijack()
	if err != nil {
		return
	}
	far, err := (&net.Dialer{}).DialContext(r.Context(), "tcp", r.Host)
	if err == nil {
		_, err = io.WriteString(near, "HTTP/1.1 200 Connection established\r\n\r\n")
	}
	if err != nil {
		near.Close() //nolint:errcheck // of a test
		return
	}
	go func() { io.Copy(far, near); far.Close() }() //nolint:errcheck // of a test
	io.Copy(near, far)                              //nolint:errcheck // of a test
	near.Close()                                    //nolint:errcheck // of a test
}

// A certificate that is not trusted, is for another name or address, or is over, is refused before a rotation as after it.
func TestRootsCanBeReplaced(t *testing.T) {
	g := NewWithT(t)
	loopback, later := net.IPv4(127, 0, 0, 1), time.Now().Add(time.Hour)
	old, next := newAuthority(g, "old"), newAuthority(g, "next")
	var trusted atomic.Pointer[x509.CertPool]
	trusted.Store(old.pool())
	pools := map[string]*connections{}
	poolOf := func(raw string) *connections {
		base, err := url.Parse(raw)
		g.Expect(err).NotTo(HaveOccurred())
		if pools[base.Host] == nil {
			pools[base.Host] = newConnections(base, trusted.Load, 5*time.Second)
		}
		return pools[base.Host]
	}
	get := func(url string) error {
		conn, err := poolOf(url).connect(t.Context())
		if err != nil {
			return err
		}
		defer conn.release()
		request, err := http.NewRequestWithContext(t.Context(), http.MethodGet, url, nil)
		g.Expect(err).NotTo(HaveOccurred())
		answer, err := conn.RoundTrip(request)
		if err != nil {
			return err
		}
		_, err = io.Copy(io.Discard, answer.Body)
		g.Expect(answer.Body.Close()).To(Succeed())
		return err
	}
	refusedFor := func(server *httptest.Server, host, why string) {
		t.Helper()
		err := get("https://" + net.JoinHostPort(host, port(server)))
		g.Expect(err).To(HaveOccurred())
		g.Expect((&Client{}).cause(err)).To(Equal(why))
	}
	refused := func(server *httptest.Server, host string) {
		t.Helper()
		refusedFor(server, host, "its certificate is not trusted")
	}
	byOld, byNext := old.serve(t, later, []string{"localhost"}, loopback), next.serve(t, later, []string{"localhost"}, loopback)
	for range 2 { // the second time on connections that are there
		for _, host := range []string{"localhost", "127.0.0.1"} {
			g.Expect(get("https://" + net.JoinHostPort(host, port(byOld)))).To(Succeed())
			refused(byNext, host)
		}
	}
	for _, a := range []authority{old, next} {
		trusted.Store(a.pool())
		const another = "its certificate is for another host"
		refusedFor(a.serve(t, later, []string{"another.example.com"}, loopback), "localhost", another)
		refusedFor(a.serve(t, later, []string{"localhost"}, net.IPv4(127, 0, 0, 2)), "127.0.0.1", another)
		refusedFor(a.serve(t, later, nil), "127.0.0.1", another)
		refusedFor(a.serve(t, time.Now().Add(-time.Minute), []string{"localhost"}, loopback), "localhost", "its certificate has expired, or is not valid yet")
	}
	for _, host := range []string{"localhost", "127.0.0.1"} {
		g.Expect(get("https://" + net.JoinHostPort(host, port(byNext)))).To(Succeed())
		refused(byOld, host) // not even on a connection from before the rotation
	}

	// Through a proxy that speaks TLS itself, both of the two certificates are judged by the new roots and by their own names.
	ofProxies := newAuthority(g, proxies)
	byProxy := ofProxies.serve(t, later, []string{"localhost"})
	both := next.pool()
	both.AddCert(ofProxies.certificate)
	proxy := func(pool *x509.CertPool, host string) error {
		trusted.Store(pool)
		poolOf(byNext.URL).trusting(pool).Proxy = http.ProxyURL(&url.URL{Scheme: "https", Host: net.JoinHostPort(host, port(byProxy))})
		return get(byNext.URL)
	}
	g.Expect(proxy(both, "localhost")).To(Succeed())
	refused(byOld, "127.0.0.1")
	g.Expect((&Client{}).cause(proxy(next.pool(), "localhost"))).To(Equal("the certificate of the proxy (HTTPS_PROXY) is not trusted"))
	g.Expect((&Client{}).cause(proxy(both, "127.0.0.1"))).To(Equal("the certificate of the proxy (HTTPS_PROXY) is for another host"))
	g.Expect((&Client{}).cause(proxy(ofProxies.pool(), "localhost"))).To(Equal("its certificate is not trusted"))
}

func port(server *httptest.Server) string {
	_, port, err := net.SplitHostPort(server.Listener.Addr().String())
	if err != nil {
		panic(err)
	}
	return port
}

func TestRootsThatStayKeepTheirConnections(t *testing.T) {
	g := NewWithT(t)
	a := newAuthority(g, "a")
	pool := a.pool()
	base, err := url.Parse(a.serve(t, time.Now().Add(time.Hour), nil, net.IPv4(127, 0, 0, 1)).URL)
	g.Expect(err).NotTo(HaveOccurred())
	p := newConnections(base, func() *x509.CertPool { return pool }, 5*time.Second)
	for range 3 {
		conn, err := p.connect(t.Context())
		g.Expect(err).NotTo(HaveOccurred())
		conn.release()
		g.Expect(p.open).To(HaveLen(1))
	}
	pool = a.pool()
	conn, err := p.connect(t.Context())
	g.Expect(err).NotTo(HaveOccurred())
	defer conn.release()
	g.Expect(p.open).To(HaveLen(1), "the one from before is closed")
}
