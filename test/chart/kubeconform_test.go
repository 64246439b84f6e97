package chart_test

import (
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/yannh/kubeconform/pkg/resource"
	"github.com/yannh/kubeconform/pkg/validator"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/client-go/discovery"
	"sigs.k8s.io/yaml"
)

// What both ways install is as the API server's own schemas have it. The schemas are made of what a real one publishes: kubeconform's usual ones are on a
// site that a test shall not depend on. Those of Prometheus Operator are in no API server; TestPermutations holds these kinds to their Go types.
func TestKubeconform(t *testing.T) {
	check, err := validator.New([]string{filepath.Join(schemas(t), "{{ .ResourceKind }}{{ .KindSuffix }}.json")}, validator.Opts{
		Strict: true, SkipKinds: map[string]struct{}{"ServiceMonitor": {}, "PrometheusRule": {}},
	})
	if err != nil {
		t.Fatal(err)
	}
	for what, all := range map[string][]*unstructured.Unstructured{
		"helm": render(t, ""), "helm, all of it": render(t, everyPart), "kustomize": kustomize(t, root+"config/default"), "kustomize, all of it": kustomize(t, "testdata/everything"),
		"kustomize, for a team": kustomize(t, root+"config/namespaced"), "simulator": kustomize(t, root+"config/simulator"), "CRD": kustomize(t, root+"config/crd"),
	} {
		valid := 0
		for _, o := range all {
			switch result := conform(t, check, o); result.Status {
			case validator.Valid:
				valid++
			case validator.Skipped:
			default:
				t.Errorf("%s: %s %s: %v", what, o.GetKind(), o.GetName(), result.Err)
			}
		}
		t.Logf("%s: %d of %d are valid, the others are skipped", what, valid, len(all))
	}
	for path, mistake := range map[string]any{
		"metadata.label": map[string]any{}, "spec.replicas": "two", "spec.template.spec.containers": map[string]any{}, "spec.template.spec.securitycontext": map[string]any{},
	} {
		o := find(render(t, ""), "Deployment")[0]
		if err := unstructured.SetNestedField(o.Object, mistake, strings.Split(path, ".")...); err != nil {
			t.Fatal(err)
		}
		if result := conform(t, check, o); result.Status != validator.Invalid {
			t.Errorf("%s = %v is taken: %v", path, mistake, result.Err)
		}
	}
}

func conform(t *testing.T, check validator.Validator, o *unstructured.Unstructured) validator.Result {
	t.Helper()
	text, err := yaml.Marshal(o)
	if err != nil {
		t.Fatal(err)
	}
	return check.ValidateResource(resource.Resource{Bytes: text})
}

// schemas writes a JSON schema for each kind that the API server serves, strict about unknown fields, and returns their folder.
func schemas(t *testing.T) string {
	t.Helper()
	api, err := discovery.NewDiscoveryClientForConfig(set.Config)
	if err != nil {
		t.Fatal(err)
	}
	text, err := api.RESTClient().Get().AbsPath("/openapi/v2").SetHeader("Accept", "application/json").DoRaw(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	var published struct {
		Definitions map[string]map[string]any `json:"definitions"`
	}
	if err := json.Unmarshal(text, &published); err != nil {
		t.Fatal(err)
	}
	dir := t.TempDir()
	for name, definition := range published.Definitions {
		switch {
		case definition["format"] == "int-or-string":
			published.Definitions[name] = map[string]any{"type": []string{"integer", "string"}}
		case strings.HasSuffix(name, ".resource.Quantity"):
			published.Definitions[name] = map[string]any{"type": []string{"number", "string"}}
		case definition["properties"] != nil && definition["additionalProperties"] == nil:
			definition["additionalProperties"] = false
		}
		kinds, _ := definition["x-kubernetes-group-version-kind"].([]any)
		if len(kinds) != 1 {
			continue // a part of others, or options of requests
		}
		kind := kinds[0].(map[string]any)
		group, _, _ := strings.Cut(kind["group"].(string), ".")
		file := strings.ToLower(strings.ReplaceAll(fmt.Sprintf("%s-%s-%s.json", kind["kind"], group, kind["version"]), "--", "-"))
		write(t, filepath.Join(dir, file), map[string]any{"$ref": "all.json#/definitions/" + name})
	}
	write(t, filepath.Join(dir, "all.json"), published)
	return dir
}

func write(t *testing.T, path string, content any) {
	t.Helper()
	text, err := json.Marshal(content)
	if err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(path, text, 0o600); err != nil {
		t.Fatal(err)
	}
}
