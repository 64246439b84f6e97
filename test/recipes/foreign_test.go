package recipes_test

import (
	"bytes"
	"encoding/json"
	"flag"
	"fmt"
	"os"
	"strings"
	"testing"

	. "github.com/onsi/gomega"
	apiextensionsv1 "k8s.io/apiextensions-apiserver/pkg/apis/apiextensions/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	utilyaml "k8s.io/apimachinery/pkg/util/yaml"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/envtest"
)

var update = flag.Bool("update", false, "copy other projects' CRDs anew, from the Go modules of the versions below")

// foreign are the kinds of other projects that samples use, and where each project keeps its CRD. The copies in testdata/upstream are what the API server
// judges samples by: the newest that a module of Go 1.26 could be had of. They are copies since the modules are large, and none is needed for more.
var foreign = []struct{ kind, module, path string }{
	{"Application", "github.com/argoproj/argo-cd/v3@v3.5.7", "manifests/crds/application-crd.yaml"},
	{"ExternalSecret", "github.com/external-secrets/external-secrets@v1.3.2", "config/crds/bases/external-secrets.io_externalsecrets.yaml"},
	{"GitRepository", "github.com/fluxcd/source-controller@v1.9.6", "config/crd/bases/source.toolkit.fluxcd.io_gitrepositories.yaml"},
	{"HelmRelease", "github.com/fluxcd/helm-controller@v1.6.4", "config/crd/bases/helm.toolkit.fluxcd.io_helmreleases.yaml"},
	{"Kustomization", "github.com/fluxcd/kustomize-controller@v1.9.6", "config/crd/bases/kustomize.toolkit.fluxcd.io_kustomizations.yaml"},
	{"OCIRepository", "github.com/fluxcd/source-controller@v1.9.6", "config/crd/bases/source.toolkit.fluxcd.io_ocirepositories.yaml"},
}

// installForeign has the API server know the foreign kinds as the projects define them.
func installForeign(t *testing.T) {
	t.Helper()
	g := NewWithT(t)
	var all []*apiextensionsv1.CustomResourceDefinition
	for _, f := range foreign {
		path := fmt.Sprintf("testdata/upstream/%s.json", strings.ToLower(f.kind))
		if *update {
			g.Expect(os.WriteFile(path, copied(t, f.module, f.path), 0o600)).To(Succeed())
		}
		text, err := os.ReadFile(path)
		g.Expect(err).NotTo(HaveOccurred())
		crd := &apiextensionsv1.CustomResourceDefinition{}
		decoder := json.NewDecoder(bytes.NewReader(text))
		decoder.DisallowUnknownFields()
		g.Expect(decoder.Decode(crd)).To(Succeed())
		g.Expect(crd.Spec.Names.Kind).To(Equal(f.kind))
		g.Expect(crd.Annotations).To(Equal(map[string]string{"module": f.module, "path": f.path}), "%s is a copy of another: go test ./test/recipes -update", path)
		all = append(all, crd)
	}
	_, err := envtest.InstallCRDs(set.Config, envtest.CRDInstallOptions{CRDs: all})
	g.Expect(err).NotTo(HaveOccurred())
}

// A typo in a foreign kind is refused as it is where that project is installed: TestSamplesApply has eyes for them.
func TestForeignTypos(t *testing.T) {
	installForeign(t)
	for text, place := range map[string]string{
		"{apiVersion: argoproj.io/v1alpha1, kind: Application, spec: {project: default, destination: {}, syncPolicy: {automated: {selfheal: true}}}}":                           "syncPolicy.automated.selfheal",
		"{apiVersion: argoproj.io/v1alpha1, kind: Application, spec: {project: default, destination: {}, source: {repoURL: a, kustomize: {patch: []}}}}":                        "source.kustomize.patch",
		"{apiVersion: argoproj.io/v1alpha1, kind: Application, spec: {project: default, source: {repoURL: a}}}":                                                                 "spec.destination",
		"{apiVersion: external-secrets.io/v1, kind: ExternalSecret, spec: {target: {deletionPolicy: Keep}}}":                                                                    "spec.target.deletionPolicy",
		"{apiVersion: external-secrets.io/v1, kind: ExternalSecret, spec: {secretStore: {name: a}}}":                                                                            "spec.secretStore",
		"{apiVersion: source.toolkit.fluxcd.io/v1, kind: GitRepository, spec: {url: 'https://a.example.com', interval: hourly}}":                                                "spec.interval",
		"{apiVersion: source.toolkit.fluxcd.io/v1, kind: GitRepository, spec: {url: 'https://a.example.com', interval: 1h, ref: {Tag: a}}}":                                     "spec.ref.Tag",
		"{apiVersion: source.toolkit.fluxcd.io/v1, kind: OCIRepository, spec: {url: 'https://a.example.com/chart', interval: 1h}}":                                              "spec.url",
		"{apiVersion: helm.toolkit.fluxcd.io/v2, kind: HelmRelease, spec: {interval: 1h, chartRef: {kind: HelmRepository, name: a}}}":                                           "spec.chartRef.kind",
		"{apiVersion: helm.toolkit.fluxcd.io/v2, kind: HelmRelease, spec: {interval: 1h, chartRef: {kind: OCIRepository, name: a}, install: {createNamespaces: true}}}":         "spec.install.createNamespaces",
		"{apiVersion: kustomize.toolkit.fluxcd.io/v1, kind: Kustomization, spec: {interval: 1h, prune: true, sourceRef: {kind: GitRepository, name: a}, deletionPolicy: Keep}}": "spec.deletionPolicy",
	} {
		o := &unstructured.Unstructured{}
		g := NewWithT(t)
		g.Expect(utilyaml.Unmarshal([]byte(text), &o.Object)).To(Succeed())
		o.SetName("typo")
		o.SetNamespace("iot")
		if err := apply(t, o, client.DryRunAll); err == nil || !strings.Contains(err.Error(), place) {
			t.Errorf("%s: %v, which does not name %s", text, err, place)
		}
	}
}
