package thingspace_test

import (
	"context"
	"net/http/httptest"
	"testing"
	"time"

	. "github.com/onsi/gomega"
	"github.com/prometheus/client_golang/prometheus"
	clocktesting "k8s.io/utils/clock/testing"

	"github.com/fota-callback-operator/fota-callback-operator/internal/simulator"
	"github.com/fota-callback-operator/fota-callback-operator/internal/thingspace"
)

// somebody is another user of the same application.
func (f *far) somebody() thingspace.Credentials {
	f.SetUser("somebody", "else")
	other := good
	other.Username, other.Password = "somebody", "else"
	return other
}

func TestASessionThatIsUsedGoesOn(t *testing.T) {
	g, f := NewWithT(t), newFar(t, simulator.Options{})
	for range 5 {
		g.Expect(f.list(t, caller(good))).To(Succeed())
		f.clock.Step(10 * time.Minute)
	}
	g.Expect(f.Counts()).To(Equal(map[string]int{"token": 1, "login": 1, "list": 5}))
}

func TestWhoComesLaterEndsNobodysSession(t *testing.T) {
	g, f := NewWithT(t), newFar(t, simulator.Options{})
	g.Expect(f.list(t, caller(good))).To(Succeed())
	f.clock.Step(2 * time.Minute)
	g.Expect(f.list(t, caller(f.somebody()))).To(Succeed())
	g.Expect(f.list(t, caller(good))).To(Succeed())
	g.Expect(f.Count("login")).To(Equal(2))
}

// Everything else that is kept of credentials goes in the end. A run of failures stays: ThingSpace counts on too.
func TestFailedLoginsAreNotForgottenByWaiting(t *testing.T) {
	g, f := NewWithT(t), newFar(t, simulator.Options{})
	f.Inject(simulator.Fault{Operation: "login", Status: 500})
	for range 3 {
		g.Expect(f.list(t, caller(good))).NotTo(Succeed())
		f.clock.Step(2 * time.Minute)
	}
	f.ClearFaults()
	f.clock.Step(30 * 24 * time.Hour)
	g.Expect(f.list(t, caller(f.somebody()))).To(Succeed())
	_ = as[*thingspace.LoginWithheldError](t, f.list(t, caller(good)))
}

// Nor are a process's own failures forgotten where there are others' besides.
func TestFailuresBesideEarlierOnesAreNotForgotten(t *testing.T) {
	g, f := NewWithT(t), newFar(t, simulator.Options{})
	f.Inject(simulator.Fault{Operation: "login", Status: 500})
	c := caller(good)
	c.Earlier.Failed = 1
	g.Expect(f.list(t, c)).NotTo(Succeed())
	f.clock.Step(30 * 24 * time.Hour)
	g.Expect(f.list(t, caller(f.somebody()))).NotTo(Succeed())
	_ = as[*thingspace.UnavailableError](t, f.list(t, c))
	f.clock.Step(2 * time.Minute)
	_ = as[*thingspace.LoginWithheldError](t, f.list(t, c))
}

// A session that is used, and an outage too, outlasts what is kept of credentials that nobody asks about. Whoever goes on calling is known all the same: as
// one who has signed in, and whose earlier failures have ended with that.
func TestCredentialsInUseAreNotForgotten(t *testing.T) {
	for name, faults := range map[string][]simulator.Fault{
		"their session goes on": nil,
		"no token for days":     {{Operation: "token", Status: 503}},
	} {
		t.Run(name, func(t *testing.T) {
			g, f := NewWithT(t), newFar(t, simulator.Options{})
			c := caller(good)
			c.Earlier.Failed = 2
			c.AfterLogin = func(context.Context) { c.Earlier.Failed = 0 }
			g.Expect(f.list(t, c)).To(Succeed())
			for _, fault := range faults {
				f.Inject(fault)
			}
			for began := f.clock.Now(); f.clock.Since(began) < 50*time.Hour; f.clock.Step(10 * time.Minute) {
				_ = f.list(t, c)
			}
			g.Expect(f.Count("login")).To(Equal(1))
			f.ClearFaults()
			f.EndSessions()
			f.Inject(simulator.Fault{Operation: "login", Status: 500})
			for range 3 {
				_ = as[*thingspace.UnavailableError](t, f.list(t, c))
				f.clock.Step(time.Minute)
			}
			g.Expect(as[*thingspace.LoginWithheldError](t, f.list(t, c)).Proven).To(BeTrue())
		})
	}
}

