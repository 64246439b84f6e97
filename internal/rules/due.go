package rules

import (
	"hash/fnv"
	"time"

	"k8s.io/apimachinery/pkg/api/meta"
	"k8s.io/apimachinery/pkg/types"

	"github.com/fota-callback-operator/fota-callback-operator/api/v1alpha1"
)

const (
	// A successor that is not Ready this long after it could have started no longer holds up a deletion.
	handOverPatience = 2 * time.Minute
	// Losing an account to another object is in order for a moment (a rename, an apply in any order), then a person must choose.
	conflictPatience = time.Minute
	// A check serves for this part of the interval, as a divisor.
	checkServes = 10
)

// Due says when the object is to be worked on (rule 6): not after f.Now means now, and false means not before
// something changes. A wake-up alone is never a reason.
func Due(f Facts) (time.Time, bool) {
	o := f.Object
	if Deleting(o) {
		return deletionDue(f)
	}
	reason := ReadyReason(o)
	switch {
	case !Handled(o):
		return f.Now, true
	case reason == v1alpha1.ReasonSuspended, reason == v1alpha1.ReasonInvalidSpec:
		return time.Time{}, false
	case f.Standing.Place == Behind:
		return conflictDue(f)
	case reason == v1alpha1.ReasonAccountConflict:
		return f.Now, true // the owner has gone
	case isTrue(o, v1alpha1.ConditionReconciling), !f.Memory.RetryAt.IsZero():
		return f.Memory.RetryAt, true
	case reason == v1alpha1.ReasonCredentialsRejected && f.Memory.LastCheck.IsZero():
		return f.Now, true // looks at the Secret; the refusal itself is remembered in status
	}
	return f.nextSlot(), true
}

func deletionDue(f Facts) (time.Time, bool) {
	o := f.Object
	switch {
	case !HasFinalizer(o):
		return time.Time{}, false
	case !Handled(o), ReadyReason(o) != v1alpha1.ReasonDeregistering:
		return f.Now, true
	case f.Memory.Waits && !f.stillWaits():
		return f.Now, true
	}
	return f.Memory.RetryAt, true
}

// stillWaits says whether what a deletion waits for can still come: the same successor is still at work on it, or nobody has come within the grace.
func (f *Facts) stillWaits() bool {
	next := f.Standing.Successor
	return uidOf(next) == f.Memory.Successor && (next == nil || successorState(next) == successorWorking)
}

func uidOf(o *v1alpha1.FotaCallback) types.UID {
	if o == nil {
		return ""
	}
	return o.UID
}

// conflictDue is now where status does not say yet who owns the account, and otherwise when waiting for that one turns into Stalled.
func conflictDue(f Facts) (time.Time, bool) {
	ready := meta.FindStatusCondition(f.Object.Status.Conditions, v1alpha1.ConditionReady)
	if ready == nil || ready.Reason != v1alpha1.ReasonAccountConflict || ready.Message != conflictMessage(f) {
		return f.Now, true
	}
	if waiting := meta.FindStatusCondition(f.Object.Status.Conditions, v1alpha1.ConditionReconciling); waiting != nil {
		return waiting.LastTransitionTime.Add(conflictPatience), true
	}
	return time.Time{}, false
}

// Interval is how often the object's account is listed. One that an older CRD let through and that CheckSpec refuses is not in force.
func (f *Facts) Interval() time.Duration {
	if f.Object.Spec.Interval == "" {
		return f.Settings.DefaultInterval
	}
	interval, err := parseInterval(f.Object.Spec.Interval)
	if err != nil {
		return f.Settings.DefaultInterval
	}
	return interval
}

// nextSlot is the first slot after the last check; after a restart, the first one after this process met the object. A check that was made for another
// reason (a change, say) serves for a slot that comes right after it.
func (f *Facts) nextSlot() time.Time {
	if f.Memory.LastCheck.IsZero() {
		return NextSlot(f.Object.UID, f.Interval(), f.Memory.FirstSeen)
	}
	return NextSlot(f.Object.UID, f.Interval(), f.Memory.LastCheck.Add(f.Interval()/checkServes))
}

// NextSlot is the first slot of an object after a point in time. Slots are multiples of the interval on the wall clock, moved by a hash of the
// UID: checks are spread evenly over the interval, a restart changes nothing, and nothing needs to be stored.
func NextSlot(uid types.UID, interval time.Duration, after time.Time) time.Time {
	h := fnv.New64a()
	_, _ = h.Write([]byte(uid))
	offset := time.Duration(h.Sum64() % uint64(interval)) //nolint:gosec // an interval is positive and fits
	since := time.Duration(after.UnixNano()) - offset
	return after.Add(interval - (since%interval+interval)%interval)
}

// Routine says whether the next check of the object is one of a healthy, unchanged object.
func Routine(o *v1alpha1.FotaCallback) bool { return Handled(o) && readyNow(o) }

type successor int

const (
	successorWorking successor = iota
	successorReady
	successorFailed
)

// successorState says how far the next owner is in taking over. AccountConflict is what it said before it was the next owner.
func successorState(o *v1alpha1.FotaCallback) successor {
	switch {
	case readyNow(o):
		return successorReady
	case o.Status.ObservedGeneration == o.Generation && isTrue(o, v1alpha1.ConditionStalled) &&
		ReadyReason(o) != v1alpha1.ReasonAccountConflict:
		return successorFailed
	}
	return successorWorking
}

// handOverEnds is when a deletion stops waiting for its successor: two minutes after this process has first found that it is next. It may have had no chance
// by then all the same (see noChanceYet).
func (f *Facts) handOverEnds() time.Time {
	if f.Memory.Waits && f.stillWaits() {
		return f.Memory.RetryAt
	}
	began := f.Now
	if f.Memory.Successor == f.Standing.Successor.UID {
		began = f.Memory.SuccessorSince
	}
	return began.Add(handOverPatience)
}

// noChanceYet says whether the successor may not have got as far as its account. What has kept this object from it until now (an outage, a Retry-After, a
// Kubernetes API that did not answer) may have kept the successor too; and it may have waited for its turn, or for its next attempt, ever since the deletion.
// It tries within longestWait.
func (f *Facts) noChanceYet() bool {
	listed := !f.SuccessorListed.Before(f.Object.DeletionTimestamp.Time)
	return f.Memory.Failed || !listed && f.Now.Before(f.Memory.SuccessorSince.Add(longestWait))
}
