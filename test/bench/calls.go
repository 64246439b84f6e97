package main

import (
	"context"
	"net/http"
	"time"

	"github.com/fota-callback-operator/fota-callback-operator/internal/simulator"
)

// forgetCalls empties the simulator's record.
func (s *scene) forgetCalls(ctx context.Context) error {
	return s.Simulator(ctx, http.MethodDelete, "requests", "", nil)
}

// calls are those on the simulator's record, oldest first.
func (s *scene) calls(ctx context.Context) ([]simulator.Request, error) {
	var calls []simulator.Request
	err := s.Simulator(ctx, http.MethodGet, "requests", "", &calls)
	return calls, err
}

func (s *scene) counts(ctx context.Context) (map[string]int, error) {
	var counts map[string]int
	err := s.Simulator(ctx, http.MethodGet, "counts", "", &counts)
	return counts, err
}

func all(simulator.Request) bool { return true }

func byOperation(calls []simulator.Request, wanted func(simulator.Request) bool) map[string]int {
	counts := map[string]int{}
	for _, call := range calls {
		if wanted(call) {
			counts[call.Operation]++
		}
	}
	return counts
}

// busiestSecond is the most calls in any second, wherever it begins. Calls are in order.
func busiestSecond(calls []simulator.Request) int {
	most, first := 0, 0
	for last := range calls {
		for calls[last].Time.Sub(calls[first].Time) >= time.Second {
			first++
		}
		most = max(most, last-first+1)
	}
	return most
}
