package main

import (
	"context"
	"fmt"
	"path/filepath"
	"slices"
	"time"

	"golang.org/x/sync/errgroup"

	"github.com/fota-callback-operator/fota-callback-operator/api/v1alpha1"
)

const (
	// As many users as the operator has workers change objects at once: neither waits for the other for long.
	users = 32
	// A wave slower than this has gone wrong.
	longestWave = 20 * time.Minute
)

// wave changes every object with act, waits until each is in the state, and returns what that took of the process that works on it.
func (s *scene) wave(ctx context.Context, worker *process, seen *observer, state string, act func(context.Context, int) error) (Wave, error) {
	if err := s.forgetCalls(ctx); err != nil {
		return Wave{}, err
	}
	before, err := s.apiServer(ctx)
	if err != nil {
		return Wave{}, err
	}
	usedBefore, err := worker.usage()
	if err != nil {
		return Wave{}, err
	}
	allBefore, err := cpuOfAll()
	if err != nil {
		return Wave{}, err
	}
	began := time.Now()
	acted, err := s.each(ctx, act)
	if err != nil {
		return Wave{}, err
	}
	through, err := seen.until(ctx, state, s.objects, longestWave)
	if err != nil {
		return Wave{}, err
	}
	after, err := s.settled(ctx)
	if err != nil {
		return Wave{}, err
	}
	used, err := worker.usage()
	if err != nil {
		return Wave{}, err
	}
	all, err := cpuOfAll()
	if err != nil {
		return Wave{}, err
	}
	calls, err := s.counts(ctx)
	if err != nil {
		return Wave{}, err
	}
	api := after.since(before)
	w := Wave{
		QPS: s.qps, Calls: calls, Writes: api.writes, Events: api.events, SecretReads: api.secretReads, Lists: api.lists, APIServerCPUSeconds: api.cpu,
		CPUSeconds: used.cpu - usedBefore.cpu, AllCPUSeconds: all - allBefore, PeakRSSBytes: used.peak,
	}
	var each []time.Duration
	for name, at := range through {
		each = append(each, at.Sub(acted[name]))
		w.Seconds = max(w.Seconds, at.Sub(began).Seconds())
	}
	slices.Sort(each)
	w.MedianSeconds, w.P99Seconds = percentile(each, 50).Seconds(), percentile(each, 99).Seconds()
	return w, nil
}

// each calls act for every object, and returns when it did.
func (s *scene) each(ctx context.Context, act func(context.Context, int) error) (map[string]time.Time, error) {
	acted := make([]time.Time, s.objects)
	group, ctx := errgroup.WithContext(ctx)
	group.SetLimit(users)
	for n := range s.objects {
		group.Go(func() error {
			acted[n] = time.Now()
			return act(ctx, n)
		})
	}
	if err := group.Wait(); err != nil {
		return nil, err
	}
	byName := map[string]time.Time{}
	for n, at := range acted {
		byName[name(n)] = at
	}
	return byName, nil
}

func seconds(n float64) time.Duration { return time.Duration(n * float64(time.Second)) }

// percentile is the nearest-rank one of sorted values.
func percentile(sorted []time.Duration, percent int) time.Duration {
	if len(sorted) == 0 {
		return 0
	}
	return sorted[max(0, (len(sorted)*percent+99)/100-1)]
}

// floors lets the API server and the simulator do with a few objects what they do for the first time, and then measures the floor.
func (s *scene) floors(ctx context.Context, size *Size) error {
	warmUp := *s
	warmUp.objects = 100
	if err := warmUp.floor(ctx, &Size{}); err != nil {
		return err
	}
	return s.floor(ctx, size)
}

// floor lets the floor create and delete as many objects.
func (s *scene) floor(ctx context.Context, size *Size) error {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	p, err := launch(s.log(), nil, filepath.Join(s.Dir, "floor"), "--kubeconfig="+s.Kubeconfig, "--thingspace-url="+s.SimulatorURL+"/api", "--namespace="+bottom, fmt.Sprintf("--qps=%v", s.qps))
	if err != nil {
		return err
	}
	defer p.stop()
	seen, err := s.observe(ctx, bottom)
	if err != nil {
		return err
	}
	size.CreateFloor, err = s.wave(ctx, p, seen, ready(v1alpha1.ReasonRegistered, 1), func(ctx context.Context, n int) error {
		return s.Client.Create(ctx, callback(bottom, n))
	})
	if err != nil {
		return fmt.Errorf("create: %w", err)
	}
	size.DeleteFloor, err = s.wave(ctx, p, seen, gone, func(ctx context.Context, n int) error { return s.remove(ctx, bottom, n) })
	if err != nil {
		return fmt.Errorf("delete: %w", err)
	}
	return nil
}

// create lets the operator see every object come.
func (s *scene) create(ctx context.Context, size *Size) error {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	p, err := s.operator(ctx, s.limit(), checkedEvery(s.noChecks()), noGrace)
	if err != nil {
		return err
	}
	defer p.stop()
	seen, err := s.observe(ctx, fleet)
	if err != nil {
		return err
	}
	s.told = s.noChecks()
	return s.profile(ctx, p, "create", seconds(size.CreateFloor.Seconds), func() error {
		size.Create, err = s.wave(ctx, p, seen, ready(v1alpha1.ReasonRegistered, 1), func(ctx context.Context, n int) error {
			return s.Client.Create(ctx, callback(fleet, n))
		})
		return err
	})
}

// editAndDelete gives every object another URL, and then deletes it.
func (s *scene) editAndDelete(ctx context.Context, size *Size) error {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	p, err := s.operator(ctx, s.limit(), checkedEvery(s.noChecks()), noGrace)
	if err != nil {
		return err
	}
	defer p.stop()
	if _, err := s.untilQueueIdle(ctx, p); err != nil {
		return err
	}
	seen, err := s.observe(ctx, fleet)
	if err != nil {
		return err
	}
	size.Edit, err = s.wave(ctx, p, seen, ready(v1alpha1.ReasonRegistered, 2), func(ctx context.Context, n int) error {
		o := seen.get(name(n))
		o.Spec.URL = wish(n, 2)
		return s.Client.Update(ctx, o)
	})
	if err != nil {
		return fmt.Errorf("edit: %w", err)
	}
	size.Delete, err = s.wave(ctx, p, seen, gone, func(ctx context.Context, n int) error { return s.remove(ctx, fleet, n) })
	if err != nil {
		return fmt.Errorf("delete: %w", err)
	}
	return nil
}
