package chart_test

import (
	"maps"
	"os"
	"slices"
	"strings"
	"testing"

	"github.com/fota-callback-operator/fota-callback-operator/api/v1alpha1"
	"github.com/google/go-cmp/cmp"
	monitoringv1 "github.com/prometheus-operator/prometheus-operator/pkg/apis/monitoring/v1"
	appsv1 "k8s.io/api/apps/v1"
	corev1 "k8s.io/api/core/v1"
	networkingv1 "k8s.io/api/networking/v1"
	policyv1 "k8s.io/api/policy/v1"
	rbacv1 "k8s.io/api/rbac/v1"
	"k8s.io/apimachinery/pkg/util/validation"
)

const everyPart = `{prometheus: {enabled: true, rules: {enabled: true}}, grafanaDashboard: {enabled: true}, networkPolicy: {enabled: true},
podDisruptionBudget: {enabled: true}, manager: {replicas: 2}}`

// Names fit, whatever the release is called, and those of two releases in one namespace differ.
func TestNames(t *testing.T) {
	long := strings.Repeat("production-", 4)
	owner := map[string]string{}
	for _, releaseName := range []string{name, name + "-2", "fota", "f", "fota.east", "fota-east", long + "east", long + "west", strings.Repeat("a", 53)} {
		for _, o := range renderAs(t, releaseName, system, everyPart) {
			if o.GetKind() == "CustomResourceDefinition" {
				continue
			}
			if problems := validation.IsDNS1123Label(o.GetName()); len(problems) > 0 {
				t.Errorf("%s %q: %v", o.GetKind(), o.GetName(), problems)
			}
			if key := o.GetKind() + " " + o.GetName(); owner[key] != "" {
				t.Errorf("%s is of releases %s and %s", key, owner[key], releaseName)
			} else {
				owner[key] = releaseName
			}
			for key, value := range o.GetLabels() {
				if problems := validation.IsValidLabelValue(value); len(problems) > 0 {
					t.Errorf("%s %s: label %s=%s: %v", o.GetKind(), o.GetName(), key, value, problems)
				}
			}
		}
	}
	for _, text := range []string{"fullnameOverride: mine", "nameOverride: mine"} {
		deployment := one[appsv1.Deployment](t, renderAs(t, "fota", system, text), "Deployment")
		if !strings.HasSuffix(deployment.Name, "mine-controller-manager") {
			t.Errorf("%s: %s", text, deployment.Name)
		}
	}
}

// A name may be a word that YAML has another meaning for. It stays what it is, wherever a template writes it, and in what the notes tell to apply.
func TestNamesThatYAMLReadsOtherwise(t *testing.T) {
	for _, word := range []string{"4711", "1e3", "no", "true", "null"} {
		given := values(t, everyPart)
		maps.Copy(given, values(t, strings.ReplaceAll(`{nameOverride: "WORD", watchNamespaces: ["WORD"], leaderElection: {namespace: "WORD"},
serviceAccount: {name: "WORD"}, rbac: {secretNames: ["WORD"]}, manager: {priorityClassName: "WORD"}}`, "WORD", word)))
		made, err := try(t, name, word, given)
		if err != nil {
			t.Fatal(err)
		}
		_, declared, _ := strings.Cut(made.Info.Notes, "<<EOF\n")
		declared, _, _ = strings.Cut(declared, "\nEOF\n")
		callback := one[v1alpha1.FotaCallback](t, objects(t, declared), "FotaCallback")
		if callback.Namespace != word || callback.Spec.CredentialsSecretRef.Name != word {
			t.Errorf("%q: the notes declare\n%s", word, declared)
		}
		rendered := objects(t, made.Manifest)
		for _, o := range rendered {
			strict(t, o)
			want := word
			if strings.HasPrefix(o.GetKind(), "Cluster") || o.GetKind() == "CustomResourceDefinition" {
				want = ""
			}
			if o.GetNamespace() != want {
				t.Errorf("%q: %s %s is in namespace %q", word, o.GetKind(), o.GetName(), o.GetNamespace())
			}
		}
		one[corev1.ServiceAccount](t, rendered, "ServiceAccount/"+word)
		for _, o := range slices.Concat(find(rendered, "RoleBinding"), find(rendered, "ClusterRoleBinding")) {
			subjects := as[rbacv1.RoleBinding](t, o).Subjects
			if !slices.Equal(subjects, []rbacv1.Subject{{Kind: "ServiceAccount", Name: word, Namespace: word}}) {
				t.Errorf("%q: %s %s binds %v", word, o.GetKind(), o.GetName(), subjects)
			}
		}
		deployment := one[appsv1.Deployment](t, rendered, "Deployment").Spec
		pod := deployment.Template.Spec
		if pod.ServiceAccountName != word || pod.PriorityClassName != word || deployment.Selector.MatchLabels["app.kubernetes.io/name"] != word {
			t.Errorf("%q: %+v", word, deployment)
		}
	}
}

