package thingspace_test

import (
	"bufio"
	"bytes"
	"context"
	"errors"
	"net/http"
	"net/http/httptest"
	"strconv"
	"testing"
	"testing/synctest"
	"time"

	. "github.com/onsi/gomega"
	"k8s.io/utils/clock"

	"github.com/fota-callback-operator/fota-callback-operator/internal/logins/loginstest"
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

// blocksBeforeLogin is a source whose third answer takes a while: the one right before the login.
type blocksBeforeLogin struct {
	thingspace.CredentialsSource
	asked int
	goOn  <-chan struct{}
	err   error
}

// Get implements thingspace.CredentialsSource.
func (s *blocksBeforeLogin) Get(ctx context.Context, maxAge time.Duration) (thingspace.Credentials, error) {
	if s.asked++; s.asked == 3 {
		<-s.goOn
		if s.err != nil {
			return thingspace.Credentials{}, s.err
		}
	}
	return s.CredentialsSource.Get(ctx, maxAge)
}

// What the Secret says right before a login counts: where it has changed since, the new credentials are used.
func TestCredentialsThatChangeBeforeTheLogin(t *testing.T) {
	g, f := NewWithT(t), newFar(t, simulator.Options{})
	c := caller(withPassword("wrong"))
	c.Credentials = &rotated{before: c.Credentials, after: caller(good).Credentials, at: 3}
	g.Expect(f.list(t, c)).To(Succeed())
	g.Expect(f.Counts()).To(Equal(map[string]int{"token": 2, "login": 1, "list": 1}))
}

// A Secret that never holds the same twice signs nobody in, and ends the call.
func TestCredentialsThatChangeWithoutEnd(t *testing.T) {
	g, f := NewWithT(t), newFar(t, simulator.Options{})
	c, n := caller(good), 0
	c.Credentials = sourceFunc(func() thingspace.Credentials { n++; return withPassword(strconv.Itoa(n)) })
	g.Expect(f.list(t, c)).To(MatchError("the credentials have changed since they were read"))
	g.Expect(f.Count("login")).To(BeZero())
}

type sourceFunc func() thingspace.Credentials

// Get implements thingspace.CredentialsSource.
func (f sourceFunc) Get(context.Context, time.Duration) (thingspace.Credentials, error) {
	return f(), nil
}

// rotated is a Secret that changes before its nth answer.
type rotated struct {
	before, after thingspace.CredentialsSource
	asked, at     int
}

// Get implements thingspace.CredentialsSource.
func (r *rotated) Get(ctx context.Context, maxAge time.Duration) (thingspace.Credentials, error) {
	if r.asked++; r.asked < r.at {
		return r.before.Get(ctx, maxAge)
	}
	return r.after.Get(ctx, maxAge)
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
				store, _ := loginstest.NewStore(clock.RealClock{})
				client, err := thingspace.New(thingspace.Config{
					Logins: store, BaseURL: "http://thingspace.example.com/api", AllowHTTP: true, Timeout: time.Minute, Clock: clock.RealClock{}, Transport: inProcess{far},
				})
				g.Expect(err).NotTo(HaveOccurred())
				signsIn, goOn := caller(good), make(chan struct{})
				signsIn.Credentials = &blocksBeforeLogin{CredentialsSource: signsIn.Credentials, goOn: goOn, err: test.beforeLogin}
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

// A client that is refused is not asked about again by everybody who waits; anything else that comes instead of a token says nothing of it.
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

func TestATokenOfUnknownLifeServes(t *testing.T) {
	g, f := NewWithT(t), newFar(t, simulator.Options{NoExpiresIn: true})
	for range 2 {
		g.Expect(f.list(t, caller(good))).To(Succeed())
	}
	g.Expect(f.Counts()).To(Equal(map[string]int{"token": 1, "login": 1, "list": 2}))
}
