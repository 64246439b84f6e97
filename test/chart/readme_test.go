package chart_test

import (
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/fota-callback-operator/fota-callback-operator/api/v1alpha1"
	"github.com/fota-callback-operator/fota-callback-operator/internal/simulator"
	"github.com/fota-callback-operator/fota-callback-operator/test/document"
	"github.com/google/go-cmp/cmp"
	"helm.sh/helm/v4/pkg/strvals"
	appsv1 "k8s.io/api/apps/v1"
	corev1 "k8s.io/api/core/v1"
	"k8s.io/pod-security-admission/policy"
)

// What config/simulator deploys is what its namespace admits, and what its Service leads to.
func TestSimulator(t *testing.T) {
	all := kustomize(t, root+"config/simulator")
	for _, o := range all {
		strict(t, o)
	}
	evaluator, err := policy.NewEvaluator(policy.DefaultChecks(), nil)
	if err != nil {
		t.Fatal(err)
	}
	deployment, service := one[appsv1.Deployment](t, all, "Deployment"), one[corev1.Service](t, all, "Service")
	pod := deployment.Spec.Template
	if forbidden := restricted(evaluator, pod); forbidden != "" {
		t.Error(forbidden)
	}
	if level := one[corev1.Namespace](t, all, "Namespace").Labels["pod-security.kubernetes.io/enforce"]; level != "restricted" {
		t.Errorf("Pod Security is %q", level)
	}
	if diff := cmp.Diff(pod.Labels, service.Spec.Selector); diff != "" {
		t.Errorf("the Service does not select the pod: %s", diff)
	}
	port := pod.Spec.Containers[0].Ports[0]
	if service.Spec.Ports[0].TargetPort.StrVal != port.Name || !cmp.Equal(pod.Spec.Containers[0].Args, []string{fmt.Sprintf("--listen=:%d", port.ContainerPort)}) {
		t.Errorf("the Service leads to %v, the simulator has %v and %v", service.Spec.Ports[0], port, pod.Spec.Containers[0].Args)
	}
}

// Five commands of the README bring a Ready FotaCallback: its namespace, its values, the simulator's URL and the samples' credentials fit each other. That
// they do is seen on a real cluster, where test/e2e runs them.
func TestReadmeCommands(t *testing.T) {
	blocks, err := document.Shell(root+"README.md", "Try it in a cluster")
	if err != nil {
		t.Fatal(err)
	}
	commands := document.Commands(blocks[0])
	if len(commands) > 5 {
		t.Errorf("%d commands", len(commands))
	}
	given := map[string]any{}
	for _, command := range commands {
		words := strings.Fields(strings.ReplaceAll(command, "\\\n", " "))
		if len(words) < 4 || words[0] != "helm" {
			continue
		}
		if words[2] != name || root+words[3] != folder {
			t.Errorf("it installs %s of %s", words[2], words[3])
		}
		for i, word := range words[:len(words)-1] {
			if word == "--set" {
				if err := strvals.ParseInto(words[i+1], given); err != nil {
					t.Fatal(err)
				}
			}
		}
	}
	made, err := try(t, name, system, given)
	if err != nil {
		t.Fatal(err)
	}
	service := one[corev1.Service](t, kustomize(t, root+"config/simulator"), "Service")
	url := fmt.Sprintf("--thingspace-url=http://%s.%s.svc:%d/api", service.Name, service.Namespace, service.Spec.Ports[0].Port)
	arguments := one[appsv1.Deployment](t, objects(t, made.Manifest), "Deployment").Spec.Template.Spec.Containers[0].Args
	if !slices.Contains(arguments, url) || !slices.Contains(arguments, "--thingspace-allow-http=true") {
		t.Errorf("%v, without %s", arguments, url)
	}
	secret := one[corev1.Secret](t, kustomize(t, root+"config/samples"), "Secret")
	want := map[string]string{
		"client-id": simulator.DefaultClientID, "client-secret": simulator.DefaultClientSecret, "username": simulator.DefaultUsername, "password": simulator.DefaultPassword,
	}
	if diff := cmp.Diff(want, secret.StringData); diff != "" || secret.Name != v1alpha1.DefaultSecretName {
		t.Errorf("the samples' Secret %s does not open the simulator: %s", secret.Name, diff)
	}
}
