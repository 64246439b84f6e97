package rules_test

import (
	"errors"
	"testing"
	"time"

	. "github.com/onsi/gomega"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/fota-callback-operator/fota-callback-operator/api/v1alpha1"
	"github.com/fota-callback-operator/fota-callback-operator/internal/rules"
	"github.com/fota-callback-operator/fota-callback-operator/internal/thingspace"
)

const afterGrace = 11 * time.Second

func leaving(changes ...change) *v1alpha1.FotaCallback {
	return object(append([]change{healthy, deleting}, changes...)...)
}

func at(f rules.Facts, after time.Duration) rules.Facts {
	f.Now = now.Add(after)
	return f
}

// awaiting is a deletion that has found its successor when it began, which has listed since.
func awaiting(f rules.Facts) rules.Facts {
	f.Memory.Successor, f.Memory.SuccessorSince, f.SuccessorListed = f.Standing.Successor.UID, now, now
	return f
}

func TestDeletion(t *testing.T) {
	retain := func(o *v1alpha1.FotaCallback) { o.Spec.DeletionPolicy = v1alpha1.DeletionRetain }
	done := func(f rules.Facts, steps ...rules.Step) rules.Facts {
		f.Done = steps
		return f
	}
	refused := func(f rules.Facts) rules.Facts {
		f.Err = &rules.KubernetesError{Attempted: "take the finalizer off", Err: errors.New("no")}
		return f
	}
	failed := at(facts(leaving()), afterGrace)
	failed.Err = &thingspace.UnavailableError{}
	for name, test := range map[string]struct {
		facts rules.Facts
		step  rules.Step
	}{
		"nothing was claimed": {facts(object(deleting)), rules.Step{Action: rules.Rest, Reason: v1alpha1.ReasonDeregistering}},
		"Retain":              {facts(leaving(retain)), rules.Step{Action: rules.Release, Event: v1alpha1.EventRetained}},
		"the grace":           {facts(leaving()), rules.Step{Action: rules.Rest, Reason: v1alpha1.ReasonDeregistering, Wait: now.Add(10 * time.Second)}},
		"after the grace":     {at(facts(leaving()), afterGrace), rules.Step{Action: rules.List}},
		"suspended all the same": {at(facts(leaving(func(o *v1alpha1.FotaCallback) { o.Spec.Suspend = true })), afterGrace),
			rules.Step{Action: rules.List}},
		"a URL that must not be sent is deregistered": {at(facts(leaving(func(o *v1alpha1.FotaCallback) { o.Spec.URL = "x" })), afterGrace),
			rules.Step{Action: rules.List}},
		"ours":                 {at(listed(facts(leaving()), wish), afterGrace), rules.Step{Action: rules.Deregister}},
		"ours by intent alone": {at(listed(facts(leaving(claimed(old), registered(wish))), old), afterGrace), rules.Step{Action: rules.Deregister}},
		"absent":               {at(listed(facts(leaving()), ""), afterGrace), rules.Step{Action: rules.Release, Event: v1alpha1.EventDeregistered}},
		"foreign": {at(listed(facts(leaving()), foreign), afterGrace),
			rules.Step{Action: rules.Release, Event: v1alpha1.EventDeregistrationSkipped, Foreign: foreign}},
		"spec.url by another hand": {at(listed(facts(leaving(claimed(old), registered(old))), wish), afterGrace),
			rules.Step{Action: rules.Release, Event: v1alpha1.EventDeregistrationSkipped, Foreign: wish}},
		"accepted, and has to be seen": {done(at(facts(leaving()), afterGrace), rules.Step{Action: rules.Deregister}), rules.Step{Action: rules.List}},
		"accepted, and still there": {done(at(listed(facts(leaving()), wish), afterGrace), rules.Step{Action: rules.Deregister}),
			rules.Step{Action: rules.Rest, Reason: v1alpha1.ReasonDeregistering}},
		"an error":                           {failed, rules.Step{Action: rules.Rest, Reason: v1alpha1.ReasonDeregistering}},
		"an error with the finalizer itself": {refused(facts(leaving(retain))), rules.Step{Action: rules.Rest, Reason: v1alpha1.ReasonDeregistering}},
		"an error with the finalizer, after a hand-over": {refused(facts(leaving(), object(named("next"), healthy))),
			rules.Step{Action: rules.Rest, Reason: v1alpha1.ReasonDeregistering}},
	} {
		t.Run(name, func(t *testing.T) { NewWithT(t).Expect(rules.Decide(test.facts)).To(Equal(test.step)) })
	}
}

