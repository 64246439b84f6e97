package main

import (
	"cmp"
	"context"
	"fmt"
	"maps"
	"math"
	"net/http"
	"os"
	"path/filepath"
	"slices"
	"time"

	"golang.org/x/sync/errgroup"
	"k8s.io/apimachinery/pkg/types"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/fota-callback-operator/fota-callback-operator/api/v1alpha1"
	"github.com/fota-callback-operator/fota-callback-operator/internal/rules"
	"github.com/fota-callback-operator/fota-callback-operator/internal/simulator"
)

const (
	// The operator's default limit, and the rate of 10,000 objects at its default interval.
	defaultQPS  = 20
	defaultRate = 10_000.0 / 600

	// How long a manager gets to come to rest before its memory is read.
	settleTime = 10 * time.Second
)

// reference starts the operator and the bare manager by turns, without an object, and in the end lets both come to rest.
func (s *scene) reference(ctx context.Context) (Reference, error) {
	const starts = 7
	sayf("reference")
	var r Reference
	both := []*contestant{
		{idler: &r.Operator, program: "manager", start: s.operator},
		{idler: &r.Bare, program: "bare", start: func(ctx context.Context, args ...string) (*process, error) { return s.manager(ctx, "bare", args...) }},
	}
	for n := range starts {
		for _, c := range both {
			if err := c.startAnew(ctx); err != nil {
				return r, err
			}
			if n == starts-1 {
				defer c.process.stop()
			} else {
				c.process.stop()
			}
		}
	}
	if err := pause(ctx, settleTime/2); err != nil {
		return r, err
	}
	for _, c := range both {
		binary, err := os.Stat(filepath.Join(s.Dir, c.program))
		if err != nil {
			return r, err
		}
		used, err := c.process.usage()
		if err != nil {
			return r, err
		}
		c.idler.BinaryBytes, c.idler.RSSBytes = binary.Size(), used.rss
	}
	return r, nil
}

// contestant is one of two managers that are compared.
type contestant struct {
	idler   *Idler
	program string
	start   func(context.Context, ...string) (*process, error)
	process *process
}

// startAnew starts it once more. The quickest start counts: the others had to wait for something else on the machine.
func (c *contestant) startAnew(ctx context.Context) error {
	var err error
	if c.process, err = c.start(ctx); err != nil {
		return err
	}
	took := c.process.startTook.Seconds()
	c.idler.StartSeconds = min(cmp.Or(c.idler.StartSeconds, took), took)
	return nil
}

// restartInterval makes the slots of so many objects come as often as those of 10,000 with the default interval, as far as an interval may be short.
func (s *scene) restartInterval() time.Duration {
	return cmp.Or(s.interval, max(time.Minute, time.Duration(float64(s.objects)/defaultRate)*time.Second))
}

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
	_, err := s.each(ctx, func(ctx context.Context, n int) error {
		o := callback(fleet, n)
		annotation := fmt.Sprintf(`{"metadata":{"annotations":{%q:%q}}}`, v1alpha1.RequestedAtAnnotation, request)
		if err := s.Client.Patch(ctx, o, client.RawPatch(types.MergePatchType, []byte(annotation))); err != nil {
			return err
		}
		seen.saw(o)
		return nil
	})
	return err
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
