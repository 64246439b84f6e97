package recipes_test

import (
	"strings"
	"testing"
	"time"

	. "github.com/onsi/gomega"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/fota-callback-operator/fota-callback-operator/api/v1alpha1"
	"github.com/fota-callback-operator/fota-callback-operator/test/document"
)

// page returns the only block of commands under a heading, or all of them, for a namespace of the test's.
func page(t *testing.T, path, heading, namespace string) []string {
	t.Helper()
	blocks, err := document.Shell(root+path, heading)
	g := NewWithT(t)
	g.Expect(err).NotTo(HaveOccurred())
	g.Expect(blocks).NotTo(BeEmpty())
	for i := range blocks {
		blocks[i] = strings.ReplaceAll(blocks[i], "-n iot", "-n "+namespace)
	}
	return blocks
}

// The commands of the page suspend what they say, and nothing else, and resume it.
func TestSuspendPage(t *testing.T) {
	const recipe = "docs/recipes/suspend.md"
	namespace(t, "pausing")
	namespace(t, "pausing-too")
	start(t, "--watch-namespaces=pausing,pausing-too")
	named := func(namespace, name string) *unstructured.Unstructured {
		o := sample(t, "config/samples/fotacallback.yaml", namespace)
		o.SetName(name)
		o.Object["spec"] = map[string]any{"account": namespace + "-" + name, "url": "https://fota.example.com/" + name}
		NewWithT(t).Expect(apply(t, o)).To(Succeed())
		become(t, o, v1alpha1.ReasonRegistered)
		return o
	}
	east, west, other := named("pausing", "fleet-east"), named("pausing", "fleet-west"), named("pausing-too", "fleet-east")
	are := func(reason string, all ...*unstructured.Unstructured) {
		t.Helper()
		for _, o := range all {
			become(t, o, reason)
		}
	}
	one := page(t, recipe, "One object", "pausing")
	shell(t, one[0])
	are(v1alpha1.ReasonSuspended, east)
	are(v1alpha1.ReasonRegistered, west, other)
	shell(t, one[1])
	are(v1alpha1.ReasonRegistered, east)

	ofNamespace := page(t, recipe, "All of a namespace", "pausing")[0]
	shell(t, ofNamespace)
	are(v1alpha1.ReasonSuspended, east, west)
	are(v1alpha1.ReasonRegistered, other)
	ofCluster := page(t, recipe, "All of a cluster", "pausing")[0]
	shell(t, ofCluster)
	are(v1alpha1.ReasonSuspended, east, west, other)
	shell(t, strings.ReplaceAll(ofCluster, `"suspend":true`, `"suspend":false`))
	are(v1alpha1.ReasonRegistered, east, west, other)
	for _, o := range []*unstructured.Unstructured{east, west, other} {
		remove(t, o)
	}
}

// Scaling is what the page says it is: without an operator a deletion hangs, and with one again it ends by itself, deregistered.
func TestScalingToNothing(t *testing.T) {
	g := NewWithT(t)
	namespace(t, "scaled")
	namespace(t, "fota-callback-operator-system")
	deployment := &unstructured.Unstructured{Object: map[string]any{"apiVersion": "apps/v1", "kind": "Deployment",
		"metadata": map[string]any{"namespace": "fota-callback-operator-system", "name": "fota-callback-operator-controller-manager"},
		"spec": map[string]any{"replicas": int64(1), "selector": map[string]any{"matchLabels": map[string]any{"a": "b"}},
			"template": map[string]any{"metadata": map[string]any{"labels": map[string]any{"a": "b"}}, "spec": map[string]any{"containers": []any{map[string]any{"name": "manager", "image": "manager"}}}}}}}
	g.Expect(apply(t, deployment)).To(Succeed())
	t.Cleanup(func() { set.Client.Delete(t.Context(), deployment) }) //nolint:errcheck // of a test
	replicas := func() int64 {
		live := deployment.DeepCopy()
		g.Expect(set.Client.Get(t.Context(), client.ObjectKeyFromObject(live), live)).To(Succeed())
		n, _, err := unstructured.NestedInt64(live.Object, "spec", "replicas")
		g.Expect(err).NotTo(HaveOccurred())
		return n
	}
	commands := page(t, "docs/recipes/suspend.md", "The operator itself", "scaled")
	operator := start(t, "--watch-namespaces=scaled")
	o := leaving(t, "scaled")
	shell(t, commands[0])
	g.Expect(replicas()).To(BeZero())
	g.Expect(operator.Stop()).To(Succeed())
	g.Expect(set.Client.Delete(t.Context(), o.DeepCopy())).To(Succeed())
	g.Consistently(func() error { return set.Client.Get(t.Context(), client.ObjectKeyFromObject(o), o.DeepCopy()) }).WithTimeout(time.Second).Should(Succeed(), "it hangs")
	shell(t, commands[1])
	g.Expect(replicas()).To(BeEquivalentTo(1))
	start(t, "--watch-namespaces=scaled")
	gone(t, o)
	g.Expect(registered(t, o)).To(BeEmpty())
}

