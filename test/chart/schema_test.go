package chart_test

import (
	"bytes"
	"encoding/json"
	"flag"
	"fmt"
	"maps"
	"os"
	"reflect"
	"regexp"
	"slices"
	"strings"
	"testing"

	appsv1 "k8s.io/api/apps/v1"
	corev1 "k8s.io/api/core/v1"
	networkingv1 "k8s.io/api/networking/v1"
	"k8s.io/apimachinery/pkg/api/resource"
)

var update = flag.Bool("update", false, "write Kubernetes' types into values.schema.json")

// fromKubernetes are the types of the values whose fields are Kubernetes's and not the chart's.
var fromKubernetes = []any{
	corev1.PodSecurityContext{}, corev1.SecurityContext{}, corev1.ResourceRequirements{}, corev1.Affinity{}, corev1.Toleration{}, corev1.TopologySpreadConstraint{},
	corev1.EnvVarSource{}, corev1.Volume{}, corev1.VolumeMount{}, appsv1.DeploymentStrategy{}, networkingv1.NetworkPolicyPeer{},
}

// What Kubernetes has fields for, the schema knows by the same names and types, down to the last one, and it knows nothing else.
func TestSchemaOfKubernetesTypes(t *testing.T) {
	types := map[string]map[string]any{}
	for _, value := range fromKubernetes {
		describe(t, reflect.TypeOf(value), types)
	}
	var want []string
	for _, name := range slices.Sorted(maps.Keys(types)) {
		line, err := json.Marshal(types[name])
		if err != nil {
			t.Fatal(err)
		}
		want = append(want, fmt.Sprintf("      %q: %s", name, line))
	}
	path := folder + "/values.schema.json"
	text, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	found := regexp.MustCompile(`(?s)"kubernetes": \{\n(.*?)\n    \}`).FindSubmatchIndex(text)
	if found == nil {
		t.Fatal("the schema has no section for Kubernetes' types")
	}
	from, to, section := found[2], found[3], []byte(strings.Join(want, ",\n"))
	if *update {
		err = os.WriteFile(path, slices.Concat(text[:from], section, text[to:]), 0o600)
		if err != nil {
			t.Fatal(err)
		}
	} else if !bytes.Equal(text[from:to], section) {
		t.Errorf("values.schema.json has\n%s\nKubernetes' types are\n%s\ngo test -run %s -update writes them", text[from:to], section, t.Name())
	}
}

// describe returns the schema of a type, and adds those of the structs in it to types, by their names. A field that is always written is required.
func describe(t *testing.T, of reflect.Type, types map[string]map[string]any) map[string]any {
	t.Helper()
	if schema, ok := simple[of]; ok {
		return schema
	}
	switch of.Kind() {
	case reflect.Pointer:
		return describe(t, of.Elem(), types)
	case reflect.Bool:
		return map[string]any{"type": "boolean"}
	case reflect.Int32, reflect.Int64:
		return map[string]any{"type": "integer"}
	case reflect.Slice:
		return map[string]any{"type": "array", "items": describe(t, of.Elem(), types)}
	case reflect.Map:
		return map[string]any{"type": "object", "additionalProperties": describe(t, of.Elem(), types)}
	case reflect.Struct:
		if types[of.Name()] == nil {
			properties, required := map[string]any{}, []string{}
			types[of.Name()] = map[string]any{"type": "object", "additionalProperties": false, "properties": properties}
			for _, field := range fields(of) {
				name, options, _ := strings.Cut(field.Tag.Get("json"), ",")
				properties[name] = describe(t, field.Type, types)
				if !strings.Contains(options, "omitempty") {
					required = append(required, name)
				}
			}
			if len(required) > 0 {
				types[of.Name()]["required"] = required
			}
		}
		return map[string]any{"$ref": "#/$defs/kubernetes/" + of.Name()}
	default:
		t.Fatalf("%s is neither among the simple types nor one that is made of others", of)
		return nil
	}
}

// fields are a struct's, and those of the structs that are written as a part of it.
func fields(of reflect.Type) []reflect.StructField {
	var all []reflect.StructField
	for field := range of.Fields() {
		if name, _, _ := strings.Cut(field.Tag.Get("json"), ","); name == "" {
			all = append(all, fields(field.Type)...)
		} else {
			all = append(all, field)
		}
	}
	return all
}

// No table is open but those that are meant to be: what a parent chart hands down, and objects of any kind.
func TestSchemaIsClosed(t *testing.T) {
	text, err := os.ReadFile(folder + "/values.schema.json")
	if err != nil {
		t.Fatal(err)
	}
	var schema map[string]any
	if err := json.Unmarshal(text, &schema); err != nil {
		t.Fatal(err)
	}
	var open []string
	walk("", schema, func(path string, table map[string]any) {
		if _, closed := table["additionalProperties"]; table["type"] == "object" && !closed {
			open = append(open, path)
		}
	})
	slices.Sort(open)
	if want := []string{"/properties/extraObjects/items/anyOf/1", "/properties/global"}; !slices.Equal(open, want) {
		t.Errorf("open are %v, not %v", open, want)
	}
}

func walk(path string, value any, call func(path string, table map[string]any)) {
	switch value := value.(type) {
	case map[string]any:
		call(path, value)
		for key, below := range value {
			walk(path+"/"+key, below, call)
		}
	case []any:
		for i, below := range value {
			walk(fmt.Sprintf("%s/%d", path, i), below, call)
		}
	}
}

// The schema's pattern and Kubernetes agree on what a quantity is, but for negative ones, which no resource can have.
func TestQuantities(t *testing.T) {
	for text, want := range map[string]bool{
		"'1'": true, "64Mi": true, "100m": true, "1.5": true, "0.5Gi": true, "'.5'": true, "1e3": true, "'1E3'": true, "2E": true, "12k": true, "1": true, "0": true,
		"lots": false, "64MB": false, "64mi": false, "64 Mi": false, "''": false, "1K": false, "1Mib": false, "'1,5'": false, "-1Mi": false, "-1": false, "true": false,
	} {
		_, err := try(t, name, system, values(t, "manager: {resources: {limits: {memory: "+text+"}}}"))
		if (err == nil) != want {
			t.Errorf("%s: %v", text, err)
		}
		quantity, err := resource.ParseQuantity(strings.Trim(text, "'"))
		if parsed := err == nil && quantity.Sign() >= 0; parsed != want {
			t.Errorf("Kubernetes takes %s: %t", text, parsed)
		}
	}
}
