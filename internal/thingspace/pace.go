package thingspace

import (
	"context"
	"maps"
	"sync"
	"time"

	"golang.org/x/time/rate"
	"k8s.io/utils/clock"
)

// pace is a token bucket over all calls, on an injected clock.
type pace struct {
	limiter *rate.Limiter
	clock   clock.Clock
}

func newPace(qps float64, burst int, clk clock.Clock) *pace {
	limit := rate.Limit(qps)
	if qps <= 0 {
		limit = rate.Inf
	}
	return &pace{limiter: rate.NewLimiter(limit, burst), clock: clk}
}

// wait returns when there is a place for one call, or with the context's error.
func (p *pace) wait(ctx context.Context) error {
	now := p.clock.Now()
	place := p.limiter.ReserveN(now, 1)
	delay := place.DelayFrom(now)
	if delay <= 0 {
		return ctx.Err()
	}
	timer := p.clock.NewTimer(delay)
	defer timer.Stop()
	select {
	case <-timer.C():
		return nil
	case <-ctx.Done():
		place.CancelAt(p.clock.Now())
		return ctx.Err()
	}
}

// pauses are the credentials that ThingSpace asked to wait, and until when.
type pauses struct {
	clock clock.PassiveClock
	mu    sync.Mutex
	until map[Digest]time.Time
}

func newPauses(clk clock.PassiveClock) *pauses {
	return &pauses{clock: clk, until: map[Digest]time.Time{}}
}

func (p *pauses) set(credentials Digest, wait time.Duration) {
	p.mu.Lock()
	defer p.mu.Unlock()
	now := p.clock.Now()
	maps.DeleteFunc(p.until, func(_ Digest, until time.Time) bool { return !until.After(now) })
	if until := now.Add(wait); until.After(p.until[credentials]) {
		p.until[credentials] = until
	}
}

// check returns a *RateLimitedError while the credentials have to wait.
func (p *pauses) check(credentials Digest) error {
	p.mu.Lock()
	defer p.mu.Unlock()
	until, ok := p.until[credentials]
	if !ok {
		return nil
	}
	left := until.Sub(p.clock.Now())
	if left <= 0 {
		return nil
	}
	return &RateLimitedError{RetryAfter: max(left, retryAfterLeast)}
}
