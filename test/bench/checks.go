package main

import (
	"context"
	"fmt"
	"time"

	"k8s.io/apimachinery/pkg/types"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/fota-callback-operator/fota-callback-operator/api/v1alpha1"
)

// tellInterval lets every object's status tell at which interval it is checked from now on: the write for that is no part of what is measured.
func (s *scene) tellInterval(ctx context.Context, interval time.Duration) error {
	if s.told == interval {
		return nil
	}
	s.told = interval
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	p, err := s.operator(ctx, noLimit, checkedEvery(interval))
	if err != nil {
		return err
	}
	defer p.stop()
	seen, err := s.observe(ctx, fleet)
	if err != nil {
		return err
	}
	if err := s.askForChecks(ctx, seen, interval.String()); err != nil {
		return err
	}
	_, err = seen.until(ctx, ready(v1alpha1.ReasonRegistered, 1), s.objects, longestWave)
	return err
}

// askForChecks asks for a check of every object, and waits until the observer has seen each being asked.
func (s *scene) askForChecks(ctx context.Context, seen *observer, request string) error {
	_, err := s.each(ctx, func(ctx context.Context, n int) error { return s.askForCheck(ctx, seen, n, request) })
	return err
}

func (s *scene) askForCheck(ctx context.Context, seen *observer, n int, request string) error {
	o := callback(fleet, n)
	annotation := fmt.Sprintf(`{"metadata":{"annotations":{%q:%q}}}`, v1alpha1.RequestedAtAnnotation, request)
	if err := s.Client.Patch(ctx, o, client.RawPatch(types.MergePatchType, []byte(annotation))); err != nil {
		return err
	}
	seen.saw(o)
	return nil
}
