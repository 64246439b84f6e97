package rules

import (
	"crypto/sha256"
	"fmt"
	"slices"
	"time"

	"k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"sigs.k8s.io/controller-runtime/pkg/controller/controllerutil"

	"github.com/fota-callback-operator/fota-callback-operator/api/v1alpha1"
)

// Settings are the operator's own, the same for every object.
type Settings struct {
	// DefaultInterval is in force where an object names no interval.
	DefaultInterval time.Duration
	// DeregistrationGrace is how long a deletion waits before it deregisters, so that a rename (delete, then create)
	// can hand over instead.
	DeregistrationGrace time.Duration
}

// Facts is everything that a step is decided on: what was gathered, and what this pass has done so far.
type Facts struct {
	// Object is the newest version known, this process's own writes included, as Trusted returns it. Read only.
	Object *v1alpha1.FotaCallback
	// Now is when the pass began.
	Now time.Time
	// Settings are the operator's.
	Settings Settings
	// Standing is the object's place among those that name its account, by what is known now: a listing may change it.
	Standing Standing
	// Surveyed says that Standing was read past the cache, in this pass.
	Surveyed bool
	// Memory is what this process remembers of the object.
	Memory Memory
	// Listing is what ThingSpace reported in this pass; nil before it was asked.
	Listing *Listing
	// Done are the steps applied in this pass, oldest first.
	Done []Step
	// Echo is how ThingSpace wrote the URL that this pass sent.
	Echo string
	// Err is what ended the pass; nil while all is well.
	Err error
}

// Listing is an answer to List.
type Listing struct {
	// URL is the registered URL as ThingSpace writes it; empty where there is none.
	URL string
}

// did says whether this pass has applied a step with one of these actions.
func (f *Facts) did(actions ...Action) bool {
	return slices.ContainsFunc(f.Done, func(step Step) bool { return slices.Contains(actions, step.Action) })
}

// Handled says whether status speaks of the object as it is now: its generation (which a deletion raises too) and its
// newest request for a check.
func Handled(o *v1alpha1.FotaCallback) bool {
	return o.Status.ObservedGeneration == o.Generation &&
		(RequestedAt(o) == "" || RequestedAt(o) == o.Status.LastHandledReconcileAt)
}

// LongestRequest is how much of a request for a check is kept as it is written.
const LongestRequest = 1024

// RequestedAt is the value of the annotation that asks for a check now; empty for none. A long one, which may be 256 KiB, is known by its digest.
func RequestedAt(o *v1alpha1.FotaCallback) string {
	requested := o.Annotations[v1alpha1.RequestedAtAnnotation]
	if len(requested) > LongestRequest {
		return fmt.Sprintf("sha256:%x", sha256.Sum256([]byte(requested)))
	}
	return requested
}

// Deleting says whether the object is being deleted.
func Deleting(o *v1alpha1.FotaCallback) bool { return !o.DeletionTimestamp.IsZero() }

// HasFinalizer says whether the object still has something to undo when it is deleted.
func HasFinalizer(o *v1alpha1.FotaCallback) bool {
	return controllerutil.ContainsFinalizer(o, v1alpha1.Finalizer)
}

func isTrue(o *v1alpha1.FotaCallback, condition string) bool {
	return meta.IsStatusConditionPresentAndEqual(o.Status.Conditions, condition, metav1.ConditionTrue)
}

// readyNow says whether Ready is True for the spec as it is.
func readyNow(o *v1alpha1.FotaCallback) bool {
	return o.Status.ObservedGeneration == o.Generation && isTrue(o, v1alpha1.ConditionReady)
}
