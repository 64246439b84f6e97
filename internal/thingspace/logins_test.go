package thingspace_test

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"strings"
	"testing"
	"time"

	. "github.com/onsi/gomega"

	"github.com/fota-callback-operator/fota-callback-operator/internal/simulator"
	"github.com/fota-callback-operator/fota-callback-operator/internal/thingspace"
)

func withPassword(password string) thingspace.Credentials {
	credentials := good
	credentials.Password = thingspace.Sensitive(password)
	return credentials
}

func (f *far) list(t *testing.T, c thingspace.Caller) error {
	t.Helper()
	_, err := f.client.List(t.Context(), c)
	return err
}

func TestRefusedLoginIsNotRepeated(t *testing.T) {
	g, f := NewWithT(t), newFar(t, simulator.Options{})
	for range 20 {
		err := as[*thingspace.CredentialsRejectedError](t, f.list(t, caller(withPassword("wrong"))))
		g.Expect(err.Login).To(BeTrue())
		f.clock.Step(20 * time.Minute)
	}
	asked := caller(withPassword("wrong"))
	asked.LoginRequest = "please"
	_ = as[*thingspace.CredentialsRejectedError](t, f.list(t, asked))
	g.Expect(f.Count("login")).To(Equal(1))
	g.Expect(f.list(t, caller(good))).To(Succeed(), "other content is another matter")
}

// A Secret that got the new password before ThingSpace did, and was rolled back, gets it once more in the right order. A copy of it that held the old one all the
// time has changed once, and does not try what was refused meanwhile.
func TestARefusedLoginMayBeMadeAgainAfterOtherCredentials(t *testing.T) {
	g, f := NewWithT(t), newFar(t, simulator.Options{})
	began := f.clock.Now()
	changed := caller(withPassword("new"))
	_ = as[*thingspace.CredentialsRejectedError](t, f.list(t, changed))
	f.clock.Step(16 * time.Minute)
	rolledBack := f.clock.Now()
	g.Expect(f.list(t, caller(good))).To(Succeed())
	f.clock.Step(16 * time.Minute)

	changed.OtherSince = began
	_ = as[*thingspace.CredentialsRejectedError](t, f.list(t, changed))
	g.Expect(f.Count("login")).To(Equal(2), "the others were there before")
	changed.OtherSince = rolledBack
	_ = as[*thingspace.CredentialsRejectedError](t, f.list(t, changed))
	g.Expect(f.Count("login")).To(Equal(3))
	f.clock.Step(2 * time.Minute)
	_ = as[*thingspace.CredentialsRejectedError](t, f.list(t, changed))
	g.Expect(f.Count("login")).To(Equal(3), "once")
	f.SetUser(simulator.DefaultUsername, "new")
	changed.OtherSince = f.clock.Now()
	f.clock.Step(time.Second)
	g.Expect(f.list(t, changed)).To(Succeed())
}

// What an earlier process has recorded as refused is so from the moment this one learns of it.
func TestWhatAnEarlierProcessWasRefusedMayBeTriedAfterOtherCredentials(t *testing.T) {
	g, f := NewWithT(t), newFar(t, simulator.Options{})
	c := caller(good)
	c.Earlier.Refused, c.OtherSince = true, f.clock.Now().Add(-time.Minute)
	_ = as[*thingspace.CredentialsRejectedError](t, f.list(t, c))
	c.OtherSince = f.clock.Now().Add(time.Second)
	c.Earlier.Refused = false // it was about another version of the Secret
	g.Expect(f.list(t, c)).To(Succeed())
}

// The gateway in front of ThingSpace knows nothing of passwords.
func TestAGatewaysRefusalSaysNothingOfThePassword(t *testing.T) {
	for _, code := range []string{"900900", "900903", "900907", "900908"} {
		for _, status := range []int{http.StatusBadRequest, http.StatusUnauthorized, http.StatusForbidden} {
			g, f := NewWithT(t), newFar(t, simulator.Options{})
			f.Inject(simulator.Fault{Operation: "login", Status: status, Body: `{"fault":{"code":"` + code + `","message":"x"}}`, Times: 1})
			g.Expect(f.list(t, caller(good))).NotTo(Succeed())
			f.clock.Step(2 * time.Minute)
			g.Expect(f.list(t, caller(good))).To(Succeed(), "%s with HTTP %d", code, status)
		}
	}
}

