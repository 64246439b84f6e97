package thingspace

import (
	"fmt"
	"strconv"
	"testing"
	"time"

	. "github.com/onsi/gomega"
	clocktesting "k8s.io/utils/clock/testing"
)

const (
	noAnswer = 0
	broken   = 500
)

func newTestCircuit() (*circuit, *clocktesting.FakeClock) {
	clock := clocktesting.NewFakeClock(time.Now())
	return newCircuit(clock, nil), clock
}

// call makes a call where one may leave.
func (c *circuit) call(namespace, account string, status int, signIn bool) {
	if _, err := c.admit(namespace, account); err == nil {
		c.outcome(namespace, account, answer{status: status}, signIn)
	}
}

func TestWhatOpensTheCircuit(t *testing.T) {
	type call struct {
		accounts, status int
		signIn           bool
	}
	for name, test := range map[string]struct {
		calls []call
		opens bool
	}{
		"no answer":                                {[]call{{10, noAnswer, false}}, true},
		"no answer, too few":                       {[]call{{9, noAnswer, false}}, false},
		"no answer to one account, of many":        {[]call{{6, 200, false}, {1, noAnswer, false}, {1, noAnswer, false}, {1, noAnswer, false}, {1, noAnswer, false}, {1, noAnswer, false}, {1, noAnswer, false}, {1, noAnswer, false}, {1, noAnswer, false}, {1, noAnswer, false}, {1, noAnswer, false}}, false},
		"5xx for accounts that have been answered": {[]call{{10, 200, false}, {10, broken, false}}, true},
		"a refusal is an answer":                   {[]call{{10, 403, false}, {10, broken, false}}, true},
		"5xx for others":                           {[]call{{400, broken, false}}, false},
		"a sign-in is no answer about the account": {[]call{{10, 200, true}, {10, broken, false}}, false},
		"5xx for few that have been answered":      {[]call{{2, 200, false}, {400, broken, false}, {2, broken, false}, {2, broken, false}, {2, broken, false}, {2, broken, false}}, true},
		"an answer in between":                     {[]call{{10, 200, false}, {9, broken, false}, {1, 404, false}, {9, broken, false}}, false},
	} {
		t.Run(name, func(t *testing.T) {
			c, _ := newTestCircuit()
			for _, calls := range test.calls {
				for n := range calls.accounts {
					c.call("fleet", strconv.Itoa(n), calls.status, calls.signIn)
				}
			}
			NewWithT(t).Expect(c.open).To(Equal(test.opens))
		})
	}
}

// Whom ThingSpace has answered in one namespace says nothing about another that names the same account.
func TestAnotherNamespacesAccount(t *testing.T) {
	g := NewWithT(t)
	c, _ := newTestCircuit()
	for n := range 10 {
		c.call("victim", strconv.Itoa(n), 200, false)
	}
	for n := range 100 {
		c.call("tenant", strconv.Itoa(n%10), broken, false)
	}
	g.Expect(c.open).To(BeFalse())
}

// 400 accounts for which ThingSpace always answers 500 keep nobody from ten healthy ones, which find out about an outage all the same.
func TestManyBrokenAccountsBesideHealthyOnes(t *testing.T) {
	g := NewWithT(t)
	c, clock := newTestCircuit()
	for minute := range 8 * 60 {
		for n := range 400 {
			c.call("broken", fmt.Sprintf("broken-%d", n), broken, false)
			g.Expect(c.open).To(BeFalse())
		}
		if minute%10 == 0 {
			for n := range 10 {
				c.call("healthy", fmt.Sprintf("healthy-%d", n), 200, false)
			}
		}
		clock.Step(time.Minute)
	}
	for n := range 10 {
		c.call("healthy", fmt.Sprintf("healthy-%d", n), 503, false)
	}
	g.Expect(c.open).To(BeTrue())
}

// While it is open, namespaces take turns, however often one of them asks.
func TestProbesGoRoundRobin(t *testing.T) {
	g := NewWithT(t)
	c, clock := newTestCircuit()
	for n := range 10 {
		c.call("busy", strconv.Itoa(n), noAnswer, false)
	}
	g.Expect(c.open).To(BeTrue())
	quiet, probes := map[string]time.Time{"quiet": clock.Now(), "other": clock.Now()}, map[string]int{}
	for range 300 {
		ask := func(namespace string) time.Duration {
			_, err := c.admit(namespace, "x")
			if err != nil {
				return err.(*UnavailableError).RetryAfter //nolint:errorlint // this package returns its errors as they are
			}
			probes[namespace]++
			return probeEvery
		}
		for range 50 {
			ask("busy")
		}
		for namespace, at := range quiet { // who comes when told to
			if !clock.Now().Before(at) {
				quiet[namespace] = clock.Now().Add(ask(namespace))
			}
		}
		clock.Step(time.Second / 10)
	}
	all := probes["busy"] + probes["quiet"] + probes["other"]
	g.Expect(all).To(BeNumerically("<=", 30))
	g.Expect(all).To(BeNumerically(">=", 20))
	g.Expect(probes["quiet"]).To(BeNumerically(">=", 7))
	g.Expect(probes["other"]).To(BeNumerically(">=", 7))
}

// A namespace that does not come when it could costs others one second, and is forgotten.
func TestATurnThatNobodyTakesLapses(t *testing.T) {
	g := NewWithT(t)
	c, clock := newTestCircuit()
	for n := range 10 {
		c.call("busy", strconv.Itoa(n), noAnswer, false)
	}
	_, err := c.admit("gone", "x")
	g.Expect(err).To(HaveOccurred())
	probes := 0
	for range 20 {
		clock.Step(time.Second)
		if _, err := c.admit("busy", "x"); err == nil {
			probes++
		}
	}
	g.Expect(probes).To(BeNumerically(">=", 18))
	g.Expect(c.askers).To(HaveLen(1))
}
