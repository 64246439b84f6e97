package observability_test

import (
	"fmt"
	"maps"
	"net/http"
	"os"
	"slices"
	"strconv"
	"testing"
	"time"

	"github.com/fota-callback-operator/fota-callback-operator/api/v1alpha1"
	"github.com/fota-callback-operator/fota-callback-operator/internal/simulator"
	"github.com/fota-callback-operator/fota-callback-operator/test/stage"
	. "github.com/onsi/gomega"
	prometheusv1 "github.com/prometheus/client_golang/api/prometheus/v1"
	"github.com/prometheus/prometheus/promql/parser"
	authenticationv1 "k8s.io/api/authentication/v1"
	corev1 "k8s.io/api/core/v1"
	rbacv1 "k8s.io/api/rbac/v1"
	"k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/yaml"
)

const (
	operatorNamespace = "system"
	namespace         = "iot"
	foreignURL        = "https://elsewhere.example.net/hook"
)

// A real Prometheus scrapes two real replicas that look after objects in every state: each panel shows something, each rule works, and the alerts are the
// ones that they should be, before and after the leader crashes.
func TestPrometheusScrapesTheOperator(t *testing.T) {
	tool(t, "prometheus") // built before anything runs
	stage.Run(root, nil, func(s *stage.Stage) (int, error) {
		w := &world{t: t, g: NewWithT(t), stage: s}
		replicas := map[string]string{"a": freeAddress(t), "b": freeAddress(t)}
		leader := w.operator(replicas["a"])
		w.objects()
		w.operator(replicas["b"])
		w.prometheus = startPrometheus(t, w.token(), replicas)

		w.contend()
		w.panelsShowSomething()
		w.selectorsSelectSomething()
		before := w.alertsAreRight()

		leader.Kill()
		w.eventuallyReturns(`count(fotacallback_status_condition{pod="b",type="Ready"}) == 6`)
		w.g.Expect(w.alertsAreRight()).To(Equal(before), "the clock of an alert goes on while the leader changes")
		return 0, nil
	})
}

type world struct {
	t          *testing.T
	g          *WithT
	stage      *stage.Stage
	prometheus server
}

func (w *world) create(objects ...client.Object) {
	w.t.Helper()
	for _, o := range objects {
		w.g.Expect(w.stage.Client.Create(w.t.Context(), o)).To(Succeed())
	}
}

func (w *world) simulator(method, path, body string) {
	w.t.Helper()
	w.g.Expect(w.stage.Simulator(w.t.Context(), method, path, body, nil)).To(Succeed())
}

func (w *world) operator(address string) *stage.Process {
	w.t.Helper()
	if !slices.Contains(w.namespaces(), operatorNamespace) {
		w.create(&corev1.Namespace{ObjectMeta: metav1.ObjectMeta{Name: operatorNamespace}})
	}
	w.g.Expect(w.stage.ForgetLogins(w.t.Context(), stage.LoginRecordNamespace)).To(Succeed())
	process, err := w.stage.StartOperator("--leader-elect=true", "--leader-election-namespace="+operatorNamespace, "--metrics-bind-address="+address)
	w.g.Expect(err).NotTo(HaveOccurred())
	w.t.Cleanup(func() {
		process.Kill()
		if w.t.Failed() {
			text, _ := os.ReadFile(w.stage.OperatorLog())
			w.t.Logf("the operators' log ends:\n%s", text[max(0, len(text)-4000):])
		}
	})
	return process
}

func (w *world) namespaces() []string {
	var list corev1.NamespaceList
	w.g.Expect(w.stage.Client.List(w.t.Context(), &list)).To(Succeed())
	names := make([]string, 0, len(list.Items))
	for _, n := range list.Items {
		names = append(names, n.Name)
	}
	return names
}

