package thingspace_test

import (
	"bufio"
	"bytes"
	"context"
	"errors"
	"net/http"
	"net/http/httptest"
	"testing"
	"testing/synctest"
	"time"

	. "github.com/onsi/gomega"
	"k8s.io/utils/clock"

	"github.com/fota-callback-operator/fota-callback-operator/internal/simulator"
	"github.com/fota-callback-operator/fota-callback-operator/internal/thingspace"
)

// inProcess hands requests to a handler without a network: a goroutine that waits for one would never count as blocked in a synctest bubble.
type inProcess struct{ http.Handler }

func (h inProcess) RoundTrip(r *http.Request) (*http.Response, error) {
	var wire bytes.Buffer
	if err := r.Write(&wire); err != nil {
		return nil, err
	}
	received, err := http.ReadRequest(bufio.NewReader(&wire))
	if err != nil {
		return nil, err
	}
	recorder := httptest.NewRecorder()
	h.ServeHTTP(recorder, received)
	return recorder.Result(), nil
}

// Nothing shows from outside that a call waits for the sign-in of another one, but that everything is blocked.
func TestWhoWaitsForASignInSharesWhatThingSpaceSaid(t *testing.T) {
	errOwn := errors.New("its attempt can't be recorded")
	for name, test := range map[string]struct {
		faults        []simulator.Fault
		beforeLogin   error
		first, second OmegaMatcher
		counts        map[string]int
	}{
		"a session": {
			first: Succeed(), second: Succeed(),
			counts: map[string]int{"token": 1, "login": 1, "list": 2},
		},
		"that it is down": {
			faults: []simulator.Fault{{Operation: "login", Status: 503}},
			first:  BeAssignableToTypeOf(&thingspace.UnavailableError{}), second: BeAssignableToTypeOf(&thingspace.UnavailableError{}),
			counts: map[string]int{"token": 1, "login": 1},
		},
		"but not what kept the other from asking": {
			beforeLogin: errOwn,
			first:       MatchError(errOwn), second: Succeed(),
			counts: map[string]int{"token": 1, "login": 1, "list": 1},
		},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				g, far := NewWithT(t), simulator.New(simulator.Options{Clock: clock.RealClock{}})
				for _, fault := range test.faults {
					far.Inject(fault)
				}
				client, err := thingspace.New(thingspace.Config{
					BaseURL: "http://thingspace.example.com/api", AllowHTTP: true, Timeout: time.Minute, Clock: clock.RealClock{}, Transport: inProcess{far},
				})
				g.Expect(err).NotTo(HaveOccurred())
				signsIn, goOn := caller(good), make(chan struct{})
				signsIn.BeforeLogin = func(context.Context, bool) error { <-goOn; return test.beforeLogin }
				first, second := make(chan error, 1), make(chan error, 1)
				list := func(c thingspace.Caller, came chan<- error) {
					_, err := client.List(t.Context(), c)
					came <- err
				}
				go list(signsIn, first)
				synctest.Wait()
				go list(caller(good), second)
				synctest.Wait()
				g.Expect(far.Counts()).To(Equal(map[string]int{"token": 1}), "both wait")

				close(goOn)
				g.Expect(<-first).To(test.first)
				g.Expect(<-second).To(test.second)
				g.Expect(far.Counts()).To(Equal(test.counts))
			})
		})
	}
}

