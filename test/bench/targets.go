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
	Met      bool   `json:"met"`
}

const (
	megabyte = 1 << 20
	kilobyte = 1 << 10
)

// targets judges what has been measured.
func (r *Results) targets() []Target {
	all := []Target{
		atMost("memory idle, without objects: against the bare manager", 1.1, ratio(float64(r.Reference.Operator.RSSBytes), float64(r.Reference.Bare.RSSBytes))),
		atMost("start to ready: against the bare manager", 1.2, ratio(r.Reference.Operator.StartSeconds, r.Reference.Bare.StartSeconds)),
		atMost("stripped binary: against the bare manager", 1.05, ratio(float64(r.Reference.Operator.BinaryBytes), float64(r.Reference.Bare.BinaryBytes))),
	}
	for i := range r.Sizes {
		size := &r.Sizes[i]
		targets := size.targets()
		fewer := Size{Idle: Idle{RSSBytes: r.Reference.Operator.RSSBytes}} // none
		if i > 0 {
			fewer = r.Sizes[i-1]
		}
		if size.Idle.RSSBytes > 0 && fewer.Idle.RSSBytes > 0 {
			targets = append(targets, atMost(fmt.Sprintf("memory: KB for each object more than %d", fewer.Objects), 6,
				float64(size.Idle.RSSBytes-fewer.Idle.RSSBytes)/float64(size.Objects-fewer.Objects)/kilobyte))
		}
		if size.Create.Seconds > 0 && fewer.Create.Seconds > 0 {
			targets = append(targets,
				atMost(fmt.Sprintf("create: the operator's CPU per object against %d", fewer.Objects), 1.1,
					ratio(size.Create.CPUSeconds/float64(size.Objects), fewer.Create.CPUSeconds/float64(fewer.Objects))),
				atMost(fmt.Sprintf("create: calls and writes per object against %d", fewer.Objects), 1.1,
					ratio(size.Create.perObject(size.Objects), fewer.Create.perObject(fewer.Objects))))
		}
		for _, target := range targets {
			target.Objects = size.Objects
			all = append(all, target)
		}
	}
	return all
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
	if s.Delete.Seconds > 0 {
		all = append(all, s.deleteTargets()...)
	}
	return all
}

// The first login of a process puts itself on record and off it again: two writes, whatever the number of objects.

func (s *Size) createTargets() []Target {
	n := s.Objects
	all := []Target{
		exactly("create: far-side calls, object writes, events", fmt.Sprintf("%d, %d (+2 for the login), %d", 2*n, 2*n, n),
			fmt.Sprintf("%d, %d, %d", accountCalls(s.Create.Calls), s.Create.Writes, s.Create.Events),
			accountCalls(s.Create.Calls) == 2*n && s.Create.Writes == 2*n+2 && s.Create.Events == n),
		exactly("create: reads of the Secret", "1 or 2", strconv.Itoa(s.Create.SecretReads), s.Create.SecretReads <= 2),
	}
	return append(all, againstFloor("create", s.Create, s.CreateFloor)...)
}

func (s *Size) restartTargets() []Target {
	mutations := s.Restart.FirstTenSeconds["register"] + s.Restart.FirstTenSeconds["update"] + s.Restart.FirstTenSeconds["deregister"]
	return []Target{
		exactly("restart: writes (2 are the login's record), mutating calls", "0, 0", fmt.Sprintf("%d, %d", s.Restart.Writes, mutations),
			s.Restart.Writes == 0 && mutations == 0),
		atMost("restart: calls in the first 10 s against the idle rate", 1.5, ratio(float64(total(s.Restart.FirstTenSeconds))/10, s.Restart.IdleRate)),
		atMost("restart: seconds until the queue is idle", 5, s.Restart.QueueIdleSeconds),
		atMost(fmt.Sprintf("idle: %% of a core at %.1f calls a second", s.Restart.IdleRate), 2, s.Restart.CPUPercent),
	}
}

func (s *Size) idleTargets() []Target {
	return []Target{
		exactly("idle: object writes", "0", strconv.Itoa(s.Idle.Writes), s.Idle.Writes == 0),
		atMost("idle: calls in the busiest second against the mean", 3, ratio(float64(s.Idle.BusiestCalls), s.Idle.MeanCalls)),
		exactly("idle: reads of the Secret", "1 in 10 minutes", fmt.Sprintf("%d in %.0f s", s.Idle.SecretReads, s.Idle.Seconds),
			float64(s.Idle.SecretReads) <= math.Ceil(s.Idle.Seconds/600)),
	}
}

func (s *Size) deleteTargets() []Target {
	n := s.Objects
	all := []Target{
		exactly("edit: far-side calls, object writes", fmt.Sprintf("%d, %d (+2 for the login)", 2*n, 2*n),
			fmt.Sprintf("%d, %d", accountCalls(s.Edit.Calls), s.Edit.Writes), accountCalls(s.Edit.Calls) == 2*n && s.Edit.Writes == 2*n+2),
		exactly("delete: calls, writes", fmt.Sprintf("%d, %d", 3*n, n),
			fmt.Sprintf("%d, %d", accountCalls(s.Delete.Calls), s.Delete.Writes), accountCalls(s.Delete.Calls) == 3*n && s.Delete.Writes == n),
	}
	return append(all, againstFloor("delete", s.Delete, s.DeleteFloor)...)
}

func againstFloor(what string, wave, floor Wave) []Target {
	if floor.Seconds == 0 {
		return nil
	}
	return []Target{
		atMost(what+": time against the floor", 1.25, ratio(wave.Seconds, floor.Seconds)),
		atMost(what+": CPU of all programs against the floor", 1.25, ratio(wave.AllCPUSeconds, floor.AllCPUSeconds)),
	}
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
	return Target{What: what, Wanted: fmt.Sprintf("≤ %v", wanted), Measured: fmt.Sprintf("%.2f", measured), Met: measured <= wanted}
}

func within(what string, least, most, measured float64) Target {
	return Target{
		What: what, Wanted: fmt.Sprintf("%v to %v", least, most), Measured: fmt.Sprintf("%.2f", measured), Met: measured >= least && measured <= most,
	}
}

func exactly(what, wanted, measured string, met bool) Target {
	return Target{What: what, Wanted: wanted, Measured: measured, Met: met}
}
