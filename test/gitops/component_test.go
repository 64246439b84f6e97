package gitops_test

import (
	"os"
	"testing"

	"sigs.k8s.io/kustomize/api/krusty"
	"sigs.k8s.io/kustomize/kyaml/filesys"
)

// The component adds to what Argo CD's own configuration holds, and takes nothing away.
func TestArgoComponent(t *testing.T) {
	files := filesys.MakeFsInMemory()
	write := func(path, text string) {
		if err := files.WriteFile(path, []byte(text)); err != nil {
			t.Fatal(err)
		}
	}
	for _, name := range []string{"kustomization.yaml", "argocd-cm.yaml"} {
		text, err := os.ReadFile(argo + "/" + name)
		if err != nil {
			t.Fatal(err)
		}
		write("component/"+name, string(text))
	}
	write("own/kustomization.yaml", "resources: [argocd-cm.yaml]\ncomponents: [../component]\n")
	write("own/argocd-cm.yaml", "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: argocd-cm}\ndata: {url: https://argocd.example.com}\n")
	made, err := krusty.MakeKustomizer(krusty.MakeDefaultOptions()).Run(files, "own")
	if err != nil {
		t.Fatal(err)
	}
	data := made.Resources()[0].GetDataMap()
	if made.Size() != 1 || len(data) != 3 || data["url"] != "https://argocd.example.com" ||
		data["resource.customizations.health.fotacallback.dev_FotaCallback"] != argoCustomization(t).health {
		t.Errorf("%d resources, the first with %v", made.Size(), data)
	}
}
