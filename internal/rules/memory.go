package rules

import (
	"time"

	"k8s.io/apimachinery/pkg/types"
)

// Memory is what the process remembers of one object between passes. None of it is needed after a restart: without it an
// object waits for its slot, or is tried once.
type Memory struct {
	// FirstSeen is when this process first met the object.
	FirstSeen time.Time
	// LastCheck is when the last pass ended, whatever came of it.
	LastCheck time.Time
	// LastListed is when ThingSpace last said what is registered.
	LastListed time.Time
	// Attempts is how many attempts in a row have failed for a passing reason.
	Attempts int
	// RetryAt is when a failed attempt is tried again, or a wait ends; zero leaves it to the slot.
	RetryAt time.Time
	// Waits says that RetryAt ends a wait of an object that is being deleted, and Successor for which object it waits; empty for the grace.
	Waits     bool
	Successor types.UID
	// SuccessorSince is when a pass has first found that Successor owns the account next.
	SuccessorSince time.Time
	// FailingSince is when the present run of missing or rejected credentials began.
	FailingSince time.Time
	// AwaitsAPI says that the last attempt found ThingSpace unavailable: when it is back, nothing waits for RetryAt.
	AwaitsAPI bool
	// Failed says that the last attempt ended before ThingSpace had said what is registered: what it met another object of the account may have met too, and may not
	// have tried since.
	Failed bool
	// Drift is what contention (rule 9) is judged by.
	Drift DriftMemory
}

// DriftMemory is when foreign URLs were found lately.
type DriftMemory struct {
	// Found are the times of the last three.
	Found []time.Time
	// Run is how many checks in a row have found one.
	Run int
	// Contended says that Contended was told and has not calmed down since.
	Contended bool
}

const (
	contentionCount  = 3
	contentionWindow = time.Hour
	// Where checks are rarer than this, three of them do not fit into the window, and the last three are looked at instead.
	contentionLongInterval = 20 * time.Minute
)

// after returns the memory as it is after one more completed check.
func (d DriftMemory) after(foreign bool, now time.Time, interval time.Duration) DriftMemory {
	next := DriftMemory{}
	for _, t := range d.Found {
		if now.Sub(t) < contentionWindow {
			next.Found = append(next.Found, t)
		}
	}
	if foreign {
		next.Found = append(next.Found, now)
		next.Run = d.Run + 1
	}
	next.Found = next.Found[max(0, len(next.Found)-contentionCount):]
	if interval > contentionLongInterval {
		next.Contended = next.Run >= contentionCount
	} else {
		next.Contended = len(next.Found) >= contentionCount
	}
	return next
}
