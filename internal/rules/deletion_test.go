package rules_test

import (
	"errors"
	"strconv"
	"testing"
	"time"

	. "github.com/onsi/gomega"
	"k8s.io/apimachinery/pkg/types"

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

// awaiting is a deletion that has waited for so long for its successor, which ThingSpace answered at once.
func awaiting(f rules.Facts, waited time.Duration) rules.Facts {
	return awaitingOne(f, rules.Progress{Answered: now}, waited)
}

func awaitingOne(f rules.Facts, progress rules.Progress, waited time.Duration) rules.Facts {
	next := f.Standing.Successor().UID
	f.Memory.HandOver = f.Memory.HandOver.Tick(next, rules.Progress{}, now).Tick(next, progress, now.Add(waited))
	return at(f, waited)
}

func restarted(f rules.Facts, after time.Duration) rules.Facts {
	f.Memory = rules.Memory{FirstSeen: now.Add(after)}
	return f
}

func replacedJustNow(f rules.Facts) rules.Facts {
	f.Memory = f.Memory.SentNow(wish, old, now)
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
		"a finalizer without a claim": {facts(object(deleting, func(o *v1alpha1.FotaCallback) { o.Finalizers = []string{v1alpha1.Finalizer} })),
			rules.Step{Action: rules.Release}},
		"a claim of another object": {facts(object(claimed(old), named("copy"), deleting)), rules.Step{Action: rules.Release}},
		"a claim that was stripped, right after it was sent for": {sentJustNow(at(facts(object(deleting, func(o *v1alpha1.FotaCallback) { o.Finalizers = []string{v1alpha1.Finalizer} })), afterGrace)),
			rules.Step{Action: rules.List}},
		"the grace, after a restart": {at(restarted(facts(leaving()), 8*time.Second), 12*time.Second),
			rules.Step{Action: rules.Rest, Reason: v1alpha1.ReasonDeregistering, Wait: now.Add(18 * time.Second)}},
		"absent, right after it was sent": {sentJustNow(at(listed(facts(leaving()), ""), afterGrace)), rules.Step{Action: rules.Deregister}},
		"absent, sent a while ago":        {sentJustNow(at(listed(facts(leaving()), ""), 15*time.Minute)), rules.Step{Action: rules.Release, Event: v1alpha1.EventDeregistered}},
		"absent, and removed all the same": {done(sentJustNow(at(listed(facts(leaving()), ""), afterGrace)), rules.Step{Action: rules.Deregister}),
			rules.Step{Action: rules.Release, Event: v1alpha1.EventDeregistered}},
		"ours a moment ago": {replacedJustNow(at(listed(facts(leaving()), old), afterGrace)), rules.Step{Action: rules.Deregister}},
		"Retain":            {facts(leaving(retain)), rules.Step{Action: rules.Release, Event: v1alpha1.EventRetained}},
		"the grace":         {facts(leaving()), rules.Step{Action: rules.Rest, Reason: v1alpha1.ReasonDeregistering, Wait: now.Add(10 * time.Second)}},
		"after the grace":   {at(facts(leaving()), afterGrace), rules.Step{Action: rules.List}},
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
	conflict := object(named("next"), refused(v1alpha1.ReasonAccountConflict))
	hasRegistered := object(named("next"), in("b"), registered(wish))
	release := rules.Step{Action: rules.Release, Event: v1alpha1.EventHandedOver}
	waits := rules.Step{Action: rules.Rest, Reason: v1alpha1.ReasonDeregistering, Wait: now.Add(2 * time.Minute)}
	elsewhere := object(named("next"), in("b"))
	for name, test := range map[string]struct {
		next  *v1alpha1.FotaCallback
		after time.Duration
		live  string
		step  rules.Step
	}{
		"it waits for two minutes":                {working, time.Minute, "-", waits},
		"behind the one that goes it had no turn": {conflict, time.Minute, "-", waits},
		"it has registered":                       {hasRegistered, 0, "-", release},
		"it took too long":                        {working, 2 * time.Minute, "-", rules.Step{Action: rules.List}},
		"it took too long; ours":                  {working, 2 * time.Minute, old, rules.Step{Action: rules.Deregister}},
		"it took too long; its URL is live":       {working, 2 * time.Minute, wish, release},
		"it took too long; nothing there":         {working, 2 * time.Minute, "", rules.Step{Action: rules.Release, Event: v1alpha1.EventDeregistered}},
		"it took too long; somebody else's there": {working, 2 * time.Minute, foreign, rules.Step{Action: rules.Release, Event: v1alpha1.EventDeregistrationSkipped, Foreign: foreign}},
		"what another namespace wants is no URL":  {elsewhere, 2 * time.Minute, wish, rules.Step{Action: rules.Release, Event: v1alpha1.EventDeregistrationSkipped, Foreign: wish}},
		"what another namespace claims is no URL": {object(named("next"), in("b"), claimed(old)), 2 * time.Minute, old, rules.Step{Action: rules.Deregister}},
	} {
		t.Run(name, func(t *testing.T) {
			f := awaiting(facts(leaving(claimed(old), registered(old)), test.next), test.after)
			if test.live != "-" {
				f = listed(f, test.live)
			}
			NewWithT(t).Expect(rules.Decide(f)).To(Equal(test.step))
		})
	}
	f := facts(leaving(), object(named("next"), refused(v1alpha1.ReasonAccessDenied)))
	NewWithT(t).Expect(rules.Decide(f)).To(Equal(rules.Step{Action: rules.Rest, Reason: v1alpha1.ReasonDeregistering, Wait: now.Add(10 * time.Second)}),
		"nobody is next, and the grace runs all the same")
}

// While an owner that has registered names the account, no call is made: it is that one's.
func TestABystanderMakesNoCall(t *testing.T) {
	for _, owner := range []*v1alpha1.FotaCallback{
		object(named("owner"), in("b"), registered(old), suspended), object(named("owner"), registered(old), refused(v1alpha1.ReasonRequestRejected)),
	} {
		g := NewWithT(t)
		g.Expect(rules.Decide(facts(object(claimed(old), deleting), owner))).To(Equal(rules.Step{Action: rules.Release, Event: v1alpha1.EventHandedOver}))
	}
}

// One clock: two minutes from the first answer, or from when it became next where it can't ask; fifteen over all; and
// none of the time in which nobody may make a call.
func TestTheClockOfAHandOver(t *testing.T) {
	after := now.Add
	const minute = time.Minute
	type look struct {
		at       time.Duration
		next     string
		progress rules.Progress
		ends     time.Duration
	}
	asks := rules.Progress{Unanswered: true}
	answered := func(d time.Duration) rules.Progress { return rules.Progress{Answered: after(d)} }
	held := func(since time.Duration) rules.Progress { return rules.Progress{HeldSince: after(since)} }
	for name, looks := range map[string][]look{
		"it can't ask":                {{0, "a", rules.Progress{}, 2 * minute}, {minute, "a", rules.Progress{}, 2 * minute}},
		"it asks in vain":             {{0, "a", rules.Progress{}, 2 * minute}, {minute, "a", asks, 15 * minute}, {10 * minute, "a", asks, 15 * minute}},
		"it is answered at once":      {{0, "a", rules.Progress{}, 2 * minute}, {minute, "a", answered(0), 2 * minute}},
		"it was answered long before": {{0, "a", answered(-time.Hour), 2 * minute}},
		"it is answered late": {{0, "a", rules.Progress{}, 2 * minute}, {minute, "a", asks, 15 * minute}, {5 * minute, "a", answered(4 * minute), 6 * minute},
			{6 * minute, "a", asks, 6 * minute}, {7 * minute, "a", answered(4 * minute), 6 * minute}},
		"it is answered at the very end": {{0, "a", asks, 15 * minute}, {14*minute + 30*time.Second, "a", answered(14 * minute), 15 * minute}},
		"it is held back": {{0, "a", rules.Progress{}, 2 * minute}, {minute, "a", held(minute), 2 * minute}, {11 * minute, "a", held(minute), 12 * minute},
			{12 * minute, "a", rules.Progress{Held: 10 * minute}, 12 * minute}},
		"held back over all":         {{0, "a", asks, 15 * minute}, {20 * minute, "a", rules.Progress{Held: 20 * minute, Unanswered: true}, 35 * minute}},
		"another becomes next":       {{0, "a", rules.Progress{}, 2 * minute}, {minute, "b", rules.Progress{}, 3 * minute}, {2 * minute, "a", rules.Progress{}, 4 * minute}},
		"nobody is next for a while": {{0, "a", rules.Progress{}, 2 * minute}, {minute, "", rules.Progress{}, -1}, {61 * minute, "b", rules.Progress{}, 63 * minute}},
		"one after the other": {{0, "a", asks, 15 * minute}, {10 * minute, "b", asks, 15 * minute}, {14 * minute, "c", rules.Progress{}, 15 * minute},
			{16 * minute, "d", rules.Progress{}, 15 * minute}},
	} {
		t.Run(name, func(t *testing.T) {
			var h rules.HandOver
			for _, l := range looks {
				h = h.Tick(types.UID(l.next), l.progress, after(l.at))
				if l.ends >= 0 {
					NewWithT(t).Expect(h.Ends()).To(Equal(after(l.ends)), "looked at after %s", l.at)
				}
			}
		})
	}
}

// A squatter that comes and goes does not hold up a deletion for longer than the bound.
func TestASquatterThatComesAgainAndAgain(t *testing.T) {
	var h rules.HandOver
	end := now
	for n := range 1000 {
		if end = now.Add(time.Duration(n) * 100 * time.Second); !end.Before(h.Ends()) && n > 0 {
			break
		}
		h = h.Tick(types.UID(strconv.Itoa(n)), rules.Progress{}, end)
	}
	NewWithT(t).Expect(end.Sub(now)).To(BeNumerically("~", 15*time.Minute, 100*time.Second))
}

// What an attempt of the successor says of how far it is.
func TestProgress(t *testing.T) {
	g := NewWithT(t)
	progress := func(f rules.Facts) rules.Progress { return rules.Summarise(f, rules.Decide(f)).Memory.Progress }
	f := facts(object())
	f.Err = &thingspace.UnavailableError{Cause: "HTTP 503"}
	g.Expect(progress(f)).To(Equal(rules.Progress{Unanswered: true}))
	f.Err = &thingspace.UnexpectedResponseError{}
	g.Expect(progress(f)).To(Equal(rules.Progress{Unanswered: true}))
	for _, err := range []error{&rules.CredentialsError{}, &rules.KubernetesError{}, &thingspace.RateLimitedError{LoginInterval: time.Minute}} {
		f.Err = err
		g.Expect(progress(f)).To(Equal(rules.Progress{}), "%T: it could not ask", err)
	}
	for _, err := range []error{&thingspace.RateLimitedError{RetryAfter: time.Minute}, &thingspace.UnavailableError{CircuitOpen: true}} {
		f.Err = err
		g.Expect(progress(f)).To(Equal(rules.Progress{HeldSince: now}), "%T", err)
	}
	f.Memory.Progress = rules.Progress{HeldSince: now}
	f = at(f, time.Minute)
	g.Expect(progress(f)).To(Equal(rules.Progress{Held: time.Minute, HeldSince: f.Now}))
	f.Memory.Progress.Held, f.Err = 5*time.Minute, nil
	f = listed(f, wish)
	g.Expect(progress(f)).To(Equal(rules.Progress{Held: 6 * time.Minute, Answered: f.Now}))
	f.Memory.Progress.Answered = now.Add(-time.Hour)
	g.Expect(progress(f).Answered).To(Equal(now.Add(-time.Hour)), "the first answer counts")
	f.Standing = stand(f.Object, object(named("owner"), registered(wish)))
	g.Expect(progress(f)).To(Equal(rules.Progress{}), "it does not own the account")
}

// Whose URL it is, as ThingSpace wrote it, is known from the object that goes.
func TestARenameWhereThingSpaceWritesURLsOtherwise(t *testing.T) {
	o := leaving(claimed(old), registered(old), func(o *v1alpha1.FotaCallback) { o.Spec.URL, o.Status.EchoedURL = old, old+"/" })
	next := object(named("next"), func(o *v1alpha1.FotaCallback) { o.Spec.URL = old })
	f := listed(awaiting(facts(o, next), 3*time.Minute), old+"/")
	NewWithT(t).Expect(rules.Decide(f)).To(Equal(rules.Step{Action: rules.Release, Event: v1alpha1.EventHandedOver}))
}

func TestTheMessageOfAHandOver(t *testing.T) {
	f := awaiting(facts(leaving(), object(named("next"))), time.Minute)
	message := rules.Summarise(f, rules.Decide(f)).Status.Conditions[0].Message
	NewWithT(t).Expect(message).To(HaveSuffix("Waiting for FotaCallback iot/next to take account acc-1 over, up to 2m once ThingSpace answers it, and up to 15m in all. If it does not, the account is deregistered."))
}
