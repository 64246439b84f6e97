package perturbation

import (
	"time"

	"github.com/fota-callback-operator/fota-callback-operator/api/v1alpha1"
	"github.com/fota-callback-operator/fota-callback-operator/internal/simulator"
)

// Secrets besides the one that objects name by default.
const (
	secondSecret = "second"
	thirdSecret  = "third"
)

func by(secret string) func(*v1alpha1.FotaCallback) {
	return func(o *v1alpha1.FotaCallback) { o.Spec.CredentialsSecretRef = &v1alpha1.SecretReference{Name: secret} }
}

// rotate changes the password, and ends what the old one has begun.
var rotate = farSide(func(w *world) {
	w.clock.Step(5 * time.Minute)
	w.far.EndSessions()
	w.changePassword(rotated)
})

// holds gives a Secret a password.
func holds(secret, password string) func(*world) {
	return func(w *world) { w.kube.secret(secret, password) }
}

// anew puts another Secret with a password in the place of the one that objects name by default.
func anew(password string) func(*world) {
	return both(func(w *world) { w.kube.removeSecret(v1alpha1.DefaultSecretName) }, holds(v1alpha1.DefaultSecretName, password))
}

// frees is what an administrator does after the password was put right, where the operator makes no login any more by itself.
func frees(w *world) {
	w.freeUser()
	w.kube.edit("fleet", asked("please"))
}

var wrongPassword = holds(v1alpha1.DefaultSecretName, "wrong&\"~/?ä")

// brokenSecret has one user fail with two Secrets, while something has happened to one of them.
func brokenSecret(name string, what func(*world)) story {
	return story{name: name, setup: both(holds(secondSecret, "wrong 1&\"~/?ä"), holds(v1alpha1.DefaultSecretName, "wrong 3&\"~/?ä")), acts: []act{
		createNamed("other", ofAnother, by(secondSecret)),
		user(holds(secondSecret, "wrong 2&\"~/?ä")),
		user(both(what, func(w *world) { w.kube.create(callback("fleet", account, fleetURL)) })),
		user(both(holds(secondSecret, "wrong 4&\"~/?ä"), holds(v1alpha1.DefaultSecretName, "wrong 5&\"~/?ä"))),
		user(both(good, frees)),
	}}
}

// inAll gives three Secrets the same password.
func inAll(password string) func(*world) {
	return func(w *world) {
		for _, name := range []string{v1alpha1.DefaultSecretName, secondSecret, thirdSecret} {
			w.kube.secret(name, password)
		}
	}
}

// createThree has a Secret and an account for each object, as a namespace for each would have.
var createThree = user(func(w *world) {
	w.kube.create(callback("fleet", account, fleetURL))
	for _, name := range []string{secondSecret, thirdSecret} {
		o := callback(name, "acc-"+name, fleetURL)
		by(name)(o)
		w.kube.create(o)
	}
})

const anotherKey = "an0ther&\"~/?ü"

const rotated = "rotated&\"~/?ö"

// rotateThere changes the password where nobody tells the Secrets.
var rotateThere = farSide(func(w *world) {
	w.clock.Step(5 * time.Minute)
	w.far.EndSessions()
	w.setPassword(rotated)
})

