package thingspace

import (
	"context"
	"maps"
	"sync"
	"time"

	"golang.org/x/time/rate"
	"k8s.io/utils/clock"

	"github.com/fota-callback-operator/fota-callback-operator/internal/turns"
)

// pace is a token bucket over all calls, on an injected clock. Those who wait for a place take turns, by namespace and then by credentials.
type pace struct {
	limiter *rate.Limiter
	clock   clock.Clock

	mu      sync.Mutex
	waiting turns.Queue[chan struct{}]
	// serving says that serve runs.
	serving bool
}

func newPace(qps float64, burst int, clk clock.Clock) *pace {
	limit := rate.Limit(qps)
	if qps <= 0 {
		limit = rate.Inf
	}
	return &pace{limiter: rate.NewLimiter(limit, burst), clock: clk}
}

// wait returns when there is a place for one call, or with the context's error.
func (p *pace) wait(ctx context.Context, namespace string, credentials Digest) error {
	if err := ctx.Err(); err != nil {
		return err
	}
	p.mu.Lock()
	if p.waiting.Len() == 0 && !p.serving && p.limiter.AllowN(p.clock.Now(), 1) {
		p.mu.Unlock()
		return nil
	}
	turn := make(chan struct{})
	place := p.waiting.Push(turn, namespace, string(credentials[:]))
	if !p.serving {
		p.serving = true
		go p.serve()
	}
	p.mu.Unlock()
	select {
	case <-turn:
		return nil
	case <-ctx.Done():
		p.mu.Lock()
		defer p.mu.Unlock()
		select {
		case <-turn: // too late: it is lost
		default:
			p.waiting.Remove(place)
		}
		return ctx.Err()
	}
}

// serve gives places to those who wait, one as each becomes free. The last is lost where all have left.
func (p *pace) serve() {
	for more := true; more; {
		now := p.clock.Now()
		free := p.clock.NewTimer(p.limiter.ReserveN(now, 1).DelayFrom(now))
		<-free.C()
		p.mu.Lock()
		if turn, ok := p.waiting.Pop(nil); ok {
			close(turn)
		}
		more = p.waiting.Len() > 0
		p.serving = more
		p.mu.Unlock()
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
