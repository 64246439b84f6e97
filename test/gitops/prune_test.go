package gitops_test

import (
	"os"
	"slices"
	"strings"
	"testing"

	kustomizev1 "github.com/fluxcd/kustomize-controller/api/v1"
	"sigs.k8s.io/kustomize/api/krusty"
	"sigs.k8s.io/kustomize/kyaml/filesys"
	"sigs.k8s.io/yaml"
)

// What the sample's patches make of config/crd is what Flux never prunes; and nothing else is, so that an upgrade takes away what is of no use any more.
func TestFluxNeverPrunesTheCRD(t *testing.T) {
	text, err := os.ReadFile("../../config/samples/flux/operator.yaml")
	if err != nil {
		t.Fatal(err)
	}
	_, document, _ := strings.Cut(string(text), "\n---\n")
	var sample kustomizev1.Kustomization
	if err := yaml.UnmarshalStrict([]byte(document), &sample); err != nil {
		t.Fatal(err)
	}
	if !sample.Spec.Prune {
		t.Error("the sample prunes nothing")
	}
	all, err := krusty.MakeKustomizer(krusty.MakeDefaultOptions()).Run(filesys.MakeFsOnDisk(), "../../config/default")
	if err != nil {
		t.Fatal(err)
	}
	manifests, err := all.AsYaml()
	if err != nil {
		t.Fatal(err)
	}
	patches, err := yaml.Marshal(map[string]any{"resources": []string{"all.yaml"}, "patches": sample.Spec.Patches})
	if err != nil {
		t.Fatal(err)
	}
	files := filesys.MakeFsInMemory()
	for name, content := range map[string][]byte{"all.yaml": manifests, "kustomization.yaml": patches} {
		if err := files.WriteFile("patched/"+name, content); err != nil {
			t.Fatal(err)
		}
	}
	patched, err := krusty.MakeKustomizer(krusty.MakeDefaultOptions()).Run(files, "patched")
	if err != nil {
		t.Fatal(err)
	}
	var kept []string
	for _, o := range patched.Resources() {
		switch value, ok := o.GetAnnotations()["kustomize.toolkit.fluxcd.io/prune"]; {
		case value == "disabled":
			kept = append(kept, o.GetKind())
		case ok:
			t.Errorf("%s %s: prune is %q, which Flux does not know", o.GetKind(), o.GetName(), value)
		}
	}
	if !slices.Equal(kept, []string{"CustomResourceDefinition"}) {
		t.Errorf("never pruned are %v", kept)
	}
}
