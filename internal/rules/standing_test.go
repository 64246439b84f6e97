package rules_test

import (
	"testing"
	"time"

	. "github.com/onsi/gomega"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/fota-callback-operator/fota-callback-operator/api/v1alpha1"
	"github.com/fota-callback-operator/fota-callback-operator/internal/rules"
)

func TestPrecedence(t *testing.T) {
	for name, test := range map[string]struct {
		mine, other *v1alpha1.FotaCallback
		place       rules.Place
	}{
		"the older one goes first":              {object(), object(named("b"), createdAt(now)), rules.Owner},
		"the younger one is behind":             {object(createdAt(now)), object(named("b")), rules.Behind},
		"of one age, by name":                   {object(named("a")), object(named("b")), rules.Owner},
		"of one age, by name, the other way":    {object(named("c")), object(named("b")), rules.Behind},
		"who has registered goes before age":    {object(registered(wish), createdAt(now)), object(named("b")), rules.Owner},
		"behind who has registered":             {object(), object(named("b"), registered(wish), createdAt(now)), rules.Behind},
		"both registered: age":                  {object(registered(wish), createdAt(now)), object(named("b"), registered(wish)), rules.Behind},
		"who is being deleted does not count":   {object(createdAt(now)), object(named("b"), registered(wish), claimed(wish), deleting), rules.Owner},
		"an object that was refused is in line": {object(createdAt(now)), object(named("b"), handled(v1alpha1.ReasonExistingRegistration, metav1.ConditionFalse)), rules.Behind},
	} {
		t.Run(name, func(t *testing.T) {
			g := NewWithT(t)
			standing := rules.Stand(test.mine, []*v1alpha1.FotaCallback{test.other})
			g.Expect(standing.Place).To(Equal(test.place))
			if test.place == rules.Behind {
				g.Expect(standing.Owner).To(Equal(test.other))
			}
		})
	}
	g := NewWithT(t)
	g.Expect(rules.AccountKey("ACC-1a")).To(Equal(rules.AccountKey("acc-1A")))
}

func TestWhoHasNoAccessIsPassedOver(t *testing.T) {
	for reason, passedOver := range map[string]bool{
		v1alpha1.ReasonSuspended: true, v1alpha1.ReasonCredentialsNotFound: true, v1alpha1.ReasonCredentialsRejected: true,
		v1alpha1.ReasonAccessDenied: true, v1alpha1.ReasonRequestRejected: true,
		v1alpha1.ReasonRegistered: false, v1alpha1.ReasonProgressing: false, v1alpha1.ReasonAPIUnavailable: false, v1alpha1.ReasonRateLimited: false,
		v1alpha1.ReasonUnexpectedResponse: false, v1alpha1.ReasonInvalidSpec: false, v1alpha1.ReasonAccountConflict: false,
		v1alpha1.ReasonExistingRegistration: false, v1alpha1.ReasonDrifted: false,
	} {
		t.Run(reason, func(t *testing.T) {
			g := NewWithT(t)
			first := object(named("first"), handled(reason, metav1.ConditionFalse))
			second := object(named("second"), createdAt(now))
			others := []*v1alpha1.FotaCallback{first}
			places := []rules.Place{rules.Owner, rules.Behind}
			if passedOver {
				places = []rules.Place{rules.PassedOver, rules.Owner}
			}
			g.Expect([]rules.Place{rules.Stand(first, nil).Place, rules.Stand(second, others).Place}).To(Equal(places))

			registered(wish)(first)
			g.Expect(rules.Stand(second, others).Place).To(Equal(rules.Behind), "who has registered is not passed over")
			first.Status.RegisteredURL = ""
			first.Generation++
			g.Expect(rules.Stand(second, others).Place).To(Equal(rules.Behind), "nor is one that has changed since")
		})
	}
}

