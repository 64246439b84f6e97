// Command mutation changes one operator of the operator's code at a time, a < to a <=, an && to an ||, and sees whether a test notices.
//
// All mutants of a package are built into one test binary, and an environment variable says which of them is in force: a mutant costs a run of the
// tests, and no build. A run without one notes which mutants the tests come by at all. Constants are left alone.
package main

import (
	"errors"
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"runtime"
	"slices"
	"strings"
	"time"
)

// module is the operator's.
const module = "github.com/fota-callback-operator/fota-callback-operator"

// suite is some tests, of one package.
type suite struct {
	folder string
	args   []string
}

// A hundredth of the plans notices nearly all that all of them notice.
var perturbation = suite{folder: "test/perturbation", args: []string{"-test.run=^TestPerturbation$", "-every=101", "-tally", "-enough=1"}}

// targets are what is mutated, each with the suites that may notice, the quickest first.
var targets = []struct {
	folder string
	suites []suite
}{
	{"internal/rules", []suite{{folder: "internal/rules"}, perturbation}},
	{"internal/thingspace", []suite{{folder: "internal/thingspace"}, perturbation}},
	{"internal/controller", []suite{perturbation, {folder: "internal/controller", args: []string{"-ginkgo.fail-fast"}}}},
}

func main() {
	var o options
	flag.StringVar(&o.root, "root", "../../..", "the repository")
	only := flag.String("only", "", "regular expression for the mutants to try, as they are printed; then nothing is written")
	with := flag.String("with", "", "regular expression for the folders whose tests may notice; then nothing is written either")
	flag.StringVar(&o.write, "write", "", "the document whose section on mutants is replaced")
	flag.IntVar(&o.workers, "workers", runtime.NumCPU(), "how many mutants are tried at once")
	flag.IntVar(&o.patience, "patience", 10, "a mutant hangs where the tests take so many times as long as without it")
	flag.Usage = func() {
		fmt.Fprintln(flag.CommandLine.Output(), "usage: mutation [flags] [folder…]   (all that are known, unless some are named)")
		flag.PrintDefaults()
	}
	flag.Parse()
	o.folders = flag.Args()
	if err := run(o, *only, *with); err != nil {
		fmt.Fprintln(os.Stderr, "mutation:", err)
		os.Exit(1)
	}
}

type options struct {
	root, write       string
	folders           []string
	workers, patience int
}

func run(o options, only, with string) error {
	chosen, err := regexp.Compile(only)
	if err != nil {
		return fmt.Errorf("-only: %w", err)
	}
	suites, err := regexp.Compile(with)
	if err != nil {
		return fmt.Errorf("-with: %w", err)
	}
	if o.root, err = filepath.Abs(o.root); err != nil {
		return err
	}
	work, err := os.MkdirTemp("", "mutation-")
	if err != nil {
		return err
	}
	defer os.RemoveAll(work) //nolint:errcheck // a temporary folder
	began := time.Now()
	var all []result
	for _, p := range targets {
		if len(o.folders) > 0 && !slices.Contains(o.folders, p.folder) {
			continue
		}
		found, err := try(o, work, p.folder, slices.DeleteFunc(p.suites, func(s suite) bool { return !suites.MatchString(s.folder) }), chosen)
		if err != nil {
			return fmt.Errorf("%s: %w", p.folder, err)
		}
		all = append(all, found)
	}
	if len(all) < len(o.folders) {
		return fmt.Errorf("not all of %v are folders that can be mutated: see main.go", o.folders)
	}
	text := table(all)
	fmt.Printf("\nwhat no test has noticed:\n%s\n%s\nmutation: %s\n", survivors(all), text, time.Since(began).Round(time.Second))
	switch {
	case o.write == "":
		return nil
	case only+with != "":
		return errors.New("-write needs all mutants and all tests")
	}
	return replace(filepath.Join(o.root, o.write), text)
}

// replace gives the generated section of a document new text.
func replace(file, text string) error {
	content, err := os.ReadFile(file)
	if err != nil {
		return err
	}
	const begin, end = "<!-- begin mutation -->\n", "<!-- end mutation -->\n"
	before, rest, begins := strings.Cut(string(content), begin)
	_, after, ends := strings.Cut(rest, end)
	if !begins || !ends {
		return fmt.Errorf("%s has no section named mutation", file)
	}
	return os.WriteFile(file, []byte(before+begin+text+end+after), 0o644) //nolint:gosec // a document, for everybody to read
}
