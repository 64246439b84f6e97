package main

import (
	"context"
	"fmt"
	"maps"
	"net/http"
	"slices"
	"time"

	"github.com/fota-callback-operator/fota-callback-operator/api/v1alpha1"
)

// outageQPS is a limit under which an outage's end takes long enough to be measured, and not for ever.
func outageQPS(objects int) float64 { return min(max(defaultQPS, float64(objects)/10), 100) }

// outage takes ThingSpace away while every object is asked for a check, and brings it back.
func (s *scene) outage(ctx context.Context, size *Size) error {
	const length = 10 * time.Second
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	size.Outage = Outage{QPS: outageQPS(s.objects), Seconds: length.Seconds()}
	seen, err := s.observe(ctx, fleet)
	if err != nil {
		return err
	}
	p, err := s.operator(ctx, checkedEvery(s.noChecks()), fmt.Sprintf("--thingspace-qps=%v", size.Outage.QPS), "--thingspace-burst=1")
	if err != nil {
		return err
	}
	defer p.stop()
	if _, err := s.untilQueueIdle(ctx, p); err != nil {
		return err
	}
	if err := s.Simulator(ctx, http.MethodPost, "faults", `{"answer":"unavailable"}`, nil); err != nil {
		return err
	}
	if err := s.askForChecks(ctx, seen, "outage"); err != nil {
		return err
	}
	if _, err := seen.until(ctx, ready(v1alpha1.ReasonAPIUnavailable, 1), s.objects, longestWave); err != nil {
		return err
	}
	if err := s.forgetCalls(ctx); err != nil {
		return err
	}
	if err := pause(ctx, length); err != nil {
		return err
	}
	calls, err := s.calls(ctx)
	if err != nil {
		return err
	}
	size.Outage.MeanCalls, size.Outage.BusiestCalls = float64(len(calls))/length.Seconds(), busiestSecond(calls)

	if err := s.forgetCalls(ctx); err != nil {
		return err
	}
	if err := s.Simulator(ctx, http.MethodDelete, "faults", "", nil); err != nil {
		return err
	}
	ended := time.Now()
	through, err := seen.until(ctx, ready(v1alpha1.ReasonRegistered, 1), s.objects, longestWave)
	if err != nil {
		return err
	}
	size.Outage.RecoverySeconds = slices.MaxFunc(slices.Collect(maps.Values(through)), time.Time.Compare).Sub(ended).Seconds()
	size.Outage.RecoveryCalls, err = s.counts(ctx)
	return err
}
