package perturbation

import (
	"slices"
	"strings"
	"time"

	"k8s.io/apimachinery/pkg/api/meta"

	"github.com/fota-callback-operator/fota-callback-operator/api/v1alpha1"
)

const (
	interval    = 10 * time.Minute
	betweenActs = 15 * time.Minute
	// Faults may need time to heal: five minutes of backoff, ten of a withheld login.
	healing = time.Hour
)

// restingSlots is after how many checks in which nothing happens, nothing will. Half of the time of a play goes into them: where many defects are tried, a
// third has to do.
var restingSlots = 50

// ending is how one run of a story ended; those of the undisturbed run are what all others are compared with.
type ending struct {
	// afterAct is what there was after each act.
	afterAct []string
	outcome  string
	// mutations is how many calls changed something at the far side.
	mutations int
	// calls is how many there were in all.
	calls int
}

// play runs a story under a plan to its end, and through many more slots, which must bring nothing new. Reference is the undisturbed ending;
// nil for the run that finds it.
func play(s story, p plan, reference *ending) (*world, *ending) {
	w := newWorld(p)
	var end ending
	s.setup(w)
	w.pending, w.bus.acts = s.acts, len(s.acts)
	for w.act = 0; len(w.pending) > 0; w.act++ {
		w.begin()
		for p.merge != nil && w.act >= p.merge.first && w.act < p.merge.last && len(w.pending) > 0 {
			w.act++
			w.begin()
		}
		if p.race != nil && p.race.act == w.act {
			w.race(p.race)
		}
		w.round() // in every run: reads are numbered
		if p.undisturbed() {
			w.judgePrompt()
		}
		w.settle(betweenActs)
		if p.undisturbed() {
			w.judgeEnd()
		}
		if reference != nil && p.merge == nil && len(w.pending) == len(s.acts)-w.act-1 {
			w.heal(reference.afterAct[w.act])
		}
		end.afterAct = append(end.afterAct, w.outcome())
	}
	w.bus.calm = true
	w.settle(interval)
	w.rest()
	end.outcome, end.mutations, end.calls = w.outcome(), w.mutations, w.bus.calls()
	w.judgeEnd()
	w.judgeShown()
	return w, &end
}

// begin plays the next act. An act that has to wait for the one before (a name that is still taken) waits.
func (w *world) begin() {
	next := w.pending[0]
	w.pending = w.pending[1:]
	w.disturbedByOthers = false // there was a slot in between
	for range 10 {
		if next.do(w) {
			return
		}
		w.settle(betweenActs)
	}
	w.failf(oracleSettles, "act %d can't begin", w.act)
}

// heal ends all faults. Where a message asks people for something by then, they do it; all else has to come right by itself.
func (w *world) heal(expected string) {
	if len(w.bus.done) == 0 || w.outcome() == expected {
		return
	}
	w.bus.calm = true
	w.settle(healing)
	w.judgeWithheld()
	if w.outcome() != expected && w.mend() {
		w.settle(healing)
	}
	w.bus.calm = false
}

// mend frees the user, changes the password, and asks for a check of each object whose login was refused: such a login is not repeated before. It says whether
// there was any.
func (w *world) mend() bool {
	refused := false
	for _, o := range sorted(w.kube.objects) {
		if !w.kube.hasSecret() || !asksForPassword(o) {
			continue
		}
		refused = true
		w.kube.edit(o.Name, asked(w.clock.Now().String()))
	}
	if refused {
		w.changePassword("mended&\"~/?ß")
		w.freeUser()
	}
	return refused
}

// asksForPassword says whether an object waits for other credentials.
func asksForPassword(o *v1alpha1.FotaCallback) bool {
	ready := meta.FindStatusCondition(o.Status.Conditions, v1alpha1.ConditionReady)
	return ready != nil && (ready.Reason == v1alpha1.ReasonCredentialsRejected || deleting(o) && strings.Contains(ready.Message, "failed logins are used up"))
}

// setPassword changes the user's password at the far side alone.
func (w *world) setPassword(password string) {
	w.far.SetUser(username, password)
	w.password, w.logins.failed = password, 0
}

// changePassword changes the user's password on both sides.
func (w *world) changePassword(password string) {
	w.setPassword(password)
	names := []string{v1alpha1.DefaultSecretName}
	for key := range w.kube.secrets {
		if key.Name != v1alpha1.DefaultSecretName {
			names = append(names, key.Name)
		}
	}
	for _, name := range names {
		w.kube.secret(name, password)
	}
}

// rest expects that nothing but checks happens any more.
func (w *world) rest() {
	w.disturbedByOthers = false // there was a slot in between
	before := len(w.bus.trace)
	w.settle(time.Duration(restingSlots) * interval)
	checks := 0
	for _, e := range w.bus.trace[before:] {
		if e.kind == "list" {
			checks++
		} else if !e.signsIn() {
			w.failf(oracleRest, "at rest, and yet: %s", e)
		}
	}
	if checks < restingSlots-1 && slices.ContainsFunc(sorted(w.kube.objects), claimsReady) {
		w.failf(oracleRest, "%d checks in %d slots", checks, restingSlots)
	}
	w.showMetrics()
}

// interrupt plays the next act in the middle of this one, if that can be.
func (w *world) interrupt() {
	began := w.clock.Now()
	if len(w.pending) > 0 && w.pending[0].do(w) {
		w.pending = w.pending[1:]
		w.disturbedByOthers = true // what was decided before it is not wrong yet
	}
	// Time that the act lets pass is none that the process takes over its proof.
	w.leader.provedAt = w.leader.provedAt.Add(w.clock.Since(began))
}
