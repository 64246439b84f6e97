package controller_test

import (
	"time"

	. "github.com/onsi/ginkgo/v2"
	. "github.com/onsi/gomega"

	"github.com/fota-callback-operator/fota-callback-operator/api/v1alpha1"
	"github.com/fota-callback-operator/fota-callback-operator/internal/simulator"
)

var _ = Describe("A FotaCallback's life", func() {
	var w *world
	BeforeEach(func() {
		w = newWorld(GinkgoT().Context(), simulator.Options{})
		w.goodCredentials()
		w.start()
	})

	It("registers with two calls, two writes and one event, and then costs nothing", func() {
		o := w.create(w.callback("fleet", "0000123456-00001", fleetURL))
		w.eventually(o, v1alpha1.ReasonRegistered)
		Expect(w.far.Registered(o.Spec.Account)).To(Equal(fleetURL))
		Expect(w.calls()).To(Equal([]string{"list", "register"}))
		Expect(w.far.Count("token")).To(Equal(1))
		Expect(w.far.Count("login")).To(Equal(1))
		Expect(w.conditions(o)).To(ConsistOf("Ready=True"))

		live := w.get(o)
		Expect(live.Finalizers).To(ConsistOf(v1alpha1.Finalizer))
		Expect(live.Annotations).To(HaveKeyWithValue(v1alpha1.LastSentURLAnnotation, fleetURL))
		Expect(live.Status.RegisteredURL).To(Equal(fleetURL))
		Expect(live.Status.RemoteURL).To(Equal(fleetURL))
		Expect(live.Status.EchoedURL).To(BeEmpty())
		Eventually(func() []string { return w.events(o) }).Should(Equal([]string{v1alpha1.EventRegistered}))

		second := w.create(w.callback("second", "0000123456-00002", fleetURL))
		before := w.writes.n.Load()
		w.eventually(second, v1alpha1.ReasonRegistered)
		Expect(w.writes.n.Load()-before).To(BeNumerically("<=", 2), "claim and status")

		w.quiet()
		w.far.ResetRecord()
		before = w.writes.n.Load()
		w.pass(o, 11*time.Minute)
		Eventually(w.calls).Should(Equal([]string{"list"}))
		w.wake(o)
		w.quiet()
		Expect(w.calls()).To(Equal([]string{"list"}))
		Expect(w.writes.n.Load()-before).To(BeNumerically("<=", 3), "only the marker's own status")
	})

	It("replaces in place when the URL changes", func() {
		o := w.create(w.callback("fleet", "acc-1", fleetURL))
		w.eventually(o, v1alpha1.ReasonRegistered)
		w.far.ResetRecord()
		w.edit(o, func(o *v1alpha1.FotaCallback) { o.Spec.URL = fleetURL + "/v2" })
		w.eventually(o, v1alpha1.ReasonRegistered)
		Expect(w.far.Registered("acc-1")).To(Equal(fleetURL + "/v2"))
		Expect(w.calls()).To(Equal([]string{"list", "update"}))
		Expect(w.get(o).Status.ReplacedURL).To(BeEmpty(), "what it replaced was its own")
	})

	It("puts drift right, and remembers what was there", func() {
		o := w.create(w.callback("fleet", "acc-1", fleetURL))
		w.eventually(o, v1alpha1.ReasonRegistered)
		w.far.Register("acc-1", foreignURL)
		w.pass(o, 11*time.Minute)
		Eventually(func() string { return w.far.Registered("acc-1") }).Should(Equal(fleetURL))
		Eventually(func() string { return w.get(o).Status.ReplacedURL }).Should(Equal(foreignURL))
		Eventually(func() []string { return w.events(o) }).Should(ContainElement(v1alpha1.EventDriftCorrected))
	})

	It("registers again what somebody removed", func() {
		o := w.create(w.callback("fleet", "acc-1", fleetURL))
		w.eventually(o, v1alpha1.ReasonRegistered)
		w.far.Register("acc-1", "")
		w.pass(o, 11*time.Minute)
		Eventually(func() string { return w.far.Registered("acc-1") }).Should(Equal(fleetURL))
	})

	It("deregisters with three calls and one write when it is deleted", func() {
		o := w.create(w.callback("fleet", "acc-1", fleetURL))
		w.eventually(o, v1alpha1.ReasonRegistered)
		w.quiet()
		w.far.ResetRecord()
		before := w.writes.n.Load()
		w.delete(o)
		w.gone(o)
		Expect(w.calls()).To(Equal([]string{"list", "deregister", "list"}))
		Expect(w.writes.n.Load() - before).To(BeEquivalentTo(1))
		Expect(w.far.Registrations()).To(BeEmpty())
		Eventually(func() []string { return w.events(o) }).Should(ContainElement(v1alpha1.EventDeregistered))
	})
})
