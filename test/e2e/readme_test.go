//go:build e2e

package e2e_test

import (
	"os"
	"path/filepath"
	"strings"

	. "github.com/onsi/ginkgo/v2"
	. "github.com/onsi/gomega"
	corev1 "k8s.io/api/core/v1"
	apiextensionsv1 "k8s.io/apiextensions-apiserver/pkg/apis/apiextensions/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/fota-callback-operator/fota-callback-operator/test/document"
)

// A new user, who has the README and nothing else. Its commands are run as they stand there, but for the images, which are those of this test, and, where
// the cluster has no DNS, the simulator's URL.
var _ = Describe("installed as the README says", Ordered, func() {
	const (
		folder    = "config/simulator"
		namespace = "thingspace" // as config/simulator has it
		url       = "http://thingspace-simulator.thingspace.svc:8480/api"
	)
	var install, remove []string
	removed := false

	as := func(ctx SpecContext, command string) string {
		GinkgoHelper()
		command = strings.Replace(command, "-k "+folder, "-k "+writeSimulator(namespace), 1)
		if strings.HasPrefix(command, "helm install ") {
			repository, tag := nameAndTag(image)
			command += " --set manager.image.repository=" + repository + ",manager.image.tag=" + tag
			Expect(command).To(ContainSubstring(url))
			if !hasDNS(ctx) {
				command = strings.Replace(command, url, podURL(ctx, namespace), 1)
			}
		}
		return "cd " + root + "\n" + command + "\n"
	}

	BeforeAll(func() {
		blocks, err := document.Shell(root+"/README.md", "Try it in a cluster")
		Expect(err).NotTo(HaveOccurred())
		Expect(blocks).To(HaveLen(2), "how to get it, and how to be rid of it")
		install, remove = document.Commands(blocks[0]), document.Commands(blocks[1])
		path := os.Getenv("PATH")
		Expect(os.Setenv("PATH", filepath.Dir(setting("HELM", "helm"))+string(os.PathListSeparator)+path)).To(Succeed())
		DeferCleanup(os.Setenv, "PATH", path)
	})
	AfterAll(func(ctx SpecContext) {
		if removed {
			return
		}
		for _, command := range remove { // what a failure left; each for itself
			run(Default, "", "bash", "-c", as(ctx, command)+"true")
		}
	})

	It("has Ready FotaCallbacks after five commands", func(ctx SpecContext) {
		Expect(len(install)).To(BeNumerically("<=", 5))
		for _, command := range install {
			By(command)
			run(Default, "", "bash", "-ec", as(ctx, command))
		}
		east := fleet{"iot", "fleet-east", "0000123456-00001"}
		Expect(registrationsIn(Default, namespace)).To(HaveKeyWithValue(east.account, east.get(ctx, Default).Spec.URL))
		runs(ctx, image, 1)
	})

	It("is gone after those that take it away", func(ctx SpecContext) {
		for _, command := range remove {
			By(command)
			run(Default, "", "bash", "-ec", as(ctx, command))
		}
		removed = true
		for _, name := range []string{"iot", system, namespace} {
			Expect(apierrors.IsNotFound(cluster.Get(ctx, client.ObjectKey{Name: name}, &corev1.Namespace{}))).To(BeTrue(), name)
		}
		Expect(apierrors.IsNotFound(cluster.Get(ctx, client.ObjectKey{Name: crdName}, &apiextensionsv1.CustomResourceDefinition{}))).To(BeTrue())
	})
})

// hasDNS says whether pods find Services by their names.
func hasDNS(ctx SpecContext) bool {
	GinkgoHelper()
	var services corev1.ServiceList
	Expect(cluster.List(ctx, &services, client.InNamespace("kube-system"), client.MatchingLabels{"k8s-app": "kube-dns"})).To(Succeed())
	return len(services.Items) > 0
}
