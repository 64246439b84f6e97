package thingspace_test

import (
	"context"
	"strings"
	"testing"

	. "github.com/onsi/gomega"

	"github.com/fota-callback-operator/fota-callback-operator/internal/simulator"
	"github.com/fota-callback-operator/fota-callback-operator/internal/thingspace"
)

// From 500 on, what counts is the status: a body that was cut off adds nothing to it.
func TestAnAnswerThatIsCutOff(t *testing.T) {
	for status, is := range map[int]OmegaMatcher{
		200: BeAssignableToTypeOf(&thingspace.UnexpectedResponseError{}),
		499: BeAssignableToTypeOf(&thingspace.UnexpectedResponseError{}),
		500: Equal(&thingspace.UnavailableError{Cause: "HTTP 500"}),
		502: Equal(&thingspace.UnavailableError{Cause: "HTTP 502"}),
	} {
		g, f := NewWithT(t), newFar(t, simulator.Options{})
		f.Inject(simulator.Fault{Operation: "list", Status: status, Body: `{"url":"https://`, CutOff: true})
		g.Expect(f.list(t, caller(good))).To(is, "%d", status)
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
