// Package recipes_test holds docs/recipes and config/samples to what they promise: each sample is one that the API server takes, and each recipe does
// what it says.
package recipes_test

import (
	"context"
	"errors"
	"io"
	"os"
	"strings"
	"testing"

	. "github.com/onsi/gomega"
	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
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

func start(t *testing.T, args ...string) *stage.Process {
	t.Helper()
	NewWithT(t).Expect(set.ForgetLogins(t.Context(), stage.LoginRecordNamespace)).To(Succeed())
	process, err := set.StartOperator(append([]string{"--deregistration-grace=0"}, args...)...)
	NewWithT(t).Expect(err).NotTo(HaveOccurred())
	t.Cleanup(func() {
		process.Kill()
		if t.Failed() {
			text, _ := os.ReadFile(set.OperatorLog())
			t.Logf("the operator's log ends:\n%s", text[max(0, len(text)-4000):])
		}
	})
	return process
}
