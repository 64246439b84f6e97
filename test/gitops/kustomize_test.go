package gitops_test

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"sigs.k8s.io/kustomize/api/krusty"
	"sigs.k8s.io/kustomize/api/resmap"
	"sigs.k8s.io/kustomize/kyaml/filesys"
	"sigs.k8s.io/yaml"
)

// What Argo CD builds of the operator's Application: config/default, its image set, and a CRD that is neither pruned nor deleted, whatever else it carries.
func TestArgoOperatorBuilds(t *testing.T) {
	spec := document(t, "samples/argocd/operator.yaml", "Application")
	source := spec["source"].(object)
	inline := source["kustomize"].(object)
	images := []object{}
	for _, image := range inline["images"].([]any) {
		images = append(images, parseImage(t, image.(string)))
	}
	all := build(t, source["path"].(string), object{"images": images, "patches": inline["patches"]})
	marked(t, all, "argocd.argoproj.io/sync-options", "Prune=false,Delete=false")
	runs(t, all, source["targetRevision"].(string))
}

// What Flux builds of the operator's Kustomization.
func TestFluxOperatorBuilds(t *testing.T) {
	spec := document(t, "samples/flux/operator.yaml", "Kustomization")
	inline := object{}
	for _, key := range []string{"images", "patches", "components"} {
		if spec[key] != nil {
			inline[key] = spec[key]
		}
	}
	all := build(t, spec["path"].(string), inline)
	runs(t, all, document(t, "samples/flux/operator.yaml", "GitRepository")["ref"].(object)["tag"].(string))
}

// document is the spec of the one object of a kind in a file under config.
func document(t *testing.T, path, kind string) object {
	t.Helper()
	text, err := os.ReadFile("../../config/" + path)
	if err != nil {
		t.Fatal(err)
	}
	for part := range strings.SplitSeq(string(text), "\n---\n") {
		var o object
		if err := yaml.UnmarshalStrict([]byte(part), &o); err != nil {
			t.Fatal(err)
		}
		if o["kind"] == kind {
			return o["spec"].(object)
		}
	}
	t.Fatalf("%s has no %s", path, kind)
	return nil
}

// build builds a folder of the repository with the fields of a kustomization besides, as both tools do: on a copy, in which they write them into the
// folder's kustomization. Here it is one around it.
func build(t *testing.T, path string, inline object) resmap.ResMap {
	t.Helper()
	tree := t.TempDir()
	if err := os.CopyFS(filepath.Join(tree, "config"), os.DirFS("../../config")); err != nil {
		t.Fatal(err)
	}
	inline["resources"] = []string{"../" + filepath.Clean(path)}
	text, err := yaml.Marshal(inline)
	if err != nil {
		t.Fatal(err)
	}
	around := filepath.Join(tree, "around")
	if err := os.Mkdir(around, 0o750); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(around, "kustomization.yaml"), text, 0o600); err != nil {
		t.Fatal(err)
	}
	all, err := krusty.MakeKustomizer(krusty.MakeDefaultOptions()).Run(filesys.MakeFsOnDisk(), around)
	if err != nil {
		t.Fatalf("%v with\n%s", err, text)
	}
	return all
}

// parseImage reads name:tag, which Argo CD takes as kustomize edit set image does.
func parseImage(t *testing.T, image string) object {
	t.Helper()
	name, tag, ok := strings.Cut(image, ":")
	if !ok || strings.ContainsAny(image, "=@") {
		t.Fatalf("%s is not name:tag", image)
	}
	return object{"name": name, "newTag": tag}
}

// marked sees to it that the CRD, and nothing else, carries an annotation, besides those that it had.
func marked(t *testing.T, all resmap.ResMap, key, value string) {
	t.Helper()
	kinds := map[string]int{}
	for _, o := range all.Resources() {
		annotations := o.GetAnnotations()
		if annotations[key] == "" {
			continue
		}
		kinds[o.GetKind()]++
		if annotations[key] != value || annotations["controller-gen.kubebuilder.io/version"] == "" {
			t.Errorf("%s %s has the annotations %v", o.GetKind(), o.GetName(), annotations)
		}
	}
	if len(kinds) != 1 || kinds["CustomResourceDefinition"] != 1 {
		t.Errorf("%s is on %v", key, kinds)
	}
}

// runs sees to it that the Deployment's image is the one of the revision that the manifests are taken from.
func runs(t *testing.T, all resmap.ResMap, revision string) {
	t.Helper()
	found := 0
	for _, o := range all.Resources() {
		if o.GetKind() != "Deployment" {
			continue
		}
		found++
		text, err := o.AsYAML()
		if err != nil {
			t.Fatal(err)
		}
		if want := "image: ghcr.io/fota-callback-operator/fota-callback-operator:" + revision + "\n"; !strings.Contains(string(text), want) {
			t.Errorf("the Deployment does not have %s", want)
		}
	}
	if found != 1 {
		t.Errorf("%d Deployments", found)
	}
}
