package privilege_test

import (
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	. "github.com/onsi/gomega"
	coordinationv1 "k8s.io/api/coordination/v1"
	corev1 "k8s.io/api/core/v1"
	rbacv1 "k8s.io/api/rbac/v1"
	apiextensionsv1 "k8s.io/apiextensions-apiserver/pkg/apis/apiextensions/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/envtest"

	"github.com/fota-callback-operator/fota-callback-operator/api/v1alpha1"
	"github.com/fota-callback-operator/fota-callback-operator/test/stage"
)

// grants are what a ServiceAccount may do, by namespace; an empty name stands for the whole cluster.
type grants map[string][]rbacv1.PolicyRule

// account makes a ServiceAccount that may do what grants say, and returns a kubeconfig for it.
func account(t *testing.T, name string, may grants) string {
	t.Helper()
	g, ctx := NewWithT(t), t.Context()
	g.Expect(set.Client.Create(ctx, &corev1.ServiceAccount{ObjectMeta: metav1.ObjectMeta{Namespace: operatorNamespace, Name: name}})).To(Succeed())
	subjects := []rbacv1.Subject{{Kind: rbacv1.ServiceAccountKind, Namespace: operatorNamespace, Name: name}}
	for namespace, rules := range may {
		called := metav1.ObjectMeta{Namespace: namespace, Name: name}
		objects := []client.Object{
			&rbacv1.Role{ObjectMeta: called, Rules: rules},
			&rbacv1.RoleBinding{ObjectMeta: called, Subjects: subjects, RoleRef: rbacv1.RoleRef{APIGroup: rbacv1.GroupName, Kind: "Role", Name: name}},
		}
		if namespace == "" {
			objects = []client.Object{
				&rbacv1.ClusterRole{ObjectMeta: called, Rules: rules},
				&rbacv1.ClusterRoleBinding{ObjectMeta: called, Subjects: subjects, RoleRef: rbacv1.RoleRef{APIGroup: rbacv1.GroupName, Kind: "ClusterRole", Name: name}},
			}
		} else {
			err := set.Client.Create(ctx, &corev1.Namespace{ObjectMeta: metav1.ObjectMeta{Name: namespace}})
			g.Expect(client.IgnoreAlreadyExists(err)).To(Succeed())
		}
		for _, object := range objects {
			g.Expect(set.Client.Create(ctx, object)).To(Succeed())
		}
	}
	path, err := kubeconfigOf(ctx, name)
	g.Expect(err).NotTo(HaveOccurred())
	return path
}

// without are the rules of the operator's role, less some verbs on a resource.
func without(t *testing.T, resource string, verbs ...string) []rbacv1.PolicyRule {
	t.Helper()
	var role rbacv1.ClusterRole
	NewWithT(t).Expect(set.Client.Get(t.Context(), client.ObjectKey{Name: "fota-callback-operator-manager-role"}, &role)).To(Succeed())
	for i := range role.Rules {
		if slices.Contains(role.Rules[i].Resources, resource) {
			role.Rules[i].Verbs = slices.DeleteFunc(role.Rules[i].Verbs, func(verb string) bool { return slices.Contains(verbs, verb) })
		}
	}
	return slices.DeleteFunc(role.Rules, func(rule rbacv1.PolicyRule) bool { return len(rule.Verbs) == 0 })
}

// refusesToStart expects the operator to end by itself, soon, with an error and with all of what its last words should name.
func refusesToStart(t *testing.T, lastWords []string, args ...string) {
	t.Helper()
	g := NewWithT(t)
	_ = os.Remove(set.OperatorLog()) // what other tests left
	process, err := set.StartOperator(args...)
	g.Expect(err).NotTo(HaveOccurred())
	defer process.Kill()
	g.Eventually(process.Ended()).WithTimeout(20*time.Second).Should(BeClosed(), "it waits for ever and looks healthy")
	g.Expect(process.Stop()).To(MatchError("exit status 1"))
	text, err := os.ReadFile(set.OperatorLog())
	g.Expect(err).NotTo(HaveOccurred())
	for _, word := range lastWords {
		g.Expect(string(text)).To(ContainSubstring(word))
	}
}

