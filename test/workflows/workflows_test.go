// Package workflows_test holds .github/workflows to what keeps a supply chain short: nothing runs that was not looked at, with no right it does not need.
package workflows_test

import (
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"k8s.io/apimachinery/pkg/util/yaml"
)

type workflow struct {
	On          map[string]any  `json:"true"` // on, as YAML 1.1 reads it
	Permissions *map[string]any `json:"permissions"`
	Jobs        map[string]struct {
		Permissions *map[string]string `json:"permissions"`
		RunsOn      string             `json:"runs-on"`
		Minutes     int                `json:"timeout-minutes"`
		Uses        string             `json:"uses"`
		Steps       []struct {
			Uses string         `json:"uses"`
			With map[string]any `json:"with"`
			Run  string         `json:"run"`
		} `json:"steps"`
	} `json:"jobs"`
}

var (
	pinned = regexp.MustCompile(`^[a-z0-9-]+/[a-z0-9-]+@[0-9a-f]{40}$`)
	// A version beside each digest, for people and for dependabot.
	unnamed = regexp.MustCompile(`(?m)uses: [^.\s]\S*@[0-9a-f]{40}(?: # v[0-9]+\.[0-9]+\.[0-9]+)?$`)
	// What somebody else wrote, such as a branch's name, is put into a script before the shell reads it.
	injected = regexp.MustCompile(`\$\{\{`)
)

func TestWorkflows(t *testing.T) {
	files, err := filepath.Glob("../../.github/workflows/*.yaml")
	if err != nil || len(files) < 3 {
		t.Fatalf("%d workflows, %v", len(files), err)
	}
	writes := map[string]bool{}
	for _, file := range files {
		text, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		var w workflow
		if err := yaml.Unmarshal(text, &w); err != nil {
			t.Fatalf("%s: %v", file, err)
		}
		if w.Permissions == nil || len(*w.Permissions) != 0 {
			t.Errorf("%s: the workflow must give no permission; each job takes its own", file)
		}
		if len(w.On) == 0 {
			t.Errorf("%s: it says nowhere when it runs, or is not read right", file)
		}
		if _, ok := w.On["pull_request_target"]; ok {
			t.Errorf("%s: pull_request_target runs a stranger's code with our rights", file)
		}
		for _, line := range unnamed.FindAllString(string(text), -1) {
			if !strings.Contains(line, " # v") {
				t.Errorf("%s: %s names no version", file, line)
			}
		}
		for name, job := range w.Jobs {
			if job.Permissions == nil || job.Uses == "" && (job.Minutes == 0 || job.RunsOn == "" || strings.HasSuffix(job.RunsOn, "-latest")) {
				t.Errorf("%s: job %s needs permissions, a timeout and a runner with a version", file, name)
				continue
			}
			for scope, right := range *job.Permissions {
				if right != "read" {
					writes[filepath.Base(file)+" "+name+" "+scope] = true
				}
			}
			for _, step := range job.Steps {
				if step.Uses != "" && !pinned.MatchString(step.Uses) {
					t.Errorf("%s: %s is not pinned by a commit's SHA", file, step.Uses)
				}
				if strings.HasPrefix(step.Uses, "actions/checkout@") && step.With["persist-credentials"] != false {
					t.Errorf("%s: job %s leaves the token in the checkout", file, name)
				}
				if injected.MatchString(step.Run) {
					t.Errorf("%s: job %s puts an expression into a script: use env", file, name)
				}
			}
		}
	}
	for _, may := range []string{
		"images packages", "images id-token", "images attestations", "chart packages", "chart id-token", "chart attestations",
		"release contents", "release id-token", "release attestations",
	} {
		may = "release.yaml " + may
		if !writes[may] {
			t.Errorf("%s: expected to be allowed to write", may)
		}
		delete(writes, may)
	}
	for right := range writes {
		t.Errorf("%s: nothing says why this may write", right)
	}
}
