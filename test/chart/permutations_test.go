package chart_test

import (
	"maps"
	"strings"
	"testing"

	appsv1 "k8s.io/api/apps/v1"
	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/util/validation"
	"k8s.io/pod-security-admission/api"
	"k8s.io/pod-security-admission/policy"
)

// choices are values that have to do with each other or with the pod, one list for each matter; "" is the default.
var choices = [][]string{
	{"", "metrics: {secure: false}", "metrics: {enabled: false}", "metrics: {port: 9443}\nprometheus: {rules: {enabled: true, labels: {release: prometheus}}}"},
	{"", "thingspace: {ca: {configMap: roots}}", "thingspace: {ca: {secret: roots, key: bundle.pem}, url: https://thingspace.example.com/api}"},
	{"", "rbac: {namespaced: true, secretNames: [one, two]}", "watchNamespaces: [team-a, team-b]"},
	{"", `manager:
  replicas: 2
  image: {repository: "registry.example.com/operator@sha256:` + strings.Repeat("0", 64) + `", pullPolicy: Always}
  imagePullSecrets: [{name: pull}]
  args: [--kubeconfig=/etc/kubeconfig]
  env: [{name: HTTPS_PROXY, value: "http://proxy:3128"}, {name: NO_PROXY, value: a}]
  envOverrides: {NO_PROXY: .svc}
  priorityClassName: system-cluster-critical
  nodeSelector: {kubernetes.io/os: linux}
  affinity: {podAntiAffinity: {preferredDuringSchedulingIgnoredDuringExecution: []}}
  tolerations: [{key: node-role.kubernetes.io/control-plane, operator: Exists, effect: NoSchedule}]
  topologySpreadConstraints: [{maxSkew: 1, topologyKey: topology.kubernetes.io/zone, whenUnsatisfiable: ScheduleAnyway}]
  strategy: {type: RollingUpdate, rollingUpdate: {maxSurge: 1}}
  healthProbe: {port: 9081}
  labels: {team: iot}
  annotations: {note: deployment}
  pod: {labels: {team: iot}, annotations: {note: pod}}
  extraVolumes: [{name: scratch, emptyDir: {}}]
  extraVolumeMounts: [{name: scratch, mountPath: /scratch}]`},
	{"", "serviceAccount: {enabled: false, name: theirs}", "serviceAccount: {name: mine, annotations: {role: reader}, labels: {team: iot}}"},
	{"", `podDisruptionBudget: {enabled: true}
networkPolicy: {enabled: true, from: [{podSelector: {}}]}
grafanaDashboard: {enabled: true, annotations: {grafana_folder: IoT}}
commonLabels: {cost: "7"}
commonAnnotations: {note: common}
extraObjects: [{apiVersion: v1, kind: ConfigMap, metadata: {name: extra}}]`},
}

// permutations calls with every combination of choices.
func permutations(t *testing.T, call func(text string, values map[string]any)) int {
	t.Helper()
	texts := []string{""}
	for _, options := range choices {
		var longer []string
		for _, text := range texts {
			for _, option := range options {
				longer = append(longer, text+option+"\n")
			}
		}
		texts = longer
	}
	for _, text := range texts {
		call(text, values(t, text))
	}
	return len(texts)
}

// Whatever is chosen: the pod is admitted where Pod Security is restricted, in the oldest version that the chart is for and in the newest; every object is
// what its type allows; every name is there once and fits; what the pod refers to is there.
func TestPermutations(t *testing.T) {
	evaluator, err := policy.NewEvaluator(policy.DefaultChecks(), nil)
	if err != nil {
		t.Fatal(err)
	}
	tried := permutations(t, func(text string, values map[string]any) {
		made, err := try(t, name, system, values)
		if err != nil {
			t.Fatalf("%v with\n%s", err, text)
		}
		all := objects(t, made.Manifest)
		byKey(t, all)
		for _, o := range all {
			strict(t, o)
			if o.GetKind() != "CustomResourceDefinition" && len(validation.IsDNS1123Label(o.GetName())) > 0 {
				t.Errorf("%s %q is no name, with\n%s", o.GetKind(), o.GetName(), text)
			}
		}
		deployment := one[appsv1.Deployment](t, all, "Deployment")
		pod := deployment.Spec.Template
		if forbidden := restricted(evaluator, pod); forbidden != "" {
			t.Errorf("%s, with\n%s", forbidden, text)
		}
		for key, value := range deployment.Spec.Selector.MatchLabels {
			if pod.Labels[key] != value {
				t.Errorf("the Deployment does not select its pods: %s, with\n%s", key, text)
			}
		}
		account := pod.Spec.ServiceAccountName
		if accounts := find(all, "ServiceAccount"); account != "theirs" && (len(accounts) != 1 || accounts[0].GetName() != account) {
			t.Errorf("the pod's ServiceAccount %q is not there, with\n%s", account, text)
		}
		volumes := map[string]bool{}
		for _, volume := range pod.Spec.Volumes {
			volumes[volume.Name] = true
		}
		mounted := map[string]bool{}
		for _, mount := range pod.Spec.Containers[0].VolumeMounts {
			mounted[mount.Name] = true
		}
		if !maps.Equal(volumes, mounted) {
			t.Errorf("volumes %v, mounts %v, with\n%s", volumes, mounted, text)
		}
		for _, o := range find(all, "Service") {
			if as[corev1.Service](t, o).Spec.Ports[0].TargetPort.StrVal != pod.Spec.Containers[0].Ports[0].Name {
				t.Errorf("the Service has no port of the pod, with\n%s", text)
			}
		}
	})
	t.Logf("%d permutations", tried)
	if tried < 64 {
		t.Errorf("only %d permutations", tried)
	}
}

func restricted(evaluator policy.Evaluator, pod corev1.PodTemplateSpec) string {
	for _, version := range []api.Version{api.MajorMinorVersion(1, 31), api.LatestVersion()} {
		results := evaluator.EvaluatePod(api.LevelVersion{Level: api.LevelRestricted, Version: version}, &pod.ObjectMeta, &pod.Spec)
		if all := policy.AggregateCheckResults(results); !all.Allowed {
			return all.ForbiddenReason() + ": " + all.ForbiddenDetail()
		}
	}
	return ""
}

// The evaluation can say no.
func TestRestrictedIsEvaluated(t *testing.T) {
	evaluator, err := policy.NewEvaluator(policy.DefaultChecks(), nil)
	if err != nil {
		t.Fatal(err)
	}
	for _, text := range []string{
		"manager: {securityContext: {allowPrivilegeEscalation: true}}",
		"manager: {securityContext: {capabilities: {drop: []}}}",
		"manager: {podSecurityContext: {runAsNonRoot: false}}",
		"manager: {podSecurityContext: {seccompProfile: {type: Unconfined}}}",
		"manager: {extraVolumes: [{name: host, hostPath: {path: /}}]}",
	} {
		pod := one[appsv1.Deployment](t, render(t, text), "Deployment").Spec.Template
		if restricted(evaluator, pod) == "" {
			t.Errorf("admitted: %s", text)
		}
	}
}
