package controller

import (
	"strconv"
	"strings"
	"testing"
	"time"
	"unsafe"

	. "github.com/onsi/gomega"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"
	clocktesting "k8s.io/utils/clock/testing"

	"github.com/fota-callback-operator/fota-callback-operator/api/v1alpha1"
)

// decoded is an object as a decoder makes it: no two strings share their memory.
func decoded() *v1alpha1.FotaCallback {
	const url, message = "https://fota.example.com/callbacks/1", "Account A-1 sends its FOTA events to https://fota.example.com."
	o := &v1alpha1.FotaCallback{}
	o.Namespace, o.Name = strings.Clone("fleet"), "one"
	o.Spec.DriftPolicy = v1alpha1.DriftPolicy(strings.Clone(string(v1alpha1.DriftCorrect)))
	o.Finalizers = []string{strings.Clone(v1alpha1.Finalizer)}
	o.Annotations = map[string]string{v1alpha1.LastSentURLAnnotation: strings.Clone(url), "kubectl.kubernetes.io/last-applied-configuration": "{}", "note": "mine"}
	o.ManagedFields = []metav1.ManagedFieldsEntry{{Manager: "kubectl"}}
	o.Spec.URL = strings.Clone(url)
	o.Status.RegisteredURL, o.Status.RemoteURL = strings.Clone(url), strings.Clone(url)
	for _, kind := range []string{v1alpha1.ConditionReady, v1alpha1.ConditionReconciling, v1alpha1.ConditionStalled} {
		o.Status.Conditions = append(o.Status.Conditions, metav1.Condition{
			Type: strings.Clone(kind), Status: metav1.ConditionStatus(strings.Clone("True")), Reason: strings.Clone(v1alpha1.ReasonRegistered), Message: strings.Clone(message),
		})
	}
	return o
}

func TestTrimDropsWhatIsNeverReadAndChangesNothingElse(t *testing.T) {
	g := NewWithT(t)
	wanted, trimmed := decoded(), decoded()
	wanted.ManagedFields = nil
	wanted.Annotations = map[string]string{v1alpha1.LastSentURLAnnotation: wanted.Spec.URL}
	Trim(trimmed)
	g.Expect(trimmed).To(Equal(wanted))

	another := decoded()
	another.Spec.URL, another.Status.Conditions[1].Message = "https://fota.example.com/other", "Something else."
	wanted = another.DeepCopy()
	Trim(another)
	g.Expect(another.Spec).To(Equal(wanted.Spec))
	g.Expect(another.Status).To(Equal(wanted.Status))

	Trim(&v1alpha1.FotaCallback{}) // one that nobody has looked at yet
}

// A pass outlasts any single call: one that ended with the pass would not count as failed, and an outage would be told to nobody.
func TestAPassOutlastsItsCalls(t *testing.T) {
	for _, call := range []time.Duration{time.Second, 15 * time.Second, 10 * time.Minute} {
		NewWithT(t).Expect(passTimeout(call)).To(BeNumerically(">", 7*call), "sign in (3, where the token is stale), list, change, list, and once more a token")
	}
	NewWithT(t).Expect(passTimeout(15 * time.Second)).To(Equal(3 * time.Minute))
}

func TestTrimLetsStringsBeThereOnce(t *testing.T) {
	g := NewWithT(t)
	same := func(a, b string) { g.Expect(unsafe.StringData(a)).To(BeIdenticalTo(unsafe.StringData(b)), a) }
	a, b := decoded(), decoded()
	Trim(a)
	Trim(b)
	same(a.Status.RegisteredURL, a.Spec.URL)
	same(a.Status.RemoteURL, a.Spec.URL)
	same(a.Annotations[v1alpha1.LastSentURLAnnotation], a.Spec.URL)
	same(a.Namespace, b.Namespace)
	same(string(a.Spec.DriftPolicy), string(b.Spec.DriftPolicy))
	same(a.Finalizers[0], b.Finalizers[0])
	for i, of := range a.Status.Conditions {
		same(of.Message, a.Status.Conditions[0].Message)
		same(of.Type, b.Status.Conditions[i].Type)
		same(string(of.Status), string(b.Status.Conditions[i].Status))
		same(of.Reason, b.Status.Conditions[i].Reason)
	}
}

// Of two thousand objects of one account, a change of one wakes a handful.
func TestAChangeWakesAHandful(t *testing.T) {
	g := NewWithT(t)
	objects := make([]v1alpha1.FotaCallback, 0, 2_000)
	for n := range 2_000 {
		o := objectIn("a", strconv.Itoa(n))
		o.UID, o.Spec.Account = types.UID(o.Name), "acc-1"
		objects = append(objects, *o)
	}
	r := NewReconciler(Config{Client: peersAt{objects: objects}, Clock: clocktesting.NewFakePassiveClock(time.Now())})
	g.Expect(len(r.RequestsForPeers(t.Context(), &objects[1_000]))).To(And(BeNumerically(">", 0), BeNumerically("<=", 8)))
	g.Expect(r.RequestsForPeers(t.Context(), &objects[0])).NotTo(ContainElement(HaveField("Name", "0")), "it is woken itself anyway")
}
