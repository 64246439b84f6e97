//go:build e2e

package e2e_test

import (
	"encoding/json"
	"net"
	"os"
	"path/filepath"
	"strings"

	. "github.com/onsi/ginkgo/v2"
	. "github.com/onsi/gomega"
	corev1 "k8s.io/api/core/v1"
	"sigs.k8s.io/controller-runtime/pkg/client"
)

// thingspaceURL is where the pods find the simulator.
var thingspaceURL string

// thingspace is the namespace of the simulator that all specs share, but for the one that plays a new user and has its own.
const thingspace = "e2e-thingspace"

// writeSimulator writes config/simulator with the image that is here, in a namespace, and returns the folder: its path from the repository's.
func writeSimulator(namespace string) string {
	GinkgoHelper()
	folder := "bin/e2e-simulator/" + namespace
	name, tag := nameAndTag(simulatorImage)
	text := "resources: [../../../config/simulator]\nnamespace: " + namespace +
		"\nimages: [{name: ghcr.io/fota-callback-operator/thingspace-simulator, newName: " + name + ", newTag: " + tag + "}]\n"
	Expect(os.MkdirAll(filepath.Join(root, folder), 0o750)).To(Succeed())
	Expect(os.WriteFile(filepath.Join(root, folder, "kustomization.yaml"), []byte(text), 0o600)).To(Succeed())
	return folder
}

// podURL waits for the simulator of a namespace, and returns its URL by its pod's address: a cluster needs neither DNS nor Services for these tests.
func podURL(ctx SpecContext, namespace string) string {
	GinkgoHelper()
	kubectl("rollout", "status", "-n", namespace, "deployment/thingspace-simulator", "--timeout=3m")
	var pods corev1.PodList
	Expect(cluster.List(ctx, &pods, client.InNamespace(namespace), client.MatchingLabels{"app.kubernetes.io/name": "thingspace-simulator"})).To(Succeed())
	Expect(pods.Items).To(HaveLen(1))
	return "http://" + net.JoinHostPort(pods.Items[0].Status.PodIP, "8480") + "/api"
}

// admin is the path of a simulator's administration, by way of the API server, which finds a Service's pods without a network of Services.
func admin(namespace string) string {
	return "/api/v1/namespaces/" + namespace + "/services/thingspace-simulator:8480/proxy/simulator/"
}

// registrations are what the simulator holds, by account.
func registrations(g Gomega) map[string]string { return registrationsIn(g, thingspace) }

func registrationsIn(g Gomega, namespace string) map[string]string {
	var all map[string]string
	g.Expect(json.Unmarshal([]byte(run(g, "", "kubectl", "get", "--raw", admin(namespace)+"registrations")), &all)).To(Succeed())
	return all
}

// somebodyElse registers a URL by hand.
func somebodyElse(account, url string) {
	run(Default, `{"url":"`+url+`"}`, "kubectl", "replace", "--raw", admin(thingspace)+"registrations/"+account, "-f", "-")
}

// calls counts what the operator asked for, by operation, for the accounts that begin so; where nothing is said of accounts, for all.
func calls(g Gomega, accounts string) map[string]int {
	var requests []struct {
		Operation string `json:"operation"`
		Account   string `json:"account"`
	}
	g.Expect(json.Unmarshal([]byte(run(g, "", "kubectl", "get", "--raw", admin(thingspace)+"requests")), &requests)).To(Succeed())
	counted := map[string]int{}
	for _, request := range requests {
		if strings.HasPrefix(request.Account, accounts) {
			counted[request.Operation]++
		}
	}
	return counted
}

// changes are the calls that change something.
func changes(accounts string) int {
	counted := calls(Default, accounts)
	return counted["register"] + counted["update"] + counted["deregister"]
}
