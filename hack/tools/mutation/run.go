package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"sync"
	"time"
)

// switchboard is the package that says which mutant is in force, and notes which the tests come by.
const switchboard = `package mutate

import (
	"os"
	"strconv"
	"sync/atomic"
)

var (
	active, _ = strconv.Atoi(os.Getenv("MUTANT"))
	trace, _  = os.OpenFile(os.Getenv("MUTANTS_SEEN"), os.O_WRONLY|os.O_APPEND, 0)
	seen      [1 << 12]atomic.Bool
)

func On(id int) bool {
	if trace != nil && !seen[id].Swap(true) {
		_, _ = trace.WriteString(strconv.Itoa(id) + "\n")
	}
	return id == active
}

func Pick[T any](id int, mutant, right func() T) T {
	if On(id) {
		return mutant()
	}
	return right()
}
`

// built is a suite's binary, how long it takes undisturbed, and which mutants it comes by.
type built struct {
	suite
	binary string
	takes  time.Duration
	seen   map[int]bool
}

// result is what became of a package's mutants.
type result struct {
	folder  string
	mutants []*mutant
}

func try(o options, work, folder string, suites []suite, chosen *regexp.Regexp) (result, error) {
	r := result{folder: folder}
	overlay, err := r.mutate(o.root, filepath.Join(work, filepath.Base(folder)))
	if err != nil {
		return r, err
	}
	var tried []*mutant
	for _, m := range r.mutants {
		if chosen.MatchString(folder + "/" + m.String()) {
			tried = append(tried, m)
		}
	}
	if len(tried) == 0 {
		return r, nil
	}
	var ready []built
	for n, s := range suites {
		b, err := s.build(o, filepath.Join(work, fmt.Sprintf("%s-%d", filepath.Base(folder), n)), overlay)
		if err != nil {
			return r, err
		}
		fmt.Printf("%s: %d mutants; the tests of %s come by %d of them in %s\n", folder, len(r.mutants), s.folder, len(b.seen), b.takes.Round(time.Millisecond))
		ready = append(ready, b)
	}
	var wait sync.WaitGroup
	room := make(chan struct{}, o.workers)
	for _, m := range tried {
		room <- struct{}{}
		wait.Go(func() {
			m.meet(o, ready)
			fmt.Printf("%-11s %s/%s (%s)\n", m.verdict, folder, m, m.noticedBy)
			<-room
		})
	}
	wait.Wait()
	return r, nil
}

// mutate writes the package with its mutants, and returns the overlay that puts it in the package's place.
func (r *result) mutate(root, work string) (string, error) {
	found, err := load(root, r.folder)
	if err != nil {
		return "", err
	}
	if err := os.MkdirAll(work, 0o700); err != nil {
		return "", err
	}
	place := map[string]string{filepath.Join(root, "internal/mutate/mutate.go"): filepath.Join(work, "switchboard.txt")}
	write := map[string]string{"switchboard.txt": switchboard}
	for n, name := range found[0].CompiledGoFiles {
		text, err := os.ReadFile(name)
		if err != nil {
			return "", err
		}
		s := &source{text: text, file: found[0].Syntax[n], fset: found[0].Fset, info: found[0].TypesInfo, name: name, mutants: &r.mutants}
		place[name] = filepath.Join(work, filepath.Base(name)+".txt")
		write[filepath.Base(name)+".txt"] = s.rewrite()
	}
	replace, err := json.Marshal(map[string]any{"Replace": place})
	if err != nil {
		return "", err
	}
	write["overlay.json"] = string(replace)
	for name, text := range write {
		if err := os.WriteFile(filepath.Join(work, name), []byte(text), 0o600); err != nil {
			return "", err
		}
	}
	return filepath.Join(work, "overlay.json"), nil
}

func (s suite) build(o options, binary, overlay string) (built, error) {
	b := built{suite: s, binary: binary, seen: map[int]bool{}}
	command := exec.Command("go", "test", "-c", "-vet=off", "-overlay", overlay, "-o", binary, "./"+s.folder) //nolint:gosec // files of our own
	command.Dir = o.root
	if out, err := command.CombinedOutput(); err != nil {
		return b, fmt.Errorf("%w\n%s", err, out)
	}
	seen := binary + ".seen"
	if err := os.WriteFile(seen, nil, 0o600); err != nil {
		return b, err
	}
	began := time.Now()
	if out, err := b.test(o, time.Hour, "MUTANTS_SEEN="+seen); err != nil {
		return b, fmt.Errorf("without a mutant: %w\n%s", err, out)
	}
	b.takes = time.Since(began)
	text, err := os.ReadFile(seen)
	for _, line := range strings.Fields(string(text)) {
		if id, err := strconv.Atoi(line); err == nil {
			b.seen[id] = true
		}
	}
	return b, err
}

// test runs the suite; a time-out is context.DeadlineExceeded.
func (b built) test(o options, patience time.Duration, environment ...string) (string, error) {
	ctx, cancel := context.WithTimeout(context.Background(), patience)
	defer cancel()
	command := exec.CommandContext(ctx, b.binary, append([]string{"-test.failfast", "-test.timeout=0"}, b.args...)...)
	command.Dir, command.Env = filepath.Join(o.root, b.folder), append(os.Environ(), environment...)
	command.WaitDelay = 5 * time.Second
	out, err := command.CombinedOutput()
	if ctx.Err() != nil {
		err = ctx.Err()
	}
	return string(out), err
}

// meet lets one suite after the other try to notice the mutant.
func (m *mutant) meet(o options, suites []built) {
	m.verdict = "not covered"
	for _, b := range suites {
		if !b.seen[m.id] {
			continue
		}
		out, err := b.test(o, time.Duration(o.patience)*b.takes+10*time.Second, fmt.Sprintf("MUTANT=%d", m.id))
		switch {
		case errors.Is(err, context.DeadlineExceeded):
			m.verdict, m.noticedBy = "timed out", b.folder
			return
		case err != nil, strings.Contains(out, `"broken":{"`):
			m.verdict, m.noticedBy = "killed", b.folder
			return
		}
		m.verdict = "lived"
	}
}
