package thingspace_test

import (
	"net/http/httptest"
	"testing"
	"time"

	. "github.com/onsi/gomega"
	"github.com/prometheus/client_golang/prometheus"
	clocktesting "k8s.io/utils/clock/testing"

	"github.com/fota-callback-operator/fota-callback-operator/internal/logins/loginstest"
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

func TestWhenVerifiedCredentialsAreTriedAgain(t *testing.T) {
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
	store, _ := loginstest.NewStore(clock)
	client, err := thingspace.New(thingspace.Config{
		Logins: store, BaseURL: server.URL + "/api", AllowHTTP: true, Timeout: 2 * time.Second, Clock: clock, Registerer: registry,
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