// A login that is withheld from somebody who waits for a person's request is not withheld from whoever brings one.
func TestWhoBringsARequestAsksForThemselves(t *testing.T) {
	withheld, down := BeAssignableToTypeOf(&thingspace.LoginWithheldError{}), BeAssignableToTypeOf(&thingspace.UnavailableError{})
	for name, test := range map[string]struct {
		failed        int
		fault         *simulator.Fault
		request       string
		first, second OmegaMatcher
		counts        map[string]int
	}{
		"with a request":          {3, nil, "now", withheld, Succeed(), map[string]int{"token": 1, "login": 1, "list": 1}},
		"without a request":       {3, nil, "", withheld, withheld, map[string]int{"token": 1}},
		"but it is down for both": {0, &simulator.Fault{Operation: "login", Status: 503}, "now", down, down, map[string]int{"token": 1, "login": 1}},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				g, far := NewWithT(t), simulator.New(simulator.Options{Clock: clock.RealClock{}})
				client, err := thingspace.New(thingspace.Config{
					BaseURL: "http://thingspace.example.com/api", AllowHTTP: true, Timeout: time.Minute, Clock: clock.RealClock{}, Transport: inProcess{far},
				})
				g.Expect(err).NotTo(HaveOccurred())
				if test.fault != nil {
					far.Inject(*test.fault)
				}
				signsIn, waits, goOn := caller(good), caller(good), make(chan struct{})
				signsIn.Earlier.Failed, waits.Earlier.Failed = test.failed, test.failed
				signsIn.BeforeToken = func(context.Context) error { <-goOn; return nil }
				waits.LoginRequest = test.request
				first, second := make(chan error, 1), make(chan error, 1)
				list := func(c thingspace.Caller, came chan<- error) {
					_, err := client.List(t.Context(), c)
					came <- err
				}
				go list(signsIn, first)
				synctest.Wait()
				go list(waits, second)
				synctest.Wait()
				close(goOn)
				g.Expect(<-first).To(test.first)
				g.Expect(<-second).To(test.second)
				g.Expect(far.Counts()).To(Equal(test.counts))
			})
		})
	}
}

// Who can't ask for a token any more, because the credentials have changed say, does not.
func TestWhatKeepsATokenFromBeingAskedFor(t *testing.T) {
	g, f, changed := NewWithT(t), newFar(t, simulator.Options{}), errors.New("the Secret has changed")
	c := caller(good)
	c.BeforeToken = func(context.Context) error { return changed }
	g.Expect(f.list(t, c)).To(MatchError(changed))
	g.Expect(f.Counts()).To(BeEmpty())
	g.Expect(f.list(t, caller(good))).To(Succeed())
	g.Expect(f.list(t, c)).To(Succeed(), "there is one")
	f.EndTokens()
	g.Expect(f.list(t, c)).To(MatchError(changed), "it is not renewed either")
	g.Expect(f.Counts()).To(Equal(map[string]int{"token": 1, "login": 1, "list": 3}))
}

// A client that is refused is not asked about again for a minute, unless a person asks; anything else that comes instead of a token says nothing of it.
func TestWhatComesInsteadOfAToken(t *testing.T) {
	refused := BeAssignableToTypeOf(&thingspace.CredentialsRejectedError{})
	for name, test := range map[string]struct {
		status int
		body   string
		is     OmegaMatcher
		asked  int // times, in two calls
	}{
		"400 with a code":        {400, `{"error":"invalid_client"}`, refused, 1},
		"401 with a code":        {401, `{"error":"invalid_client"}`, refused, 1},
		"403 with a code":        {403, `{"error":"invalid_client"}`, refused, 1},
		"400 of somebody else":   {400, `<html>`, BeAssignableToTypeOf(&thingspace.UnexpectedResponseError{}), 2},
		"404 with a code":        {404, `{"error":"invalid_client"}`, BeAssignableToTypeOf(&thingspace.UnexpectedResponseError{}), 2},
		"500 with a code":        {500, `{"error":"invalid_client"}`, BeAssignableToTypeOf(&thingspace.UnavailableError{}), 2},
		"400 of the rate limit":  {400, `{"fault":{"code":900800}}`, BeAssignableToTypeOf(&thingspace.RateLimitedError{}), 1},
		"a token that is no one": {200, `{"access_token":""}`, BeAssignableToTypeOf(&thingspace.UnexpectedResponseError{}), 2},
	} {
		t.Run(name, func(t *testing.T) {
			g, f := NewWithT(t), newFar(t, simulator.Options{})
			f.Inject(simulator.Fault{Operation: "token", Status: test.status, Body: test.body})
			for range 2 {
				g.Expect(f.list(t, caller(good))).To(test.is)
			}
			g.Expect(f.Counts()).To(Equal(map[string]int{"token": test.asked}))
		})
	}
}

