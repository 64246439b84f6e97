package perturbation

import (
	"time"

	"k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/fota-callback-operator/fota-callback-operator/api/v1alpha1"
)

const (
	account  = "acc-1"
	fleetURL = "https://fota.example.com/callbacks/east"
	nextURL  = "https://fota.example.com/callbacks/west"
	foreign  = "https://elsewhere.example.net/hook"
	password = "demo-password"
)

// scenario is a story: what is there, and what people do, one act after the other. Between acts everything settles.
type scenario struct {
	name  string
	setup func(*world)
	acts  []func(*world)
}

func good(w *world) { w.kube.secret(password) }

func create(changes ...func(*v1alpha1.FotaCallback)) func(*world) {
	return func(w *world) {
		o := callback("fleet", account, fleetURL)
		for _, change := range changes {
			change(o)
		}
		w.kube.create(o)
	}
}

func edit(change func(*v1alpha1.FotaCallback)) func(*world) {
	return func(w *world) { w.kube.edit("fleet", change) }
}

func remove(w *world) { w.kube.delete("fleet") }

func registeredByHand(url string) func(*world) {
	return func(w *world) { w.far.Register(account, url) }
}

func ifUnregistered(o *v1alpha1.FotaCallback) {
	o.Spec.AdoptionPolicy = v1alpha1.AdoptionIfUnregistered
}
func warn(o *v1alpha1.FotaCallback)      { o.Spec.DriftPolicy = v1alpha1.DriftWarn }
func retain(o *v1alpha1.FotaCallback)    { o.Spec.DeletionPolicy = v1alpha1.DeletionRetain }
func suspend(o *v1alpha1.FotaCallback)   { o.Spec.Suspend = true }
func resume(o *v1alpha1.FotaCallback)    { o.Spec.Suspend = false }
func changeURL(o *v1alpha1.FotaCallback) { o.Spec.URL = nextURL }

func both(a, b func(*world)) func(*world) { return func(w *world) { a(w); b(w) } }

var scenarios = []scenario{
	{"create", good, []func(*world){create()}},
	{"adopt an equal URL", both(good, registeredByHand(fleetURL)), []func(*world){create(ifUnregistered)}},
	{"take over a foreign URL", both(good, registeredByHand(foreign)), []func(*world){create()}},
	{"IfUnregistered refused", both(good, registeredByHand(foreign)), []func(*world){create(ifUnregistered)}},
	{"URL change", good, []func(*world){create(), edit(changeURL)}},
	{"credentials rotated", good, []func(*world){create(), func(w *world) {
		w.clock.Step(5 * time.Minute)
		w.far.SetUser("demo-user", "rotated")
		w.far.EndSessions()
		w.kube.secret("rotated")
	}}},
	{"wrong password, then the right one", func(w *world) { w.kube.secret("wrong") }, []func(*world){create(), good}},
	{"Secret missing, then there", func(*world) {}, []func(*world){create(), good}},
	{"drift corrected", good, []func(*world){create(), registeredByHand(foreign)}},
	{"drift to nothing", good, []func(*world){create(), registeredByHand("")}},
	{"drift only warned of", good, []func(*world){create(warn), registeredByHand(foreign)}},
	{"delete", good, []func(*world){create(), remove}},
	{"delete with the far side already empty", good, []func(*world){create(), both(registeredByHand(""), remove)}},
	{"delete with a foreign URL live", good, []func(*world){create(), both(registeredByHand(foreign), remove)}},
	{"Retain", good, []func(*world){create(retain), remove}},
	{"delete and recreate under one name", good, []func(*world){create(), remove, create()}},
	{"suspend and resume", good, []func(*world){create(), edit(suspend), both(registeredByHand(foreign), edit(resume))}},
	{"two objects, one account, then hand-over", good, []func(*world){create(), func(w *world) {
		w.kube.create(callback("next", account, nextURL))
	}, remove}},
	{"rename", good, []func(*world){create(), func(w *world) {
		w.kube.delete("fleet")
		w.kube.create(callback("renamed", account, fleetURL))
	}}},
	{"session expiry", good, []func(*world){create(), func(w *world) {
		w.clock.Step(5 * time.Minute)
		w.far.EndSessions()
		w.far.EndTokens()
	}}},
}

const betweenActs = 15 * time.Minute

// play runs a scenario under a plan to its end, and through ten more slots, which must bring nothing new.
func play(s scenario, p plan) *world {
	w := newWorld(p)
	s.setup(w)
	for _, act := range s.acts {
		act(w)
		w.settle(betweenActs)
	}
	w.settle(6 * time.Hour) // faults may need time to heal: five minutes of backoff, ten of a withheld login
	w.bus.plan = nil
	w.mend()
	before := len(w.bus.trace)
	w.settle(100 * time.Minute)
	for _, e := range w.bus.trace[before:] {
		switch e.kind {
		case "list", "token", "login":
		default:
			w.failf("at rest, and yet: %s", e)
		}
	}
	return w
}

// mend is what people do about what waits for them: a refused login is not repeated until the Secret changes, so they change the password.
func (w *world) mend() {
	for _, o := range w.kube.sorted() {
		if !meta.IsStatusConditionTrue(o.Status.Conditions, v1alpha1.ConditionReady) {
			w.far.SetUser("demo-user", "mended")
			w.kube.secret("mended")
			for _, every := range w.kube.sorted() {
				w.kube.edit(every.Name, func(o *v1alpha1.FotaCallback) {
					metav1.SetMetaDataAnnotation(&o.ObjectMeta, v1alpha1.RequestedAtAnnotation, "mended")
				})
			}
			w.settle(2 * time.Hour)
			return
		}
	}
}
