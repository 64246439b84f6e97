package rules_test

import (
	"strings"
	"testing"

	. "github.com/onsi/gomega"

	"github.com/fota-callback-operator/fota-callback-operator/api/v1alpha1"
	"github.com/fota-callback-operator/fota-callback-operator/internal/rules"
)

// What a step is called decides what people are told of it.
func TestStepsHaveTheirEvent(t *testing.T) {
	intent := func(o *v1alpha1.FotaCallback) {
		o.Annotations = map[string]string{v1alpha1.LastSentURLAnnotation: wish, v1alpha1.LastSentByAnnotation: string(o.UID)}
	}
	for name, test := range map[string]struct {
		facts  rules.Facts
		action rules.Action
		event  string
	}{
		"nothing there, never registered":       {listed(facts(object()), ""), rules.Register, v1alpha1.EventRegistered},
		"nothing there, another was":            {listed(facts(object(claimed(old), registered(old))), ""), rules.Register, v1alpha1.EventRegistered},
		"nothing there, this one was":           {listed(facts(object(healthy)), ""), rules.Register, v1alpha1.EventDriftCorrected},
		"equal, never met":                      {listed(facts(object()), wish), rules.Claim, v1alpha1.EventAdopted},
		"equal, the annotation was left":        {listed(facts(object(intent)), wish), rules.Claim, ""},
		"equal, and registered, all stripped":   {facts(object(registered(wish))), rules.Restore, ""},
		"equal, registered, one of two is left": {facts(object(registered(wish), intent)), rules.Restore, ""},
	} {
		t.Run(name, func(t *testing.T) {
			step := rules.Decide(test.facts)
			NewWithT(t).Expect([]any{step.Action, step.Event}).To(Equal([]any{test.action, test.event}))
		})
	}
}

// A note speaks of a URL that was replaced where one was, and nowhere else.
func TestNotesNameWhatWasReplaced(t *testing.T) {
	for _, event := range []string{v1alpha1.EventRegistered, v1alpha1.EventDriftCorrected} {
		for url, said := range map[string]bool{foreign: true, "": false} {
			f := listed(facts(object(healthy)), wish)
			f.Done = []rules.Step{{Action: rules.Update, Event: event, Foreign: url}}
			all := rules.Announce(f, f.Object.Status, rules.Summary{})
			g := NewWithT(t)
			g.Expect(all).To(HaveLen(1))
			g.Expect(strings.Contains(all[0].Note, "replaced a URL at https://elsewhere.example.net")).To(Equal(said), all[0].Note)
		}
	}
}

func TestIntervalsThatAreTaken(t *testing.T) {
	for interval, taken := range map[string]bool{
		"": true, "1m": true, "60s": true, "59.999s": false, "24h": true, "24h0m0.001s": false, "0": false, "-10m": false, "10": false, "a day": false,
	} {
		o := object(func(o *v1alpha1.FotaCallback) { o.Spec.Interval = interval })
		NewWithT(t).Expect(rules.CheckSpec(&o.Spec) == nil).To(Equal(taken), "%q", interval)
	}
}
