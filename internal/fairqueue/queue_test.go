package fairqueue_test

import (
	"fmt"
	"strings"
	"sync"
	"testing"
	"time"

	. "github.com/onsi/gomega"
	"k8s.io/client-go/util/workqueue"
	"k8s.io/utils/clock"
	clocktesting "k8s.io/utils/clock/testing"
	"sigs.k8s.io/controller-runtime/pkg/controller/priorityqueue"
	"sigs.k8s.io/controller-runtime/pkg/metrics"

	"github.com/fota-callback-operator/fota-callback-operator/internal/fairqueue"
)

func newQueue(t *testing.T, name string) (*fairqueue.Queue[string], *clocktesting.FakeClock) {
	t.Helper()
	clk := clocktesting.NewFakeClock(time.Now())
	q := fairqueue.New(fairqueue.Options[string]{
		Name: name, Workers: 4, Clock: clk, NamespaceOf: func(key string) string { return strings.Split(key, "/")[0] },
		RateLimiter: workqueue.NewTypedItemExponentialFailureRateLimiter[string](time.Second, time.Minute),
	})
	t.Cleanup(q.ShutDown)
	return q, clk
}

func TestHandsOutWithPriority(t *testing.T) {
	g := NewWithT(t)
	q, _ := newQueue(t, "")
	q.AddWithOpts(priorityqueue.AddOpts{Priority: new(-100)}, "a/1", "a/2")
	q.Add("a/3")
	g.Expect(q.Len()).To(Equal(3))
	key, priority, shutdown := q.GetWithPriority()
	g.Expect([]any{key, priority, shutdown}).To(Equal([]any{"a/3", 0, false}))
	key, priority, shutdown = q.GetWithPriority()
	g.Expect([]any{key, priority, shutdown}).To(Equal([]any{"a/1", -100, false}))
	g.Expect(q.Len()).To(Equal(1))
}

func TestWhoWaitsIsWoken(t *testing.T) {
	for name, wake := range map[string]func(q *fairqueue.Queue[string], clk *clocktesting.FakeClock){
		"by work":         func(q *fairqueue.Queue[string], _ *clocktesting.FakeClock) { q.Add("a/4") },
		"by its time":     func(_ *fairqueue.Queue[string], clk *clocktesting.FakeClock) { clk.Step(5 * time.Second) },
		"by another end":  func(q *fairqueue.Queue[string], _ *clocktesting.FakeClock) { q.Done("a/1") },
		"by the shutdown": func(q *fairqueue.Queue[string], _ *clocktesting.FakeClock) { q.ShutDown() },
	} {
		t.Run(name, func(t *testing.T) {
			g := NewWithT(t)
			q, clk := newQueue(t, "")
			q.Add("a/1")
			_, _ = q.Get()
			q.Add("a/1") // not before it is done
			q.AddAfter("a/5", 5*time.Second)
			woken := make(chan string)
			go func() {
				key, shutdown := q.Get()
				woken <- fmt.Sprint(key, shutdown)
			}()
			g.Consistently(woken, "50ms").ShouldNot(Receive())
			wake(q, clk)
			g.Eventually(woken).Should(Receive(Equal(map[string]string{
				"by work": "a/4false", "by its time": "a/5false", "by another end": "a/1false", "by the shutdown": "true",
			}[name])))
		})
	}
}

func TestTheRateLimiterDelays(t *testing.T) {
	g := NewWithT(t)
	q, clk := newQueue(t, "")
	for n := range 3 {
		q.AddRateLimited("a/1")
		g.Expect(q.NumRequeues("a/1")).To(Equal(n + 1))
		g.Expect(q.Len()).To(BeZero())
		clk.Step(time.Second<<n - 1)
		g.Expect(q.Len()).To(BeZero())
		clk.Step(1)
		g.Eventually(q.Len).Should(Equal(1))
		key, _ := q.Get()
		q.Done(key)
	}
	q.Forget("a/1")
	g.Expect(q.NumRequeues("a/1")).To(BeZero())
	q.AddWithOpts(priorityqueue.AddOpts{RateLimited: true, After: time.Millisecond}, "a/1")
	clk.Step(time.Millisecond)
	g.Eventually(q.Len).Should(Equal(1), "the shorter one counts")
}

