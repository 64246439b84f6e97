package thingspace_test

import (
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"net/http/httptest"
	"strconv"
	"sync"
	"sync/atomic"
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

func TestARefusedLoginIsNotRepeated(t *testing.T) {
	g, f := NewWithT(t), newFar(t, simulator.Options{})
	wrong := withPassword("wrong")
	for n := range 20 {
		c := caller(wrong)
		if n > 0 { // a label on the Secret does not change what it holds
			wrong.Secret = thingspace.SecretVersion{Namespace: "iot", Name: "credentials", UID: "secret", ResourceVersion: strconv.Itoa(n)}
		}
		err := as[*thingspace.CredentialsRejectedError](t, f.list(t, c))
		g.Expect(err.Login).To(BeTrue())
		g.Expect(err.Failed).To(Equal(1))
		f.clock.Step(20 * time.Minute)
	}
	g.Expect(f.Counts()).To(Equal(map[string]int{"token": 1, "login": 1}))
	g.Expect(f.list(t, caller(good))).To(Succeed(), "other content is another matter")
}

// A Secret that got the new password before ThingSpace did, and was rolled back, gets it once more in the right order. A copy of it that held the old one all the
// time has changed once, and does not try what was refused meanwhile.
func TestARefusedLoginMayBeMadeAgainAfterOtherCredentials(t *testing.T) {
	g, f := NewWithT(t), newFar(t, simulator.Options{})
	began, changed := f.clock.Now(), withPassword("new")
	version := 0
	list := func(otherSince time.Time) error {
		version++
		changed.OtherSince = otherSince
		changed.Secret = thingspace.SecretVersion{Namespace: "iot", Name: "credentials", UID: "secret", ResourceVersion: strconv.Itoa(version)}
		return f.list(t, caller(changed))
	}
	_ = as[*thingspace.CredentialsRejectedError](t, list(time.Time{}))
	f.clock.Step(16 * time.Minute)
	rolledBack := f.clock.Now()
	g.Expect(f.list(t, caller(good))).To(Succeed())
	f.clock.Step(16 * time.Minute)

	_ = as[*thingspace.CredentialsRejectedError](t, list(began))
	g.Expect(f.Count("login")).To(Equal(2), "the others were there before")
	_ = as[*thingspace.CredentialsRejectedError](t, list(rolledBack))
	g.Expect(f.Count("login")).To(Equal(3))
	f.clock.Step(2 * time.Minute)
	_ = as[*thingspace.CredentialsRejectedError](t, list(rolledBack))
	g.Expect(f.Count("login")).To(Equal(3), "once")
	f.SetUser(simulator.DefaultUsername, "new")
	now := f.clock.Now()
	f.clock.Step(time.Second)
	g.Expect(list(now)).To(Succeed())
}

// What another process was refused is known from the record, as long as the Secret is the same version.
func TestARefusalIsKnownToTheNextProcess(t *testing.T) {
	g, f := NewWithT(t), newFar(t, simulator.Options{})
	_ = as[*thingspace.CredentialsRejectedError](t, f.list(t, caller(withPassword("wrong"))))
	f.clock.Step(time.Hour)
	f.restart(t)
	rejected := as[*thingspace.CredentialsRejectedError](t, f.list(t, caller(withPassword("wrong"))))
	g.Expect(rejected.Code).To(ContainSubstring("LoginFailed"), "as the first process said")
	g.Expect(rejected.Key).NotTo(BeEmpty())
	g.Expect(f.Counts()).To(Equal(map[string]int{"token": 1, "login": 1}))
}

// Whatever happens to processes and Secrets: the fourth failure in a row never comes, and an administrator is asked.
func TestNoFourthFailedLogin(t *testing.T) {
	for name, after := range map[string]func(*testing.T, *far){
		"in one process":       func(*testing.T, *far) {},
		"over restarts":        func(t *testing.T, f *far) { t.Helper(); f.restart(t) },
		"with labels and such": func(t *testing.T, f *far) { t.Helper(); f.restart(t) },
	} {
		t.Run(name, func(t *testing.T) {
			g, f := NewWithT(t), newFar(t, simulator.Options{})
			for n := range 10 {
				wrong := withPassword("wrong")
				if name != "with labels and such" {
					wrong = withPassword(fmt.Sprintf("wrong-%d", n))
				}
				wrong.Username = []thingspace.Sensitive{"Demo-User", "demo-user", "DEMO-USER"}[n%3]
				wrong.Secret = thingspace.SecretVersion{Namespace: "iot", UID: "secret", ResourceVersion: strconv.Itoa(n)}
				asked := caller(wrong)
				asked.AskAgain = f.clock.Now().Add(time.Hour) // a request for a check allows no login
				_ = f.list(t, asked)
				f.clock.Step(2 * time.Minute)
				after(t, f)
			}
			g.Expect(f.Count("login")).To(Equal(3))
			withheld := as[*thingspace.LoginWithheldError](t, f.list(t, caller(good)))
			g.Expect(withheld.Error()).To(ContainSubstring("3 of 5 failed logins are used up"))
			g.Expect(withheld.Cause).To(Equal(thingspace.WithheldFailed))

			f.record.Edit(func(data map[string]string) { delete(data, withheld.Key) })
			f.clock.Step(5 * time.Second)
			g.Expect(f.list(t, caller(good))).To(Succeed())
			g.Expect(f.Locked(simulator.DefaultUsername)).To(BeFalse())
		})
	}
}

// Team T's Secret names team V's user with wrong passwords.
func TestAnotherNamespaceCannotUseUpAUsersLogins(t *testing.T) {
	g, f := NewWithT(t), newFar(t, simulator.Options{})
	g.Expect(f.list(t, caller(good))).To(Succeed())
	hostile := func(n int) error {
		wrong := withPassword(fmt.Sprintf("wrong-%d", n))
		wrong.Secret = thingspace.SecretVersion{Namespace: "hostile", UID: "theirs", ResourceVersion: strconv.Itoa(n)}
		return f.list(t, caller(wrong))
	}
	for n := range 40 {
		_ = hostile(n)
		f.clock.Step(time.Minute)
	}
	g.Expect(f.Count("login")).To(Equal(2), "one of theirs")
	g.Expect(as[*thingspace.LoginWithheldError](t, hostile(40)).Cause).To(Equal(thingspace.WithheldForOthers))
	f.EndSessions()
	g.Expect(f.list(t, caller(good))).To(Succeed(), "nothing is withheld, and its minute is its own")
	g.Expect(f.FailedLogins(simulator.DefaultUsername)).To(BeZero())
}

// Someone who makes users up, and names another one's after a restart, has counted against nobody else.
func TestMadeUpUsersCountForNobodyElse(t *testing.T) {
	g, f := NewWithT(t), newFar(t, simulator.Options{})
	for n := range 3 {
		madeUp := withPassword(fmt.Sprintf("wrong-%d", n))
		madeUp.Username = "made-up"
		_ = f.list(t, caller(madeUp))
		f.clock.Step(2 * time.Minute)
	}
	f.restart(t)
	g.Expect(f.list(t, caller(good))).To(Succeed())
}

// An outage of the login over restarts costs no attempt that a person would have to give back.
func TestVerifiedCredentialsGoOnByThemselves(t *testing.T) {
	g, f := NewWithT(t), newFar(t, simulator.Options{})
	g.Expect(f.list(t, caller(good))).To(Succeed())
	f.EndSessions()
	f.Inject(simulator.Fault{Operation: "login", Status: 503})
	said := map[string]bool{}
	for n := range 60 {
		f.clock.Step(time.Minute)
		if n%7 == 0 {
			f.restart(t)
		}
		err := f.list(t, caller(good))
		g.Expect(err).To(HaveOccurred())
		if withheld, ok := errors.AsType[*thingspace.LoginWithheldError](err); ok {
			g.Expect(withheld.Cause).To(Equal(thingspace.WithheldVerified))
			said[withheld.Error()] = true
		}
	}
	g.Expect(f.Count("login")).To(And(BeNumerically(">=", 8), BeNumerically("<=", 10)), "three, then one in ten minutes")
	g.Expect(said).To(HaveLen(1), "it is the same all the time")
	f.ClearFaults()
	f.clock.Step(10 * time.Minute)
	g.Expect(f.list(t, caller(good))).To(Succeed())
}

// What was verified and is refused now is one failure, and no reason to try it again.
func TestVerifiedCredentialsThatAreRefused(t *testing.T) {
	g, f := NewWithT(t), newFar(t, simulator.Options{})
	g.Expect(f.list(t, caller(good))).To(Succeed())
	f.EndSessions()
	f.SetUser(simulator.DefaultUsername, "another")
	for range 5 {
		f.clock.Step(20 * time.Minute)
		_ = as[*thingspace.CredentialsRejectedError](t, f.list(t, caller(good)))
		f.restart(t)
	}
	g.Expect(f.Count("login")).To(Equal(2))
	g.Expect(f.list(t, caller(withPassword("another")))).To(Succeed())
}

// restart is a new process with the same record.
func (f *far) restart(t *testing.T) {
	t.Helper()
	f.client = f.newClient(t, f.base)
}

// What is held back on its way was no attempt, and is not counted.
func TestALoginThatIsHeldBackIsNotCounted(t *testing.T) {
	g, f := NewWithT(t), newFar(t, simulator.Options{})
	f.Inject(simulator.Fault{Operation: "list", Status: 503})
	for range 20 { // the circuit opens, and the session ends by idling
		_ = f.list(t, caller(good))
		f.clock.Step(2 * time.Second)
	}
	f.clock.Step(16 * time.Minute)
	_ = f.list(t, caller(good)) // the probe
	before := f.record.Writes
	for range 10 {
		_ = as[*thingspace.UnavailableError](t, f.list(t, caller(good)))
	}
	g.Expect(f.record.Writes).To(Equal(before), "the circuit is open")
}

func TestACountThatCannotBeWrittenIsNoLogin(t *testing.T) {
	g, f := NewWithT(t), newFar(t, simulator.Options{})
	down := errors.New("etcdserver: no leader")
	f.record.Fails = func(string) (bool, error) { return false, down }
	g.Expect(f.list(t, caller(good))).To(MatchError(down))
	f.record.Fails = func(verb string) (bool, error) {
		if verb == "create" {
			return false, down
		}
		return false, nil
	}
	g.Expect(f.list(t, caller(good))).To(MatchError(down))
	g.Expect(f.Count("login")).To(BeZero())
	f.record.Fails = nil
	g.Expect(f.list(t, caller(good))).To(Succeed(), "a login that was not made has not used the minute")
}

// A counting write that takes longer than a precondition serves is followed by no login.
func TestACountThatTakesTooLong(t *testing.T) {
	g, f := NewWithT(t), newFar(t, simulator.Options{})
	slow := true
	f.record.Fails = func(verb string) (bool, error) {
		if verb == "create" && slow {
			slow = false
			f.clock.Step(6 * time.Second)
		}
		return false, nil
	}
	g.Expect(f.list(t, caller(good))).To(MatchError(thingspace.ErrPreconditionTooOld))
	g.Expect(f.Count("login")).To(BeZero())
	g.Expect(f.list(t, caller(good))).To(Succeed(), "it has left its place")
}

func TestARefusedTokenIsAskedForAgain(t *testing.T) {
	g, f := NewWithT(t), newFar(t, simulator.Options{})
	credentials := good
	credentials.ClientSecret = "wrong"
	c := caller(credentials)
	list := func(askAgain time.Time) error { c.AskAgain = askAgain; return f.list(t, c) }
	for range 100 {
		err := as[*thingspace.CredentialsRejectedError](t, list(f.clock.Now()))
		g.Expect(err.Login).To(BeFalse())
		g.Expect(err.Code).To(Equal("invalid_client"))
	}
	g.Expect(f.Counts()).To(Equal(map[string]int{"token": 1}), "whoever waited for it is told the same")
	refusedAt := f.clock.Now()
	for range 20 {
		f.clock.Step(5 * time.Minute)
		_ = as[*thingspace.CredentialsRejectedError](t, list(refusedAt))
	}
	g.Expect(f.Count("token")).To(Equal(1), "the Secret is looked at, and holds the same")
	_ = as[*thingspace.CredentialsRejectedError](t, list(f.clock.Now()))
	g.Expect(f.Count("token")).To(Equal(2), "at the next scheduled check")
	f.AddApp(simulator.DefaultClientID, "wrong")
	f.clock.Step(time.Minute)
	g.Expect(list(f.clock.Now())).To(Succeed())
}

// A token that ThingSpace hands out again is another issue of it: what refused the first one says nothing about the second.
func TestOneRenewalForAllWhoCarriedAToken(t *testing.T) {
	for name, body := range map[string]string{"of the token": `{"fault":{"code":"900901"}}`, "of either": ""} {
		t.Run(name, func(t *testing.T) {
			const calls = 4
			g := NewWithT(t)
			var bearers sync.Map
			arrived, goOn := make(chan struct{}, calls), make(chan struct{})
			var refusals atomic.Int32
			f := newFar(t, simulator.Options{}, func(c *thingspace.Config) {
				c.Transport = transport(func(r *http.Request) (*http.Response, error) {
					bearers.Store(r.Header.Get("Authorization"), true)
					if r.Method == http.MethodGet && refusals.Add(1) <= calls {
						arrived <- struct{}{}
						<-goOn
						answer := httptest.NewRecorder()
						answer.WriteHeader(http.StatusUnauthorized)
						_, _ = answer.WriteString(body)
						return answer.Result(), nil
					}
					return http.DefaultTransport.RoundTrip(r)
				})
			})
			refusals.Store(calls)
			g.Expect(f.list(t, caller(good))).To(Succeed())
			f.clock.Step(5 * time.Minute)
			refusals.Store(0)
			ended := make(chan error, calls)
			for range calls {
				go func() { _, err := f.client.List(t.Context(), caller(good)); ended <- err }()
			}
			for range calls {
				g.Eventually(arrived).Should(Receive())
			}
			close(goOn)
			for range calls {
				g.Eventually(ended).Should(Receive(BeNil()))
			}
			g.Expect(f.Count("token")).To(Equal(2), "one renewal, of the same token")
			bearers.Range(func(bearer, _ any) bool {
				g.Expect(bearer).NotTo(Equal("Bearer "))
				return true
			})
		})
	}
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
	g.Expect(limited.LoginInterval).To(Equal(time.Minute))
	g.Expect(limited.RetryAfter).To(Equal(time.Second))
	f.clock.Step(time.Second)
	g.Expect(f.list(t, caller(good))).To(Succeed())
	g.Expect(f.Count("login")).To(Equal(2))
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
