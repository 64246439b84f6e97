package thingspace_test

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/http/httptest"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	. "github.com/onsi/gomega"
	clocktesting "k8s.io/utils/clock/testing"

	"github.com/fota-callback-operator/fota-callback-operator/internal/logins"
	"github.com/fota-callback-operator/fota-callback-operator/internal/logins/loginstest"
	"github.com/fota-callback-operator/fota-callback-operator/internal/simulator"
	"github.com/fota-callback-operator/fota-callback-operator/internal/thingspace"
)

const (
	account   = "0000123456-00001"
	fleetURL  = "https://fota.example.com/callbacks/east"
	secondURL = "https://fota.example.com/callbacks/west"
)

var good = thingspace.Credentials{
	ClientID: simulator.DefaultClientID, ClientSecret: simulator.DefaultClientSecret,
	Username: simulator.DefaultUsername, Password: simulator.DefaultPassword,
}

// far is a simulated ThingSpace over real HTTP, and a client of it, on a clock that stands still until it is moved.
type far struct {
	*simulator.Simulator
	clock     *clocktesting.FakeClock
	client    *thingspace.Client
	record    *loginstest.API
	base      string
	recovered atomic.Int32
}

func newFar(t *testing.T, options simulator.Options, changes ...func(*thingspace.Config)) *far {
	t.Helper()
	f := &far{clock: clocktesting.NewFakeClock(time.Date(2026, 11, 23, 12, 0, 0, 0, time.UTC))}
	options.Clock = f.clock
	f.Simulator = simulator.New(options)
	server := httptest.NewServer(f.Simulator)
	t.Cleanup(server.Close)
	f.base = server.URL + "/api"
	f.client = f.newClient(t, f.base, changes...)
	return f
}

func (f *far) newClient(t *testing.T, base string, changes ...func(*thingspace.Config)) *thingspace.Client {
	t.Helper()
	if f.record == nil {
		_, f.record = loginstest.NewStore(f.clock)
	}
	config := thingspace.Config{
		Logins: logins.NewStore(f.record, loginstest.Name, f.clock), BaseURL: base, AllowHTTP: true, Timeout: 2 * time.Second, Clock: f.clock, OnRecovery: func() { f.recovered.Add(1) },
	}
	for _, change := range changes {
		change(&config)
	}
	client, err := thingspace.New(config)
	NewWithT(t).Expect(err).NotTo(HaveOccurred())
	return client
}

// source is a Secret that holds the same credentials all the time.
type source thingspace.Credentials

// Get implements thingspace.CredentialsSource.
func (s source) Get(context.Context, time.Duration) (thingspace.Credentials, error) {
	return thingspace.Credentials(s), nil
}

// caller has its credentials in a version of a Secret that is as many as there are credentials.
func caller(credentials thingspace.Credentials) thingspace.Caller {
	if credentials.Secret.UID == "" {
		credentials.Secret = thingspace.SecretVersion{
			Namespace: "iot", Name: "credentials", UID: "secret", ResourceVersion: fmt.Sprintf("%x", credentials.Digest()),
		}
	}
	return thingspace.Caller{Account: account, Namespace: credentials.Secret.Namespace, Credentials: source(credentials)}
}

func as[E error](t *testing.T, err error) E {
	t.Helper()
	var target E
	if !errors.As(err, &target) {
		t.Fatalf("expected a %T, got %T: %v", target, err, err)
	}
	return target
}

func yes(context.Context) error { return nil }

func TestTheFourCalls(t *testing.T) {
	g, f, ctx := NewWithT(t), newFar(t, simulator.Options{}), t.Context()
	url, err := f.client.List(ctx, caller(good))
	g.Expect(url, err).To(BeEmpty())
	g.Expect(f.client.Register(ctx, caller(good), fleetURL, yes)).To(Equal(fleetURL))
	g.Expect(f.client.List(ctx, caller(good))).To(Equal(fleetURL))
	g.Expect(f.client.Update(ctx, caller(good), secondURL, yes)).To(Equal(secondURL))
	g.Expect(f.Registered(account)).To(Equal(secondURL))
	g.Expect(f.client.Deregister(ctx, caller(good), yes)).To(Succeed())
	g.Expect(f.Registered(account)).To(BeEmpty())
	g.Expect(f.client.Deregister(ctx, caller(good), yes)).To(Succeed(), "gone is gone")
	g.Expect(f.Counts()).To(Equal(map[string]int{"token": 1, "login": 1, "list": 2, "register": 1, "update": 1, "deregister": 2}))
}

