package rules_test

import (
	"fmt"
	"testing"
	"time"

	. "github.com/onsi/gomega"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/fota-callback-operator/fota-callback-operator/api/v1alpha1"
	"github.com/fota-callback-operator/fota-callback-operator/internal/rules"
)

func suspended(o *v1alpha1.FotaCallback) { o.Spec.Suspend = true }

func refused(reason string) change {
	return handled(reason, metav1.ConditionFalse, v1alpha1.ConditionStalled)
}

// Each object of a lower class goes before each of a higher one, whatever their ages are.
func TestClasses(t *testing.T) {
	edited := func(o *v1alpha1.FotaCallback) { o.Generation++ }
	classes := []map[string]change{
		rules.ClassRegistered: {
			"registered": registered(wish),
			"registered, and suspended": func(o *v1alpha1.FotaCallback) {
				registered(old)(o)
				suspended(o)
			},
			"registered, and refused since": func(o *v1alpha1.FotaCallback) {
				registered(old)(o)
				refused(v1alpha1.ReasonAccessDenied)(o)
			},
			"registered, and edited since": func(o *v1alpha1.FotaCallback) {
				healthy(o)
				edited(o)
			},
		},
		rules.ClassListed: {
			"listed": func(o *v1alpha1.FotaCallback) {
				listedOnce(o)
				handled(v1alpha1.ReasonAPIUnavailable, metav1.ConditionFalse)(o)
			},
			"listed, and behind another": func(o *v1alpha1.FotaCallback) {
				listedOnce(o)
				refused(v1alpha1.ReasonAccountConflict)(o)
			},
		},
		rules.ClassUntried: {
			"new":                       func(*v1alpha1.FotaCallback) {},
			"with a claim that is none": claimed(wish), // what an editor can write is no evidence
			"edited after a verdict": func(o *v1alpha1.FotaCallback) {
				refused(v1alpha1.ReasonAccessDenied)(o)
				edited(o)
			},
			"edited after a listing": func(o *v1alpha1.FotaCallback) {
				listedOnce(o)
				handled(v1alpha1.ReasonAPIUnavailable, metav1.ConditionFalse)(o)
				edited(o)
			},
			"behind another": refused(v1alpha1.ReasonAccountConflict),
			"unavailable":    handled(v1alpha1.ReasonAPIUnavailable, metav1.ConditionFalse),
			"throttled":      handled(v1alpha1.ReasonRateLimited, metav1.ConditionFalse),
			"unreadable":     handled(v1alpha1.ReasonUnexpectedResponse, metav1.ConditionFalse),
			"progressing":    handled(v1alpha1.ReasonProgressing, metav1.ConditionFalse),
		},
		rules.ClassAwaitsSecret: {"without a Secret": handled(v1alpha1.ReasonCredentialsNotFound, metav1.ConditionFalse)},
		rules.ClassNone: {
			"suspended":           suspended,
			"rejected":            refused(v1alpha1.ReasonCredentialsRejected),
			"denied":              refused(v1alpha1.ReasonAccessDenied),
			"refused":             refused(v1alpha1.ReasonRequestRejected),
			"invalid":             refused(v1alpha1.ReasonInvalidSpec),
			"somebody else's URL": refused(v1alpha1.ReasonExistingRegistration),
			"refused after a listing": func(o *v1alpha1.FotaCallback) {
				listedOnce(o)
				refused(v1alpha1.ReasonRequestRejected)(o)
			},
		},
	}
	for lower, members := range classes {
		for name, member := range members {
			first := object(named("first"), createdAt(now), member)
			NewWithT(t).Expect(rules.Candidate{Object: first}.Class()).To(Equal(rules.Class(lower)), name)
			for higher := lower + 1; higher < len(classes); higher++ {
				for otherName, other := range classes[higher] {
					t.Run(fmt.Sprintf("%s before %s", name, otherName), func(t *testing.T) {
						g, second := NewWithT(t), object(named("second"), other)
						g.Expect(stand(first, second).Place).To(Equal(map[bool]rules.Place{true: rules.Owner, false: rules.Aside}[lower <= int(rules.ClassUntried)]))
						standing := stand(second, first)
						if lower <= int(rules.ClassUntried) {
							g.Expect(standing.First).To(Equal(first))
							g.Expect(standing.Place).To(Equal(map[bool]rules.Place{true: rules.Behind, false: rules.Aside}[higher <= int(rules.ClassUntried)]))
						} else {
							g.Expect(standing.First).To(BeNil(), "who has no right owns nothing")
						}
					})
				}
			}
		}
	}
}

