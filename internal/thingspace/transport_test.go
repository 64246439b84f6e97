package thingspace_test

import (
	"context"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	. "github.com/onsi/gomega"
	clocktesting "k8s.io/utils/clock/testing"

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
	g, clock := NewWithT(t), clocktesting.NewFakeClock(time.Now())
	ctx, giveUp := context.WithCancel(t.Context())
	far := simulator.New(simulator.Options{Clock: clock, OnRequest: func(r simulator.Request) {
		if r.Operation == "list" {
			giveUp()
		}
	}})
	far.Inject(simulator.Fault{Operation: "list", Hang: true})
	server := httptest.NewServer(far)
	t.Cleanup(server.Close)
	client, err := thingspace.New(thingspace.Config{BaseURL: server.URL + "/api", AllowHTTP: true, Timeout: time.Minute, Clock: clock})
	g.Expect(err).NotTo(HaveOccurred())
	_, err = client.List(ctx, caller(good))
	g.Expect(err).To(MatchError(context.Canceled))
}
