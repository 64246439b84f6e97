package perturbation

import (
	"fmt"
	"maps"
	"slices"
	"strings"
)

// effect is one write to Kubernetes or one call of ThingSpace, numbered in the order in which they happen.
type effect struct {
	kind string // "patch", "status", or a ThingSpace operation
	what string // the object or account
}

func (e effect) String() string { return e.kind + " " + e.what }

// disturbance is what happens to one effect.
type disturbance struct {
	name string
	// crashBefore and crashAfter end the process there. lost applies the effect and loses its answer.
	crashBefore, crashAfter, lost bool
	// refuse is an answer given instead of the effect: an error of the Kubernetes API, or an answer of ThingSpace.
	refuse *refusal
	// foreign is done by somebody else right before the effect.
	foreign func(*world)
}

// plan says which effects are disturbed, and how.
type plan map[int]disturbance

func (p plan) String() string {
	var parts []string
	for _, n := range slices.Sorted(maps.Keys(p)) {
		parts = append(parts, fmt.Sprintf("[%d: %s]", n, p[n].name))
	}
	return strings.Join(parts, "")
}

// crash is what a process that ends throws.
type crash struct{ at effect }

// bus carries every effect.
type bus struct {
	plan  plan
	trace []effect
}

// carry applies an effect as the plan says. It returns errLost where the effect is there and its answer is not, and the refusal where there is no effect.
func (b *bus) carry(w *world, e effect, apply func()) (lost bool, refused *refusal) {
	n := len(b.trace)
	b.trace = append(b.trace, e)
	d := b.plan[n]
	if d.foreign != nil {
		d.foreign(w)
		w.disturbedByOthers = true
	}
	if d.crashBefore {
		panic(crash{e})
	}
	if d.refuse != nil && d.refuse.fits(e) {
		return false, d.refuse
	}
	w.judgeBefore(e)
	apply()
	if d.crashAfter {
		panic(crash{e})
	}
	return d.lost, nil
}
