package main

import (
	"testing"
	"time"

	. "github.com/onsi/gomega"

	"github.com/fota-callback-operator/fota-callback-operator/internal/simulator"
)

func TestHowLateChecksAre(t *testing.T) {
	now := time.Now()
	ago := func(seconds int) time.Time { return now.Add(-time.Duration(seconds) * time.Second) }
	for name, test := range map[string]struct {
		checks []int // so many seconds ago, of the first object that is only checked
		late   time.Duration
	}{
		"in time":        {[]int{120, 60}, 0},
		"one came late":  {[]int{150, 60}, 30 * time.Second},
		"one is overdue": {[]int{160, 100}, 40 * time.Second},
		"none came":      {nil, tenantWarmUp + tenantChanges*changeEvery - tenantInterval},
	} {
		t.Run(name, func(t *testing.T) {
			var calls []simulator.Request
			for n := tenantChanges + 1; n < tenantChanges+tenantChecks; n++ {
				calls = append(calls, simulator.Request{Operation: "list", Account: account("quiet", n), Time: ago(59)})
			}
			for _, seconds := range test.checks {
				calls = append(calls,
					simulator.Request{Operation: "list", Account: account("quiet", tenantChanges), Time: ago(seconds)},
					simulator.Request{Operation: "update", Account: account("quiet", tenantChanges), Time: ago(seconds - 1)},
					simulator.Request{Operation: "list", Account: account("quiet", 0), Time: ago(500)})
			}
			NewWithT(t).Expect(latest(calls, "quiet", now)).To(Equal(test.late))
		})
	}
}

func TestWhatATenantIsPromised(t *testing.T) {
	g := NewWithT(t)
	bound := Tenant{FirstCallSeconds: 5, ReadySeconds: 10, LateSeconds: 60}
	g.Expect(bound.holds()).To(BeTrue())
	for _, change := range []func(*Tenant){
		func(t *Tenant) { t.FirstCallSeconds += 0.1 }, func(t *Tenant) { t.ReadySeconds += 0.1 },
		func(t *Tenant) { t.LateSeconds += 0.1 }, func(t *Tenant) { t.ReadyLost++ },
	} {
		missed := bound
		change(&missed)
		g.Expect(missed.holds()).To(BeFalse())
	}
}
