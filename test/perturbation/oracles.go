package perturbation

import (
	"k8s.io/apimachinery/pkg/api/meta"

	"github.com/fota-callback-operator/fota-callback-operator/api/v1alpha1"
	"github.com/fota-callback-operator/fota-callback-operator/internal/rules"
	"github.com/fota-callback-operator/fota-callback-operator/internal/thingspace"
)

// judgeBefore judges a call of ThingSpace by what Kubernetes holds at that moment.
func (w *world) judgeBefore(e effect) {
	if e.kind == "patch" || e.kind == "status" || e.kind == "token" || e.kind == "login" {
		return
	}
	var live, leaving []*v1alpha1.FotaCallback
	for _, o := range w.kube.sorted() {
		switch {
		case rules.AccountKey(o.Spec.Account) != rules.AccountKey(e.what):
		case rules.Deleting(o):
			leaving = append(leaving, o)
		case !o.Spec.Suspend:
			live = append(live, o)
		}
	}
	if len(live)+len(leaving) == 0 {
		w.failf("%s although every object of the account is suspended or gone", e)
		return
	}
	switch e.kind {
	case "register", "update":
		claimed := false
		for _, o := range live {
			claimed = claimed || rules.HasFinalizer(o) && rules.LastSentURL(o) == o.Spec.URL
		}
		if !claimed {
			w.failf("%s although no object has claimed the account", e)
		}
		if w.deregistered[e.what] && len(leaving) == 0 && !w.disturbedByOthers {
			w.failf("%s after a deregistration on an account that was never let go: a gap", e)
		}
	case "deregister":
		url := w.far.Registered(e.what)
		ours := url == ""
		for _, o := range leaving {
			ours = ours || rules.Ours(o, url)
		}
		if !ours && !w.disturbedByOthers {
			w.failf("%s of %s, which no object that is being deleted has sent", e, url)
		}
		if len(leaving) == 0 {
			w.failf("%s although nothing is being deleted", e)
		}
		w.deregistered[e.what] = len(live) > 0
	}
}

// judgeWrite judges a write to an object.
func (w *world) judgeWrite(before, after *v1alpha1.FotaCallback) {
	reconciling := meta.IsStatusConditionTrue(after.Status.Conditions, v1alpha1.ConditionReconciling)
	stalled := meta.IsStatusConditionTrue(after.Status.Conditions, v1alpha1.ConditionStalled)
	if reconciling && stalled {
		w.failf("%s is Reconciling and Stalled", after.Name)
	}
	if after.Status.ObservedGeneration > after.Generation {
		w.failf("%s has observed a generation that is not there yet", after.Name)
	}
	far := w.far.Registered(after.Spec.Account)
	ready := meta.IsStatusConditionTrue(after.Status.Conditions, v1alpha1.ConditionReady) && after.Status.ObservedGeneration == after.Generation
	wasReady := meta.IsStatusConditionTrue(before.Status.Conditions, v1alpha1.ConditionReady)
	if ready && !wasReady && !w.disturbedByOthers && !thingspace.EqualURLs(far, after.Spec.URL) {
		w.failf("%s is Ready, but the far side holds %q", after.Name, far)
	}
	released := rules.HasFinalizer(before) && !rules.HasFinalizer(after)
	if released && !w.disturbedByOthers && !after.Spec.Retains() && rules.Ours(before, far) && rules.Stand(after, w.others(after)).Successor == nil {
		w.failf("%s is let go although the far side still holds its URL", after.Name)
	}
	if w.far.Locked("demo-user") {
		w.failf("the user is locked out")
	}
	if w.far.FailedLogins("demo-user") > 3 {
		w.failf("a fourth failed login")
	}
}

func (w *world) others(o *v1alpha1.FotaCallback) []*v1alpha1.FotaCallback {
	var all []*v1alpha1.FotaCallback
	for _, other := range w.kube.sorted() {
		if other.UID != o.UID && rules.AccountKey(other.Spec.Account) == rules.AccountKey(o.Spec.Account) {
			all = append(all, other)
		}
	}
	return all
}
