package main

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"net/http"
	"slices"
	"time"

	"github.com/fota-callback-operator/fota-callback-operator/api/v1alpha1"
)

// outageQPS is a limit under which an outage's end takes ten seconds or more: long enough to be measured.
func outageQPS(objects int) float64 { return min(float64(objects)/10, 100) }

// outage takes ThingSpace away while every object is asked for a check, and brings it back.
func (s *scene) outage(ctx context.Context, size *Size) error {
	const length = 10 * time.Second
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	size.Outage.QPS = outageQPS(s.objects)
	seen, err := s.observe(ctx, fleet)
	if err != nil {
		return err
	}
	p, err := s.operator(ctx, checkedEvery(s.noChecks()), fmt.Sprintf("--thingspace-qps=%v", size.Outage.QPS), "--thingspace-burst=1")
	if err != nil {
		return err
	}
	defer p.stop()
	if err := s.signIn(ctx, p, seen); err != nil {
		return err
	}
	if err := s.forgetCalls(ctx); err != nil {
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
	opening, err := s.calls(ctx)
	if err != nil {
		return err
	}
	if len(opening) == 0 {
		return errors.New("every object says APIUnavailable, and nobody has called")
	}
	size.Outage.OpeningCalls, size.Outage.OpeningSeconds = len(opening), time.Since(opening[0].Time).Seconds()
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
	size.Outage.Seconds = length.Seconds()
	size.Outage.RecoveryCalls, err = s.counts(ctx)
	return err
}

// signIn lets a new process check one object: who has not signed in yet would meet the outage there, with one call for all.
func (s *scene) signIn(ctx context.Context, p *process, seen *observer) error {
	if _, err := s.untilQueueIdle(ctx, p); err != nil {
		return err
	}
	if err := s.forgetCalls(ctx); err != nil {
		return err
	}
	if err := s.askForCheck(ctx, seen, 0, "sign in"); err != nil {
		return err
	}
	err := poll(ctx, 50*time.Millisecond, time.Minute, func() (bool, error) {
		counts, err := s.counts(ctx)
		return counts["list"] > 0, err
	})
	if err != nil {
		return err
	}
	_, err = s.settled(ctx)
	return err
}
