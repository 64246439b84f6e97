package crd_test

import (
	"encoding/json"
	"slices"
	"testing"

	apiextensionsv1 "k8s.io/apiextensions-apiserver/pkg/apis/apiextensions/v1"
	"k8s.io/client-go/kubernetes/scheme"
	"k8s.io/client-go/rest"
)

func get(t *testing.T, path, accept string) []byte {
	t.Helper()
	config := rest.CopyConfig(apiServer)
	config.NegotiatedSerializer = scheme.Codecs.WithoutConversion()
	raw, err := rest.UnversionedRESTClientFor(config)
	if err != nil {
		t.Fatal(err)
	}
	body, err := raw.Get().AbsPath(path).SetHeader("Accept", accept).DoRaw(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	return body
}

// published is the schema that kubectl explain reads.
func published(t *testing.T) apiextensionsv1.JSONSchemaProps {
	t.Helper()
	var crd apiextensionsv1.CustomResourceDefinition
	body := get(t, "/apis/apiextensions.k8s.io/v1/customresourcedefinitions/fotacallbacks.fotacallback.dev", "application/json")
	if err := json.Unmarshal(body, &crd); err != nil {
		t.Fatal(err)
	}
	return *crd.Spec.Versions[0].Schema.OpenAPIV3Schema
}

// kubectl explain has something to say about every field.
func TestEveryFieldIsDocumented(t *testing.T) {
	fieldsSeen := 0
	walk(published(t), "FotaCallback", func(path string, s apiextensionsv1.JSONSchemaProps) {
		fieldsSeen++
		if s.Description == "" && path != "FotaCallback.metadata" {
			t.Errorf("%s has no description", path)
		}
	})
	if fieldsSeen < 25 {
		t.Errorf("only %d fields seen", fieldsSeen)
	}
}

// A default in spec's apiextensionsv1.JSONSchemaProps would show as a difference in GitOps tools; a format that the API server reads more leniently than Go would break
// the decoding of the whole list.
func TestSpecHasNoDefaultsAndNoFormats(t *testing.T) {
	spec := published(t).Properties["spec"]
	var names []string
	walk(spec, "spec", func(path string, s apiextensionsv1.JSONSchemaProps) {
		names = append(names, path)
		if s.Default != nil || s.Format != "" {
			t.Errorf("%s has default %v and format %q", path, s.Default, s.Format)
		}
	})
	slices.Sort(names)
	want := []string{"spec", "spec.account", "spec.adoptionPolicy", "spec.credentialsSecretRef", "spec.credentialsSecretRef.name", "spec.deletionPolicy", "spec.driftPolicy", "spec.interval", "spec.suspend", "spec.url"}
	if !slices.Equal(names, want) {
		t.Errorf("spec has the fields %v, expected %v", names, want)
	}
}

func walk(s apiextensionsv1.JSONSchemaProps, path string, visit func(string, apiextensionsv1.JSONSchemaProps)) {
	visit(path, s)
	for name, property := range s.Properties {
		walk(property, path+"."+name, visit)
	}
	if s.Items != nil {
		for name, property := range s.Items.Schema.Properties {
			walk(property, path+"[]."+name, visit)
		}
	}
}
