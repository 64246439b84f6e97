package rules

import (
	"cmp"
	"strings"

	"k8s.io/apimachinery/pkg/types"

	"github.com/fota-callback-operator/fota-callback-operator/api/v1alpha1"
)

// Class is the right of an object to its account (rule 1). Lower ones go first.
type Class int

// The classes.
const (
	// ClassRegistered has registered, suspended or not.
	ClassRegistered Class = iota
	// ClassListed has listed the account with its current generation, and has had no verdict since.
	ClassListed
	// ClassUntried has neither listed the account nor had a verdict.
	ClassUntried
	// ClassAwaitsSecret has no verdict but CredentialsNotFound: a Secret may come after it. It may take over from an
	// object that is being deleted, and owns nothing otherwise.
	ClassAwaitsSecret
	// ClassNone has a verdict, or is suspended.
	ClassNone
)

// Candidate is an object among those that name its account.
type Candidate struct {
	// Object is as Trusted returns it.
	Object *v1alpha1.FotaCallback
	// Listed says that this process has listed the account with the current generation, later than any verdict in
	// status, which does not say so yet.
	Listed bool
}

// Class returns the right of a candidate that is not being deleted.
func (c Candidate) Class() Class {
	o := c.Object
	switch said := verdict(o); {
	case o.Status.RegisteredURL != "":
		return ClassRegistered
	case o.Spec.Suspend:
		return ClassNone
	case c.Listed:
		return ClassListed
	case said == v1alpha1.ReasonCredentialsNotFound:
		return ClassAwaitsSecret
	case said != "":
		return ClassNone
	case o.Status.ListedGeneration == o.Generation:
		return ClassListed
	}
	return ClassUntried
}

// Place is an object's place among those that name its account.
type Place string

// The places. An object that is being deleted has none.
const (
	// Owner may list and change the account's registration.
	Owner Place = "Owner"
	// Behind means that another object goes first.
	Behind Place = "Behind"
	// Aside means that the object has a verdict, or is suspended: it owns nothing before a listing succeeds.
	Aside Place = "Aside"
)

// Standing is an object's place, and who stands around it.
type Standing struct {
	// Place is the object's own; it has none while it is being deleted.
	Place Place
	// First is the first among the others, and FirstClass its class: who owns the account where Place is Behind, and
	// the successor where the object is being deleted. It is nil where none of the others has a right.
	First      *v1alpha1.FotaCallback
	FirstClass Class
	// Predecessors are objects that are being deleted and wait for their successor.
	Predecessors []*v1alpha1.FotaCallback
}

// Successor is who is to take over from an object that is being deleted; nil where there is none.
func (s Standing) Successor() *v1alpha1.FotaCallback {
	if s.Place != "" {
		return nil
	}
	return s.First
}

// registeredSuccessor reports whether the account has another owner already, which keeps it.
func (s Standing) registeredSuccessor() bool {
	return s.Successor() != nil && s.FirstClass == ClassRegistered
}

// Same reports whether another standing of the same object comes to the same.
func (s Standing) Same(other Standing) bool {
	if s.Place == Owner {
		return other.Place == Owner
	}
	return s.Place == other.Place && uidOf(s.First) == uidOf(other.First) && s.FirstClass == other.FirstClass
}

func uidOf(o *v1alpha1.FotaCallback) types.UID {
	if o == nil {
		return ""
	}
	return o.UID
}

// AccountKey is what two objects share when they name the same account: letter case is ignored.
func AccountKey(account string) string { return strings.ToLower(account) }

// Stand finds the object's place. Peers are the other objects that name its account, in any order.
func Stand(self Candidate, peers []Candidate) Standing {
	lowest := ClassUntried
	if Deleting(self.Object) {
		lowest = ClassAwaitsSecret
	}
	standing := Standing{FirstClass: ClassNone}
	var first ranked
	for _, peer := range peers {
		if Deleting(peer.Object) {
			if HasFinalizer(peer.Object) && !peer.Object.Spec.Retains() {
				standing.Predecessors = append(standing.Predecessors, peer.Object)
			}
			continue
		}
		next := ranked{peer.Object, peer.Class()}
		if next.class <= lowest && (first.object == nil || next.before(first)) {
			first = next
		}
	}
	if first.object != nil {
		standing.First, standing.FirstClass = first.object, first.class
	}
	if Deleting(self.Object) {
		return standing
	}
	mine := ranked{self.Object, self.Class()}
	switch {
	case mine.class > ClassUntried:
		standing.Place = Aside
	case first.object != nil && first.before(mine):
		standing.Place = Behind
	default:
		standing.Place = Owner
	}
	return standing
}

// ranked is an object with its class.
type ranked struct {
	object *v1alpha1.FotaCallback
	class  Class
}

// before reports whether the object goes before another: by class, then the oldest first.
func (r ranked) before(other ranked) bool {
	a, b := r.object, other.object
	return cmp.Or(
		cmp.Compare(r.class, other.class),
		a.CreationTimestamp.Compare(b.CreationTimestamp.Time),
		cmp.Compare(a.Namespace, b.Namespace),
		cmp.Compare(a.Name, b.Name),
	) < 0
}