// Whose logins an earlier process recorded may be known only after the user has been met.
func TestEarlierLoginsThatBecomeKnownLater(t *testing.T) {
	g, f := NewWithT(t), newFar(t, simulator.Options{})
	f.Inject(simulator.Fault{Operation: "login", Status: 500})
	c := caller(good)
	g.Expect(f.list(t, c)).NotTo(Succeed())
	f.clock.Step(time.Minute)
	c.Earlier.Failed = 2
	for range 2 {
		_ = as[*thingspace.LoginWithheldError](t, f.list(t, c))
	}
	g.Expect(f.Count("login")).To(Equal(1))

	f.ClearFaults()
	c.Earlier.Failed = 0
	g.Expect(f.list(t, c)).To(Succeed(), "or that they were another's, or are over")
}

// Another process may still be at work when this one begins: what it was refused becomes known only then.
func TestARefusalOfAnotherProcess(t *testing.T) {
	g, f := NewWithT(t), newFar(t, simulator.Options{})
	f.Inject(simulator.Fault{Operation: "login", Status: 500})
	wrong := caller(withPassword("wrong"))
	g.Expect(f.list(t, wrong)).NotTo(Succeed())
	f.clock.Step(time.Minute)
	wrong.Earlier.Refused = true
	_ = as[*thingspace.CredentialsRejectedError](t, f.list(t, wrong))
	g.Expect(f.Count("login")).To(Equal(1))

	f.ClearFaults()
	right := caller(good)
	g.Expect(f.list(t, right)).To(Succeed())
	right.Earlier.Refused = true
	f.EndSessions()
	f.clock.Step(time.Minute)
	g.Expect(f.list(t, right)).To(Succeed(), "they have worked since")
}

// A caller may have waited while another one learned more.
func TestTheNewestOfEarlierLoginsCounts(t *testing.T) {
	g, f := NewWithT(t), newFar(t, simulator.Options{})
	c := caller(withPassword("wrong"))
	c.Earlier = thingspace.EarlierLogins{Version: 2, Failed: 3}
	_ = as[*thingspace.LoginWithheldError](t, f.list(t, c))
	c.Earlier = thingspace.EarlierLogins{Version: 1}
	_ = as[*thingspace.LoginWithheldError](t, f.list(t, c))
	g.Expect(f.Count("login")).To(BeZero())
	c.Earlier = thingspace.EarlierLogins{Version: 3}
	_ = as[*thingspace.CredentialsRejectedError](t, f.list(t, c))
}

// A login with credentials that have worked is not on record: where it is refused after all, its caller hears of it, and of those before that had no answer.
func TestARefusalOfWhatHasWorked(t *testing.T) {
	g, f := NewWithT(t), newFar(t, simulator.Options{})
	c, heard := caller(good), 0
	c.LoginRefused = func(failed int) { heard = failed }
	wrong := caller(withPassword("wrong"))
	wrong.LoginRefused = func(int) { t.Error("it was on record") }
	g.Expect(f.list(t, c)).To(Succeed())
	f.EndSessions()
	f.SetUser(simulator.DefaultUsername, "another")
	f.clock.Step(time.Minute)
	f.Inject(simulator.Fault{Operation: "login", Status: 500, Times: 1})
	_ = as[*thingspace.UnavailableError](t, f.list(t, c))
	g.Expect(heard).To(BeZero(), "that is no refusal")
	for range 2 {
		f.clock.Step(time.Minute)
		_ = as[*thingspace.CredentialsRejectedError](t, f.list(t, c))
		g.Expect(heard).To(Equal(2))
	}
	_ = as[*thingspace.CredentialsRejectedError](t, f.list(t, wrong))
}