// The operator's permissions are those that are generated from its code, where it watches, and nowhere else.
func TestPermissions(t *testing.T) {
	made := one[rbacv1.ClusterRole](t, objects(t, read(t, root+"config/rbac/role.yaml")), "ClusterRole").Rules
	for text, namespaces := range map[string][]string{
		"": {""}, "rbac: {namespaced: true}": {system}, "watchNamespaces: [team-a, team-b]": {"team-a", "team-b"},
		"{rbac: {namespaced: true}, watchNamespaces: [team-a]}": {"team-a"},
	} {
		rendered := render(t, text)
		roles := slices.Concat(find(rendered, "Role/manager-role"), find(rendered, "ClusterRole/manager-role"))
		bindings := slices.Concat(find(rendered, "RoleBinding/manager-rolebinding"), find(rendered, "ClusterRoleBinding/manager-rolebinding"))
		if len(roles) != len(namespaces) || len(bindings) != len(namespaces) {
			t.Fatalf("%q: %d roles, %d bindings", text, len(roles), len(bindings))
		}
		for i, namespace := range namespaces {
			role, binding := as[rbacv1.Role](t, roles[i]), as[rbacv1.RoleBinding](t, bindings[i])
			if role.Namespace != namespace || binding.Namespace != namespace || (namespace == "") != (role.Kind == "ClusterRole") {
				t.Errorf("%q: %s in %q, %s in %q", text, role.Kind, role.Namespace, binding.Kind, binding.Namespace)
			}
			if binding.RoleRef.Kind != role.Kind || binding.RoleRef.Name != role.Name || binding.Kind != role.Kind+"Binding" {
				t.Errorf("%q: %s %s binds %v", text, binding.Kind, binding.Name, binding.RoleRef)
			}
			subject := rbacv1.Subject{Kind: "ServiceAccount", Name: name + "-controller-manager", Namespace: system}
			if !slices.Equal(binding.Subjects, []rbacv1.Subject{subject}) {
				t.Errorf("%q: %v", text, binding.Subjects)
			}
			if diff := cmp.Diff(made, role.Rules); diff != "" {
				t.Errorf("%q: %s", text, diff)
			}
		}
	}
}

func TestSecretNames(t *testing.T) {
	for _, text := range []string{"rbac: {secretNames: [one, two]}", "rbac: {secretNames: [one, two], namespaced: true}"} {
		rendered := render(t, text)
		named := 0
		for _, o := range slices.Concat(find(rendered, "ClusterRole"), find(rendered, "Role")) {
			for _, rule := range as[rbacv1.ClusterRole](t, o).Rules {
				if slices.Contains(rule.Resources, "secrets") {
					named++
					if diff := cmp.Diff(rbacv1.PolicyRule{APIGroups: []string{""}, Resources: []string{"secrets"}, ResourceNames: []string{"one", "two"}, Verbs: []string{"get"}}, rule); diff != "" {
						t.Errorf("%s: %s", text, diff)
					}
				} else if len(rule.ResourceNames) > 0 && !slices.Contains(rule.Resources, "leases") && !slices.Contains(rule.Resources, "configmaps") {
					t.Errorf("%s: %v", text, rule)
				}
			}
		}
		if named != 1 {
			t.Errorf("%s: %d rules about Secrets", text, named)
		}
	}
}

// A team's own operator asks for nothing of the cluster's.
func TestNothingOfTheCluster(t *testing.T) {
	for _, o := range render(t, "{crd: {enabled: false}, rbac: {namespaced: true, helpers: {enabled: false}}, metrics: {secure: false}, networkPolicy: {enabled: true}}") {
		if o.GetNamespace() != system {
			t.Errorf("%s %s is in namespace %q", o.GetKind(), o.GetName(), o.GetNamespace())
		}
	}
}

