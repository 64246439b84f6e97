package perturbation

import (
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"

	"github.com/fota-callback-operator/fota-callback-operator/api/v1alpha1"
)

// ownerStories are about who owns an account, and by what evidence.
var ownerStories = []story{
	{"stripped, then deleted", good, []act{create(), edit(strip), remove}},
	{"stripped while it is suspended, then deleted", good, []act{create(), edit(suspend), edit(strip), remove}},
	{"stripped with another URL", good, []act{create(), edit(strip, changeURL)}},
	{"its status wiped", good, []act{create(), edit(wipe), edit(changeURL)}},
	{"its status wiped, then deleted", good, []act{create(), edit(wipe), remove}},
	{"restored with another object's status", good, []act{create(restored)}},
	{olderComesBack, good, []act{create(ownSecret), createNamed("next", changeURL), user(func(w *world) {
		w.kube.secret("own", password)
	})}},
	{"a squatter that says nothing", good, []act{squat(saysNothing), create(), edit(changeURL), remove}},
	{"a squatter that says nothing, and a rename", good, []act{create(), squat(saysNothing), user(func(w *world) {
		w.kube.delete("fleet")
		w.kube.create(callback("renamed", account, fleetURL))
	})}},
	{"a squatter without a Secret, and a rename", good, []act{create(), squat(), user(func(w *world) {
		w.kube.delete("fleet")
		w.kube.create(callback("renamed", account, nextURL))
	})}},
	{"a squatter with a finalizer, before the Secret comes", nothing, []act{create(), squat(carries(fleetURL), saysNothing), user(good)}},
	{"a squatter that carries the URL, then deleted", good, []act{create(), squat(carries(fleetURL)), remove}},
	{"a suspended copy, deleted", good, []act{create(), squat(carries(fleetURL), suspend), unsquat}},
	{"a squatter deleted with a claim of the foreign URL", both(good, byHand(foreign)), []act{create(ifUnregistered), squat(), {do: claimForeign}, unsquat}},
}

// ownSecret names a Secret of its own.
func ownSecret(o *v1alpha1.FotaCallback) {
	o.Spec.CredentialsSecretRef = &v1alpha1.SecretReference{Name: "own"}
}

var squatter = types.NamespacedName{Namespace: "another", Name: "squatter"}

// squat has a stranger create an object for the account, in a namespace without a Secret.
func squat(changes ...func(*v1alpha1.FotaCallback)) act {
	return act{do: func(w *world) bool {
		o := callback(squatter.Name, account, nextURL)
		o.Namespace = squatter.Namespace
		for _, change := range changes {
			change(o)
		}
		return w.kube.create(o)
	}}
}

var unsquat = user(func(w *world) { w.kube.deleteObject(squatter) })

// saysNothing is an object that no status write fits.
func saysNothing(o *v1alpha1.FotaCallback) { o.Labels = map[string]string{tooLarge: "true"} }

// carries is the metadata of an object that had claimed a URL, as a copy has it.
func carries(url string) func(*v1alpha1.FotaCallback) {
	return func(o *v1alpha1.FotaCallback) {
		o.Finalizers = []string{v1alpha1.Finalizer}
		metav1.SetMetaDataAnnotation(&o.ObjectMeta, v1alpha1.LastSentURLAnnotation, url)
		metav1.SetMetaDataAnnotation(&o.ObjectMeta, v1alpha1.LastSentByAnnotation, "uid-of-the-original")
	}
}

// claimForeign has the squatter say of itself that it was to send the foreign URL.
func claimForeign(w *world) bool {
	w.kube.editObject(squatter, func(o *v1alpha1.FotaCallback) {
		carries(foreign)(o)
		metav1.SetMetaDataAnnotation(&o.ObjectMeta, v1alpha1.LastSentByAnnotation, string(o.UID))
	})
	return true
}

// wipe is what `kubectl replace --subresource=status` does.
func wipe(o *v1alpha1.FotaCallback) { o.Status = v1alpha1.FotaCallbackStatus{} }

// restored is what a backup brings back, of an object that had registered and was Ready.
func restored(o *v1alpha1.FotaCallback) {
	carries(fleetURL)(o)
	o.Status = v1alpha1.FotaCallbackStatus{
		UID: "uid-of-the-original", ObservedGeneration: 1, ListedGeneration: 1, RegisteredURL: fleetURL, RemoteURL: fleetURL, ReplacedURL: foreign,
		Conditions: []metav1.Condition{{Type: v1alpha1.ConditionReady, Status: metav1.ConditionTrue, Reason: v1alpha1.ReasonRegistered}},
	}
}
