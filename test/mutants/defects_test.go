package main

import (
	"slices"
	"strings"
	"testing"

	"github.com/fota-callback-operator/fota-callback-operator/test/document"
)

// A defect that no longer fits the code would be one less, and nobody would notice.
func TestEveryDefectFitsTheCode(t *testing.T) {
	count := map[string]int{}
	names := map[string]bool{}
	for _, d := range defects {
		count[d.class]++
		if names[d.name] {
			t.Errorf("there are two of the name %q", d.name)
		}
		names[d.name] = true
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
	for promise, name := range alone {
		if !names[name] {
			t.Errorf("%s: there is no defect %q", promise, name)
		}
	}
}

// The document shows every defect that there is, and none that is gone or survived.
func TestTheDocumentShowsEveryDefect(t *testing.T) {
	section, err := document.Section("../../docs/reliability.md", "kill-matrix")
	if err != nil {
		t.Fatal(err)
	}
	if section == "" {
		t.Skip("`make mutants` has never been run here")
	}
	rows, _, _ := strings.Cut(section, "\n\n")
	var shown []string
	for _, row := range strings.Split(rows, "\n")[2:] {
		shown = append(shown, strings.Split(row, " | ")[1])
		if strings.Contains(row, "| SURVIVED |") {
			t.Error(row)
		}
	}
	for _, d := range defects {
		if !slices.Contains(shown, d.name) {
			t.Errorf("%q is not shown: run `make mutants`", d.name)
		}
	}
	if len(shown) != len(defects) {
		t.Errorf("%d defects are shown, and there are %d", len(shown), len(defects))
	}
}