func TestALoginsMinuteIsNotForgotten(t *testing.T) {
	g, f := NewWithT(t), newFar(t, simulator.Options{})
	g.Expect(f.list(t, caller(good))).To(Succeed())
	f.clock.Step(time.Hour - 30*time.Second)
	g.Expect(f.list(t, caller(good))).To(Succeed())
	f.clock.Step(40 * time.Second) // old records are looked for once an hour
	g.Expect(f.list(t, caller(f.somebody()))).To(Succeed())
	limited := as[*thingspace.RateLimitedError](t, f.list(t, caller(withPassword("another"))))
	g.Expect(limited.RetryAfter).To(Equal(20 * time.Second))
}

func TestWhenProvenCredentialsAreTriedAgain(t *testing.T) {
	g, f := NewWithT(t), newFar(t, simulator.Options{})
	g.Expect(f.list(t, caller(good))).To(Succeed())
	f.EndSessions()
	f.Inject(simulator.Fault{Operation: "login", Status: 500})
	for range 3 {
		f.clock.Step(time.Minute)
		g.Expect(f.list(t, caller(good))).NotTo(Succeed())
	}
	f.clock.Step(4 * time.Minute)
	withheld := as[*thingspace.LoginWithheldError](t, f.list(t, caller(good)))
	g.Expect(withheld.RetryAfter).To(Equal(6 * time.Minute))
}

// A session that ThingSpace has just given and does not accept is no reason for another.
func TestAFreshSessionThatIsRefused(t *testing.T) {
	g, f := NewWithT(t), newFar(t, simulator.Options{})
	f.Inject(simulator.Fault{Operation: "list", Status: 400, Body: `{"errorCode":"UnifiedWebService.REQUEST_FAILED.SessionToken.Expired"}`})
	_ = as[*thingspace.AccessDeniedError](t, f.list(t, caller(good)))
	g.Expect(f.Counts()).To(Equal(map[string]int{"token": 1, "login": 1, "list": 1}))
}

// The gateway throttles with a code, at whatever status: that says nothing of the sign-in.
func TestThrottledIsNotSignedOut(t *testing.T) {
	g, f := NewWithT(t), newFar(t, simulator.Options{})
	g.Expect(f.list(t, caller(good))).To(Succeed())
	f.Inject(simulator.Fault{Operation: "list", Status: 401, Body: `{"fault":{"code":900800}}`})
	_ = as[*thingspace.RateLimitedError](t, f.list(t, caller(good)))
	f.ClearFaults()
	f.clock.Step(2 * time.Minute)
	g.Expect(f.list(t, caller(good))).To(Succeed())
	g.Expect(f.Counts()).To(Equal(map[string]int{"token": 1, "login": 1, "list": 3}))
}

func TestCallsAreCountedByWhatCameOfThem(t *testing.T) {
	g, registry := NewWithT(t), prometheus.NewRegistry()
	clock := clocktesting.NewFakeClock(time.Now())
	server := httptest.NewServer(simulator.New(simulator.Options{Clock: clock}))
	client, err := thingspace.New(thingspace.Config{
		BaseURL: server.URL + "/api", AllowHTTP: true, Timeout: 2 * time.Second, Clock: clock, Registerer: registry,
	})
	g.Expect(err).NotTo(HaveOccurred())
	g.Expect(lists(t, registry)).To(Equal(map[string]float64{"200": 0}), "a counter that began with the first answer would not have grown by it")
	_, err = client.List(t.Context(), caller(good))
	g.Expect(err).NotTo(HaveOccurred())
	server.Close()
	_, err = client.List(t.Context(), caller(good))
	g.Expect(err).To(HaveOccurred())
	g.Expect(lists(t, registry)).To(Equal(map[string]float64{"200": 1, "error": 1}))
}

// lists are the listings that are counted, by code.
func lists(t *testing.T, registry *prometheus.Registry) map[string]float64 {
	t.Helper()
	families, err := registry.Gather()
	NewWithT(t).Expect(err).NotTo(HaveOccurred())
	counted := map[string]float64{}
	for _, family := range families {
		for _, m := range family.GetMetric() {
			labels := map[string]string{}
			for _, label := range m.GetLabel() {
				labels[label.GetName()] = label.GetValue()
			}
			if family.GetName() == "thingspace_requests_total" && labels["operation"] == "list" {
				counted[labels["code"]] = m.GetCounter().GetValue()
			}
		}
	}
	return counted
}
