package thingspace

import (
	"bytes"
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"io"
	"net"
	"net/http"
	"net/http/httptrace"
	"sync/atomic"
	"time"
)

// No answer of the wire table comes near this.
const maxBody = 64 << 10

// A connection that is quiet for so long is asked whether it lives, and is closed where it does not answer in time.
const (
	connectionQuiet   = 15 * time.Second
	connectionAnswers = 5 * time.Second
)

func newTransport(roots *x509.CertPool) *http.Transport {
	return &http.Transport{
		Proxy:                  http.ProxyFromEnvironment,
		OnProxyConnectResponse: refusedByProxy,
		DialContext:            (&net.Dialer{Timeout: 10 * time.Second, KeepAlive: 30 * time.Second}).DialContext,
		TLSClientConfig:        &tls.Config{RootCAs: roots, MinVersion: tls.VersionTLS12},
		TLSHandshakeTimeout:    10 * time.Second,
		ForceAttemptHTTP2:      true,
		// All calls may share one connection. Where that has died without a word, no call on it would be answered again: it has to be found out.
		HTTP2:                  &http.HTTP2Config{SendPingTimeout: connectionQuiet, PingTimeout: connectionAnswers},
		MaxIdleConnsPerHost:    64,
		IdleConnTimeout:        90 * time.Second,
		MaxResponseHeaderBytes: 64 << 10,
		// A compressed answer could grow beyond any bound, and answers are small.
		DisableCompression: true,
	}
}

// request is one call, ready to be sent.
type request struct {
	operation    operation
	account      string
	credentials  Digest
	method, path string
	header       map[string]string
	body         []byte
	precondition Precondition
	namespace    string
}

// send sends a request once, when it may leave, and returns the answer whatever its status. written says whether any of it may have reached
// ThingSpace. The order is a rule: everything that can wait comes before the precondition.
func (c *Client) send(ctx context.Context, r request) (a answer, written bool, err error) {
	probes, err := c.mayLeave(r, false)
	if err != nil {
		return answer{}, false, err
	}
	if err := c.pace.wait(ctx); err != nil {
		return answer{}, false, err
	}
	// ThingSpace may have asked to wait, or gone, since this call began to wait for its place.
	if _, err := c.mayLeave(r, probes); err != nil {
		return answer{}, false, err
	}
	if r.precondition != nil {
		if err := r.precondition(ctx); err != nil {
			return answer{}, false, err
		}
	}
	began := c.clock.Now()
	a, written, err = c.exchange(ctx, r)
	c.metrics.sent(r.operation, a.status, c.clock.Since(began))
	switch {
	case err != nil && ctx.Err() != nil:
		return answer{}, written, ctx.Err()
	case a.status == 0 || a.status >= 500:
		c.circuit.failed(r.account, a.retryAfter(0))
	default:
		c.circuit.answered()
	}
	if err == nil && a.throttled() {
		c.pauses.set(r.credentials, a.retryAfter(retryAfterUnsaid))
	}
	return a, written, err
}

// mayLeave says whether a call may leave as far as ThingSpace is concerned, and whether it is the one that finds out if ThingSpace is back.
func (c *Client) mayLeave(r request, probes bool) (bool, error) {
	if err := c.pauses.check(r.credentials); err != nil {
		return false, err
	}
	if probes {
		return true, nil
	}
	return c.circuit.admit(r.account)
}

// exchange makes one HTTP request within the time-out. An answer whose body can't be read keeps its status.
func (c *Client) exchange(ctx context.Context, r request) (a answer, written bool, err error) {
	ctx, cancel := context.WithTimeout(ctx, c.timeout)
	defer cancel()
	var connected atomic.Bool
	ctx = httptrace.WithClientTrace(ctx, &httptrace.ClientTrace{GotConn: func(httptrace.GotConnInfo) { connected.Store(true) }})

	req, err := http.NewRequestWithContext(ctx, r.method, c.base+r.path, bytes.NewReader(r.body))
	if err != nil {
		return answer{}, false, unexpected("a request that can't be built")
	}
	for name, value := range r.header {
		req.Header[name] = []string{value} // as ThingSpace writes it: Set would change VZ-M2M-Token's letter case
	}
	req.Header.Set("User-Agent", c.userAgent)
	resp, err := c.http.Do(req)
	if err != nil {
		return answer{}, connected.Load(), &UnavailableError{Cause: c.cause(err)}
	}
	defer resp.Body.Close() //nolint:errcheck // it has been read as far as it counts
	a = answer{status: resp.StatusCode, header: resp.Header, at: c.clock.Now()}
	a.body, err = io.ReadAll(io.LimitReader(resp.Body, maxBody+1))
	var timeout net.Error
	switch {
	case resp.StatusCode == http.StatusTooManyRequests || resp.StatusCode >= http.StatusInternalServerError:
		return a, true, nil // status and header say all
	case errors.As(err, &timeout) && timeout.Timeout(), errors.Is(err, context.DeadlineExceeded):
		return answer{}, true, &UnavailableError{Cause: c.cause(err)}
	case err != nil:
		return a, true, unexpected("a body that was cut off")
	case len(a.body) > maxBody:
		return a, true, unexpected("a body of more than %d bytes", maxBody)
	}
	return a, true, nil
}