// From a URL that nobody knows to an object without policies, by the page's commands alone.
func TestAdoptPage(t *testing.T) {
	g := NewWithT(t)
	namespace(t, "adopting")
	start(t, "--watch-namespaces=adopting")
	o := sample(t, "config/samples/lifecycle/adopt.yaml", "adopting")
	o.Object["spec"].(map[string]any)["account"] = "adopting-1"
	const found = "https://fota.example.com/found?key=a&b=c"
	register(t, o, found)
	g.Expect(apply(t, o)).To(Succeed())
	become(t, o, v1alpha1.ReasonExistingRegistration)
	inNamespace := func(text string) string { return strings.ReplaceAll(text, "kubectl ", "kubectl -n adopting ") }
	commands := page(t, "docs/recipes/adopt-and-move.md", "What was registered by hand", "adopting")
	g.Expect(commands).To(HaveLen(4))
	g.Expect(shell(t, inNamespace(commands[0]))).To(Equal(found))
	for _, command := range commands[1:] {
		shell(t, inNamespace(command))
		become(t, o, v1alpha1.ReasonRegistered)
	}
	live := o.DeepCopy()
	g.Expect(set.Client.Get(t.Context(), client.ObjectKeyFromObject(o), live)).To(Succeed())
	g.Expect(live.Object["spec"]).To(Equal(map[string]any{"account": "adopting-1", "url": found}))
	g.Expect(calls(t, o)).To(HaveEach("list"), "nothing has been changed")
	remove(t, o)
	g.Expect(registered(t, o)).To(BeEmpty(), "it is the object's")
}

// What the page backs up can be applied again, and the restored object adopts what is registered.
func TestBackupAndRestore(t *testing.T) {
	g := NewWithT(t)
	namespace(t, "restored")
	operator := start(t, "--watch-namespaces=restored")
	o := leaving(t, "restored")
	blocks, err := document.Shell(root+"docs/recipes/backup-and-restore.md", "Backup and restore")
	g.Expect(err).NotTo(HaveOccurred())
	g.Expect(blocks).To(HaveLen(2))
	shell(t, strings.ReplaceAll(blocks[0], "-A", "-n restored"))
	g.Expect(operator.Stop()).To(Succeed())
	g.Expect(patch(t, o, `{"metadata": {"finalizers": null}}`)).To(Succeed()) // the cluster is lost
	g.Expect(client.IgnoreNotFound(set.Client.Delete(t.Context(), o.DeepCopy()))).To(Succeed())
	gone(t, o)
	before := calls(t, o)
	shell(t, blocks[1])
	start(t, "--watch-namespaces=restored")
	become(t, o, v1alpha1.ReasonRegistered)
	g.Expect(calls(t, o)[len(before):]).To(HaveEach("list"), "what is registered is adopted")
	remove(t, o)
	g.Expect(registered(t, o)).To(BeEmpty())
}
