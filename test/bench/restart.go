package main

import (
	"cmp"
	"context"
	"fmt"
	"math"
	"time"

	"github.com/fota-callback-operator/fota-callback-operator/internal/simulator"
)

// The operator's default limit, and the rate of 10,000 objects at its default interval.
const (
	defaultQPS  = 20
	defaultRate = 10_000.0 / 600
)

// restartInterval makes the slots of so many objects come as often as those of 10,000 with the default interval, as far as an interval may be short.
func (s *scene) restartInterval() time.Duration {
	return cmp.Or(s.interval, max(time.Minute, time.Duration(float64(s.objects)/defaultRate)*time.Second))
}

// restart starts a process, with the default limit, that finds every object Ready.
func (s *scene) restart(ctx context.Context, size *Size) error {
	every := s.restartInterval()
	rate := float64(s.objects) / every.Seconds()
	size.Restart = Restart{QPS: max(defaultQPS, math.Ceil(1.2*rate)), Interval: every.String(), IdleRate: rate}
	r := &size.Restart
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
	p, err := s.operator(ctx, checkedEvery(every), fmt.Sprintf("--thingspace-qps=%v", r.QPS))
	if err != nil {
		return err
	}
	defer p.stop()
	idle, err := s.untilQueueIdle(ctx, p)
	if err != nil {
		return err
	}
	r.QueueIdleSeconds = idle.Seconds()
	began := p.began.Add(p.startTook)
	if err := pause(ctx, time.Until(began.Add(10*time.Second))); err != nil {
		return err
	}
	atTen, err := p.usage()
	if err != nil {
		return err
	}
	if err := pause(ctx, settleTime); err != nil {
		return err
	}
	later, err := p.usage()
	if err != nil {
		return err
	}
	r.CPUPercent = 100 * (later.cpu - atTen.cpu) / settleTime.Seconds()
	r.PeakRSSBytes = later.peak
	after, err := s.apiServer(ctx)
	if err != nil {
		return err
	}
	r.Writes = after.since(before).writes
	calls, err := s.calls(ctx)
	if err != nil {
		return err
	}
	r.FirstTenSeconds = byOperation(calls, func(c simulator.Request) bool { return c.Time.Before(began.Add(10 * time.Second)) })
	return nil
}