func TestEveryWayToSayNothing(t *testing.T) {
	for _, way := range []simulator.Nothing{
		simulator.NothingEmpty, simulator.NothingChunked, simulator.NothingSpace, simulator.NothingNull, simulator.NothingObject, simulator.NothingArray,
		simulator.NothingArrayOfObject, simulator.NothingNullURL, simulator.NothingEmptyURL, simulator.Nothing204, simulator.Nothing404,
		simulator.Nothing404JSON, simulator.Nothing400, simulator.Nothing403,
	} {
		t.Run(string(way), func(t *testing.T) {
			f := newFar(t, simulator.Options{Nothing: way})
			url, err := f.client.List(t.Context(), caller(good))
			NewWithT(t).Expect(url, err).To(BeEmpty())
		})
	}
}

func TestUpdateRegistersWhereThingSpaceRefusesIt(t *testing.T) {
	for _, status := range []int{400, 404} {
		g, f := NewWithT(t), newFar(t, simulator.Options{UpdateMissing: status, DeregisterMissing: status})
		proofs := 0
		prove := func(context.Context) error { proofs++; return nil }
		g.Expect(f.client.Update(t.Context(), caller(good), fleetURL, prove)).To(Equal(fleetURL))
		g.Expect(proofs).To(Equal(2), "each request is proved")
		f.Register(account, "")
		g.Expect(f.client.Deregister(t.Context(), caller(good), yes)).To(Succeed())
	}
}

// Everything that can wait comes before the proof, and without the proof nothing is sent.
func TestProof(t *testing.T) {
	g, f := NewWithT(t), newFar(t, simulator.Options{})
	refusal := errors.New("not any more")
	_, err := f.client.Register(t.Context(), caller(good), fleetURL, func(context.Context) error {
		g.Expect(f.Count("token")).To(Equal(1))
		g.Expect(f.Count("login")).To(Equal(1))
		return refusal
	})
	g.Expect(err).To(MatchError(refusal))
	g.Expect(f.Count("register")).To(BeZero())

	f.clock.Step(2 * time.Minute)
	f.EndSessions()
	proofs := 0
	_, err = f.client.Register(t.Context(), caller(good), fleetURL, func(context.Context) error { proofs++; return nil })
	g.Expect(err).NotTo(HaveOccurred())
	g.Expect(proofs).To(Equal(2), "a repeated call proves again")
}

func TestOneSignInForEverybody(t *testing.T) {
	g, f := NewWithT(t), newFar(t, simulator.Options{})
	var all sync.WaitGroup
	for n := range 100 {
		all.Go(func() {
			c := caller(good)
			c.Account = fmt.Sprintf("acc-%d", n)
			if _, err := f.client.List(t.Context(), c); err != nil {
				t.Error(err)
			}
		})
	}
	all.Wait()
	g.Expect(f.Counts()).To(Equal(map[string]int{"token": 1, "login": 1, "list": 100}))
}

// Every shape in which a sign-in was seen refused: what is renewed, and that the call then succeeds.
func TestReauthentication(t *testing.T) {
	for name, test := range map[string]struct {
		status        int
		body          string
		tokens, login int
	}{
		"stale bearer":            {401, `{"fault":{"code":"900901"}}`, 2, 1},
		"stale bearer, a number":  {401, `{"fault":{"code":900901}}`, 2, 1},
		"missing bearer":          {401, `{"fault":{"code":"900902"}}`, 2, 1},
		"session expired":         {400, `{"errorCode":"UnifiedWebService.REQUEST_FAILED.SessionToken.Expired"}`, 1, 2},
		"session invalid at 401":  {401, `{"errorCode":"X.SessionToken.Invalid"}`, 1, 2},
		"session format at 403":   {403, `{"errorCode":"X.SessionToken.Format"}`, 1, 2},
		"unauthorized by the UWS": {401, `{"error":"unauthorized","error_description":"UWS session"}`, 2, 2},
		"a bare 401":              {401, ``, 2, 2},
		"a 401 in HTML":           {401, `<html>`, 2, 2},
	} {
		t.Run(name, func(t *testing.T) {
			g, f := NewWithT(t), newFar(t, simulator.Options{})
			_, err := f.client.List(t.Context(), caller(good))
			g.Expect(err).NotTo(HaveOccurred())
			f.clock.Step(2 * time.Minute)
			f.Inject(simulator.Fault{Operation: "list", Status: test.status, Body: test.body, Times: 1})
			_, err = f.client.List(t.Context(), caller(good))
			g.Expect(err).NotTo(HaveOccurred())
			g.Expect(f.Counts()).To(Equal(map[string]int{"list": 3, "token": test.tokens, "login": test.login}))

			// It never loops: refused again, it is denied.
			f.clock.Step(2 * time.Minute)
			f.ResetRecord()
			f.Inject(simulator.Fault{Operation: "list", Status: test.status, Body: test.body})
			_, err = f.client.List(t.Context(), caller(good))
			_ = as[*thingspace.AccessDeniedError](t, err)
			g.Expect(f.Count("list")).To(Equal(2))
			g.Expect(f.Count("login")).To(BeNumerically("<=", 1))
		})
	}
}

