package thingspace_test

import (
	"context"
	"errors"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"
	"time"

	. "github.com/onsi/gomega"
	clocktesting "k8s.io/utils/clock/testing"

	"github.com/fota-callback-operator/fota-callback-operator/internal/simulator"
	"github.com/fota-callback-operator/fota-callback-operator/internal/thingspace"
)

// unreachableLogin lets everything through but logins, which find nobody to connect to once so many have gone through.
type unreachableLogin struct{ logins int }

func (u *unreachableLogin) RoundTrip(r *http.Request) (*http.Response, error) {
	if strings.HasSuffix(r.URL.Path, "/session/login") {
		if u.logins--; u.logins >= 0 {
			return http.DefaultTransport.RoundTrip(r)
		}
		return nil, &net.OpError{Op: "dial", Err: errors.New("no route to host")}
	}
	return http.DefaultTransport.RoundTrip(r)
}

// What was put on record is taken back, and nothing else: nothing goes on record for credentials that have signed in before.
func TestALoginThatNeverLeavesIsTakenBack(t *testing.T) {
	for name, test := range map[string]struct {
		logins, recorded int // that go through; and then, in five calls
	}{
		"unproven": {0, 5},
		"proven":   {1, 0},
	} {
		t.Run(name, func(t *testing.T) {
			g := NewWithT(t)
			clock := clocktesting.NewFakeClock(time.Now())
			far := simulator.New(simulator.Options{Clock: clock})
			server := httptest.NewServer(far)
			t.Cleanup(server.Close)
			client, err := thingspace.New(thingspace.Config{
				BaseURL: server.URL + "/api", AllowHTTP: true, Timeout: 2 * time.Second, Clock: clock, Transport: &unreachableLogin{test.logins},
			})
			g.Expect(err).NotTo(HaveOccurred())
			for range test.logins {
				_, err := client.List(t.Context(), caller(good))
				g.Expect(err).NotTo(HaveOccurred())
				clock.Step(16 * time.Minute) // the session ends by idling
			}
			asked, recorded, unsent := 0, 0, 0
			c := caller(good)
			c.BeforeLogin = func(_ context.Context, proven bool) error {
				asked++
				if !proven {
					recorded++
				}
				return nil
			}
			c.LoginUncounted = func() { unsent++ }
			for range 5 {
				_, err := client.List(t.Context(), c)
				_ = as[*thingspace.UnavailableError](t, err)
				g.Expect(unsent).To(Equal(recorded))
			}
			g.Expect([]int{asked, recorded}).To(Equal([]int{5, test.recorded}))
			g.Expect(far.Count("login")).To(Equal(test.logins))
		})
	}
}

// Calls that wait for their place in the rate limit see what ThingSpace has said meanwhile.
func TestCallsInLineAreHeldBackToo(t *testing.T) {
	for name, test := range map[string]struct {
		fault simulator.Fault
		after int // so many such answers, nothing leaves any more
	}{
		"asked to wait": {simulator.Fault{Operation: "list", Status: 429, Header: map[string]string{"Retry-After": "300"}}, 1},
		"down":          {simulator.Fault{Operation: "list", Status: 503}, 10},
	} {
		t.Run(name, func(t *testing.T) {
			const waiting = 20
			g := NewWithT(t)
			clock := clocktesting.NewFakeClock(time.Now())
			far := simulator.New(simulator.Options{Clock: clock})
			server := httptest.NewServer(far)
			t.Cleanup(server.Close)
			client, err := thingspace.New(thingspace.Config{
				BaseURL: server.URL + "/api", AllowHTTP: true, Timeout: 2 * time.Second, Clock: clock, QPS: 1, Burst: 3,
			})
			g.Expect(err).NotTo(HaveOccurred())
			_, err = client.List(t.Context(), caller(good)) // with its sign-in all that may leave at once
			g.Expect(err).NotTo(HaveOccurred())
			far.Inject(test.fault)
			var calls sync.WaitGroup
			for range waiting {
				calls.Go(func() { _, _ = client.List(t.Context(), caller(good)) })
			}
			g.Eventually(clock.Waiters).Should(Equal(waiting))
			for n := range test.after {
				clock.Step(time.Second)
				g.Eventually(func() int { return far.Count("list") }).Should(Equal(n + 2))
				g.Eventually(clock.Waiters).Should(Equal(waiting - n - 1))
			}
			// The last answer has to be taken in before the others get their place.
			g.Eventually(func() error {
				ctx, cancel := context.WithTimeout(t.Context(), 100*time.Millisecond)
				defer cancel()
				_, err := client.List(ctx, caller(good))
				return err
			}).Should(MatchError(Or(ContainSubstring("asked to wait"), ContainSubstring("held back"))))
			clock.Step(time.Minute)
			calls.Wait()
			g.Expect(far.Count("list")).To(BeNumerically("<=", test.after+2), "one that probes at the most")
		})
	}
}