func TestKeep(t *testing.T) {
	for text, policy := range map[string]string{"": "keep", "crd: {keep: true}": "keep", "crd: {keep: false}": ""} {
		for _, o := range render(t, text) {
			want := ""
			if o.GetKind() == "CustomResourceDefinition" {
				want = policy
			}
			if got := o.GetAnnotations()["helm.sh/resource-policy"]; got != want {
				t.Errorf("%q: %s %s has resource policy %q", text, o.GetKind(), o.GetName(), got)
			}
		}
	}
	if found := find(render(t, "crd: {enabled: false}"), "CustomResourceDefinition"); len(found) != 0 {
		t.Error("crd.enabled is false, and the CRD is there")
	}
}

// Without the operator there is what others need to install one: the CRD and the roles for people.
func TestWithoutOperator(t *testing.T) {
	rendered := render(t, "{manager: {enabled: false}, networkPolicy: {enabled: true}, podDisruptionBudget: {enabled: true}}")
	if len(rendered) != 4 || len(find(rendered, "ClusterRole/-role")) != 3 || len(find(rendered, "CustomResourceDefinition")) != 1 {
		t.Errorf("%d objects", len(rendered))
	}
}

// What selects the operator's pods selects them, and names the port that they have.
func TestOptionalObjects(t *testing.T) {
	rendered := render(t, everyPart)
	pod := one[appsv1.Deployment](t, rendered, "Deployment").Spec.Template
	policy := one[networkingv1.NetworkPolicy](t, rendered, "NetworkPolicy")
	budget := one[policyv1.PodDisruptionBudget](t, rendered, "PodDisruptionBudget")
	service := one[corev1.Service](t, rendered, "Service")
	for what, selector := range map[string]map[string]string{
		"NetworkPolicy": policy.Spec.PodSelector.MatchLabels, "PodDisruptionBudget": budget.Spec.Selector.MatchLabels, "Service": service.Spec.Selector,
	} {
		if diff := cmp.Diff(pod.Labels, selector); diff != "" {
			t.Errorf("%s: %s", what, diff)
		}
	}
	if port := policy.Spec.Ingress[0].Ports[0].Port.IntVal; port != pod.Spec.Containers[0].Ports[0].ContainerPort {
		t.Errorf("the NetworkPolicy lets port %d through", port)
	}
	monitor := one[monitoringv1.ServiceMonitor](t, rendered, "ServiceMonitor")
	if monitor.Spec.Endpoints[0].Port != service.Spec.Ports[0].Name {
		t.Errorf("the ServiceMonitor scrapes port %s", monitor.Spec.Endpoints[0].Port)
	}
	for key, value := range monitor.Spec.Selector.MatchLabels {
		if service.Labels[key] != value {
			t.Errorf("the ServiceMonitor does not select the Service: %s", key)
		}
	}
	if budget.Spec.MaxUnavailable.IntVal != 1 || budget.Spec.MinAvailable != nil || *budget.Spec.UnhealthyPodEvictionPolicy != policyv1.AlwaysAllow {
		t.Errorf("%+v", budget.Spec)
	}
	dashboard := one[corev1.ConfigMap](t, rendered, "ConfigMap")
	if dashboard.Data[name+".json"] != read(t, root+"config/prometheus/dashboard.json") || dashboard.Labels["grafana_dashboard"] != "1" {
		t.Error("the dashboard is not what config/prometheus has")
	}
	plain := one[monitoringv1.ServiceMonitor](t, render(t, "{prometheus: {enabled: true, interval: 30s, labels: {release: prometheus}}, metrics: {secure: false}}"), "ServiceMonitor")
	if endpoint := plain.Spec.Endpoints[0]; endpoint.Port != "http" || endpoint.TLSConfig != nil || endpoint.Interval != "30s" || plain.Labels["release"] != "prometheus" {
		t.Errorf("%+v, labels %v", endpoint, plain.Labels)
	}
	token := one[monitoringv1.ServiceMonitor](t, render(t, "prometheus: {enabled: true, authorization: {secret: scrape}}"), "ServiceMonitor").Spec.Endpoints[0]
	//nolint:staticcheck // what must not be there is deprecated
	if token.Authorization == nil || token.Authorization.Type != "Bearer" || token.Authorization.Credentials.Name != "scrape" || token.Authorization.Credentials.Key != "token" || token.BearerTokenFile != "" {
		t.Errorf("%+v", token)
	}
	if monitor.Spec.Endpoints[0].Authorization != nil || monitor.Spec.Endpoints[0].BearerTokenFile == "" { //nolint:staticcheck // as the installation without OpenShift has it
		t.Errorf("%+v", monitor.Spec.Endpoints[0])
	}
	share := one[policyv1.PodDisruptionBudget](t, render(t, "podDisruptionBudget: {enabled: true, minAvailable: 50%}"), "PodDisruptionBudget")
	if share.Spec.MinAvailable.StrVal != "50%" || share.Spec.MaxUnavailable != nil {
		t.Errorf("%+v", share.Spec)
	}
}

