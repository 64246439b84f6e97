package privilege_test

import (
	"context"
	"fmt"
	"slices"
	"testing"
	"time"

	eventsv1 "k8s.io/api/events/v1"
	"k8s.io/apimachinery/pkg/api/meta"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/fota-callback-operator/fota-callback-operator/api/v1alpha1"
)

// series sees an event counted up. The events of an object are one and the same to client-go only while the object is, with its resourceVersion: it takes
// the same drift twice, the second time found by a routine check, which writes nothing. The slots of many objects are spread over
// their interval of a minute, so that the first of them comes soon.
func series(ctx context.Context, t *testing.T) error {
	t.Helper()
	const objects, patience = 20, 90 * time.Second
	runs++
	if err := set.ForgetLogins(ctx, operatorNamespace); err != nil {
		return err
	}
	process, err := set.StartOperator("--kubeconfig="+kubeconfig, "--default-interval=1m", "--deregistration-grace=0", "--thingspace-qps=0", loginRecord)
	if err != nil {
		return err
	}
	defer process.Stop() //nolint:errcheck // judged by the test of processes
	namespace := fmt.Sprintf("series-%d", runs)
	if err := withCredentials(ctx, namespace); err != nil {
		return err
	}
	defer leave(context.WithoutCancel(ctx), t, namespace)
	all := make([]*v1alpha1.FotaCallback, objects)
	for n := range all {
		all[n] = fleet(namespace, n)
		if err := set.Client.Create(ctx, all[n]); err != nil {
			return err
		}
	}
	for _, o := range all {
		if err := poll(ctx, patience, "the object becomes Ready", func() bool {
			return set.Client.Get(ctx, client.ObjectKeyFromObject(o), o) == nil && meta.IsStatusConditionTrue(o.Status.Conditions, v1alpha1.ConditionReady)
		}); err != nil {
			return err
		}
		if err := drift(ctx, o, 1, patience); err != nil {
			return err
		}
	}
	for _, o := range all {
		if err := meddle(ctx, o); err != nil {
			return err
		}
	}
	return poll(ctx, patience, "an event is counted up", func() bool {
		var events eventsv1.EventList
		if err := set.Client.List(ctx, &events, client.InNamespace(namespace)); err != nil {
			return false
		}
		return slices.ContainsFunc(events.Items, func(e eventsv1.Event) bool { return e.Series != nil && e.Reason == v1alpha1.EventDriftCorrected })
	})
}

// leave deletes what a test has made, while the operator is there to let go of it.
func leave(ctx context.Context, t *testing.T, namespace string) {
	t.Helper()
	err := set.Client.DeleteAllOf(ctx, &v1alpha1.FotaCallback{}, client.InNamespace(namespace))
	if err == nil {
		err = poll(ctx, 30*time.Second, "the objects are gone", func() bool {
			var left v1alpha1.FotaCallbackList
			return set.Client.List(ctx, &left, client.InNamespace(namespace)) == nil && len(left.Items) == 0
		})
	}
	if err != nil {
		t.Error(err)
	}
}
