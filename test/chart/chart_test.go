// Package chart_test holds charts/fota-callback-operator to what it promises: the same objects as kustomize, whatever values are given valid ones, and
// an uninstall that deregisters nothing.
package chart_test

import (
	"bufio"
	"errors"
	"io"
	"slices"
	"strings"
	"testing"

	"helm.sh/helm/v4/pkg/action"
	"helm.sh/helm/v4/pkg/chart/common"
	chart "helm.sh/helm/v4/pkg/chart/v2"
	"helm.sh/helm/v4/pkg/chart/v2/loader"
	release "helm.sh/helm/v4/pkg/release/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime"
	utilyaml "k8s.io/apimachinery/pkg/util/yaml"
	"sigs.k8s.io/yaml"
)

const (
	root       = "../../"
	folder     = root + "charts/fota-callback-operator"
	name       = "fota-callback-operator"
	system     = "fota-callback-operator-system"
	kubernetes = "v1.36.0"
)

func load(t *testing.T) *chart.Chart {
	t.Helper()
	c, err := loader.Load(folder)
	if err != nil {
		t.Fatal(err)
	}
	return c
}

func values(t *testing.T, text string) map[string]any {
	t.Helper()
	v := map[string]any{}
	if err := yaml.UnmarshalStrict([]byte(text), &v); err != nil {
		t.Fatalf("%v in\n%s", err, text)
	}
	return v
}

// try renders the chart as helm template does.
func try(t *testing.T, releaseName, namespace string, values map[string]any) (*release.Release, error) {
	t.Helper()
	return tryChart(t, load(t), releaseName, namespace, values)
}

func tryChart(t *testing.T, c *chart.Chart, releaseName, namespace string, values map[string]any) (*release.Release, error) {
	t.Helper()
	version, err := common.ParseKubeVersion(kubernetes)
	if err != nil {
		t.Fatal(err)
	}
	install := action.NewInstall(action.NewConfiguration())
	install.DryRunStrategy, install.Replace, install.KubeVersion = action.DryRunClient, true, version
	install.ReleaseName, install.Namespace = releaseName, namespace
	made, err := install.RunWithContext(t.Context(), c, values)
	if err != nil {
		return nil, err
	}
	return made.(*release.Release), nil
}

func render(t *testing.T, text string) []*unstructured.Unstructured {
	t.Helper()
	return renderAs(t, name, system, text)
}

func renderAs(t *testing.T, releaseName, namespace, text string) []*unstructured.Unstructured {
	t.Helper()
	made, err := try(t, releaseName, namespace, values(t, text))
	if err != nil {
		t.Fatalf("%v with\n%s", err, text)
	}
	return objects(t, made.Manifest)
}

// objects reads YAML strictly: a key that is there twice is a mistake of a template.
func objects(t *testing.T, text string) []*unstructured.Unstructured {
	t.Helper()
	documents := utilyaml.NewYAMLReader(bufio.NewReader(strings.NewReader(text)))
	var all []*unstructured.Unstructured
	for {
		document, err := documents.Read()
		if errors.Is(err, io.EOF) {
			return all
		}
		if err != nil {
			t.Fatal(err)
		}
		o := &unstructured.Unstructured{}
		if err := yaml.UnmarshalStrict(document, &o.Object); err != nil {
			t.Fatalf("%v in\n%s", err, document)
		}
		if len(o.Object) > 0 {
			all = append(all, o)
		}
	}
}

// find returns the objects of a kind; "Kind/end" are those whose names end like that.
func find(all []*unstructured.Unstructured, what string) []*unstructured.Unstructured {
	kind, end, _ := strings.Cut(what, "/")
	return slices.DeleteFunc(slices.Clone(all), func(o *unstructured.Unstructured) bool {
		return o.GetKind() != kind || !strings.HasSuffix(o.GetName(), end)
	})
}

// one decodes the only object of a kind, and refuses fields that the type does not have.
func one[T any](t *testing.T, all []*unstructured.Unstructured, what string) *T {
	t.Helper()
	found := find(all, what)
	if len(found) != 1 {
		t.Fatalf("%d objects are %s", len(found), what)
	}
	return as[T](t, found[0])
}

func as[T any](t *testing.T, o *unstructured.Unstructured) *T {
	t.Helper()
	into := new(T)
	if err := runtime.DefaultUnstructuredConverter.FromUnstructuredWithValidation(o.Object, into, true); err != nil {
		t.Fatalf("%s %s: %v", o.GetKind(), o.GetName(), err)
	}
	return into
}
