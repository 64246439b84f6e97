package chart_test

import (
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"sigs.k8s.io/kustomize/api/krusty"
	"sigs.k8s.io/kustomize/kyaml/filesys"
)

// Who installs with Helm gets what kustomize's users have: object for object, field for field.
func TestDefaultsAreKustomizes(t *testing.T) {
	built := kustomize(t, root+"config/default")
	if len(find(built, "Namespace")) != 1 {
		t.Error("config/default no longer makes a namespace")
	}
	equal(t, built, render(t, ""))
}

// The parts that config/default leaves out are the same too. What selects pods or Services there names the operator, as the chart's does: it may be installed
// beside other operators, all of which are a controller-manager.
func TestOptionalPartsAreKustomizes(t *testing.T) {
	built := kustomize(t, "testdata/everything")
	rendered := render(t, "{prometheus: {enabled: true, rules: {enabled: true}}, grafanaDashboard: {enabled: true}, networkPolicy: {enabled: true}}")
	equal(t, built, rendered)
	if len(find(rendered, "ServiceMonitor")) != 1 || len(find(rendered, "NetworkPolicy")) != 1 {
		t.Error("there is nothing to compare")
	}
}

// equal compares two installations by kind, namespace and name. Left out is what each tool says about itself: Helm's labels and its resource policy,
// kustomize's managed-by; and the namespace, which Helm does not make.
func equal(t *testing.T, built, rendered []*unstructured.Unstructured) {
	t.Helper()
	diff := cmp.Diff(byKey(t, built), byKey(t, rendered))
	if diff != "" {
		t.Errorf("kustomize (-) and Helm (+):\n%s", diff)
	}
}

func byKey(t *testing.T, all []*unstructured.Unstructured) map[string]any {
	t.Helper()
	found := map[string]any{}
	for _, o := range all {
		if o.GetKind() == "Namespace" {
			continue
		}
		o = o.DeepCopy()
		for _, label := range []string{"helm.sh/chart", "app.kubernetes.io/managed-by", "app.kubernetes.io/instance"} {
			unstructured.RemoveNestedField(o.Object, "metadata", "labels", label)
		}
		unstructured.RemoveNestedField(o.Object, "metadata", "annotations", "helm.sh/resource-policy")
		key := strings.Join([]string{o.GetAPIVersion(), o.GetKind(), o.GetNamespace(), o.GetName()}, " ")
		if found[key] != nil {
			t.Errorf("%s is there twice", key)
		}
		found[key] = o.Object
	}
	return found
}

func kustomize(t *testing.T, folder string) []*unstructured.Unstructured {
	t.Helper()
	options := krusty.MakeDefaultOptions()
	options.Reorder = krusty.ReorderOptionLegacy // as kustomize build does: a namespace goes before what is in it
	made, err := krusty.MakeKustomizer(options).Run(filesys.MakeFsOnDisk(), folder)
	if err != nil {
		t.Fatal(err)
	}
	text, err := made.AsYaml()
	if err != nil {
		t.Fatal(err)
	}
	return objects(t, string(text))
}