// loginStories are about credentials and sessions.
var loginStories = []story{
	{"credentials rotated", good, []act{create(), rotate}},
	{"the application's key rotated", good, []act{create(), user(func(w *world) {
		w.clock.Step(5 * time.Minute)
		w.secrets = append(w.secrets, anotherKey)
		w.far.AddApp(simulator.DefaultClientID, anotherKey)
		w.far.EndTokens()
		w.kube.appKey(v1alpha1.DefaultSecretName, anotherKey)
	})}},
	{"wrong password, then the right one", wrongPassword, []act{create(), user(good)}},
	{"wrong password, an edit, then the right one", wrongPassword, []act{create(), edit(changeURL), user(good)}},
	{"Secret missing, then there", nothing, []act{create(), user(good)}},
	{"two accounts, one Secret", good, []act{create(), createNamed("other", ofAnother), edit(changeURL), remove}},
	{"two accounts, one user in two Secrets, wrong passwords, then the right one", both(wrongPassword, holds(secondSecret, "also wrong&\"~/?ä")),
		[]act{create(), createNamed("other", ofAnother, by(secondSecret)), user(good)}},
	{"session expiry", good, []act{create(), farSide(func(w *world) {
		w.clock.Step(5 * time.Minute)
		w.far.EndSessions()
		w.far.EndTokens()
	})}},
	{"an edit on an expired session", good, []act{create(), user(func(w *world) {
		w.clock.Step(5 * time.Minute)
		w.far.EndSessions()
		w.kube.edit("fleet", changeURL)
	})}},
	brokenSecret("one user in two Secrets, one of which loses its password", func(w *world) { w.kube.spoilSecret(secondSecret) }),
	brokenSecret("one user in two Secrets, one of which is gone for a while", func(w *world) { w.kube.removeSecret(secondSecret) }),
	brokenSecret("one user in two Secrets, one of which can't be read for a while", func(w *world) { w.kube.hideSecret(secondSecret) }),
	{"one user in three Secrets, a wrong password, then the right one", inAll("wrong&\"~/?ä"), []act{createThree, user(good)}},
	{"one user in three Secrets, rotated at ThingSpace first", inAll(password), []act{createThree, rotateThere, user(inAll(rotated))}},
	{"wrong passwords, and the Secret is created anew", holds(v1alpha1.DefaultSecretName, "wrong 1&\"~/?ä"), []act{
		create(), user(holds(v1alpha1.DefaultSecretName, "wrong 2&\"~/?ä")),
		user(anew("wrong 2&\"~/?ä")),
		user(holds(v1alpha1.DefaultSecretName, "wrong 3&\"~/?ä")), user(holds(v1alpha1.DefaultSecretName, "wrong 4&\"~/?ä")), user(both(good, frees)),
	}},
	{"wrong passwords, each in a Secret that is created anew", holds(v1alpha1.DefaultSecretName, "wrong 1&\"~/?ä"), []act{
		create(), user(anew("wrong 2&\"~/?ä")), user(anew("wrong 3&\"~/?ä")), user(anew("wrong 4&\"~/?ä")), user(both(good, frees)),
	}},
	{"wrong passwords beside a session that goes on", both(good, holds(secondSecret, password)), []act{
		create(), createNamed("other", ofAnother, by(secondSecret)), farSide(func(w *world) {
			w.clock.Step(5 * time.Minute)
			w.setPassword(rotated)
		}),
		user(holds(v1alpha1.DefaultSecretName, "wrong 1&\"~/?ä")), user(holds(v1alpha1.DefaultSecretName, "wrong 2&\"~/?ä")),
		user(holds(v1alpha1.DefaultSecretName, password)),
		user(holds(v1alpha1.DefaultSecretName, "wrong 3&\"~/?ä")), user(holds(v1alpha1.DefaultSecretName, "wrong 4&\"~/?ä")),
		user(func(w *world) {
			w.changePassword(rotated)
			frees(w)
		}),
	}},
	{"rotated at ThingSpace, noticed between a listing and an update", good, []act{
		create(), user(func(w *world) {
			w.clock.Step(5 * time.Minute)
			w.setPassword(rotated)
			w.far.Inject(simulator.Fault{Operation: "update", Status: 400, Body: `{"errorCode":"UnifiedWebService.SessionToken.Expired"}`, Times: 1})
			w.kube.edit("fleet", changeURL)
		}),
		user(holds(v1alpha1.DefaultSecretName, "wrong 1&\"~/?ä")), user(holds(v1alpha1.DefaultSecretName, "wrong 2&\"~/?ä")),
		user(holds(v1alpha1.DefaultSecretName, "wrong 3&\"~/?ä")), user(both(holds(v1alpha1.DefaultSecretName, rotated), frees)),
	}},
	{"rotated in the Secret first, rolled back, and rotated", good, []act{
		create(), user(func(w *world) {
			w.clock.Step(5 * time.Minute)
			w.kube.secret(v1alpha1.DefaultSecretName, rotated)
		}),
		user(good), rotate,
	}},
	{"refused, then an outage", good, []act{
		create(), user(func(w *world) {
			w.clock.Step(5 * time.Minute)
			w.far.EndSessions()
			wrongPassword(w)
		}),
		farSide(func(w *world) {
			w.far.EndTokens()
			fails(simulator.Fault{Status: 503})(w)
		}), farSide(recovers), user(good),
	}},
	{"refused, then suspended", wrongPassword, []act{create(), edit(suspend), edit(resume), user(good)}},
	{"rotated at ThingSpace, then wrong passwords", good, []act{
		create(), rotateThere, user(holds(v1alpha1.DefaultSecretName, "wrong 1&\"~/?ä")), user(holds(v1alpha1.DefaultSecretName, "wrong 2&\"~/?ä")),
		user(holds(v1alpha1.DefaultSecretName, "wrong 3&\"~/?ä")), user(both(holds(v1alpha1.DefaultSecretName, rotated), frees)),
	}},
}
