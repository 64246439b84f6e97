package main

import (
	"fmt"
	"maps"
	"slices"
	"strings"
)

// sorted are the promises that the defect broke, most broken first.
func (t tally) sorted() []string {
	return slices.SortedFunc(maps.Keys(t.Broken), func(a, b string) int {
		if t.Broken[a] != t.Broken[b] {
			return t.Broken[b] - t.Broken[a]
		}
		return strings.Compare(a, b)
	})
}

// promises are all that the harness judges by, broken or not.
func promises(tried []result) []string {
	var all []string
	for _, r := range tried {
		for _, promise := range r.Oracles {
			if !slices.Contains(all, promise) {
				all = append(all, promise)
			}
		}
	}
	return all
}

// noticedAlone is the defect that nothing but a promise notices; empty where there is none.
func noticedAlone(tried []result, promise string) string {
	for _, r := range tried {
		if r.only == promise && r.alone {
			return r.name
		}
	}
	return ""
}

// matrix is the kill matrix, as a document shows it.
func matrix(tried []result) string {
	var text strings.Builder
	killed, all, noticed := map[string]int{}, map[string]int{}, map[string]int{}
	fmt.Fprintln(&text, "| kind | defect | | broken promises (failures) |\n|---|---|---|---|")
	for _, r := range tried {
		all[r.class]++
		if r.killed() {
			killed[r.class]++
		}
		for promise := range r.Broken {
			noticed[promise]++
		}
		fmt.Fprintf(&text, "| %s | %s | %s | %s |\n", r.class, r.name, r.verdict(), r.promises())
	}
	fmt.Fprintln(&text, "\n| kind | killed |\n|---|---|")
	for _, class := range slices.Sorted(maps.Keys(all)) {
		fmt.Fprintf(&text, "| %s | %d of %d |\n", class, killed[class], all[class])
	}
	fmt.Fprintln(&text, "\n| promise | defects that break it | a defect that nothing else notices |\n|---|---:|---|")
	for _, promise := range promises(tried) {
		fmt.Fprintf(&text, "| %s | %d | %s |\n", promise, noticed[promise], noticedAlone(tried, promise))
	}
	return text.String()
}
