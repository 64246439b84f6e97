package chart_test

import (
	"os"
	"os/exec"
	"path/filepath"
	"testing"

	"github.com/google/go-cmp/cmp"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
)

// What make build-installer writes, and make deploy applies, is config/default with the image in it, and not one field besides. Make works on a copy:
// a test leaves nobody's dist/install.yaml another one.
func TestInstallerIsKustomizes(t *testing.T) {
	const image = "registry.example.com/iot/operator:v9.9.9"
	tree := t.TempDir()
	for _, path := range []string{"Makefile", "go.mod", "hack/tools/go.mod", "hack/tools/go.sum"} {
		text, err := os.ReadFile(filepath.Join(root, path))
		if err != nil {
			t.Fatal(err)
		}
		if err := os.MkdirAll(filepath.Dir(filepath.Join(tree, path)), 0o750); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(filepath.Join(tree, path), text, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	if err := os.CopyFS(filepath.Join(tree, "config"), os.DirFS(filepath.Join(root, "config"))); err != nil {
		t.Fatal(err)
	}
	build := exec.CommandContext(t.Context(), "make", "build-installer", "IMG="+image)
	build.Dir = tree
	if out, err := build.CombinedOutput(); err != nil {
		t.Fatalf("%v: %s", err, out)
	}
	text, err := os.ReadFile(filepath.Join(tree, "dist/install.yaml"))
	if err != nil {
		t.Fatal(err)
	}
	want := kustomize(t, root+"config/default")
	for _, o := range find(want, "Deployment") {
		containers, _, _ := unstructured.NestedSlice(o.Object, "spec", "template", "spec", "containers")
		containers[0].(map[string]any)["image"] = image
		if err := unstructured.SetNestedSlice(o.Object, containers, "spec", "template", "spec", "containers"); err != nil {
			t.Fatal(err)
		}
	}
	if diff := cmp.Diff(want, objects(t, string(text))); diff != "" {
		t.Errorf("config/default with the image (-) and dist/install.yaml (+):\n%s", diff)
	}
}
