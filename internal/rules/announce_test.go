package rules_test

import (
	"testing"

	. "github.com/onsi/gomega"

	"github.com/fota-callback-operator/fota-callback-operator/api/v1alpha1"
	"github.com/fota-callback-operator/fota-callback-operator/internal/rules"
	"github.com/fota-callback-operator/fota-callback-operator/internal/thingspace"
)

func told(f rules.Facts) []string {
	var reasons []string
	for _, event := range rules.Announce(f, f.Object.Status, rules.Summarise(f, rules.Decide(f))) {
		reasons = append(reasons, event.Type+" "+event.Reason)
	}
	return reasons
}

func TestEventsOfFailuresComeOnce(t *testing.T) {
	for reason, err := range map[string]error{
		v1alpha1.ReasonCredentialsNotFound: &rules.CredentialsError{}, v1alpha1.ReasonAPIUnavailable: &thingspace.UnavailableError{},
		v1alpha1.ReasonRateLimited: &thingspace.RateLimitedError{}, v1alpha1.ReasonUnexpectedResponse: &thingspace.UnexpectedResponseError{},
		v1alpha1.ReasonCredentialsRejected: &thingspace.CredentialsRejectedError{}, v1alpha1.ReasonAccessDenied: &thingspace.AccessDeniedError{},
		v1alpha1.ReasonRequestRejected: &thingspace.RequestRejectedError{},
	} {
		g := NewWithT(t)
		f, step := failing(object(), err)
		g.Expect(told(f)).To(Equal([]string{"Warning " + reason}))
		f.Object.Status = rules.Summarise(f, step).Status
		g.Expect(told(f)).To(BeEmpty(), "%s is no news", reason)
	}
}

func TestEventsOfWhatWasDone(t *testing.T) {
	done := func(o *v1alpha1.FotaCallback, live string, step rules.Step) rules.Facts {
		f := listed(facts(o), live)
		f.Done, f.Echo = []rules.Step{step}, wish
		return f
	}
	warn := func(o *v1alpha1.FotaCallback) { o.Spec.DriftPolicy = v1alpha1.DriftWarn }
	g := NewWithT(t)
	g.Expect(told(done(object(claimed(wish)), "", rules.Step{Action: rules.Register, Event: v1alpha1.EventRegistered}))).To(Equal([]string{"Normal Registered"}))
	g.Expect(told(done(object(healthy), foreign, rules.Step{Action: rules.Update, Event: v1alpha1.EventDriftCorrected, Foreign: foreign}))).To(Equal([]string{"Normal DriftCorrected"}))
	g.Expect(told(listed(facts(object(claimed(wish))), wish))).To(Equal([]string{"Normal Registered"}), "its answer had been lost")
	g.Expect(told(listed(facts(object(healthy, claimed(wish), registered(old))), wish))).To(Equal([]string{"Normal Updated"}), "so had this one's")
	g.Expect(told(listed(facts(object(healthy)), wish))).To(BeEmpty())
	g.Expect(told(listed(facts(object(healthy, warn)), foreign))).To(Equal([]string{"Warning DriftDetected", "Warning Drifted"}))

	gone := listed(facts(leaving()), foreign)
	gone.Done = []rules.Step{{Action: rules.Release, Event: v1alpha1.EventDeregistrationSkipped, Foreign: foreign}}
	g.Expect(told(gone)).To(Equal([]string{"Normal DeregistrationSkipped"}))
}

func TestEventsShowNoPath(t *testing.T) {
	for _, event := range []string{
		v1alpha1.EventRegistered, v1alpha1.EventAdopted, v1alpha1.EventUpdated, v1alpha1.EventDriftCorrected, v1alpha1.EventDeregistered,
		v1alpha1.EventRetained, v1alpha1.EventDeregistrationSkipped, v1alpha1.EventHandedOver,
	} {
		g := NewWithT(t)
		f := listed(facts(leaving(), object(named("next"))), foreign)
		f.Done = []rules.Step{{Action: rules.Release, Event: event, Foreign: foreign}}
		all := rules.Announce(f, f.Object.Status, rules.Summary{})
		g.Expect(all).To(HaveLen(1))
		g.Expect(all[0].Note).To(And(ContainSubstring("acc-1"), Not(ContainSubstring("/callbacks")), Not(ContainSubstring("/hook"))), event)
	}
}