func TestTheOldestOfAClassGoesFirst(t *testing.T) {
	for name, test := range map[string]struct {
		mine, other *v1alpha1.FotaCallback
		place       rules.Place
	}{
		"the older one":            {object(), object(named("b"), createdAt(now)), rules.Owner},
		"the younger one":          {object(createdAt(now)), object(named("b")), rules.Behind},
		"of one age, by name":      {object(named("a")), object(named("b")), rules.Owner},
		"by name, the other way":   {object(named("c")), object(named("b")), rules.Behind},
		"by namespace before name": {object(in("a"), named("c")), object(in("b"), named("b")), rules.Owner},
		"both registered":          {object(registered(wish), createdAt(now)), object(named("b"), registered(wish)), rules.Behind},
		"who is being deleted":     {object(createdAt(now)), object(named("b"), registered(wish), claimed(wish), deleting), rules.Owner},
	} {
		t.Run(name, func(t *testing.T) {
			NewWithT(t).Expect(stand(test.mine, test.other).Place).To(Equal(test.place))
		})
	}
	NewWithT(t).Expect(rules.AccountKey("ACC-1a")).To(Equal(rules.AccountKey("acc-1A")))
}

// A listing counts from its answer on: before status shows it, and after a verdict that status still shows.
func TestAListingCountsAtOnce(t *testing.T) {
	g := NewWithT(t)
	mine := object(createdAt(now), refused(v1alpha1.ReasonAccessDenied))
	squatter := object(named("squatter"))
	g.Expect(stand(mine, squatter).Place).To(Equal(rules.Aside))
	listed := rules.Candidate{Object: mine, Listed: true}
	g.Expect(rules.Stand(listed, candidates(squatter)).Place).To(Equal(rules.Owner))
	g.Expect(rules.Stand(rules.Candidate{Object: squatter}, []rules.Candidate{listed}).Place).To(Equal(rules.Behind), "others see it alike")
	g.Expect(rules.Stand(listed, candidates(object(named("older"), listedOnce))).Place).To(Equal(rules.Behind), "age counts among those that have listed")
}

// What status does not show counts for a minute: an object that no status write fits keeps nobody out by it for longer.
func TestAListingThatCannotBeRecordedCountsForAMinute(t *testing.T) {
	g := NewWithT(t)
	var m rules.Memory
	g.Expect(m.ListingCounts(1, now)).To(BeFalse())
	m = m.ListedNow(1, now)
	g.Expect(m.ListingCounts(1, now.Add(59*time.Second))).To(BeTrue())
	g.Expect(m.ListingCounts(2, now)).To(BeFalse(), "it has changed since")
	m = m.ListedNow(2, now.Add(50*time.Second))
	g.Expect(m.ListingCounts(2, now.Add(59*time.Second))).To(BeTrue())
	g.Expect(m.ListingCounts(2, now.Add(time.Minute))).To(BeFalse(), "a change gains no time")

	f := listed(facts(object()), "")
	f.Memory = m
	summary := rules.Summarise(f, rules.Step{Action: rules.Rest, Reason: v1alpha1.ReasonAPIUnavailable})
	g.Expect(summary.Status.ListedGeneration).To(BeEquivalentTo(1))
	g.Expect(summary.Memory.Listed).To(BeZero(), "status says it from here on")
	g.Expect(summary.Memory.ListedSince).To(BeZero())
}

