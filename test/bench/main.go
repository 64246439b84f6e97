// Command bench measures what the operator costs: a real API server and etcd, the simulator and the operator, each a process of its own, and beside
// them a floor that does the least the job needs. docs/performance.md says how, and what came out.
package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/signal"
	"path/filepath"
	"strings"
	"syscall"
	"time"

	"github.com/go-logr/logr"
	ctrl "sigs.k8s.io/controller-runtime"
)

func main() {
	if err := run(os.Args[1:]); err != nil {
		fmt.Fprintln(os.Stderr, "bench:", err)
		os.Exit(1)
	}
}

func run(args []string) error {
	s, err := parse(args)
	if err != nil {
		return err
	}
	ctrl.SetLogger(logr.Discard())
	ctx, cancel := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer cancel()
	dir, err := os.MkdirTemp("", "fota-bench-")
	if err != nil {
		return err
	}
	defer os.RemoveAll(dir) //nolint:errcheck // a temporary folder
	sayf("building")
	if err := build(ctx, s, dir); err != nil {
		return err
	}

	results := Results{Began: time.Now().UTC().Truncate(time.Second), Machine: machine(), Latency: s.latency.String()}
	err = results.collect(ctx, s, dir)
	fmt.Print(results.markdown()) // what there is, where not all could be measured
	if err != nil {
		return err
	}
	if s.update {
		if err := results.document(filepath.Join(s.root, "docs/performance.md")); err != nil {
			return err
		}
	}
	if counts := results.missedCounts(); s.strict && len(counts) > 0 {
		return fmt.Errorf("missed:\n%s", strings.Join(counts, "\n"))
	}
	return nil
}

// collect measures one size after the other.
func (r *Results) collect(ctx context.Context, s settings, dir string) error {
	for i, objects := range s.sizes {
		sayf("%d objects", objects)
		scene, err := newScene(ctx, s, dir, objects)
		if err != nil {
			return err
		}
		if i == 0 {
			r.Reference, err = scene.reference(ctx)
		}
		if err == nil {
			var size Size
			size, err = scene.play(ctx)
			r.Sizes = append(r.Sizes, size)
		}
		if err != nil {
			err = fmt.Errorf("%d objects: %w\n%s", objects, err, scene.logEnd())
		}
		scene.TearDown()
		// What there is so far: the next size may be too much for the machine.
		if err := errors.Join(err, r.write(s.out)); err != nil {
			return err
		}
	}
	return nil
}

// build builds everything as a release is: static and stripped.
func build(ctx context.Context, s settings, dir string) error {
	arguments := []string{"build", "-trimpath", "-ldflags", "-s -w"}
	if s.profiles != "" {
		arguments = append(arguments, "-tags", "profile")
	}
	arguments = append(arguments, "-o", dir+string(filepath.Separator), "./cmd/...", "./test/bench/floor", "./test/bench/bare")
	return command(ctx, s.root, "go", arguments...)
}

// sayf tells who waits how far the run is.
func sayf(format string, args ...any) {
	fmt.Fprintln(os.Stderr, time.Now().Format(time.TimeOnly), fmt.Sprintf(format, args...))
}
