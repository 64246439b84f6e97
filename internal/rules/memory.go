package rules

import (
	"slices"
	"time"

	"k8s.io/apimachinery/pkg/types"

	"github.com/fota-callback-operator/fota-callback-operator/internal/thingspace"
)

// Memory is what the process remembers of one object between reconciliations. None of it is needed after a restart:
// without it an object waits for its scheduled time, or is tried once.
type Memory struct { //nolint:recvcheck // what returns another memory takes a copy, what looks at one does not
	// FirstSeen is when this process first met the object.
	FirstSeen time.Time
	// LastCheck is when the last reconciliation ended, whatever came of it.
	LastCheck time.Time
	// LastListed is when ThingSpace last said what is registered.
	LastListed time.Time
	// Listed is the generation with which ThingSpace has listed the account since status was last written; 0 for none.
	// ListedSince is when the first listing was that status does not show.
	Listed      int64
	ListedSince time.Time
	// Sent are the URLs that this process has sent for the object lately, and those of its own that they replaced.
	Sent []SentURL
	// SentAt is when it last sent one, and has not deregistered since.
	SentAt time.Time
	// TooOld is how many attempts in a row ended because a precondition was too old when it was to be used.
	TooOld int
	// Progress is how the object gets on as owner of its account.
	Progress Progress
	// HandOver is the wait for a successor.
	HandOver HandOver
	// Attempts is how many attempts in a row have failed for a passing reason.
	Attempts int
	// RetryAt is when a failed attempt is tried again, or a wait ends; zero leaves it to the scheduled time.
	RetryAt time.Time
	// Waits says that an object that is being deleted waits, and WaitsFor for which one; empty for the grace.
	Waits    bool
	WaitsFor types.UID
	// FailingSince is when the present run of missing or rejected credentials began.
	FailingSince time.Time
	// AwaitsAPI says that the last attempt found ThingSpace unavailable: when it is back, nothing waits for RetryAt.
	AwaitsAPI bool
	// Drift is what contention (rule 10) is judged by.
	Drift DriftMemory
}

// SentURL is a URL, and when it was last sent or replaced.
type SentURL struct {
	URL string
	At  time.Time
}

const (
	// A listing may lag behind a change. For so long after it has sent a URL the operator expects that.
	listingLags = 15 * time.Minute
	// So many URLs that were sent lately are remembered.
	sentRemembered = 8
	// A listing that status does not show counts for so long: an object that no status write fits must not keep others
	// out by it.
	unrecordedCounts = time.Minute
)

// ListedNow returns the memory after a listing with a generation.
func (m Memory) ListedNow(generation int64, now time.Time) Memory {
	if m.ListedSince.IsZero() {
		m.ListedSince = now
	}
	m.Listed = generation
	return m
}

// ListingCounts reports whether a listing counts that status does not show yet.
func (m *Memory) ListingCounts(generation int64, now time.Time) bool {
	return m.Listed == generation && now.Before(m.ListedSince.Add(unrecordedCounts))
}

// SentNow returns the memory after a URL was sent; replaced is what it replaced, where that was ours.
func (m Memory) SentNow(url, replaced string, now time.Time) Memory {
	m.SentAt = now
	for _, sent := range []string{replaced, url} {
		if sent == "" {
			continue
		}
		latest := slices.DeleteFunc(slices.Clone(m.Sent), func(s SentURL) bool { return s.URL == sent })
		latest = append(latest, SentURL{sent, now})
		m.Sent = latest[max(0, len(latest)-sentRemembered):]
	}
	return m
}

// sent reports whether a URL was sent lately.
func (m *Memory) sent(url string, now time.Time) bool {
	return slices.ContainsFunc(m.Sent, func(s SentURL) bool {
		return now.Before(s.At.Add(listingLags)) && thingspace.EqualURLs(s.URL, url)
	})
}

// listingMayLag reports whether what a listing does not show may be registered all the same.
func (m *Memory) listingMayLag(now time.Time) bool {
	return !m.SentAt.IsZero() && now.Before(m.SentAt.Add(listingLags))
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