// Operators that elect no leader work against each other: an upgrade ends the old one before it starts the new one. What somebody says of it goes first.
func TestNoTwoWithoutLeaderElection(t *testing.T) {
	for text, want := range map[string]appsv1.DeploymentStrategyType{
		"":                                 appsv1.RollingUpdateDeploymentStrategyType,
		"leaderElection: {enabled: false}": appsv1.RecreateDeploymentStrategyType,
		"{leaderElection: {enabled: false}, manager: {strategy: {type: RollingUpdate, rollingUpdate: {maxSurge: 0}}}}": appsv1.RollingUpdateDeploymentStrategyType,
	} {
		if got := one[appsv1.Deployment](t, render(t, text), "Deployment").Spec.Strategy.Type; got != want {
			t.Errorf("%q: strategy %q, not %q", text, got, want)
		}
	}
}

func TestPod(t *testing.T) {
	pod := one[appsv1.Deployment](t, render(t, choices[3][1]), "Deployment").Spec.Template.Spec
	container := pod.Containers[0]
	env := []corev1.EnvVar{{Name: "HTTPS_PROXY", Value: "http://proxy:3128"}, {Name: "NO_PROXY", Value: ".svc"}}
	if diff := cmp.Diff(env, container.Env); diff != "" {
		t.Error(diff)
	}
	if !strings.HasPrefix(container.Image, "registry.example.com/operator@sha256:") || strings.HasSuffix(container.Image, ":latest") {
		t.Error(container.Image)
	}
	if pod.ImagePullSecrets[0].Name != "pull" || pod.Tolerations[0].Operator != "Exists" || pod.Affinity.PodAntiAffinity == nil || pod.NodeSelector["kubernetes.io/os"] != "linux" {
		t.Errorf("%+v", pod)
	}
	if spread := pod.TopologySpreadConstraints[0]; spread.LabelSelector.MatchLabels["control-plane"] != "controller-manager" {
		t.Errorf("%+v", spread)
	}
	own := one[appsv1.Deployment](t, render(t, `manager: {topologySpreadConstraints: [{maxSkew: 1, topologyKey: a, whenUnsatisfiable: DoNotSchedule, labelSelector: {matchLabels: {a: b}}}]}`), "Deployment")
	if diff := cmp.Diff(map[string]string{"a": "b"}, own.Spec.Template.Spec.TopologySpreadConstraints[0].LabelSelector.MatchLabels); diff != "" {
		t.Error(diff)
	}
}

// A digest stands for the image, wherever it is written.
func TestImage(t *testing.T) {
	for text, want := range map[string]string{
		"":                                   "ghcr.io/fota-callback-operator/fota-callback-operator:latest",
		"{tag: v1.2.3}":                      "ghcr.io/fota-callback-operator/fota-callback-operator:v1.2.3",
		"{tag: v1.2.3@" + digest + "}":       "ghcr.io/fota-callback-operator/fota-callback-operator:v1.2.3@" + digest,
		"{tag: '@" + digest + "'}":           "ghcr.io/fota-callback-operator/fota-callback-operator@" + digest,
		"{repository: 'r:5000/a', tag: '1'}": "r:5000/a:1",
		"{repository: 'r:5000/a@" + digest + "', tag: '1'}": "r:5000/a@" + digest,
	} {
		values := ""
		if text != "" {
			values = "manager: {image: " + text + "}"
		}
		if got := one[appsv1.Deployment](t, render(t, values), "Deployment").Spec.Template.Spec.Containers[0].Image; got != want {
			t.Errorf("%s: %s", text, got)
		}
	}
}

