package main

import (
	"cmp"
	"context"
	"time"

	"github.com/fota-callback-operator/fota-callback-operator/internal/simulator"
)

const (
	// The rate of 10,000 objects at the default interval.
	defaultRate = 10_000.0 / 600
	// A burst would come within this time of a new process's first call.
	burstTime = 10 * time.Second
)

// restartInterval makes the slots of so many objects come as often as those of 10,000 with the default interval, as far as an interval may be short.
func (s *scene) restartInterval() time.Duration {
	return cmp.Or(s.interval, max(time.Minute, time.Duration(float64(s.objects)/defaultRate)*time.Second))
}

// quietTime is how long CPU is counted. The kernel counts hundredths of a second: they have to be few of what 10,000 objects take, by which it is judged.
func quietTime(objects int) time.Duration {
	switch {
	case objects >= 10_000:
		return time.Minute
	case objects >= fewestObjects:
		return 10 * time.Second
	}
	return 5 * time.Second
}

// restart starts a process that finds every object Ready. There is no limit that would hide a burst.
func (s *scene) restart(ctx context.Context, size *Size) error {
	every := s.restartInterval()
	r := &size.Restart
	r.IdleRate = float64(s.objects) / every.Seconds()
	if err := s.tellInterval(ctx, every); err != nil {
		return err
	}
	if err := s.forgetCalls(ctx); err != nil {
		return err
	}
	before, err := s.apiServer(ctx)
	if err != nil {
		return err
	}
	p, err := s.operator(ctx, noLimit, checkedEvery(every))
	if err != nil {
		return err
	}
	defer p.stop()
	idle, err := s.untilQueueIdle(ctx, p)
	if err != nil {
		return err
	}
	r.QueueIdleSeconds = idle.Seconds()
	first, err := s.firstCall(ctx, every)
	if err != nil {
		return err
	}
	if err := pause(ctx, time.Until(first.Add(burstTime))); err != nil {
		return err
	}
	if err := s.quiet(ctx, p, r); err != nil {
		return err
	}
	after, err := s.apiServer(ctx)
	if err != nil {
		return err
	}
	calls, err := s.calls(ctx)
	if err != nil {
		return err
	}
	api := after.since(before)
	r.Interval, r.Seconds = every.String(), time.Since(p.began).Seconds()
	r.Writes, r.SecretReads, r.Calls = api.writes, api.secretReads, byOperation(calls, all)
	r.FirstTenSeconds = byOperation(calls, func(c simulator.Request) bool { return c.Time.Before(first.Add(burstTime)) })
	return nil
}

// firstCall waits for the first call since the record was emptied, and returns when it was.
func (s *scene) firstCall(ctx context.Context, every time.Duration) (time.Time, error) {
	var first time.Time
	err := poll(ctx, 100*time.Millisecond, every+time.Minute, func() (bool, error) {
		calls, err := s.calls(ctx)
		if len(calls) > 0 {
			first = calls[0].Time
		}
		return len(calls) > 0, err
	})
	return first, err
}

// quiet counts what a process takes that has nothing to do but its slots, and then what each look at its metrics adds.
func (s *scene) quiet(ctx context.Context, p *process, r *Restart) error {
	const scrapes = 5
	before, err := p.usage()
	if err != nil {
		return err
	}
	length := quietTime(s.objects)
	if err := pause(ctx, length); err != nil {
		return err
	}
	after, err := p.usage()
	if err != nil {
		return err
	}
	r.CPUPercent = 100 * (after.cpu - before.cpu) / length.Seconds()
	for range scrapes {
		if _, err := p.scrape(ctx); err != nil {
			return err
		}
	}
	scraped, err := p.usage()
	if err != nil {
		return err
	}
	r.ScrapeCPUSeconds, r.PeakRSSBytes = (scraped.cpu-after.cpu)/scrapes, scraped.peak
	return nil
}
