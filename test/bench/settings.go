package main

import (
	"errors"
	"flag"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"
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
	strict   bool
	update   bool
}

func parse(args []string) (settings, error) {
	var s settings
	var sizes, parts string
	flags := flag.NewFlagSet("bench", flag.ContinueOnError)
	flags.StringVar(&sizes, "sizes", "100 1000 10000", "How many objects, for each run.")
	flags.StringVar(&s.out, "out", "bench.json", "Where to write the results.")
	flags.StringVar(&s.root, "root", ".", "The repository's folder.")
	flags.StringVar(&s.profiles, "profiles", "", "A folder for CPU and heap profiles of the operator; they cost it a little.")
	flags.StringVar(&parts, "parts", strings.Join(usualParts(), " "), "What to measure; there is "+onRequest+" too.")
	flags.Float64Var(&s.qps, "qps", 0, "The far side's limit for the operator and the floor while objects are created, edited and deleted; 0 is none.")
	flags.DurationVar(&s.interval, "interval", 0, "The interval for a restart and for idling; 0 chooses by the number of objects.")
	flags.DurationVar(&s.latency, "latency", 20*time.Millisecond, "The simulated ThingSpace's latency.")
	flags.BoolVar(&s.strict, "strict", false, "Fail where a count is missed.")
	flags.BoolVar(&s.update, "update", false, "Write the results into docs/performance.md too.")
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
	// Each is compared with the one before it.
	slices.Sort(s.sizes)
	s.sizes = slices.Compact(s.sizes)
	return s, nil
}
