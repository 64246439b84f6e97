package recipes_test

import (
	"strings"
	"testing"
	"time"

	. "github.com/onsi/gomega"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/envtest"

	"github.com/fota-callback-operator/fota-callback-operator/api/v1alpha1"
	"github.com/fota-callback-operator/fota-callback-operator/test/document"
)

const uninstallPage = "docs/recipes/uninstall.md"

// In the page's order nothing hangs, and of the registrations becomes what was decided.
func TestUninstall(t *testing.T) {
	g := NewWithT(t)
	page, err := document.Shell(root+uninstallPage, "Uninstalling")
	g.Expect(err).NotTo(HaveOccurred())
	g.Expect(page).To(HaveLen(1))
	namespace(t, "leaving")
	namespace(t, "leaving-too")
	start(t)
	all := []*unstructured.Unstructured{leaving(t, "leaving"), leaving(t, "leaving-too")}

	shell(t, page[0])
	shell(t, quoted(t, "kubectl delete fotacallbacks -A --all"))
	for _, o := range all {
		gone(t, o)
		g.Expect(registered(t, o)).To(Equal(wish(o)), "kept")
	}

	all = []*unstructured.Unstructured{leaving(t, "leaving"), leaving(t, "leaving-too")}
	shell(t, quoted(t, "kubectl delete fotacallbacks -A --all"))
	for _, o := range all {
		gone(t, o)
		g.Expect(registered(t, o)).To(BeEmpty())
	}
	restoreCRD(t)
	shell(t, quoted(t, "kubectl delete crd fotacallbacks.fotacallback.dev"))
}

// In the wrong order, the CRD first and no operator, the objects hang until it is started again. Then each is deregistered, and the CRD goes.
func TestUninstallCRDFirst(t *testing.T) {
	g := NewWithT(t)
	namespace(t, "stuck")
	operator := start(t)
	o := leaving(t, "stuck")
	operator.Kill()
	restoreCRD(t)
	shell(t, quoted(t, "kubectl delete crd fotacallbacks.fotacallback.dev")+" --wait=false")
	g.Eventually(func() bool {
		live := o.DeepCopy()
		g.Expect(set.Client.Get(t.Context(), client.ObjectKeyFromObject(o), live)).To(Succeed(), "nobody took the finalizer off")
		return live.GetDeletionTimestamp() != nil
	}).WithTimeout(30 * time.Second).WithPolling(50 * time.Millisecond).Should(BeTrue())
	g.Expect(registered(t, o)).To(Equal(wish(o)))

	start(t)
	crd := &unstructured.Unstructured{}
	crd.SetAPIVersion("apiextensions.k8s.io/v1")
	crd.SetKind("CustomResourceDefinition")
	crd.SetName("fotacallbacks.fotacallback.dev")
	gone(t, crd)
	g.Expect(registered(t, o)).To(BeEmpty())
}

// leaving is a FotaCallback that is registered, with an account named after its namespace.
func leaving(t *testing.T, namespace string) *unstructured.Unstructured {
	t.Helper()
	o := sample(t, "config/samples/fotacallback.yaml", namespace)
	o.Object["spec"] = map[string]any{"account": namespace, "url": "https://fota.example.com/" + namespace}
	NewWithT(t).Expect(apply(t, o)).To(Succeed())
	become(t, o, v1alpha1.ReasonRegistered)
	return o
}

// quoted is a command that the page names within a sentence.
func quoted(t *testing.T, command string) string {
	t.Helper()
	if !strings.Contains(file(t, uninstallPage), "`"+command+"`") {
		t.Fatalf("%s no longer says %s", uninstallPage, command)
	}
	return command
}

// restoreCRD leaves the API server to other tests as it was.
func restoreCRD(t *testing.T) {
	t.Helper()
	t.Cleanup(func() {
		paths := []string{root + "config/crd/bases"}
		if _, err := envtest.InstallCRDs(set.Config, envtest.CRDInstallOptions{Paths: paths, ErrorIfPathMissing: true}); err != nil {
			t.Error(err)
		}
	})
}
