package thingspace

import (
	"context"
	"crypto/x509"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"net/url"
	"sync/atomic"
	"testing"
	"time"

	. "github.com/onsi/gomega"
)

// quietPipe passes connections on, until all that there are by then fall silent for ever, as where a firewall has forgotten them.
type quietPipe struct {
	net.Listener
	to     string
	silent atomic.Int64 // connections up to this number are
	count  atomic.Int64
}

func (p *quietPipe) serve(ctx context.Context) {
	for {
		near, err := p.Accept()
		if err != nil {
			return
		}
		far, err := (&net.Dialer{}).DialContext(ctx, "tcp", p.to)
		if err != nil {
			near.Close() //nolint:errcheck // of a test
			return
		}
		number := p.count.Add(1)
		for _, way := range [][2]net.Conn{{near, far}, {far, near}} {
			go p.pass(number, way[0], way[1])
		}
	}
}

func (p *quietPipe) pass(number int64, from io.Reader, to io.Writer) {
	buffer := make([]byte, 4096)
	for {
		n, err := from.Read(buffer)
		if err != nil {
			return
		}
		if number > p.silent.Load() {
			to.Write(buffer[:n]) //nolint:errcheck // of a test
		}
	}
}

// A connection that has died without a word is found out. All calls share one, and each would wait on it until its time-out.
func TestADeadConnectionIsReplaced(t *testing.T) {
	g := NewWithT(t)
	server := httptest.NewUnstartedServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) { io.WriteString(w, r.Proto) })) //nolint:errcheck // of a test
	server.EnableHTTP2 = true
	server.StartTLS()
	defer server.Close()
	listener, err := (&net.ListenConfig{}).Listen(t.Context(), "tcp", "127.0.0.1:0")
	g.Expect(err).NotTo(HaveOccurred())
	defer listener.Close() //nolint:errcheck // of a test
	pipe := &quietPipe{Listener: listener, to: server.Listener.Addr().String()}
	go pipe.serve(t.Context())

	roots := x509.NewCertPool()
	roots.AddCert(server.Certificate())
	base := &url.URL{Scheme: "https", Host: listener.Addr().String()}
	connections := newConnections(base, func() *x509.CertPool { return roots }, time.Second)
	ping := connections.transport.HTTP2
	g.Expect(ping.SendPingTimeout).To(Equal(connectionQuiet))
	g.Expect(ping.PingTimeout).To(Equal(connectionAnswers))
	ping.SendPingTimeout, ping.PingTimeout = 20*time.Millisecond, 2*time.Second // nobody waits for a test

	call := func() (string, error) {
		ctx, cancel := context.WithTimeout(t.Context(), time.Second)
		defer cancel()
		connection, err := connections.connect(ctx)
		if err != nil {
			return "", err
		}
		defer connection.release()
		request, err := http.NewRequestWithContext(ctx, http.MethodGet, base.String(), nil)
		if err != nil {
			return "", err
		}
		response, err := connection.RoundTrip(request)
		if err != nil {
			return "", err
		}
		defer response.Body.Close() //nolint:errcheck // of a test
		body, err := io.ReadAll(response.Body)
		return string(body), err
	}
	g.Expect(call()).To(Equal("HTTP/2.0"))
	g.Expect(call()).To(Equal("HTTP/2.0"))
	g.Expect(pipe.count.Load()).To(BeEquivalentTo(1), "all calls share one connection")
	pipe.silent.Store(1)
	g.Eventually(call).WithTimeout(20 * time.Second).Should(Equal("HTTP/2.0"))
	g.Expect(pipe.count.Load()).To(BeNumerically(">", 1))
}