// An answer that takes longer than the user's minute may be the third refusal: until it is there, no other login leaves, whoever asks.
func TestALoginWaitsForTheOneBefore(t *testing.T) {
	const others = 5
	g := NewWithT(t)
	goOn, left := make(chan struct{}), make(chan struct{}, others+1)
	f := newFar(t, simulator.Options{}, func(c *thingspace.Config) {
		c.Timeout = 2 * time.Minute
		c.Transport = transport(func(r *http.Request) (*http.Response, error) {
			if strings.HasSuffix(r.URL.Path, "/login") {
				left <- struct{}{}
				<-goOn
			}
			return http.DefaultTransport.RoundTrip(r)
		})
	})
	first := make(chan error)
	go func() { first <- f.list(t, caller(withPassword("wrong"))) }()
	g.Eventually(left).Should(Receive())
	for n := range others {
		f.clock.Step(2 * time.Minute)
		other := caller(withPassword(fmt.Sprintf("wrong-%d", n)))
		other.LoginRequest = "please"
		g.Expect(as[*thingspace.RateLimitedError](t, f.list(t, other)).LoginMinute).To(BeTrue())
	}
	close(goOn)
	g.Eventually(first).Should(Receive(HaveOccurred()))
	g.Expect(left).To(BeEmpty())
	g.Expect(f.list(t, caller(good))).To(Succeed(), "its minute is long over")
}

type transport func(*http.Request) (*http.Response, error)

func (f transport) RoundTrip(r *http.Request) (*http.Response, error) { return f(r) }

// Where the login is refused, nobody can use a token: none is asked for, and an outage does not hide what a person has to do.
func TestNoTokenForARefusedLogin(t *testing.T) {
	g, f := NewWithT(t), newFar(t, simulator.Options{})
	_ = as[*thingspace.CredentialsRejectedError](t, f.list(t, caller(withPassword("wrong"))))
	f.clock.Step(3 * time.Hour)
	f.Inject(simulator.Fault{Status: 503})
	_ = as[*thingspace.CredentialsRejectedError](t, f.list(t, caller(withPassword("wrong"))))
	g.Expect(f.Count("token")).To(Equal(1))
}

func TestNoFourthFailedLoginForOneUser(t *testing.T) {
	g, f := NewWithT(t), newFar(t, simulator.Options{})
	for n := range 10 {
		_ = f.list(t, caller(withPassword(fmt.Sprintf("wrong-%d", n))))
		f.clock.Step(2 * time.Minute)
	}
	g.Expect(f.Count("login")).To(Equal(3))
	withheld := as[*thingspace.LoginWithheldError](t, f.list(t, caller(good)))
	g.Expect(withheld.Proven).To(BeFalse())

	asked := caller(good)
	asked.LoginRequest = "please"
	g.Expect(f.list(t, asked)).To(Succeed(), "a person may ask for one more")
	g.Expect(f.Count("login")).To(Equal(4))
	g.Expect(f.Locked(simulator.DefaultUsername)).To(BeFalse())
}

func TestASuccessEndsARunOfFailedLogins(t *testing.T) {
	g, f := NewWithT(t), newFar(t, simulator.Options{})
	for round := range 3 {
		for n := range 2 {
			_ = f.list(t, caller(withPassword(fmt.Sprintf("wrong-%d-%d", round, n))))
			f.clock.Step(16 * time.Minute)
		}
		g.Expect(f.list(t, caller(good))).To(Succeed())
		f.clock.Step(16 * time.Minute)
	}
	g.Expect(f.Count("login")).To(Equal(9))
}

// What got no verdict may have counted on the far side; what never left has not.
func TestLoginsWithoutVerdictCount(t *testing.T) {
	t.Parallel() // it waits for the time-out of calls
	for name, test := range map[string]struct {
		fault  simulator.Fault
		counts bool
	}{
		"no answer":     {simulator.Fault{Hang: true}, true},
		"closed":        {simulator.Fault{}, true},
		"500":           {simulator.Fault{Status: 500}, true},
		"200, no token": {simulator.Fault{Status: 200, Body: "{}"}, true},
		"proxy's page":  {simulator.Fault{Status: 403, Body: "<html>"}, true},
		"429":           {simulator.Fault{Status: 429}, false},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			g, f := NewWithT(t), newFar(t, simulator.Options{})
			test.fault.Operation = "login"
			f.Inject(test.fault)
			for range 10 {
				g.Expect(f.list(t, caller(good))).NotTo(Succeed())
				f.clock.Step(11 * time.Minute)
			}
			if test.counts {
				g.Expect(f.Count("login")).To(Equal(3))
			} else {
				g.Expect(f.Count("login")).To(Equal(10))
			}
		})
	}
}

func TestOneLoginAMinute(t *testing.T) {
	g, f := NewWithT(t), newFar(t, simulator.Options{})
	g.Expect(f.list(t, caller(good))).To(Succeed())
	f.EndSessions()
	f.clock.Step(59 * time.Second)
	limited := as[*thingspace.RateLimitedError](t, f.list(t, caller(good)))
	g.Expect(limited.LoginMinute).To(BeTrue())
	g.Expect(limited.RetryAfter).To(Equal(time.Second))
	f.clock.Step(time.Second)
	g.Expect(f.list(t, caller(good))).To(Succeed())
	g.Expect(f.Count("login")).To(Equal(2))
}

