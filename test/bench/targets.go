package main

import (
	"fmt"
	"math"
	"strconv"
)

// Target is one figure to reach.
type Target struct {
	What     string `json:"what"`
	Objects  int    `json:"objects,omitempty"`
	Wanted   string `json:"wanted"`
	Measured string `json:"measured"`
	// Verdict is met or missed; it is empty where so few objects or calls say nothing.
	Verdict string `json:"verdict,omitempty"`
	// Count says that it is about calls, writes, events or reads, which are the same on every machine.
	Count bool `json:"count,omitempty"`
}

const (
	met    = "met"
	missed = "missed"

	// Of fewer objects, times, CPU and memory say more about the machine than about the operator.
	fewestObjects = 1_000
	// Of fewer calls a second, chance alone makes some seconds three times as busy as the mean.
	fewestCalls = 5

	megabyte = 1 << 20
	kilobyte = 1 << 10
)

// targets judges what has been measured.
func (r *Results) targets() []Target {
	o, bare := &r.Reference.Operator, &r.Reference.Bare
	var all []Target
	if o.BinaryBytes > 0 {
		all = append(all,
			atMost("memory idle, without objects: against the bare manager", 1.1, ratio(float64(o.Memory.RSSBytes), float64(bare.Memory.RSSBytes))),
			atMost("start to ready: against the bare manager", 1.2, ratio(o.StartSeconds, bare.StartSeconds)),
			atMost("stripped binary: against the bare manager", 1.05, ratio(float64(o.BinaryBytes), float64(bare.BinaryBytes))))
	}
	for i := range r.Sizes {
		targets := r.Sizes[i].targets()
		if i > 0 {
			targets = append(targets, r.Sizes[i].against(&r.Sizes[i-1])...)
		}
		for _, target := range targets {
			target.Objects = r.Sizes[i].Objects
			all = append(all, target)
		}
	}
	return all
}

// missedCounts are the counts that are not as they should be.
func (r *Results) missedCounts() []string {
	var all []string
	for _, target := range r.targets() {
		if target.Count && target.Verdict == missed {
			all = append(all, fmt.Sprintf("%d objects: %s: %s, not %s", target.Objects, target.What, target.Measured, target.Wanted))
		}
	}
	return all
}

// against says what an object costs compared with a run of fewer.
func (s *Size) against(fewer *Size) []Target {
	var all []Target
	if s.Idle.Memory.RSSBytes > 0 && fewer.Idle.Memory.RSSBytes > 0 {
		more := float64(s.Idle.Memory.RSSBytes - fewer.Idle.Memory.RSSBytes)
		all = append(all, atMost(fmt.Sprintf("memory: KB for each object more than %d", fewer.Objects), 6, more/float64(s.Objects-fewer.Objects)/kilobyte))
	}
	if s.Create.Seconds > 0 && fewer.Create.Seconds > 0 {
		all = append(all, atMost(fmt.Sprintf("create: calls and writes per object against %d", fewer.Objects), 1.1,
			ratio(s.Create.perObject(s.Objects), fewer.Create.perObject(fewer.Objects))))
		what, growth := "create: the operator's CPU per object against %d", s.cpuGrowth(fewer, func(s *Size) *Wave { return &s.Create })
		if s.CreateFloor.Seconds > 0 && fewer.CreateFloor.Seconds > 0 {
			// A long wave slows every process of a busy machine, the floor too.
			what += ", beside the floor's"
			growth = ratio(growth, s.cpuGrowth(fewer, func(s *Size) *Wave { return &s.CreateFloor }))
		}
		all = append(all, atMost(fmt.Sprintf(what, fewer.Objects), 1.1, growth))
	}
	for i := range all {
		all[i] = all[i].where(fewer.Objects >= fewestObjects)
	}
	return all
}

// cpuGrowth is how much more CPU a wave took for each object than with fewer of them.
func (s *Size) cpuGrowth(fewer *Size, of func(*Size) *Wave) float64 {
	return ratio(of(s).CPUSeconds/float64(s.Objects), of(fewer).CPUSeconds/float64(fewer.Objects))
}

// targets are those of what has been measured.
func (s *Size) targets() []Target {
	var all []Target
	if s.Create.Seconds > 0 {
		all = append(all, s.createTargets()...)
	}
	if s.Restart.Interval != "" {
		all = append(all, s.restartTargets()...)
	}
	if s.Idle.Interval != "" {
		all = append(all, s.idleTargets()...)
	}
	if s.Outage.Seconds > 0 {
		recovery := float64(total(s.Outage.RecoveryCalls)) / s.Outage.QPS
		all = append(all,
			atMost("outage: calls a second", 1.5, s.Outage.MeanCalls),
			within("outage: recovery against the rate limit", 0.8, 1.2, ratio(s.Outage.RecoverySeconds, recovery)))
	}
	if s.Edit.Seconds > 0 {
		all = append(all, s.editTargets()...)
	}
	if s.Delete.Seconds > 0 {
		all = append(all, s.deleteTargets()...)
	}
	return all
}