func TestStartWithoutPermission(t *testing.T) {
	all := without(t, "")
	record := func(verbs ...string) []rbacv1.PolicyRule {
		return []rbacv1.PolicyRule{{APIGroups: []string{""}, Resources: []string{"configmaps"}, Verbs: verbs}}
	}
	recordIn := func(namespace string) string { return "--login-record=" + namespace + "/" + stage.LoginRecordName }
	for name, c := range map[string]struct {
		may       grants
		args      []string
		noStream  bool
		lastWords []string
	}{
		"to-list-and-watch": {
			may:       grants{"": without(t, "fotacallbacks", "list", "watch")},
			lastWords: []string{`cannot list resource \"fotacallbacks\"`, "at the cluster scope", "ClusterRole"},
		},
		"to-list": {
			may:       grants{"": without(t, "fotacallbacks", "list")},
			noStream:  true, // an API server that streams lists needs no list
			lastWords: []string{`cannot list resource \"fotacallbacks\"`, "at the cluster scope"},
		},
		"to-watch": {
			may:       grants{"": without(t, "fotacallbacks", "watch")},
			lastWords: []string{`cannot watch resource \"fotacallbacks\"`, "at the cluster scope"},
		},
		"to-read-the-login-record": {
			may:       grants{"": all, "record-unread": record("create", "update")},
			args:      []string{recordIn("record-unread")},
			lastWords: []string{`cannot get resource \"configmaps\"`, "record-unread", "Role and the RoleBinding for the login record"},
		},
		"to-create-the-login-record": {
			may:       grants{"": all, "record-missing": record("get", "update")},
			args:      []string{recordIn("record-missing")},
			lastWords: []string{`cannot create resource \"configmaps\"`, "record-missing", "Role and the RoleBinding for the login record"},
		},
		"a-namespace-for-the-login-record": {
			may:       grants{"": append(record("get", "create", "update"), all...)},
			args:      []string{recordIn("nowhere")},
			lastWords: []string{`namespaces \"nowhere\" not found`, "--login-record"},
		},
		"in-one-namespace-of-two": {
			may:       grants{"granted": all},
			args:      []string{"--watch-namespaces=granted,denied"},
			lastWords: []string{`cannot list resource \"fotacallbacks\"`, `in the namespace \"denied\"`, "a Role and a RoleBinding in each namespace"},
		},
		"for-the-lease": {
			may:       grants{"": all},
			args:      []string{"--leader-elect=true", "--leader-election-namespace=" + operatorNamespace},
			lastWords: []string{"not allowed to get the Lease", operatorNamespace},
		},
		"to-take-the-lease": {
			may: grants{"": all, operatorNamespace: {
				{APIGroups: []string{coordinationv1.GroupName}, Resources: []string{"leases"}, Verbs: []string{"get"}},
			}},
			args:      []string{"--leader-elect=true", "--leader-election-namespace=" + operatorNamespace},
			lastWords: []string{"not allowed to", "the Lease", operatorNamespace},
		},
	} {
		t.Run(name, func(t *testing.T) {
			if !slices.ContainsFunc(c.args, func(arg string) bool { return strings.HasPrefix(arg, "--login-record=") }) {
				c.may[stage.LoginRecordNamespace] = record("get", "create", "update") // not what is missing here
			}
			if c.noStream {
				t.Setenv("KUBE_FEATURE_WatchListClient", "false")
			}
			refusesToStart(t, c.lastWords, append([]string{"--kubeconfig=" + account(t, "without-"+name, c.may)}, c.args...)...)
		})
	}
}

func TestStartWithoutCRD(t *testing.T) {
	g, ctx := NewWithT(t), t.Context()
	// Nobody is there to let go of what other tests have left.
	var left v1alpha1.FotaCallbackList
	g.Expect(set.Client.List(ctx, &left)).To(Succeed())
	for i := range left.Items {
		g.Expect(set.Client.Patch(ctx, &left.Items[i], client.RawPatch(types.MergePatchType, []byte(`{"metadata":{"finalizers":null}}`)))).To(Succeed())
	}
	admin, err := client.New(set.Config, client.Options{})
	g.Expect(err).NotTo(HaveOccurred())
	crd := &apiextensionsv1.CustomResourceDefinition{ObjectMeta: metav1.ObjectMeta{Name: "fotacallbacks." + v1alpha1.GroupVersion.Group}}
	g.Expect(admin.Delete(ctx, crd)).To(Succeed())
	defer func() {
		_, err := envtest.InstallCRDs(set.Config, envtest.CRDInstallOptions{Paths: []string{filepath.Join("../..", "config/crd/bases")}})
		g.Expect(err).NotTo(HaveOccurred())
	}()
	g.Eventually(func() bool { return apierrors.IsNotFound(admin.Get(ctx, client.ObjectKeyFromObject(crd), crd)) }).WithTimeout(30 * time.Second).Should(BeTrue())
	refusesToStart(t, []string{"FotaCallback", "Install the CRD fotacallbacks.fotacallback.dev"}, "--kubeconfig="+kubeconfig)
}

// rbac.secretNames names one Secret, and an object another.
func TestSecretThatMayNotBeRead(t *testing.T) {
	g, ctx := NewWithT(t), t.Context()
	rules := without(t, "secrets", "get")
	rules = append(rules, rbacv1.PolicyRule{APIGroups: []string{""}, Resources: []string{"secrets"}, ResourceNames: []string{"another"}, Verbs: []string{"get"}})
	const namespace = "secret-names"
	rules = append(rules, rbacv1.PolicyRule{APIGroups: []string{""}, Resources: []string{"configmaps"}, Verbs: []string{"get", "create", "update"}})
	process, err := set.StartOperator("--kubeconfig="+account(t, namespace, grants{namespace: rules}), "--watch-namespaces="+namespace,
		"--login-record="+namespace+"/"+stage.LoginRecordName)
	g.Expect(err).NotTo(HaveOccurred())
	defer process.Kill()
	o := fleet(namespace, 0)
	g.Expect(set.Client.Create(ctx, o)).To(Succeed())
	g.Eventually(func() []metav1.Condition {
		g.Expect(set.Client.Get(ctx, client.ObjectKeyFromObject(o), o)).To(Succeed())
		return o.Status.Conditions
	}).WithTimeout(30 * time.Second).Should(ContainElement(And(
		HaveField("Type", v1alpha1.ConditionReady), HaveField("Status", metav1.ConditionFalse), HaveField("Reason", v1alpha1.ReasonCredentialsNotFound),
		HaveField("Message", And(ContainSubstring("not allowed to get Secret secret-names/"+v1alpha1.DefaultSecretName), ContainSubstring("rbac.secretNames"))),
	)))
}
