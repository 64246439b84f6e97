package main

import (
	"context"
	"fmt"
	"slices"
	"time"

	"golang.org/x/sync/errgroup"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/client-go/util/retry"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/fota-callback-operator/fota-callback-operator/api/v1alpha1"
	"github.com/fota-callback-operator/fota-callback-operator/internal/simulator"
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
	calls, err := s.calls(ctx)
	if err != nil {
		return Wave{}, err
	}
	api := after.since(before)
	w := Wave{
		QPS: s.qps, Calls: waveCalls(calls, seen.namespace, acted), Writes: api.writes, Events: api.events, SecretReads: api.secretReads, Lists: api.lists,
		CPUSeconds: used.cpu - usedBefore.cpu, APIServerCPUSeconds: api.cpu, AllCPUSeconds: all - allBefore, PeakRSSBytes: used.peak,
	}
	var each []time.Duration
	for n, at := range acted {
		each = append(each, through[name(n)].Sub(at))
		w.Seconds = max(w.Seconds, through[name(n)].Sub(began).Seconds())
	}
	slices.Sort(each)
	w.MedianSeconds, w.P99Seconds = percentile(each, 50).Seconds(), percentile(each, 99).Seconds()
	return w, nil
}

// waveCalls leaves out what came before the object was acted on: in ten thousand, some slot falls due while others are being edited.
func waveCalls(calls []simulator.Request, namespace string, acted []time.Time) map[string]int {
	began := map[string]time.Time{}
	for n, at := range acted {
		began[account(namespace, n)] = at
	}
	return byOperation(calls, func(c simulator.Request) bool { return !c.Time.Before(began[c.Account]) })
}

// each calls act for every object, and returns when it did.
func (s *scene) each(ctx context.Context, act func(context.Context, int) error) ([]time.Time, error) {
	acted := make([]time.Time, s.objects)
	group, ctx := errgroup.WithContext(ctx)
	group.SetLimit(users)
	for n := range s.objects {
		group.Go(func() error {
			acted[n] = time.Now()
			return act(ctx, n)
		})
	}
	return acted, group.Wait()
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

// floorAgain measures the floor once more, and leaves the mean of both; and then the floor that does what the contract asks for besides.
func (s *scene) floorAgain(ctx context.Context, size *Size) error {
	var again, asked Size
	if err := s.floor(ctx, &again); err != nil {
		return err
	}
	size.CreateFloor.mean(&again.CreateFloor)
	size.DeleteFloor.mean(&again.DeleteFloor)
	err := s.floor(ctx, &asked, "--asked")
	size.CreateAsked, size.DeleteAsked = asked.CreateFloor, asked.DeleteFloor
	return err
}

// mean goes half the way to what another wave of the same took.
func (w *Wave) mean(other *Wave) {
	for _, pair := range []struct{ mine, others *float64 }{
		{&w.Seconds, &other.Seconds},
		{&w.MedianSeconds, &other.MedianSeconds},
		{&w.P99Seconds, &other.P99Seconds},
		{&w.CPUSeconds, &other.CPUSeconds},
		{&w.APIServerCPUSeconds, &other.APIServerCPUSeconds},
		{&w.AllCPUSeconds, &other.AllCPUSeconds},
	} {
		*pair.mine = (*pair.mine + *pair.others) / 2
	}
}

// floor lets the floor create and delete as many objects.
func (s *scene) floor(ctx context.Context, size *Size, args ...string) error {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	p, err := s.startFloor(ctx, args...)
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
	p, err := s.operator(ctx, s.limit("--thingspace-qps"), checkedEvery(s.noChecks()), noGrace)
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
	p, err := s.operator(ctx, s.limit("--thingspace-qps"), checkedEvery(s.noChecks()), noGrace)
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
	// The floor edits nothing; a deletion takes about as long.
	longest := seconds(size.DeleteFloor.Seconds)
	err = s.profile(ctx, p, "edit", longest, func() error {
		size.Edit, err = s.wave(ctx, p, seen, ready(v1alpha1.ReasonRegistered, 2), func(ctx context.Context, n int) error {
			return s.edit(ctx, seen.get(name(n)), wish(n, 2))
		})
		return err
	})
	if err != nil {
		return fmt.Errorf("edit: %w", err)
	}
	err = s.profile(ctx, p, "delete", longest, func() error {
		size.Delete, err = s.wave(ctx, p, seen, gone, func(ctx context.Context, n int) error { return s.remove(ctx, fleet, n) })
		return err
	})
	if err != nil {
		return fmt.Errorf("delete: %w", err)
	}
	return nil
}

// edit gives an object another URL as a user does, who looks again where the operator has put its login on record in between.
func (s *scene) edit(ctx context.Context, o *v1alpha1.FotaCallback, url string) error {
	return retry.RetryOnConflict(retry.DefaultBackoff, func() error {
		o.Spec.URL = url
		err := s.Client.Update(ctx, o)
		if !apierrors.IsConflict(err) {
			return err
		}
		if again := s.Client.Get(ctx, client.ObjectKeyFromObject(o), o); again != nil {
			return again
		}
		return err
	})
}

// remove deletes an object as a user does.
func (s *scene) remove(ctx context.Context, namespace string, n int) error {
	return client.IgnoreNotFound(s.Client.Delete(ctx, callback(namespace, n)))
}
