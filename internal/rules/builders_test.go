package rules_test

import (
	"time"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"

	"github.com/fota-callback-operator/fota-callback-operator/api/v1alpha1"
	"github.com/fota-callback-operator/fota-callback-operator/internal/rules"
)

const (
	wish    = "https://fota.example.com/callbacks/new"
	old     = "https://fota.example.com/callbacks/old"
	echo    = "https://fota.example.com/callbacks/new/"
	foreign = "https://elsewhere.example.net/hook"
)

var (
	now      = time.Date(2026, 11, 23, 12, 0, 0, 0, time.UTC)
	settings = rules.Settings{DefaultInterval: 10 * time.Minute, DeregistrationGrace: 10 * time.Second}
)

type change func(*v1alpha1.FotaCallback)

// object is a FotaCallback that was created a while ago and never handled.
func object(changes ...change) *v1alpha1.FotaCallback {
	o := &v1alpha1.FotaCallback{
		ObjectMeta: metav1.ObjectMeta{
			Namespace: "iot", Name: "fleet", UID: "uid-fleet", Generation: 1, CreationTimestamp: metav1.NewTime(now.Add(-time.Hour)),
		},
		Spec:   v1alpha1.FotaCallbackSpec{Account: "acc-1", URL: wish},
		Status: v1alpha1.FotaCallbackStatus{ObservedGeneration: -1},
	}
	for _, c := range changes {
		c(o)
	}
	return o
}

func named(name string) change {
	return func(o *v1alpha1.FotaCallback) { o.Name, o.UID = name, types.UID("uid-"+name) }
}

func createdAt(t time.Time) change {
	return func(o *v1alpha1.FotaCallback) { o.CreationTimestamp = metav1.NewTime(t) }
}

// claimed is what stands in the object from just before url was sent.
func claimed(url string) change {
	return func(o *v1alpha1.FotaCallback) {
		o.Finalizers = []string{v1alpha1.Finalizer}
		o.Annotations = map[string]string{v1alpha1.LastSentURLAnnotation: url, v1alpha1.LastSentByAnnotation: string(o.UID)}
	}
}

func registered(url string) change {
	return func(o *v1alpha1.FotaCallback) { o.Status.RegisteredURL = url }
}

func deleting(o *v1alpha1.FotaCallback) {
	deleted := metav1.NewTime(now)
	o.DeletionTimestamp = &deleted
	o.Generation++
}

// handled gives status a verdict on the object as it is.
func handled(reason string, ready metav1.ConditionStatus, others ...string) change {
	return func(o *v1alpha1.FotaCallback) {
		o.Status.ObservedGeneration = o.Generation
		o.Status.Conditions = nil
		for _, conditionType := range append([]string{v1alpha1.ConditionReady}, others...) {
			status := metav1.ConditionTrue
			if conditionType == v1alpha1.ConditionReady {
				status = ready
			}
			o.Status.Conditions = append(o.Status.Conditions, metav1.Condition{
				Type: conditionType, Status: status, Reason: reason, ObservedGeneration: o.Generation, LastTransitionTime: metav1.NewTime(now.Add(-time.Hour)),
			})
		}
	}
}

func healthy(o *v1alpha1.FotaCallback) {
	claimed(wish)(o)
	registered(wish)(o)
	o.Status.RemoteURL = wish
	handled(v1alpha1.ReasonRegistered, metav1.ConditionTrue)(o)
}

func requested(at string) change {
	return func(o *v1alpha1.FotaCallback) {
		metav1.SetMetaDataAnnotation(&o.ObjectMeta, v1alpha1.RequestedAtAnnotation, at)
	}
}

// listedOnce is what status says once ThingSpace has listed the account for the object as it is.
func listedOnce(o *v1alpha1.FotaCallback) { o.Status.ListedGeneration = o.Generation }

func in(namespace string) change { return func(o *v1alpha1.FotaCallback) { o.Namespace = namespace } }

// stand is where an object stands among others.
func stand(o *v1alpha1.FotaCallback, peers ...*v1alpha1.FotaCallback) rules.Standing {
	return rules.Stand(rules.Candidate{Object: o}, candidates(peers...))
}

func candidates(objects ...*v1alpha1.FotaCallback) []rules.Candidate {
	var all []rules.Candidate
	for _, o := range objects {
		all = append(all, rules.Candidate{Object: o})
	}
	return all
}

// facts are those of an owner that nobody else bothers, at the start of a pass.
func facts(o *v1alpha1.FotaCallback, peers ...*v1alpha1.FotaCallback) rules.Facts {
	return rules.Facts{
		Object: o, Now: now, Surveyed: true, Settings: settings, Standing: stand(o, peers...), Memory: rules.Memory{FirstSeen: now.Add(-time.Hour)},
	}
}

func listed(f rules.Facts, url string) rules.Facts {
	f.Listing = &rules.Listing{URL: url}
	if f.Standing.Place == rules.Aside && f.Standing.First == nil { // as the controller finds it once more
		f.Standing.Place = rules.Owner
	}
	return f
}
