package chart_test

import (
	"strings"
	"testing"

	chart3 "helm.sh/helm/v3/pkg/chart/loader"
	chartutil3 "helm.sh/helm/v3/pkg/chartutil"
	engine3 "helm.sh/helm/v3/pkg/engine"
	"helm.sh/helm/v4/pkg/action"
	"helm.sh/helm/v4/pkg/chart/v2/loader"
	appsv1 "k8s.io/api/apps/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
)

// A release is packaged as .github/workflows/release.yaml does it: with the image of that release, and with nothing that is there for who develops it.
func TestPackage(t *testing.T) {
	p := action.NewPackage()
	p.Version, p.AppVersion, p.Destination = "1.2.3-rc.1", "v1.2.3-rc.1", t.TempDir()
	path, err := p.Run(folder, nil)
	if err != nil {
		t.Fatal(err)
	}
	packaged, err := loader.Load(path)
	if err != nil {
		t.Fatal(err)
	}
	for _, file := range packaged.Raw {
		if strings.HasSuffix(file.Name, ".gotmpl") {
			t.Errorf("%s is in the package", file.Name)
		}
	}
	made, err := tryChart(t, packaged, name, system, nil)
	if err != nil {
		t.Fatal(err)
	}
	deployment := one[appsv1.Deployment](t, objects(t, made.Manifest), "Deployment")
	if image := deployment.Spec.Template.Spec.Containers[0].Image; image != "ghcr.io/fota-callback-operator/fota-callback-operator:v1.2.3-rc.1" {
		t.Error(image)
	}
	if label := deployment.Labels["helm.sh/chart"]; label != name+"-1.2.3-rc.1" {
		t.Error(label)
	}
}

// Helm 3 makes the same of it, and refuses the same.
func TestHelm3(t *testing.T) {
	for _, text := range []string{"", everyPart, choices[3][1], "thingspace: {burst: 1000000, qps: 0.5}"} {
		made, err := try3(t, values(t, text))
		if err != nil {
			t.Fatal(err)
		}
		var all []*unstructured.Unstructured
		for file, text := range made {
			if !strings.HasSuffix(file, "NOTES.txt") {
				all = append(all, objects(t, text)...)
			}
		}
		equal(t, render(t, text), all)
	}
	if _, err := try3(t, values(t, "thingspace: {burst: 0}")); err == nil || !strings.Contains(err.Error(), "burst") {
		t.Error(err)
	}
}

func try3(t *testing.T, values map[string]any) (map[string]string, error) {
	t.Helper()
	c, err := chart3.Load(folder)
	if err != nil {
		t.Fatal(err)
	}
	all, err := chartutil3.ToRenderValues(c, values, chartutil3.ReleaseOptions{Name: name, Namespace: system, IsInstall: true}, chartutil3.DefaultCapabilities)
	if err != nil {
		return nil, err
	}
	return engine3.Render(c, all)
}
