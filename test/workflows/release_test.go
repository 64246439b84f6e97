package workflows_test

import (
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"k8s.io/apimachinery/pkg/util/yaml"
)

type release struct {
	On struct {
		Push struct {
			Tags []string `json:"tags"`
		} `json:"push"`
	} `json:"true"` // on, as YAML 1.1 reads it
	Jobs map[string]struct {
		Needs    []string `json:"needs"`
		Strategy struct {
			Matrix struct {
				Include []struct {
					Name string `json:"name"`
				} `json:"include"`
			} `json:"matrix"`
		} `json:"strategy"`
		Steps []step `json:"steps"`
	} `json:"jobs"`
}

type step struct {
	If  string `json:"if"`
	Run string `json:"run"`
}

// thatHas is the first step that runs something, or -1.
func thatHas(steps []step, text string) int {
	return slices.IndexFunc(steps, func(s step) bool { return strings.Contains(s.Run, text) })
}

func decode[T any](t *testing.T, path string) (into T) {
	t.Helper()
	text, err := os.ReadFile("../../" + path)
	if err == nil {
		err = yaml.Unmarshal(text, &into)
	}
	if err != nil {
		t.Fatalf("%s: %v", path, err)
	}
	return into
}

// GitHub's patterns: + repeats what stands before it, * is anything without a slash, a dot is a dot.
func TestTagsThatAreReleased(t *testing.T) {
	var patterns []string
	for _, pattern := range decode[release](t, ".github/workflows/release.yaml").On.Push.Tags {
		patterns = append(patterns, strings.NewReplacer(".", `\.`, "*", "[^/]*").Replace(pattern))
	}
	released := regexp.MustCompile("^(" + strings.Join(patterns, "|") + ")$")
	for tag, want := range map[string]bool{
		"v1.2.3": true, "v0.10.0": true, "v1.2.3-rc.1": true, "v1.2.3foo": false, "v1.2.3.4": false, "v1.2": false, "1.2.3": false, "v1.2.3/x": false,
	} {
		if released.MatchString(tag) != want {
			t.Errorf("%s: expected to be released: %v", tag, want)
		}
	}
}

// The first job's own script, in a repository with tags and a changelog: what is wrong with a tag ends a release before anything is pushed.
func TestTagIsChecked(t *testing.T) {
	jobs := decode[release](t, ".github/workflows/release.yaml").Jobs
	var waits func(name string) bool
	waits = func(name string) bool {
		return slices.Contains(jobs[name].Needs, "check") || slices.ContainsFunc(jobs[name].Needs, waits)
	}
	for name := range jobs {
		if name != "check" && !waits(name) {
			t.Errorf("job %s does not wait for the check", name)
		}
	}
	script := jobs["check"].Steps[len(jobs["check"].Steps)-1].Run
	folder := t.TempDir()
	changelog := "# Changelog\n\n## [Unreleased]\n\n- More\n\n## [1.2.3] - 2026-01-02\n\n- This\n\n## [1.3.0-rc.1]\n\n- That\n\n## [1.1.9]\n\n- A fix\n\n## [1.0.0]\n\n"
	if err := os.WriteFile(filepath.Join(folder, "CHANGELOG.md"), []byte(changelog), 0o600); err != nil {
		t.Fatal(err)
	}
	output := filepath.Join(folder, "output")
	bash := func(text string, environment ...string) error {
		command := exec.CommandContext(t.Context(), "bash", "-e", "-c", text)
		command.Dir, command.Env = folder, append(os.Environ(), environment...)
		out, err := command.CombinedOutput()
		t.Logf("%v: %s", environment, out)
		return err
	}
	if err := bash(`git init -q && git -c user.name=a -c user.email=a@example.com commit -q --allow-empty -m a
for tag in v1.0.0 v1.1.9 v1.2.3 v1.2.3foo v1.3.0-rc.1 v1.10; do git tag "$tag"; done`); err != nil {
		t.Fatal(err)
	}
	for tag, want := range map[string]string{
		"v1.2.3":      "prerelease=false\nlatest=true\n",
		"v1.3.0-rc.1": "prerelease=true\nlatest=false\n",
		"v1.1.9":      "prerelease=false\nlatest=false\n",
		"v1.0.0":      "", // its section is empty
		"v1.2.4":      "", // it has none
		"v1.2.3foo":   "",
		"v01.2.3":     "",
		"v1.2.3-":     "",
	} {
		_ = os.Remove(output)
		err := bash(script, "GITHUB_REF_NAME="+tag, "GITHUB_OUTPUT="+output)
		got, _ := os.ReadFile(output)
		if string(got) != want || (err == nil) != (want != "") {
			t.Errorf("%s: %q (%v), expected %q", tag, got, err, want)
		}
	}
}