// As a part of another chart this one may have an alias, which may hold capital letters and underscores, and there may be several of it.
func TestNamesOfAliases(t *testing.T) {
	owner := map[string]string{}
	for _, alias := range []string{"opA", "opa", "op_a", "op-a", "OP", "4711", "-x-", "_", strings.Repeat("Long_", 14)} {
		part := load(t)
		part.Metadata.Name = alias // which is what Helm makes of an alias
		for _, releaseName := range []string{"umbrella", "1st"} {
			made, err := tryChart(t, part, releaseName, system, values(t, everyPart))
			if err != nil {
				t.Errorf("%s: %v", alias, err)
				continue
			}
			for _, o := range objects(t, made.Manifest) {
				if o.GetKind() == "CustomResourceDefinition" {
					continue
				}
				if problems := validation.IsDNS1035Label(o.GetName()); len(problems) > 0 {
					t.Errorf("%s: %s %q: %v", alias, o.GetKind(), o.GetName(), problems)
				}
				if key := o.GetKind() + " " + o.GetName(); owner[key] != "" {
					t.Errorf("%s is of aliases %s and %s", key, owner[key], alias)
				} else {
					owner[key] = alias
				}
				for key, value := range o.GetLabels() {
					if problems := validation.IsValidLabelValue(value); len(problems) > 0 {
						t.Errorf("%s: %s %s: label %s=%s: %v", alias, o.GetKind(), o.GetName(), key, value, problems)
					}
				}
			}
		}
	}
}

func TestExtraObjects(t *testing.T) {
	rendered := render(t, `
commonLabels: {cost: "7", app.kubernetes.io/name: other}
extraObjects:
  - {apiVersion: v1, kind: ConfigMap, metadata: {name: "{{ .Release.Name }}-one"}}
  - |
    apiVersion: v1
    kind: ConfigMap
    metadata: {name: two}
`)
	if maps := find(rendered, "ConfigMap"); len(maps) != 2 || maps[0].GetName() != name+"-one" || maps[1].GetName() != "two" {
		t.Errorf("%v", maps)
	}
	for _, o := range rendered {
		if o.GetKind() != "ConfigMap" && (o.GetLabels()["cost"] != "7" || o.GetLabels()["app.kubernetes.io/name"] != name) {
			t.Errorf("%s %s: labels %v", o.GetKind(), o.GetName(), o.GetLabels())
		}
	}
}

// The next step, for the values that were given, and the truth about an uninstall.
func TestNotes(t *testing.T) {
	for text, wants := range map[string][]string{
		"": {
			"watches all namespaces", "kubectl create namespace iot\n", "kubectl create secret generic thingspace-credentials --namespace iot", "--from-env-file=./credentials", "kind: FotaCallback",
			"It leaves the CRD, every FotaCallback and every registration",
		},
		"rbac: {namespaced: true, secretNames: [mine]}": {"watches namespace " + system, "generic mine --namespace " + system, "no other Secret than mine", "{name: mine}"},
		"watchNamespaces: [team-a, team-b]":             {"watches namespace team-a, team-b", "--namespace team-a", "namespace: team-a"},
		"crd: {keep: false}":                            {"DELETES THE CRD"},
		"crd: {enabled: false}":                         {"not this release's"},
		"manager: {enabled: false}":                     {"was not installed"},
		"leaderElection: {namespace: leases}":           {"WARNING: its Lease is in namespace leases (leaderElection.namespace). Of all operators"},
	} {
		made, err := try(t, name, system, values(t, text))
		if err != nil {
			t.Fatal(err)
		}
		for _, want := range wants {
			if !strings.Contains(made.Info.Notes, want) {
				t.Errorf("%q: no %q in\n%s", text, want, made.Info.Notes)
			}
		}
		if strings.Contains(made.Info.Notes, "WARNING") != strings.Contains(text, "leases") {
			t.Errorf("%q:\n%s", text, made.Info.Notes)
		}
	}
}

func read(t *testing.T, path string) string {
	t.Helper()
	text, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}
