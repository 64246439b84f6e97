//go:build e2e

package e2e_test

import (
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	. "github.com/onsi/ginkgo/v2"
	. "github.com/onsi/gomega"
	apiextensionsv1 "k8s.io/apiextensions-apiserver/pkg/apis/apiextensions/v1"
	"k8s.io/apimachinery/pkg/runtime"
	clientgoscheme "k8s.io/client-go/kubernetes/scheme"
	ctrl "sigs.k8s.io/controller-runtime"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/fota-callback-operator/fota-callback-operator/api/v1alpha1"
)

const (
	root = "../.."

	// system is where the operator is installed.
	system     = "fota-callback-operator-system"
	deployment = "fota-callback-operator-controller-manager"
	crdName    = "fotacallbacks.fotacallback.dev"

	// A pod may have to be scheduled, started and found ready, on a machine with little to spare.
	soon   = 3 * time.Minute
	second = time.Second
)

// The images, which the cluster has or can pull: an older and a newer operator, and the simulator.
var (
	image          = setting("IMG", "fota-callback-operator:e2e")
	nextImage      = setting("NEXT_IMG", "fota-callback-operator:e2e-next")
	simulatorImage = setting("SIMULATOR_IMG", "thingspace-simulator:e2e")
)

// cluster is a user's client.
var cluster client.Client

func setting(name, otherwise string) string {
	if value := os.Getenv(name); value != "" {
		return value
	}
	return otherwise
}

// nameAndTag splits an image. A registry's name may have a colon of its own, before its port.
func nameAndTag(image string) (name, tag string) {
	colon := strings.LastIndex(image, ":")
	return image[:colon], image[colon+1:]
}

func TestEndToEnd(t *testing.T) {
	RegisterFailHandler(Fail)
	SetDefaultEventuallyTimeout(soon)
	SetDefaultEventuallyPollingInterval(second)
	RunSpecs(t, "End to end")
}

var _ = BeforeSuite(func(ctx SpecContext) {
	scheme := runtime.NewScheme()
	Expect(clientgoscheme.AddToScheme(scheme)).To(Succeed())
	Expect(apiextensionsv1.AddToScheme(scheme)).To(Succeed())
	Expect(v1alpha1.AddToScheme(scheme)).To(Succeed())
	config, err := ctrl.GetConfig()
	Expect(err).NotTo(HaveOccurred())
	cluster, err = client.New(config, client.Options{Scheme: scheme})
	Expect(err).NotTo(HaveOccurred())

	folder := filepath.Join(root, writeSimulator(thingspace))
	kubectl("apply", "-k", folder)
	DeferCleanup(func() { kubectl("delete", "--wait=false", "-k", folder) })
	thingspaceURL = podURL(ctx, thingspace)
})

// What the cluster knows, where a spec fails.
var _ = JustAfterEach(func(ctx SpecContext) {
	if !CurrentSpecReport().Failed() {
		return
	}
	for _, question := range []string{
		"get pods -A -o wide", "get events -n " + system, "describe fotacallbacks -A", "describe pods -n " + system,
		"logs -n " + system + " deployment/" + deployment + " --all-pods --prefix --tail=60",
	} {
		output, _ := exec.CommandContext(ctx, "kubectl", strings.Fields(question)...).CombinedOutput()
		GinkgoWriter.Printf("kubectl %s\n%s\n", question, output)
	}
})

// kubectl is what users type.
func kubectl(args ...string) string {
	GinkgoHelper()
	return run(Default, "", "kubectl", args...)
}

// run runs a program to its end, and expects it to do well.
func run(g Gomega, input, program string, args ...string) string {
	GinkgoHelper()
	command := exec.Command(program, args...) //nolint:noctx // each ends by itself, with a time limit of its own
	command.Stdin = strings.NewReader(input)
	var complaints strings.Builder
	command.Stderr = &complaints
	output, err := command.Output()
	g.Expect(err).NotTo(HaveOccurred(), "%s %v: %s%s", program, args, output, &complaints)
	return string(output)
}
