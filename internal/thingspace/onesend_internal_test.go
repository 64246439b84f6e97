package thingspace

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"
	"time"

	. "github.com/onsi/gomega"
	"golang.org/x/net/http2"
	clocktesting "k8s.io/utils/clock/testing"

	"github.com/fota-callback-operator/fota-callback-operator/internal/simulator"
)

var simulated = Caller{Account: "0000123456-00001", Credentials: unchanging{
	ClientID: simulator.DefaultClientID, ClientSecret: simulator.DefaultClientSecret, Username: simulator.DefaultUsername, Password: simulator.DefaultPassword,
}}

// wired is a client that reaches a simulated ThingSpace over real connections.
type wired struct {
	*Client
	far    *simulator.Simulator
	clock  *clocktesting.FakeClock
	server *httptest.Server
	roots  *x509.CertPool
}

func wire(t *testing.T, base func(certificate tls.Certificate, far http.Handler) string) *wired {
	t.Helper()
	w := &wired{clock: clocktesting.NewFakeClock(time.Now()), roots: x509.NewCertPool()}
	w.far = simulator.New(simulator.Options{Clock: w.clock})
	w.server = httptest.NewUnstartedServer(w.far)
	w.server.StartTLS()
	t.Cleanup(w.server.Close)
	w.roots.AddCert(w.server.Certificate())
	url := w.server.URL
	if base != nil {
		url = "https://" + base(w.server.TLS.Certificates[0], w.far)
	}
	var err error
	w.Client, err = New(Config{Logins: alwaysAllowed{}, BaseURL: url + "/api", Timeout: 5 * time.Second, Clock: w.clock, RootCAs: func() *x509.CertPool { return w.roots }})
	NewWithT(t).Expect(err).NotTo(HaveOccurred())
	return w
}

func (w *wired) pool() *connections { return w.connector.(*connections) }

func (w *wired) list(t *testing.T) error {
	t.Helper()
	_, err := w.List(t.Context(), simulated)
	return err
}

// turnAway are the ways of an HTTP/2 peer to say that a request may be sent again.
var turnAway = map[string]func(framer *http2.Framer, stream uint32) error{
	"REFUSED_STREAM": func(framer *http2.Framer, stream uint32) error {
		return framer.WriteRSTStream(stream, http2.ErrCodeRefusedStream)
	},
	"GOAWAY": func(framer *http2.Framer, stream uint32) error {
		return framer.WriteGoAway(max(stream, 2)-2, http2.ErrCodeNo, nil)
	},
}

// Nothing sends a request again by itself: each login, each call and each precondition is one request at the peer.
func TestOneRequestWhateverThePeerSays(t *testing.T) {
	for way, turnsAway := range turnAway {
		for _, path := range []string{"oauth2/token", "session/login", "callbacks/" + simulated.Account} {
			t.Run(way+" "+path, func(t *testing.T) {
				g, peer := NewWithT(t), &h2Peer{}
				w := wire(t, func(certificate tls.Certificate, far http.Handler) string {
					peer.handler = far
					return peer.listen(t, certificate)
				})
				peer.set(func(framer *http2.Framer, stream uint32, r *http.Request) bool {
					return strings.HasSuffix(r.URL.Path, path) && turnsAway(framer, stream) == nil
				})
				preconditions := 0
				register := func() error {
					_, err := w.Register(t.Context(), simulated, someURL, func(context.Context) error { preconditions++; return nil })
					return err
				}
				var unavailable *UnavailableError
				g.Expect(register()).To(BeAssignableToTypeOf(unavailable))
				count := 0
				for _, request := range peer.seen() {
					if strings.HasSuffix(request, path) {
						count++
					}
				}
				g.Expect(count).To(Equal(1), "%s", peer.seen())
				g.Expect(preconditions).To(Equal(map[bool]int{true: 1, false: 0}[strings.HasPrefix(path, "callbacks")]))

				peer.set(nil)
				w.clock.Step(time.Minute) // for another login
				g.Eventually(register).Should(Succeed())
				g.Expect(w.far.Registered(simulated.Account)).To(Equal(someURL))
			})
		}
	}
}

// A connection that ended while nobody used it is replaced, and costs nobody a call.
func TestAnIdleConnectionThatHasEnded(t *testing.T) {
	g, w := NewWithT(t), wire(t, nil)
	g.Expect(w.list(t)).To(Succeed())
	old := w.pool().open[0]
	w.server.CloseClientConnections()
	g.Eventually(old.Err).Should(HaveOccurred())
	g.Expect(w.list(t)).To(Succeed())
	g.Expect(w.far.Count("list")).To(Equal(2))
	g.Expect(w.pool().open).To(HaveLen(1))
	g.Expect(w.pool().open[0]).NotTo(BeIdenticalTo(old))
}

// What was not handed to a connection is known not to have been sent: a login keeps its place.
func TestAConnectionThatEndsDuringThePrecondition(t *testing.T) {
	g, w := NewWithT(t), wire(t, nil)
	g.Expect(w.list(t)).To(Succeed())
	ends := func(context.Context) error {
		connection := w.pool().open[0]
		w.server.CloseClientConnections()
		g.Eventually(connection.Err).Should(HaveOccurred())
		return nil
	}
	_, written, err := w.send(t.Context(), request{method: http.MethodDelete, path: "/x", precondition: ends})
	g.Expect(err).To(Equal(&UnavailableError{Cause: "the connection ended before the call was sent"}))
	g.Expect(written).To(BeFalse())
	g.Expect(w.circuit.failures).To(BeZero(), "it says nothing about ThingSpace")

	_, written, err = w.send(t.Context(), request{method: http.MethodDelete, path: "/x"})
	g.Expect(err).NotTo(HaveOccurred())
	g.Expect(written).To(BeTrue())
}

