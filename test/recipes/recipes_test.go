// Package recipes_test holds docs/recipes and config/samples to what they promise: each sample is one that the API server takes, and each recipe does
// what it says.
package recipes_test

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"os"
	"strings"
	"testing"
	"time"

	. "github.com/onsi/gomega"
	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	utilyaml "k8s.io/apimachinery/pkg/util/yaml"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/fota-callback-operator/fota-callback-operator/api/v1alpha1"
	// The operator runs as a process of its own: this makes a change of it a change of the tests, whose result go would take from its cache otherwise.
	_ "github.com/fota-callback-operator/fota-callback-operator/internal/controller"
	"github.com/fota-callback-operator/fota-callback-operator/internal/simulator"
	"github.com/fota-callback-operator/fota-callback-operator/test/stage"
)

const root = "../../"

var set *stage.Stage

func TestMain(m *testing.M) {
	os.Exit(stage.Run(root, nil, func(s *stage.Stage) (int, error) {
		set = s
		for _, name := range []string{"argocd", "flux-system", "iot", "team-a"} {
			if err := set.Client.Create(context.Background(), &corev1.Namespace{ObjectMeta: metav1.ObjectMeta{Name: name}}); err != nil {
				return 1, err
			}
		}
		return m.Run(), nil
	}))
}

// objects reads YAML documents.
func objects(t *testing.T, text string) []*unstructured.Unstructured {
	t.Helper()
	var all []*unstructured.Unstructured
	for documents := utilyaml.NewYAMLOrJSONDecoder(strings.NewReader(text), 4096); ; {
		o := &unstructured.Unstructured{}
		err := documents.Decode(o)
		if errors.Is(err, io.EOF) {
			return all
		}
		if err != nil {
			t.Fatalf("%v in:\n%s", err, text)
		}
		if len(o.Object) > 0 {
			all = append(all, o)
		}
	}
}

func file(t *testing.T, path string) string {
	t.Helper()
	text, err := os.ReadFile(root + path)
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}

// apply applies as kubectl apply --server-side does; a field that does not exist is an error.
func apply(t *testing.T, o *unstructured.Unstructured, options ...client.ApplyOption) error {
	t.Helper()
	strict := client.WithFieldValidation(set.Client, metav1.FieldValidationStrict)
	return strict.Apply(t.Context(), client.ApplyConfigurationFromUnstructured(o.DeepCopy()), append(options, client.FieldOwner("recipes"))...)
}

// sample is the FotaCallback of a sample, in a namespace.
func sample(t *testing.T, path, namespace string) *unstructured.Unstructured {
	t.Helper()
	for _, o := range objects(t, file(t, path)) {
		if o.GetKind() == "FotaCallback" {
			o.SetNamespace(namespace)
			return o
		}
	}
	t.Fatalf("%s has no FotaCallback", path)
	return nil
}

func account(o *unstructured.Unstructured) string {
	return o.Object["spec"].(map[string]any)["account"].(string)
}
func wish(o *unstructured.Unstructured) string {
	return o.Object["spec"].(map[string]any)["url"].(string)
}

// namespace makes a namespace with credentials.
func namespace(t *testing.T, name string) {
	t.Helper()
	g := NewWithT(t)
	err := set.Client.Create(t.Context(), &corev1.Namespace{ObjectMeta: metav1.ObjectMeta{Name: name}})
	if !apierrors.IsAlreadyExists(err) {
		g.Expect(err).NotTo(HaveOccurred())
	}
	g.Expect(set.Client.Create(t.Context(), &corev1.Secret{
		ObjectMeta: metav1.ObjectMeta{Namespace: name, Name: v1alpha1.DefaultSecretName},
		StringData: map[string]string{
			"client-id": simulator.DefaultClientID, "client-secret": simulator.DefaultClientSecret,
			"username": simulator.DefaultUsername, "password": simulator.DefaultPassword,
		},
	})).To(Succeed())
}

func start(t *testing.T, args ...string) {
	t.Helper()
	process, err := set.StartOperator(append([]string{"--deregistration-grace=0"}, args...)...)
	NewWithT(t).Expect(err).NotTo(HaveOccurred())
	t.Cleanup(func() {
		process.Kill()
		if t.Failed() {
			text, _ := os.ReadFile(set.OperatorLog())
			t.Logf("the operator's log ends:\n%s", text[max(0, len(text)-4000):])
		}
	})
}

// become waits until the object's status speaks of it as it is, with this reason.
func become(t *testing.T, o *unstructured.Unstructured, reason string) {
	t.Helper()
	NewWithT(t).Eventually(func() string {
		var live v1alpha1.FotaCallback
		if err := set.Client.Get(t.Context(), client.ObjectKeyFromObject(o), &live); err != nil {
			return err.Error()
		}
		ready := meta.FindStatusCondition(live.Status.Conditions, v1alpha1.ConditionReady)
		if ready == nil || ready.ObservedGeneration != live.Generation {
			return "not handled yet"
		}
		return ready.Reason
	}).WithTimeout(30 * time.Second).WithPolling(50 * time.Millisecond).Should(Equal(reason))
}

// remove deletes an object, and waits until it is gone.
func remove(t *testing.T, o *unstructured.Unstructured) {
	t.Helper()
	g := NewWithT(t)
	g.Expect(set.Client.Delete(t.Context(), o.DeepCopy())).To(Succeed())
	g.Eventually(func() bool {
		return apierrors.IsNotFound(set.Client.Get(t.Context(), client.ObjectKeyFromObject(o), o.DeepCopy()))
	}).WithTimeout(30 * time.Second).WithPolling(50 * time.Millisecond).Should(BeTrue())
}

// patch changes an object as a user does with kubectl patch --type=merge.
func patch(t *testing.T, o *unstructured.Unstructured, merge string) error {
	t.Helper()
	return set.Client.Patch(t.Context(), o.DeepCopy(), client.RawPatch("application/merge-patch+json", []byte(merge)))
}

func register(t *testing.T, o *unstructured.Unstructured, url string) {
	t.Helper()
	NewWithT(t).Expect(set.Simulator(t.Context(), http.MethodPut, "registrations/"+account(o), fmt.Sprintf("{%q: %q}", "url", url), nil)).To(Succeed())
}

// registered is what the far side holds for the object's account, "" where that is nothing.
func registered(t *testing.T, o *unstructured.Unstructured) string {
	t.Helper()
	all, err := set.Registrations(t.Context())
	NewWithT(t).Expect(err).NotTo(HaveOccurred())
	return all[account(o)]
}

// calls are the far side's for the object's account.
func calls(t *testing.T, o *unstructured.Unstructured) []string {
	t.Helper()
	var record []struct {
		Operation string `json:"operation"`
	}
	NewWithT(t).Expect(set.Simulator(t.Context(), http.MethodGet, "requests?account="+account(o), "", &record)).To(Succeed())
	var all []string
	for _, request := range record {
		all = append(all, request.Operation)
	}
	return all
}