func (s *Size) createTargets() []Target {
	n, w := s.Objects, &s.Create
	all := []Target{
		exactly("create: far-side calls, object writes, events", fmt.Sprintf("%d, %d, %d", 2*n, 2*n, n),
			fmt.Sprintf("%d, %d, %d", accountCalls(w.Calls), w.Writes, w.Events),
			accountCalls(w.Calls) == 2*n && w.Writes == 2*n && w.Events == n),
		secretReads("create", w.SecretReads, w.Calls, w.Seconds),
	}
	all = append(all, againstFloor("create: time against the floor", s, w, &s.CreateFloor)...)
	return append(all, againstFloor("create: time against the floor with the event", s, w, &s.CreateAsked)...)
}

func (s *Size) restartTargets() []Target {
	r := &s.Restart
	mutations := r.Calls["register"] + r.Calls["update"] + r.Calls["deregister"]
	// What is wanted of 10,000 objects at the default interval: fewer objects prove nothing, and more calls may cost more.
	asDefault := s.Objects >= 10_000 && r.IdleRate < 1.01*defaultRate
	return []Target{
		exactly("restart: object writes, mutating calls", "0, 0", fmt.Sprintf("%d, %d", r.Writes, mutations),
			r.Writes == 0 && mutations == 0),
		secretReads("restart", r.SecretReads, r.Calls, r.Seconds),
		atMost("restart: calls in 10 s from the first against the idle rate", 1.5, ratio(float64(total(r.FirstTenSeconds))/10, r.IdleRate)).where(r.IdleRate >= fewestCalls),
		atMost("restart: seconds until the queue is idle", 5, r.QueueIdleSeconds).where(s.Objects >= fewestObjects),
		atMost(fmt.Sprintf("idle: %% of a core at %.1f calls a second", r.IdleRate), 2, r.CPUPercent).where(asDefault),
	}
}

func (s *Size) idleTargets() []Target {
	i := &s.Idle
	return []Target{
		exactly("idle: object writes", "0", strconv.Itoa(i.Writes), i.Writes == 0),
		atMost("idle: calls in the busiest second against the mean", 3, ratio(float64(i.BusiestCalls), i.MeanCalls)).where(i.MeanCalls >= fewestCalls),
		secretReads("idle", i.SecretReads, i.Calls, i.Seconds),
	}
}

func (s *Size) editTargets() []Target {
	n, w := s.Objects, &s.Edit
	return []Target{
		exactly("edit: far-side calls, object writes", fmt.Sprintf("%d, %d", 2*n, 2*n),
			fmt.Sprintf("%d, %d", accountCalls(w.Calls), w.Writes), accountCalls(w.Calls) == 2*n && w.Writes == 2*n),
		secretReads("edit", w.SecretReads, w.Calls, w.Seconds),
	}
}

func (s *Size) deleteTargets() []Target {
	n, w := s.Objects, &s.Delete
	all := []Target{
		exactly("delete: far-side calls, object writes", fmt.Sprintf("%d, %d", 3*n, n),
			fmt.Sprintf("%d, %d", accountCalls(w.Calls), w.Writes), accountCalls(w.Calls) == 3*n && w.Writes == n),
		secretReads("delete", w.SecretReads, w.Calls, w.Seconds),
	}
	all = append(all, againstFloor("delete: time against the floor", s, w, &s.DeleteFloor)...)
	return append(all, againstFloor("delete: time against the floor with event and proof", s, w, &s.DeleteAsked)...)
}

// secretReads are one for each sign-in, and one in ten minutes.
func secretReads(part string, reads int, calls map[string]int, seconds float64) Target {
	most := calls["login"] + int(math.Ceil(seconds/600))
	return exactly(part+": reads of the Secret", fmt.Sprintf("≤ %d", most), strconv.Itoa(reads), reads <= most)
}

func againstFloor(what string, s *Size, wave, floor *Wave) []Target {
	if floor.Seconds == 0 {
		return nil // it was not wanted
	}
	return []Target{atMost(what, 1.25, ratio(wave.Seconds, floor.Seconds)).where(s.Objects >= fewestObjects)}
}

func (w *Wave) perObject(objects int) float64 {
	return float64(accountCalls(w.Calls)+w.Writes) / float64(objects)
}

// accountCalls leaves the sign-in out: it does not grow with the accounts.
func accountCalls(calls map[string]int) int { return total(calls) - calls["token"] - calls["login"] }

func total(counts map[string]int) int {
	sum := 0
	for _, count := range counts {
		sum += count
	}
	return sum
}

func ratio(a, b float64) float64 {
	if b == 0 {
		return math.Inf(1)
	}
	return a / b
}

func atMost(what string, wanted, measured float64) Target {
	return Target{What: what, Wanted: fmt.Sprintf("≤ %v", wanted), Measured: fmt.Sprintf("%.2f", measured), Verdict: verdict(measured <= wanted)}
}

func within(what string, least, most, measured float64) Target {
	return Target{
		What: what, Wanted: fmt.Sprintf("%v to %v", least, most), Measured: fmt.Sprintf("%.2f", measured), Verdict: verdict(measured >= least && measured <= most),
	}
}

func exactly(what, wanted, measured string, as bool) Target {
	return Target{What: what, Wanted: wanted, Measured: measured, Verdict: verdict(as), Count: true}
}

func verdict(as bool) string {
	if as {
		return met
	}
	return missed
}

// where leaves the verdict out unless what was measured can bear one.
func (t Target) where(judged bool) Target {
	if !judged {
		t.Verdict = ""
	}
	return t
}
