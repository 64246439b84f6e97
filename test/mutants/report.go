package main

import (
	"fmt"
	"maps"
	"slices"
	"strings"
)

// sorted are the promises that the defect broke, most broken first.
func (r result) sorted() []string {
	return slices.SortedFunc(maps.Keys(r.broken), func(a, b string) int {
		if r.broken[a] != r.broken[b] {
			return r.broken[b] - r.broken[a]
		}
		return strings.Compare(a, b)
	})
}

// matrix is the kill matrix, as a document shows it.
func matrix(tried []result) string {
	var text strings.Builder
	killed := map[string]int{}
	all := map[string]int{}
	noticedBy := map[string][]string{}
	fmt.Fprintln(&text, "| kind | defect | | broken promises (failures) |\n|---|---|---|---|")
	for _, r := range tried {
		all[r.class]++
		if r.killed() {
			killed[r.class]++
		}
		var promises []string
		for _, promise := range r.sorted() {
			promises = append(promises, fmt.Sprintf("%s (%d)", promise, r.broken[promise]))
			noticedBy[promise] = append(noticedBy[promise], r.name)
		}
		if r.died {
			promises = []string{"the harness's process ended"}
		}
		fmt.Fprintf(&text, "| %s | %s | %s | %s |\n", r.class, r.name, r.verdict(), strings.Join(promises, ", "))
	}
	fmt.Fprintln(&text, "\n| kind | killed |\n|---|---|")
	for _, class := range slices.Sorted(maps.Keys(all)) {
		fmt.Fprintf(&text, "| %s | %d of %d |\n", class, killed[class], all[class])
	}
	fmt.Fprintln(&text, "\n| promise | defects that break it | defects that nothing else notices |\n|---|---|---|")
	for _, promise := range slices.Sorted(maps.Keys(noticedBy)) {
		var alone []string
		for _, r := range tried {
			if len(r.broken) == 1 && r.broken[promise] > 0 {
				alone = append(alone, r.name)
			}
		}
		fmt.Fprintf(&text, "| %s | %d | %s |\n", promise, len(noticedBy[promise]), strings.Join(alone, "; "))
	}
	return text.String()
}