// Where no process was there to work on the successor, a hand-over must not have failed by the time that one comes.
func TestHandOverAfterTheOperatorWasDown(t *testing.T) {
	g := NewWithT(t)
	f := at(facts(leaving(claimed(old), registered(old)), object(named("next"))), time.Hour)
	f.Memory.FirstSeen = f.Now
	g.Expect(rules.Decide(f)).To(Equal(rules.Step{Action: rules.Rest, Reason: v1alpha1.ReasonDeregistering, Wait: f.Now.Add(2 * time.Minute)}))
}

// A successor that could not reach ThingSpace has to try again before the account is deregistered over its head.
func TestHandOverAfterAnOutage(t *testing.T) {
	g := NewWithT(t)
	next := object(named("next"), handled(v1alpha1.ReasonAPIUnavailable, metav1.ConditionFalse, v1alpha1.ConditionReconciling))
	f := awaiting(at(facts(leaving(claimed(old), registered(old)), next), 3*time.Minute))
	f.Memory.Failed = true
	back := listed(f, old)
	wait := rules.Decide(back)
	g.Expect(wait).To(Equal(rules.Step{Action: rules.Rest, Reason: v1alpha1.ReasonDeregistering, Wait: now.Add(15 * time.Minute)}))

	summary := rules.Summarise(back, wait)
	g.Expect(summary.Status.Conditions[0].Message).To(ContainSubstring("Waiting for FotaCallback iot/next to take account acc-1 over, up to 2m, and 12m more where an attempt has failed. If it does not, the account is deregistered."))
	f.Memory = summary.Memory
	g.Expect(rules.Decide(at(f, 14*time.Minute))).To(Equal(wait), "whatever wakes it meanwhile")
	g.Expect(rules.Decide(at(f, 15*time.Minute)).Action).To(Equal(rules.List))
	g.Expect(rules.Decide(listed(at(f, 15*time.Minute), old)).Action).To(Equal(rules.Deregister), "it had its time")
	f.Standing.Successor = object(named("next"), healthy)
	g.Expect(rules.Decide(at(f, 4*time.Minute)).Action).To(Equal(rules.Release))

	back.Memory.Failed = false
	g.Expect(rules.Decide(back).Action).To(Equal(rules.Deregister), "nothing has failed before")
	back.Memory.Failed = true
	next.Spec.Suspend = true
	g.Expect(rules.Decide(back).Action).To(Equal(rules.Deregister), "a suspended one does not try")
}

// Whatever kept a deletion from its account may have kept the successor from it as well.
func TestWhatADeletionMetItsSuccessorMayHaveMetToo(t *testing.T) {
	next := object(named("next"), handled(v1alpha1.ReasonRateLimited, metav1.ConditionFalse, v1alpha1.ConditionReconciling))
	for _, err := range []error{
		&thingspace.UnavailableError{}, &thingspace.RateLimitedError{RetryAfter: time.Minute}, &thingspace.RateLimitedError{RetryAfter: time.Minute, LoginInterval: time.Minute},
		&thingspace.UnexpectedResponseError{}, &rules.KubernetesError{Attempted: "x", Err: errors.New("x")},
	} {
		g := NewWithT(t)
		f := awaiting(at(facts(leaving(claimed(old), registered(old)), next), 3*time.Minute))
		f.Err = err
		f.Memory = rules.Summarise(f, rules.Decide(f)).Memory
		f.Err = nil
		step := rules.Decide(listed(at(f, 4*time.Minute), old))
		g.Expect(step.Action).To(Equal(rules.Rest), "%T", err)
		f.Memory = rules.Summarise(listed(at(f, 4*time.Minute), old), step).Memory
		g.Expect(rules.Decide(listed(at(f, 15*time.Minute), old)).Action).To(Equal(rules.Rest), "%T: ThingSpace may have asked to wait for ten minutes", err)
		g.Expect(rules.Decide(listed(at(f, 16*time.Minute), old)).Action).To(Equal(rules.Deregister), "%T: it had its time", err)
	}
}

