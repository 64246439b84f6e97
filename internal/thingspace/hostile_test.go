package thingspace_test

import (
	"net/http"
	"testing"
	"time"

	. "github.com/onsi/gomega"

	"github.com/fota-callback-operator/fota-callback-operator/internal/simulator"
	"github.com/fota-callback-operator/fota-callback-operator/internal/thingspace"
)

// Whatever ThingSpace, its gateway or something between answers to whatever call: nothing is claimed that is not so, nobody is locked out, and no
// answer is read for ever.
func TestNoAnswerMakesACallClaimWhatIsNotSo(t *testing.T) {
	const before = "https://fota.example.com/before"
	shapes := map[string]simulator.Fault{
		"no answer":              {},
		"endless":                {Status: http.StatusOK, Body: "xxxxxxxxxxxxxxxx", Endless: true},
		"cut off":                {Status: http.StatusOK, Body: `{"url":"` + fleetURL, CutOff: true},
		"right, but cut off":     {Answer: simulator.AnswerRight, CutOff: true},
		"a huge Retry-After":     {Status: http.StatusTooManyRequests, Header: map[string]string{"Retry-After": "999999999999"}},
		"a negative Retry-After": {Status: http.StatusServiceUnavailable, Header: map[string]string{"Retry-After": "-1"}},
		"a Retry-After of words": {Status: http.StatusTooManyRequests, Header: map[string]string{"Retry-After": "tomorrow"}},
		"another charset":        {Status: http.StatusOK, Header: map[string]string{"Content-Type": "application/json; charset=utf-16"}, Body: "\xff\xfe{\x00}\x00"},
		"compressed":             {Status: http.StatusOK, Header: map[string]string{"Content-Encoding": "gzip"}, Body: "\x1f\x8b\x08"},
		"a cookie":               {Status: http.StatusOK, Header: map[string]string{"Set-Cookie": "a=b"}, Body: "{}x"},
		"informational":          {Status: http.StatusResetContent},
		"not modified":           {Status: http.StatusNotModified},
		"teapot":                 {Status: http.StatusTeapot, Body: `{"url":"` + fleetURL + `"}`},
		"status 599":             {Status: 599, Body: `{"url":"` + fleetURL + `"}`},
		"a number":               {Status: http.StatusOK, Body: "1e999"},
		"deep nesting":           {Status: http.StatusOK, Body: deep(10_000)},
		"two keys":               {Status: http.StatusOK, Body: `{"success":true,"success":false}`},
	}
	for _, name := range simulator.Answers() {
		shapes["the answer "+string(name)] = simulator.Fault{Answer: name}
	}
	calls := 0
	saysSo := "the answer " + string(simulator.AnswerNotRegistered) // as good as the truth
	for name, fault := range shapes {
		for _, operation := range []string{"list", "register", "update", "deregister", "token", "login"} {
			calls++
			t.Run(name+" to "+operation, func(t *testing.T) {
				g := NewWithT(t)
				f := newFar(t, simulator.Options{})
				f.Register(account, before)
				fault.Operation = operation
				f.Inject(fault)

				live, err := f.client.List(t.Context(), caller(good))
				if err == nil && name != saysSo {
					g.Expect(live).To(Equal(before), "List")
				}
				f.clock.Step(11 * time.Minute) // whatever was asked to be waited out
				if _, err := f.client.Update(t.Context(), caller(good), fleetURL, yes); err == nil {
					g.Expect(f.Registered(account)).To(Equal(fleetURL), "Update")
				}
				f.clock.Step(11 * time.Minute)
				if _, err := f.client.Register(t.Context(), caller(good), secondURL, yes); err == nil {
					g.Expect(f.Registered(account)).To(Equal(secondURL), "Register")
				}
				f.clock.Step(11 * time.Minute)
				if err := f.client.Deregister(t.Context(), caller(good), yes); err == nil && name != saysSo {
					g.Expect(f.Registered(account)).To(BeEmpty(), "Deregister")
				}
				g.Expect(f.Locked(simulator.DefaultUsername)).To(BeFalse())
			})
		}
	}
	NewWithT(t).Expect(len(shapes)).To(BeNumerically(">=", 40))
	t.Logf("%d answers, %d calls", len(shapes), calls)
}

func deep(levels int) string {
	text := make([]byte, levels)
	for i := range text {
		text[i] = '['
	}
	return string(text)
}

// A body that comes a byte at a time ends with the time-out of the call.
func TestDrippingBody(t *testing.T) {
	f := newFar(t, simulator.Options{})
	f.Register(account, fleetURL)
	_, err := f.client.List(t.Context(), caller(good))
	NewWithT(t).Expect(err).NotTo(HaveOccurred())
	f.Inject(simulator.Fault{Operation: "list", Answer: simulator.AnswerRight, Drip: time.Hour}) // on the clock that stands still: never more than one byte
	_, err = f.client.List(t.Context(), caller(good))
	_ = as[*thingspace.UnavailableError](t, err)
}
