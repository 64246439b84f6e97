package perturbation

import (
	"fmt"
	"maps"
	"slices"
	"strings"

	"k8s.io/apimachinery/pkg/types"
)

// class is a kind of disturbance. Its plans are generated from what a story does undisturbed; nobody writes them by hand.
type class struct {
	name, description string
	plans             func(reference) []plan
	// otherEnd says that the story need not end as it does undisturbed: somebody else takes part, or it is told otherwise.
	otherEnd bool
	// many says that in a hurry some of them serve.
	many bool
	// strides says that the reference's stride counts.
	strides bool
	// moreCalls is how many more mutating calls the disturbance may cost.
	moreCalls int
}

// reference is a story undisturbed.
type reference struct {
	story story
	trace []effect
	reads []read
	// looks are the acts of its reads past the cache.
	looks []int
	// changes are what was written to Kubernetes.
	changes   []change
	revisions []objects
	ending    *ending
	// stride is one where all plans are wanted. Where the plans of a class are dear to find, only every so many are looked for.
	stride int
	// broken says that it fails without any disturbance. Then nothing is learned from disturbing it.
	broken bool
}

func newReference(s story) reference {
	w, end := play(s, plan{}, nil)
	return reference{story: s, stride: 1, trace: active(w.bus.trace, len(s.acts)), reads: w.bus.reads, looks: w.bus.looks, changes: w.kube.changes, revisions: w.kube.revisions, ending: end, broken: len(w.failures) > 0}
}

// active is the part of a trace in which something happens: the routine checks after the last act are all alike, and sign in now and then.
func active(trace []effect, acts int) []effect {
	last := 0
	for n, e := range trace {
		if e.kind != "list" && (e.act < acts || !e.signsIn()) {
			last = n
		}
	}
	return trace[:min(len(trace), last+2)]
}

// routine says whether an effect is one of many checks that find nothing new.
func (r reference) routine(n int) bool {
	quiet := func(n int) bool { return n < 0 || n >= len(r.trace) || r.trace[n].kind == "list" }
	return quiet(n) && quiet(n-1) && quiet(n+1)
}

var (
	crashBefore = disturbance{name: "crash before", act: anyAct, crashBefore: true}
	crashAfter  = disturbance{name: "crash after", act: anyAct, crashAfter: true}
	lost        = disturbance{name: "answer lost", act: anyAct, lost: true}
	late        = disturbance{name: "answer late", act: anyAct, late: true}
)

func (r reference) each(disturbances ...disturbance) []plan {
	var plans []plan
	for n := range r.trace {
		if r.routine(n) {
			continue
		}
		for _, d := range disturbances {
			plans = append(plans, plan{effects: map[int]disturbance{n: d}})
		}
	}
	return plans
}

// crashLoop is for how many effects a process crashes again and again.
const crashLoop = 20

// crashLoops has a process crash after an effect each time that it comes to it again.
func crashLoops(r reference) []plan {
	var plans []plan
	for n, e := range r.trace {
		if r.routine(n) {
			continue
		}
		effects := map[int]disturbance{}
		for m := range crashLoop {
			effects[n+m] = disturbance{name: "crash after, in a loop", act: e.act, kind: e.kind, crashAfter: true}
		}
		plans = append(plans, plan{effects: effects})
	}
	return plans
}

// pairs has a second fault come at each effect that there is after the first, until the act ends: what the first one leads to is known from a run
// of its own. Of two faults at most one hits a sign-in, which changes nothing that the other could meet. A crash before an effect leaves what a crash
// after the effect before it leaves, so it is in none of the pairs.
func pairs(r reference) []plan {
	var plans []plan
	kinds := []disturbance{crashAfter, lost}
	firsts := 0
	for n, first := range r.trace {
		if r.routine(n) {
			continue
		}
		for _, a := range kinds {
			if firsts++; (firsts+len(r.story.name))%r.stride != 0 { // another one in each story
				continue
			}
			w, _ := play(r.story, plan{effects: map[int]disturbance{n: a}}, r.ending)
			after := reference{story: r.story, trace: active(w.bus.trace, len(r.story.acts))}
			for m := n + 1; m < len(after.trace) && after.trace[m].act == first.act; m++ {
				if after.routine(m) || first.signsIn() && after.trace[m].signsIn() {
					continue
				}
				for _, b := range kinds {
					plans = append(plans, plan{effects: map[int]disturbance{n: a, m: b}})
				}
			}
		}
	}
	return plans
}

