package perturbation

import (
	"context"
	"encoding/json"
	"fmt"
	"maps"
	"slices"
	"strconv"
	"time"

	jsonpatch "github.com/evanphx/json-patch/v5"
	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/fota-callback-operator/fota-callback-operator/api/v1alpha1"
	"github.com/fota-callback-operator/fota-callback-operator/internal/controller"
)

var resource = v1alpha1.GroupVersion.WithResource("fotacallbacks").GroupResource()

type objects = map[types.NamespacedName]*v1alpha1.FotaCallback

// kube is the Kubernetes API as far as the operator uses it: resourceVersions, generations, finalizers, the status subresource, and what caches
// may still show.
type kube struct {
	world   *world
	version int
	objects objects
	// revisions are what every change made of the objects, oldest first; none of them is changed again.
	revisions []objects
	// changes are what each of them came from.
	changes []change
	secrets map[types.NamespacedName]*corev1.Secret
	// record is the ConfigMap that counts logins; nil before there is one.
	record *corev1.ConfigMap
	// hidden are the Secrets that can't be read.
	hidden  map[types.NamespacedName]bool
	indexes map[string]client.IndexerFunc
}

// change is an object as it was written, or as it was when it went.
type change struct {
	object *v1alpha1.FotaCallback
	// at is when it was.
	at time.Time
	// own says that the operator made it.
	own bool
}

func newKube(w *world) *kube {
	k := &kube{
		world: w, objects: objects{}, secrets: map[types.NamespacedName]*corev1.Secret{},
		hidden: map[types.NamespacedName]bool{}, indexes: map[string]client.IndexerFunc{},
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

// values are what an object has in a field that can be selected by.
func (k *kube) values(field string, o *v1alpha1.FotaCallback) []string {
	if field == "spec.account" {
		return []string{o.Spec.Account}
	}
	return k.indexes[field](o)
}

func (k *kube) nextVersion() string {
	k.version++
	return strconv.Itoa(k.version)
}

// at is what there was after so many changes.
func (k *kube) at(revision int) objects {
	if revision == 0 {
		return nil
	}
	return k.revisions[revision-1]
}

func sorted(all objects) []*v1alpha1.FotaCallback {
	return slices.SortedFunc(maps.Values(all), func(a, b *v1alpha1.FotaCallback) int { return compare(a.Name, b.Name) })
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

// patch applies a merge patch, of the object without its status or of its status alone.
func (k *kube) patch(by *replica, kind string, key types.NamespacedName, data []byte, into *v1alpha1.FotaCallback) error {
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
		k.world.failf(oracleVersion, "a write without the resourceVersion that it was decided on: %s", data)
	} else if head.Metadata.ResourceVersion != stored.ResourceVersion {
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
	k.world.written.Write(after)
	if string(after) == string(before) {
		k.world.failf(oracleIdleWrite, "a write that changes nothing: %s", data)
	}
	k.world.judgeWrite(by, stored, next)
	k.store(next)
	k.changes[len(k.changes)-1].own = true
	next.DeepCopyInto(into)
	return nil
}

// store keeps an object, or lets it go where its last finalizer is gone.
func (k *kube) store(o *v1alpha1.FotaCallback) {
	o.ResourceVersion = k.nextVersion()
	key := client.ObjectKeyFromObject(o)
	if !o.DeletionTimestamp.IsZero() && len(o.Finalizers) == 0 {
		delete(k.objects, key)
	} else {
		k.objects[key] = o
	}
	k.revisions, k.changes = append(k.revisions, maps.Clone(k.objects)), append(k.changes, change{object: o, at: k.world.clock.Now()})
}

// tooLarge is the label of an object whose size leaves no room for what the operator writes.
const tooLarge = "too-large"

// refuses is what every write of the operator to such an object is answered with.
func (k *kube) refuses(key types.NamespacedName) error {
	if o, ok := k.objects[key]; ok && o.Labels[tooLarge] != "" {
		return apierrors.NewRequestEntityTooLargeError("etcdserver: request is too large")
	}
	return nil
}

// What users do.

// create says whether the name was free.
func (k *kube) create(o *v1alpha1.FotaCallback) bool {
	if _, taken := k.objects[client.ObjectKeyFromObject(o)]; taken {
		return false
	}
	o.UID = types.UID("uid-" + k.nextVersion())
	o.Generation, o.CreationTimestamp = 1, metav1.NewTime(k.world.clock.Now())
	if o.Status.UID == "" { // otherwise it is restored
		o.Status.ObservedGeneration = -1
	}
	k.store(o)
	return true
}

func (k *kube) edit(name string, change func(*v1alpha1.FotaCallback)) {
	k.editObject(types.NamespacedName{Namespace: namespace, Name: name}, change)
}

func (k *kube) editObject(key types.NamespacedName, change func(*v1alpha1.FotaCallback)) {
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
	k.deleteObject(types.NamespacedName{Namespace: namespace, Name: name})
}

func (k *kube) deleteObject(key types.NamespacedName) {
	if o, ok := k.objects[key]; ok && o.DeletionTimestamp.IsZero() {
		o = o.DeepCopy()
		now := metav1.NewTime(k.world.clock.Now())
		o.DeletionTimestamp = &now
		o.Generation++
		k.store(o)
	}
}

// secret gives a Secret a password.
func (k *kube) secret(name, password string) {
	k.world.secrets = append(k.world.secrets, password)
	key := types.NamespacedName{Namespace: namespace, Name: name}
	uid, data := types.UID("secret-"+k.nextVersion()), credentials(password)
	if old, ok := k.secrets[key]; ok {
		uid, data["client-secret"] = old.UID, old.Data["client-secret"]
		defer k.world.left(string(old.Data["password"]))
	}
	delete(k.hidden, key)
	k.secrets[key] = &corev1.Secret{
		ObjectMeta: metav1.ObjectMeta{Namespace: namespace, Name: key.Name, UID: uid, ResourceVersion: k.nextVersion()},
		Data:       data,
	}
}

// appKey changes the application's key in a Secret.
func (k *kube) appKey(name, value string) {
	secret := k.secrets[types.NamespacedName{Namespace: namespace, Name: name}]
	secret.Data["client-secret"] = []byte(value)
	secret.ResourceVersion = k.nextVersion()
}

// spoilSecret takes the password out of a Secret.
func (k *kube) spoilSecret(name string) {
	secret := k.secrets[types.NamespacedName{Namespace: namespace, Name: name}]
	delete(secret.Data, "password")
	secret.ResourceVersion = k.nextVersion()
}

// hideSecret has reads of a Secret fail, as where it can't be decrypted, until it is written again.
func (k *kube) hideSecret(name string) {
	k.hidden[types.NamespacedName{Namespace: namespace, Name: name}] = true
}

// passwordOf is the password that an object works with; empty where there is none.
func (k *kube) passwordOf(object types.NamespacedName) string {
	secret := types.NamespacedName{Namespace: object.Namespace, Name: v1alpha1.DefaultSecretName}
	if o, ok := k.objects[object]; ok {
		secret.Name = o.Spec.SecretName()
	}
	if s, ok := k.secrets[secret]; ok {
		return string(s.Data["password"])
	}
	return ""
}

func (k *kube) hasSecret() bool { return len(k.secrets) > 0 }

func (k *kube) removeSecret(name string) {
	delete(k.secrets, types.NamespacedName{Namespace: namespace, Name: name})
}
