package main

import (
	"cmp"
	"fmt"
	"os"
	"regexp"
	"runtime"
	"strconv"
	"strings"
)

// markdown is what a person reads.
func (r *Results) markdown() string { return r.measured() + "\n" + r.judged() }

// measured are the figures.
func (r *Results) measured() string {
	var b strings.Builder
	line := func(format string, args ...any) { fmt.Fprintf(&b, format+"\n", args...) }
	line("%s, %s; ThingSpace answers after %s.\n", r.Began.Format("2006-01-02"), r.Machine, r.Latency)

	line("| without objects | operator | bare manager |\n|---|---:|---:|")
	o, bare := r.Reference.Operator, r.Reference.Bare
	line("| stripped binary, MB | %.1f | %.1f |", float64(o.BinaryBytes)/1e6, float64(bare.BinaryBytes)/1e6)
	line("| start to ready, s | %.3f | %.3f |", o.StartSeconds, bare.StartSeconds)
	line("| memory: RSS, peak, live heap, MB | %s | %s |\n", o.Memory.text(), bare.Memory.text())

	line("| objects | wave | limit, calls/s | s | floor, s | ratio | one object: median, p99, s | calls, writes, events each | CPU, s | API server's CPU, s | all CPU, s | peak RSS, MB |")
	line("|---:|---|---|---:|---:|---:|---|---|---:|---:|---:|---:|")
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
			line("| %d | %s | %s | %.1f %s %.2f, %.2f | %.2f, %.2f, %.2f | %.1f | %.1f | %.1f | %.0f |", s.Objects, name, limit(w.QPS), w.Seconds, against,
				w.MedianSeconds, w.P99Seconds, float64(total(w.Calls))/n, float64(w.Writes)/n, float64(w.Events)/n, w.CPUSeconds, w.APIServerCPUSeconds, w.AllCPUSeconds, mb(w.PeakRSSBytes))
		}
		wave("create: floor", s.CreateFloor, Wave{})
		wave("create: floor with the event", s.CreateAsked, s.CreateFloor)
		wave("create", s.Create, s.CreateFloor)
		wave("edit", s.Edit, Wave{})
		wave("delete: floor", s.DeleteFloor, Wave{})
		wave("delete: floor with event and proof", s.DeleteAsked, s.DeleteFloor)
		wave("delete", s.Delete, s.DeleteFloor)
	}
	line("")

	r.tenants(line)
	line("| objects | | interval | seen |\n|---:|---|---|---|")
	for _, s := range r.Sizes {
		if restart := s.Restart; restart.Interval != "" {
			line("| %d | restart | %s | queue idle after %.1f s; %s in 10 s from the first, at %.1f a second idle; %d writes; peak %.0f MB |", s.Objects, restart.Interval,
				restart.QueueIdleSeconds, words(restart.FirstTenSeconds), restart.IdleRate, restart.Writes, mb(restart.PeakRSSBytes))
			line("| %d | its CPU | %s | %.2f%% of a core; a scrape every 30 s would add %.2f%% |", s.Objects, restart.Interval, restart.CPUPercent, 100*restart.ScrapeCPUSeconds/30)
		}
		if idle := s.Idle; idle.Interval != "" {
			line("| %d | idle | %s | %.0f s: %s, %.1f a second, %d in the busiest; %d writes; %.1f CPU seconds; %s MB RSS, peak, live heap (RSS after %.0f s) |", s.Objects,
				idle.Interval, idle.Seconds, words(idle.Calls), idle.MeanCalls, idle.BusiestCalls, idle.Writes, idle.CPUSeconds, idle.Memory.text(), idle.AgeSeconds)
		}
		if drift := s.Drift; drift.Interval != "" {
			line("| %d | drift of %d | %s | corrected %.1f s after the first; %s; %d writes |", s.Objects, drift.Objects, drift.Interval, drift.Seconds, words(drift.Calls), drift.Writes)
		}
		if outage := s.Outage; outage.Seconds > 0 {
			line("| %d | outage | none due | %d calls in %.1f s until every object says so; then %.1f a second, %d in the busiest; all Ready %.1f s after its end, with %s at %s a second |",
				s.Objects, outage.OpeningCalls, outage.OpeningSeconds, outage.MeanCalls, outage.BusiestCalls, outage.RecoverySeconds, words(outage.RecoveryCalls), limit(outage.QPS))
		}
	}
	return b.String()
}

// judged are the figures to reach.
func (r *Results) judged() string {
	var b strings.Builder
	fmt.Fprintln(&b, "| objects | target | wanted | measured | |\n|---:|---|---:|---:|---|")
	for _, target := range r.targets() {
		objects, verdict := "", cmp.Or(target.Verdict, "-")
		if target.Objects > 0 {
			objects = strconv.Itoa(target.Objects)
		}
		if verdict == missed {
			verdict = "**missed**"
		}
		fmt.Fprintf(&b, "| %s | %s | %s | %s | %s |\n", objects, target.What, target.Wanted, target.Measured, verdict)
	}
	return b.String()
}

func (m Memory) text() string {
	return fmt.Sprintf("%.1f, %.1f, %.1f", mb(m.RSSBytes), mb(m.PeakBytes), mb(m.LiveHeapBytes))
}

func mb(bytes int) float64 { return float64(bytes) / megabyte }

func limit(qps float64) string {
	if qps == 0 {
		return "none"
	}
	return fmt.Sprintf("%g", qps)
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

// tenants are the figures of those who share an operator with a busy namespace, beside their bounds.
func (r *Results) tenants(line func(string, ...any)) {
	for at, s := range r.Sizes {
		if len(s.Tenants) == 0 {
			continue
		}
		if at == 0 {
			line("| busy objects | which are | p99 to the first call, s (%.0f) | p99 to Ready, s (%.0f) | latest check, s (%.0f) | Ready lost (0) | calls of others | bounds |",
				firstCallBound.Seconds(), readyBound.Seconds(), lateBound.Seconds())
			line("|---:|---|---:|---:|---:|---:|---:|---|")
		}
		for _, t := range s.Tenants {
			verdict := "held"
			if !t.holds() {
				verdict = "**missed**"
			}
			line("| %d | %s | %.2f | %.2f | %.1f | %d | %d | %s |", s.Objects, t.Way, t.FirstCallSeconds, t.ReadySeconds, t.LateSeconds, t.ReadyLost, t.BusyCalls, verdict)
		}
	}
	line("")
}
