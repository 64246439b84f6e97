package perturbation

import (
	"context"
	"encoding/json"
	"errors"

	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/apimachinery/pkg/types"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/fota-callback-operator/fota-callback-operator/internal/logins"
)

// recordName is that of the ConfigMap that counts logins.
var recordName = types.NamespacedName{Namespace: "operator", Name: "logins"}

var configMaps = corev1.Resource("configmaps")

// recordAPI is the Kubernetes API for the login record of one process: its writes go over the bus, as all others do.
type recordAPI struct{ replica *replica }

// Get implements logins.Client.
func (a recordAPI) Get(_ context.Context, key client.ObjectKey, into client.Object, _ ...client.GetOption) error {
	w := a.replica.world
	if err := w.bus.look(w, "ConfigMap"); err != nil {
		return err
	}
	if w.kube.record == nil {
		return apierrors.NewNotFound(configMaps, key.Name)
	}
	w.kube.record.DeepCopyInto(into.(*corev1.ConfigMap))
	return nil
}

// Create implements logins.Client.
func (a recordAPI) Create(_ context.Context, o client.Object, _ ...client.CreateOption) error {
	return a.write(o, func(stored *corev1.ConfigMap) error {
		if stored != nil {
			return apierrors.NewAlreadyExists(configMaps, o.GetName())
		}
		return nil
	})
}

// Update implements logins.Client.
func (a recordAPI) Update(_ context.Context, o client.Object, _ ...client.UpdateOption) error {
	return a.write(o, func(stored *corev1.ConfigMap) error {
		switch {
		case stored == nil:
			return apierrors.NewNotFound(configMaps, o.GetName())
		case o.GetResourceVersion() != "" && o.GetResourceVersion() != stored.ResourceVersion:
			return apierrors.NewConflict(configMaps, o.GetName(), errors.New("it is another version"))
		}
		return nil
	})
}

func (a recordAPI) write(o client.Object, allowed func(*corev1.ConfigMap) error) error {
	w := a.replica.world
	var result error
	lost, refused := a.replica.carry(effect{kind: "record", what: o.GetName()}, func() {
		if result = allowed(w.kube.record); result != nil {
			return
		}
		written := o.(*corev1.ConfigMap).DeepCopy()
		written.ResourceVersion = w.kube.nextVersion()
		text, _ := json.Marshal(written)
		w.written.Write(text)
		w.kube.record = written
		o.SetResourceVersion(written.ResourceVersion)
	})
	switch {
	case refused != nil:
		return refused.kubernetes()
	case lost:
		return errors.New("connection reset by peer")
	}
	return result
}

// freeUser is what an administrator does where the operator makes no login any more: the user is unlocked at ThingSpace, and its key removed.
func (w *world) freeUser() {
	w.setPassword(w.password)
	w.logins.last = w.logins.last.AddDate(-1, 0, 0)
	if w.kube.record != nil {
		w.kube.record = w.kube.record.DeepCopy()
		delete(w.kube.record.Data, logins.Key(username))
		w.kube.record.ResourceVersion = w.kube.nextVersion()
	}
}

// recorded is what the ConfigMap says of the user.
func (w *world) recorded() logins.Record {
	var record logins.Record
	if w.kube.record != nil {
		_ = json.Unmarshal([]byte(w.kube.record.Data[logins.Key(username)]), &record) // a user without a record has none
	}
	return record
}
