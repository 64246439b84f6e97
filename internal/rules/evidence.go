package rules

import (
	"k8s.io/apimachinery/pkg/api/meta"

	"github.com/fota-callback-operator/fota-callback-operator/api/v1alpha1"
)

// What an object means to others is decided on what only the operator and the API server write: status, UID and
// the two timestamps. Spec and metadata are the words of whoever may edit the object, and decide about it alone.

// Trusted returns the object with the status that counts. A status that was written for another object (one that was
// restored or copied, say) counts as none.
func Trusted(o *v1alpha1.FotaCallback) *v1alpha1.FotaCallback {
	if o.Status.UID == string(o.UID) {
		return o
	}
	trusted := *o
	trusted.Status = v1alpha1.FotaCallbackStatus{ObservedGeneration: -1}
	return &trusted
}

// LastSentURL is the URL that the operator was last about to send for this very object; empty for none.
func LastSentURL(o *v1alpha1.FotaCallback) string {
	if o.Annotations[v1alpha1.LastSentByAnnotation] != string(o.UID) {
		return ""
	}
	return o.Annotations[v1alpha1.LastSentURLAnnotation]
}

// Claimed reports whether the object carries its claim: the finalizer and the intent.
func Claimed(o *v1alpha1.FotaCallback) bool { return HasFinalizer(o) && LastSentURL(o) != "" }

// verdict is the reason why the object can't have its account, as status says it of the current generation; empty
// where there is none. Time, AccountConflict and passing failures are none.
func verdict(o *v1alpha1.FotaCallback) string {
	if o.Status.ObservedGeneration != o.Generation {
		return ""
	}
	if reason := ReadyReason(o); isVerdict(reason) {
		return reason
	}
	return ""
}

func isVerdict(reason string) bool {
	switch reason {
	case v1alpha1.ReasonCredentialsNotFound, v1alpha1.ReasonCredentialsRejected, v1alpha1.ReasonAccessDenied,
		v1alpha1.ReasonRequestRejected, v1alpha1.ReasonInvalidSpec, v1alpha1.ReasonExistingRegistration:
		return true
	}
	return false
}

// saysConflict reports whether status says of the current generation that another object owns the account.
func saysConflict(o *v1alpha1.FotaCallback) bool {
	return o.Status.ObservedGeneration == o.Generation && ReadyReason(o) == v1alpha1.ReasonAccountConflict
}

// ReadyReason is the reason of the condition Ready; empty before the object is reconciled.
func ReadyReason(o *v1alpha1.FotaCallback) string {
	if ready := meta.FindStatusCondition(o.Status.Conditions, v1alpha1.ConditionReady); ready != nil {
		return ready.Reason
	}
	return ""
}
