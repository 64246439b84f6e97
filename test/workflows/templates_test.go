package workflows_test

import (
	"os"
	"path/filepath"
	"testing"

	"sigs.k8s.io/yaml"
)

// Issue templates have what GitHub's issue forms need, and the one for defects asks people to leave secrets out.
func TestIssueTemplates(t *testing.T) {
	files, err := filepath.Glob("../../.github/ISSUE_TEMPLATE/*.yml")
	if err != nil {
		t.Fatal(err)
	}
	forms := 0
	for _, file := range files {
		if filepath.Base(file) == "config.yml" {
			continue
		}
		forms++
		text, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		var form struct {
			Name        string   `json:"name"`
			Description string   `json:"description"`
			Labels      []string `json:"labels"`
			Body        []struct {
				Type       string `json:"type"`
				ID         string `json:"id"`
				Attributes struct {
					Label       string   `json:"label"`
					Description string   `json:"description"`
					Value       string   `json:"value"`
					Render      string   `json:"render"`
					Options     []string `json:"options"`
				} `json:"attributes"`
				Validations struct {
					Required bool `json:"required"`
				} `json:"validations"`
			} `json:"body"`
		}
		if err := yaml.UnmarshalStrict(text, &form); err != nil {
			t.Errorf("%s: %v", file, err)
			continue
		}
		if form.Name == "" || form.Description == "" || len(form.Body) == 0 {
			t.Errorf("%s lacks a name, a description or a body", file)
		}
		ids, asks := map[string]bool{}, false
		for _, part := range form.Body {
			switch {
			case part.Type == "markdown" && part.Attributes.Value == "", part.Type != "markdown" && (part.ID == "" || ids[part.ID] || part.Attributes.Label == ""):
				t.Errorf("%s: a part of type %s is not complete", file, part.Type)
			case part.Type == "dropdown" && len(part.Attributes.Options) == 0:
				t.Errorf("%s: %s has no options", file, part.ID)
			}
			ids[part.ID] = true
			asks = asks || part.Validations.Required
		}
		if !asks {
			t.Errorf("%s requires nothing", file)
		}
	}
	if forms < 2 {
		t.Errorf("%d forms", forms)
	}
}