func TestPassedOverCountsAgain(t *testing.T) {
	g := NewWithT(t)
	mine := object(handled(v1alpha1.ReasonAccessDenied, metav1.ConditionFalse))
	younger := object(named("younger"), createdAt(now))
	g.Expect(rules.Stand(mine, nil).PlaceOnceListed).To(Equal(rules.Owner))
	g.Expect(rules.Stand(mine, []*v1alpha1.FotaCallback{younger}).PlaceOnceListed).To(Equal(rules.Owner), "nobody has claimed the account")
	claimed(wish)(younger)
	standing := rules.Stand(mine, []*v1alpha1.FotaCallback{younger})
	g.Expect(standing.PlaceOnceListed).To(Equal(rules.Behind), "somebody has")
	g.Expect(standing.Owner).To(Equal(younger))
}

// Who comes back to an account that another has claimed meanwhile stays behind, although it is older: also after it has said so.
func TestWhoComesBackLeavesAClaimedAccountAlone(t *testing.T) {
	g := NewWithT(t)
	back := object(handled(v1alpha1.ReasonAccountConflict, metav1.ConditionFalse, v1alpha1.ConditionStalled))
	holder := object(named("holder"), createdAt(now), claimed(wish))
	standing := rules.Stand(back, []*v1alpha1.FotaCallback{holder})
	g.Expect(standing.Place).To(Equal(rules.Behind))
	g.Expect(standing.Owner).To(Equal(holder))
	g.Expect(rules.Stand(holder, []*v1alpha1.FotaCallback{back}).Place).To(Equal(rules.Owner), "both see it alike")
	claimed(wish)(back)
	g.Expect(rules.Stand(back, []*v1alpha1.FotaCallback{holder}).Place).To(Equal(rules.Behind), "its own claim came to nothing")
	g.Expect(rules.Stand(holder, []*v1alpha1.FotaCallback{back}).Place).To(Equal(rules.Owner), "both see that alike too")
	handled(v1alpha1.ReasonAccountConflict, metav1.ConditionFalse)(holder)
	g.Expect(rules.Stand(back, []*v1alpha1.FotaCallback{holder}).Place).To(Equal(rules.Owner), "neither claim is better: age")
	back.Finalizers = nil
	g.Expect(rules.Stand(back, []*v1alpha1.FotaCallback{holder}).Place).To(Equal(rules.Behind), "a claim that status does not know of yet")
	holder.Status = v1alpha1.FotaCallbackStatus{ObservedGeneration: -1}

	newcomer := object(named("newcomer"))
	g.Expect(rules.Stand(holder, []*v1alpha1.FotaCallback{back, newcomer}).Owner).To(Equal(newcomer), "age counts among the others")
	handled(v1alpha1.ReasonAccessDenied, metav1.ConditionFalse)(holder)
	g.Expect(rules.Stand(back, []*v1alpha1.FotaCallback{holder}).Place).To(Equal(rules.Owner), "who can't work on the account holds nobody back")
	holder.Finalizers = nil
	handled(v1alpha1.ReasonRegistered, metav1.ConditionTrue)(holder)
	g.Expect(rules.Stand(back, []*v1alpha1.FotaCallback{holder}).Place).To(Equal(rules.Owner), "nobody has claimed it")
}

func TestPredecessorsAndSuccessor(t *testing.T) {
	g := NewWithT(t)
	leaving := object(named("leaving"), healthy, deleting)
	next := object(createdAt(now))
	later := object(named("later"), createdAt(now.Add(time.Second)))
	g.Expect(rules.Stand(next, []*v1alpha1.FotaCallback{leaving, later}).Predecessors).To(ConsistOf(leaving))
	g.Expect(rules.Stand(leaving, []*v1alpha1.FotaCallback{later, next}).Successor).To(Equal(next))
	g.Expect(rules.Stand(leaving, nil).Successor).To(BeNil())
	g.Expect(rules.Stand(leaving, []*v1alpha1.FotaCallback{object(named("x"), handled(v1alpha1.ReasonSuspended, metav1.ConditionUnknown))}).Successor).
		To(BeNil(), "who can't take over is no successor")
	leaving.Spec.DeletionPolicy = v1alpha1.DeletionRetain
	g.Expect(rules.Stand(next, []*v1alpha1.FotaCallback{leaving}).Predecessors).To(BeEmpty(), "it leaves nothing to inherit")
}
