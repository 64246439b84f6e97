package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"sync"
	"time"
)

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
