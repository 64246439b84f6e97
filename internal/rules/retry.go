package rules

import (
	"hash/fnv"
	"time"

	"k8s.io/apimachinery/pkg/types"

	"github.com/fota-callback-operator/fota-callback-operator/api/v1alpha1"
)

const (
	backoffFirst = time.Second
	backoffMost  = 5 * time.Minute

	// A Secret that has to appear or change is looked at often at first, and rarely later.
	secretOften      = 30 * time.Second
	secretOftenUntil = 10 * time.Minute
	secretRarely     = 5 * time.Minute

	// A healthy object's routine check may fail this often in a row less one before Ready says so.
	failuresThatCount = 3
)

// remember returns the memory as it is after a pass that ended in a Rest.
func remember(f Facts, last Step) Memory {
	m := f.Memory
	m.LastCheck = f.Now
	m.RetryAt = last.Wait
	m.Waits, m.WaitsFor = !last.Wait.IsZero(), uidOf(f.Standing.Successor())
	m.Progress = m.Progress.after(f)
	m.Listed, m.ListedSince, m.TooOld = 0, time.Time{}, 0
	if !m.listingMayLag(f.Now) {
		m.Sent = nil
	}
	m.AwaitsAPI = false
	if f.Listing != nil {
		m.LastListed = f.Now
	}

	failed := f.Err != nil || last.Reason == v1alpha1.ReasonProgressing || stillThere(f, last)
	if last.Wait.IsZero() && failed && retries(f, last) {
		if !waitsForLogin(f.Err) {
			m.Attempts++
		}
		m.RetryAt = f.Now.Add(backoff(max(m.Attempts, 1), f.Object.UID))
		m.AwaitsAPI = reasonOf(f.Err) == v1alpha1.ReasonAPIUnavailable
		if wait := askedToWait(f.Err); wait > 0 {
			m.RetryAt = f.Now.Add(wait)
		}
	} else {
		m.Attempts = 0
	}

	if last.Wait.IsZero() && credentialsAwaited(f.Err) {
		if m.FailingSince.IsZero() {
			m.FailingSince = f.Now
		}
		m.RetryAt = nextLook(f, m.FailingSince)
	} else {
		m.FailingSince = time.Time{}
	}

	if f.Listing != nil && !Deleting(f.Object) && f.Object.Status.RegisteredURL != "" {
		m.Drift = m.Drift.after(foundForeign(f, last), f.Now, f.Interval())
	}
	return m
}

// retries says whether a failure is tried again sooner than at the next slot: while a person must act it is not, but a deletion goes on.
func retries(f Facts, last Step) bool { return Deleting(f.Object) || !stalls(last.Reason) }

func stillThere(f Facts, last Step) bool {
	return last.Reason == v1alpha1.ReasonDeregistering && f.did(Deregister)
}

// nextLook is when to read the Secret again. A slot comes first: then a refused token may be tried again too.
func nextLook(f Facts, failingSince time.Time) time.Time {
	every := secretOften
	if f.Now.Sub(failingSince) >= secretOftenUntil {
		every = secretRarely
	}
	look := f.Now.Add(every)
	if slot := NextSlot(f.Object.UID, f.Interval(), f.Now); slot.Before(look) {
		return slot
	}
	return look
}

// AskAgain returns from when on a refusal of the token still counts: the last scheduled time of the
// object, and now where a person asks for a check. A new or changed object asks again too, but not for
// each of a fleet that is applied at once.
func AskAgain(f Facts) time.Time {
	switch {
	case Handled(f.Object):
		return NextSlot(f.Object.UID, f.Interval(), f.Now).Add(-f.Interval())
	case f.Object.Status.ObservedGeneration == f.Object.Generation:
		return f.Now
	}
	return f.Now.Add(-fleetApplied)
}

// fleetApplied is how long it takes to apply a fleet.
const fleetApplied = time.Minute

// backoff doubles from a second to five minutes. Up to a fifth is taken off by the UID, so that objects that failed together do not return together.
func backoff(attempts int, uid types.UID) time.Duration {
	delay := backoffMost
	if attempts < 10 {
		delay = min(backoffMost, backoffFirst<<(attempts-1))
	}
	h := fnv.New32a()
	_, _ = h.Write([]byte(uid))
	return max(backoffFirst, delay-delay*time.Duration(h.Sum32()%200)/1000)
}

func foundForeign(f Facts, last Step) bool {
	if last.Foreign != "" {
		return true
	}
	for _, step := range f.Done {
		if step.Foreign != "" {
			return true
		}
	}
	return false
}
