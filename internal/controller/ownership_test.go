package controller_test

import (
	"time"

	. "github.com/onsi/ginkgo/v2"
	. "github.com/onsi/gomega"

	"github.com/fota-callback-operator/fota-callback-operator/api/v1alpha1"
	"github.com/fota-callback-operator/fota-callback-operator/internal/simulator"
)

var _ = Describe("Who owns an account", func() {
	var w *world
	BeforeEach(func() {
		w = newWorld(GinkgoT().Context(), simulator.Options{})
		w.goodCredentials()
		w.start()
	})

	It("is the first to register; the others wait a minute, then stall, and make no call", func() {
		// An interval long enough that no slot of its own comes while the other waits.
		first := w.create(w.callback("first", "ACC-1", fleetURL), func(o *v1alpha1.FotaCallback) { o.Spec.Interval = "24h" })
		w.eventually(first, v1alpha1.ReasonRegistered)
		w.far.ResetRecord()
		second := w.create(w.callback("second", "acc-1", foreignURL))
		w.eventually(second, v1alpha1.ReasonAccountConflict)
		Expect(w.message(second)).To(ContainSubstring(w.namespace + "/first"))
		Expect(w.conditions(second)).To(ConsistOf("Ready=False", "Reconciling=True"))
		Expect(w.get(second).Finalizers).To(BeEmpty())

		w.pass(second, 61*time.Second)
		Eventually(func() []string { return w.conditions(second) }).Should(ConsistOf("Ready=False", "Stalled=True"))
		Expect(w.calls()).To(BeEmpty())
		w.delete(second)
		w.gone(second)
		Expect(w.calls()).To(BeEmpty())
		Expect(w.far.Registered("acc-1")).To(Equal(fleetURL))
	})

	It("passes to the next one in place when the owner goes, without a gap", func() {
		first := w.create(w.callback("first", "acc-1", fleetURL))
		w.eventually(first, v1alpha1.ReasonRegistered)
		second := w.create(w.callback("second", "acc-1", foreignURL), func(o *v1alpha1.FotaCallback) {
			o.Spec.AdoptionPolicy = v1alpha1.AdoptionIfUnregistered
		})
		w.eventually(second, v1alpha1.ReasonAccountConflict)
		w.far.ResetRecord()
		w.delete(first)
		w.gone(first)
		w.eventually(second, v1alpha1.ReasonRegistered)
		Expect(w.calls()).To(Equal([]string{"list", "update"}))
		Expect(w.far.Registered("acc-1")).To(Equal(foreignURL))
		Expect(w.get(second).Status.ReplacedURL).To(BeEmpty(), "it was inherited, not foreign")
		Eventually(func() []string { return w.events(first) }).Should(ContainElement(v1alpha1.EventHandedOver))
	})

	It("hands over within the grace when a rename deletes before it creates", func() {
		w.settings.DeregistrationGrace = time.Hour
		w.restart()
		old := w.create(w.callback("old", "acc-1", fleetURL))
		w.eventually(old, v1alpha1.ReasonRegistered)
		w.far.ResetRecord()
		w.delete(old)
		w.eventually(old, v1alpha1.ReasonDeregistering)
		Expect(w.message(old)).To(HavePrefix("To let the object go and leave the registration as it is, set deletionPolicy: Retain."))
		renamed := w.create(w.callback("new", "acc-1", fleetURL))
		w.eventually(renamed, v1alpha1.ReasonRegistered)
		w.gone(old)
		Expect(w.calls()).To(Equal([]string{"list"}), "the URL is in place already")
	})

	It("deregisters where the successor stalls", func() {
		first := w.create(w.callback("first", "acc-1", fleetURL))
		w.eventually(first, v1alpha1.ReasonRegistered)
		second := w.create(w.callback("second", "acc-1", foreignURL))
		w.eventually(second, v1alpha1.ReasonAccountConflict)
		w.far.Inject(simulator.Fault{Operation: "update", Status: 503})
		w.far.Inject(simulator.Fault{Operation: "register", Status: 503})
		w.delete(first)
		w.eventually(second, v1alpha1.ReasonAPIUnavailable)
		Expect(w.far.Registered("acc-1")).To(Equal(fleetURL), "it waits for the successor")
		w.pass(first, 3*time.Minute)
		w.gone(first)
		Expect(w.far.Registered("acc-1")).To(BeEmpty())
	})

	It("is not who has no access: others are let past, and keep the account", func() {
		w.secret("wrong", "nobody", "wrong")
		squatter := w.create(w.callback("a-squatter", "acc-1", foreignURL), func(o *v1alpha1.FotaCallback) {
			o.Spec.CredentialsSecretRef = &v1alpha1.SecretReference{Name: "wrong"}
		})
		w.eventually(squatter, v1alpha1.ReasonCredentialsRejected)
		owner := w.create(w.callback("owner", "acc-1", fleetURL))
		w.eventually(owner, v1alpha1.ReasonRegistered)
		Expect(rulesReason(w, squatter)).To(Equal(v1alpha1.ReasonCredentialsRejected), "it keeps its reason")

		w.secret("wrong", simulator.DefaultUsername, simulator.DefaultPassword)
		w.pass(squatter, time.Minute)
		w.eventually(squatter, v1alpha1.ReasonAccountConflict)
		Expect(w.far.Registered("acc-1")).To(Equal(fleetURL))
	})
})

func rulesReason(w *world, o *v1alpha1.FotaCallback) string {
	GinkgoHelper()
	return w.reason(o)(NewWithT(GinkgoT()))
}
