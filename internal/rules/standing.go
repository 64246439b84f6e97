package rules

import (
	"cmp"
	"slices"
	"strings"

	"github.com/fota-callback-operator/fota-callback-operator/api/v1alpha1"
)

// Place is an object's place among those that name its account (rule 1).
type Place string

// The places.
const (
	// Owner may list and change the account's registration.
	Owner Place = "Owner"
	// Behind means that another object owns the account: no calls.
	Behind Place = "Behind"
	// PassedOver means that the object could not work on the account and let others go first. It may go on listing.
	PassedOver Place = "PassedOver"
)

// Standing is an object's place, and who stands around it.
type Standing struct {
	// Place is the object's own; it has none while it is being deleted.
	Place Place
	// Owner is who owns the account where Place is Behind, or would be after a listing that succeeds.
	Owner *v1alpha1.FotaCallback
	// PlaceOnceListed is, where Place is PassedOver, what it becomes when a listing succeeds: Owner or Behind.
	PlaceOnceListed Place
	// Predecessors are objects that are being deleted and wait for this one to take their registration over.
	Predecessors []*v1alpha1.FotaCallback
	// Successor is who owns the account next, where this object is being deleted.
	Successor *v1alpha1.FotaCallback
}

// SamePlace says whether another standing of the same object comes to the same.
func (s Standing) SamePlace(other Standing) bool {
	return s.Place == other.Place && s.PlaceOnceListed == other.PlaceOnceListed && same(s.Owner, other.Owner) && same(s.Successor, other.Successor)
}

func same(a, b *v1alpha1.FotaCallback) bool {
	if a == nil || b == nil {
		return a == b
	}
	return a.UID == b.UID
}

// AccountKey is what two objects share when they name the same account: letter case is ignored.
func AccountKey(account string) string { return strings.ToLower(account) }

// Stand finds the object's place. Peers are the other objects that name its account, in any order.
func Stand(object *v1alpha1.FotaCallback, peers []*v1alpha1.FotaCallback) Standing {
	var counted, predecessors []*v1alpha1.FotaCallback
	strongest := claimOf(object)
	for _, peer := range peers {
		strongest = max(strongest, claimOf(peer))
	}
	for _, peer := range peers {
		switch {
		case Deleting(peer):
			if HasFinalizer(peer) && !peer.Spec.Retains() {
				predecessors = append(predecessors, peer)
			}
		case passedOver(peer), yields(peer, strongest):
		default:
			counted = append(counted, peer)
		}
	}
	slices.SortFunc(counted, byPrecedence)
	var first *v1alpha1.FotaCallback
	if len(counted) > 0 {
		first = counted[0]
	}

	if Deleting(object) {
		return Standing{Successor: first}
	}
	standing := Standing{Place: Owner, Predecessors: predecessors}
	if first != nil && (byPrecedence(first, object) < 0 || yields(object, strongest)) {
		standing.Place, standing.Owner = Behind, first
	}
	if passedOver(object) {
		standing.PlaceOnceListed = standing.Place
		standing.Place = PassedOver
		// Whoever has claimed the account meanwhile keeps it, even from an older object.
		if i := slices.IndexFunc(counted, HasFinalizer); i >= 0 {
			standing.PlaceOnceListed, standing.Owner = Behind, counted[i]
		}
	}
	return standing
}

// passedOver says whether the object has shown, for the spec as it is, that it can't work on the account: nobody
// squats on an account without access to it.
func passedOver(o *v1alpha1.FotaCallback) bool {
	if o.Status.RegisteredURL != "" || o.Status.ObservedGeneration != o.Generation {
		return false
	}
	return passesOver(ReadyReason(o))
}

// claim is how far an object has come with taking the account over.
type claim int

const (
	noClaim claim = iota
	// oldClaim has a finalizer and says AccountConflict: it came to nothing, or is so new that status does not know of it.
	oldClaim
	goodClaim
)

func claimOf(o *v1alpha1.FotaCallback) claim {
	switch {
	case Deleting(o), !HasFinalizer(o), passedOver(o):
		return noClaim
	case saysConflict(o):
		return oldClaim
	}
	return goodClaim
}

// yields says whether the object has accepted that another has claimed the account: its age no longer counts against one with a better claim.
func yields(o *v1alpha1.FotaCallback, strongest claim) bool {
	return saysConflict(o) && claimOf(o) < strongest
}

func saysConflict(o *v1alpha1.FotaCallback) bool {
	return o.Status.RegisteredURL == "" && o.Status.ObservedGeneration == o.Generation && ReadyReason(o) == v1alpha1.ReasonAccountConflict
}

// passesOver says whether a reason shows that an object has no access to its account, or does not want any.
func passesOver(reason string) bool {
	switch reason {
	case v1alpha1.ReasonSuspended, v1alpha1.ReasonCredentialsNotFound, v1alpha1.ReasonCredentialsRejected,
		v1alpha1.ReasonAccessDenied, v1alpha1.ReasonRequestRejected:
		return true
	}
	return false
}

// byPrecedence puts who has registered before who has not, then the oldest first.
func byPrecedence(a, b *v1alpha1.FotaCallback) int {
	if (a.Status.RegisteredURL != "") != (b.Status.RegisteredURL != "") {
		if a.Status.RegisteredURL != "" {
			return -1
		}
		return 1
	}
	return cmp.Or(
		a.CreationTimestamp.Compare(b.CreationTimestamp.Time),
		cmp.Compare(a.Namespace, b.Namespace),
		cmp.Compare(a.Name, b.Name),
	)
}