// What failed before a wait is what the successor may have met; what fails after a listing is the deletion's own affair.
func TestWhatSaysThatADeletionComesBack(t *testing.T) {
	g := NewWithT(t)
	next := object(named("next"), handled(v1alpha1.ReasonRateLimited, metav1.ConditionFalse, v1alpha1.ConditionReconciling))
	f := at(facts(leaving(claimed(old), registered(old)), next), time.Minute)
	f.Memory.Failed = true
	wait := rules.Decide(f)
	g.Expect(wait.Action).To(Equal(rules.Rest), "it has two minutes")
	f.Memory = rules.Summarise(f, wait).Memory
	g.Expect(rules.Decide(listed(at(f, 3*time.Minute), old)).Action).To(Equal(rules.Rest), "it has not been asked since")

	f = awaiting(at(facts(leaving(claimed(old), registered(old)), next), 3*time.Minute))
	f.Done = []rules.Step{{Action: rules.List}, {Action: rules.Deregister}}
	f.Err = &thingspace.UnavailableError{}
	f.Memory = rules.Summarise(f, rules.Decide(f)).Memory
	f.Done, f.Err = nil, nil
	g.Expect(rules.Decide(listed(at(f, 4*time.Minute), old)).Action).To(Equal(rules.Deregister))
}

// While calls are held back the message stays what it was.
func TestADeletionsMessageDuringAnOutageIsStable(t *testing.T) {
	g := NewWithT(t)
	f := at(facts(leaving()), afterGrace)
	f.Err = &thingspace.UnavailableError{Cause: "HTTP 503"}
	summary := rules.Summarise(f, rules.Decide(f))
	first := summary.Status.Conditions[0].Message
	g.Expect(first).To(And(HavePrefix("To let the object go"), ContainSubstring("HTTP 503")))
	f.Object = f.Object.DeepCopy()
	f.Object.Status, f.Memory = summary.Status, summary.Memory
	f.Err = &thingspace.UnavailableError{CircuitOpen: true}
	g.Expect(rules.Summarise(f, rules.Decide(f)).Status).To(Equal(summary.Status))
}

func TestHandOver(t *testing.T) {
	working := object(named("next"))
	conflict := object(named("next"), handled(v1alpha1.ReasonAccountConflict, metav1.ConditionFalse, v1alpha1.ConditionStalled))
	ready := object(named("next"), healthy)
	stalled := object(named("next"), handled(v1alpha1.ReasonExistingRegistration, metav1.ConditionFalse, v1alpha1.ConditionStalled))
	outdated := object(named("next"), healthy, func(o *v1alpha1.FotaCallback) { o.Generation++ })
	release := rules.Step{Action: rules.Release, Event: v1alpha1.EventHandedOver}
	for name, test := range map[string]struct {
		next  *v1alpha1.FotaCallback
		after time.Duration
		live  string
		step  rules.Step
	}{
		"it waits for two minutes":                       {working, time.Minute, "-", rules.Step{Action: rules.Rest, Reason: v1alpha1.ReasonDeregistering, Wait: now.Add(2 * time.Minute)}},
		"what it said before it was next does not count": {conflict, time.Minute, "-", rules.Step{Action: rules.Rest, Reason: v1alpha1.ReasonDeregistering, Wait: now.Add(2 * time.Minute)}},
		"it was Ready for another spec":                  {outdated, time.Minute, "-", rules.Step{Action: rules.Rest, Reason: v1alpha1.ReasonDeregistering, Wait: now.Add(2 * time.Minute)}},
		"it is Ready":                                    {ready, 0, "-", release},
		"it has stalled":                                 {stalled, 0, "-", rules.Step{Action: rules.List}},
		"it has stalled; ours":                           {stalled, 0, old, rules.Step{Action: rules.Deregister}},
		"it took too long":                               {working, 2 * time.Minute, "-", rules.Step{Action: rules.List}},
		"it took too long; its URL is live":              {working, 2 * time.Minute, wish, release},
		"it has stalled; its URL is live":                {stalled, 0, wish, release},
		"it has stalled; nothing there":                  {stalled, 0, "", rules.Step{Action: rules.Release, Event: v1alpha1.EventDeregistered}},
		"it has stalled; somebody else's there":          {stalled, 0, foreign, rules.Step{Action: rules.Release, Event: v1alpha1.EventDeregistrationSkipped, Foreign: foreign}},
	} {
		t.Run(name, func(t *testing.T) {
			f := awaiting(at(facts(leaving(claimed(old), registered(old)), test.next), test.after))
			if test.live != "-" {
				f = listed(f, test.live)
			}
			NewWithT(t).Expect(rules.Decide(f)).To(Equal(test.step))
		})
	}
}

