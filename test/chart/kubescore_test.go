package chart_test

import (
	"bytes"
	"encoding/json"
	"fmt"
	"os/exec"
	"testing"

	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"sigs.k8s.io/yaml"
)

// Why the operator is as kube-score would not have it.
const (
	noCPULimit    = "a limit throttles where nobody else needs the CPU"
	noStorage     = "the root filesystem is read-only and there is no volume to fill"
	imagesUser    = "the image says 65532, runAsNonRoot holds it to a number that is not 0, and OpenShift chooses its own"
	unreleased    = "a release stamps its version into the chart and into dist/install.yaml; between releases it is the newest image"
	whereIsIt     = "where ThingSpace, the API server and a proxy are is the user's to know; networkPolicy.enabled is about who may come in"
	oneIsEnough   = "while it restarts, nothing is lost: ThingSpace keeps what is registered. More are manager.replicas"
	usersTopology = "nodes and zones are the user's to know: manager.affinity, manager.topologySpreadConstraints"
)

// kube-score finds what is explained here, and nothing else; an explanation that explains nothing any more has to go.
func TestKubeScore(t *testing.T) {
	always := map[string]string{
		"container-resources":                           noCPULimit,
		"container-ephemeral-storage-request-and-limit": noStorage,
		"container-security-context-user-group-id":      imagesUser,
		"container-image-tag":                           unreleased,
		"pod-networkpolicy":                             whereIsIt,
	}
	few := map[string]string{"deployment-replicas": oneIsEnough}
	two := map[string]string{"deployment-has-host-podantiaffinity": usersTopology}
	for _, row := range []struct {
		what      string
		objects   []*unstructured.Unstructured
		explained []map[string]string
	}{
		{"helm", render(t, ""), []map[string]string{always, few}},
		{"helm, all of it", render(t, everyPart), []map[string]string{always, two}},
		{"kustomize", kustomize(t, root+"config/default"), []map[string]string{always, few}},
	} {
		explained := map[string]bool{}
		for _, reasons := range row.explained {
			for check := range reasons {
				explained[check] = true
			}
		}
		found := map[string]bool{}
		for _, finding := range score(t, row.objects) {
			if !explained[finding.check] {
				t.Errorf("%s: %s: %s: %s", row.what, finding.object, finding.check, finding.summary)
			}
			found[finding.check] = true
		}
		for check := range explained {
			if !found[check] {
				t.Errorf("%s: %s is explained, and kube-score has nothing against it", row.what, check)
			}
		}
	}
}

type finding struct{ object, check, summary string }

// score runs kube-score, which is a program of its own because it needs an API that newer modules have dropped.
func score(t *testing.T, all []*unstructured.Unstructured) []finding {
	t.Helper()
	var manifests, out, problems bytes.Buffer
	for _, o := range all {
		text, err := yaml.Marshal(o)
		if err != nil {
			t.Fatal(err)
		}
		manifests.WriteString("---\n")
		manifests.Write(text)
	}
	command := exec.CommandContext(t.Context(), "go", "tool", "-modfile=hack/tools/chart/go.mod", "kube-score", "score", "--kubernetes-version=v1.31", "--output-format=json", "-")
	command.Dir, command.Stdin, command.Stdout, command.Stderr = root, &manifests, &out, &problems
	_ = command.Run() // it fails where it finds something; what it has found is read below
	var scored []struct {
		Name   string `json:"object_name"`
		Checks []struct {
			Check struct {
				ID string `json:"id"`
			} `json:"check"`
			Grade    int  `json:"grade"`
			Skipped  bool `json:"skipped"`
			Comments []struct {
				Summary string `json:"summary"`
			} `json:"comments"`
		} `json:"checks"`
	}
	if err := json.Unmarshal(out.Bytes(), &scored); err != nil || len(scored) < 2 {
		t.Fatalf("%d objects are scored, %v: %s", len(scored), err, problems.String())
	}
	const best = 10
	var found []finding
	for _, o := range scored {
		for _, c := range o.Checks {
			if !c.Skipped && c.Grade < best {
				found = append(found, finding{o.Name, c.Check.ID, fmt.Sprint(c.Comments)})
			}
		}
	}
	return found
}
