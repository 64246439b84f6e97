package thingspace

import (
	"net/http"
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

// circuit holds calls back while ThingSpace is down (rule 9): it opens after ten failures in a row from at least five accounts (from all, where there are fewer),
// lets one call a second through while open, namespaces taking turns, and closes with any answer below 500.
type circuit struct {
	clock   clock.PassiveClock
	onClose func()

	mu    sync.Mutex
	known map[string]struct{}
	// answered are the accounts that ThingSpace has answered, and to whom: a 5xx for another account may be about that alone.
	answered  map[string]map[string]struct{}
	failures  int
	failing   map[string]struct{}
	open      bool
	nextProbe time.Time
	// askers are the namespaces that have asked since it opened.
	askers map[string]*asker
}

// asker is a namespace whose calls are held back.
type asker struct {
	probed   time.Time
	lineEnds time.Time
}

func newCircuit(clk clock.PassiveClock, onClose func()) *circuit {
	return &circuit{
		clock: clk, onClose: onClose,
		known: map[string]struct{}{}, answered: map[string]map[string]struct{}{}, failing: map[string]struct{}{}, askers: map[string]*asker{},
	}
}

// admit reports whether a call for the account may leave now, and whether it probes an open circuit; where it may not, the error holds the caller's place
// in line.
func (c *circuit) admit(namespace, account string) (probes bool, err error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.known[account] = struct{}{}
	if !c.open {
		return false, nil
	}
	now := c.clock.Now()
	asks := c.askers[namespace]
	if asks == nil {
		asks = &asker{}
		c.askers[namespace] = asks
	}
	if !now.Before(c.nextProbe) && c.hasTurn(asks, now) {
		asks.probed = now
		c.nextProbe = now.Add(probeEvery)
		return true, nil
	}
	if asks.lineEnds.Before(c.nextProbe) {
		asks.lineEnds = c.nextProbe
	}
	wait := min(asks.lineEnds.Sub(now), longestLine)
	if wait < longestLine {
		asks.lineEnds = asks.lineEnds.Add(time.Duration(len(c.askers)) * probeEvery)
	}
	return false, &UnavailableError{CircuitOpen: true, RetryAfter: max(wait, probeEvery)}
}

// hasTurn reports whether no other namespace that asks has waited longer. The turn of one that does not come lapses.
func (c *circuit) hasTurn(asks *asker, now time.Time) bool {
	if !now.Before(c.nextProbe.Add(probeEvery)) {
		return true
	}
	for namespace, other := range c.askers {
		switch {
		case other.lineEnds.Add(probeEvery).Before(now): // nobody is left of those who were told when to come
			if other != asks {
				delete(c.askers, namespace)
			}
		case other.probed.Before(asks.probed):
			return false
		}
	}
	return true
}

// outcome reports what came of a call, with status 0 where there was no answer. A sign-in is not about the account.
func (c *circuit) outcome(namespace, account string, a answer, signIn bool) {
	if a.status != 0 && a.status < http.StatusInternalServerError {
		c.answer(namespace, account, signIn)
		return
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	all := len(c.known)
	if a.status != 0 {
		if _, ok := c.answered[account][namespace]; !ok {
			return
		}
		all = len(c.answered)
	}
	c.failures++
	c.failing[account] = struct{}{}
	if !c.open && c.failures >= circuitFailures && len(c.failing) >= min(circuitAccounts, all) {
		c.open = true
		c.nextProbe = c.clock.Now().Add(probeEvery)
	}
	if asked := c.clock.Now().Add(a.retryAfter(0)); c.open && asked.After(c.nextProbe) {
		c.nextProbe = asked
	}
}

// answer takes in an answer below 500.
func (c *circuit) answer(namespace, account string, signIn bool) {
	c.mu.Lock()
	if !signIn {
		if c.answered[account] == nil {
			c.answered[account] = map[string]struct{}{}
		}
		c.answered[account][namespace] = struct{}{}
	}
	wasOpen := c.open
	c.open, c.failures = false, 0
	clear(c.failing)
	clear(c.askers)
	c.mu.Unlock()
	if wasOpen && c.onClose != nil {
		c.onClose()
	}
}

// forget drops an account that no object names any more.
func (c *circuit) forget(account string) {
	c.mu.Lock()
	defer c.mu.Unlock()
	delete(c.known, account)
	delete(c.answered, account)
	delete(c.failing, account)
}
