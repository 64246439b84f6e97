package main

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"runtime"
	"strings"
	"time"

	"golang.org/x/sync/errgroup"
)

// result is what the harness said of one defect.
type result struct {
	defect
	tally
	// only is the promise that is to notice the defect alone; empty for most. alone says that without it the defect survived, without what it met then.
	only    string
	alone   bool
	without tally
}

// tally is what one run of the harness counted.
type tally struct {
	Plans   int            `json:"plans"`
	Broken  map[string]int `json:"broken"` // failures by promise
	Oracles []string       `json:"oracles"`
	// died says that a panic ended the run.
	died bool
}

func (t tally) killed() bool { return t.died || len(t.Broken) > 0 }

func (r result) verdict() string {
	if r.killed() {
		return "killed"
	}
	return "SURVIVED"
}

// promises are those that were broken, and how often.
func (r result) promises() string {
	if r.died {
		return "the harness's process ended"
	}
	var broken []string
	for _, promise := range r.sorted() {
		broken = append(broken, fmt.Sprintf("%s (%d)", promise, r.Broken[promise]))
	}
	return strings.Join(broken, ", ")
}

// aside says whether it is noticed by the one promise that it is there for.
func (r result) aside() string {
	switch {
	case r.only == "":
		return ""
	case r.alone:
		return ", nothing else notices it"
	}
	return fmt.Sprintf(", NOT ONLY by %q: %s", r.only, strings.Join(r.without.sorted(), ", "))
}

// tryAll tries defects, as many at once as there are processors: half of the time goes into building. One that can't be tried does not keep the others.
func tryAll(root string, chosen []defect) []result {
	tried := make([]result, len(chosen))
	var group errgroup.Group
	group.SetLimit(runtime.NumCPU())
	for n, d := range chosen {
		group.Go(func() error {
			r, err := try(root, d)
			if err != nil {
				fmt.Printf("%s: %v\n", d.name, err)
			}
			fmt.Printf("%-9s %s: %s: %s%s\n", r.verdict(), d.class, d.name, r.promises(), r.aside())
			tried[n] = r
			return nil
		})
	}
	_ = group.Wait() // none returns an error
	return tried
}

// try builds the harness with a defect and runs it. A hundredth of the plans notices nearly every defect; what slips through meets more of them. Plans that
// are alike come in pairs, threes and fives, so a number that none of them divides meets each kind.
func try(root string, d defect) (result, error) {
	r := result{defect: d}
	directory, err := os.MkdirTemp("", "mutant")
	if err != nil {
		return r, err
	}
	defer os.RemoveAll(directory) //nolint:errcheck // the system's to clean up then
	harness, err := build(root, directory, d)
	if err != nil {
		return r, err
	}
	for _, every := range []int{101, 11, 3} {
		if r.tally, err = harness.run(every, ""); err != nil || r.killed() {
			break
		}
	}
	if err != nil || !r.killed() {
		return r, err
	}
	for promise, name := range alone {
		if name == d.name {
			r.only = promise
		}
	}
	if r.only != "" {
		if r.without, err = harness.run(59, r.only); err != nil {
			return r, err
		}
		r.alone = r.Broken[r.only] > 0 && !r.without.killed()
	}
	return r, nil
}

// harness is the test binary with a defect.
type harness struct{ binary, directory string }

func build(root, directory string, d defect) (*harness, error) {
	overlay, err := d.overlay(root, directory)
	if err != nil {
		return nil, err
	}
	h := &harness{binary: filepath.Join(directory, "perturbation.test"), directory: filepath.Join(root, "test/perturbation")}
	build := exec.Command("go", "test", "-c", "-overlay", overlay, "-o", h.binary, "./test/perturbation") //nolint:gosec,noctx // files of our own; it ends by itself
	build.Dir = root
	if text, err := build.CombinedOutput(); err != nil {
		return nil, fmt.Errorf("the defect does not compile: %s", text)
	}
	return h, nil
}

// run plays every nth plan, without judging by one of the promises if that is named.
func (h *harness) run(every int, without string) (tally, error) {
	ctx, cancel := context.WithTimeout(context.Background(), time.Hour)
	defer cancel()
	arguments := []string{"-tally", fmt.Sprintf("-every=%d", every), "-without=" + without, "-test.timeout=30m", "-test.run=^TestPerturbation$"}
	process := exec.CommandContext(ctx, h.binary, arguments...) //nolint:gosec // files of our own
	process.Dir = h.directory
	text, err := process.CombinedOutput()
	var exit *exec.ExitError
	if err != nil && !errors.As(err, &exit) {
		return tally{}, err
	}
	line := regexp.MustCompile(`(?m)^tally: (.*)$`).FindSubmatch(text)
	if line == nil {
		// A run that takes too long has noticed nothing.
		panicked := bytes.Contains(text, []byte("panic: ")) && !bytes.Contains(text, []byte("panic: test timed out"))
		return tally{died: panicked}, nil
	}
	var t tally
	return t, json.Unmarshal(line[1], &t)
}
