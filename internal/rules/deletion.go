package rules

import (
	"github.com/fota-callback-operator/fota-callback-operator/api/v1alpha1"
	"github.com/fota-callback-operator/fota-callback-operator/internal/thingspace"
)

// decideDeletion takes an object that is being deleted to the point where its finalizer may go (rule 7): kept on purpose, handed over, proved
// absent, or somebody else's.
func decideDeletion(f Facts) Step {
	o, next := f.Object, f.Standing.Successor
	switch {
	case !HasFinalizer(o) || f.did(Release):
		return rest(v1alpha1.ReasonDeregistering)
	case f.Err != nil: // with a call, or with taking the finalizer off
		return rest(v1alpha1.ReasonDeregistering)
	case o.Spec.Retains():
		return Step{Action: Release, Event: v1alpha1.EventRetained}
	case thingspace.CheckAccount(o.Spec.Account) != nil:
		return Step{Action: Release} // nothing was ever sent for such an account
	}
	if next != nil {
		switch successorState(next) {
		case successorReady:
			return Step{Action: Release, Event: v1alpha1.EventHandedOver}
		case successorWorking:
			if ends := f.handOverEnds(); f.Now.Before(ends) {
				return Step{Action: Rest, Reason: v1alpha1.ReasonDeregistering, Wait: ends}
			}
		case successorFailed: // it will not take over: deregister as if it were not there
		}
	} else if graceEnds := o.DeletionTimestamp.Add(f.Settings.DeregistrationGrace); f.Now.Before(graceEnds) {
		return Step{Action: Rest, Reason: v1alpha1.ReasonDeregistering, Wait: graceEnds}
	}

	switch {
	case f.Listing == nil:
		return Step{Action: List}
	case f.Listing.URL == "":
		return Step{Action: Release, Event: v1alpha1.EventDeregistered}
	case next != nil && holds(next, o, f.Listing.URL):
		return Step{Action: Release, Event: v1alpha1.EventHandedOver}
	case !Ours(o, f.Listing.URL):
		return Step{Action: Release, Event: v1alpha1.EventDeregistrationSkipped, Foreign: f.Listing.URL}
	case f.did(Deregister):
		return rest(v1alpha1.ReasonDeregistering) // accepted, and yet still there
	case next != nil && !next.Spec.Suspend && successorState(next) == successorWorking && f.noChanceYet():
		return Step{Action: Rest, Reason: v1alpha1.ReasonDeregistering, Wait: f.Now.Add(longestWait + handOverPatience)}
	}
	return Step{Action: Deregister}
}

// holds says whether what is registered is the next owner's already: what it asks for, also as ThingSpace wrote it for this object, or what it has sent.
func holds(next, o *v1alpha1.FotaCallback, live string) bool {
	return thingspace.EqualURLs(live, next.Spec.URL) || Ours(next, live) ||
		o.Status.RegisteredURL == next.Spec.URL && thingspace.EqualURLs(live, o.Status.EchoedURL)
}
