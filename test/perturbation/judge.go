package perturbation

import (
	"fmt"
	"maps"
	"slices"
)

// judge plays a story under a plan of this class and returns what it breaks.
func (c class) judge(r reference, p plan) (*world, []failure) {
	w, end := play(r.story, p, r.ending)
	if !c.otherEnd && !r.story.eitherMay() && end.outcome != r.ending.outcome {
		w.failf(oracleReference, "it ends with\n%s\ninstead of\n%s", end.outcome, r.ending.outcome)
	}
	most := r.ending.mutations + w.excused + c.moreCalls
	if w.rewrites {
		most += len(w.bus.done) // what became of a URL whose answer is lost can't be seen: it is sent once more
	}
	if end.mutations > most && !r.story.eitherMay() {
		w.failf(oracleLeastCalls, "%d mutating calls instead of %d", end.mutations, most)
	}
	if p.stale != nil && p.stale.own && end.calls > r.ending.calls {
		w.failf(oracleOwnWrites, "%d calls instead of %d, although only its own writes were hidden from it", end.calls, r.ending.calls)
	}
	return w, w.failures
}

// minimise leaves out of a failing plan what is not needed for it to fail.
func (c class) minimise(r reference, p plan) (plan, *world) {
	least := p
	for _, n := range slices.Sorted(maps.Keys(p.effects)) {
		if _, failures := c.judge(r, least.without(n)); len(failures) > 0 {
			least = least.without(n)
		}
	}
	for _, shorter := range least.shorter() {
		if _, failures := c.judge(r, shorter); len(failures) > 0 {
			least = shorter
			break
		}
	}
	w, _ := c.judge(r, least)
	return least, w
}

// String is the trace of a run, with what was done to it.
func (b *bus) String() string {
	return fmt.Sprintf("%v\ndisturbed: %v", active(b.trace, b.acts), b.done)
}
