package main

import (
	"cmp"
	"context"
	"net/http"
	"slices"
	"time"

	"golang.org/x/sync/errgroup"

	"github.com/fota-callback-operator/fota-callback-operator/api/v1alpha1"
	"github.com/fota-callback-operator/fota-callback-operator/internal/rules"
	"github.com/fota-callback-operator/fota-callback-operator/internal/simulator"
)

// drift puts a foreign URL to the tenth of the accounts that are checked next, so that all of them are found within a tenth of the interval.
func (s *scene) drift(ctx context.Context, seen *observer, size *Size) error {
	const margin = 3 * time.Second // to put them all
	drifted := make([]*v1alpha1.FotaCallback, s.objects)
	for n := range s.objects {
		drifted[n] = seen.get(name(n))
	}
	after := time.Now().Add(margin)
	slices.SortFunc(drifted, func(a, b *v1alpha1.FotaCallback) int {
		return cmp.Compare(rules.NextSlot(a.UID, s.told, after).UnixNano(), rules.NextSlot(b.UID, s.told, after).UnixNano())
	})
	drifted = drifted[:s.objects/10]
	before, err := s.apiServer(ctx)
	if err != nil {
		return err
	}
	if err := s.forgetCalls(ctx); err != nil {
		return err
	}
	began := time.Now()
	group, groupCtx := errgroup.WithContext(ctx)
	group.SetLimit(users)
	accounts := map[string]bool{}
	for _, o := range drifted {
		accounts[o.Spec.Account] = true
		group.Go(func() error {
			return s.Simulator(groupCtx, http.MethodPut, "registrations/"+o.Spec.Account, `{"url":"https://elsewhere.example.net/hook"}`, nil)
		})
	}
	if err := group.Wait(); err != nil {
		return err
	}
	err = poll(ctx, 100*time.Millisecond, 3*time.Minute, func() (bool, error) {
		counts, err := s.counts(ctx)
		return counts["update"] >= len(drifted), err
	})
	if err != nil {
		return err
	}
	settled, err := s.settled(ctx)
	if err != nil {
		return err
	}
	calls, err := s.calls(ctx)
	if err != nil {
		return err
	}
	size.Drift = Drift{
		Interval: s.told.String(), Objects: len(drifted), Writes: settled.since(before).writes, Calls: byOperation(calls, func(c simulator.Request) bool { return accounts[c.Account] }),
	}
	for _, call := range calls {
		if call.Operation == "update" {
			size.Drift.Seconds = max(size.Drift.Seconds, call.Time.Sub(began).Seconds())
		}
	}
	return nil
}
