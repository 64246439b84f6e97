package rules

import (
	"time"

	"k8s.io/apimachinery/pkg/types"
)

const (
	// A successor has so long from its first answer, or where it can't ask, from when it became next.
	successorPatience = 2 * time.Minute
	// All successors of one object have so long together.
	handOverPatience = 15 * time.Minute
)

// Progress is how an owner gets on with its account: its predecessor waits by that (rule 8).
type Progress struct {
	// Answered is when ThingSpace first told the object what is registered, since it owns the account.
	Answered time.Time
	// Unanswered says that its last attempt has asked, and got no answer that says anything.
	Unanswered bool
	// Held is for how long it was held back until it last tried, and HeldSince since when it is held back now.
	Held      time.Duration
	HeldSince time.Time
}

// after returns the progress as it is after one more attempt.
func (p Progress) after(f Facts) Progress {
	if f.Standing.Place != Owner {
		return Progress{}
	}
	p.Held, p.HeldSince = p.held(f.Now), time.Time{}
	if heldBack(f.Err) {
		p.HeldSince = f.Now
	}
	if f.Listing != nil {
		p = p.AnsweredNow(f.Now)
	}
	p.Unanswered = f.Listing == nil && unanswered(f.Err)
	return p
}

// AnsweredNow returns the progress after ThingSpace has told the object what is registered: the first time counts.
func (p Progress) AnsweredNow(now time.Time) Progress {
	if p.Answered.IsZero() {
		p.Answered = now
	}
	p.Unanswered = false
	return p
}

func (p Progress) held(now time.Time) time.Duration {
	if p.HeldSince.IsZero() {
		return p.Held
	}
	return p.Held + now.Sub(p.HeldSince)
}

// HandOver is the wait of an object that is being deleted for whoever is to take its account over: one clock, which
// stands still while the successor is held back.
type HandOver struct {
	// Successor is for whom it waits now; empty where nobody is next.
	Successor types.UID
	// Waited is for how long it has waited over all, and for this successor since that became next.
	Waited, WaitedForThis time.Duration
	// Answered says that ThingSpace has answered the successor, when WaitedForThis was AnsweredAt.
	Answered   bool
	AnsweredAt time.Duration
	// Unanswered says that the successor asks, and gets no answer.
	Unanswered bool
	// At is up to when it is counted; the successor had been held back for Held by then.
	At   time.Time
	Held time.Duration
}

// Tick returns the hand-over as it is now: next is the successor, empty for none, and progress is that one's.
func (h HandOver) Tick(next types.UID, progress Progress, now time.Time) HandOver {
	held := progress.held(now)
	if h.Successor != "" {
		passed := now.Sub(h.At)
		if next == h.Successor {
			passed -= min(max(held-h.Held, 0), passed)
		}
		h.Waited += passed
		h.WaitedForThis += passed
	}
	if next != h.Successor {
		h = HandOver{Successor: next, Waited: h.Waited}
	}
	h.At, h.Held = now, held
	if !progress.Answered.IsZero() && !h.Answered {
		h.Answered, h.AnsweredAt = true, max(0, h.WaitedForThis-now.Sub(progress.Answered))
	}
	h.Unanswered = progress.Unanswered && !h.Answered
	return h
}

// Ends is when the wait ends if nothing changes.
func (h HandOver) Ends() time.Time {
	left := handOverPatience - h.Waited
	switch {
	case h.Answered:
		left = min(left, h.AnsweredAt+successorPatience-h.WaitedForThis)
	case h.Unanswered: // it asks, and may be answered yet
	default:
		left = min(left, successorPatience-h.WaitedForThis)
	}
	return h.At.Add(left)
}
