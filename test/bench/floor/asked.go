package main

import (
	"context"

	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/client-go/kubernetes"
	"k8s.io/client-go/rest"
	"k8s.io/client-go/tools/events"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/fota-callback-operator/fota-callback-operator/api/v1alpha1"
)

// asked is what the operator's contract asks for besides, at the least that it can cost: one event for each object that has come or gone, and before a
// deregistration a live read of the object. A floor without it is nil.
type asked struct {
	client   client.Client
	recorder events.EventRecorder
}

func newAsked(ctx context.Context, config *rest.Config, scheme *runtime.Scheme, reader client.Client) (*asked, error) {
	clients, err := kubernetes.NewForConfig(config)
	if err != nil {
		return nil, err
	}
	broadcaster := events.NewBroadcaster(&events.EventSinkImpl{Interface: clients.EventsV1()})
	if err := broadcaster.StartRecordingToSinkWithContext(ctx); err != nil {
		return nil, err
	}
	return &asked{client: reader, recorder: broadcaster.NewRecorder(scheme, "floor")}, nil
}

func (a *asked) tell(o *v1alpha1.FotaCallback, reason string) {
	if a != nil {
		a.recorder.Eventf(o, nil, corev1.EventTypeNormal, reason, "Sync", "%s", reason)
	}
}

func (a *asked) prove(ctx context.Context, o *v1alpha1.FotaCallback) error {
	if a == nil {
		return nil
	}
	return a.client.Get(ctx, client.ObjectKeyFromObject(o), &v1alpha1.FotaCallback{})
}
