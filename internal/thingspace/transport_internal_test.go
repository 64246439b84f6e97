package thingspace

import (
	"context"
	"crypto/x509"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
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
	transport := newTransport(roots)
	defer transport.CloseIdleConnections()
	g.Expect(transport.HTTP2.SendPingTimeout).To(Equal(connectionQuiet))
	g.Expect(transport.HTTP2.PingTimeout).To(Equal(connectionAnswers))
	transport.HTTP2.SendPingTimeout, transport.HTTP2.PingTimeout = 20*time.Millisecond, 2*time.Second // nobody waits for a test

	client := &http.Client{Transport: transport, Timeout: time.Second}
	call := func() (string, error) {
		request, err := http.NewRequestWithContext(t.Context(), http.MethodGet, "https://"+listener.Addr().String(), nil)
		if err != nil {
			return "", err
		}
		response, err := client.Do(request)
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
