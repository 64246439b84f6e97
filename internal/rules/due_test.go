package rules_test

import (
	"fmt"
	"testing"
	"time"

	. "github.com/onsi/gomega"
	"k8s.io/apimachinery/pkg/types"
	"pgregory.net/rapid"

	"github.com/fota-callback-operator/fota-callback-operator/api/v1alpha1"
	"github.com/fota-callback-operator/fota-callback-operator/internal/rules"
	"github.com/fota-callback-operator/fota-callback-operator/internal/thingspace"
)

func TestSlots(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		interval := time.Duration(rapid.Int64Range(int64(time.Minute), int64(24*time.Hour)).Draw(t, "interval"))
		after := time.Unix(rapid.Int64Range(0, 4e9).Draw(t, "after"), rapid.Int64Range(0, 1e9).Draw(t, "nanoseconds"))
		uid := types.UID(rapid.String().Draw(t, "uid"))
		slot := rules.NextSlot(uid, interval, after)
		if !slot.After(after) || slot.Sub(after) > interval {
			t.Fatalf("%s after %s", slot, after)
		}
		if next := rules.NextSlot(uid, interval, slot); next.Sub(slot) != interval {
			t.Fatalf("the slot after %s is %s", slot, next)
		}
		if again := rules.NextSlot(uid, interval, slot.Add(-1)); !again.Equal(slot) {
			t.Fatalf("asked a moment before %s: %s", slot, again)
		}
	})
}

// Ten thousand objects are spread over the interval: no second is much busier than the mean.
func TestSlotsAreSpread(t *testing.T) {
	busy := map[time.Time]int{}
	for n := range 10_000 {
		busy[rules.NextSlot(types.UID(fmt.Sprintf("%08x-0000-4000-8000-000000000000", n)), 10*time.Minute, now).Truncate(time.Second)]++
	}
	most := 0
	for _, n := range busy {
		most = max(most, n)
	}
	NewWithT(t).Expect(most).To(BeNumerically("<=", 3*10_000/600), "at most three times the mean")
}

func TestDue(t *testing.T) {
	owner := object(named("owner"), healthy)
	slot := rules.NextSlot("uid-fleet", 10*time.Minute, now.Add(-time.Hour))
	soon := now.Add(17 * time.Second)
	retrying := func(f rules.Facts) rules.Facts {
		f.Memory.RetryAt = soon
		return f
	}
	waiting := func(successor types.UID, f rules.Facts) rules.Facts {
		f = retrying(f)
		f.Memory.Waits, f.Memory.WaitsFor = true, successor
		f.Memory.HandOver = f.Memory.HandOver.Tick(successor, rules.Progress{}, now)
		return f
	}
	left := leaving(handled(v1alpha1.ReasonDeregistering, "False", "Reconciling"))
	next := object(named("b"))
	checked := func(f rules.Facts) rules.Facts {
		f.Memory.LastCheck = now
		return f
	}
	never := time.Time{}
	past := time.Time{}.Add(1) // any time before now
	for name, test := range map[string]struct {
		facts rules.Facts
		at    time.Time
	}{
		"new":                                   {facts(object()), now},
		"changed":                               {facts(object(healthy, func(o *v1alpha1.FotaCallback) { o.Generation++ })), now},
		"asked for":                             {facts(object(healthy, requested("x"))), now},
		"asked for while it waits":              {retrying(facts(object(healthy, requested("x")))), now},
		"deleted":                               {facts(leaving()), now},
		"deleted, nothing to undo":              {facts(object(deleting)), never},
		"deleted and waiting":                   {retrying(facts(leaving(handled(v1alpha1.ReasonDeregistering, "False", "Reconciling")))), soon},
		"deleted, in its grace":                 {waiting("", facts(left)), now.Add(10 * time.Second)},
		"deleted, and somebody comes":           {waiting("", facts(left, next)), now},
		"deleted, and the next one works on it": {waiting(next.UID, facts(left, next)), now.Add(2 * time.Minute)},
		"deleted, and the next one has registered": {waiting(next.UID, facts(left, object(named("b"), registered(wish)))), now},
		"deleted, and the next one has a verdict":  {waiting(next.UID, facts(left, object(named("b"), refused(v1alpha1.ReasonExistingRegistration)))), now},
		"deleted, and the next one has gone":       {waiting(next.UID, facts(left)), now},
		"deleted, and the next one is another":     {waiting(next.UID, facts(left, object(func(o *v1alpha1.FotaCallback) { o.UID = "uid-another" }))), now},
		"deleted, in backoff, with a next one":     {retrying(facts(left, object(named("b"), healthy))), soon},
		"deleted and waiting, after a restart":     {facts(leaving(handled(v1alpha1.ReasonDeregistering, "False", "Reconciling"))), past},
		"healthy, after a restart":                 {facts(object(healthy)), slot},
		"healthy, just checked":                    {checked(facts(object(healthy))), rules.NextSlot("uid-fleet", 10*time.Minute, now.Add(time.Minute))},
		"healthy, after a hiccup":                  {retrying(facts(object(healthy))), soon},
		"in backoff":                               {retrying(facts(object(handled(v1alpha1.ReasonAPIUnavailable, "False", "Reconciling")))), soon},
		"in backoff, after a restart":              {facts(object(handled(v1alpha1.ReasonAPIUnavailable, "False", "Reconciling"))), past},
		"stalled":                                  {checked(facts(object(handled(v1alpha1.ReasonAccessDenied, "False", "Stalled")))), rules.NextSlot("uid-fleet", 10*time.Minute, now.Add(time.Minute))},
		"rejected credentials, after a restart":    {facts(object(handled(v1alpha1.ReasonCredentialsRejected, "False", "Stalled"))), now},
		"suspended":                                {facts(object(handled(v1alpha1.ReasonSuspended, "Unknown"))), never},
		"invalid":                                  {facts(object(handled(v1alpha1.ReasonInvalidSpec, "False", "Stalled"))), never},
		"lost its place":                           {facts(object(named("z"), createdAt(now), handled(v1alpha1.ReasonAPIUnavailable, "False", "Reconciling")), owner), now},
		"the owner has gone":                       {facts(object(handled(v1alpha1.ReasonAccountConflict, "False", "Stalled"))), now},
		"behind one that has not listed, and has been for a minute": {facts(object(named("z"), createdAt(now), refused(v1alpha1.ReasonAccountConflict)), object()), now},
		"its turn, in backoff":                  {retrying(facts(object(named("z"), createdAt(now), handled(v1alpha1.ReasonAPIUnavailable, "False", "Reconciling")), object())), soon},
		"a verdict, and waiting for its Secret": {retrying(facts(object(handled(v1alpha1.ReasonCredentialsNotFound, "False", "Reconciling")), owner)), soon},
	} {
		t.Run(name, func(t *testing.T) {
			g := NewWithT(t)
			due, ever := rules.Due(test.facts)
			switch test.at {
			case never:
				g.Expect(ever).To(BeFalse(), "%s", due)
			case past:
				g.Expect(ever).To(BeTrue())
				g.Expect(due).To(BeTemporally("<=", now))
			default:
				g.Expect(ever).To(BeTrue())
				g.Expect(due).To(Equal(test.at))
			}
		})
	}
}