func TestARefusedLoginWhateverItsStatus(t *testing.T) {
	for _, status := range []int{400, 401, 403} {
		g, f := NewWithT(t), newFar(t, simulator.Options{LoginRefusal: status})
		for range 3 {
			g.Expect(as[*thingspace.CredentialsRejectedError](t, f.list(t, caller(withPassword("wrong")))).Login).To(BeTrue())
			f.clock.Step(time.Minute)
		}
		g.Expect(f.Count("login")).To(Equal(1), "%d", status)
	}
}

// A 401 alone is what the gateway says of a stale bearer: its code with another status is no reason to log in again.
// The gateway looks at the token first: that the session has ended too is told by the repetition, maybe without saying which of both it means.
func TestTokenAndSessionHaveEnded(t *testing.T) {
	for _, shape := range []simulator.Answer{simulator.AnswerBare401, ""} {
		g, f := NewWithT(t), newFar(t, simulator.Options{SessionRefusal: shape})
		g.Expect(f.list(t, caller(good))).To(Succeed())
		f.clock.Step(5 * time.Minute)
		f.EndTokens()
		f.EndSessions()
		g.Expect(f.list(t, caller(good))).To(Succeed())
		g.Expect([]int{f.Count("token"), f.Count("login"), f.Count("list")}).To(Equal([]int{2, 2, 4}))
	}
}

func TestABearersCodeWithAnotherStatus(t *testing.T) {
	g, f := NewWithT(t), newFar(t, simulator.Options{})
	f.Inject(simulator.Fault{Operation: "login", Status: 403, Body: `{"fault":{"code":"900901"}}`})
	_ = as[*thingspace.UnexpectedResponseError](t, f.list(t, caller(good)))
	g.Expect(f.Counts()).To(Equal(map[string]int{"token": 1, "login": 1}))
}

// What is told of a login: before it is sent, that it never left, that it has succeeded.
func TestWhatIsToldOfALogin(t *testing.T) {
	for name, test := range map[string]struct {
		faults []simulator.Fault
		told   []string
	}{
		"it succeeds":   {nil, []string{"before", "after"}},
		"it fails":      {[]simulator.Fault{{Operation: "login", Status: 500}}, []string{"before"}},
		"throttled":     {[]simulator.Fault{{Operation: "login", Status: 429}}, []string{"before", "unsent"}},
		"no answer":     {[]simulator.Fault{{Operation: "login"}}, []string{"before"}},
		"it is useless": {[]simulator.Fault{{Operation: "login", Status: 200, Body: "{}"}}, []string{"before"}},
	} {
		t.Run(name, func(t *testing.T) {
			g, f := NewWithT(t), newFar(t, simulator.Options{})
			for _, fault := range test.faults {
				f.Inject(fault)
			}
			var told []string
			c := caller(good)
			c.BeforeLogin = func(context.Context, bool) error { told = append(told, "before"); return nil }
			c.LoginUncounted = func() { told = append(told, "unsent") }
			c.AfterLogin = func(context.Context) { told = append(told, "after") }
			_ = f.list(t, c)
			g.Expect(told).To(Equal(test.told))
		})
	}
}

func TestATokenOfUnknownLifeServes(t *testing.T) {
	g, f := NewWithT(t), newFar(t, simulator.Options{NoExpiresIn: true})
	for range 2 {
		g.Expect(f.list(t, caller(good))).To(Succeed())
	}
	g.Expect(f.Counts()).To(Equal(map[string]int{"token": 1, "login": 1, "list": 2}))
}
