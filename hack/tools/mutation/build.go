package main

import (
	"encoding/json"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
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
		s := &source{text: text, file: found[0].Syntax[n], fset: found[0].Fset, types: found[0].Types, info: found[0].TypesInfo, name: name, mutants: &r.mutants}
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
