// Package manifests_test holds the operator to leaving alone what people and GitOps tools write: spec and labels are the manifest's, to the byte, through
// a whole life.
package manifests_test

import (
	"bytes"
	"encoding/json"
	"fmt"
	"net/http"
	"os"
	"slices"
	"strings"
	"testing"
	"time"

	. "github.com/onsi/gomega"
	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/util/yaml"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/fota-callback-operator/fota-callback-operator/api/v1alpha1"
	// The operator runs as a process of its own: this makes a change of it a change of the test, whose result go would take from its cache otherwise.
	_ "github.com/fota-callback-operator/fota-callback-operator/internal/controller"
	"github.com/fota-callback-operator/fota-callback-operator/internal/simulator"
	"github.com/fota-callback-operator/fota-callback-operator/test/stage"
)

const (
	namespace  = "life"
	foreignURL = "https://elsewhere.example.net/hook"
)

var set *stage.Stage

func TestMain(m *testing.M) {
	// The far side writes URLs in its own way: that must not find its way back into spec.
	os.Exit(stage.Run("../..", []string{"--normalize=host-case,default-port,trailing-slash"}, func(s *stage.Stage) (int, error) {
		set = s
		return m.Run(), nil
	}))
}

func manifests(t *testing.T) []*unstructured.Unstructured {
	t.Helper()
	file, err := os.Open("testdata/fotacallbacks.yaml")
	if err != nil {
		t.Fatal(err)
	}
	defer file.Close() //nolint:errcheck // it has been read
	var all []*unstructured.Unstructured
	for documents := yaml.NewYAMLToJSONDecoder(file); ; {
		o := &unstructured.Unstructured{}
		if err := documents.Decode(o); err != nil {
			return all
		}
		o.SetNamespace(namespace)
		all = append(all, o)
	}
}

// apply is what GitOps tools do: every other object by a server-side apply, the rest as kubectl create does it and then patches it.
func apply(t *testing.T, i int, o *unstructured.Unstructured) {
	t.Helper()
	g := NewWithT(t)
	if i%2 == 0 {
		g.Expect(set.Client.Apply(t.Context(), client.ApplyConfigurationFromUnstructured(o.DeepCopy()), client.FieldOwner("gitops"))).To(Succeed())
		return
	}
	live := live(t, o)
	if live == nil {
		g.Expect(set.Client.Create(t.Context(), o.DeepCopy(), client.FieldOwner("gitops"))).To(Succeed())
		return
	}
	before := live.DeepCopy()
	live.Object["spec"] = o.DeepCopy().Object["spec"]
	g.Expect(set.Client.Patch(t.Context(), live, client.MergeFrom(before), client.FieldOwner("gitops"))).To(Succeed())
}

func live(t *testing.T, o *unstructured.Unstructured) *unstructured.Unstructured {
	t.Helper()
	now := &unstructured.Unstructured{}
	now.SetGroupVersionKind(o.GroupVersionKind())
	err := set.Client.Get(t.Context(), client.ObjectKeyFromObject(o), now)
	if client.IgnoreNotFound(err) != nil {
		t.Fatal(err)
	}
	if err != nil {
		return nil
	}
	return now
}

// written is what a manifest's author has a say in, in the one form in which two of the same are the same bytes.
func written(o *unstructured.Unstructured) []byte {
	text, err := json.Marshal(map[string]any{"spec": o.Object["spec"], "labels": o.GetLabels()})
	if err != nil {
		panic(err)
	}
	return text
}

// unchanged compares all live objects with their manifests, and looks who owns what.
func unchanged(t *testing.T, chapter string, wishes []*unstructured.Unstructured) {
	t.Helper()
	for _, wish := range wishes {
		now := live(t, wish)
		if now == nil {
			t.Fatalf("%s: %s is gone", chapter, wish.GetName())
		}
		if !bytes.Equal(written(now), written(wish)) {
			t.Errorf("%s: %s is\n  %s, its manifest\n  %s", chapter, wish.GetName(), written(now), written(wish))
		}
		for _, entry := range now.GetManagedFields() {
			fields := string(entry.FieldsV1.GetRawBytes())
			if entry.Manager != "gitops" && (strings.Contains(fields, `"f:spec"`) || strings.Contains(fields, `"f:labels"`)) {
				t.Errorf("%s: %s of %s owns fields of spec or labels: %s", chapter, entry.Manager, wish.GetName(), fields)
			}
		}
	}
}

// reach waits until all objects' status speaks of them as they are, with one of the reasons, and their last request is handled.
func reach(t *testing.T, wishes []*unstructured.Unstructured, requested string, reasons ...string) {
	t.Helper()
	NewWithT(t).Eventually(func() []string {
		var missing []string
		var all v1alpha1.FotaCallbackList
		if err := set.Client.List(t.Context(), &all, client.InNamespace(namespace)); err != nil || len(all.Items) != len(wishes) {
			return []string{fmt.Sprintf("%d of %d, %v", len(all.Items), len(wishes), err)}
		}
		for _, o := range all.Items {
			ready := meta.FindStatusCondition(o.Status.Conditions, v1alpha1.ConditionReady)
			if ready == nil || ready.ObservedGeneration != o.Generation || !slices.Contains(reasons, ready.Reason) ||
				o.Status.LastHandledReconcileAt != requested {
				missing = append(missing, fmt.Sprintf("%s: %+v", o.Name, ready))
			}
		}
		return missing
	}).WithTimeout(time.Minute).WithPolling(100 * time.Millisecond).Should(BeEmpty())
}