func TestTokenAndSessionEndedTogether(t *testing.T) {
	g, f := NewWithT(t), newFar(t, simulator.Options{})
	_, err := f.client.List(t.Context(), caller(good))
	g.Expect(err).NotTo(HaveOccurred())
	f.clock.Step(2 * time.Minute)
	f.EndSessions()
	f.EndTokens()
	_, err = f.client.List(t.Context(), caller(good))
	g.Expect(err).NotTo(HaveOccurred())
	g.Expect(f.Count("login")).To(Equal(2))
}

// A 401 without a code on a young session is about the account, and must not cost everybody's session.
func TestYoungSessionIsKept(t *testing.T) {
	g, f := NewWithT(t), newFar(t, simulator.Options{})
	_, err := f.client.List(t.Context(), caller(good))
	g.Expect(err).NotTo(HaveOccurred())
	f.Inject(simulator.Fault{Operation: "list", Status: 401, Times: 1})
	_, err = f.client.List(t.Context(), caller(good))
	_ = as[*thingspace.AccessDeniedError](t, err)
	_, err = f.client.List(t.Context(), caller(good))
	g.Expect(err).NotTo(HaveOccurred())
	g.Expect(f.Counts()).To(Equal(map[string]int{"list": 3, "token": 1, "login": 1}))
}

func TestTokenAndSessionLives(t *testing.T) {
	g, f := NewWithT(t), newFar(t, simulator.Options{})
	call := func() {
		t.Helper()
		_, err := f.client.List(t.Context(), caller(good))
		g.Expect(err).NotTo(HaveOccurred())
	}
	call()
	f.clock.Step(14 * time.Minute)
	call()
	g.Expect(f.Count("login")).To(Equal(1), "used within 15 minutes")
	f.clock.Step(15 * time.Minute)
	g.Expect(f.client.SignedIn(good)).To(BeFalse())
	call()
	g.Expect(f.Count("login")).To(Equal(2), "idle for 15 minutes: replaced before use")
	f.clock.Step(14 * time.Minute)
	call()
	f.clock.Step(13 * time.Minute)
	call()
	g.Expect(f.Count("token")).To(Equal(1))
	g.Expect(f.client.SignedIn(good)).To(BeTrue())
	f.clock.Step(3*time.Minute + 40*time.Second)
	g.Expect(f.client.SignedIn(good)).To(BeFalse(), "the session goes on, and the token does not")
	call()
	g.Expect(f.Count("token")).To(Equal(2), "within 30 s of its end")
	for range 10 {
		call()
	}
	g.Expect(f.Count("token")).To(Equal(2), "asking again brings the same one, so it is not asked for by each call")
	f.clock.Step(time.Minute)
	call()
	g.Expect(f.Count("list")).To(Equal(17), "no call was refused on the way")
}

func TestRedirectsAreNotFollowed(t *testing.T) {
	var reached atomic.Int32
	target := httptest.NewServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) { reached.Add(1) }))
	defer target.Close()
	f := newFar(t, simulator.Options{})
	g := NewWithT(t)
	calls := map[string]func() error{
		"list":       func() error { _, err := f.client.List(t.Context(), caller(good)); return err },
		"register":   func() error { _, err := f.client.Register(t.Context(), caller(good), fleetURL, yes); return err },
		"update":     func() error { _, err := f.client.Update(t.Context(), caller(good), fleetURL, yes); return err },
		"deregister": func() error { return f.client.Deregister(t.Context(), caller(good), yes) },
	}
	statuses := []int{301, 302, 303, 307, 308}
	locations := []string{target.URL + "/x", "//" + target.Listener.Addr().String(), "/api/elsewhere", ""}
	for _, status := range statuses {
		for _, location := range locations {
			for operation, call := range calls {
				f.Inject(simulator.Fault{Operation: operation, Status: status, Header: map[string]string{"Location": location}, Times: 1})
				_ = as[*thingspace.UnexpectedResponseError](t, call())
			}
		}
	}
	g.Expect(reached.Load()).To(BeZero())
	// The simulator's 404 for the target at its own host fails most calls just as the redirect does: only its count shows that one was followed.
	each := len(statuses) * len(locations)
	g.Expect(f.Counts()).To(Equal(map[string]int{"token": 1, "login": 1, "list": each, "register": each, "update": each, "deregister": each}))
	g.Expect(f.Registrations()).To(BeEmpty())
	documentedf(t, "Redirects: %d codes × %d targets × %d methods", len(statuses), len(locations), len(calls))
}

