package main

import (
	"cmp"
	"context"
	"time"
)

// idleFor is an hour's worth of slots at the default interval, six of each object, for 10,000 objects; fewer objects get a shorter look.
func idleFor(objects int) time.Duration {
	return min(max(time.Duration(objects)*36*time.Millisecond, 20*time.Second), 6*time.Minute)
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
	p, err := s.operator(ctx, noLimit, checkedEvery(every))
	if err != nil {
		return err
	}
	defer p.stop()
	if _, err := s.untilQueueIdle(ctx, p); err != nil {
		return err
	}
	// The first call signs in, and puts that on record.
	err = poll(ctx, 50*time.Millisecond, time.Minute, func() (bool, error) {
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
	if err := s.profile(ctx, p, "idle", length, func() error { return pause(ctx, length) }); err != nil {
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
	api := after.since(before)
	size.Idle = Idle{
		Interval: s.told.String(), Seconds: length.Seconds(), Calls: byOperation(calls, all), Writes: api.writes, SecretReads: api.secretReads,
		MeanCalls: float64(len(calls)) / length.Seconds(), BusiestCalls: busiestSecond(calls),
		CPUSeconds: used.cpu - usedBefore.cpu, RSSBytes: used.rss,
	}
	return nil
}