func TestAfterTheShutdown(t *testing.T) {
	g := NewWithT(t)
	q, _ := newQueue(t, "")
	q.Add("a/1")
	q.AddAfter("a/2", time.Second)
	q.ShutDownWithDrain()
	g.Expect(q.ShuttingDown()).To(BeTrue())
	q.Add("b/1")
	key, shutdown := q.Get()
	g.Expect(fmt.Sprint(key, shutdown)).To(Equal("true"))
	g.Expect(q.Len()).To(Equal(1))
}

// Alerts and the dashboard read them.
func TestItHasTheMetricsOfEveryQueue(t *testing.T) {
	g := NewWithT(t)
	name := fmt.Sprint("tested at ", time.Now().UnixNano()) // the registry is the process's
	q, clk := newQueue(t, name)
	q.AddWithOpts(priorityqueue.AddOpts{Priority: new(-100)}, "a/1", "a/2", "a/3")
	q.AddAfter("a/4", time.Hour)
	q.Add("a/3")
	g.Eventually(clk.Waiters).Should(Equal(2), "for the delayed, and to report")
	clk.Step(2 * time.Second)
	_, _ = q.Get()
	key, _ := q.Get()
	clk.Step(3 * time.Second)
	q.Done(key)
	shown := func() map[string]float64 {
		families, err := metrics.Registry.Gather()
		g.Expect(err).NotTo(HaveOccurred())
		shown := map[string]float64{}
		for _, family := range families {
			for _, m := range family.GetMetric() {
				of, more := "", ""
				for _, label := range m.GetLabel() {
					switch label.GetName() {
					case "name":
						of = label.GetValue()
					case "priority":
						more = label.GetValue()
					}
				}
				if of == name {
					shown[family.GetName()+more] = m.GetGauge().GetValue() + m.GetCounter().GetValue() + m.GetHistogram().GetSampleSum()
				}
			}
		}
		return shown
	}
	g.Eventually(shown).Should(Equal(map[string]float64{
		"workqueue_depth0": 0, "workqueue_depth-100": 1, "workqueue_adds_total": 3, "workqueue_retries_total": 1,
		"workqueue_queue_duration_seconds": 4, "workqueue_work_duration_seconds": 3,
		"workqueue_unfinished_work_seconds": 3, "workqueue_longest_running_processor_seconds": 3,
	}))
}

// Everything that is added is worked on, never twice at once, with many at it.
func TestManyWorkers(t *testing.T) {
	g := NewWithT(t)
	q := fairqueue.New(fairqueue.Options[string]{
		Workers: 8, Clock: clock.RealClock{}, NamespaceOf: func(key string) string { return key[:1] },
		RateLimiter: workqueue.NewTypedItemExponentialFailureRateLimiter[string](time.Millisecond, time.Millisecond),
	})
	var mu sync.Mutex
	worked, at := map[string]int{}, map[string]bool{}
	var workers sync.WaitGroup
	for range 8 {
		workers.Go(func() {
			for {
				key, shutdown := q.Get()
				if shutdown {
					return
				}
				mu.Lock()
				if at[key] {
					t.Errorf("%s is worked on twice at once", key)
				}
				at[key] = true
				worked[key]++
				again := worked[key] < 20
				mu.Unlock()
				if again {
					q.AddRateLimited(key)
				}
				mu.Lock()
				at[key] = false
				mu.Unlock()
				q.Done(key)
			}
		})
	}
	for n := range 300 {
		q.Add(fmt.Sprintf("%c/%d", 'a'+n%3, n))
	}
	g.Eventually(func() (all int) {
		mu.Lock()
		defer mu.Unlock()
		for _, times := range worked {
			all += times
		}
		return all
	}).WithTimeout(20 * time.Second).Should(Equal(300 * 20))
	q.ShutDown()
	workers.Wait()
}
