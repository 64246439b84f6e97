package perturbation

import (
	"context"
	"errors"
	"fmt"
	"slices"

	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/fota-callback-operator/fota-callback-operator/api/v1alpha1"
)

// cache is the client of one process: it reads from a cache that may lag behind, and writes over the bus.
type cache struct {
	client.Client // whatever else is called is a nil pointer: a defect of the harness shows at once
	replica       *replica
}

// Get implements client.Reader.
func (c *cache) Get(_ context.Context, key client.ObjectKey, into client.Object, _ ...client.GetOption) error {
	o, ok := c.replica.cached()[key]
	if !ok {
		return apierrors.NewNotFound(resource, key.Name)
	}
	o.DeepCopyInto(into.(*v1alpha1.FotaCallback))
	return nil
}

// List implements client.Reader.
func (c *cache) List(_ context.Context, into client.ObjectList, opts ...client.ListOption) error {
	return list(c.replica.world.kube, c.replica.cached(), into, opts)
}

// list returns the objects that match, by an index of the cache or by the selectable field of the API.
func list(kube *kube, from objects, into client.ObjectList, opts []client.ListOption) error {
	var options client.ListOptions
	options.ApplyOptions(opts)
	all := into.(*v1alpha1.FotaCallbackList)
	for _, o := range sorted(from) {
		matches := options.Namespace == "" || options.Namespace == o.Namespace
		if options.FieldSelector != nil {
			for _, requirement := range options.FieldSelector.Requirements() {
				matches = matches && slices.Contains(kube.values(requirement.Field, o), requirement.Value)
			}
		}
		if matches {
			all.Items = append(all.Items, *o.DeepCopy())
		}
	}
	return nil
}

// Patch implements client.Writer.
func (c *cache) Patch(_ context.Context, o client.Object, patch client.Patch, _ ...client.PatchOption) error {
	return c.patch("patch", o, patch)
}

// Status implements client.StatusClient.
func (c *cache) Status() client.SubResourceWriter { return statusWriter{cache: c} }

type statusWriter struct {
	client.SubResourceWriter
	cache *cache
}

// Patch implements client.SubResourceWriter.
func (s statusWriter) Patch(_ context.Context, o client.Object, patch client.Patch, _ ...client.SubResourcePatchOption) error {
	return s.cache.patch("status", o, patch)
}

func (c *cache) patch(kind string, o client.Object, patch client.Patch) error {
	if err := c.replica.world.kube.refuses(client.ObjectKeyFromObject(o)); err != nil {
		return err // nothing comes of it: no plan disturbs it
	}
	data, err := patch.Data(o)
	if err != nil {
		return err
	}
	var result error
	lost, refused := c.replica.carry(effect{kind: kind, what: o.GetName()}, func() {
		result = c.replica.world.kube.patch(c.replica, kind, client.ObjectKeyFromObject(o), data, o.(*v1alpha1.FotaCallback))
		if result == nil {
			c.replica.proves()
		}
	})
	switch {
	case refused != nil:
		return refused.kubernetes()
	case lost:
		return errors.New("connection reset by peer")
	}
	return result
}

// live reads past every cache, for one process.
type live struct{ replica *replica }

// Get implements client.Reader.
func (l live) Get(_ context.Context, key client.ObjectKey, into client.Object, _ ...client.GetOption) error {
	kube := l.replica.world.kube
	if err := l.replica.world.bus.look(l.replica.world, fmt.Sprintf("%T", into)); err != nil {
		return err
	}
	switch into := into.(type) {
	case *v1alpha1.FotaCallback:
		l.replica.proves()
		if o, ok := kube.objects[key]; ok {
			o.DeepCopyInto(into)
			return nil
		}
	case *corev1.Secret:
		if kube.hidden[key] {
			return apierrors.NewInternalError(errors.New("unable to transform key"))
		}
		if s, ok := kube.secrets[key]; ok {
			s.DeepCopyInto(into)
			return nil
		}
	}
	return apierrors.NewNotFound(resource, key.Name)
}

// List implements client.Reader.
func (l live) List(_ context.Context, into client.ObjectList, opts ...client.ListOption) error {
	kube := l.replica.world.kube
	if err := l.replica.world.bus.look(l.replica.world, fmt.Sprintf("%T", into)); err != nil {
		return err
	}
	return list(kube, kube.objects, into, opts)
}
