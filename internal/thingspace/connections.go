package thingspace

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"net"
	"net/http"
	"net/url"
	"slices"
	"sync"
	"time"
)

const (
	// A connection that is quiet for so long is asked whether it lives, and is closed where it does not
	// answer in time.
	connectionQuiet   = 15 * time.Second
	connectionAnswers = 5 * time.Second
	// A connection without a call is closed after so long, and at once where so many others have none.
	connectionIdle  = 90 * time.Second
	idleConnections = 64
)

// connection is where one request may be sent: it has a place for it. release is called once, after the
// RoundTrip or instead of it.
type connection interface {
	http.RoundTripper
	// Err says why the connection serves no more.
	Err() error
	// dials reports whether RoundTrip may fail before there is a connection to anybody.
	dials() bool
	release()
}

// connector returns a connection, which it may have to dial.
type connector interface {
	connect(ctx context.Context) (connection, error)
}

func newConnector(config Config) (connector, error) {
	if config.Transport != nil {
		return &always{config.Transport}, nil
	}
	base, err := url.Parse(config.BaseURL)
	if err != nil {
		return nil, err
	}
	roots := config.RootCAs
	if roots == nil {
		roots = func() *x509.CertPool { return nil }
	}
	return newConnections(base, roots, config.Timeout), nil
}

// always stands in for connections, in tests.
type always struct{ http.RoundTripper }

func (a *always) connect(context.Context) (connection, error) { return a, nil }
func (*always) Err() error                                    { return nil }
func (*always) dials() bool                                   { return true }
func (*always) release()                                      {}

// connections are those to one host: as many as there are calls at once, and some that wait for the next.
// http.Transport dials them, but sends nothing: it would send a request again by itself where a connection
// has died, or an HTTP/2 peer has refused a stream or gone away.
type connections struct {
	scheme, address string
	roots           func() *x509.CertPool
	// dialFor is what dialling may take, and idleFor how long a connection waits for its next call.
	dialFor, idleFor time.Duration

	mu        sync.Mutex
	transport *http.Transport
	open      []*pooled
}

// pooled is one of them; over HTTP/2 it carries several requests at once.
type pooled struct {
	*http.ClientConn
	// roots are those that were trusted when it was dialled.
	roots *x509.CertPool
	idle  *time.Timer
}

func newConnections(base *url.URL, roots func() *x509.CertPool, dialFor time.Duration) *connections {
	port := base.Port()
	if port == "" {
		port = map[string]string{"https": "443", "http": "80"}[base.Scheme]
	}
	return &connections{
		scheme: base.Scheme, address: net.JoinHostPort(base.Hostname(), port),
		roots: roots, dialFor: dialFor, idleFor: connectionIdle, transport: newTransport(base, roots()),
	}
}

func newTransport(base *url.URL, roots *x509.CertPool) *http.Transport {
	return &http.Transport{
		// NewClientConn asks with a URL that has no port, which NO_PROXY may name.
		Proxy:                  func(*http.Request) (*url.URL, error) { return http.ProxyFromEnvironment(&http.Request{URL: base}) },
		OnProxyConnectResponse: refusedByProxy,
		DialContext:            (&net.Dialer{Timeout: 10 * time.Second, KeepAlive: 30 * time.Second}).DialContext,
		TLSClientConfig:        &tls.Config{RootCAs: roots, MinVersion: tls.VersionTLS12},
		TLSHandshakeTimeout:    10 * time.Second,
		ForceAttemptHTTP2:      true,
		// All calls may share one connection. Where that has died without a word, no call on it would be
		// answered again: it has to be found out.
		HTTP2:                  &http.HTTP2Config{SendPingTimeout: connectionQuiet, PingTimeout: connectionAnswers},
		IdleConnTimeout:        connectionIdle,
		MaxResponseHeaderBytes: 64 << 10,
		// A compressed answer could grow beyond any bound, and answers are small.
		DisableCompression: true,
	}
}

// connect takes a place on an open connection, or dials one.
func (p *connections) connect(ctx context.Context) (connection, error) {
	roots := p.roots()
	if c := p.reserve(roots); c != nil {
		return &place{pool: p, pooled: c}, nil
	}
	ctx, cancel := context.WithTimeout(ctx, p.dialFor)
	defer cancel()
	dialled, err := p.trusting(roots).NewClientConn(ctx, p.scheme, p.address)
	if err != nil {
		return nil, err
	}
	if err := dialled.Reserve(); err != nil {
		return nil, errors.Join(err, dialled.Close())
	}
	c := &pooled{ClientConn: dialled, roots: roots}
	c.idle = time.AfterFunc(p.idleFor, func() { p.closeIdle(c) })
	p.mu.Lock()
	defer p.mu.Unlock()
	p.open = append(p.open, c)
	return &place{pool: p, pooled: c}, nil
}

// reserve takes a place on the first open connection that has one, and drops those that have ended and
// those that trust other roots than these.
func (p *connections) reserve(roots *x509.CertPool) (reserved *pooled) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.open = slices.DeleteFunc(p.open, func(c *pooled) bool {
		if reserved != nil {
			return false
		}
		if c.roots == roots && c.Reserve() == nil {
			reserved = c
			return false
		}
		ended := c.Err() != nil || c.InFlight() == 0 // it has no place although nobody has one
		if ended {
			go c.Close() //nolint:errcheck // nobody uses it
		}
		return ended
	})
	return reserved
}

// trusting returns a transport that dials with these roots.
func (p *connections) trusting(roots *x509.CertPool) *http.Transport {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.transport.TLSClientConfig.RootCAs != roots {
		p.transport = p.transport.Clone()
		p.transport.TLSClientConfig.RootCAs = roots
	}
	return p.transport
}

// rest lets a connection wait for its next call.
func (p *connections) rest(c *pooled) {
	p.mu.Lock()
	defer p.mu.Unlock()
	waiting := 0
	for _, other := range p.open {
		if other.InFlight() == 0 {
			waiting++
		}
	}
	if waiting > idleConnections {
		c.idle.Reset(0)
		return
	}
	c.idle.Reset(p.idleFor)
}

func (p *connections) closeIdle(c *pooled) {
	p.mu.Lock()
	if c.InFlight() > 0 { // its last call lets it rest again
		p.mu.Unlock()
		return
	}
	p.open = slices.DeleteFunc(p.open, func(other *pooled) bool { return other == c })
	p.mu.Unlock()
	c.Close() //nolint:errcheck,gosec // nobody uses it
}

// place is for one request on a connection.
type place struct {
	pool *connections
	*pooled
	used bool
}

func (*place) dials() bool { return false }

func (c *place) RoundTrip(request *http.Request) (*http.Response, error) {
	c.used = true
	return c.ClientConn.RoundTrip(request)
}

func (c *place) release() {
	if !c.used {
		c.Release()
	}
	c.pool.rest(c.pooled)
}
