package thingspace_test

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
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
	asked.AllowLogin = true
	_ = as[*thingspace.CredentialsRejectedError](t, f.list(t, asked))
	g.Expect(f.Count("login")).To(Equal(1))
	g.Expect(f.list(t, caller(good))).To(Succeed(), "other content is another matter")
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
	asked.AllowLogin = true
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
	for range 60 {
		f.clock.Step(time.Minute)
		g.Expect(f.list(t, caller(good))).NotTo(Succeed())
	}
	g.Expect(f.Count("login")).To(And(BeNumerically(">=", 8), BeNumerically("<=", 9)), "three, then one in ten minutes")
	f.ClearFaults()
	f.clock.Step(10 * time.Minute)
	g.Expect(f.list(t, caller(good))).To(Succeed())
}

func TestWhatEarlierProcessesRecorded(t *testing.T) {
	g, f := NewWithT(t), newFar(t, simulator.Options{})
	refused := caller(good)
	refused.Source, refused.PriorRefusal = "secret-1", true
	_ = as[*thingspace.CredentialsRejectedError](t, f.list(t, refused))

	f = newFar(t, simulator.Options{})
	for n, source := range []string{"secret-1", "secret-2", "secret-1"} {
		c := caller(withPassword(fmt.Sprintf("p%d", n)))
		c.Source, c.PriorLogins = source, 2
		_ = f.list(t, c)
		f.clock.Step(2 * time.Minute)
	}
	g.Expect(f.Count("login")).To(Equal(1), "2 before the first, 2+1+2 before the second")
}

func TestBeforeLogin(t *testing.T) {
	g, f := NewWithT(t), newFar(t, simulator.Options{})
	var proven []bool
	c := caller(good)
	refusal := errors.New("could not be put on record")
	c.BeforeLogin = func(context.Context, bool) error { return refusal }
	g.Expect(f.list(t, c)).To(MatchError(refusal))
	g.Expect(f.Count("login")).To(BeZero())
	c.BeforeLogin = func(_ context.Context, p bool) error { proven = append(proven, p); return nil }
	g.Expect(f.list(t, c)).To(Succeed(), "a login that was not made has not used the minute")
	f.clock.Step(16 * time.Minute)
	g.Expect(f.list(t, c)).To(Succeed())
	g.Expect(proven).To(Equal([]bool{false, true}))
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
