package controller_test

import (
	"fmt"
	"strings"
	"time"

	. "github.com/onsi/ginkgo/v2"
	. "github.com/onsi/gomega"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/fota-callback-operator/fota-callback-operator/api/v1alpha1"
	"github.com/fota-callback-operator/fota-callback-operator/internal/simulator"
)

var _ = Describe("What a stranger writes", func() {
	var w *world
	BeforeEach(func() {
		w = newWorld(GinkgoT().Context(), simulator.Options{})
		w.stranger()
		w.goodCredentials()
		w.start()
	})
	inAnother := func(o *v1alpha1.FotaCallback) { o.Namespace = w.another }
	// carries is what the metadata of a claim looks like; by is the UID that it names.
	carries := func(url, by string) func(*v1alpha1.FotaCallback) {
		return func(o *v1alpha1.FotaCallback) {
			o.Finalizers = []string{v1alpha1.Finalizer}
			o.Annotations = map[string]string{v1alpha1.LastSentURLAnnotation: url, v1alpha1.LastSentByAnnotation: by}
		}
	}
	squatter := func(changes ...func(*v1alpha1.FotaCallback)) *v1alpha1.FotaCallback {
		GinkgoHelper()
		return w.create(w.callback("squatter", "acc-1", foreignURL), append([]func(*v1alpha1.FotaCallback){inAnother}, changes...)...)
	}
	intervalOfADay := func(o *v1alpha1.FotaCallback) { o.Spec.Interval = "24h" }

	It("keeps nobody out for longer than a minute, not even an object that no status write fits", func() {
		w.stop()
		large := w.largest(w.callback("squatter", "acc-1", foreignURL), inAnother)
		before := w.writes.n.Load()
		w.start()
		Eventually(time.Now).Should(BeTemporally(">=", large.CreationTimestamp.Add(time.Second)), "ages are in seconds")
		Eventually(w.writes.n.Load).Should(BeNumerically(">", before), "the operator has tried")
		o := w.create(w.callback("fleet", "acc-1", fleetURL), intervalOfADay)
		w.eventually(o, v1alpha1.ReasonAccountConflict)
		Expect(w.message(o)).To(ContainSubstring("this one tries"))
		w.pass(o, 61*time.Second)
		w.eventually(o, v1alpha1.ReasonRegistered)
		Expect(w.far.Registered("acc-1")).To(Equal(fleetURL))
		Expect(w.get(large).Status.ObservedGeneration).To(BeEquivalentTo(-1), "it was never written to")
	})

	It("gains no account by a finalizer, while the owner waits for its Secret", func() {
		waiting := w.create(w.callback("fleet", "acc-1", fleetURL), func(o *v1alpha1.FotaCallback) {
			o.Spec.CredentialsSecretRef = &v1alpha1.SecretReference{Name: "late"}
		})
		w.eventually(waiting, v1alpha1.ReasonCredentialsNotFound)
		w.eventually(squatter(carries(foreignURL, "x")), v1alpha1.ReasonCredentialsNotFound)
		w.secret("late", simulator.DefaultUsername, simulator.DefaultPassword)
		w.pass(waiting, 31*time.Second)
		w.eventually(waiting, v1alpha1.ReasonRegistered)
	})

	It("does not come between a rename and its hand-over", func() {
		o := w.create(w.callback("fleet", "acc-1", fleetURL))
		w.eventually(o, v1alpha1.ReasonRegistered)
		w.eventually(squatter(), v1alpha1.ReasonAccountConflict)
		w.far.ResetRecord()
		w.delete(o)
		renamed := w.create(w.callback("renamed", "acc-1", fleetURL))
		w.eventually(renamed, v1alpha1.ReasonRegistered)
		w.gone(o)
		Expect(w.calls()).To(Equal([]string{"list"}))
	})

	It("does not have a registration left behind", func() {
		o := w.create(w.callback("fleet", "acc-1", fleetURL))
		w.eventually(o, v1alpha1.ReasonRegistered)
		w.eventually(squatter(carries(fleetURL, "x")), v1alpha1.ReasonAccountConflict)
		w.delete(o)
		w.eventually(o, v1alpha1.ReasonDeregistering)
		w.pass(o, 2*time.Minute+time.Second)
		w.gone(o)
		Expect(w.far.Registrations()).To(BeEmpty())
	})

	It("makes no foreign URL anybody's", func() {
		w.far.Register("acc-1", foreignURL)
		o := w.create(w.callback("fleet", "acc-1", fleetURL), func(o *v1alpha1.FotaCallback) { o.Spec.AdoptionPolicy = v1alpha1.AdoptionIfUnregistered })
		w.eventually(o, v1alpha1.ReasonExistingRegistration)
		claims := squatter()
		w.edit(claims, func(o *v1alpha1.FotaCallback) { carries(foreignURL, string(o.UID))(o) })
		w.delete(claims)
		w.eventually(claims, v1alpha1.ReasonDeregistering)
		w.request(o, "now")
		w.eventually(o, v1alpha1.ReasonExistingRegistration)
		Expect(w.far.Registered("acc-1")).To(Equal(foreignURL))
	})

	It("touches nothing as a suspended copy that is deleted", func() {
		w.far.Register("acc-1", foreignURL)
		w.far.ResetRecord()
		copied := w.create(w.callback("copy", "acc-1", fleetURL), carries(foreignURL, "uid-of-the-original"), func(o *v1alpha1.FotaCallback) { o.Spec.Suspend = true })
		w.eventually(copied, v1alpha1.ReasonSuspended)
		w.delete(copied)
		w.gone(copied)
		Expect(w.calls()).To(BeEmpty())
	})

	// replaced is an object without all that it does not say, as kubectl replace leaves it.
	replaced := func(o *v1alpha1.FotaCallback) {
		GinkgoHelper()
		live := w.get(o)
		live.Finalizers, live.Annotations = nil, nil
		Expect(w.user.Update(w.ctx, live)).To(Succeed())
	}
	DescribeTable("is put right at once where it strips a claim", func(suspend bool) {
		o := w.create(w.callback("fleet", "acc-1", fleetURL), intervalOfADay)
		w.eventually(o, v1alpha1.ReasonRegistered)
		if suspend {
			w.edit(o, func(o *v1alpha1.FotaCallback) { o.Spec.Suspend = true })
			w.eventually(o, v1alpha1.ReasonSuspended)
		}
		w.far.ResetRecord()
		before := w.get(o).Status
		replaced(o)
		Eventually(func() []string { return w.get(o).Finalizers }).Should(ConsistOf(v1alpha1.Finalizer))
		live := w.get(o)
		Expect(live.Annotations).To(HaveKeyWithValue(v1alpha1.LastSentURLAnnotation, fleetURL))
		Expect(live.Annotations).To(HaveKeyWithValue(v1alpha1.LastSentByAnnotation, string(live.UID)))
		w.quiet()
		Expect(w.calls()).To(BeEmpty(), "that needs no call")
		Expect(w.get(o).Status).To(Equal(before))
		w.delete(o)
		w.gone(o)
		Expect(w.far.Registrations()).To(BeEmpty())
	}, Entry("of a Ready object", false), Entry("of a suspended one", true))

	writeStatus := func(o *v1alpha1.FotaCallback, status v1alpha1.FotaCallbackStatus) {
		GinkgoHelper()
		live := w.get(o)
		live.Status = status
		Expect(w.user.Status().Update(w.ctx, live)).To(Succeed())
	}
	It("is rebuilt where it wipes a status", func() {
		o := w.create(w.callback("fleet", "acc-1", fleetURL), intervalOfADay)
		w.eventually(o, v1alpha1.ReasonRegistered)
		w.far.ResetRecord()
		writeStatus(o, v1alpha1.FotaCallbackStatus{ObservedGeneration: -1})
		w.eventually(o, v1alpha1.ReasonRegistered)
		Expect(w.get(o).Status.RegisteredURL).To(Equal(fleetURL))
		Expect(w.calls()).To(Equal([]string{"list"}))
	})

	It("counts as nothing where it is the status of another object, and is replaced as a whole", func() {
		w.stop()
		w.far.Register("acc-1", foreignURL)
		o := w.create(w.callback("fleet", "acc-1", fleetURL), carries(foreignURL, "uid-of-the-original"), func(o *v1alpha1.FotaCallback) {
			o.Spec.AdoptionPolicy = v1alpha1.AdoptionIfUnregistered
		})
		ready := metav1.Condition{Type: v1alpha1.ConditionReady, Status: metav1.ConditionTrue, Reason: v1alpha1.ReasonRegistered, LastTransitionTime: metav1.Now()}
		writeStatus(o, v1alpha1.FotaCallbackStatus{
			UID: "uid-of-the-original", ObservedGeneration: 1, ListedGeneration: 1, RegisteredURL: foreignURL, EchoedURL: foreignURL + "/", ReplacedURL: fleetURL,
			LastHandledReconcileAt: "then", Conditions: []metav1.Condition{ready, {Type: "Restored", Status: metav1.ConditionTrue, Reason: "X", LastTransitionTime: metav1.Now()}},
		})
		w.start()
		w.eventually(o, v1alpha1.ReasonExistingRegistration)
		live := w.get(o)
		Expect(live.Status.UID).To(Equal(string(live.UID)))
		Expect(live.Status.ListedGeneration).To(Equal(live.Generation))
		Expect([]string{live.Status.RegisteredURL, live.Status.EchoedURL, live.Status.ReplacedURL, live.Status.LastHandledReconcileAt}).To(HaveEach(BeEmpty()))
		Expect(w.conditions(o)).To(ConsistOf("Ready=False", "Stalled=True"))
	})
})

