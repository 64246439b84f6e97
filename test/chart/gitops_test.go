package chart_test

import (
	"os"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
)

// installation is what a sample has a tool install.
type installation struct {
	chart, version, release, namespace string
	values                             map[string]any
}

// The samples for Argo CD and Flux name the chart where a release puts it, give values that it takes, install what kustomize's have the same names for, and
// keep the CRD.
func TestGitOpsSamples(t *testing.T) {
	application := spec(t, "argocd/operator-helm.yaml", "Application")
	release := spec(t, "flux/operator-helm.yaml", "HelmRelease")
	repository := spec(t, "flux/operator-helm.yaml", "OCIRepository")
	for tool, sample := range map[string]installation{
		"Argo CD": {
			"oci://" + word(t, application, "source", "repoURL") + "/" + word(t, application, "source", "chart"), word(t, application, "source", "targetRevision"),
			word(t, application, "source", "helm", "releaseName"), word(t, application, "destination", "namespace"), table(t, application, "source", "helm", "valuesObject"),
		},
		"Flux": {
			word(t, repository, "url"), word(t, repository, "ref", "tag"),
			word(t, release, "releaseName"), word(t, release, "targetNamespace"), table(t, release, "values"),
		},
	} {
		if readme, err := os.ReadFile(folder + "/README.md"); err != nil || !strings.Contains(string(readme), " "+sample.chart+" ") {
			t.Errorf("%s: the README installs no %s (%v)", tool, sample.chart, err)
		}
		if strings.HasPrefix(sample.version, "v") {
			t.Errorf("%s: a chart's version is %s without the v", tool, sample.version)
		}
		made, err := try(t, sample.release, sample.namespace, sample.values)
		if err != nil {
			t.Fatalf("%s: %v", tool, err)
		}
		all := objects(t, made.Manifest)
		names := map[string]bool{}
		for key := range byKey(t, all) {
			names[key] = true
		}
		for key := range byKey(t, kustomize(t, root+"config/default")) {
			if !names[key] {
				t.Errorf("%s does not install %s", tool, key)
			}
		}
		if keep := find(all, "CustomResourceDefinition")[0].GetAnnotations()["helm.sh/resource-policy"]; keep != "keep" {
			t.Errorf("%s: the CRD's policy is %q", tool, keep)
		}
	}
	if diff := cmp.Diff(table(t, application, "source", "helm", "valuesObject"), table(t, release, "values")); diff != "" {
		t.Errorf("the values of Argo CD's (-) and Flux's (+):\n%s", diff)
	}
	if prune, _, _ := unstructured.NestedBool(application, "syncPolicy", "automated", "prune"); prune {
		t.Error("Argo CD prunes, and takes crd.keep for a deletion alone")
	}
}

// spec is that of the one object of a kind in a sample.
func spec(t *testing.T, path, kind string) map[string]any {
	t.Helper()
	content, err := os.ReadFile(root + "config/samples/" + path)
	if err != nil {
		t.Fatal(err)
	}
	found := find(objects(t, string(content)), kind)
	if len(found) != 1 {
		t.Fatalf("%s has %d of %s", path, len(found), kind)
	}
	return table(t, found[0].Object, "spec")
}

func table(t *testing.T, of map[string]any, path ...string) map[string]any {
	t.Helper()
	found, ok, err := unstructured.NestedMap(of, path...)
	if !ok || err != nil {
		t.Fatalf("%v: %v", path, err)
	}
	return found
}

func word(t *testing.T, of map[string]any, path ...string) string {
	t.Helper()
	found, ok, err := unstructured.NestedString(of, path...)
	if !ok || err != nil {
		t.Fatalf("%v: %v", path, err)
	}
	return found
}
