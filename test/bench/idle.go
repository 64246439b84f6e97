package main

import (
	"cmp"
	"context"
	"time"
)

// memoryAge is how old a process is when its memory is read, where that is judged. Go's runtime collects garbage at the latest every two minutes, and gives
// back what it does not need little by little: a young process holds what its start took.
const memoryAge = 130 * time.Second

// idleFor is an hour's worth of slots at the default interval, six of each object, for 10,000 objects; fewer objects get a shorter look.
func idleFor(objects int) time.Duration {
	return min(max(time.Duration(objects)*36*time.Millisecond, 10*time.Second), 6*time.Minute)
}

// idleAndDrift watches healthy objects at the shortest interval there is, and then somebody else's hand on every tenth account. There is no limit that would
// flatter the spread.
func (s *scene) idleAndDrift(ctx context.Context, size *Size) error {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	seen, err := s.observe(ctx, fleet)
	if err != nil {
		return err
	}
	every := cmp.Or(s.interval, time.Minute)
	if err := s.tellInterval(ctx, every); err != nil {
		return err
	}
	// Another process's sign-in is not this one's.
	if err := s.forgetCalls(ctx); err != nil {
		return err
	}
	p, err := s.operator(ctx, noLimit, checkedEvery(every))
	if err != nil {
		return err
	}
	defer p.stop()
	if _, err := s.untilQueueIdle(ctx, p); err != nil {
		return err
	}
	// The first call signs in, and puts that on record.
	err = poll(ctx, 50*time.Millisecond, every+time.Minute, func() (bool, error) {
		counts, err := s.counts(ctx)
		return counts["login"] > 0 && counts["list"] > 0, err
	})
	if err != nil {
		return err
	}
	if _, err := s.settled(ctx); err != nil {
		return err
	}
	if err := s.idle(ctx, p, size); err != nil {
		return err
	}
	return s.drift(ctx, seen, size)
}

func (s *scene) idle(ctx context.Context, p *process, size *Size) error {
	length := idleFor(s.objects)
	if s.objects >= fewestObjects {
		length = max(length, time.Until(p.began.Add(memoryAge)))
	}
	usedBefore, err := p.usage()
	if err != nil {
		return err
	}
	before, err := s.apiServer(ctx)
	if err != nil {
		return err
	}
	if err := s.forgetCalls(ctx); err != nil {
		return err
	}
	i := &size.Idle
	err = s.profile(ctx, p, "idle", length, func() error {
		ends := time.Now().Add(length)
		if err := pause(ctx, min(length, time.Until(p.began.Add(memoryAge)))); err != nil {
			return err
		}
		aged, err := p.usage()
		if err != nil {
			return err
		}
		i.AgeSeconds, i.Memory.RSSBytes = time.Since(p.began).Seconds(), aged.rss
		return pause(ctx, time.Until(ends))
	})
	if err != nil {
		return err
	}
	calls, err := s.calls(ctx)
	if err != nil {
		return err
	}
	used, err := p.usage()
	if err != nil {
		return err
	}
	after, err := s.apiServer(ctx)
	if err != nil {
		return err
	}
	metrics, err := p.scrape(ctx)
	if err != nil {
		return err
	}
	i.Memory.PeakBytes, i.Memory.LiveHeapBytes = used.peak, metrics.liveHeap()
	api := after.since(before)
	i.Interval, i.Seconds, i.Calls, i.Writes, i.SecretReads = s.told.String(), length.Seconds(), byOperation(calls, all), api.writes, api.secretReads
	i.MeanCalls, i.BusiestCalls, i.CPUSeconds = float64(len(calls))/length.Seconds(), busiestSecond(calls), used.cpu-usedBefore.cpu
	return nil
}
