package perturbation

import (
	"slices"
	"time"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/fota-callback-operator/fota-callback-operator/api/v1alpha1"
	"github.com/fota-callback-operator/fota-callback-operator/internal/simulator"
)

const (
	namespace = "iot"
	account   = "acc-1"
	fleetURL  = "https://fota.example.com/callbacks/east"
	nextURL   = "https://fota.example.com/callbacks/west"
	foreign   = "https://elsewhere.example.net/hook"
	username  = simulator.DefaultUsername
	// What is secret looks different in each form that it may be shown in.
	clientSecret = "s3cr&t\"~/?ü" //nolint:gosec // of the simulator
	password     = "p&ss\"~/?é"   //nolint:gosec // of the simulator
)

// story is what is there, and what people do, one act after the other. Between acts everything settles.
type story struct {
	name  string
	setup func(*world)
	acts  []act
}

// These are stories in which it depends on who comes first which of two objects gets the account.
const (
	olderComesBack = "an older one finds its Secret after another has registered"
	eitherMay      = "refused, and then another claims the account in an outage"
)

// eitherMay reports whether it depends on who comes first which of two objects gets the account.
func (s story) eitherMay() bool { return s.name == eitherMay || s.name == olderComesBack }

// act is something that people do. It says whether it could be done.
type act struct {
	do func(*world) bool
	// far says that it happens at the far side, where the operator sees no event.
	far bool
}

func user(do func(*world)) act { return act{do: func(w *world) bool { do(w); return true }} }

func farSide(do func(*world)) act {
	return act{far: true, do: func(w *world) bool { do(w); return true }}
}

func nothing(*world) {}

func good(w *world) { w.changePassword(password) }

func create(changes ...func(*v1alpha1.FotaCallback)) act { return createNamed("fleet", changes...) }

func createNamed(name string, changes ...func(*v1alpha1.FotaCallback)) act {
	return act{do: func(w *world) bool {
		o := callback(name, account, fleetURL)
		for _, change := range changes {
			change(o)
		}
		return w.kube.create(o)
	}}
}

func edit(changes ...func(*v1alpha1.FotaCallback)) act {
	return user(func(w *world) {
		w.kube.edit("fleet", func(o *v1alpha1.FotaCallback) {
			for _, change := range changes {
				change(o)
			}
		})
	})
}

// replace puts another object in the place of one that nothing holds, between two looks of the operator.
func replace(w *world) bool {
	w.kube.delete("fleet")
	return w.kube.create(callback("fleet", account, fleetURL))
}

var remove = user(func(w *world) { w.kube.delete("fleet") })

func byHand(url string) func(*world) { return func(w *world) { w.far.Register(account, url) } }

func ifUnregistered(o *v1alpha1.FotaCallback) {
	o.Spec.AdoptionPolicy = v1alpha1.AdoptionIfUnregistered
}
func warn(o *v1alpha1.FotaCallback)    { o.Spec.DriftPolicy = v1alpha1.DriftWarn }
func retain(o *v1alpha1.FotaCallback)  { o.Spec.DeletionPolicy = v1alpha1.DeletionRetain }
func suspend(o *v1alpha1.FotaCallback) { o.Spec.Suspend = true }
func resume(o *v1alpha1.FotaCallback)  { o.Spec.Suspend = false }

// asked is what `kubectl annotate` does to have an object checked at once.
func asked(when string) func(*v1alpha1.FotaCallback) {
	return func(o *v1alpha1.FotaCallback) {
		metav1.SetMetaDataAnnotation(&o.ObjectMeta, v1alpha1.RequestedAtAnnotation, when)
	}
}

func changeURL(o *v1alpha1.FotaCallback) { o.Spec.URL = nextURL }

// strip is what kubectl replace or a restore does.
func strip(o *v1alpha1.FotaCallback) { o.Finalizers, o.Annotations = nil, nil }

// ofAnother names an account of its own.
func ofAnother(o *v1alpha1.FotaCallback) { o.Spec.Account = "acc-2" }