// token is that of a Prometheus with the role that the installation brings.
func (w *world) token() string {
	account := &corev1.ServiceAccount{ObjectMeta: metav1.ObjectMeta{Namespace: operatorNamespace, Name: "prometheus"}}
	role := &rbacv1.ClusterRole{}
	w.g.Expect(yaml.UnmarshalStrict(read(w.t, "config/rbac/metrics_reader_role.yaml"), role)).To(Succeed())
	w.create(account, role, &rbacv1.ClusterRoleBinding{
		ObjectMeta: metav1.ObjectMeta{Name: "prometheus"},
		RoleRef:    rbacv1.RoleRef{APIGroup: rbacv1.GroupName, Kind: "ClusterRole", Name: role.Name},
		Subjects:   []rbacv1.Subject{{Kind: rbacv1.ServiceAccountKind, Namespace: account.Namespace, Name: account.Name}},
	})
	request := &authenticationv1.TokenRequest{}
	w.g.Expect(w.stage.Client.SubResource("token").Create(w.t.Context(), account, request)).To(Succeed())
	return request.Status.Token
}

// objects makes one in each state that a panel or an alert is about, and waits until it is there.
func (w *world) objects() {
	w.create(&corev1.Namespace{ObjectMeta: metav1.ObjectMeta{Name: namespace}}, secret(v1alpha1.DefaultSecretName, simulator.DefaultUsername), secret("wrong", "nobody"))
	w.simulator(http.MethodPut, "accounts/denied", `{"denied":true}`)
	w.simulator(http.MethodPost, "faults", `{"account":"failing","answer":"unavailable"}`)
	callback := func(name string, edit func(spec *v1alpha1.FotaCallbackSpec)) *v1alpha1.FotaCallback {
		o := &v1alpha1.FotaCallback{
			ObjectMeta: metav1.ObjectMeta{Namespace: namespace, Name: name},
			Spec:       v1alpha1.FotaCallbackSpec{Account: name, URL: "https://fota.example.com/" + name},
		}
		edit(&o.Spec)
		return o
	}
	asIs := func(*v1alpha1.FotaCallbackSpec) {}
	w.create(
		callback("registered", asIs), callback("denied", asIs), callback("failing", asIs),
		callback("warned", func(s *v1alpha1.FotaCallbackSpec) { s.DriftPolicy = v1alpha1.DriftWarn }),
		callback("suspended", func(s *v1alpha1.FotaCallbackSpec) { s.Suspend = true }),
		callback("rejected", func(s *v1alpha1.FotaCallbackSpec) { s.CredentialsSecretRef = &v1alpha1.SecretReference{Name: "wrong"} }),
	)
	for name, reason := range map[string]string{
		"registered": v1alpha1.ReasonRegistered, "warned": v1alpha1.ReasonRegistered, "denied": v1alpha1.ReasonAccessDenied,
		"failing": v1alpha1.ReasonAPIUnavailable, "suspended": v1alpha1.ReasonSuspended, "rejected": v1alpha1.ReasonCredentialsRejected,
	} {
		w.eventually(name, reason)
	}
}

func secret(name, user string) *corev1.Secret {
	return &corev1.Secret{
		ObjectMeta: metav1.ObjectMeta{Namespace: namespace, Name: name},
		StringData: map[string]string{
			"client-id": simulator.DefaultClientID, "client-secret": simulator.DefaultClientSecret, "username": user, "password": simulator.DefaultPassword,
		},
	}
}

func (w *world) eventually(name, reason string) {
	w.t.Helper()
	w.g.Eventually(func(g Gomega) {
		var o v1alpha1.FotaCallback
		g.Expect(w.stage.Client.Get(w.t.Context(), client.ObjectKey{Namespace: namespace, Name: name}, &o)).To(Succeed())
		ready := meta.FindStatusCondition(o.Status.Conditions, v1alpha1.ConditionReady)
		g.Expect(ready).NotTo(BeNil())
		g.Expect(ready.Reason).To(Equal(reason), ready.Message)
	}).WithTimeout(time.Minute).Should(Succeed())
}

