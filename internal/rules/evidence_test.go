package rules_test

import (
	"testing"
	"time"

	. "github.com/onsi/gomega"

	"github.com/fota-callback-operator/fota-callback-operator/api/v1alpha1"
	"github.com/fota-callback-operator/fota-callback-operator/internal/rules"
)

// A status that was written for another object counts as none.
func TestAStatusOfAnotherObjectCountsAsNone(t *testing.T) {
	g := NewWithT(t)
	own := object(healthy, func(o *v1alpha1.FotaCallback) { o.Status.UID = string(o.UID) })
	g.Expect(rules.Trusted(own)).To(BeIdenticalTo(own))
	for _, uid := range []string{"", "another"} {
		copied := object(healthy, func(o *v1alpha1.FotaCallback) { o.Status.UID = uid })
		before := copied.DeepCopy()
		trusted := rules.Trusted(copied)
		g.Expect(trusted.Status).To(Equal(v1alpha1.FotaCallbackStatus{ObservedGeneration: -1}))
		g.Expect(trusted.ObjectMeta).To(Equal(copied.ObjectMeta))
		g.Expect(copied).To(Equal(before), "what is in the cache is not changed")
		g.Expect(rules.Handled(trusted)).To(BeFalse(), "it is due at once")
	}
}

// A claim is the finalizer and an intent that was written for this very object.
func TestClaims(t *testing.T) {
	g := NewWithT(t)
	o := object(claimed(wish))
	g.Expect(rules.Claimed(o)).To(BeTrue())
	g.Expect(rules.LastSentURL(o)).To(Equal(wish))
	o.Finalizers = nil
	g.Expect(rules.Claimed(o)).To(BeFalse())
	claimed(wish)(o)
	o.UID = "copy"
	g.Expect(rules.Claimed(o)).To(BeFalse(), "it was another's")
	g.Expect(rules.LastSentURL(o)).To(BeEmpty())
}

// Whatever stripped the claim from an owner that has registered: it is due at once, and no call is needed to put it back.
func TestAClaimThatWasStrippedIsDueAtOnce(t *testing.T) {
	stripped := map[string]change{
		"all of it":     func(o *v1alpha1.FotaCallback) { o.Finalizers, o.Annotations = nil, nil },
		"the finalizer": func(o *v1alpha1.FotaCallback) { o.Finalizers = nil },
		"the intent":    func(o *v1alpha1.FotaCallback) { o.Annotations = nil },
		"by a copy":     func(o *v1alpha1.FotaCallback) { o.Annotations[v1alpha1.LastSentByAnnotation] = "another" },
		"while suspended": func(o *v1alpha1.FotaCallback) {
			o.Spec.Suspend, o.Finalizers = true, nil
			handled(v1alpha1.ReasonSuspended, "Unknown")(o)
		},
		"with an edit": func(o *v1alpha1.FotaCallback) {
			o.Finalizers, o.Spec.URL = nil, old
			o.Generation++
		},
		"in an outage": func(o *v1alpha1.FotaCallback) {
			o.Finalizers = nil
			handled(v1alpha1.ReasonAPIUnavailable, "False", "Reconciling")(o)
		},
	}
	for name, strip := range stripped {
		t.Run(name, func(t *testing.T) {
			g := NewWithT(t)
			f := facts(object(healthy, strip))
			f.Memory.RetryAt = now.Add(time.Hour)
			due, ever := rules.Due(f)
			g.Expect(ever).To(BeTrue())
			g.Expect(due).To(Equal(now))
			g.Expect(rules.Decide(f)).To(Equal(rules.Step{Action: rules.Restore}))
			f.Standing = stand(f.Object, object(named("older"), createdAt(now.Add(-24*time.Hour)), healthy))
			g.Expect(rules.Decide(f).Action).NotTo(Equal(rules.Restore), "it does not own the account")
		})
	}
	g := NewWithT(t)
	g.Expect(rules.Decide(facts(object(listedOnce))).Action).To(Equal(rules.List), "there was none")
	g.Expect(rules.Decide(facts(object(healthy))).Action).To(Equal(rules.List), "it is there")
}

// For a quarter of an hour after a URL was sent, a listing may show what was there before, or nothing.
func TestAListingMayLag(t *testing.T) {
	g := NewWithT(t)
	o := object(claimed(wish), registered(wish), func(o *v1alpha1.FotaCallback) { o.Spec.AdoptionPolicy, o.Spec.DriftPolicy = "IfUnregistered", "Warn" })
	f := facts(o)
	f.Memory = f.Memory.SentNow(wish, old, now)
	g.Expect(rules.Decide(listed(f, old)).Action).To(Equal(rules.Update), "it was ours")
	g.Expect(rules.Decide(listed(f, foreign)).Reason).To(Equal(v1alpha1.ReasonDrifted))
	f.Now = now.Add(15 * time.Minute)
	g.Expect(rules.Decide(listed(f, old)).Reason).To(Equal(v1alpha1.ReasonDrifted))

	for n := range 20 {
		f.Memory = f.Memory.SentNow(wish+string(rune('a'+n)), "", f.Now)
	}
	g.Expect(f.Memory.Sent).To(HaveLen(8), "as many as are used")
	f.Now = f.Now.Add(time.Hour)
	g.Expect(rules.Summarise(listed(f, wish), rules.Step{Action: rules.Rest, Reason: v1alpha1.ReasonRegistered}).Memory.Sent).To(BeEmpty())
}

// An intent is what an editor of that object may have written: it counts for another one within a namespace alone.
func TestWhatASuccessorInherits(t *testing.T) {
	left := func(o *v1alpha1.FotaCallback) { o.Spec.AdoptionPolicy = v1alpha1.AdoptionIfUnregistered }
	for name, test := range map[string]struct {
		predecessor *v1alpha1.FotaCallback
		action      rules.Action
	}{
		"what it has registered":                  {object(named("p"), claimed(old), registered(old), deleting), rules.Update},
		"what it has registered, elsewhere":       {object(named("p"), in("b"), claimed(old), registered(old), deleting), rules.Update},
		"what it was about to send":               {object(named("p"), claimed(old), deleting), rules.Update},
		"what it was about to send, elsewhere":    {object(named("p"), in("b"), claimed(old), deleting), rules.Rest},
		"what was copied from another's metadata": {object(claimed(old), named("p"), deleting), rules.Rest},
	} {
		t.Run(name, func(t *testing.T) {
			step := rules.Decide(listed(facts(object(createdAt(now), left), test.predecessor), old))
			NewWithT(t).Expect(step.Action).To(Equal(test.action))
		})
	}
}
