package gitops_test

import (
	"os"
	"strings"
	"testing"
)

// combination is a FotaCallback as far as the tools look at it. "" is absent.
type combination struct {
	suspend                     any // nil, false, true
	observed                    string
	ready, reconciling, stalled string
	deleting                    bool
}

// combinations are all there are: 3 × 3 × 4 × 4 × 4 × 2.
func combinations() []combination {
	var all []combination
	statuses := []string{"", "True", "False", "Unknown"}
	for _, suspend := range []any{nil, false, true} {
		for _, observed := range []string{"never", "behind", "current"} {
			for _, ready := range statuses {
				for _, reconciling := range statuses {
					for _, stalled := range statuses {
						for _, deleting := range []bool{false, true} {
							all = append(all, combination{suspend, observed, ready, reconciling, stalled, deleting})
						}
					}
				}
			}
		}
	}
	return all
}

func (c combination) suspended() bool { return c.suspend == true }

func (c combination) object() object {
	const generation = int64(3)
	observed := map[string]int64{"never": -1, "behind": generation - 1, "current": generation}[c.observed]
	metadata := object{"name": "fleet-east", "namespace": "iot", "generation": generation}
	if c.deleting {
		metadata["deletionTimestamp"] = "2026-03-01T12:00:00Z"
		metadata["finalizers"] = []any{"fotacallback.dev/deregister"}
	}
	spec := object{"account": "0000123456-00001", "url": "https://fota.example.com/callbacks/east"}
	if c.suspend != nil {
		spec["suspend"] = c.suspend
	}
	status := object{"observedGeneration": observed}
	var conditions []any
	for _, condition := range [][2]string{{"Ready", c.ready}, {"Reconciling", c.reconciling}, {"Stalled", c.stalled}} {
		if condition[1] != "" {
			conditions = append(conditions, object{
				"type": condition[0], "status": condition[1], "reason": "Reason", "message": "Message.", "observedGeneration": observed,
			})
		}
	}
	if conditions != nil {
		status["conditions"] = conditions
	}
	return object{"apiVersion": "fotacallback.dev/v1alpha1", "kind": "FotaCallback", "metadata": metadata, "spec": spec, "status": status}
}

// promise is a row of the reference's table of conditions: what the operator writes.
type promise struct{ reason, ready, reconciling, stalled string }

// promises are read where users read them, so that the page and the tools can't part.
func promises(t *testing.T) []promise {
	t.Helper()
	text, err := os.ReadFile("../../docs/reference.md")
	if err != nil {
		t.Fatal(err)
	}
	_, section, _ := strings.Cut(string(text), "\n## Conditions\n")
	section, _, _ = strings.Cut(section, "\n## ")
	var all []promise
	for line := range strings.Lines(section) {
		cells := strings.Split(line, "|")
		if len(cells) != 6 || strings.Contains(line, "---") || strings.Contains(line, "reason of Ready") {
			continue
		}
		reason, ready, also := strings.TrimSpace(cells[1]), strings.TrimSpace(cells[2]), cells[3]
		if strings.Contains(also, "Reconciling") {
			all = append(all, promise{reason, ready, "True", ""})
		}
		if strings.Contains(also, "Stalled") {
			all = append(all, promise{reason, ready, "", "True"})
		}
		if strings.TrimSpace(also) == "" {
			all = append(all, promise{reason, ready, "", ""})
		}
	}
	if len(all) != 16 {
		t.Fatalf("%d promises read, expected 16 (15 reasons, one of them in two ways): %v", len(all), all)
	}
	return all
}

// writtenFor says which promises leave an object like this; -1 stands for one that was not handled yet and has no conditions.
func (c combination) writtenFor(all []promise) []int {
	if c.observed == "never" {
		if c.ready+c.reconciling+c.stalled == "" {
			return []int{-1}
		}
		return nil
	}
	var found []int
	for i, p := range all {
		same := c.ready == p.ready && c.reconciling == p.reconciling && c.stalled == p.stalled
		// Deletion and suspension are reasons that go before all others, once their generation is handled.
		reason := c.deleting == (p.reason == "Deregistering") && (c.deleting || c.suspended() == (p.reason == "Suspended"))
		if same && (reason || c.observed == "behind") {
			found = append(found, i)
		}
	}
	return found
}
