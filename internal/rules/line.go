package rules

import (
	"slices"

	"github.com/fota-callback-operator/fota-callback-operator/api/v1alpha1"
)

const (
	// Of all objects that name an account a change concerns so many that may own it, and as many that wait for a turn.
	lineConcerned = 2
	// And so many of those that are being deleted, which may wait for a successor.
	leavingConcerned = 4
)

// Concerned returns those of an account's objects that a change of one of them may concern: the owner, the next in
// line, and who is being deleted. Where nobody has listed the account yet, those who wait for their turn to try are
// concerned too: whoever goes before them may have no access, and never say so.
func Concerned(all []Candidate) []*v1alpha1.FotaCallback {
	line, turns, leaving := first{of: lineConcerned}, first{of: lineConcerned}, first{of: leavingConcerned}
	for _, c := range all {
		r := ranked{c.Object, c.Class()}
		switch {
		case Deleting(c.Object):
			if HasFinalizer(c.Object) {
				leaving.add(r)
			}
			continue
		case r.class > ClassUntried:
			continue
		case r.class == ClassUntried && saysConflict(c.Object):
			turns.add(r)
		}
		line.add(r)
	}
	if len(line.ranked) > 0 && line.ranked[0].class == ClassUntried {
		for _, r := range turns.ranked {
			if !slices.Contains(line.ranked, r) {
				line.ranked = append(line.ranked, r)
			}
		}
	}
	ranked := slices.Concat(line.ranked, leaving.ranked)
	concerned := make([]*v1alpha1.FotaCallback, 0, len(ranked))
	for _, r := range ranked {
		concerned = append(concerned, r.object)
	}
	return concerned
}

// first keeps the first few of many, in their order.
type first struct {
	of     int
	ranked []ranked
}

func (f *first) add(r ranked) {
	at := len(f.ranked)
	for at > 0 && r.before(f.ranked[at-1]) {
		at--
	}
	if at == f.of {
		return
	}
	f.ranked = slices.Insert(f.ranked, at, r)
	f.ranked = f.ranked[:min(len(f.ranked), f.of)]
}