func TestHostileBodies(t *testing.T) {
	f := newFar(t, simulator.Options{})
	for name, fault := range map[string]simulator.Fault{
		"endless":       {Status: 200, Body: "xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx", Endless: true},
		"cut off":       {Status: 200, Body: `{"url":"https://`, CutOff: true},
		"compressed":    {Status: 200, Header: map[string]string{"Content-Encoding": "gzip"}, Body: "\x1f\x8b\x08"},
		"HTML":          {Status: 200, Body: "<html>"},
		"false success": {Status: 200, Body: `{"success":false}`},
	} {
		t.Run(name, func(t *testing.T) {
			f.ClearFaults()
			fault.Operation = "list"
			f.Inject(fault)
			_, err := f.client.List(t.Context(), caller(good))
			_ = as[*thingspace.UnexpectedResponseError](t, err)
		})
	}
}

func TestNoAnswer(t *testing.T) {
	t.Parallel() // it waits for the time-out of calls
	f := newFar(t, simulator.Options{})
	g := NewWithT(t)
	_, err := f.client.List(t.Context(), caller(good))
	g.Expect(err).NotTo(HaveOccurred())
	f.Inject(simulator.Fault{Operation: "list", Hang: true, Times: 1})
	_, err = f.client.List(t.Context(), caller(good))
	g.Expect(as[*thingspace.UnavailableError](t, err).Cause).To(Equal("no answer within 2s"))
	f.Inject(simulator.Fault{Operation: "list", Times: 1})
	_, err = f.client.List(t.Context(), caller(good))
	g.Expect(as[*thingspace.UnavailableError](t, err).Cause).To(Equal("the connection was closed without an answer"))

	f.clock.Step(time.Minute) // the user has one login in this time
	nowhere := f.newClient(t, "http://127.0.0.1:1/api")
	_, err = nowhere.List(t.Context(), caller(good))
	g.Expect(as[*thingspace.UnavailableError](t, err).Cause).To(Equal("connection refused"))

	cancelled, cancel := context.WithCancel(t.Context())
	cancel()
	_, err = f.client.List(cancelled, caller(good))
	g.Expect(err).To(MatchError(context.Canceled))
}

func TestRetryAfterHoldsForTheCredentials(t *testing.T) {
	g, f := NewWithT(t), newFar(t, simulator.Options{})
	f.Inject(simulator.Fault{Operation: "list", Status: 429, Header: map[string]string{"Retry-After": "120"}, Times: 1})
	_, err := f.client.List(t.Context(), caller(good))
	g.Expect(as[*thingspace.RateLimitedError](t, err).RetryAfter).To(Equal(2 * time.Minute))
	f.clock.Step(119 * time.Second)
	_, err = f.client.List(t.Context(), caller(good))
	g.Expect(as[*thingspace.RateLimitedError](t, err).RetryAfter).To(Equal(time.Second))
	g.Expect(f.Count("list")).To(Equal(1))
	f.clock.Step(time.Second)
	_, err = f.client.List(t.Context(), caller(good))
	g.Expect(err).NotTo(HaveOccurred())
}

func TestCircuit(t *testing.T) {
	g, f := NewWithT(t), newFar(t, simulator.Options{})
	list := func(n int) error {
		c := caller(good)
		c.Account = fmt.Sprintf("acc-%d", n)
		_, err := f.client.List(t.Context(), c)
		return err
	}
	for n := range 10 {
		g.Expect(list(n)).To(Succeed())
	}
	f.ResetRecord()
	f.Inject(simulator.Fault{Status: 500})
	for n := range 10 {
		g.Expect(as[*thingspace.UnavailableError](t, list(n)).CircuitOpen).To(BeFalse())
	}
	var waits []time.Duration
	for n := range 5 {
		err := as[*thingspace.UnavailableError](t, list(n))
		g.Expect(err.CircuitOpen).To(BeTrue())
		waits = append(waits, err.RetryAfter)
	}
	g.Expect(waits).To(Equal([]time.Duration{1e9, 2e9, 3e9, 4e9, 5e9}), "a place in line each")
	g.Expect(f.Count("list")).To(Equal(10))
	for range 30 {
		f.clock.Step(time.Second)
		for n := range 10 {
			g.Expect(list(n)).NotTo(Succeed())
		}
	}
	g.Expect(f.Count("list")).To(Equal(40), "one call a second")
	g.Expect(f.recovered.Load()).To(BeZero())

	f.ClearFaults()
	f.Inject(simulator.Fault{Status: 503, Header: map[string]string{"Retry-After": "60"}})
	for range 30 {
		f.clock.Step(time.Second)
		g.Expect(list(0)).NotTo(Succeed())
	}
	g.Expect(f.Count("list")).To(Equal(41), "Retry-After is honoured")

	f.ClearFaults()
	f.clock.Step(time.Minute)
	g.Expect(list(0)).To(Succeed())
	g.Expect(list(1)).To(Succeed())
	g.Expect(f.recovered.Load()).To(BeEquivalentTo(1))
}
