package main

import (
	"fmt"
	"maps"
	"os"
	"slices"
	"strings"
)

const (
	matrixBegins = "<!-- the kill matrix begins: make mutants writes it -->\n"
	matrixEnds   = "<!-- the kill matrix ends -->"
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

// write replaces the kill matrix in a document.
func write(document string, tried []result) error {
	text, err := os.ReadFile(document)
	if err != nil {
		return err
	}
	before, rest, begins := strings.Cut(string(text), matrixBegins)
	_, after, ends := strings.Cut(rest, matrixEnds)
	if !begins || !ends {
		return fmt.Errorf("%s has no place for the kill matrix", document)
	}
	return os.WriteFile(document, []byte(before+matrixBegins+matrix(tried)+matrixEnds+after), 0o644) //nolint:gosec // a document, for everybody to read
}

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
