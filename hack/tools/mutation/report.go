package main

import (
	"fmt"
	"strings"
)

// table is what became of all mutants, as a document shows it.
func table(all []result) string {
	var text strings.Builder
	fmt.Fprint(&text, "| package | mutants | killed by its own tests | killed by the harness alone | timed out | lived | not covered |\n|---|---:|---:|---:|---:|---:|---:|\n")
	for _, r := range all {
		own, harness := 0, 0
		verdicts := map[string]int{}
		for _, m := range r.mutants {
			verdicts[m.verdict]++
			if m.verdict == "killed" && m.noticedBy == r.folder {
				own++
			} else if m.verdict == "killed" {
				harness++
			}
		}
		fmt.Fprintf(&text, "| `%s` | %d | %d | %d | %d | %d | %d |\n", r.folder, len(r.mutants), own, harness, verdicts["timed out"], verdicts["lived"], verdicts["not covered"])
	}
	return text.String()
}

// survivors are the mutants that no test has noticed.
func survivors(all []result) string {
	var text strings.Builder
	for _, r := range all {
		for _, m := range r.mutants {
			if m.verdict == "lived" || m.verdict == "not covered" {
				fmt.Fprintf(&text, "%-11s %s/%s\n", m.verdict, r.folder, m)
			}
		}
	}
	return text.String()
}
