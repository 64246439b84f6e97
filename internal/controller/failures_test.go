package controller_test

import (
	"fmt"
	"net/http"
	"time"

	. "github.com/onsi/ginkgo/v2"
	. "github.com/onsi/gomega"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/fota-callback-operator/fota-callback-operator/api/v1alpha1"
	"github.com/fota-callback-operator/fota-callback-operator/internal/simulator"
)

var _ = Describe("What goes wrong", func() {
	var w *world
	BeforeEach(func() {
		w = newWorld(GinkgoT().Context(), simulator.Options{})
		w.start()
	})

	DescribeTable("an answer ends in its own reason, and nothing is changed",
		func(fault simulator.Fault, reason, condition string) {
			w.goodCredentials()
			w.far.Inject(fault)
			o := w.create(w.callback("fleet", "acc-1", fleetURL))
			w.eventually(o, reason)
			Expect(w.conditions(o)).To(ConsistOf("Ready=False", condition+"=True"))
			Expect(w.far.Registrations()).To(BeEmpty())
			Expect(w.get(o).Finalizers).To(BeEmpty())
			w.far.ClearFaults()
			w.request(o, "now")
			w.eventually(o, v1alpha1.ReasonRegistered)
		},
		Entry("503", simulator.Fault{Operation: "list", Status: 503}, v1alpha1.ReasonAPIUnavailable, "Reconciling"),
		Entry("no answer", simulator.Fault{Operation: "list", Hang: true}, v1alpha1.ReasonAPIUnavailable, "Reconciling"),
		Entry("a closed connection", simulator.Fault{Operation: "list"}, v1alpha1.ReasonAPIUnavailable, "Reconciling"),
		Entry("HTML", simulator.Fault{Operation: "list", Status: 200, Body: "<html>"}, v1alpha1.ReasonUnexpectedResponse, "Reconciling"),
		Entry("half a body", simulator.Fault{Operation: "list", Status: 200, Body: `{"url":`, CutOff: true}, v1alpha1.ReasonUnexpectedResponse, "Reconciling"),
		Entry("a redirect", simulator.Fault{Operation: "list", Status: 302, Header: map[string]string{"Location": "http://127.0.0.1:1/"}}, v1alpha1.ReasonUnexpectedResponse, "Reconciling"),
		Entry("a refusal", simulator.Fault{Operation: "list", Status: 400, Body: `{"errorCode":"INVALID_PARAMETER"}`}, v1alpha1.ReasonRequestRejected, "Stalled"),
		Entry("a refused token", simulator.Fault{Operation: "token", Status: 401, Body: `{"error":"invalid_client"}`}, v1alpha1.ReasonCredentialsRejected, "Stalled"),
		Entry("a denial", simulator.Fault{Operation: "list", Status: 403, Body: `{"errorCode":"NO"}`}, v1alpha1.ReasonAccessDenied, "Stalled"),
	)

	It("waits as long as Retry-After says, for all objects of the credentials", func() {
		w.goodCredentials()
		w.far.Inject(simulator.Fault{Operation: "list", Status: 429, Header: map[string]string{"Retry-After": "300"}, Times: 1})
		o := w.create(w.callback("fleet", "acc-1", fleetURL))
		w.eventually(o, v1alpha1.ReasonRateLimited)
		other := w.create(w.callback("other", "acc-2", fleetURL))
		w.eventually(other, v1alpha1.ReasonRateLimited)
		Expect(w.far.Count("list")).To(Equal(1))
		w.pass(o, 301*time.Second)
		w.eventually(o, v1alpha1.ReasonRegistered)
	})

	It("says which Secret or key is missing, and goes on by itself when it is there", func() {
		o := w.create(w.callback("fleet", "acc-1", fleetURL))
		w.eventually(o, v1alpha1.ReasonCredentialsNotFound)
		Expect(w.message(o)).To(ContainSubstring("Secret " + w.namespace + "/thingspace-credentials is not there"))
		Expect(w.user.Create(w.ctx, &corev1.Secret{
			ObjectMeta: metav1.ObjectMeta{Namespace: w.namespace, Name: secretName}, StringData: map[string]string{"client-id": "x"},
		})).To(Succeed())
		w.pass(o, 31*time.Second)
		Eventually(func() string { return w.message(o) }).Should(ContainSubstring("key client-secret is missing or empty"))
		w.goodCredentials()
		w.pass(o, 31*time.Second)
		w.eventually(o, v1alpha1.ReasonRegistered)
	})

	It("makes one login with a wrong password, through restarts, until the Secret changes", func() {
		w.credentials(simulator.DefaultUsername, "wrong")
		o := w.create(w.callback("fleet", "acc-1", fleetURL))
		w.eventually(o, v1alpha1.ReasonCredentialsRejected)
		Expect(w.conditions(o)).To(ConsistOf("Ready=False", "Stalled=True"))
		Expect(w.message(o)).To(ContainSubstring("1 of 5 failed logins are used up"))
		w.request(o, "try again")
		w.eventually(o, v1alpha1.ReasonCredentialsRejected)
		for range 3 {
			w.restart()
			w.pass(o, 11*time.Minute)
			w.quiet()
		}
		Expect(w.far.Count("login")).To(Equal(1))

		w.goodCredentials()
		w.pass(o, 11*time.Minute)
		w.eventually(o, v1alpha1.ReasonRegistered)
		Expect(w.far.Count("login")).To(Equal(2))
	})

	It("never makes a fourth failed login in a row for one user, over Secrets and restarts", func() {
		for i, name := range []string{"one", "two", "three", "four", "five"} {
			w.secret(name, simulator.DefaultUsername, "wrong-"+name)
			o := w.create(w.callback(name, "acc-"+name, fleetURL), func(o *v1alpha1.FotaCallback) {
				o.Spec.CredentialsSecretRef = &v1alpha1.SecretReference{Name: name}
			})
			if i == 1 {
				w.eventually(o, v1alpha1.ReasonRateLimited) // the user's minute
			}
			if i > 0 { // the first login has to have been made by now
				w.pass(o, 2*time.Minute)
			}
			w.eventually(o, v1alpha1.ReasonCredentialsRejected)
			if i == 1 {
				w.restart()
			}
		}
		Expect(w.far.Count("login")).To(Equal(3))
		Expect(w.far.Locked(simulator.DefaultUsername)).To(BeFalse())
	})

	It("adds up what a user has failed with in all its Secrets, whichever a new process takes up first", func() {
		w.far.Inject(simulator.Fault{Operation: "login", Applied: true}) // the answer is lost
		var both []*v1alpha1.FotaCallback
		for _, name := range []string{"one", "two"} {
			w.secret(name, simulator.DefaultUsername, "not-the-password")
			both = append(both, w.create(w.callback("fleet-"+name, "acc-"+name, fleetURL), func(o *v1alpha1.FotaCallback) {
				o.Spec.CredentialsSecretRef = &v1alpha1.SecretReference{Name: name}
			}))
		}
		for n := range 6 {
			Eventually(func() int { return w.far.Count("login") }).Should(Equal(min(n+1, 3)))
			for _, o := range both {
				Eventually(w.reason(o)).ShouldNot(Equal("not handled yet"))
			}
			w.clock.move(time.Minute)
			w.restart()
		}
		for _, o := range both {
			w.eventually(o, v1alpha1.ReasonCredentialsRejected)
		}
		w.quiet()
		Expect(w.far.Count("login")).To(Equal(3))
		Expect(w.far.Locked(simulator.DefaultUsername)).To(BeFalse())
	})

	It("makes no fourth login whoever asks for it, and goes on when an administrator has freed the user", func() {
		w.goodCredentials()
		w.far.Inject(simulator.Fault{Operation: "login", Status: 500})
		var fleet []*v1alpha1.FotaCallback
		for n := range 6 {
			fleet = append(fleet, w.create(w.callback(fmt.Sprintf("fleet-%d", n), fmt.Sprintf("acc-%d", n), fleetURL)))
		}
		for range 3 {
			w.pass(fleet[0], 2*time.Minute)
			for _, o := range fleet {
				Eventually(w.reason(o)).ShouldNot(Equal("not handled yet"))
			}
		}
		Eventually(func() string { w.pass(fleet[0], time.Minute); return w.reason(fleet[0])(NewWithT(GinkgoT())) }).
			Should(Equal(v1alpha1.ReasonCredentialsRejected))
		w.far.ClearFaults()
		w.restart()
		for _, o := range fleet {
			w.request(o, "please")
		}
		for _, o := range fleet {
			Eventually(w.reason(o)).Should(Equal(v1alpha1.ReasonCredentialsRejected))
		}
		Expect(w.far.Count("login")).To(Equal(3))
		Expect(w.message(fleet[0])).To(And(
			ContainSubstring("3 of 5 failed logins are used up"), ContainSubstring("from ConfigMap "+w.namespace+"/logins")))

		w.freeUser(simulator.DefaultUsername)
		w.clock.move(time.Minute)
		w.request(fleet[0], "now")
		w.eventually(fleet[0], v1alpha1.ReasonRegistered)
		Expect(w.far.Count("login")).To(Equal(4))
	})

	It("counts a user once, however its name is written", func() {
		for i, user := range []string{"Demo-User", "demo-user", "DEMO-USER", "dEmO-user"} {
			w.secret(fmt.Sprint("secret-", i), user, fmt.Sprint("wrong-", i))
			o := w.create(w.callback(fmt.Sprint("fleet-", i), fmt.Sprint("acc-", i), fleetURL), func(o *v1alpha1.FotaCallback) {
				o.Spec.CredentialsSecretRef = &v1alpha1.SecretReference{Name: fmt.Sprint("secret-", i)}
			})
			if i > 0 {
				Eventually(w.reason(o)).ShouldNot(Equal("not handled yet"))
				w.pass(o, 2*time.Minute)
			}
			w.eventually(o, v1alpha1.ReasonCredentialsRejected)
		}
		Expect(w.far.Count("login")).To(Equal(3))
	})

	It("leaves Ready True until a third routine check in a row has failed", func() {
		w.goodCredentials()
		o := w.create(w.callback("fleet", "acc-1", fleetURL))
		w.eventually(o, v1alpha1.ReasonRegistered)
		w.quiet()
		before := w.writes.n.Load()
		w.far.ResetRecord()
		w.far.Inject(simulator.Fault{Operation: "list", Status: 500, Times: 2})
		w.pass(o, 11*time.Minute)
		Eventually(w.calls).Should(HaveLen(3))
		Expect(rulesReason(w, o)).To(Equal(v1alpha1.ReasonRegistered))
		Expect(w.writes.n.Load()).To(Equal(before))
		w.quiet()
		Expect(rulesReason(w, o)).To(Equal(v1alpha1.ReasonRegistered), "two have failed in a row, and the third did not")

		w.far.ResetRecord()
		w.far.Inject(simulator.Fault{Operation: "list", Status: 500})
		w.pass(o, 11*time.Minute)
		w.eventually(o, v1alpha1.ReasonAPIUnavailable)
		Expect(len(w.calls())).To(BeNumerically(">=", 3))
	})

	It("signs in anew when the session ends, and no oftener than once a minute", func() {
		w.goodCredentials()
		o := w.create(w.callback("fleet", "acc-1", fleetURL))
		w.eventually(o, v1alpha1.ReasonRegistered)
		w.clock.move(2 * time.Minute)
		w.far.EndSessions()
		w.far.EndTokens()
		w.pass(o, 11*time.Minute)
		Eventually(func() int { return w.far.Count("login") }).Should(Equal(2))
		w.quiet()
		Expect(rulesReason(w, o)).To(Equal(v1alpha1.ReasonRegistered))
	})

	It("keeps the finalizer while ThingSpace can't be reached", func() {
		w.goodCredentials()
		o := w.create(w.callback("fleet", "acc-1", fleetURL))
		w.eventually(o, v1alpha1.ReasonRegistered)
		w.far.Inject(simulator.Fault{Status: http.StatusBadGateway})
		w.delete(o)
		w.eventually(o, v1alpha1.ReasonDeregistering)
		Expect(w.conditions(o)).To(ConsistOf("Ready=False", "Reconciling=True"))
		w.far.ClearFaults()
		w.gone(o)
		Expect(w.far.Registrations()).To(BeEmpty())
	})

	It("finds its own registration after an answer was lost", func() {
		w.goodCredentials()
		w.far.Inject(simulator.Fault{Operation: "register", Applied: true, Times: 1})
		o := w.create(w.callback("fleet", "acc-1", fleetURL))
		w.eventually(o, v1alpha1.ReasonRegistered)
		Expect(w.far.Count("register")).To(Equal(1))
		Eventually(func() []string { return w.events(o) }).Should(ContainElement(v1alpha1.EventRegistered))
	})

	It("holds calls back while ThingSpace is down, and recovers by itself", func() {
		w.goodCredentials()
		w.far.Inject(simulator.Fault{Status: http.StatusServiceUnavailable})
		var all []*v1alpha1.FotaCallback
		for _, name := range []string{"a", "b", "c", "d", "e", "f", "g", "h", "i", "j", "k", "l"} {
			all = append(all, w.create(w.callback(name, "acc-"+name, fleetURL)))
		}
		for _, o := range all {
			w.eventually(o, v1alpha1.ReasonAPIUnavailable)
		}
		w.far.ClearFaults()
		for _, o := range all {
			w.eventually(o, v1alpha1.ReasonRegistered)
		}
	})
})