// blinded has reads past the cache fail, once and until people give up on the act.
func blinded(r reference) []plan {
	var plans []plan
	for n, act := range r.looks {
		for _, answer := range refusals {
			if answer.kubernetes == nil || act >= len(r.story.acts) {
				continue
			}
			for _, looks := range []int{1, untilHealed} {
				plans = append(plans, plan{blind: &blind{act: act, look: n, looks: looks, refuse: answer}})
			}
		}
	}
	return plans
}

// untilHealed is more effects than any act has.
const untilHealed = 60

// refused has each effect answered wrongly once, three times, and until people give up on its act.
func refused(r reference) []plan {
	var plans []plan
	for n, e := range r.trace {
		for _, answer := range refusals {
			if !answer.fits(e) || r.routine(n) {
				continue
			}
			for _, times := range []int{1, 3, untilHealed} {
				if times == 3 && e.signsIn() {
					continue // no login is made three times in a row, and a token differs from a login in nothing here
				}
				effects := map[int]disturbance{}
				for m := range times {
					effects[n+m] = disturbance{name: answer.name, act: e.act, refuse: answer}
				}
				plans = append(plans, plan{effects: effects})
			}
		}
	}
	return plans
}

// aWhile is for how many reads of a cache that lags: a deletion reads it eight times before it deregisters after its grace, woken in vain meanwhile.
const aWhile = 11

// stales has each read of the cache show each older revision: once, for a while, and to a process that has just started.
func stales(r reference) []plan {
	var plans []plan
	for n, at := range r.reads {
		// Reads that follow each other without an effect in between see the same, and a pass reads twice.
		if at.effects > len(r.trace) || n > 0 && r.reads[n-1] == at && n > 1 && r.reads[n-2] == at {
			continue
		}
		shown := 0 // what it has shown already: it does not go back within one process
		if n > 0 {
			shown = r.reads[n-1].revisions
		}
		if at.revisions == 0 {
			continue
		}
		for _, revision := range r.before(at.revisions) {
			back := revision < shown
			own := !back && !slices.ContainsFunc(r.changes[revision:at.revisions], func(c change) bool { return !c.own })
			plans = append(plans,
				plan{stale: &stale{read: n, reads: 2, revision: revision, own: own, back: back}},
				plan{stale: &stale{read: n, reads: aWhile, revision: revision, own: own, back: back}},
				plan{stale: &stale{read: n, reads: aWhile, revision: revision, restarted: true}})
		}
	}
	return plans
}

// mostBack is by how many revisions a cache lags, those aside that show an object which is gone by now, or none yet.
const mostBack = 6

// before are the older revisions that a cache may show: the last few, none at all, and those that last showed an earlier bearer of a name, before and
// while it was being deleted.
func (r reference) before(newest int) []int {
	older := map[int]bool{0: true}
	for revision := max(0, newest-mostBack); revision < newest; revision++ {
		older[revision] = true
	}
	type state struct {
		uid      types.UID
		deleting bool
	}
	last := map[state]int{}
	for n := range newest {
		for _, o := range r.revisions[n] {
			last[state{o.UID, deleting(o)}] = n + 1
		}
	}
	for _, o := range r.revisions[newest-1] {
		delete(last, state{o.UID, false})
		delete(last, state{o.UID, true})
	}
	for _, revision := range last {
		older[revision] = true
	}
	return slices.Sorted(maps.Keys(older))
}