// request asks for a check of all objects, as a person does.
func request(t *testing.T, wishes []*unstructured.Unstructured, at string) {
	t.Helper()
	for _, wish := range wishes {
		now := live(t, wish)
		before := now.DeepCopy()
		annotations := now.GetAnnotations()
		annotations[v1alpha1.RequestedAtAnnotation] = at
		now.SetAnnotations(annotations)
		NewWithT(t).Expect(set.Client.Patch(t.Context(), now, client.MergeFrom(before))).To(Succeed())
	}
}

func simulate(t *testing.T, method, path, body string) {
	t.Helper()
	NewWithT(t).Expect(set.Simulator(t.Context(), method, path, body, nil)).To(Succeed())
}

func start(t *testing.T) *stage.Process {
	t.Helper()
	NewWithT(t).Expect(set.ForgetLogins(t.Context(), stage.LoginRecordNamespace)).To(Succeed())
	process, err := set.StartOperator("--deregistration-grace=0", "--thingspace-qps=0")
	NewWithT(t).Expect(err).NotTo(HaveOccurred())
	t.Cleanup(process.Kill)
	return process
}

func TestSpecAndLabelsStayAsTheyWereWritten(t *testing.T) {
	g, ctx := NewWithT(t), t.Context()
	wishes := manifests(t)
	if len(wishes) < 20 {
		t.Fatalf("only %d manifests", len(wishes))
	}
	g.Expect(set.Client.Create(ctx, &corev1.Namespace{ObjectMeta: metav1.ObjectMeta{Name: namespace}})).To(Succeed())
	g.Expect(set.Client.Create(ctx, &corev1.Secret{
		ObjectMeta: metav1.ObjectMeta{Namespace: namespace, Name: v1alpha1.DefaultSecretName},
		StringData: map[string]string{
			"client-id": simulator.DefaultClientID, "client-secret": simulator.DefaultClientSecret,
			"username": simulator.DefaultUsername, "password": simulator.DefaultPassword,
		},
	})).To(Succeed())
	registrations := func(url func(wish *unstructured.Unstructured) string) {
		for _, wish := range wishes {
			account, _, _ := unstructured.NestedString(wish.Object, "spec", "account")
			simulate(t, http.MethodPut, "registrations/"+account, fmt.Sprintf("{%q: %q}", "url", url(wish)))
		}
	}
	own := func(wish *unstructured.Unstructured) string {
		return wish.Object["spec"].(map[string]any)["url"].(string)
	}
	foreign := func(*unstructured.Unstructured) string { return foreignURL }

	operator := start(t)
	for i, wish := range wishes {
		apply(t, i, wish)
	}
	reach(t, wishes, "", v1alpha1.ReasonRegistered)
	unchanged(t, "registered", wishes)

	registrations(foreign)
	request(t, wishes, "drift")
	reach(t, wishes, "drift", v1alpha1.ReasonRegistered, v1alpha1.ReasonDrifted)
	unchanged(t, "drift corrected or reported", wishes)
	registrations(own)
	request(t, wishes, "mended")
	reach(t, wishes, "mended", v1alpha1.ReasonRegistered)

	operator.Kill()
	operator = start(t)
	suspended := make([]*unstructured.Unstructured, 0, len(wishes))
	for i, wish := range wishes {
		wish = wish.DeepCopy()
		g.Expect(unstructured.SetNestedField(wish.Object, true, "spec", "suspend")).To(Succeed())
		apply(t, i, wish)
		suspended = append(suspended, wish)
	}
	reach(t, wishes, "mended", v1alpha1.ReasonSuspended)
	unchanged(t, "restarted and suspended", suspended)
	for i, wish := range wishes {
		apply(t, i, wish)
	}
	reach(t, wishes, "mended", v1alpha1.ReasonRegistered)
	unchanged(t, "resumed", wishes)

	operator.Kill()
	simulate(t, http.MethodPost, "faults", `{"operation": "list", "status": 503}`)
	start(t)
	request(t, wishes, "outage")
	reach(t, wishes, "outage", v1alpha1.ReasonRegistered, v1alpha1.ReasonAPIUnavailable)
	unchanged(t, "outage", wishes)

	var deregistering []*unstructured.Unstructured
	for _, wish := range wishes {
		g.Expect(set.Client.Delete(ctx, wish.DeepCopy())).To(Succeed())
		if policy, _, _ := unstructured.NestedString(wish.Object, "spec", "deletionPolicy"); policy != string(v1alpha1.DeletionRetain) {
			deregistering = append(deregistering, wish)
		}
	}
	reach(t, deregistering, "outage", v1alpha1.ReasonDeregistering)
	unchanged(t, "being deleted", deregistering)
	simulate(t, http.MethodDelete, "faults", "")
	reach(t, nil, "")
	left, err := set.Registrations(ctx)
	g.Expect(err).NotTo(HaveOccurred())
	g.Expect(left).To(HaveLen(len(wishes)-len(deregistering)), "only Retain leaves a registration")
	t.Logf("%d manifests unchanged", len(wishes))
}
