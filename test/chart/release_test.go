package chart_test

import (
	"log/slog"
	"slices"
	"strings"
	"testing"

	. "github.com/onsi/gomega"
	"helm.sh/helm/v4/pkg/action"
	"helm.sh/helm/v4/pkg/chart/common"
	chart "helm.sh/helm/v4/pkg/chart/v2"
	"helm.sh/helm/v4/pkg/cli"
	"helm.sh/helm/v4/pkg/kube"
	appsv1 "k8s.io/api/apps/v1"
	corev1 "k8s.io/api/core/v1"
	rbacv1 "k8s.io/api/rbac/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/apimachinery/pkg/types"
	"sigs.k8s.io/controller-runtime/pkg/client"
)

// From the first install to the last uninstall, no object, no registration and no CRD is lost, and an upgrade brings a new CRD.
func TestLife(t *testing.T) {
	g := NewWithT(t)
	withoutCRD(t)
	g.Expect(install(t, name, system, "", plain)).To(Succeed())
	served(t)
	operator := run(t, system, name+"-controller-manager", args(t, ""))
	o := declare(t, "life", "0000123456-00001")
	ready(t, o)
	operator()

	g.Expect(uninstall(t, name, system)).To(Succeed())
	for kind, gone := range map[string]client.Object{
		"Deployment": &appsv1.Deployment{}, "ServiceAccount": &corev1.ServiceAccount{}, "ClusterRole": &rbacv1.ClusterRole{},
	} {
		suffix := map[bool]string{true: "-manager-role", false: "-controller-manager"}[kind == "ClusterRole"]
		err := set.Client.Get(t.Context(), types.NamespacedName{Namespace: system, Name: name + suffix}, gone)
		g.Expect(apierrors.IsNotFound(err)).To(BeTrue(), "%s: %v", kind, err)
	}
	stays(t, o)

	g.Expect(install(t, name, system, "", plain)).To(Succeed(), "the CRD that was left is taken back")
	stays(t, o)

	added := "{grafanaDashboard: {enabled: true}, networkPolicy: {enabled: true}, podDisruptionBudget: {enabled: true}, manager: {replicas: 2}}"
	g.Expect(upgrade(t, name, system, added, newCRD(t))).To(Succeed())
	g.Expect(crd(t).Spec.Names.Categories).To(ConsistOf("fota"), "an upgrade brings a new CRD")
	deployment := &appsv1.Deployment{}
	g.Expect(set.Client.Get(t.Context(), types.NamespacedName{Namespace: system, Name: name + "-controller-manager"}, deployment)).To(Succeed())
	g.Expect(*deployment.Spec.Replicas).To(BeEquivalentTo(2))
	stays(t, o)

	g.Expect(upgrade(t, name, system, "{crd: {enabled: false}, leaderElection: {enabled: false}}", load(t))).To(Succeed())
	g.Expect(set.Client.Get(t.Context(), client.ObjectKeyFromObject(deployment), deployment)).To(Succeed())
	g.Expect(deployment.Spec.Strategy).To(Equal(appsv1.DeploymentStrategy{Type: appsv1.RecreateDeploymentStrategyType}), "what the API server had filled in is gone")
	stays(t, o)
	g.Expect(uninstall(t, name, system)).To(Succeed())
	stays(t, o)
}

// Who has installed with kustomize goes on with Helm: nothing is deleted, and no pod restarts.
func TestFromKustomize(t *testing.T) {
	g := NewWithT(t)
	for _, o := range kustomize(t, root+"config/default") {
		g.Expect(set.Client.Apply(t.Context(), client.ApplyConfigurationFromUnstructured(o), client.FieldOwner("kubectl"), client.ForceOwnership)).To(Succeed())
	}
	before := &appsv1.Deployment{}
	key := types.NamespacedName{Namespace: system, Name: name + "-controller-manager"}
	g.Expect(set.Client.Get(t.Context(), key, before)).To(Succeed())

	g.Expect(install(t, name, system, "", plain)).To(MatchError(ContainSubstring("cannot be imported")))
	g.Expect(install(t, name, system, "", func(i *action.Install) { i.TakeOwnership, i.ForceConflicts = true, true })).To(Succeed())
	after := &appsv1.Deployment{}
	g.Expect(set.Client.Get(t.Context(), key, after)).To(Succeed())
	g.Expect(after.UID).To(Equal(before.UID))
	g.Expect(after.Spec).To(Equal(before.Spec))
	g.Expect(after.Labels).To(HaveKeyWithValue("app.kubernetes.io/managed-by", "Helm"))
	g.Expect(uninstall(t, name, system)).To(Succeed())
}

// A team's release has what it needs in its namespace, and nothing outside it.
func TestTeamsOwnRelease(t *testing.T) {
	g := NewWithT(t)
	served(t)
	text := `{crd: {enabled: false}, rbac: {namespaced: true, helpers: {enabled: false}, secretNames: [thingspace-credentials]}, metrics: {secure: false}}`
	g.Expect(install(t, "operator", "team-a", text, plain)).To(Succeed())
	made, err := try(t, "operator", "team-a", values(t, text))
	g.Expect(err).NotTo(HaveOccurred())
	deployment := one[appsv1.Deployment](t, objects(t, made.Manifest), "Deployment")
	pod := deployment.Spec.Template.Spec
	stop := run(t, "team-a", pod.ServiceAccountName, pod.Containers[0].Args)
	defer stop()
	ready(t, declare(t, "team-a", "team-a"))
}

func plain(*action.Install) {}

func configuration(t *testing.T, namespace string) *action.Configuration {
	t.Helper()
	settings := cli.New()
	settings.KubeConfig = set.Kubeconfig
	settings.SetNamespace(namespace)
	c := action.NewConfiguration(action.ConfigurationSetLogger(slog.DiscardHandler))
	if err := c.Init(settings.RESTClientGetter(), namespace, "secret"); err != nil {
		t.Fatal(err)
	}
	return c
}

func install(t *testing.T, releaseName, namespace, text string, options func(*action.Install)) error {
	t.Helper()
	i := action.NewInstall(configuration(t, namespace))
	i.ReleaseName, i.Namespace, i.CreateNamespace, i.WaitStrategy = releaseName, namespace, true, kube.HookOnlyStrategy
	options(i)
	_, err := i.RunWithContext(t.Context(), load(t), values(t, text))
	return err
}

func upgrade(t *testing.T, releaseName, namespace, text string, to *chart.Chart) error {
	t.Helper()
	u := action.NewUpgrade(configuration(t, namespace))
	u.Namespace, u.WaitStrategy = namespace, kube.HookOnlyStrategy
	_, err := u.RunWithContext(t.Context(), releaseName, to, values(t, text))
	return err
}

func uninstall(t *testing.T, releaseName, namespace string) error {
	t.Helper()
	u := action.NewUninstall(configuration(t, namespace))
	u.WaitStrategy = kube.HookOnlyStrategy
	_, err := u.Run(releaseName)
	return err
}

// newCRD is the chart with another CRD in it.
func newCRD(t *testing.T) *chart.Chart {
	t.Helper()
	c := load(t)
	i := slices.IndexFunc(c.Files, func(f *common.File) bool { return f.Name == "files/crd.yaml" })
	text := string(c.Files[i].Data)
	changed := strings.Replace(text, "  names:\n", "  names:\n    categories: [fota]\n", 1)
	if changed == text {
		t.Fatal("the CRD has no names")
	}
	c.Files[i].Data = []byte(changed)
	return c
}
