package chart_test

import (
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	appsv1 "k8s.io/api/apps/v1"
)

var yamlBlock = regexp.MustCompile("(?ms)^ *```yaml\n(.*?)^ *```")

// What recipes give as values of the chart is taken, and shows in the operator's pod.
func TestRecipesValues(t *testing.T) {
	files, err := filepath.Glob(root + "docs/recipes/*.md")
	if err != nil {
		t.Fatal(err)
	}
	tried := 0
	for _, file := range files {
		text, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		for _, block := range yamlBlock.FindAllStringSubmatch(string(text), -1) {
			if strings.Contains(block[1], "apiVersion:") {
				continue
			}
			one[appsv1.Deployment](t, render(t, block[1]), "Deployment")
			tried++
		}
	}
	if tried < 5 {
		t.Errorf("only %d pieces of values", tried)
	}
}

// What a recipe installs by a tag is that tag's image, and not the newest.
func TestRecipesInstallTheTagTheyName(t *testing.T) {
	const image = "ghcr.io/fota-callback-operator/fota-callback-operator"
	tag := regexp.MustCompile(`(?:\?ref=|ref: \{tag: |targetRevision: )(v[0-9][^\s"}]*)`)
	tried := 0
	for _, pattern := range []string{"docs/*.md", "docs/recipes/*.md", "config/samples/*/*.yaml"} {
		files, err := filepath.Glob(root + pattern)
		if err != nil {
			t.Fatal(err)
		}
		for _, file := range files {
			text := read(t, file)
			for _, found := range tag.FindAllStringSubmatch(text, -1) {
				tried++
				if !strings.Contains(text, image+":"+found[1]) && !strings.Contains(text, "name: "+image+", newTag: "+found[1]) {
					t.Errorf("%s takes the files of %s, and not its image", file, found[1])
				}
			}
		}
	}
	if tried < 3 {
		t.Errorf("only %d tags", tried)
	}
}
