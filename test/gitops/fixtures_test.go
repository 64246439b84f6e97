package gitops_test

import (
	"encoding/json"
	"path/filepath"
	"reflect"
	"regexp"
	"testing"
)

type health struct {
	Status  string `json:"status"`
	Message string `json:"message"`
}

// The fixtures have the form of Argo CD's own tests, so that they can go there with the scripts.
func TestArgoHealthFixtures(t *testing.T) {
	var file struct {
		Tests []struct {
			InputPath    string `json:"inputPath"`
			HealthStatus health `json:"healthStatus"`
		} `json:"tests"`
	}
	read(t, resources+"/health_test.yaml", &file)
	script, seen := argoCustomization(t).health, map[string]bool{}
	for _, fixture := range file.Tests {
		seen[fixture.InputPath] = true
		var o object
		read(t, resources+"/"+fixture.InputPath, &o)
		var got health
		if err := run(script, o, &got); err != nil {
			t.Errorf("%s: %v", fixture.InputPath, err)
		}
		if got != fixture.HealthStatus {
			t.Errorf("%s is\n  %+v, expected\n  %+v", fixture.InputPath, got, fixture.HealthStatus)
		}
	}
	everyFileIsUsed(t, resources, seen, 14)
}

func TestArgoActionFixtures(t *testing.T) {
	type action struct {
		Name     string `json:"name"`
		Disabled bool   `json:"disabled"`
	}
	var file struct {
		DiscoveryTests []struct {
			InputPath string   `json:"inputPath"`
			Result    []action `json:"result"`
		} `json:"discoveryTests"`
		ActionTests []struct {
			Action       string `json:"action"`
			InputPath    string `json:"inputPath"`
			ExpectedPath string `json:"expectedOutputPath"`
		} `json:"actionTests"`
	}
	const folder = resources + "/actions"
	read(t, folder+"/action_test.yaml", &file)
	actions, seen := argoCustomization(t).actions, map[string]bool{}
	scripts := map[string]string{}
	for _, definition := range actions.Definitions {
		scripts[definition.Name] = definition.Action
	}
	for _, fixture := range file.DiscoveryTests {
		seen[fixture.InputPath] = true
		var o object
		read(t, folder+"/"+fixture.InputPath, &o)
		var got map[string]action
		if err := run(actions.Discovery, o, &got); err != nil {
			t.Errorf("%s: %v", fixture.InputPath, err)
		}
		if len(got) != len(scripts) || len(fixture.Result) != len(scripts) {
			t.Errorf("%s: %d actions are offered and %d expected; there are %d", fixture.InputPath, len(got), len(fixture.Result), len(scripts))
		}
		for _, expected := range fixture.Result {
			if offered, ok := got[expected.Name]; !ok || offered.Disabled != expected.Disabled {
				t.Errorf("%s: %s is disabled: %v", fixture.InputPath, expected.Name, offered.Disabled)
			}
		}
	}
	for _, fixture := range file.ActionTests {
		seen[fixture.InputPath], seen[fixture.ExpectedPath] = true, true
		var before, expected, got object
		read(t, folder+"/"+fixture.InputPath, &before)
		read(t, folder+"/"+fixture.ExpectedPath, &expected)
		if err := run(scripts[fixture.Action], before, &got); err != nil {
			t.Errorf("%s of %s: %v", fixture.Action, fixture.InputPath, err)
		}
		if reflect.DeepEqual(timeless(before), timeless(expected)) {
			t.Errorf("%s of %s: the only difference is a time, which Argo CD's own tests don't see", fixture.Action, fixture.InputPath)
		}
		if !reflect.DeepEqual(got, expected) {
			t.Errorf("%s of %s makes\n  %v, expected\n  %v", fixture.Action, fixture.InputPath, got, expected)
		}
	}
	everyFileIsUsed(t, folder, seen, 9)
}

// timeless is an object as it is written, with all times alike.
func timeless(o object) string {
	text, err := json.Marshal(o)
	if err != nil {
		panic(err)
	}
	return regexp.MustCompile(`"[0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9:]{8}Z"`).ReplaceAllString(string(text), `"time"`)
}

// A request replaces an older one. Argo CD's own tests take all times for equal, so that no fixture could tell.
func TestArgoReconcileReplacesAnOlderRequest(t *testing.T) {
	const annotation, old = "fotacallback.dev/requested-at", "2020-01-01T00:00:00Z"
	o := object{"metadata": object{"annotations": object{annotation: old, "other": "stays"}}}
	for _, definition := range argoCustomization(t).actions.Definitions {
		if definition.Name != "reconcile" {
			continue
		}
		var got object
		if err := run(definition.Action, o, &got); err != nil {
			t.Fatal(err)
		}
		annotations := got["metadata"].(object)["annotations"].(object)
		if annotations[annotation] == old || annotations[annotation] == nil || annotations["other"] != "stays" {
			t.Errorf("%v", annotations)
		}
		return
	}
	t.Error("there is no action reconcile")
}

func everyFileIsUsed(t *testing.T, folder string, seen map[string]bool, atLeast int) {
	t.Helper()
	files, err := filepath.Glob(folder + "/testdata/*.yaml")
	if err != nil {
		t.Fatal(err)
	}
	for _, file := range files {
		if !seen["testdata/"+filepath.Base(file)] {
			t.Errorf("no test uses %s", file)
		}
	}
	if len(files) < atLeast {
		t.Errorf("%d fixtures in %s, expected at least %d", len(files), folder, atLeast)
	}
}

// The virtual machine is as bare as the one that the scripts will meet: what it lacks must be seen to fail.
func TestTheVirtualMachineIsRestricted(t *testing.T) {
	for _, script := range []string{
		`return {("x"):upper()}`, `return {string.format("x")}`, `return {math.floor(1)}`, `return {io.open("x")}`, `return {os.date("!%Y-%m-%dT%XZ")}`,
		`return {require("os").getenv("HOME")}`, `return {require("string")}`,
	} {
		var got any
		if err := run(script, object{}, &got); err == nil {
			t.Errorf("%s returned %v", script, got)
		}
	}
}
