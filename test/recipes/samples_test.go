package recipes_test

import (
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"sigs.k8s.io/controller-runtime/pkg/client"
)

var yamlBlock = regexp.MustCompile("(?ms)^ *```yaml\n(.*?)^ *```")

// Every sample, and every piece of YAML in the recipes and the README, is one that the API server takes without a warning about a field.
func TestSamplesApply(t *testing.T) {
	installForeign(t)
	texts := map[string]string{}
	for _, folder := range []string{"config/samples", "config/flux", "docs/recipes", "README.md"} {
		err := filepath.WalkDir(root+folder, func(path string, entry fs.DirEntry, err error) error {
			if err != nil || entry.IsDir() || entry.Name() == "kustomization.yaml" {
				return err
			}
			text, err := os.ReadFile(path)
			switch filepath.Ext(path) {
			case ".yaml":
				texts[path] = string(text)
			case ".md":
				for _, block := range yamlBlock.FindAllStringSubmatch(string(text), -1) {
					if strings.Contains(block[1], "apiVersion:") { // values of the chart have none; test/chart renders with them
						texts[path] += block[1] + "\n---\n"
					}
				}
			}
			return err
		})
		if err != nil {
			t.Fatal(err)
		}
	}
	applied := 0
	for path, text := range texts {
		for _, o := range objects(t, text) {
			if strings.HasPrefix(o.GetAPIVersion(), "kustomize.config.k8s.io/") {
				continue // for kustomize alone
			}
			if namespaced, err := set.Client.IsObjectNamespaced(o); err != nil {
				t.Errorf("%s: %v", path, err)
				continue
			} else if namespaced && o.GetNamespace() == "" {
				o.SetNamespace("iot")
			}
			if err := apply(t, o, client.DryRunAll); err != nil {
				t.Errorf("%s: %s %s: %v", path, o.GetKind(), o.GetName(), err)
			}
			applied++
		}
	}
	t.Logf("%d objects from %d files applied", applied, len(texts))
	if applied < 20 {
		t.Errorf("only %d objects", applied)
	}
}