// merged plays each run of users' acts before the operator sees any of them, and has each act come in every gap of the one before,
// when the next effect has been decided on and when it has not.
func merged(r reference) []plan {
	var plans []plan
	acts := r.story.acts
	for first := range acts {
		for last := first + 1; last < len(acts) && !acts[first].far && !acts[last].far; last++ {
			plans = append(plans, plan{merge: &merge{first, last}})
		}
	}
	comes := disturbance{name: "the next act comes", act: anyAct, somebody: (*world).interrupt}
	follows := disturbance{name: "the next act comes right after it", act: anyAct, afterwards: (*world).interrupt}
	for n, e := range r.trace {
		if e.act+1 >= len(acts) || acts[e.act+1].far || r.routine(n) {
			continue
		}
		plans = append(plans, plan{effects: map[int]disturbance{n: comes}}, plan{effects: map[int]disturbance{n: follows}})
		// It comes to a process that has just started, which crashes in its turn over a write that it makes for it.
		effects := map[int]disturbance{n: crashAfter, n + 1: comes}
		for m := n + 2; m < n+crashLoop; m++ {
			effects[m] = disturbance{name: "crash after a patch", act: anyAct, kind: "patch", crashAfter: true}
		}
		plans = append(plans, plan{effects: effects})
	}
	return plans
}

// mostInRace is how many effects of each replica are interleaved, sign-ins aside; what comes after them follows in order.
const mostInRace = 5

// raced has two replicas at work in each act, in every order of their effects.
func raced(r reference) []plan {
	var plans []plan
	for n, act := range r.story.acts {
		ofOld, ofNew := effectsInRace(r.story, n)
		if ofOld+ofNew == 0 {
			continue
		}
		for _, schedule := range schedules(min(ofOld, mostInRace), min(ofNew, mostInRace)) {
			plans = append(plans, plan{race: &race{act: n, schedule: schedule, atSlot: act.far}})
		}
	}
	return plans
}

// effectsInRace is how many effects each of two replicas has in an act where it comes first.
func effectsInRace(s story, act int) (ofOld, ofNew int) {
	ofOld, _ = raceIn(s, act, "")
	_, ofNew = raceIn(s, act, strings.Repeat("b", untilHealed))
	return ofOld, ofNew
}

func raceIn(s story, act int, schedule string) (ofOld, ofNew int) {
	w := newWorld(plan{})
	s.setup(w)
	w.pending = s.acts
	for w.act < act {
		w.begin()
		w.settle(betweenActs)
		w.act++
	}
	w.begin()
	return w.race(&race{act: act, schedule: schedule, atSlot: s.acts[act].far})
}

func somebodyElse(r reference) []plan {
	var changes []disturbance
	for _, url := range []string{foreign, "https://elsewhere.example.net/other", "", fleetURL, nextURL} {
		changes = append(changes, disturbance{name: fmt.Sprintf("somebody registers %q", url), act: anyAct, somebody: func(w *world) {
			w.far.Register(account, url)
			w.disturbedByOthers, w.strangers = true, true
		}})
	}
	return r.each(changes...)
}

// anyNumber of calls may be needed where acts come in another order than undisturbed.
const anyNumber = 1_000

var classes = []class{
	{name: "A0", description: "undisturbed", plans: func(reference) []plan { return []plan{{}} }},
	{name: "A1", description: "a crash before and after each effect", plans: func(r reference) []plan { return r.each(crashBefore, crashAfter) }},
	{name: "A2", description: "an effect is there, its answer is lost or late", plans: func(r reference) []plan { return r.each(lost, late) }},
	{name: "A3", description: "pairs of effects with a crash after them or a lost answer", plans: pairs, strides: true, many: true},
	{name: "A4", description: "a cache that shows an older revision", plans: stales, many: true},
	{name: "A5", description: "acts that come together, or in the middle", plans: merged, otherEnd: true, moreCalls: anyNumber},
	{name: "A6", description: "refused writes and wrong answers", plans: refused, many: true},
	{name: "A7", description: "two replicas", plans: raced, many: true},
	{name: "A8", description: "somebody else in each gap", plans: somebodyElse, otherEnd: true, moreCalls: 2 /* it is put right, and in the end removed */},
	{name: "A9", description: "a crash loop at each effect", plans: crashLoops},
	{name: "A10", description: "reads past the cache that fail", plans: blinded, many: true},
}
