package rules

import (
	"k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/fota-callback-operator/fota-callback-operator/api/v1alpha1"
	"github.com/fota-callback-operator/fota-callback-operator/internal/thingspace"
)

// Summary is how things stand after a pass.
type Summary struct {
	// Status is the whole status; equal to the object's where there is nothing to write.
	Status v1alpha1.FotaCallbackStatus
	// Memory is what the process remembers from now on.
	Memory Memory
}

// Summarise computes every condition and field of status from what a pass found and did. Last is the Rest that ended it.
func Summarise(f Facts, last Step) Summary {
	memory := remember(f, last)
	status := *f.Object.Status.DeepCopy()
	if keepsReady(f, last, memory) {
		return Summary{Status: status, Memory: memory}
	}
	if requested := RequestedAt(f.Object); requested != "" {
		status.LastHandledReconcileAt = requested
	}
	listed := f.Listing != nil || f.Memory.Listed == f.Object.Generation
	// A verdict stands until a listing succeeds, or another takes its place.
	if verdict(f.Object) != "" && f.Err != nil && !listed && !isVerdict(last.Reason) && !Deleting(f.Object) {
		return Summary{Status: status, Memory: memory}
	}
	if listed {
		status.ListedGeneration = f.Object.Generation
	}
	recordURLs(&status, f, last)
	status.ObservedGeneration = f.Object.Generation
	setConditions(&status, f, last)
	return Summary{Status: status, Memory: memory}
}

// keepsReady says whether a failed routine check of a healthy object is still taken for a hiccup. What is handled stays handled, so nothing is written.
func keepsReady(f Facts, last Step, memory Memory) bool {
	if Deleting(f.Object) || !Handled(f.Object) || !readyNow(f.Object) || !passing(last.Reason) {
		return false
	}
	return waitsForLogin(f.Err) || memory.Attempts < failuresThatCount
}

func recordURLs(status *v1alpha1.FotaCallbackStatus, f Facts, last Step) {
	if f.Listing != nil {
		status.RemoteURL = f.Listing.URL
	}
	if last.Reason != v1alpha1.ReasonRegistered {
		return
	}
	wish := f.Object.Spec.URL
	if f.did(Register, Update) {
		status.RemoteURL = f.Echo
	}
	status.RegisteredURL = wish
	if thingspace.EqualURLs(status.RemoteURL, wish) {
		status.EchoedURL = ""
	} else {
		status.EchoedURL = status.RemoteURL
	}
}

func setConditions(status *v1alpha1.FotaCallbackStatus, f Facts, last Step) {
	ready, working, stalled := metav1.ConditionFalse, true, false
	switch {
	case last.Reason == v1alpha1.ReasonRegistered:
		ready, working = metav1.ConditionTrue, false
	case last.Reason == v1alpha1.ReasonSuspended:
		ready, working = metav1.ConditionUnknown, false
	case last.Reason == v1alpha1.ReasonAccountConflict:
		working = !conflictLasts(status, f)
		stalled = !working
	case stalls(last.Reason):
		working, stalled = false, true
	}
	condition := metav1.Condition{
		Type: v1alpha1.ConditionReady, Status: ready, Reason: last.Reason, Message: message(f, last),
		ObservedGeneration: f.Object.Generation, LastTransitionTime: metav1.NewTime(f.Now),
	}
	meta.SetStatusCondition(&status.Conditions, condition)
	setWhileTrue(status, condition, v1alpha1.ConditionReconciling, working)
	setWhileTrue(status, condition, v1alpha1.ConditionStalled, stalled)
}

// setWhileTrue writes a condition that exists only while True. It is a new one, with a new time, where its reason is another.
func setWhileTrue(status *v1alpha1.FotaCallbackStatus, like metav1.Condition, conditionType string, isTrue bool) {
	if now := meta.FindStatusCondition(status.Conditions, conditionType); now != nil && (!isTrue || now.Reason != like.Reason) {
		meta.RemoveStatusCondition(&status.Conditions, conditionType)
	}
	if !isTrue {
		return
	}
	like.Type, like.Status = conditionType, metav1.ConditionTrue
	meta.SetStatusCondition(&status.Conditions, like)
}

// conflictLasts says whether another object has owned the account for so long that a person must choose.
func conflictLasts(status *v1alpha1.FotaCallbackStatus, f Facts) bool {
	if stalled := meta.FindStatusCondition(status.Conditions, v1alpha1.ConditionStalled); stalled != nil &&
		stalled.Reason == v1alpha1.ReasonAccountConflict {
		return true
	}
	waiting := meta.FindStatusCondition(status.Conditions, v1alpha1.ConditionReconciling)
	return waiting != nil && waiting.Reason == v1alpha1.ReasonAccountConflict &&
		!f.Now.Before(waiting.LastTransitionTime.Add(conflictPatience))
}
