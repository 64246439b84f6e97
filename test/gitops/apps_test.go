package gitops_test

import (
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"sigs.k8s.io/yaml"
)

// The recipe's script gives an Application the health that Argo CD has found for it, in the VM that argocd-cm has: an app of apps waits for it.
func TestArgoAppOfApps(t *testing.T) {
	text, err := os.ReadFile("../../docs/recipes/argo-cd.md")
	if err != nil {
		t.Fatal(err)
	}
	var configMap struct {
		Data map[string]string `json:"data"`
	}
	blocks := regexp.MustCompile("(?ms)^```yaml\n(.*?)^```$").FindAllStringSubmatch(string(text), -1)
	if len(blocks) != 1 {
		t.Fatalf("%d pieces of YAML", len(blocks))
	}
	if err := yaml.Unmarshal([]byte(blocks[0][1]), &configMap); err != nil {
		t.Fatal(err)
	}
	script := configMap.Data["resource.customizations.health.argoproj.io_Application"]
	for _, row := range []struct {
		status object
		want   health
	}{
		{nil, health{"Progressing", ""}},
		{object{"sync": object{"status": "OutOfSync"}}, health{"Progressing", ""}},
		{object{"health": object{}}, health{"Progressing", ""}},
		{object{"sync": object{"status": "Synced"}, "health": object{"status": "Healthy", "message": "all"}}, health{"Healthy", "all"}},
		{object{"sync": object{"status": "OutOfSync"}, "health": object{"status": "Healthy"}}, health{"Progressing", "Healthy, and not synced yet"}},
		{object{"sync": object{"status": "Unknown"}, "health": object{"status": "Healthy"}}, health{"Progressing", "Healthy, and not synced yet"}},
		{object{"sync": object{}, "health": object{"status": "Healthy"}}, health{"Progressing", "Healthy, and not synced yet"}},
		{object{"health": object{"status": "Healthy"}}, health{"Progressing", "Healthy, and not synced yet"}},
		{object{"sync": object{"status": "Synced"}, "health": object{"status": "Progressing"}}, health{"Progressing", ""}},
		{object{"health": object{"status": "Degraded", "message": "why"}}, health{"Degraded", "why"}},
		{object{"health": object{"status": "Suspended"}}, health{"Suspended", ""}},
	} {
		o := object{"apiVersion": "argoproj.io/v1alpha1", "kind": "Application", "metadata": object{"name": "a"}}
		if row.status != nil {
			o["status"] = row.status
		}
		var got health
		if err := run(script, o, &got); err != nil || got != row.want {
			t.Errorf("%v: %+v (%v), expected %+v", row.status, got, err, row.want)
		}
	}
}

// PruneLast dead-locks a rename: the new object is Healthy only when the old one is gone. Replace strips a claim, and Force deregisters.
func TestArgoSamplesSetNoOptionThatHarms(t *testing.T) {
	files, err := filepath.Glob("../../config/samples/argocd/*.yaml")
	if err != nil || len(files) < 4 {
		t.Fatalf("%v, %v", files, err)
	}
	for _, file := range files {
		text, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		for _, option := range []string{"PruneLast", "Replace=true", "Force=true"} {
			if strings.Contains(string(text), option) {
				t.Errorf("%s sets %s", file, option)
			}
		}
	}
}

// A sync that comes before the CRD does not fail over it.
func TestArgoSampleBeforeTheCRD(t *testing.T) {
	var application struct {
		Spec struct {
			SyncPolicy struct {
				SyncOptions []string `json:"syncOptions"`
				Retry       *object  `json:"retry"`
			} `json:"syncPolicy"`
		} `json:"spec"`
	}
	read(t, "../../config/samples/argocd/fotacallbacks.yaml", &application)
	policy := application.Spec.SyncPolicy
	if !slices.Contains(policy.SyncOptions, "SkipDryRunOnMissingResource=true") || policy.Retry == nil {
		t.Errorf("%+v", policy)
	}
}
