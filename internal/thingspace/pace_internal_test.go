package thingspace

import (
	"context"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	. "github.com/onsi/gomega"
	clocktesting "k8s.io/utils/clock/testing"
)

// line is calls that wait for their place in a rate limit of one a second.
type line struct {
	g       *WithT
	clock   *clocktesting.FakeClock
	pace    *pace
	waiting int

	mu   sync.Mutex
	left []string
}

func newLine(t *testing.T) *line {
	t.Helper()
	l := &line{g: NewWithT(t), clock: clocktesting.NewFakeClock(time.Now())}
	l.pace = newPace(1, 1, l.clock)
	l.g.Expect(l.pace.wait(t.Context(), "first", Digest{})).To(Succeed())
	return l
}

func (l *line) length() int {
	l.pace.mu.Lock()
	defer l.pace.mu.Unlock()
	return l.pace.waiting.Len()
}

// join adds a call, named like a/x for namespace and credentials, at the end of the line.
func (l *line) join(ctx context.Context, name string) {
	namespace, credentials, _ := strings.Cut(name, "/")
	var digest Digest
	copy(digest[:], credentials)
	l.waiting++
	go func() {
		err := l.pace.wait(ctx, namespace, digest)
		l.mu.Lock()
		defer l.mu.Unlock()
		if err == nil {
			l.left = append(l.left, name)
		}
	}()
	l.g.Eventually(l.length).Should(Equal(l.waiting))
}

// next is who leaves next.
func (l *line) next() string {
	count := func() int {
		l.mu.Lock()
		defer l.mu.Unlock()
		return len(l.left)
	}
	before := count()
	l.g.Eventually(l.clock.HasWaiters).Should(BeTrue())
	l.clock.Step(time.Second)
	l.waiting--
	l.g.Eventually(count).Should(Equal(before + 1))
	l.g.Expect(l.length()).To(Equal(l.waiting))
	return l.left[before]
}

func TestPlacesInTheRateLimit(t *testing.T) {
	for name, test := range map[string]struct{ calls, leave string }{
		"in order":                   {"a/x a/x a/x", "a/x a/x a/x"},
		"namespaces take turns":      {"a/x a/x a/x b/x b/x", "a/x b/x a/x b/x a/x"},
		"credentials take turns":     {"a/x a/x a/y", "a/x a/y a/x"},
		"first by namespace":         {"a/1 a/2 a/3 b/x b/x b/x", "a/1 b/x a/2 b/x a/3 b/x"},
		"who comes late is not last": {"a/x a/x a/x a/x a/x b/x", "a/x b/x a/x a/x a/x a/x"},
	} {
		t.Run(name, func(t *testing.T) {
			l := newLine(t)
			for call := range strings.FieldsSeq(test.calls) {
				l.join(t.Context(), call)
			}
			for next := range strings.FieldsSeq(test.leave) {
				l.g.Expect(l.next()).To(Equal(next))
			}
		})
	}
}

// Ten thousand waiting calls of one tenant delay another's by one turn.
func TestOneTenantDoesNotFillTheLine(t *testing.T) {
	l := newLine(t)
	for n := range 10_000 {
		l.pace.waiting.Push(make(chan struct{}), "busy", strconv.Itoa(n))
	}
	l.waiting = 10_000
	l.join(t.Context(), "quiet/x")
	l.clock.Step(time.Second)
	l.g.Eventually(l.clock.HasWaiters).Should(BeTrue())
	l.clock.Step(time.Second)
	l.g.Eventually(func() []string {
		l.mu.Lock()
		defer l.mu.Unlock()
		return l.left
	}).Should(Equal([]string{"quiet/x"}))
}

func TestWhoGivesUpLeavesTheLine(t *testing.T) {
	l := newLine(t)
	ctx, giveUp := context.WithCancel(t.Context())
	l.join(ctx, "a/x")
	l.join(t.Context(), "a/y")
	giveUp()
	l.waiting--
	l.g.Eventually(l.length).Should(Equal(1))
	l.g.Expect(l.next()).To(Equal("a/y"))

	ctx, giveUp = context.WithCancel(t.Context())
	l.join(ctx, "a/x")
	giveUp()
	l.waiting--
	l.g.Eventually(l.length).Should(BeZero())
	l.clock.Step(time.Second)
	l.g.Eventually(l.clock.HasWaiters).Should(BeFalse(), "nobody hands out places")
	l.clock.Step(time.Second)
	l.g.Expect(l.pace.wait(t.Context(), "a", Digest{})).To(Succeed())
	l.g.Expect(l.pace.wait(ctx, "a", Digest{})).To(MatchError(context.Canceled))
}
