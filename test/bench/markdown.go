package main

import (
	"fmt"
	"os"
	"regexp"
	"runtime"
	"strconv"
	"strings"
)

// markdown is what a person reads.
func (r *Results) markdown() string {
	var b strings.Builder
	line := func(format string, args ...any) { fmt.Fprintf(&b, format+"\n", args...) }
	line("%s, %s; ThingSpace answers after %s.\n", r.Began.Format("2006-01-02"), r.Machine, r.Latency)

	line("| without objects | operator | bare manager |\n|---|---|---|")
	o, bare := r.Reference.Operator, r.Reference.Bare
	line("| stripped binary, MB | %.1f | %.1f |", float64(o.BinaryBytes)/1e6, float64(bare.BinaryBytes)/1e6)
	line("| start to ready, s | %.3f | %.3f |", o.StartSeconds, bare.StartSeconds)
	line("| memory (RSS), MB | %.1f | %.1f |\n", mb(o.RSSBytes), mb(bare.RSSBytes))

	line("| objects | wave | limit, calls/s | s | floor, s | ratio | one object: median, p99, s | calls each | writes each | events each | CPU, s | API server's CPU, s | all CPU, s | peak RSS, MB |")
	line("|---|---|---|---|---|---|---|---|---|---|---|---|---|---|")
	for _, s := range r.Sizes {
		wave := func(name string, w, floor Wave) {
			if w.Seconds == 0 {
				return // it was not wanted
			}
			against := "| | |"
			if floor.Seconds > 0 {
				against = fmt.Sprintf("| %.1f | %.2f |", floor.Seconds, ratio(w.Seconds, floor.Seconds))
			}
			n := float64(s.Objects)
			line("| %d | %s | %s | %.1f %s %.2f, %.2f | %.2f | %.2f | %.2f | %.1f | %.1f | %.1f | %.0f |", s.Objects, name, limit(w.QPS), w.Seconds, against,
				w.MedianSeconds, w.P99Seconds, float64(total(w.Calls))/n, float64(w.Writes)/n, float64(w.Events)/n, w.CPUSeconds, w.APIServerCPUSeconds, w.AllCPUSeconds, mb(w.PeakRSSBytes))
		}
		wave("create: floor", s.CreateFloor, Wave{})
		wave("create", s.Create, s.CreateFloor)
		wave("edit", s.Edit, Wave{})
		wave("delete: floor", s.DeleteFloor, Wave{})
		wave("delete", s.Delete, s.DeleteFloor)
	}
	line("")

	line("| objects | | limit, calls/s | interval | seen |\n|---|---|---|---|---|")
	for _, s := range r.Sizes {
		if s.Restart.Interval != "" {
			line("| %d | restart | %s | %s | queue idle after %.1f s; %s in the first 10 s, at %.1f a second idle; %d writes; %.1f%% of a core; peak %.0f MB |", s.Objects,
				limit(s.Restart.QPS), s.Restart.Interval, s.Restart.QueueIdleSeconds, words(s.Restart.FirstTenSeconds), s.Restart.IdleRate, s.Restart.Writes,
				s.Restart.CPUPercent, mb(s.Restart.PeakRSSBytes))
		}
		if s.Idle.Interval != "" {
			line("| %d | idle | %s | %s | %.0f s: %s, %.1f a second, %d in the busiest; %d writes; %.1f CPU seconds; %.0f MB |", s.Objects, limit(s.Idle.QPS), s.Idle.Interval,
				s.Idle.Seconds, words(s.Idle.Calls), s.Idle.MeanCalls, s.Idle.BusiestCalls, s.Idle.Writes, s.Idle.CPUSeconds, mb(s.Idle.RSSBytes))
			line("| %d | drift of %d | %s | %s | corrected %.1f s after the first; %s; %d writes |", s.Objects, s.Drift.Objects, limit(s.Drift.QPS), s.Drift.Interval,
				s.Drift.Seconds, words(s.Drift.Calls), s.Drift.Writes)
		}
		if s.Outage.Seconds > 0 {
			line("| %d | outage | %s | 24h | %.1f calls a second, %d in the busiest; all Ready %.1f s after its end, with %s |", s.Objects, limit(s.Outage.QPS),
				s.Outage.MeanCalls, s.Outage.BusiestCalls, s.Outage.RecoverySeconds, words(s.Outage.RecoveryCalls))
		}
	}
	line("")

	line("| objects | target | wanted | measured | |\n|---|---|---|---|---|")
	for _, target := range r.Targets {
		objects, met := "", "met"
		if target.Objects > 0 {
			objects = strconv.Itoa(target.Objects)
		}
		if !target.Met {
			met = "**missed**"
		}
		line("| %s | %s | %s | %s | %s |", objects, target.What, target.Wanted, target.Measured, met)
	}
	return b.String()
}

func mb(bytes int) float64 { return float64(bytes) / megabyte }

func limit(qps float64) string {
	if qps == 0 {
		return "none"
	}
	return fmt.Sprintf("%.0f", qps)
}

// words are counts, in the order in which the calls are made.
func words(counts map[string]int) string {
	var all []string
	for _, operation := range []string{"token", "login", "list", "register", "update", "deregister"} {
		if counts[operation] > 0 {
			all = append(all, fmt.Sprintf("%d %s", counts[operation], operation))
		}
	}
	if len(all) == 0 {
		return "no call"
	}
	return strings.Join(all, ", ")
}

var processor = regexp.MustCompile(`(?m)^model name\s*:\s*(.*)$`)

// machine is what the run had to work with.
func machine() string {
	cpu := runtime.GOARCH
	if text, err := os.ReadFile("/proc/cpuinfo"); err == nil {
		if found := processor.FindSubmatch(text); found != nil {
			cpu = string(found[1])
		}
	}
	return fmt.Sprintf("%d cores (%s), %s", runtime.NumCPU(), cpu, runtime.Version())
}