func TestProvenCredentialsAreTriedAgain(t *testing.T) {
	g, f := NewWithT(t), newFar(t, simulator.Options{})
	g.Expect(f.list(t, caller(good))).To(Succeed())
	f.EndSessions()
	f.Inject(simulator.Fault{Operation: "login", Status: 500})
	said := map[string]bool{}
	for range 60 {
		f.clock.Step(time.Minute)
		err := f.list(t, caller(good))
		g.Expect(err).To(HaveOccurred())
		if withheld, ok := errors.AsType[*thingspace.LoginWithheldError](err); ok {
			said[withheld.Error()] = true
		}
	}
	g.Expect(f.Count("login")).To(And(BeNumerically(">=", 8), BeNumerically("<=", 9)), "three, then one in ten minutes")
	g.Expect(said).To(HaveLen(1), "however many have failed meanwhile")
	f.ClearFaults()
	f.clock.Step(10 * time.Minute)
	g.Expect(f.list(t, caller(good))).To(Succeed())
}

func TestWhatEarlierProcessesRecorded(t *testing.T) {
	g, f := NewWithT(t), newFar(t, simulator.Options{})
	refused := caller(good)
	refused.Earlier.Refused = true
	_ = as[*thingspace.CredentialsRejectedError](t, f.list(t, refused))

	f = newFar(t, simulator.Options{})
	for n := range 3 {
		c := caller(withPassword(fmt.Sprintf("p%d", n)))
		c.Earlier = thingspace.EarlierLogins{Failed: 2, Requests: []string{"granted before"}}
		_ = f.list(t, c)
		f.clock.Step(2 * time.Minute)
	}
	g.Expect(f.Count("login")).To(Equal(1), "2 before the first, 3 before the second")
	c := caller(good)
	c.Earlier.Failed, c.LoginRequest = 2, "granted before"
	_ = as[*thingspace.LoginWithheldError](t, f.list(t, c))
}

// Everybody who shares a user may bring the same request, or one of their own: that is one login all the same.
func TestARequestIsGrantedOnce(t *testing.T) {
	g, f := NewWithT(t), newFar(t, simulator.Options{})
	f.Inject(simulator.Fault{Operation: "login", Status: 500})
	for range 3 {
		_ = f.list(t, caller(good))
		f.clock.Step(2 * time.Minute)
	}
	ask := func(request string) error {
		c := caller(good)
		c.LoginRequest = request
		return f.list(t, c)
	}
	for n := range 10 {
		_ = ask("the same")
		_ = ask(fmt.Sprintf("another-%d", n))
	}
	g.Expect(f.Count("login")).To(Equal(4))
	f.clock.Step(time.Minute)
	_ = as[*thingspace.LoginWithheldError](t, ask("the same"))
	f.ClearFaults()
	g.Expect(ask("a new one")).To(Succeed())
	g.Expect(f.Count("login")).To(Equal(5))
}

// What is held back, or never leaves, is no attempt: nothing goes on record for it, or it is taken back.
func TestLoginsThatAreNotSent(t *testing.T) {
	g, f := NewWithT(t), newFar(t, simulator.Options{})
	recorded, taken := 0, 0
	c := caller(good)
	c.BeforeLogin = func(context.Context, bool) error { recorded++; return nil }
	c.LoginUncounted = func() { taken++ }
	f.Inject(simulator.Fault{Operation: "list", Status: 503})
	g.Expect(f.list(t, c)).NotTo(Succeed())
	g.Expect([]int{recorded, taken, f.Count("login")}).To(Equal([]int{1, 0, 1}))

	for range 20 { // the circuit opens, and the session ends by idling
		_ = f.list(t, c)
		f.clock.Step(2 * time.Second)
	}
	f.clock.Step(16 * time.Minute)
	_ = f.list(t, c) // the probe
	before := recorded
	for range 10 {
		_ = as[*thingspace.UnavailableError](t, f.list(t, c))
	}
	g.Expect(recorded).To(Equal(before), "the circuit is open")
}

func TestARequestIsGivenBackWhereTheLoginIsNotMade(t *testing.T) {
	g, f := NewWithT(t), newFar(t, simulator.Options{})
	c := caller(good)
	c.Earlier.Failed, c.LoginRequest = 3, "please"
	c.BeforeLogin = func(context.Context, bool) error { return errors.New("a conflict") }
	g.Expect(f.list(t, c)).To(MatchError("a conflict"))
	c.BeforeLogin = nil
	g.Expect(f.list(t, c)).To(Succeed())
}

