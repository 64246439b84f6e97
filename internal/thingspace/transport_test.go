package thingspace_test

import (
	"context"
	"strings"
	"testing"
	"time"

	. "github.com/onsi/gomega"

	"github.com/fota-callback-operator/fota-callback-operator/internal/simulator"
	"github.com/fota-callback-operator/fota-callback-operator/internal/thingspace"
)

// From 500 on and with 429, what counts are status and header: a body that was cut off, or is too long, adds nothing to it.
func TestAnAnswerThatIsCutOff(t *testing.T) {
	for status, is := range map[int]OmegaMatcher{
		200: BeAssignableToTypeOf(&thingspace.UnexpectedResponseError{}),
		429: Equal(&thingspace.RateLimitedError{RetryAfter: 5 * time.Minute}),
		499: BeAssignableToTypeOf(&thingspace.UnexpectedResponseError{}),
		500: Equal(&thingspace.UnavailableError{Cause: "HTTP 500", RetryAfter: 5 * time.Minute}),
		502: Equal(&thingspace.UnavailableError{Cause: "HTTP 502", RetryAfter: 5 * time.Minute}),
	} {
		g, f := NewWithT(t), newFar(t, simulator.Options{})
		fault := simulator.Fault{Operation: "list", Status: status, Header: map[string]string{"Retry-After": "300"}, Body: `{"url":"https://`, CutOff: true}
		f.Inject(fault)
		g.Expect(f.list(t, caller(good))).To(is, "%d", status)

		f = newFar(t, simulator.Options{})
		fault.CutOff, fault.Body = false, strings.Repeat(" ", 65<<10)
		f.Inject(fault)
		g.Expect(f.list(t, caller(good))).To(is, "%d, a body that is too long", status)
	}
}

func TestTheLongestBody(t *testing.T) {
	g, f := NewWithT(t), newFar(t, simulator.Options{})
	longest := `{"url":"` + fleetURL + `"}` + strings.Repeat(" ", 64<<10)
	longest = longest[:64<<10]
	f.Inject(simulator.Fault{Operation: "list", Status: 200, Body: longest, Times: 1})
	g.Expect(f.list(t, caller(good))).To(Succeed())
	f.Inject(simulator.Fault{Operation: "list", Status: 200, Body: longest + " "})
	_ = as[*thingspace.UnexpectedResponseError](t, f.list(t, caller(good)))
}

// Who gives up while ThingSpace has not answered yet hears that, and nothing of ThingSpace.
func TestWhoGivesUpOnACall(t *testing.T) {
	ctx, giveUp := context.WithCancel(t.Context())
	f := newFar(t, simulator.Options{OnRequest: func(r simulator.Request) {
		if r.Operation == "list" {
			giveUp()
		}
	}})
	f.Inject(simulator.Fault{Operation: "list", Hang: true})
	_, err := f.client.List(ctx, caller(good))
	NewWithT(t).Expect(err).To(MatchError(context.Canceled))
}
