package rules

import (
	"time"

	"github.com/fota-callback-operator/fota-callback-operator/api/v1alpha1"
	"github.com/fota-callback-operator/fota-callback-operator/internal/thingspace"
)

// decideDeletion takes an object that is being deleted to the point where its finalizer may go (rule 8): kept on
// purpose, handed over, shown to be gone, or somebody else's.
func decideDeletion(f Facts) Step {
	o := f.Object
	switch {
	case !HasFinalizer(o) || f.did(Release):
		return rest(v1alpha1.ReasonDeregistering)
	case f.Err != nil: // with a call, or with taking the finalizer off
		return rest(v1alpha1.ReasonDeregistering)
	case o.Spec.Retains():
		return Step{Action: Release, Event: v1alpha1.EventRetained}
	case !f.mayHaveSent(), thingspace.CheckAccount(o.Spec.Account) != nil:
		return Step{Action: Release} // nothing was ever sent
	case f.Standing.registeredSuccessor():
		return Step{Action: Release, Event: v1alpha1.EventHandedOver}
	}
	if ends := f.waitEnds(); f.Now.Before(ends) && !f.did(Deregister) {
		return Step{Action: Rest, Reason: v1alpha1.ReasonDeregistering, Wait: ends}
	}

	switch {
	case f.Listing == nil:
		return Step{Action: List}
	case f.Listing.URL == "" && f.Memory.listingMayLag(f.Now) && !f.did(Deregister):
		return Step{Action: Deregister}
	case f.Listing.URL == "":
		return Step{Action: Release, Event: v1alpha1.EventDeregistered}
	case f.Standing.Successor() != nil && holds(f.Standing.Successor(), o, f.Listing.URL):
		return Step{Action: Release, Event: v1alpha1.EventHandedOver}
	case !f.ours(f.Listing.URL):
		return Step{Action: Release, Event: v1alpha1.EventDeregistrationSkipped, Foreign: f.Listing.URL}
	case f.did(Deregister):
		return rest(v1alpha1.ReasonDeregistering) // accepted, and yet still there
	}
	return Step{Action: Deregister}
}

// mayHaveSent reports whether there is evidence that a URL was sent for the object: whoever sets the finalizer by hand
// gets no call for it.
func (f *Facts) mayHaveSent() bool {
	return Claimed(f.Object) || f.Object.Status.RegisteredURL != "" || f.Memory.listingMayLag(f.Now)
}

// waitEnds is when an object that is being deleted stops waiting for somebody to take its account over. The grace
// always runs, and begins anew with each process: a rename that nobody saw has had none.
func (f *Facts) waitEnds() time.Time {
	ends := later(f.Object.DeletionTimestamp.Time, f.Memory.FirstSeen).Add(f.Settings.DeregistrationGrace)
	if f.Standing.Successor() != nil {
		ends = later(ends, f.Memory.HandOver.Ends())
	}
	return ends
}

func later(a, b time.Time) time.Time {
	if a.Before(b) {
		return b
	}
	return a
}

// holds reports whether what is registered is the successor's already, although that has not said so: within one
// namespace its spec.url is, also as ThingSpace wrote it for the object that goes.
func holds(next, o *v1alpha1.FotaCallback, live string) bool {
	return next.Namespace == o.Namespace && (thingspace.EqualURLs(live, next.Spec.URL) ||
		o.Status.RegisteredURL == next.Spec.URL && thingspace.EqualURLs(live, o.Status.EchoedURL))
}
