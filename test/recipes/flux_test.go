package recipes_test

import (
	"testing"
	"time"

	. "github.com/onsi/gomega"
	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/fota-callback-operator/fota-callback-operator/api/v1alpha1"
)

// Why the recipe keeps the Secret in a Kustomization of its own: an operator that was restarted has no credentials left where it went with the object.
func TestASecretThatOutlivesTheObjects(t *testing.T) {
	g := NewWithT(t)
	apart, together := "flux-apart", "flux-together"
	namespace(t, apart)
	namespace(t, together)
	args := "--watch-namespaces=" + apart + "," + together
	operator := start(t, args)
	kept, lost := leaving(t, apart), leaving(t, together)
	g.Expect(operator.Stop()).To(Succeed())
	secret := &corev1.Secret{ObjectMeta: metav1.ObjectMeta{Namespace: together, Name: v1alpha1.DefaultSecretName}}
	g.Expect(set.Client.Delete(t.Context(), secret)).To(Succeed())
	for _, o := range []client.Object{kept, lost} {
		g.Expect(set.Client.Delete(t.Context(), o)).To(Succeed())
	}
	start(t, args)
	gone(t, kept)
	g.Expect(registered(t, kept)).To(BeEmpty())
	g.Eventually(func() string {
		var live v1alpha1.FotaCallback
		g.Expect(set.Client.Get(t.Context(), client.ObjectKeyFromObject(lost), &live)).To(Succeed())
		ready := meta.FindStatusCondition(live.Status.Conditions, v1alpha1.ConditionReady)
		return ready.Reason + ": " + ready.Message
	}).WithTimeout(30*time.Second).Should(And(HavePrefix(v1alpha1.ReasonDeregistering), ContainSubstring(v1alpha1.DefaultSecretName)), "it waits, and says for what")
	g.Expect(registered(t, lost)).To(Equal(wish(lost)))
	g.Expect(patch(t, lost, `{"spec": {"deletionPolicy": "Retain"}}`)).To(Succeed(), "the way out")
	gone(t, lost)
}