// Behind one that has not listed the account an object says so, and then waits for its turn, whatever it is woken for.
func TestWhenItsTurnComes(t *testing.T) {
	g := NewWithT(t)
	f := facts(object(named("z"), createdAt(now)), object())
	f.Memory.FirstSeen = now
	f.Object.Status = rules.Summarise(f, rules.Decide(f)).Status
	g.Expect(f.Object.Status.Conditions[0].Message).To(Equal("FotaCallback iot/fleet goes first for account acc-1: it is older. " +
		"If it has not reached the account within 1m, this one tries. Delete one of the two; an account has one callback URL."))
	for _, after := range []time.Duration{0, 59 * time.Second} {
		f.Now = now.Add(after)
		due, _ := rules.Due(f)
		g.Expect(due).To(Equal(now.Add(time.Minute)))
	}
	f.Now = now.Add(time.Minute)
	due, _ := rules.Due(f)
	g.Expect(due).To(Equal(f.Now))
	f.Err = &thingspace.AccessDeniedError{}
	summary := rules.Summarise(f, rules.Decide(f))
	f.Object.Status, f.Memory, f.Err = summary.Status, summary.Memory, nil
	f.Standing = stand(f.Object, object())
	g.Expect(f.Standing.Place).To(Equal(rules.Aside))
	due, _ = rules.Due(f)
	g.Expect(due).To(Equal(rules.NextSlot(f.Object.UID, 10*time.Minute, f.Now.Add(time.Minute))), "a verdict lists at its times")
}

// Who owns an account by a listing that its status does not show may own it for a minute only: nobody tells who waits.
func TestBehindOneWhoseListingIsNotRecorded(t *testing.T) {
	g := NewWithT(t)
	f := facts(object(named("z"), createdAt(now)))
	f.Standing = rules.Stand(rules.Candidate{Object: f.Object}, []rules.Candidate{{Object: object(), Listed: true}})
	summary := rules.Summarise(f, rules.Decide(f))
	f.Object.Status, f.Memory = summary.Status, summary.Memory
	g.Expect(rules.ReadyReason(f.Object)).To(Equal(v1alpha1.ReasonAccountConflict))
	due, _ := rules.Due(f)
	g.Expect(due).To(Equal(now.Add(time.Minute)))
	f.Now = now.Add(time.Minute)
	summary = rules.Summarise(f, rules.Decide(f))
	f.Object.Status, f.Memory = summary.Status, summary.Memory
	due, _ = rules.Due(f)
	g.Expect(due).To(Equal(now.Add(2 * time.Minute)))
	f.Standing = stand(f.Object, object(listedOnce))
	due, _ = rules.Due(f)
	g.Expect(due).To(Equal(rules.NextSlot(f.Object.UID, 10*time.Minute, f.Now.Add(time.Minute))))
	g.Expect(rules.Routine(f.Object)).To(BeTrue(), "nobody waits for a look")
}