func TestBeforeAndAfterLogin(t *testing.T) {
	g, f := NewWithT(t), newFar(t, simulator.Options{})
	var proven []bool
	after := 0
	c := caller(good)
	c.AfterLogin = func(context.Context) { after++ }
	refusal := errors.New("could not be put on record")
	c.BeforeLogin = func(context.Context, bool) error { return refusal }
	g.Expect(f.list(t, c)).To(MatchError(refusal))
	g.Expect(f.Count("login")).To(BeZero())
	g.Expect(after).To(BeZero())
	c.BeforeLogin = func(_ context.Context, p bool) error { proven = append(proven, p); return nil }
	g.Expect(f.list(t, c)).To(Succeed(), "a login that was not made has not used the minute")
	f.clock.Step(16 * time.Minute)
	g.Expect(f.list(t, c)).To(Succeed())
	g.Expect(proven).To(Equal([]bool{false, true}))
	g.Expect(after).To(Equal(2))
}

func TestRefusedTokenIsNotAskedForByEverybody(t *testing.T) {
	g, f := NewWithT(t), newFar(t, simulator.Options{})
	credentials := good
	credentials.ClientSecret = "wrong"
	for range 100 {
		err := as[*thingspace.CredentialsRejectedError](t, f.list(t, caller(credentials)))
		g.Expect(err.Login).To(BeFalse())
		g.Expect(err.Code).To(Equal("invalid_client"))
	}
	g.Expect(f.Counts()).To(Equal(map[string]int{"token": 1}))
	f.AddApp(simulator.DefaultClientID, "wrong")
	f.clock.Step(time.Minute)
	g.Expect(f.list(t, caller(credentials))).To(Succeed())
}

// A refused token locks nobody, so whoever is asked to check does ask: once for each request, although a whole fleet may bring the same one.
func TestARequestPassesARefusedTokenOnce(t *testing.T) {
	g, f := NewWithT(t), newFar(t, simulator.Options{})
	ask := func(request string) error {
		c := caller(good)
		c.LoginRequest = request
		return f.list(t, c)
	}
	refusal := simulator.Fault{Operation: "token", Status: 401, Body: `{"error":"invalid_client"}`}
	f.Inject(refusal)
	for _, step := range []struct {
		request string
		asked   int // times, until then
	}{
		{"", 1}, {"", 1}, {"a", 2}, {"a", 2}, {"", 2}, {"b", 3}, {"a", 3}, {"b", 3}, {"", 3},
	} {
		_ = as[*thingspace.CredentialsRejectedError](t, ask(step.request))
		g.Expect(f.Count("token")).To(Equal(step.asked), "%+v", step)
	}

	f.ClearFaults()
	f.Inject(simulator.Fault{Operation: "token", Status: 503, Times: 1})
	_ = as[*thingspace.UnavailableError](t, ask("c"))
	g.Expect(ask("c")).To(Succeed(), "it has not been answered before")

	// The answer to a request is kept from others too.
	f.EndTokens()
	f.clock.Step(time.Hour)
	f.Inject(refusal)
	for range 3 {
		_ = as[*thingspace.CredentialsRejectedError](t, ask("d"))
		_ = as[*thingspace.CredentialsRejectedError](t, ask(""))
	}
	g.Expect(f.Count("token")).To(Equal(6))
}

func TestStaleBearerAtLogin(t *testing.T) {
	g, f := NewWithT(t), newFar(t, simulator.Options{})
	g.Expect(f.list(t, caller(good))).To(Succeed())
	f.clock.Step(16 * time.Minute)
	f.EndTokens()
	g.Expect(f.list(t, caller(good))).To(Succeed())
	g.Expect(f.Counts()).To(Equal(map[string]int{"token": 2, "login": 3, "list": 2}))
	g.Expect(f.FailedLogins(simulator.DefaultUsername)).To(BeZero())
}

func TestSensitiveShowsNothing(t *testing.T) {
	g := NewWithT(t)
	secret := thingspace.Sensitive("hunter2")
	credentials := withPassword("hunter2")
	for _, verb := range []string{"%v", "%+v", "%#v", "%s", "%q", "%x", "%X", "%d", "%T"} {
		g.Expect(fmt.Sprintf(verb, secret)).NotTo(ContainSubstring("hunter2"))
		g.Expect(fmt.Sprintf(verb, secret)).NotTo(ContainSubstring("68756e"))
		g.Expect(fmt.Sprintf(verb, credentials)).NotTo(ContainSubstring("hunter2"))
		g.Expect(fmt.Sprintf(verb, &credentials)).NotTo(ContainSubstring("hunter2"))
	}
	encoded, err := json.Marshal(map[string]any{"a": secret, "b": credentials})
	g.Expect(err).NotTo(HaveOccurred())
	g.Expect(string(encoded)).NotTo(ContainSubstring("hunter2"))
	g.Expect(secret.Reveal()).To(Equal("hunter2"))
}
