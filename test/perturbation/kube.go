package perturbation

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"slices"
	"strconv"

	jsonpatch "github.com/evanphx/json-patch/v5"
	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/apimachinery/pkg/types"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/fota-callback-operator/fota-callback-operator/api/v1alpha1"
	"github.com/fota-callback-operator/fota-callback-operator/internal/controller"
)

var resource = v1alpha1.GroupVersion.WithResource("fotacallbacks").GroupResource()

// kube is the Kubernetes API as far as the controller uses it: resourceVersions, generations, finalizers, the status subresource.
type kube struct {
	client.Client // whatever else is called is a nil pointer: a defect of the harness shows at once
	world         *world
	version       int
	objects       map[types.NamespacedName]*v1alpha1.FotaCallback
	secrets       map[types.NamespacedName]*corev1.Secret
	indexes       map[string]client.IndexerFunc
}

func newKube(w *world) *kube {
	k := &kube{
		world: w, objects: map[types.NamespacedName]*v1alpha1.FotaCallback{}, secrets: map[types.NamespacedName]*corev1.Secret{},
		indexes: map[string]client.IndexerFunc{},
	}
	if err := controller.AddIndexes(context.Background(), k); err != nil {
		panic(err)
	}
	return k
}

// IndexField implements client.FieldIndexer.
func (k *kube) IndexField(_ context.Context, _ client.Object, field string, values client.IndexerFunc) error {
	k.indexes[field] = values
	return nil
}

func (k *kube) nextVersion() string {
	k.version++
	return strconv.Itoa(k.version)
}

// Get implements client.Reader.
func (k *kube) Get(_ context.Context, key client.ObjectKey, into client.Object, _ ...client.GetOption) error {
	switch into := into.(type) {
	case *v1alpha1.FotaCallback:
		if o, ok := k.objects[key]; ok {
			o.DeepCopyInto(into)
			return nil
		}
	case *corev1.Secret:
		if s, ok := k.secrets[key]; ok {
			s.DeepCopyInto(into)
			return nil
		}
	}
	return apierrors.NewNotFound(resource, key.Name)
}

// List implements client.Reader, for FotaCallbacks.
func (k *kube) List(_ context.Context, list client.ObjectList, opts ...client.ListOption) error {
	var options client.ListOptions
	options.ApplyOptions(opts)
	all := list.(*v1alpha1.FotaCallbackList)
	for _, o := range k.sorted() {
		matches := true
		if options.FieldSelector != nil {
			for _, requirement := range options.FieldSelector.Requirements() {
				matches = matches && slices.Contains(k.indexes[requirement.Field](o), requirement.Value)
			}
		}
		if matches {
			all.Items = append(all.Items, *o.DeepCopy())
		}
	}
	return nil
}

func (k *kube) sorted() []*v1alpha1.FotaCallback {
	var all []*v1alpha1.FotaCallback
	for _, o := range k.objects {
		all = append(all, o)
	}
	slices.SortFunc(all, func(a, b *v1alpha1.FotaCallback) int { return compare(a.Name, b.Name) })
	return all
}

func compare(a, b string) int {
	switch {
	case a < b:
		return -1
	case a > b:
		return 1
	}
	return 0
}

// Patch implements client.Writer.
func (k *kube) Patch(_ context.Context, o client.Object, patch client.Patch, _ ...client.PatchOption) error {
	return k.patch("patch", o, patch)
}

// Status implements client.StatusClient.
func (k *kube) Status() client.SubResourceWriter { return statusWriter{kube: k} }

type statusWriter struct {
	client.SubResourceWriter
	kube *kube
}

// Patch implements client.SubResourceWriter.
func (s statusWriter) Patch(_ context.Context, o client.Object, patch client.Patch, _ ...client.SubResourcePatchOption) error {
	return s.kube.patch("status", o, patch)
}

// patch applies a merge patch, of the object without its status or of its status alone.
func (k *kube) patch(kind string, o client.Object, patch client.Patch) error {
	data, err := patch.Data(o)
	if err != nil {
		return err
	}
	var result error
	lost, refused := k.world.bus.carry(k.world, effect{kind, o.GetName()}, func() { result = k.apply(kind, client.ObjectKeyFromObject(o), data, o.(*v1alpha1.FotaCallback)) })
	switch {
	case refused != nil:
		return refused.kubernetes()
	case lost:
		return errors.New("connection reset by peer")
	}
	return result
}

