package rules_test

import (
	"testing"

	. "github.com/onsi/gomega"

	"github.com/fota-callback-operator/fota-callback-operator/internal/rules"
)

// The decisions of a routine check that finds all well: what ten thousand accounts cost a day long.
var routine = map[string]struct {
	most int
	run  func(rules.Facts)
}{
	"due":       {0, func(f rules.Facts) { rules.Due(f) }},
	"stand":     {0, func(f rules.Facts) { rules.Stand(rules.Candidate{Object: f.Object}, nil) }},
	"decide":    {1, func(f rules.Facts) { rules.Decide(f) }},
	"summarise": {15, func(f rules.Facts) { rules.Summarise(f, rules.Decide(f)) }},
}

func TestRoutineChecksAllocateLittle(t *testing.T) {
	f := listed(facts(object(healthy)), wish)
	for name, test := range routine {
		allocations := testing.AllocsPerRun(100, func() { test.run(f) })
		t.Log(name, allocations)
		NewWithT(t).Expect(allocations).To(BeNumerically("<=", test.most), name)
	}
}

func BenchmarkRoutine(b *testing.B) {
	f := listed(facts(object(healthy)), wish)
	for name, test := range routine {
		b.Run(name, func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				test.run(f)
			}
		})
	}
}
