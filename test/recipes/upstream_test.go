package recipes_test

import (
	"encoding/json"
	"os"
	"os/exec"
	"path/filepath"
	"testing"

	. "github.com/onsi/gomega"
	utilyaml "k8s.io/apimachinery/pkg/util/yaml"
)

// copied is a CRD out of a module, without what says nothing about a sample: descriptions, columns, and what only the other operator writes.
func copied(t *testing.T, module, path string) []byte {
	t.Helper()
	g := NewWithT(t)
	download := exec.CommandContext(t.Context(), "go", "mod", "download", "-json", module)
	download.Dir, download.Stderr = t.TempDir(), os.Stderr // outside of the operator's module, which shall not depend on it
	out, err := download.Output()
	g.Expect(err).NotTo(HaveOccurred(), "%s", out)
	var at struct {
		Dir string `json:"Dir"`
	}
	g.Expect(json.Unmarshal(out, &at)).To(Succeed())
	text, err := os.ReadFile(filepath.Join(at.Dir, path))
	g.Expect(err).NotTo(HaveOccurred())
	var crd map[string]any
	g.Expect(utilyaml.Unmarshal(text, &crd)).To(Succeed())
	spec := crd["spec"].(map[string]any)
	for _, version := range spec["versions"].([]any) {
		version := version.(map[string]any)
		if version["storage"] != true {
			continue
		}
		delete(version, "additionalPrinterColumns")
		delete(version, "subresources")
		schema := version["schema"].(map[string]any)["openAPIV3Schema"].(map[string]any)
		withoutDescriptions(schema)
		delete(schema["properties"].(map[string]any), "status")
		delete(schema["properties"].(map[string]any), "operation")
		spec["versions"] = []any{version}
	}
	crd["metadata"] = map[string]any{
		"name": crd["metadata"].(map[string]any)["name"], "annotations": map[string]string{"module": module, "path": path},
	}
	short, err := json.MarshalIndent(crd, "", " ")
	g.Expect(err).NotTo(HaveOccurred())
	return append(short, '\n')
}

func withoutDescriptions(schema map[string]any) {
	delete(schema, "description")
	for key, below := range schema {
		switch below := below.(type) {
		case map[string]any:
			if key == "properties" {
				for _, property := range below {
					withoutDescriptions(property.(map[string]any))
				}
			} else {
				withoutDescriptions(below)
			}
		case []any:
			for _, item := range below {
				if item, ok := item.(map[string]any); ok {
					withoutDescriptions(item)
				}
			}
		}
	}
}