func (k *kube) apply(kind string, key types.NamespacedName, data []byte, into *v1alpha1.FotaCallback) error {
	stored, ok := k.objects[key]
	if !ok {
		return apierrors.NewNotFound(resource, key.Name)
	}
	var head struct {
		Metadata struct {
			ResourceVersion string `json:"resourceVersion"`
		} `json:"metadata"`
	}
	if err := json.Unmarshal(data, &head); err != nil {
		return err
	}
	if head.Metadata.ResourceVersion == "" {
		k.world.failf("a write without the resourceVersion that it was decided on: %s", data)
	}
	if head.Metadata.ResourceVersion != stored.ResourceVersion {
		return apierrors.NewConflict(resource, key.Name, fmt.Errorf("%s is not %s", head.Metadata.ResourceVersion, stored.ResourceVersion))
	}
	before, err := json.Marshal(stored)
	if err != nil {
		return err
	}
	merged, err := jsonpatch.MergePatch(before, data)
	if err != nil {
		return err
	}
	changed := &v1alpha1.FotaCallback{}
	if err := json.Unmarshal(merged, changed); err != nil {
		return err
	}
	next := stored.DeepCopy()
	if kind == "status" {
		next.Status = changed.Status
	} else {
		next.Finalizers, next.Annotations = changed.Finalizers, changed.Annotations
	}
	after, err := json.Marshal(next)
	if err != nil {
		return err
	}
	if string(after) == string(before) {
		k.world.failf("a write that changes nothing: %s", data)
	}
	k.world.judgeWrite(stored, next)
	k.store(next)
	next.DeepCopyInto(into)
	return nil
}

// store keeps an object, or lets it go where its last finalizer is gone.
func (k *kube) store(o *v1alpha1.FotaCallback) {
	o.ResourceVersion = k.nextVersion()
	key := client.ObjectKeyFromObject(o)
	if !o.DeletionTimestamp.IsZero() && len(o.Finalizers) == 0 {
		delete(k.objects, key)
		return
	}
	k.objects[key] = o
}

// What users do.

func (k *kube) create(o *v1alpha1.FotaCallback) {
	o.UID = types.UID("uid-" + k.nextVersion())
	o.Generation, o.CreationTimestamp = 1, metav1.NewTime(k.world.clock.Now())
	o.Status.ObservedGeneration = -1
	k.store(o)
}

func (k *kube) edit(name string, change func(*v1alpha1.FotaCallback)) {
	key := types.NamespacedName{Namespace: namespace, Name: name}
	stored, ok := k.objects[key]
	if !ok {
		return
	}
	o := stored.DeepCopy()
	change(o)
	before, _ := json.Marshal(stored.Spec) //nolint:errchkjson // strings and booleans
	after, _ := json.Marshal(o.Spec)       //nolint:errchkjson // strings and booleans
	if string(before) != string(after) {
		o.Generation++
	}
	k.store(o)
}

func (k *kube) delete(name string) {
	key := types.NamespacedName{Namespace: namespace, Name: name}
	if o, ok := k.objects[key]; ok && o.DeletionTimestamp.IsZero() {
		o = o.DeepCopy()
		now := metav1.NewTime(k.world.clock.Now())
		o.DeletionTimestamp = &now
		o.Generation++
		k.store(o)
	}
}

func (k *kube) secret(password string) {
	key := types.NamespacedName{Namespace: namespace, Name: v1alpha1.DefaultSecretName}
	uid := types.UID("secret-" + k.nextVersion())
	if old, ok := k.secrets[key]; ok {
		uid = old.UID
	}
	k.secrets[key] = &corev1.Secret{
		ObjectMeta: metav1.ObjectMeta{Namespace: namespace, Name: key.Name, UID: uid, ResourceVersion: k.nextVersion()},
		Data:       credentials(password),
	}
}

// refusal is an answer instead of an effect.
type refusal struct {
	name string
	// forKubernetes makes an error of the API; otherwise it is an answer of ThingSpace.
	forKubernetes func() error
	status        int
	body          string
	header        map[string]string
}

func (r *refusal) fits(e effect) bool {
	return (e.kind == "patch" || e.kind == "status") == (r.forKubernetes != nil)
}

func (r *refusal) kubernetes() error { return r.forKubernetes() }

var kubernetesRefusals = []*refusal{
	{name: "conflict", forKubernetes: func() error { return apierrors.NewConflict(resource, "x", errors.New("x")) }},
	{name: "internal error", forKubernetes: func() error { return apierrors.NewInternalError(errors.New("x")) }},
	{name: "server timeout", forKubernetes: func() error { return apierrors.NewServerTimeout(resource, "patch", 1) }},
	{name: "timeout", forKubernetes: func() error { return apierrors.NewTimeoutError("x", 1) }},
	{name: "too many requests", forKubernetes: func() error { return apierrors.NewTooManyRequests("x", 1) }},
	{name: "forbidden", forKubernetes: func() error { return apierrors.NewForbidden(resource, "x", errors.New("x")) }},
	{name: "unavailable", forKubernetes: func() error { return apierrors.NewServiceUnavailable("x") }},
	{name: "etcd gone", forKubernetes: func() error {
		return apierrors.NewGenericServerResponse(http.StatusInternalServerError, "patch", schema.GroupResource{}, "", "etcdserver: leader changed", 0, true)
	}},
}
