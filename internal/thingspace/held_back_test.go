package thingspace_test

import (
	"context"
	"sync"
	"testing"
	"time"

	. "github.com/onsi/gomega"

	"github.com/fota-callback-operator/fota-callback-operator/internal/simulator"
	"github.com/fota-callback-operator/fota-callback-operator/internal/thingspace"
)

// Calls that wait for their place in the rate limit see what ThingSpace has said meanwhile.
func TestCallsInLineAreHeldBackToo(t *testing.T) {
	for name, test := range map[string]struct {
		fault simulator.Fault
		after int // so many such answers, nothing leaves any more
	}{
		"asked to wait": {simulator.Fault{Operation: "list", Status: 429, Header: map[string]string{"Retry-After": "300"}}, 1},
		"down":          {simulator.Fault{Operation: "list", Status: 503, Header: map[string]string{"Retry-After": "300"}}, 10},
	} {
		t.Run(name, func(t *testing.T) {
			const waiting = 20
			g := NewWithT(t)
			f := newFar(t, simulator.Options{}, func(c *thingspace.Config) { c.QPS, c.Burst = 1, 3 })
			g.Expect(f.list(t, caller(good))).To(Succeed()) // with its sign-in all that may leave at once
			f.Inject(test.fault)
			var calls sync.WaitGroup
			for range waiting {
				calls.Go(func() { _ = f.list(t, caller(good)) })
			}
			g.Eventually(f.client.Waiting).Should(Equal(waiting))
			for n := range test.after {
				g.Eventually(f.clock.HasWaiters).Should(BeTrue())
				f.clock.Step(time.Second)
				g.Eventually(func() int { return f.Count("list") }).Should(Equal(n + 2))
				g.Expect(f.client.Waiting()).To(Equal(waiting - n - 1))
			}
			// The last answer has to be taken in before the others get their place.
			g.Eventually(func() error {
				ctx, cancel := context.WithTimeout(t.Context(), 100*time.Millisecond)
				defer cancel()
				_, err := f.client.List(ctx, caller(good))
				return err
			}).Should(MatchError(Or(ContainSubstring("asked to wait"), ContainSubstring("held back"))))
			g.Eventually(func() int {
				f.clock.Step(time.Second)
				return f.client.Waiting()
			}).Should(BeZero())
			calls.Wait()
			g.Expect(f.Count("list")).To(Equal(test.after + 1))
		})
	}
}