// A connection that ends while the call waits for its place in the rate limit is replaced before the precondition.
func TestAConnectionThatEndsInLine(t *testing.T) {
	g, w := NewWithT(t), wire(t, nil)
	g.Expect(w.list(t)).To(Succeed())
	w.pace = newPace(1, 1, w.clock)
	g.Expect(w.list(t)).To(Succeed())
	var call sync.WaitGroup
	call.Go(func() { g.Expect(w.list(t)).To(Succeed()) })
	g.Eventually(w.Waiting).Should(Equal(1))
	old := w.pool().open[0]
	w.server.CloseClientConnections()
	g.Eventually(old.Err).Should(HaveOccurred())
	g.Eventually(w.clock.HasWaiters).Should(BeTrue())
	w.clock.Step(time.Second)
	call.Wait()
	g.Expect(w.far.Count("list")).To(Equal(3))
}

// Dialling never falls between a precondition and its request.
func TestThePreconditionComesAfterASlowDial(t *testing.T) {
	g, w := NewWithT(t), wire(t, nil)
	g.Expect(w.list(t)).To(Succeed())
	old := w.pool().open[0]
	w.server.CloseClientConnections()
	g.Eventually(old.Err).Should(HaveOccurred())
	var order []string
	dial := w.pool().transport.DialContext
	w.pool().transport.DialContext = func(ctx context.Context, network, address string) (net.Conn, error) {
		w.clock.Step(8 * time.Second)
		order = append(order, "dial")
		return dial(ctx, network, address)
	}
	g.Expect(w.Deregister(t.Context(), simulated, func(context.Context) error {
		order = append(order, "precondition")
		g.Expect(w.far.Count("deregister")).To(BeZero())
		return nil
	})).To(Succeed())
	g.Expect(order).To(Equal([]string{"dial", "precondition"}))
	g.Expect(w.far.Count("deregister")).To(Equal(1))
}

func TestAPreconditionThatTookTooLong(t *testing.T) {
	g, w := NewWithT(t), wire(t, nil)
	after := func(took time.Duration) error {
		return w.Deregister(t.Context(), simulated, func(context.Context) error { w.clock.Step(took); return nil })
	}
	g.Expect(after(preconditionServes)).To(MatchError(ErrPreconditionTooOld))
	g.Expect(w.far.Count("deregister")).To(BeZero())
	g.Expect(after(preconditionServes - time.Second)).To(Succeed())
}

// A peer that has lowered how many requests it takes at once holds up who has a place already: not past the precondition's time.
func TestARequestThatCanNotBeHandedOver(t *testing.T) {
	g, peer := NewWithT(t), &h2Peer{}
	w := wire(t, func(certificate tls.Certificate, far http.Handler) string {
		peer.handler = far
		return peer.listen(t, certificate)
	})
	g.Expect(w.list(t)).To(Succeed())
	framers := make(chan *http2.Framer, 1)
	peer.set(func(f *http2.Framer, _ uint32, r *http.Request) bool {
		if r.Method == http.MethodGet {
			framers <- f
			return true // for ever
		}
		return false
	})
	ctx, giveUp := context.WithCancel(t.Context())
	var hangs sync.WaitGroup
	hangs.Go(func() { w.List(ctx, simulated) }) //nolint:errcheck // it is given up
	framer := <-framers
	err := w.Deregister(t.Context(), simulated, func(context.Context) error {
		g.Expect(framer.WriteSettings(http2.Setting{ID: http2.SettingMaxConcurrentStreams, Val: 1})).To(Succeed())
		g.Eventually(w.pool().open[0].Available).Should(BeZero())
		w.clock.Step(preconditionServes - 100*time.Millisecond)
		return nil
	})
	g.Expect(err).To(MatchError(ErrPreconditionTooOld))
	giveUp()
	hangs.Wait()
	g.Expect(peer.seen()).To(Equal([]string{"GET /api/fota/v3/callbacks/" + simulated.Account}))
}

func TestRootsMayChange(t *testing.T) {
	g, w := NewWithT(t), wire(t, nil)
	right := w.roots
	w.roots = x509.NewCertPool()
	g.Expect(w.list(t)).To(Equal(&UnavailableError{Cause: "its certificate is not trusted"}))
	w.roots = right
	g.Expect(w.list(t)).To(Succeed())
}

func TestHowManyConnections(t *testing.T) {
	const calls = idleConnections + 8
	g, w := NewWithT(t), wire(t, nil)
	var held []connection
	for range calls {
		connection, err := w.pool().connect(t.Context())
		g.Expect(err).NotTo(HaveOccurred())
		held = append(held, connection)
	}
	open := func() int {
		w.pool().mu.Lock()
		defer w.pool().mu.Unlock()
		return len(w.pool().open)
	}
	g.Expect(open()).To(Equal(calls), "HTTP/1.1 takes one call each")
	w.pool().idleFor = time.Hour
	for _, connection := range held[:calls-1] {
		connection.release()
	}
	g.Eventually(open).Should(Equal(idleConnections + 1))
	w.pool().idleFor = 0
	held[calls-1].release()
	g.Eventually(open).Should(Equal(idleConnections))
}
