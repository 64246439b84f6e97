package thingspace

import (
	"crypto/x509"
	"net/http"
	"sync"
)

// rotating is a transport whose roots can be replaced. A connection trusts what was trusted when it was opened, so each set of roots has a
// transport of its own: what was connected by the old roots serves no new call, and nothing about verification is done by hand.
type rotating struct {
	roots func() *x509.CertPool

	mu      sync.Mutex
	trusted *x509.CertPool
	current *http.Transport
}

func newRotating(roots func() *x509.CertPool) *rotating {
	if roots == nil {
		roots = func() *x509.CertPool { return nil }
	}
	trusted := roots()
	return &rotating{roots: roots, trusted: trusted, current: newTransport(trusted)}
}

// RoundTrip implements http.RoundTripper.
func (r *rotating) RoundTrip(request *http.Request) (*http.Response, error) {
	return r.transport().RoundTrip(request)
}

// CloseIdleConnections implements what http.Client.CloseIdleConnections asks for.
func (r *rotating) CloseIdleConnections() { r.transport().CloseIdleConnections() }

func (r *rotating) transport() *http.Transport {
	r.mu.Lock()
	defer r.mu.Unlock()
	trusted := r.roots() // in the lock: an answer from before the last change must not bring the old roots back
	if trusted != r.trusted {
		r.current.CloseIdleConnections() // calls under way end on their connections, which then are idle and time out
		r.trusted, r.current = trusted, newTransport(trusted)
	}
	return r.current
}
