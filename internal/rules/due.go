package rules

import (
	"hash/fnv"
	"time"

	"k8s.io/apimachinery/pkg/api/meta"
	"k8s.io/apimachinery/pkg/types"

	"github.com/fota-callback-operator/fota-callback-operator/api/v1alpha1"
)

const (
	// Losing an account to another object is in order for a moment (a rename, an apply in any order), then a person must choose.
	conflictPatience = time.Minute
	// An object that waits for its successor looks as often whether that has come any further.
	looksAgainAfter = time.Minute
	// A check serves for this part of the interval, as a divisor.
	checkServes = 10
)

// Due says when the object is to be worked on (rule 7): not after f.Now means now, and false means not before
// something changes. A wake-up alone is never a reason.
func Due(f Facts) (time.Time, bool) {
	o := f.Object
	if Deleting(o) {
		return deletionDue(f)
	}
	reason := ReadyReason(o)
	switch {
	case !Handled(o), f.claimIsLost():
		return f.Now, true
	case reason == v1alpha1.ReasonSuspended, reason == v1alpha1.ReasonInvalidSpec:
		return time.Time{}, false
	case f.Standing.Place == Behind:
		return conflictDue(f)
	case reason == v1alpha1.ReasonAccountConflict:
		return f.Now, true // the owner has gone
	case reason == v1alpha1.ReasonCredentialsRejected && f.Memory.LastCheck.IsZero():
		return f.Now, true // looks at the Secret; the refusal itself is remembered in status
	}
	return f.afterAnAttempt(), true
}

func deletionDue(f Facts) (time.Time, bool) {
	o, next := f.Object, uidOf(f.Standing.Successor())
	switch {
	case !HasFinalizer(o):
		return time.Time{}, false
	case !Handled(o), ReadyReason(o) != v1alpha1.ReasonDeregistering:
		return f.Now, true
	case f.Memory.Waits && (next != f.Memory.WaitsFor || f.Standing.registeredSuccessor()):
		return f.Now, true
	case f.Memory.Waits:
		return f.waitEnds(), true
	}
	return f.Memory.RetryAt, true
}

// LooksAgain is when an object that waits for its successor looks whether that has come any further: nothing may tell it.
func LooksAgain(f Facts) (time.Time, bool) {
	return f.Now.Add(looksAgainAfter), Deleting(f.Object) && f.Memory.Waits && f.Memory.WaitsFor != ""
}

// conflictDue is when an object that stands behind another is due. Behind one that has listed the account, it looks at
// its scheduled times whether that is still so, and makes no call; behind one that has not, its turn comes.
func conflictDue(f Facts) (time.Time, bool) {
	ready := meta.FindStatusCondition(f.Object.Status.Conditions, v1alpha1.ConditionReady)
	conflict := ready != nil && ready.Reason == v1alpha1.ReasonAccountConflict
	switch {
	case f.hasItsTurn() && conflict:
		return f.Now, true
	case f.hasItsTurn():
		return f.afterAnAttempt(), true
	case !conflict || ready.Message != conflictMessage(f):
		return f.Now, true
	case f.Standing.FirstClass == ClassUntried:
		return f.turnComes(), true
	case (Candidate{Object: f.Standing.First}).Class() > f.Standing.FirstClass: // by a listing that its status may never show
		return f.Memory.LastCheck.Add(unrecordedCounts), true
	}
	if waiting := meta.FindStatusCondition(f.Object.Status.Conditions, v1alpha1.ConditionReconciling); waiting != nil {
		return waiting.LastTransitionTime.Add(conflictPatience), true
	}
	return f.nextSlot(), true
}

// afterAnAttempt is when an attempt is followed by another: in its backoff, or at the scheduled time.
func (f *Facts) afterAnAttempt() time.Time {
	if isTrue(f.Object, v1alpha1.ConditionReconciling) || !f.Memory.RetryAt.IsZero() {
		return f.Memory.RetryAt
	}
	return f.nextSlot()
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

// Routine reports whether nobody waits for the next reconciliation of the object: it is healthy and unchanged, or looks
// whether another one owns its account still.
func Routine(o *v1alpha1.FotaCallback) bool {
	return Handled(o) && (readyNow(o) || saysConflict(o) && isTrue(o, v1alpha1.ConditionStalled))
}