// The two minutes of a successor begin when it is found to be next: it may have waited for its turn since the deletion, or another may have been next before it.
func TestHandOverToOneThatIsNextLate(t *testing.T) {
	g := NewWithT(t)
	f := at(facts(leaving(claimed(old), registered(old)), object(named("next"))), time.Hour)
	f.Memory.Successor, f.Memory.SuccessorSince = "another", now
	step := rules.Decide(listed(f, old))
	g.Expect(step).To(Equal(rules.Step{Action: rules.Rest, Reason: v1alpha1.ReasonDeregistering, Wait: f.Now.Add(2 * time.Minute)}))
	f.Memory = rules.Summarise(f, step).Memory
	g.Expect(rules.Decide(at(f, time.Hour+time.Minute)).Wait).To(Equal(step.Wait))
	f.SuccessorListed = f.Now
	g.Expect(rules.Decide(listed(at(f, time.Hour+2*time.Minute), old)).Action).To(Equal(rules.Deregister))
}

// A successor whose attempts have all ended before a listing, or that waits for its turn, has longestWait for the next one, and no more.
func TestHandOverToOneThatHasNotListed(t *testing.T) {
	g := NewWithT(t)
	f := awaiting(at(facts(leaving(claimed(old), registered(old)), object(named("next"))), 2*time.Minute))
	f.SuccessorListed = now.Add(-time.Hour)
	step := rules.Decide(listed(f, old))
	g.Expect(step).To(Equal(rules.Step{Action: rules.Rest, Reason: v1alpha1.ReasonDeregistering, Wait: now.Add(14 * time.Minute)}))
	f.Memory = rules.Summarise(listed(f, old), step).Memory
	g.Expect(rules.Decide(listed(at(f, 14*time.Minute), old)).Action).To(Equal(rules.Deregister))

	f = awaiting(at(facts(leaving(claimed(old), registered(old)), object(named("next"))), 3*time.Minute))
	f.Memory.SuccessorSince, f.SuccessorListed = now.Add(time.Second), now.Add(time.Millisecond)
	g.Expect(rules.Decide(listed(f, old)).Action).To(Equal(rules.Deregister), "its turn came before this object's own")
}

// What the next owner has registered, or has sent, is not deregistered over its head, whatever its spec says by now.
func TestADeletionLeavesWhatIsTheNextOwners(t *testing.T) {
	bystander := func() *v1alpha1.FotaCallback {
		return object(claimed(old), handled(v1alpha1.ReasonAccountConflict, metav1.ConditionFalse, v1alpha1.ConditionStalled), deleting)
	}
	rewritten := func(o *v1alpha1.FotaCallback) { o.Spec.URL, o.Status.EchoedURL = old, old+"/" }
	for name, test := range map[string]struct {
		leaves, next *v1alpha1.FotaCallback
		live         string
	}{
		"suspended, with another URL": {bystander(), object(named("next"), claimed(old), registered(old), handled(v1alpha1.ReasonSuspended, metav1.ConditionUnknown),
			func(o *v1alpha1.FotaCallback) { o.Spec.Suspend = true }), old},
		"its new URL is refused": {bystander(), object(named("next"), claimed(wish), registered(old),
			handled(v1alpha1.ReasonRequestRejected, metav1.ConditionFalse, v1alpha1.ConditionStalled)), old},
		"ThingSpace wrote it otherwise": {bystander(), object(named("next"), claimed(old), registered(old), rewritten,
			handled(v1alpha1.ReasonCredentialsRejected, metav1.ConditionFalse, v1alpha1.ConditionStalled)), old + "/"},
		"a rename, and ThingSpace wrote it otherwise": {leaving(claimed(old), registered(old), rewritten), object(named("next"), func(o *v1alpha1.FotaCallback) { o.Spec.URL = old }), old + "/"},
	} {
		t.Run(name, func(t *testing.T) {
			f := listed(awaiting(at(facts(test.leaves, test.next), 3*time.Minute)), test.live)
			NewWithT(t).Expect(rules.Decide(f)).To(Equal(rules.Step{Action: rules.Release, Event: v1alpha1.EventHandedOver}))
		})
	}
}
