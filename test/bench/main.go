// Command bench measures what the operator costs: a real API server and etcd, the simulator and the operator, each a process of its own, and beside
// them a floor that does the least the job needs. docs/performance.md says how, and what came out.
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"os"
	"os/signal"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"syscall"
	"time"

	"github.com/go-logr/logr"
	ctrl "sigs.k8s.io/controller-runtime"
)

// settings are the flags.
type settings struct {
	sizes    []int
	out      string
	root     string
	profiles string
	parts    []string
	latency  time.Duration
	interval time.Duration
	qps      float64
}

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
	for i, objects := range s.sizes {
		sayf("%d objects", objects)
		scene, err := newScene(ctx, s, dir, objects)
		if err != nil {
			return err
		}
		if i == 0 {
			results.Reference, err = scene.reference(ctx)
		}
		if err == nil {
			var size Size
			size, err = scene.play(ctx)
			results.Sizes = append(results.Sizes, size)
		}
		if err != nil {
			err = fmt.Errorf("%d objects: %w\n%s", objects, err, scene.logEnd())
		}
		scene.TearDown()
		if err != nil {
			return err
		}
		// What there is so far: the next size may be too much for the machine.
		if err := results.write(s.out); err != nil {
			return err
		}
	}
	fmt.Print(results.markdown())
	return nil
}

func parse(args []string) (settings, error) {
	var s settings
	var sizes, parts string
	flags := flag.NewFlagSet("bench", flag.ContinueOnError)
	flags.StringVar(&sizes, "sizes", "100 1000 10000", "How many objects, for each run.")
	flags.StringVar(&s.out, "out", "bench.json", "Where to write the results.")
	flags.StringVar(&s.root, "root", ".", "The repository's folder.")
	flags.StringVar(&s.profiles, "profiles", "", "A folder for CPU and heap profiles of the operator; they cost it a little.")
	flags.StringVar(&parts, "parts", strings.Join(allParts(), " "), "What to measure.")
	flags.Float64Var(&s.qps, "qps", 0, "The far side's limit for the operator and the floor while objects are created, edited and deleted; 0 is none.")
	flags.DurationVar(&s.interval, "interval", 0, "The interval for a restart and for idling; 0 chooses by the number of objects.")
	flags.DurationVar(&s.latency, "latency", 20*time.Millisecond, "The simulated ThingSpace's latency.")
	if err := flags.Parse(args); err != nil {
		return settings{}, err
	}
	for word := range strings.FieldsSeq(sizes) {
		size, err := strconv.Atoi(word)
		if err != nil || size < 10 {
			return settings{}, fmt.Errorf("a size is a number of objects, at least 10, not %q", word)
		}
		s.sizes = append(s.sizes, size)
	}
	s.parts = strings.Fields(parts)
	for _, part := range s.parts {
		if !slices.Contains(allParts(), part) {
			return settings{}, fmt.Errorf("there is no part %q, but %v", part, allParts())
		}
	}
	if len(s.sizes) == 0 {
		return settings{}, errors.New("no sizes")
	}
	return s, nil
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
