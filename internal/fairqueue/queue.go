package fairqueue

import (
	"sync"
	"time"

	"k8s.io/client-go/util/workqueue"
	"k8s.io/utils/clock"
	"k8s.io/utils/ptr"
	"sigs.k8s.io/controller-runtime/pkg/controller/priorityqueue"
)

// Options are what a Queue works with.
type Options[T comparable] struct {
	// Name stands in its metrics; without one it has none.
	Name string
	// Workers is how many work on what it hands out.
	Workers int
	// NamespaceOf says whose work it is.
	NamespaceOf func(T) string
	// RateLimiter says how long AddRateLimited waits.
	RateLimiter workqueue.TypedRateLimiter[T]
	// Clock is the real one, or a test's.
	Clock clock.WithTicker
}

// Queue is a priorityqueue.PriorityQueue. It is safe for concurrent use.
type Queue[T comparable] struct {
	limiter workqueue.TypedRateLimiter[T]
	clock   clock.WithTicker

	mu       sync.Mutex
	changed  *sync.Cond
	order    *order[T]
	metrics  *queueMetrics[T]
	shutDown bool
	done     chan struct{}
	// sooner is told when something is ready before all that is delayed.
	sooner chan struct{}
}

var _ priorityqueue.PriorityQueue[string] = &Queue[string]{}

// New returns a Queue that holds nothing. It runs until it is shut down.
func New[T comparable](options Options[T]) *Queue[T] {
	q := &Queue[T]{
		limiter: options.RateLimiter, clock: options.Clock,
		order:   newOrder(options.Workers, options.NamespaceOf),
		metrics: newQueueMetrics[T](options.Name, options.Clock),
		done:    make(chan struct{}), sooner: make(chan struct{}, 1),
	}
	q.changed = sync.NewCond(&q.mu)
	go q.keepTime()
	go q.reportUnfinished()
	return q
}

// AddWithOpts adds work, once for each key.
func (q *Queue[T]) AddWithOpts(o priorityqueue.AddOpts, keys ...T) {
	q.mu.Lock()
	defer q.mu.Unlock()
	if q.shutDown {
		return
	}
	now, priority := q.clock.Now(), ptr.Deref(o.Priority, 0)
	first, _ := q.order.nextDelayed()
	for _, key := range keys {
		after := o.After
		if o.RateLimited {
			if limited := q.limiter.When(key); after == 0 || limited < after {
				after = limited
			}
		}
		var readyAt time.Time
		if after > 0 {
			readyAt = now.Add(after)
			q.metrics.retried()
		}
		ready, raisedFrom := q.order.add(key, priority, readyAt)
		if ready {
			q.isReady(q.order.items[key])
		}
		if raisedFrom != nil {
			q.metrics.raised(*raisedFrom, priority)
		}
	}
	if at, ok := q.order.nextDelayed(); ok && !at.Equal(first) {
		select {
		case q.sooner <- struct{}{}:
		default: // it is on its way
		}
	}
}

// isReady wakes somebody who works on it.
func (q *Queue[T]) isReady(it *item[T]) {
	q.metrics.ready(it.key, it.priority)
	q.changed.Signal()
}

// keepTime makes the delayed work ready when its time comes.
func (q *Queue[T]) keepTime() {
	for {
		q.mu.Lock()
		now := q.clock.Now()
		for _, it := range q.order.promote(now) {
			q.isReady(it)
		}
		at, ok := q.order.nextDelayed()
		q.mu.Unlock()
		var due <-chan time.Time
		stop := func() bool { return true }
		if ok {
			timer := q.clock.NewTimer(at.Sub(now))
			due, stop = timer.C(), timer.Stop
		}
		select {
		case <-q.done:
			stop()
			return
		case <-q.sooner:
		case <-due:
		}
		stop()
	}
}

// GetWithPriority waits for work and hands it out. Done must be called for it.
func (q *Queue[T]) GetWithPriority() (key T, priority int, shutdown bool) {
	q.mu.Lock()
	defer q.mu.Unlock()
	for !q.shutDown {
		if it, ok := q.order.next(); ok {
			q.metrics.begun(it.key, it.priority)
			return it.key, it.priority, false
		}
		q.changed.Wait()
	}
	return key, 0, true
}

// Done ends the work on what was handed out.
func (q *Queue[T]) Done(key T) {
	q.mu.Lock()
	defer q.mu.Unlock()
	q.order.done(key)
	q.metrics.ended(key)
	q.changed.Signal()
}

// Len is how much is ready.
func (q *Queue[T]) Len() int {
	q.mu.Lock()
	defer q.mu.Unlock()
	return q.order.length()
}

// ShutDown lets everybody who waits for work go, and takes none any more.
func (q *Queue[T]) ShutDown() {
	q.mu.Lock()
	defer q.mu.Unlock()
	if q.shutDown {
		return
	}
	q.shutDown = true
	close(q.done)
	q.changed.Broadcast()
}

// ShutDownWithDrain is ShutDown: controllers use nothing else.
func (q *Queue[T]) ShutDownWithDrain() { q.ShutDown() }

// ShuttingDown reports whether it was shut down.
func (q *Queue[T]) ShuttingDown() bool {
	q.mu.Lock()
	defer q.mu.Unlock()
	return q.shutDown
}

// Add adds work that is ready.
func (q *Queue[T]) Add(key T) { q.AddWithOpts(priorityqueue.AddOpts{}, key) }

// AddAfter adds work that is ready after a while.
func (q *Queue[T]) AddAfter(key T, after time.Duration) {
	q.AddWithOpts(priorityqueue.AddOpts{After: after}, key)
}

// AddRateLimited adds work that is ready when the rate limiter says.
func (q *Queue[T]) AddRateLimited(key T) {
	q.AddWithOpts(priorityqueue.AddOpts{RateLimited: true}, key)
}

// Get is GetWithPriority without the priority.
func (q *Queue[T]) Get() (key T, shutdown bool) {
	key, _, shutdown = q.GetWithPriority()
	return key, shutdown
}

// Forget ends a key's backoff.
func (q *Queue[T]) Forget(key T) { q.limiter.Forget(key) }

// NumRequeues is how often a key has been added with the rate limiter's delay.
func (q *Queue[T]) NumRequeues(key T) int { return q.limiter.NumRequeues(key) }
