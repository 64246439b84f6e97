package controller_test

import (
	"time"

	. "github.com/onsi/ginkgo/v2"
	. "github.com/onsi/gomega"

	"github.com/fota-callback-operator/fota-callback-operator/api/v1alpha1"
	"github.com/fota-callback-operator/fota-callback-operator/internal/simulator"
)

var _ = Describe("Policies", func() {
	var w *world
	BeforeEach(func() {
		w = newWorld(GinkgoT().Context(), simulator.Options{})
		w.goodCredentials()
		w.start()
	})

	It("Overwrite takes a foreign URL over and remembers it", func() {
		w.far.Register("acc-1", foreignURL)
		o := w.create(w.callback("fleet", "acc-1", fleetURL))
		w.eventually(o, v1alpha1.ReasonRegistered)
		Expect(w.far.Registered("acc-1")).To(Equal(fleetURL))
		Expect(w.get(o).Status.ReplacedURL).To(Equal(foreignURL))
	})

	It("IfUnregistered leaves a foreign URL alone, and claims nothing", func() {
		w.far.Register("acc-1", foreignURL)
		o := w.create(w.callback("fleet", "acc-1", fleetURL), func(o *v1alpha1.FotaCallback) {
			o.Spec.AdoptionPolicy = v1alpha1.AdoptionIfUnregistered
		})
		w.eventually(o, v1alpha1.ReasonExistingRegistration)
		Expect(w.conditions(o)).To(ConsistOf("Ready=False", "Stalled=True"))
		Expect(w.get(o).Finalizers).To(BeEmpty())
		w.delete(o)
		w.gone(o)
		Expect(w.far.Registered("acc-1")).To(Equal(foreignURL))
		Expect(w.calls()).To(Equal([]string{"list"}))
	})

	It("IfUnregistered registers where nothing is, and adopts an equal URL", func() {
		w.far.Register("acc-2", "HTTPS://FOTA.example.com:443/callbacks/east-7c1f")
		for _, account := range []string{"acc-1", "acc-2"} {
			o := w.create(w.callback("fleet-"+account, account, fleetURL), func(o *v1alpha1.FotaCallback) {
				o.Spec.AdoptionPolicy = v1alpha1.AdoptionIfUnregistered
			})
			w.eventually(o, v1alpha1.ReasonRegistered)
			Expect(w.get(o).Finalizers).NotTo(BeEmpty())
		}
		Expect(w.far.Count("register")).To(Equal(1))
		Expect(w.far.Count("update")).To(BeZero())
	})

	It("Warn leaves drift alone and says so once", func() {
		o := w.create(w.callback("fleet", "acc-1", fleetURL), func(o *v1alpha1.FotaCallback) { o.Spec.DriftPolicy = v1alpha1.DriftWarn })
		w.eventually(o, v1alpha1.ReasonRegistered)
		w.far.Register("acc-1", foreignURL)
		w.pass(o, 11*time.Minute)
		w.eventually(o, v1alpha1.ReasonDrifted)
		Expect(w.far.Registered("acc-1")).To(Equal(foreignURL))
		Eventually(func() []string { return w.events(o) }).Should(ContainElements(v1alpha1.EventDriftDetected, v1alpha1.ReasonDrifted))
		w.far.Register("acc-1", "")
		w.pass(o, 11*time.Minute)
		w.eventually(o, v1alpha1.ReasonRegistered)
	})

	It("Retain makes no call, also when it is set while a deletion waits", func() {
		o := w.create(w.callback("fleet", "acc-1", fleetURL))
		w.eventually(o, v1alpha1.ReasonRegistered)
		w.far.Inject(simulator.Fault{Status: 503})
		w.delete(o)
		w.eventually(o, v1alpha1.ReasonDeregistering)
		w.edit(o, func(o *v1alpha1.FotaCallback) { o.Spec.DeletionPolicy = v1alpha1.DeletionRetain })
		w.gone(o)
		Expect(w.far.Registered("acc-1")).To(Equal(fleetURL))
		Eventually(func() []string { return w.events(o) }).Should(ContainElement(v1alpha1.EventRetained))
	})

	It("suspend stops all work, and a suspended object still deregisters", func() {
		o := w.create(w.callback("fleet", "acc-1", fleetURL))
		w.eventually(o, v1alpha1.ReasonRegistered)
		w.edit(o, func(o *v1alpha1.FotaCallback) { o.Spec.Suspend = true })
		w.eventually(o, v1alpha1.ReasonSuspended)
		Expect(w.conditions(o)).To(ConsistOf("Ready=Unknown"))
		w.far.ResetRecord()
		w.far.Register("acc-1", foreignURL)
		w.pass(o, 11*time.Minute)
		w.quiet()
		Expect(w.calls()).To(BeEmpty())
		w.far.Register("acc-1", fleetURL)
		w.delete(o)
		w.gone(o)
		Expect(w.far.Registrations()).To(BeEmpty())
	})

	It("leaves a foreign URL alone on deletion", func() {
		o := w.create(w.callback("fleet", "acc-1", fleetURL))
		w.eventually(o, v1alpha1.ReasonRegistered)
		w.far.Register("acc-1", foreignURL)
		w.delete(o)
		w.gone(o)
		Expect(w.far.Registered("acc-1")).To(Equal(foreignURL))
		Expect(w.far.Count("deregister")).To(BeZero())
		Eventually(func() []string { return w.events(o) }).Should(ContainElement(v1alpha1.EventDeregistrationSkipped))
	})

	It("tells when somebody else keeps changing the registration", func() {
		o := w.create(w.callback("fleet", "acc-1", fleetURL))
		w.eventually(o, v1alpha1.ReasonRegistered)
		for range 3 {
			w.far.Register("acc-1", foreignURL)
			w.pass(o, 11*time.Minute)
			Eventually(func() string { return w.far.Registered("acc-1") }).Should(Equal(fleetURL))
			w.quiet()
		}
		Eventually(func() []string { return w.events(o) }).Should(ContainElement(v1alpha1.EventContended))
	})

	It("puts finalizer and intent back where something stripped them", func() {
		o := w.create(w.callback("fleet", "acc-1", fleetURL))
		w.eventually(o, v1alpha1.ReasonRegistered)
		w.edit(o, func(o *v1alpha1.FotaCallback) { o.Finalizers, o.Annotations = nil, nil })
		w.pass(o, 11*time.Minute)
		Eventually(func() []string { return w.get(o).Finalizers }).Should(ConsistOf(v1alpha1.Finalizer))
		Expect(w.far.Count("register") + w.far.Count("update")).To(Equal(1))
	})

	It("keeps comparing with the echo where ThingSpace rewrites the URL", func() {
		w.stop()
		w = newWorld(GinkgoT().Context(), simulator.Options{Normalize: func(url string) string { return url + "/" }})
		w.goodCredentials()
		w.start()
		o := w.create(w.callback("fleet", "acc-1", fleetURL))
		w.eventually(o, v1alpha1.ReasonRegistered)
		Expect(w.get(o).Status.EchoedURL).To(Equal(fleetURL + "/"))
		w.far.ResetRecord()
		w.pass(o, 11*time.Minute)
		Eventually(w.calls).Should(Equal([]string{"list"}))
		w.delete(o)
		w.gone(o)
		Expect(w.far.Registrations()).To(BeEmpty())
	})
})
