package perturbation

import (
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"
)

// plan says what is disturbed in one run of a story, and how. The zero plan disturbs nothing.
type plan struct {
	// effects are disturbances by the number of their effect.
	effects map[int]disturbance
	// stale is a cache that lags behind.
	stale *stale
	// blind is a Kubernetes API that does not answer reads past the cache.
	blind *blind
	// merge plays these acts, from first to last, before the operator sees any of them.
	merge *merge
	// race is two replicas at work at once.
	race *race
}

// disturbance is what happens to one effect.
type disturbance struct {
	name string
	// act limits it to an act of the story; anyAct does not. kind limits it to effects of one kind.
	act  int
	kind string
	// crashBefore and crashAfter end the process there. lost applies the effect and loses its answer; late has that take answersLate.
	crashBefore, crashAfter, lost, late bool
	// refuse is an answer given instead of the effect: an error of the Kubernetes API, or an answer of ThingSpace.
	refuse *refusal
	// somebody does something right before the effect, when it has been decided on, and afterwards before anything else is: a stranger at the far side,
	// or a user.
	somebody, afterwards func(*world)
}

const (
	anyAct = -1
	// answersLate is longer than a proof serves.
	answersLate = 6 * time.Second
)

// stale is a cache that shows an old revision, in one read or for a while, to the process that runs or to one that has just started.
type stale struct {
	read, reads int
	revision    int
	restarted   bool
	// back says that the process has been shown more before. client-go does not let that happen, and the operator relies on it where it takes the
	// cache for current; so it watches several namespaces then, where it does not.
	back bool
	// own says that nothing is hidden from the process but what it has written itself since its last look.
	own bool
}

func (s *stale) String() string {
	who := "the cache"
	if s.restarted {
		who = "a restart, and then the cache"
	}
	shown := fmt.Sprintf("%s shows revision %d for %d reads", who, s.revision, s.reads)
	if s.own {
		shown += ", as far as only its own writes are missing"
	}
	return shown
}

// blind is what reads past the cache are answered with, from one of them on, within an act.
type blind struct {
	act, look, looks int
	refuse           *refusal
}

type merge struct{ first, last int }

// race lets the first process make the effects that the schedule gives it ('a') while its successor ('b') works too, and then ends it. They meet at the
// next slot where the act wakes neither.
type race struct {
	act      int
	schedule string
	atSlot   bool
}

func (p plan) undisturbed() bool {
	return len(p.effects) == 0 && p.stale == nil && p.blind == nil && p.merge == nil && p.race == nil
}

func (p plan) String() string {
	var parts []string
	numbers := slices.Sorted(maps.Keys(p.effects))
	for i, n := range numbers {
		name := p.effects[n].name
		switch {
		case i > 0 && numbers[i-1] == n-1 && p.effects[n-1].name == name:
		case p.effects[n+1].name == name:
			parts = append(parts, fmt.Sprintf("from %d on %s", n, name))
		default:
			parts = append(parts, fmt.Sprintf("at %d %s", n, name))
		}
	}
	if p.stale != nil {
		parts = append(parts, fmt.Sprintf("from read %d %s", p.stale.read, p.stale))
	}
	if p.blind != nil {
		parts = append(parts, fmt.Sprintf("from read %d past the cache on %s, %d times", p.blind.look, p.blind.refuse.name, p.blind.looks))
	}
	if p.merge != nil {
		parts = append(parts, fmt.Sprintf("acts %d to %d at once", p.merge.first, p.merge.last))
	}
	if p.race != nil {
		parts = append(parts, fmt.Sprintf("two replicas in act %d: %s", p.race.act, p.race.schedule))
	}
	return strings.Join(parts, ", ")
}

// shorter are the same plan with fewer stale reads, or with less of a schedule, the shortest first.
func (p plan) shorter() []plan {
	var plans []plan
	if p.stale != nil {
		for reads := 1; reads < p.stale.reads; reads++ {
			s := *p.stale
			s.reads = reads
			plans = append(plans, plan{effects: p.effects, stale: &s})
		}
	}
	if p.race != nil {
		for length := range p.race.schedule {
			r := *p.race
			r.schedule = r.schedule[:length]
			plans = append(plans, plan{effects: p.effects, race: &r})
		}
	}
	return plans
}

// without returns the plan less the disturbance of one effect.
func (p plan) without(n int) plan {
	p.effects = maps.Clone(p.effects)
	delete(p.effects, n)
	return p
}