// fails has the far side answer wrongly until it recovers.
func fails(fault simulator.Fault) func(*world) {
	return func(w *world) {
		w.far.ClearFaults()
		w.far.Inject(fault)
		w.denied = true
	}
}

func recovers(w *world) {
	w.far.ClearFaults()
	w.denied = false
}

func both(a, b func(*world)) func(*world) { return func(w *world) { a(w); b(w) } }

var stories = slices.Concat(objectStories, ownerStories, loginStories)

// objectStories are about objects and what is registered.
var objectStories = []story{
	{"create", good, []act{create()}},
	{"adopt an equal URL", both(good, byHand(fleetURL)), []act{create(ifUnregistered)}},
	{"take over a foreign URL", both(good, byHand(foreign)), []act{create()}},
	{"IfUnregistered refused", both(good, byHand(foreign)), []act{create(ifUnregistered)}},
	{"IfUnregistered refused, then free", both(good, byHand(foreign)), []act{create(ifUnregistered), farSide(byHand(""))}},
	{"URL change", good, []act{create(), edit(changeURL)}},
	{"URL changed twice", good, []act{create(), edit(changeURL), edit(func(o *v1alpha1.FotaCallback) { o.Spec.URL = fleetURL + "/3" })}},
	{"URL change of one that would not overwrite", good, []act{create(ifUnregistered), edit(changeURL)}},
	{"URL change of one that only warns", good, []act{create(warn), edit(changeURL)}},
	{"URL change, then delete", good, []act{create(), edit(changeURL), remove}},
	{"drift corrected", good, []act{create(), farSide(byHand(foreign))}},
	{"drift to nothing", good, []act{create(), farSide(byHand(""))}},
	{"URL change, then drift to nothing", good, []act{create(), edit(changeURL), farSide(byHand(""))}},
	{"drift only warned of", good, []act{create(warn), farSide(byHand(foreign))}},
	{"stripped", good, []act{create(), edit(strip)}},
	{"delete", good, []act{create(), remove}},
	{"delete what was never registered", nothing, []act{create(), remove}},
	{"delete with the far side already empty", good, []act{create(), user(both(byHand(""), func(w *world) { w.kube.delete("fleet") }))}},
	{"delete with a foreign URL live", good, []act{create(warn), farSide(byHand(foreign)), remove}},
	{"delete with the credentials gone", good, []act{create(), user(both(func(w *world) { w.kube.removeSecret(v1alpha1.DefaultSecretName) }, func(w *world) { w.kube.delete("fleet") })), user(good)}},
	{"delete long after the credentials have gone", good, []act{create(), farSide(func(w *world) { w.kube.removeSecret(v1alpha1.DefaultSecretName) }), remove, user(good)}},
	{"Retain", good, []act{create(retain), remove}},
	{"Retain while a deletion waits", nothing, []act{user(good), create(), farSide(func(w *world) {
		w.clock.Step(5 * time.Minute)
		w.far.EndSessions()
		w.far.Deny(account, true)
		w.denied = true
	}), remove, edit(retain)}},
	{"replaced unseen before it was claimed", nothing, []act{create(), {do: replace}, user(good), edit(changeURL)}},
	{"stripped and replaced unseen", good, []act{create(), {do: func(w *world) bool {
		w.kube.edit("fleet", strip)
		return replace(w)
	}}, edit(changeURL)}},
	{"delete and recreate under one name", good, []act{create(), remove, create()}},
	{"recreate with another URL", good, []act{create(), remove, create(changeURL)}},
	{"suspend and resume", good, []act{create(), edit(suspend), farSide(byHand(foreign)), edit(resume)}},
	{"suspend with another URL, then resume", good, []act{create(), edit(suspend, changeURL), edit(resume)}},
	{"delete a suspended one", good, []act{create(), edit(suspend), remove}},
	{"two objects, one account, then hand-over", good, []act{create(), createNamed("next", changeURL), remove}},
	{"hand-over to one that would not overwrite", good, []act{create(), createNamed("next", changeURL, ifUnregistered), remove}},
	{"a check is asked for", good, []act{create(), user(func(w *world) {
		w.clock.Step(2 * time.Minute)
		w.far.Register(account, foreign)
		w.kube.edit("fleet", asked("now"))
	})}},
	{"rename", good, []act{create(), user(func(w *world) {
		w.kube.delete("fleet")
		w.kube.create(callback("renamed", account, fleetURL))
	})}},
	{"rename, then another URL", good, []act{create(), user(func(w *world) {
		w.kube.delete("fleet")
		w.kube.create(callback("renamed", account, fleetURL))
	}), user(func(w *world) { w.kube.edit("renamed", changeURL) })}},
	// A cache may lag at each of the edits, and show a deletion without its successor.
	{"rename, after edits of another account's object", good, []act{create(), createNamed("west", ofAnother), user(func(w *world) {
		w.kube.delete("fleet")
		for _, change := range []spec{every5m, warn, changeURL} {
			w.kube.edit("west", change)
		}
		w.kube.create(callback("renamed", account, fleetURL))
	})}},
	{"the owner suspended before it registered", good, []act{create(suspend), createNamed("next", changeURL), edit(resume)}},
	{"two objects, the far side emptied, then a resume", good, []act{create(suspend), createNamed("next", changeURL), user(both(byHand(""), func(w *world) {
		w.kube.edit("fleet", resume)
	}))}},
	{"a rename in an outage", good, renamedWhile(simulator.Fault{Status: 503})},
	// The successor tries after 0, 1, 3, 7, 15, 31 and 63 seconds, after less than two minutes, and once more after them.
	{"a rename in an outage of minutes", good, renamedFor(simulator.Fault{Operation: "list", Status: 503, Times: 8})},
	{"a rename while a web page answers for minutes", good, renamedFor(simulator.Fault{Operation: "list", Status: 200, Body: "<html>", Times: 8})},
	{"a rename while nothing can be changed", good, []act{create(), user(func(w *world) {
		fails(simulator.Fault{Operation: "update", Status: 503})(w)
		w.far.Inject(simulator.Fault{Operation: "register", Status: 503})
		w.kube.delete("fleet")
		w.kube.create(callback("renamed", account, fleetURL))
	}), farSide(recovers)}},
	{"a rename while ThingSpace asks to wait", good, renamedWhile(simulator.Fault{Status: 429, Header: map[string]string{"Retry-After": "300"}})},
	{"a rename while a web page answers", good, renamedWhile(simulator.Fault{Operation: "list", Status: 200, Body: "<html>"})},
	{eitherMay, both(good, fails(simulator.Fault{Operation: "register", Status: 400, Body: `{"errorCode":"X"}`})), []act{
		create(), user(both(fails(simulator.Fault{Operation: "register", Status: 503}), func(w *world) {
			w.kube.create(callback("next", account, nextURL))
		})), farSide(recovers),
	}},
}

// renamedFor is an object that is replaced by another with another URL, while the far side answers some calls wrongly.
func renamedFor(fault simulator.Fault) []act {
	return []act{create(), user(func(w *world) {
		w.far.Inject(fault)
		w.kube.delete("fleet")
		w.kube.create(callback("renamed", account, nextURL))
	})}
}

// renamedWhile is an object that is replaced by another with another URL, while the far side answers wrongly for some time.
func renamedWhile(fault simulator.Fault) []act {
	return []act{create(), user(both(fails(fault), func(w *world) {
		w.kube.delete("fleet")
		w.kube.create(callback("renamed", account, nextURL))
	})), farSide(recovers)}
}

func callback(name, account, url string) *v1alpha1.FotaCallback {
	o := &v1alpha1.FotaCallback{Spec: v1alpha1.FotaCallbackSpec{Account: account, URL: url}}
	o.Namespace, o.Name = namespace, name
	return o
}

func credentials(password string) map[string][]byte {
	return map[string][]byte{
		"client-id": []byte(simulator.DefaultClientID), "client-secret": []byte(clientSecret),
		"username": []byte(username), "password": []byte(password),
	}
}
