package perturbation

import (
	"fmt"
	"strconv"
	"testing"

	"github.com/fota-callback-operator/fota-callback-operator/api/v1alpha1"
)

// Every way from one valid spec to another ends as if the object had been created with the second; an invalid spec on the way leaves no trace,
// whether people go back from it or on.
func TestTransitions(t *testing.T) {
	ways := 0
	for i, first := range validSpecs {
		for j, second := range validSpecs {
			if i == j {
				continue
			}
			t.Run(fmt.Sprintf("valid %d to valid %d", i, j), func(t *testing.T) {
				same(t, []act{create(first), becomes(second)}, []act{create(second)}, suspends(second))
			})
			typo := ways % len(invalidSpecs) // all of them on each way would take ten times as long
			ways++
			t.Run(fmt.Sprintf("valid %d by invalid %d to valid %d", i, typo, j), func(t *testing.T) {
				same(t, []act{create(first), becomes(invalidSpecs[typo]), becomes(second)}, []act{create(first), becomes(second)}, false)
			})
		}
		for j, invalid := range invalidSpecs {
			t.Run(fmt.Sprintf("valid %d by invalid %d", i, j), func(t *testing.T) {
				same(t, []act{create(first), becomes(invalid), becomes(first)}, []act{create(first)}, false)
			})
		}
	}
	if len(validSpecs) < 16 || len(invalidSpecs) < 24 {
		t.Errorf("%d valid and %d invalid specs are not enough", len(validSpecs), len(invalidSpecs))
	}
	documented(t, "transitions", fmt.Sprintf("- **Transitions**: %d valid and %d invalid specs. All %d ways from one valid spec to another end as if the object had been created "+
		"with the second; all %d detours over an invalid spec and back leave no trace, and neither do %d that go on to another valid spec.\n",
		len(validSpecs), len(invalidSpecs), ways, len(validSpecs)*len(invalidSpecs), ways))
}

func suspends(s spec) bool {
	o := callback("fleet", account, fleetURL)
	s(o)
	return o.Spec.Suspend
}

// same expects two stories to end alike, and each as it should. An object that is suspended keeps what it has registered before: only its conditions
// are the same.
func same(t *testing.T, acts, fresh []act, suspended bool) {
	t.Helper()
	w, end := play(story{name: t.Name(), setup: good, acts: acts}, plan{}, nil)
	for _, failure := range w.failures {
		t.Error(failure)
	}
	created, expected := play(story{name: t.Name(), setup: good, acts: fresh}, plan{}, nil)
	if suspended {
		if ended, wanted := w.conditions(), created.conditions(); ended != wanted {
			t.Errorf("it ends with %s instead of %s", ended, wanted)
		}
		return
	}
	if end.outcome != expected.outcome {
		t.Errorf("it ends with\n%s\ninstead of\n%s", end.outcome, expected.outcome)
	}
}

// An invalid spec is refused before anything is sent, and what is registered stays.
func TestInvalidSpecsAreRefused(t *testing.T) {
	for n, invalid := range invalidSpecs {
		t.Run(strconv.Itoa(n), func(t *testing.T) {
			w, _ := play(story{name: t.Name(), setup: good, acts: []act{create(), becomes(invalid)}}, plan{}, nil)
			for _, failure := range w.failures {
				t.Error(failure)
			}
			for _, o := range sorted(w.kube.objects) {
				if claimsReady(o) || o.Status.Conditions[0].Reason != v1alpha1.ReasonInvalidSpec {
					t.Errorf("%v", o.Status.Conditions)
				}
			}
			if got := w.far.Registered(account); got != fleetURL {
				t.Errorf("the far side holds %q", got)
			}
		})
	}
}
