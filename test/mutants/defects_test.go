package main

import (
	"testing"
)

// A defect that no longer fits the code would be one less, and nobody would notice.
func TestEveryDefectFitsTheCode(t *testing.T) {
	count := map[string]int{}
	for _, d := range defects {
		count[d.class]++
		if _, err := d.apply("../.."); err != nil {
			t.Error(err)
		}
	}
	if len(defects) < 40 {
		t.Errorf("%d defects are not enough", len(defects))
	}
	for _, class := range []string{lostIntent, staleView, missedEvent, signIn} {
		if count[class] < 10 {
			t.Errorf("%s has %d defects", class, count[class])
		}
	}
}