// contend registers a foreign URL three times over, once Prometheus has seen that there was none.
func (w *world) contend() {
	eventually := func(action string, count int) {
		w.t.Helper()
		w.eventuallyReturns(fmt.Sprintf(`sum(fotacallback_drift_total{action=%q}) == %d`, action, count))
	}
	w.eventuallyReturns(`count(fotacallback_drift_total{action="corrected"} == 0) == 2`)
	for n := 1; n <= 3; n++ {
		w.simulator(http.MethodPut, "registrations/registered", `{"url":"`+foreignURL+`"}`)
		w.request("registered", n)
		eventually("corrected", n)
	}
	w.simulator(http.MethodPut, "registrations/warned", `{"url":"`+foreignURL+`"}`)
	w.request("warned", 1)
	w.eventually("warned", v1alpha1.ReasonDrifted)
	eventually("reported", 1)
}

// eventuallyReturns waits until a query returns something; a comparison does so when it holds.
func (w *world) eventuallyReturns(query string) {
	w.t.Helper()
	w.g.Eventually(func(g Gomega) {
		g.Expect(w.prometheus.query(w.t, g, query)).NotTo(BeEmpty(), query)
	}).WithTimeout(time.Minute).Should(Succeed())
}

// request asks for a check now.
func (w *world) request(name string, n int) {
	o := &v1alpha1.FotaCallback{ObjectMeta: metav1.ObjectMeta{Namespace: namespace, Name: name}}
	patch := fmt.Sprintf(`{"metadata":{"annotations":{%q:%q}}}`, v1alpha1.RequestedAtAnnotation, strconv.Itoa(n))
	w.g.Expect(w.stage.Client.Patch(w.t.Context(), o, client.RawPatch("application/merge-patch+json", []byte(patch)))).To(Succeed())
}

func (w *world) panelsShowSomething() {
	_, all := panels(w.t)
	for _, panel := range all {
		for _, query := range queries(panel) {
			w.eventuallyReturns(everything(query))
		}
	}
}

// A name or a label that is misspelt would make an alert that never fires.
func (w *world) selectorsSelectSomething() {
	for _, rule := range alerts(w.t) {
		expression, err := parser.NewParser(parser.Options{}).ParseExpr(rule.Expr.String())
		w.g.Expect(err).NotTo(HaveOccurred())
		parser.Inspect(expression, func(node parser.Node, _ []parser.Node) error {
			if selector, ok := node.(*parser.VectorSelector); ok {
				w.g.Expect(w.prometheus.query(w.t, w.g, selector.String())).NotTo(BeEmpty(), "%s: %s", rule.Alert, selector)
			}
			return nil
		})
	}
}

// alertsAreRight returns since when each that is pending or fires does so.
func (w *world) alertsAreRight() map[string]time.Time {
	w.t.Helper()
	rules, err := w.prometheus.Rules(w.t.Context(), nil)
	w.g.Expect(err).NotTo(HaveOccurred())
	w.g.Expect(rules.Groups).To(HaveLen(1))
	for _, rule := range rules.Groups[0].Rules {
		w.g.Expect(rule.(prometheusv1.AlertingRule).Health).To(BeEquivalentTo(prometheusv1.RuleHealthGood), rule.(prometheusv1.AlertingRule).LastError)
	}
	since := map[string]time.Time{}
	w.g.Eventually(func(g Gomega) {
		clear(since)
		for name, about := range map[string][]string{
			"FotaCallbackNotReady":            {"iot/denied", "iot/failing", "iot/warned"},
			"FotaCallbackCredentialsRejected": {"iot/"},
			"FotaCallbackDriftContended":      {"system/"},
			"FotaCallbackAPIUnavailable":      nil,
			"FotaCallbackNotChecked":          nil,
			"FotaCallbackOperatorStuck":       nil,
			"FotaCallbackNoLeader":            nil,
			"FotaCallbackOperatorDown":        nil,
		} {
			active := w.prometheus.alerts(w.t, g, name)
			g.Expect(slices.Collect(maps.Keys(active))).To(ConsistOf(about), name)
			for about, a := range active {
				since[name+" "+about] = a.Since
			}
		}
		g.Expect(w.prometheus.alerts(w.t, g, "FotaCallbackDriftContended")).To(HaveKeyWithValue("system/", HaveField("State", prometheusv1.AlertStateFiring)))
	}).WithTimeout(time.Minute).Should(Succeed())
	return since
}