func TestPredecessorsAndSuccessor(t *testing.T) {
	g := NewWithT(t)
	leaving := object(named("leaving"), healthy, deleting)
	next := object(createdAt(now))
	later := object(named("later"), createdAt(now.Add(time.Second)))
	g.Expect(stand(next, leaving, later).Predecessors).To(ConsistOf(leaving))
	g.Expect(stand(next, leaving).Successor()).To(BeNil(), "it is not being deleted")
	g.Expect(stand(leaving, later, next).Successor()).To(Equal(next))
	g.Expect(stand(leaving).Successor()).To(BeNil())
	g.Expect(stand(leaving, object(named("x"), handled(v1alpha1.ReasonSuspended, metav1.ConditionUnknown), suspended)).Successor()).
		To(BeNil(), "who can't take over is no successor")
	noSecret := object(named("x"), handled(v1alpha1.ReasonCredentialsNotFound, metav1.ConditionFalse))
	g.Expect(stand(leaving, noSecret).Successor()).To(Equal(noSecret), "a Secret may come after it")
	g.Expect(stand(leaving, noSecret, later).Successor()).To(Equal(later))
	leaving.Spec.DeletionPolicy = v1alpha1.DeletionRetain
	g.Expect(stand(next, leaving).Predecessors).To(BeEmpty(), "it leaves nothing to inherit")
}

func TestWhatComesToTheSame(t *testing.T) {
	g, mine := NewWithT(t), object(createdAt(now))
	older, another := object(named("older")), object(named("another"))
	g.Expect(stand(mine).Same(stand(mine, object(named("younger"), createdAt(now.Add(time.Hour)))))).To(BeTrue(), "it owns the account")
	g.Expect(stand(mine).Same(stand(mine, older))).To(BeFalse())
	g.Expect(stand(mine, older).Same(stand(mine, another))).To(BeFalse())
	g.Expect(stand(mine, older).Same(stand(mine, object(named("older"), healthy)))).To(BeFalse(), "it has registered meanwhile")
	leaving := leaving()
	g.Expect(stand(leaving).Same(stand(leaving, older))).To(BeFalse())
}

// However many name an account, a change of one concerns few.
func TestAChangeConcernsFew(t *testing.T) {
	g := NewWithT(t)
	var all []rules.Candidate
	for n := range 2_000 {
		all = append(all, rules.Candidate{Object: object(named(fmt.Sprintf("%04d", n)), refused(v1alpha1.ReasonAccountConflict))})
	}
	owner := object(named("owner"), createdAt(now), healthy)
	names := func(objects []*v1alpha1.FotaCallback) (names []string) {
		for _, o := range objects {
			names = append(names, o.Name)
		}
		return names
	}
	g.Expect(names(rules.Concerned(append(all, rules.Candidate{Object: owner})))).To(Equal([]string{"owner", "0000"}))
	for n := range 10 {
		all[n].Object = object(named(fmt.Sprintf("%04d", n))) // says nothing, for ever
	}
	leaving := object(named("leaving"), healthy, deleting)
	all = append(all, rules.Candidate{Object: leaving}, rules.Candidate{Object: object(named("gone"), deleting)})
	g.Expect(names(rules.Concerned(all))).To(Equal([]string{"0000", "0001", "0010", "0011", "leaving"}), "nobody who waits for a turn waits for those for ever")
	for n := range 10 {
		all = append(all, rules.Candidate{Object: object(named(fmt.Sprintf("l%d", n)), claimed(wish), deleting)})
	}
	g.Expect(names(rules.Concerned(all))[4:]).To(Equal([]string{"leaving", "l0", "l1", "l2"}), "who has registered goes first")
	g.Expect(rules.Concerned(nil)).To(BeEmpty())
}
