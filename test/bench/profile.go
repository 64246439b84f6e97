package main

import (
	"context"
	"fmt"
	"io"
	"net/http"
	"os"
	"path/filepath"
	"time"

	"golang.org/x/sync/errgroup"
)

// profile takes a CPU profile of the operator while do runs, for at most a time, and a heap profile after it, where profiles are wanted.
func (s *scene) profile(ctx context.Context, p *process, name string, longest time.Duration, do func() error) error {
	if s.profiles == "" {
		return do()
	}
	group, ctx := errgroup.WithContext(ctx)
	group.Go(func() error {
		return s.fetch(ctx, p, fmt.Sprintf("%s-%d-cpu.pprof", name, s.objects), fmt.Sprintf("profile?seconds=%d", int(max(1, longest.Seconds()))))
	})
	group.Go(do)
	if err := group.Wait(); err != nil {
		return err
	}
	return s.fetch(context.WithoutCancel(ctx), p, fmt.Sprintf("%s-%d-heap.pprof", name, s.objects), "heap?gc=1")
}

func (s *scene) fetch(ctx context.Context, p *process, file, path string) error {
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, "http://"+p.profiles+"/debug/pprof/"+path, nil) //nolint:gosec // an address of this machine
	if err != nil {
		return err
	}
	response, err := http.DefaultClient.Do(request) //nolint:gosec // an address of this machine
	if err != nil {
		return err
	}
	defer response.Body.Close() //nolint:errcheck // it has been read
	if response.StatusCode != http.StatusOK {
		return fmt.Errorf("profile: %s", response.Status)
	}
	if err := os.MkdirAll(s.profiles, 0o750); err != nil {
		return err
	}
	to, err := os.Create(filepath.Join(s.profiles, file))
	if err != nil {
		return err
	}
	defer to.Close() //nolint:errcheck // what could not be written shows when it is read
	_, err = io.Copy(to, response.Body)
	return err
}
