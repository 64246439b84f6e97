package perturbation

import (
	"fmt"
	"slices"
	"time"
)

// effect is one write to Kubernetes or one call of ThingSpace, numbered in the order in which they happen.
type effect struct {
	kind string // "patch", "status", "record", or a ThingSpace operation
	what string // the object or account
	url  string // what a registration or an update sends
	act  int    // the act of the story in which it happens, from 0
	by   *replica
}

func (e effect) String() string { return e.kind + " " + e.what }

// ofKubernetes says which side the effect is on.
func (e effect) ofKubernetes() bool {
	return e.kind == "patch" || e.kind == "status" || e.kind == "record"
}

func (e effect) signsIn() bool { return e.kind == "token" || e.kind == "login" || e.kind == "record" }

func (e effect) mutatesFarSide() bool {
	return e.kind == "register" || e.kind == "update" || e.kind == "deregister"
}

// bus carries every effect and numbers every cached read.
type bus struct {
	plan  plan
	trace []effect
	reads []read
	acts  int // of the story
	// looks are the reads past the cache, by the act that they are in.
	looks []int
	// lagsSince is when the cache began to lag; zero before. caughtUp says that it does no more.
	lagsSince time.Time
	caughtUp  bool
	// calm lifts every disturbance: what a plan does to one act must not reach into the next.
	calm bool
	// done describes what became of the plan, for the trace that is printed.
	done []string
}

// read is one read of FotaCallbacks from the cache.
type read struct {
	// effects is how many effects came before it, revisions how many versions Kubernetes had by then.
	effects, revisions int
}

// crash is what a process that ends throws.
type crash struct{}

// carry applies an effect as the plan says. lost means that the effect is there and its answer is not; a refusal came instead of the effect.
func (b *bus) carry(w *world, e effect, apply func()) (lost bool, refused *refusal) {
	n := len(b.trace)
	b.trace = append(b.trace, e)
	d := b.disturbance(n, e)
	if d.name != "" {
		b.done = append(b.done, fmt.Sprintf("%d %s: %s", n, e, d.name))
	}
	if d.somebody != nil {
		d.somebody(w)
	}
	if d.crashBefore {
		panic(crash{})
	}
	if d.refuse != nil {
		return false, d.refuse
	}
	w.judgeBefore(e)
	before := w.far.Registrations()
	apply()
	w.judgeAfter(e, before)
	if d.crashAfter {
		panic(crash{})
	}
	if d.late {
		w.clock.Step(answersLate)
	}
	if !d.lost && (e.kind == "list" || e.mutatesFarSide()) {
		e.by.listed[e.what] = w.far.Registered(e.what)
	}
	if d.afterwards != nil {
		d.afterwards(w)
	}
	return d.lost, nil
}

func (b *bus) disturbance(n int, e effect) disturbance {
	d, ok := b.plan.effects[n]
	if !ok || b.calm || d.act != anyAct && d.act != e.act || d.kind != "" && d.kind != e.kind || d.refuse != nil && !d.refuse.fits(e) {
		return disturbance{}
	}
	return d
}

// look numbers a read past the cache, and returns what Kubernetes says instead of an answer, if the plan says so.
func (b *bus) look(w *world, what string) error {
	n := len(b.looks)
	b.looks = append(b.looks, w.act)
	d := b.plan.blind
	if d == nil || b.calm || n < d.look || n >= d.look+d.looks || w.act != d.act {
		return nil
	}
	b.done = append(b.done, fmt.Sprintf("read %d past the cache, of %s: %s", n, what, d.refuse.name))
	return d.refuse.kubernetes()
}

// calls counts what went to the far side.
func (b *bus) calls() int {
	count := 0
	for _, e := range b.trace {
		if !e.ofKubernetes() {
			count++
		}
	}
	return count
}

// seen numbers one read of the cache and returns the revision that it shows.
func (b *bus) seen(changes []change) (revision int) {
	n, s := len(b.reads), b.plan.stale
	revision = b.shows(changes)
	b.reads = append(b.reads, read{effects: len(b.trace), revisions: len(changes)})
	if s != nil && !b.calm && n == s.read {
		b.done = append(b.done, fmt.Sprintf("after %d effects: %s", len(b.trace), s))
		if s.restarted {
			panic(crash{}) // the cache of the next process is the stale one
		}
	}
	return revision
}

// shows is the revision that the next read of the cache shows: the newest, or as old a one as the plan says.
func (b *bus) shows(changes []change) (revision int) {
	n, s, newest := len(b.reads), b.plan.stale, len(changes)
	if s == nil || b.calm || b.caughtUp || n < s.read || n >= s.read+s.reads {
		return newest
	}
	if s.own && slices.ContainsFunc(changes[min(s.revision, newest):], func(c change) bool { return !c.own }) {
		return newest // what others have done since is not to be hidden
	}
	return min(s.revision, newest)
}