// largest creates an object of such a size that what the operator has to say of it finds no room.
func (w *world) largest(o *v1alpha1.FotaCallback, changes ...func(*v1alpha1.FotaCallback)) *v1alpha1.FotaCallback {
	GinkgoHelper()
	const ofLabel, precision = 340, 128 // bytes; a status has more
	ofSize := func(size int) *v1alpha1.FotaCallback {
		sized := o.DeepCopy()
		for _, change := range changes {
			change(sized)
		}
		sized.Annotations = map[string]string{v1alpha1.RequestedAtAnnotation: strings.Repeat("x", 200_000)}
		sized.Labels = map[string]string{}
		for n := 0; size > 0; n++ {
			sized.Labels[fmt.Sprintf("%s/%063d", strings.Repeat("a", 250), n)] = strings.Repeat("v", min(size, 63))
			size -= ofLabel
		}
		return sized
	}
	fits, tooLarge := 0, 4<<20
	for tooLarge-fits > precision {
		size := (fits + tooLarge) / 2
		if tried := ofSize(size); w.user.Create(w.ctx, tried) == nil {
			w.delete(tried)
			w.gone(tried)
			fits = size
		} else {
			tooLarge = size
		}
	}
	return w.create(ofSize(fits))
}

var _ = Describe("A listing that lags behind", func() {
	DescribeTable("leaves nothing registered", func(shown string) {
		w := newWorld(GinkgoT().Context(), simulator.Options{})
		w.goodCredentials()
		w.start()
		o := w.create(w.callback("fleet", "acc-1", fleetURL))
		w.eventually(o, v1alpha1.ReasonRegistered)
		w.clock.move(time.Hour) // the first URL was sent long ago
		w.edit(o, func(o *v1alpha1.FotaCallback) { o.Spec.URL = fleetURL + "/v2" })
		w.eventually(o, v1alpha1.ReasonRegistered)
		w.far.ResetRecord()
		w.far.Inject(simulator.Fault{Operation: "list", Status: 200, Body: shown, Times: 1})
		w.delete(o)
		w.gone(o)
		Expect(w.calls()).To(Equal([]string{"list", "deregister", "list"}))
		Expect(w.far.Registrations()).To(BeEmpty())
	}, Entry("where it shows the URL before", `{"url":"`+fleetURL+`"}`), Entry("where it shows nothing", "{}"))
})
