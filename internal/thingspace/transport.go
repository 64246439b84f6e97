package thingspace

import (
	"bytes"
	"context"
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

// A precondition is good for this long: a request that is not handed to its connection by then is not sent.
const preconditionServes = 5 * time.Second

// ErrPreconditionTooOld means that the call was not sent, or broken off, because its precondition might no longer hold.
var ErrPreconditionTooOld = errors.New("it took too long to send the call after its precondition")

// request is one call, ready to be sent.
type request struct {
	operation    operation
	namespace    string
	account      string
	credentials  Digest
	method, path string
	header       map[string]string
	body         []byte
	precondition Precondition
}

// send sends a request once, when it may leave, and returns the answer whatever its status. written reports whether the request may have been
// handed to a connection. The order is a rule: everything that can wait comes before the precondition, and nothing sends a request again.
func (c *Client) send(ctx context.Context, r request) (a answer, written bool, err error) {
	probes, err := c.mayLeave(r, false)
	if err != nil {
		return answer{}, false, err
	}
	conn, err := c.connect(ctx, r)
	if err != nil {
		return answer{}, false, err
	}
	defer func() { conn.release() }()
	if err := c.pace.wait(ctx, r.namespace, r.credentials); err != nil {
		return answer{}, false, err
	}
	if conn.Err() != nil { // it has ended while the call waited for its place
		another, err := c.connect(ctx, r)
		if err != nil {
			return answer{}, false, err
		}
		conn.release()
		conn = another
	}
	// ThingSpace may have asked to wait, or gone, since this call began to wait for its place.
	if _, err := c.mayLeave(r, probes); err != nil {
		return answer{}, false, err
	}
	left := time.Duration(0)
	if r.precondition != nil {
		began := c.clock.Now()
		if err := r.precondition(ctx); err != nil {
			return answer{}, false, err
		}
		if left = preconditionServes - c.clock.Since(began); left <= 0 {
			return answer{}, false, ErrPreconditionTooOld
		}
	}
	began := c.clock.Now()
	a, written, err = c.exchange(ctx, conn, r, left)
	c.metrics.sent(r.operation, a.status, c.clock.Since(began))
	switch {
	case errors.Is(err, ErrPreconditionTooOld):
		return answer{}, written, err
	case err != nil && ctx.Err() != nil:
		return answer{}, written, ctx.Err()
	case !written && !conn.dials(): // a connection that has just ended says nothing about ThingSpace
	default:
		c.circuit.outcome(r.namespace, r.account, a, r.operation.signsIn())
	}
	if err == nil && a.throttled() {
		c.pauses.set(r.credentials, a.retryAfter(retryAfterUnsaid))
	}
	return a, written, err
}

// connect returns a connection with a place for the request.
func (c *Client) connect(ctx context.Context, r request) (connection, error) {
	began := c.clock.Now()
	conn, err := c.connector.connect(ctx)
	switch {
	case err == nil:
		return conn, nil
	case ctx.Err() != nil:
		return nil, ctx.Err()
	}
	c.metrics.sent(r.operation, 0, c.clock.Since(began))
	c.circuit.outcome(r.namespace, r.account, answer{}, r.operation.signsIn())
	return nil, &UnavailableError{Cause: c.cause(err)}
}

// mayLeave reports whether a call may leave as far as ThingSpace is concerned, and whether it is the one that finds out if ThingSpace is back.
func (c *Client) mayLeave(r request, probes bool) (bool, error) {
	if err := c.pauses.check(r.credentials); err != nil {
		return false, err
	}
	if probes {
		return true, nil
	}
	return c.circuit.admit(r.namespace, r.account)
}

// exchange makes one HTTP request within the time-out. Where it has a precondition, it has to be handed over in the time that is left of that. An answer
// whose body can't be read keeps its status.
func (c *Client) exchange(ctx context.Context, conn connection, r request, left time.Duration) (a answer, written bool, err error) {
	ctx, cancel := context.WithTimeout(ctx, c.timeout)
	defer cancel()
	handedOver := func() bool { return true }
	if r.precondition != nil && !conn.dials() {
		limited, breakOff := context.WithCancelCause(ctx)
		ctx, handedOver = limited, time.AfterFunc(left, func() { breakOff(ErrPreconditionTooOld) }).Stop
		defer breakOff(nil)
	}
	var begun atomic.Bool
	ctx = httptrace.WithClientTrace(ctx, &httptrace.ClientTrace{
		GotConn:          func(httptrace.GotConnInfo) { begun.Store(true) },
		WroteHeaderField: func(string, []string) { begun.Store(true) },
		WroteHeaders:     func() { handedOver() },
	})

	req, err := http.NewRequestWithContext(ctx, r.method, c.base+r.path, bytes.NewReader(r.body))
	if err != nil {
		return answer{}, false, unexpected("a request that can't be built")
	}
	for name, value := range r.header {
		req.Header[name] = []string{value} // as ThingSpace writes it: Set would change VZ-M2M-Token's letter case
	}
	req.Header.Set("User-Agent", c.userAgent)
	resp, err := conn.RoundTrip(req) // follows no redirect, which would carry credentials to whoever it names
	if err != nil {
		// Where it was broken off, the connection may be about to write it.
		written = begun.Load() || ctx.Err() != nil && !conn.dials()
		if cause := context.Cause(ctx); errors.Is(cause, ErrPreconditionTooOld) {
			return answer{}, written, cause
		}
		if !written && !conn.dials() {
			return answer{}, false, &UnavailableError{Cause: "the connection ended before the call was sent"}
		}
		return answer{}, written, &UnavailableError{Cause: c.cause(err)}
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
