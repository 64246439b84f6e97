// Package loginstest is a Kubernetes API for tests, as far as a login record uses it.
package loginstest

import (
	"context"
	"errors"
	"strconv"
	"sync"

	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/utils/clock"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/fota-callback-operator/fota-callback-operator/internal/logins"
)

var configMaps = corev1.Resource("configmaps")

// Name is that of the ConfigMap of NewStore.
var Name = types.NamespacedName{Namespace: "operator", Name: "logins"}

// API holds ConfigMaps, with resourceVersions as the real one has them.
type API struct {
	mu      sync.Mutex
	version int
	stored  map[types.NamespacedName]*corev1.ConfigMap
	// Fails, where it is set, returns an error for a verb instead of an answer. Where lost is true, the
	// change is made all the same.
	Fails func(verb string) (lost bool, err error)
	// Writes counts what has changed something.
	Writes int
}

// NewStore returns a store on an API of its own.
func NewStore(clk clock.Clock) (*logins.Store, *API) {
	api := &API{}
	return logins.NewStore(api, Name, clk), api
}

// Data returns what the ConfigMap of NewStore holds.
func (a *API) Data() map[string]string {
	a.mu.Lock()
	defer a.mu.Unlock()
	if found := a.stored[Name]; found != nil {
		return found.DeepCopy().Data
	}
	return nil
}

// Edit changes the ConfigMap of NewStore as an administrator would; nil removes it.
func (a *API) Edit(change func(data map[string]string)) {
	a.mu.Lock()
	defer a.mu.Unlock()
	if change == nil {
		delete(a.stored, Name)
		return
	}
	change(a.stored[Name].Data)
	a.stored[Name].ResourceVersion = a.nextVersion()
}

// Get implements logins.Client.
func (a *API) Get(_ context.Context, key client.ObjectKey, o client.Object, _ ...client.GetOption) error {
	a.mu.Lock()
	defer a.mu.Unlock()
	if _, err := a.fails("get"); err != nil {
		return err
	}
	found := a.stored[key]
	if found == nil {
		return apierrors.NewNotFound(configMaps, key.Name)
	}
	found.DeepCopyInto(o.(*corev1.ConfigMap))
	return nil
}

// Create implements logins.Client.
func (a *API) Create(_ context.Context, o client.Object, _ ...client.CreateOption) error {
	return a.write("create", o, func(stored *corev1.ConfigMap) error {
		if stored != nil {
			return apierrors.NewAlreadyExists(configMaps, o.GetName())
		}
		return nil
	})
}

// Update implements logins.Client.
func (a *API) Update(_ context.Context, o client.Object, _ ...client.UpdateOption) error {
	return a.write("update", o, func(stored *corev1.ConfigMap) error {
		switch {
		case stored == nil:
			return apierrors.NewNotFound(configMaps, o.GetName())
		case stored.ResourceVersion != o.GetResourceVersion():
			return apierrors.NewConflict(configMaps, o.GetName(), errors.New("it is another version"))
		}
		return nil
	})
}

func (a *API) write(verb string, o client.Object, allowed func(stored *corev1.ConfigMap) error) error {
	a.mu.Lock()
	defer a.mu.Unlock()
	lost, failure := a.fails(verb)
	if failure != nil && !lost {
		return failure
	}
	key := client.ObjectKeyFromObject(o)
	if err := allowed(a.stored[key]); err != nil {
		return err
	}
	if a.stored == nil {
		a.stored = map[types.NamespacedName]*corev1.ConfigMap{}
	}
	written := o.(*corev1.ConfigMap).DeepCopy()
	written.ResourceVersion = a.nextVersion()
	a.stored[key] = written
	a.Writes++
	if failure == nil {
		o.SetResourceVersion(written.ResourceVersion)
	}
	return failure
}

func (a *API) fails(verb string) (lost bool, err error) {
	if a.Fails == nil {
		return false, nil
	}
	return a.Fails(verb)
}

func (a *API) nextVersion() string {
	a.version++
	return strconv.Itoa(a.version)
}
