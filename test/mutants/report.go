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

// row is what the kill matrix shows of one defect.
type row struct{ class, name, verdict, broken string }

func (r row) killed() bool { return r.verdict == "killed" }

// rows are those of all defects, in their order: of those that were tried, and of the others as a document has shown them before.
func rows(tried []result, shown string) []row {
	known := map[string]row{}
	for line := range strings.Lines(shown) {
		if cells := strings.Split(strings.Trim(line, "| \n"), " | "); len(cells) == 4 {
			known[cells[1]] = row{cells[0], cells[1], cells[2], cells[3]}
		}
	}
	for _, r := range tried {
		known[r.name] = row{r.class, r.name, r.verdict(), r.promises()}
	}
	var all []row
	for _, d := range defects {
		if r, ok := known[d.name]; ok {
			r.class = d.class
			all = append(all, r)
		}
	}
	return all
}

// alones are the defects that nothing but a promise notices, by promise: those that were tried, and the others as a document has shown them before.
func alones(tried []result, shown string) map[string]string {
	found := map[string]string{}
	_, table, _ := strings.Cut(shown, "| promise |")
	for line := range strings.Lines(table) {
		if cells := strings.Split(strings.Trim(line, "| \n"), " | "); len(cells) == 3 && alone[cells[0]] == cells[2] {
			found[cells[0]] = cells[2]
		}
	}
	for _, promise := range promises(tried) {
		if name := noticedAlone(tried, promise); name != "" {
			found[promise] = name
		} else if slices.ContainsFunc(tried, func(r result) bool { return r.only == promise }) {
			delete(found, promise)
		}
	}
	return found
}

// matrix is the kill matrix, as a document shows it.
func matrix(tried []result, shown string) string {
	var text strings.Builder
	killed, all, noticed := map[string]int{}, map[string]int{}, map[string]int{}
	fmt.Fprintln(&text, "| kind | defect | | broken promises (failures) |\n|---|---|---|---|")
	for _, r := range rows(tried, shown) {
		all[r.class]++
		if r.killed() {
			killed[r.class]++
		}
		for broken := range strings.SplitSeq(r.broken, ", ") {
			promise, _, _ := strings.Cut(broken, " (")
			noticed[promise]++
		}
		fmt.Fprintf(&text, "| %s | %s | %s | %s |\n", r.class, r.name, r.verdict, r.broken)
	}
	fmt.Fprintln(&text, "\n| kind | killed |\n|---|---|")
	for _, class := range slices.Sorted(maps.Keys(all)) {
		fmt.Fprintf(&text, "| %s | %d of %d |\n", class, killed[class], all[class])
	}
	fmt.Fprintln(&text, "\n| promise | defects that break it | a defect that nothing else notices |\n|---|---:|---|")
	found := alones(tried, shown)
	for _, promise := range slices.Sorted(slices.Values(slices.Concat(slices.Collect(maps.Keys(alone)), neverAlone))) {
		fmt.Fprintf(&text, "| %s | %d | %s |\n", promise, noticed[promise], found[promise])
	}
	return text.String()
}
