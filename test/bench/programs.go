package main

import (
	"context"
	"fmt"
	"path/filepath"
	"time"

	"github.com/fota-callback-operator/fota-callback-operator/test/stage"
)

// addresses are what a program serves on.
type addresses struct{ metrics, health, profiles string }

// operator starts the operator with its defaults but for what a run outside a cluster needs, and args.
func (s *scene) operator(ctx context.Context, args ...string) (*process, error) {
	if err := s.ForgetLogins(ctx, stage.LoginRecordNamespace); err != nil { // none waits for the minute of the one before
		return nil, err
	}
	return s.manager(ctx, "manager", append([]string{"--thingspace-url=" + s.SimulatorURL + "/api", "--thingspace-allow-http"}, args...)...)
}

// manager starts a manager, the operator's or the bare one, and waits until it is ready.
func (s *scene) manager(ctx context.Context, program string, args ...string) (*process, error) {
	return s.start(ctx, program, func(a addresses) []string {
		return append([]string{"--leader-elect=false", "--metrics-secure=false", "--metrics-bind-address=" + a.metrics, "--health-probe-bind-address=" + a.health}, args...)
	})
}

// startFloor starts the floor, and waits until it has signed in and sees what there is.
func (s *scene) startFloor(ctx context.Context, args ...string) (*process, error) {
	return s.start(ctx, "floor", func(a addresses) []string {
		return append([]string{"--health-probe-bind-address=" + a.health, "--thingspace-url=" + s.SimulatorURL + "/api", "--namespace=" + bottom, s.limit("--qps")}, args...)
	})
}

// start starts a program and waits until it is ready. An address that was free may be somebody else's a moment later: there is a second attempt.
func (s *scene) start(ctx context.Context, program string, args func(addresses) []string) (*process, error) {
	p, err := s.startOnce(ctx, program, args)
	if err != nil && ctx.Err() == nil {
		p, err = s.startOnce(ctx, program, args)
	}
	return p, err
}

func (s *scene) startOnce(ctx context.Context, program string, args func(addresses) []string) (*process, error) {
	var a addresses
	for _, address := range []*string{&a.metrics, &a.health, &a.profiles} {
		var err error
		if *address, err = freeAddress(ctx); err != nil {
			return nil, err
		}
	}
	p, err := launch(s.log(), []string{"PROFILE_ADDRESS=" + a.profiles}, filepath.Join(s.Dir, program), append(args(a), "--kubeconfig="+s.Kubeconfig)...)
	if err != nil {
		return nil, err
	}
	p.metrics, p.ready, p.profiles = "http://"+a.metrics+"/metrics", "http://"+a.health+"/readyz", a.profiles
	if p.startTook, err = p.untilReady(ctx); err != nil {
		p.stop()
		return nil, fmt.Errorf("start %s: %w", program, err)
	}
	return p, nil
}

const (
	// How often the process's CPU time is looked at, what of it is work, and how long it must do none to be at rest.
	glance   = 100 * time.Millisecond
	busy     = 0.025 // seconds in a glance
	restTime = 3 * glance
	// One that has slots all the time never is: it is asked this often all the same.
	askAnyway = 5 * time.Second
)

// untilQueueIdle waits until every object has been looked at and nothing is left to do, and returns how long after the start that was. A look at the metrics
// of ten thousand objects costs the process as much as hundreds of passes. It is taken when the process seems to rest, and nine times as long as the last one
// took is let go by before.
func (s *scene) untilQueueIdle(ctx context.Context, p *process) (time.Duration, error) {
	var cpu float64
	var idle time.Time
	resting, asked, mayAsk := time.Now(), time.Now(), time.Now()
	err := poll(ctx, glance, 5*time.Minute, func() (bool, error) {
		used, err := p.usage()
		if err != nil {
			return false, err
		}
		now := time.Now()
		if used.cpu-cpu > busy {
			resting = now
		}
		cpu = used.cpu
		rests := now.Sub(resting) >= restTime
		if now.Before(mayAsk) || !rests && now.Sub(asked) < askAnyway {
			return false, nil
		}
		metrics, err := p.scrape(ctx)
		asked, mayAsk = time.Now(), time.Now().Add(9*time.Since(now))
		if err != nil {
			return false, nil //nolint:nilerr // it serves its probes before its metrics
		}
		if idle = now; rests {
			idle = resting
		}
		if used, err = p.usage(); err == nil {
			cpu = used.cpu // the look is none of the process's work
		}
		return int(metrics.sum("controller_runtime_reconcile_total", nil)) >= s.objects &&
			metrics.sum("workqueue_depth", nil) == 0 && metrics.sum("controller_runtime_active_workers", nil) == 0, err
	})
	return idle.Sub(p.began), err
}
