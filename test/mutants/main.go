package main

import (
	"context"
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"time"

	"github.com/fota-callback-operator/fota-callback-operator/test/document"
)

func main() {
	only := flag.String("only", "", "regular expression for the names of the defects to try; then nothing is written")
	file := flag.String("write", "docs/reliability.md", "the document whose kill matrix is replaced")
	flag.Parse()
	if err := run(*only, *file); err != nil {
		fmt.Fprintln(os.Stderr, "mutants:", err)
		os.Exit(1)
	}
}

func run(only, file string) error {
	root, err := filepath.Abs(".")
	if err != nil {
		return err
	}
	chosen, err := regexp.Compile(only)
	if err != nil {
		return fmt.Errorf("--only: %w", err)
	}
	var tried []result
	killed := 0
	for _, d := range defects {
		if !chosen.MatchString(d.name) {
			continue
		}
		// A fortieth of the plans notices nearly every defect; what slips through meets all of them.
		var r result
		for _, every := range []int{40, 5, 1} {
			if r, err = try(root, d, every); err != nil {
				return fmt.Errorf("%s: %w", d.name, err)
			}
			if r.killed() {
				break
			}
		}
		tried = append(tried, r)
		if r.killed() {
			killed++
		}
		fmt.Printf("%-9s %s: %s (%s)\n", r.verdict(), d.class, d.name, r.promises())
	}
	if only == "" {
		if err := document.Replace(file, "kill-matrix", matrix(tried)); err != nil {
			return err
		}
	}
	fmt.Printf("mutants: %d of %d killed\n", killed, len(tried))
	if killed < len(tried) {
		return errors.New("the harness does not notice every defect")
	}
	return nil
}

// result is what the harness said of one defect.
type result struct {
	defect
	// plans is how many were run, broken how many failures there were for each promise.
	plans  int
	broken map[string]int
	// died says that the process of the harness itself came to grief.
	died bool
}

func (r result) killed() bool { return r.died || len(r.broken) > 0 }

func (r result) verdict() string {
	if r.killed() {
		return "killed"
	}
	return "SURVIVED"
}

// try runs every nth plan against the operator with the defect.
func try(root string, d defect, every int) (result, error) {
	directory, err := os.MkdirTemp("", "mutant")
	if err != nil {
		return result{}, err
	}
	defer os.RemoveAll(directory) //nolint:errcheck // the system's to clean up then
	overlay, err := d.overlay(root, directory)
	if err != nil {
		return result{}, err
	}
	ctx, cancel := context.WithTimeout(context.Background(), 15*time.Minute)
	defer cancel()
	binary := filepath.Join(directory, "perturbation.test")
	build := exec.CommandContext(ctx, "go", "test", "-c", "-overlay", overlay, "-o", binary, "./test/perturbation") //nolint:gosec // files of our own
	if text, err := build.CombinedOutput(); err != nil {
		return result{}, fmt.Errorf("the defect does not compile: %s", text)
	}
	tally := exec.CommandContext(ctx, binary, "-tally", fmt.Sprintf("-every=%d", every), "-test.timeout=10m", "-test.run=^TestPerturbation$") //nolint:gosec // files of our own
	tally.Dir = filepath.Join(root, "test/perturbation")
	text, err := tally.CombinedOutput()
	r := result{defect: d}
	line := regexp.MustCompile(`(?m)^tally: (.*)$`).FindSubmatch(text)
	var exit *exec.ExitError
	switch {
	case err != nil && !errors.As(err, &exit):
		return result{}, err
	case line == nil:
		r.died = true
		return r, nil
	}
	var counted struct {
		Plans  int            `json:"plans"`
		Broken map[string]int `json:"broken"`
	}
	if err := json.Unmarshal(line[1], &counted); err != nil {
		return result{}, err
	}
	r.plans, r.broken = counted.Plans, counted.Broken
	return r, nil
}

func (r result) promises() string {
	if r.died {
		return "it stops working"
	}
	return strings.Join(r.sorted(), ", ")
}
