package thingspace

import (
	"sync"
	"time"

	"k8s.io/utils/clock"
)

const (
	circuitFailures = 10
	circuitAccounts = 5
	probeEvery      = time.Second
	longestLine     = 5 * time.Minute
)

// circuit holds calls back while ThingSpace is down (rule 8): it opens after ten failures in a row from at least five accounts (from all,
// where there are fewer), lets one call a second through while open, and closes with any answer below 500.
type circuit struct {
	clock   clock.PassiveClock
	onClose func()

	mu        sync.Mutex
	known     map[string]struct{}
	failures  int
	failing   map[string]struct{}
	open      bool
	nextProbe time.Time
	lineEnds  time.Time
}

func newCircuit(clk clock.PassiveClock, onClose func()) *circuit {
	return &circuit{clock: clk, onClose: onClose, known: map[string]struct{}{}, failing: map[string]struct{}{}}
}

// admit says whether a call for the account may leave now, and whether it probes an open circuit; where it may not, the error holds the caller's place
// in line.
func (c *circuit) admit(account string) (probes bool, err error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.known[account] = struct{}{}
	if !c.open {
		return false, nil
	}
	now := c.clock.Now()
	if !now.Before(c.nextProbe) {
		c.nextProbe = now.Add(probeEvery)
		return true, nil
	}
	if c.lineEnds.Before(c.nextProbe) {
		c.lineEnds = c.nextProbe
	}
	wait := min(c.lineEnds.Sub(now), longestLine)
	if wait < longestLine {
		c.lineEnds = c.lineEnds.Add(probeEvery)
	}
	return false, &UnavailableError{CircuitOpen: true, RetryAfter: max(wait, probeEvery)}
}

// answered reports an answer below 500.
func (c *circuit) answered() {
	c.mu.Lock()
	wasOpen := c.open
	c.open, c.failures = false, 0
	clear(c.failing)
	c.mu.Unlock()
	if wasOpen && c.onClose != nil {
		c.onClose()
	}
}

// failed reports a call without an answer, or with a 5xx, which may ask to be left alone for a while.
func (c *circuit) failed(account string, retryAfter time.Duration) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.failures++
	c.failing[account] = struct{}{}
	if !c.open && c.failures >= circuitFailures && len(c.failing) >= min(circuitAccounts, len(c.known)) {
		c.open = true
		c.nextProbe = c.clock.Now().Add(probeEvery)
		c.lineEnds = c.nextProbe
	}
	if asked := c.clock.Now().Add(retryAfter); c.open && asked.After(c.nextProbe) {
		c.nextProbe = asked
	}
}

// forget drops an account that no object names any more.
func (c *circuit) forget(account string) {
	c.mu.Lock()
	defer c.mu.Unlock()
	delete(c.known, account)
	delete(c.failing, account)
}
