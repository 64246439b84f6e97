package recipes_test

import (
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"testing"

	. "github.com/onsi/gomega"
	"k8s.io/client-go/tools/clientcmd"

	"github.com/fota-callback-operator/fota-callback-operator/api/v1alpha1"
	"github.com/fota-callback-operator/fota-callback-operator/test/stage"
)

// What was registered by hand is adopted without a call that changes anything, and is still there when the object is gone.
func TestAdoptByHand(t *testing.T) {
	g := NewWithT(t)
	namespace(t, "adopt")
	start(t, "--watch-namespaces=adopt")
	o := sample(t, "config/samples/lifecycle/adopt.yaml", "adopt")
	register(t, o, "https://fota.example.com/another")
	g.Expect(apply(t, o)).To(Succeed())
	become(t, o, v1alpha1.ReasonExistingRegistration)
	g.Expect(registered(t, o)).To(Equal("https://fota.example.com/another"))

	register(t, o, wish(o))
	g.Expect(patch(t, o, `{"metadata": {"annotations": {"fotacallback.dev/requested-at": "now"}}}`)).To(Succeed())
	become(t, o, v1alpha1.ReasonRegistered)
	remove(t, o)
	g.Expect(registered(t, o)).To(Equal(wish(o)))
	g.Expect(calls(t, o)).To(HaveEach("list"))
}

// Two operators that don't see each other's objects are two clusters. The account's registration stays what it is while it moves.
func TestMoveBetweenClusters(t *testing.T) {
	g := NewWithT(t)
	namespace(t, "old-cluster")
	namespace(t, "new-cluster")
	start(t, "--watch-namespaces=old-cluster")
	before, after := sample(t, "config/samples/lifecycle/move.yaml", "old-cluster"), sample(t, "config/samples/lifecycle/move.yaml", "new-cluster")
	g.Expect(apply(t, before)).To(Succeed())
	become(t, before, v1alpha1.ReasonRegistered)

	start(t, "--watch-namespaces=new-cluster")
	remove(t, before)
	g.Expect(apply(t, after)).To(Succeed())
	become(t, after, v1alpha1.ReasonRegistered)
	changes := slices.DeleteFunc(calls(t, after), func(operation string) bool { return operation == "list" })
	g.Expect(changes).To(Equal([]string{"register"}), "the first cluster's, and nothing since")

	g.Expect(patch(t, after, `{"spec": {"deletionPolicy": null}}`)).To(Succeed())
	remove(t, after)
	g.Expect(registered(t, after)).To(BeEmpty(), "it is the new cluster's to deregister")
}

func TestSuspendedStillDeregisters(t *testing.T) {
	g := NewWithT(t)
	namespace(t, "suspended")
	start(t, "--watch-namespaces=suspended")
	o := sample(t, "config/samples/lifecycle/suspended.yaml", "suspended")
	g.Expect(apply(t, o)).To(Succeed())
	become(t, o, v1alpha1.ReasonSuspended)
	g.Expect(calls(t, o)).To(BeEmpty())

	g.Expect(patch(t, o, `{"spec": {"suspend": false}}`)).To(Succeed())
	become(t, o, v1alpha1.ReasonRegistered)
	g.Expect(patch(t, o, `{"spec": {"suspend": true}}`)).To(Succeed())
	become(t, o, v1alpha1.ReasonSuspended)
	g.Expect(registered(t, o)).To(Equal(wish(o)))
	remove(t, o)
	g.Expect(registered(t, o)).To(BeEmpty())
}

// config/namespaced asks for nothing of the cluster's, and its permissions suffice.
func TestNamespacedInstall(t *testing.T) {
	g := NewWithT(t)
	build := exec.CommandContext(t.Context(), "go", "tool", "-modfile=hack/tools/go.mod", "kustomize", "build", "config/namespaced")
	build.Dir, build.Stderr = root, os.Stderr
	out, err := build.Output()
	g.Expect(err).NotTo(HaveOccurred())
	kinds := map[string]int{}
	for _, o := range objects(t, string(out)) {
		kinds[o.GetKind()]++
		if o.GetNamespace() != "team-a" {
			t.Errorf("%s %s is in namespace %q", o.GetKind(), o.GetName(), o.GetNamespace())
		}
		g.Expect(apply(t, o)).To(Succeed())
	}
	g.Expect(kinds).To(Equal(map[string]int{"ServiceAccount": 1, "Role": 3, "RoleBinding": 3, "Service": 1, "Deployment": 1, "NetworkPolicy": 1}))

	namespace(t, "team-a")
	namespace(t, "team-b")
	forbidden, err := set.Forbidden(t.Context())
	g.Expect(err).NotTo(HaveOccurred())
	kubeconfig := impersonate(t, "system:serviceaccount:team-a:fota-callback-operator-controller-manager")
	start(t, "--kubeconfig="+kubeconfig, "--watch-namespaces=team-a", "--leader-elect", "--leader-election-namespace=team-a",
		"--login-record=team-a/"+stage.LoginRecordName, "--metrics-secure=false", "--metrics-bind-address=127.0.0.1:0")
	other := sample(t, "config/samples/fotacallback.yaml", "team-b")
	g.Expect(apply(t, other)).To(Succeed())
	o := sample(t, "config/samples/fotacallback.yaml", "team-a")
	o.Object["spec"].(map[string]any)["account"] = "team-a"
	g.Expect(apply(t, o)).To(Succeed())
	become(t, o, v1alpha1.ReasonRegistered)
	remove(t, o)
	g.Expect(registered(t, other)).To(BeEmpty(), "another team's object is not this operator's")
	now, err := set.Forbidden(t.Context())
	g.Expect(err).NotTo(HaveOccurred())
	g.Expect(now-forbidden).To(BeZero(), "requests refused for want of permission")
}

// impersonate makes a kubeconfig of a user who can do what that one may, and nothing else.
func impersonate(t *testing.T, user string) string {
	t.Helper()
	config, err := clientcmd.LoadFromFile(set.Kubeconfig)
	if err != nil {
		t.Fatal(err)
	}
	for _, info := range config.AuthInfos {
		info.Impersonate = user
	}
	path := filepath.Join(t.TempDir(), "kubeconfig")
	if err := clientcmd.WriteToFile(*config, path); err != nil {
		t.Fatal(err)
	}
	return path
}