// Nobody is told how far a successor has come: who waits for it looks.
func TestWhoWaitsForASuccessorLooks(t *testing.T) {
	g := NewWithT(t)
	f := facts(leaving(), object(named("next")))
	_, looks := rules.LooksAgain(f)
	g.Expect(looks).To(BeFalse(), "it does not wait yet")
	f.Memory.Waits, f.Memory.WaitsFor = true, "uid-next"
	at, looks := rules.LooksAgain(f)
	g.Expect(looks).To(BeTrue())
	g.Expect(at).To(Equal(now.Add(time.Minute)))
	f.Memory.WaitsFor = ""
	_, looks = rules.LooksAgain(f)
	g.Expect(looks).To(BeFalse(), "nobody comes in the grace without being seen")
}

// A check that was made for another reason serves for a slot that comes right after it, and for no other.
func TestACheckServesForTheSlotRightAfterIt(t *testing.T) {
	g := NewWithT(t)
	f := facts(object(healthy))
	slot := rules.NextSlot("uid-fleet", 10*time.Minute, now)
	for before, due := range map[time.Duration]time.Time{30 * time.Second: slot.Add(10 * time.Minute), 5 * time.Minute: slot} {
		f.Memory.LastCheck = slot.Add(-before)
		f.Now = f.Memory.LastCheck
		at, _ := rules.Due(f)
		g.Expect(at).To(Equal(due), "%s before", before)
	}
}

// A refused token is asked for again at the next scheduled time, and when somebody asks or changes the object.
func TestFromWhenOnARefusedTokenIsAskedForAgain(t *testing.T) {
	for _, interval := range []string{"1m", "10m", "1h", "24h"} {
		t.Run(interval, func(t *testing.T) {
			g := NewWithT(t)
			f := facts(object(healthy, func(o *v1alpha1.FotaCallback) { o.Spec.Interval = interval }))
			scheduled := rules.NextSlot(f.Object.UID, f.Interval(), now)
			f.Now = scheduled
			g.Expect(rules.AskAgain(f)).To(Equal(scheduled))
			f.Now = scheduled.Add(f.Interval() - 1)
			g.Expect(rules.AskAgain(f)).To(Equal(scheduled))
			requested("x")(f.Object)
			g.Expect(rules.AskAgain(f)).To(Equal(f.Now))
			f.Object.Generation++
			g.Expect(rules.AskAgain(f)).To(Equal(f.Now.Add(-time.Minute)))
		})
	}
}

// An interval that an older CRD let through is refused; it must not come in the way of a deletion either.
func TestAnIntervalThatIsNoneIsNotInForce(t *testing.T) {
	for _, interval := range []string{"0s", "-1m", "30s", "25h", "often"} {
		f := facts(object(func(o *v1alpha1.FotaCallback) { o.Spec.Interval = interval }))
		NewWithT(t).Expect(f.Interval()).To(Equal(settings.DefaultInterval), interval)
	}
}

func TestContention(t *testing.T) {
	for interval, every := range map[string]time.Duration{"10m": 10 * time.Minute, "24h": 24 * time.Hour} {
		g := NewWithT(t)
		f := listed(facts(object(healthy, func(o *v1alpha1.FotaCallback) { o.Spec.Interval = interval })), wish)
		var told []int
		for n, url := range []string{foreign, foreign, foreign, foreign, wish, foreign} {
			f.Now = now.Add(time.Duration(n) * every)
			f = listed(f, url)
			f.Done = nil
			if url == foreign {
				f.Done = []rules.Step{{Action: rules.Update, Foreign: url}}
				f.Echo = wish
			}
			summary := rules.Summarise(f, rules.Decide(f))
			for _, event := range rules.Announce(f, f.Object.Status, summary) {
				if event.Reason == v1alpha1.EventContended {
					told = append(told, n)
				}
			}
			f.Memory = summary.Memory
		}
		g.Expect(told).To(Equal([]int{2}), "the third, and once; interval %s", interval)
	}
	g := NewWithT(t)
	f := listed(facts(object(healthy)), foreign)
	f.Done = []rules.Step{{Action: rules.Update, Foreign: foreign}}
	for n := range 10 {
		f.Now = now.Add(time.Duration(n) * 31 * time.Minute)
		f.Memory = rules.Summarise(f, rules.Decide(f)).Memory
	}
	g.Expect(f.Memory.Drift.Contended).To(BeFalse(), "never three within an hour")
}
