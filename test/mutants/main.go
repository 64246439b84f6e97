package main

import (
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"slices"

	"github.com/fota-callback-operator/fota-callback-operator/test/document"
)

func main() {
	only := flag.String("only", "", "regular expression for the names of the defects to try; then only their rows are written")
	file := flag.String("write", "docs/reliability.md", "the document whose kill matrix is replaced")
	flag.Parse()
	complaints, err := run(*only, *file)
	switch {
	case err != nil:
		fmt.Fprintln(os.Stderr, "mutants:", err)
		os.Exit(1)
	case complaints > 0:
		os.Exit(1)
	}
}

// run tries the defects. What it complains of stands above the last line.
func run(only, file string) (complaints int, err error) {
	root, err := filepath.Abs(".")
	if err != nil {
		return 0, err
	}
	chosen, err := regexp.Compile(only)
	if err != nil {
		return 0, fmt.Errorf("--only: %w", err)
	}
	tried := tryAll(root, slices.DeleteFunc(slices.Clone(defects), func(d defect) bool { return !chosen.MatchString(d.name) }))
	killed := 0
	for _, r := range tried {
		if r.killed() {
			killed++
		}
	}
	complaints = len(tried) - killed
	shown, err := document.Section(file, "kill-matrix")
	if err != nil {
		return 0, err
	}
	if err := document.Replace(file, "kill-matrix", matrix(tried, shown)); err != nil {
		return 0, err
	}
	if only == "" {
		for _, promise := range promises(tried) {
			if noticedAlone(tried, promise) == "" && !slices.Contains(neverAlone, promise) {
				complaints++
				fmt.Printf("%s has no defect that only it notices\n", promise)
			}
		}
	}
	fmt.Printf("mutants: %d of %d killed\n", killed, len(tried))
	return complaints, nil
}
