package chart_test

import (
	"os"
	"os/exec"
	"path/filepath"
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
	const tag = "v1.2.3-rc.1"
	stamped := filepath.Join(t.TempDir(), strings.TrimPrefix(folder, root))
	if err := os.CopyFS(stamped, os.DirFS(folder)); err != nil {
		t.Fatal(err)
	}
	stamp := exec.CommandContext(t.Context(), "bash", "-ec", stamping(t))
	stamp.Dir, stamp.Env = filepath.Join(stamped, "../.."), append(os.Environ(), "GITHUB_REF_NAME="+tag, "PRERELEASE=true")
	if out, err := stamp.CombinedOutput(); err != nil {
		t.Fatalf("%v: %s", err, out)
	}
	p := action.NewPackage()
	p.Version, p.AppVersion, p.Destination = tag[1:], tag, t.TempDir()
	path, err := p.Run(stamped, nil)
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
	image := deployment.Spec.Template.Spec.Containers[0].Image
	if image != "ghcr.io/fota-callback-operator/fota-callback-operator:"+tag {
		t.Error(image)
	}
	annotations := packaged.Metadata.Annotations
	if shown := annotations["artifacthub.io/images"]; !strings.Contains(shown, " image: "+image+"\n") || annotations["artifacthub.io/prerelease"] != "true" {
		t.Errorf("Artifact Hub shows %s as pre-release %q", shown, annotations["artifacthub.io/prerelease"])
	}
	if label := deployment.Labels["helm.sh/chart"]; label != name+"-1.2.3-rc.1" {
		t.Error(label)
	}
}

// stamping is what the workflow does to Chart.yaml before it packages the chart.
func stamping(t *testing.T) string {
	t.Helper()
	for line := range strings.Lines(read(t, root+".github/workflows/release.yaml")) {
		if command := strings.TrimSpace(line); strings.HasPrefix(command, "sed -i ") {
			return command
		}
	}
	t.Fatal("the workflow stamps nothing")
	return ""
}

// What the chart's page on Artifact Hub shows is what it installs.
func TestArtifactHubShowsWhatIsInstalled(t *testing.T) {
	image := one[appsv1.Deployment](t, render(t, ""), "Deployment").Spec.Template.Spec.Containers[0].Image
	if shown := load(t).Metadata.Annotations["artifacthub.io/images"]; !strings.Contains(shown, " image: "+image+"\n") {
		t.Errorf("%s is installed, and shown is %s", image, shown)
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
