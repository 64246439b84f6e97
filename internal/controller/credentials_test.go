package controller_test

import (
	"time"

	. "github.com/onsi/ginkgo/v2"
	. "github.com/onsi/gomega"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/fota-callback-operator/fota-callback-operator/api/v1alpha1"
	"github.com/fota-callback-operator/fota-callback-operator/internal/simulator"
)

var _ = Describe("Credentials that are replaced, or gone", func() {
	var w *world
	BeforeEach(func() {
		w = newWorld(GinkgoT().Context(), simulator.Options{})
		w.goodCredentials()
		w.settings.DeregistrationGrace = 48 * time.Hour // the API server's clock, from which it counts, is not moved
		w.start()
	})
	dropSecret := func() {
		GinkgoHelper()
		Expect(w.user.Delete(w.ctx, &corev1.Secret{ObjectMeta: metav1.ObjectMeta{Namespace: w.namespace, Name: secretName}})).To(Succeed())
	}

	putAppSecret := func(value string) {
		GinkgoHelper()
		secret := &corev1.Secret{ObjectMeta: metav1.ObjectMeta{Namespace: w.namespace, Name: secretName}, StringData: map[string]string{"client-secret": value}}
		Expect(w.user.Patch(w.ctx, secret, client.Merge)).To(Succeed())
	}

	It("deregisters with the last that worked when the Secret goes first", func() {
		o := w.create(w.callback("fleet", "acc-1", fleetURL))
		w.eventually(o, v1alpha1.ReasonRegistered)
		dropSecret()
		w.clock.move(11 * time.Minute)
		w.delete(o)
		w.eventually(o, v1alpha1.ReasonDeregistering)
		w.pass(o, 49*time.Hour)
		w.gone(o)
		Expect(w.far.Registrations()).To(BeEmpty())
	})

	It("deregisters with those that the Secret held when the deletion began, where what worked long ago has been replaced", func() {
		o := w.create(w.callback("fleet", "acc-1", fleetURL))
		w.eventually(o, v1alpha1.ReasonRegistered)
		w.edit(o, func(o *v1alpha1.FotaCallback) { o.Spec.Suspend = true })
		w.eventually(o, v1alpha1.ReasonSuspended)
		w.clock.move(24 * time.Hour)
		w.far.SetUser(simulator.DefaultUsername, "another")
		w.credentials(simulator.DefaultUsername, "another")
		w.delete(o)
		w.eventually(o, v1alpha1.ReasonDeregistering)
		dropSecret()
		w.pass(o, 49*time.Hour)
		w.gone(o)
		Expect(w.far.Registrations()).To(BeEmpty())
		Expect(w.far.FailedLogins(simulator.DefaultUsername)).To(BeZero())
	})

	It("deregisters with the last that worked, where what has replaced them was refused", func() {
		o := w.create(w.callback("fleet", "acc-1", fleetURL))
		w.eventually(o, v1alpha1.ReasonRegistered)
		w.clock.move(5 * time.Minute)
		w.credentials(simulator.DefaultUsername, "wrong")
		w.far.EndSessions()
		w.request(o, "now")
		w.eventually(o, v1alpha1.ReasonCredentialsRejected)
		w.clock.move(time.Hour)
		w.delete(o)
		w.eventually(o, v1alpha1.ReasonDeregistering)
		w.clock.move(time.Hour)
		w.request(o, "once more")
		w.eventually(o, v1alpha1.ReasonDeregistering)
		dropSecret()
		w.pass(o, 49*time.Hour)
		w.gone(o)
		Expect(w.far.Registrations()).To(BeEmpty())
	})

	It("asks for a token with what the Secret says now, so that nobody is told that an old key is refused", func() {
		o := w.create(w.callback("fleet", "acc-1", fleetURL))
		w.eventually(o, v1alpha1.ReasonRegistered)
		w.clock.move(time.Minute)
		w.far.AddApp(simulator.DefaultClientID, "another")
		w.far.EndTokens()
		putAppSecret("another")
		w.request(o, "now")
		w.eventually(o, v1alpha1.ReasonRegistered)
		Expect(w.events(o)).To(ConsistOf(v1alpha1.EventRegistered))
		for _, request := range w.far.Requests() {
			if request.Operation == "token" {
				Expect(request.Status).To(Equal(200))
			}
		}
		Expect(w.far.Count("token")).To(Equal(2))
	})

	It("looks at the Secret anew while a token is refused, also where the session goes on", func() {
		o := w.create(w.callback("fleet", "acc-1", fleetURL))
		w.eventually(o, v1alpha1.ReasonRegistered)
		w.clock.move(time.Minute)
		w.far.AddApp(simulator.DefaultClientID, "another")
		w.far.EndTokens()
		w.request(o, "now")
		w.eventually(o, v1alpha1.ReasonCredentialsRejected)
		putAppSecret("another")
		w.pass(o, 31*time.Second)
		w.eventually(o, v1alpha1.ReasonRegistered)
	})
})
