package main

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/http"
	"os"
	"os/exec"
	"syscall"
	"time"

	"github.com/prometheus/procfs"
)

// process is a program that is measured.
type process struct {
	command *exec.Cmd
	began   time.Time
	ended   chan struct{}
	// startTook is how long after its start a manager was ready.
	startTook time.Duration
	// metrics, ready and profiles are its endpoints, where it has any.
	metrics, ready, profiles string
}

// launch starts a program whose output goes to the end of a file.
func launch(log string, environment []string, path string, args ...string) (*process, error) {
	file, err := os.OpenFile(log, os.O_CREATE|os.O_APPEND|os.O_WRONLY, 0o600)
	if err != nil {
		return nil, err
	}
	defer file.Close()                     //nolint:errcheck // the process has its own
	command := exec.Command(path, args...) //nolint:gosec,noctx // what the bench has built; it is ended in order
	command.Stdout, command.Stderr = file, file
	command.Env = append(os.Environ(), environment...)
	command.SysProcAttr = &syscall.SysProcAttr{Setpgid: true}
	p := &process{command: command, began: time.Now(), ended: make(chan struct{})}
	if err := command.Start(); err != nil {
		return nil, err
	}
	go func() {
		_ = command.Wait()
		close(p.ended)
	}()
	return p, nil
}

// stop ends the process in order; after 15 s it is killed.
func (p *process) stop() {
	_ = p.command.Process.Signal(syscall.SIGTERM)
	select {
	case <-p.ended:
	case <-time.After(15 * time.Second):
		_ = p.command.Process.Kill()
		<-p.ended
	}
}

// usage is what a process has taken of the machine.
type usage struct {
	cpu       float64 // seconds
	rss, peak int     // bytes
}

func (p *process) usage() (usage, error) {
	proc, err := procfs.NewProc(p.command.Process.Pid)
	if err != nil {
		return usage{}, err
	}
	stat, err := proc.Stat()
	if err != nil {
		return usage{}, err
	}
	status, err := proc.NewStatus()
	if err != nil {
		return usage{}, err
	}
	return usage{cpu: stat.CPUTime(), rss: stat.ResidentMemory(), peak: int(status.VmHWM)}, nil //nolint:gosec // memory fits
}

// memory is what the process has of it. The look at its metrics comes last: it costs some itself.
func (p *process) memory(ctx context.Context) (Memory, error) {
	used, err := p.usage()
	if err != nil {
		return Memory{}, err
	}
	metrics, err := p.scrape(ctx)
	return Memory{RSSBytes: used.rss, PeakBytes: used.peak, LiveHeapBytes: metrics.liveHeap()}, err
}

func (p *process) scrape(ctx context.Context) (counters, error) {
	return scrape(ctx, http.DefaultClient, p.metrics)
}

// cpuOfAll is the CPU time of every program that the bench has started and that still runs, in seconds: API server, etcd, simulator and who is measured.
func cpuOfAll() (float64, error) {
	all, err := procfs.AllProcs()
	if err != nil {
		return 0, err
	}
	total := 0.0
	for _, proc := range all {
		stat, err := proc.Stat()
		if err == nil && stat.PPID == os.Getpid() { // otherwise it has ended
			total += stat.CPUTime()
		}
	}
	return total, nil
}

// untilReady waits until /readyz says so, and returns how long after the start that was.
func (p *process) untilReady(ctx context.Context) (time.Duration, error) {
	err := poll(ctx, time.Millisecond, time.Minute, func() (bool, error) {
		select {
		case <-p.ended:
			return false, errors.New("it has ended")
		default:
		}
		request, err := http.NewRequestWithContext(ctx, http.MethodGet, p.ready, nil) //nolint:gosec // an address of this machine
		if err != nil {
			return false, err
		}
		response, err := http.DefaultClient.Do(request) //nolint:gosec // an address of this machine
		if err != nil {
			return false, nil //nolint:nilerr // it does not listen yet
		}
		return response.StatusCode == http.StatusOK, response.Body.Close()
	})
	return time.Since(p.began), err
}

// poll asks every so often until the answer is yes.
func poll(ctx context.Context, every, longest time.Duration, ask func() (bool, error)) error {
	ctx, cancel := context.WithTimeout(ctx, longest)
	defer cancel()
	ticker := time.NewTicker(every)
	defer ticker.Stop()
	for {
		if yes, err := ask(); yes || err != nil {
			return err
		}
		select {
		case <-ctx.Done():
			return fmt.Errorf("waited for %s in vain", longest)
		case <-ticker.C:
		}
	}
}

// pause lets time pass that is being measured.
func pause(ctx context.Context, length time.Duration) error {
	select {
	case <-ctx.Done():
		return ctx.Err()
	case <-time.After(length):
		return nil
	}
}

// freeAddress is one that nobody listens on.
func freeAddress(ctx context.Context) (string, error) {
	listener, err := (&net.ListenConfig{}).Listen(ctx, "tcp", "127.0.0.1:0")
	if err != nil {
		return "", err
	}
	return listener.Addr().String(), listener.Close()
}

func command(ctx context.Context, dir, name string, args ...string) error {
	command := exec.CommandContext(ctx, name, args...) //nolint:gosec // the bench's own words
	command.Dir, command.Stderr = dir, os.Stderr
	command.Env = append(os.Environ(), "CGO_ENABLED=0")
	if err := command.Run(); err != nil {
		return fmt.Errorf("%s: %w", command, err)
	}
	return nil
}
