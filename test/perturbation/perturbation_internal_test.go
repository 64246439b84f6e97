package perturbation

import (
	"fmt"
	"strings"
	"testing"

	"github.com/go-logr/logr"
	"sigs.k8s.io/controller-runtime/pkg/log"
)

// Every scenario undisturbed: the story ends as it should, by the oracles alone.
func TestReference(t *testing.T) {
	for _, s := range scenarios {
		t.Run(s.name, func(t *testing.T) {
			w := play(s, nil)
			for _, failure := range w.failures {
				t.Error(failure)
			}
			t.Logf("%v\n%s", w.bus.trace, w.outcome())
		})
	}
}

// Every generated plan of every class.
func TestPerturbation(t *testing.T) {
	log.SetLogger(logr.Discard())
	plans, failed := 0, 0
	counts := map[string]int{}
	for _, s := range scenarios {
		reference := play(s, nil)
		trace := active(reference.bus.trace)
		for _, c := range classes {
			if c.oneAct && len(s.acts) > 1 {
				continue
			}
			for n, p := range c.plans(trace) {
				plans++
				counts[c.name]++
				w := play(s, p)
				failures := w.failures
				if !c.others && w.outcome() != reference.outcome() {
					failures = append(failures, "it ends otherwise:\n"+w.outcome()+"\ninstead of\n"+reference.outcome())
				}
				if len(failures) == 0 {
					continue
				}
				failed++
				if failed <= 25 {
					t.Errorf("%s / %s / %d %s\n%s\n%v", s.name, c.name, n, p, strings.Join(failures, "\n"), w.bus.trace)
				}
			}
		}
	}
	for _, c := range classes {
		fmt.Printf("%-40s %6d plans\n", c.name, counts[c.name])
	}
	fmt.Printf("perturbation: %d plans, %d failed\n", plans, failed)
}
