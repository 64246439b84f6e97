package main

import (
	"context"
	"errors"
	"io"
	"net/http"
	"sync"
	"time"

	"github.com/go-logr/logr"
	"k8s.io/client-go/rest"
	"k8s.io/utils/clock"
)

const (
	// How long it takes until the log says that the API server can't be reached: two of these at most, and the time that a request waits.
	reachLookEvery = 3 * time.Second
	reachTimeout   = 3 * time.Second
	// While that lasts, the log repeats it.
	reachRepeat = 30 * time.Second
)

// reach watches over requests to the API server. client-go tries again without a word where a connection is refused: a pod would wait, look as if it
// were starting, and say nothing.
type reach struct {
	host  string
	clock clock.WithTicker
	log   logr.Logger
	asks  func(context.Context) error // any request; an answer of whatever status is one

	mu      sync.Mutex
	failure error
	told    time.Time
}

// watchReach makes every request of the config's clients count.
func watchReach(config *rest.Config, clock clock.WithTicker, log logr.Logger) (*reach, error) {
	r := &reach{host: config.Host, clock: clock, log: log}
	config.Wrap(func(next http.RoundTripper) http.RoundTripper {
		return roundTripper(func(request *http.Request) (*http.Response, error) {
			response, err := next.RoundTrip(request)
			// Who gives up on a request has learnt nothing about the API server; a request whose time is over has.
			if !errors.Is(request.Context().Err(), context.Canceled) {
				r.ended(err)
			}
			return response, err
		})
	})
	web, err := rest.HTTPClientFor(config)
	if err != nil {
		return nil, err
	}
	server, _, err := rest.DefaultServerUrlFor(config)
	if err != nil {
		return nil, err
	}
	r.asks = func(ctx context.Context) error {
		ctx, cancel := context.WithTimeout(ctx, reachTimeout)
		defer cancel()
		request, err := http.NewRequestWithContext(ctx, http.MethodGet, server.JoinPath("version").String(), http.NoBody)
		if err != nil {
			return err
		}
		response, err := web.Do(request)
		if err != nil {
			return err
		}
		_, _ = io.CopyN(io.Discard, response.Body, 64<<10)
		return response.Body.Close()
	}
	return r, nil
}

func (r *reach) ended(err error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if err == nil && !r.told.IsZero() {
		r.log.Info("The Kubernetes API server answers again.", "server", r.host)
		r.told = time.Time{}
	}
	r.failure = err
}

// ready is the check "kubernetes-api" of /readyz.
func (r *reach) ready(*http.Request) error {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.failure
}

// run looks at the last request until the context ends. While that one failed it asks itself: nothing else may, for as long as an interval.
func (r *reach) run(ctx context.Context) {
	ticker := r.clock.NewTicker(reachLookEvery)
	defer ticker.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case <-ticker.C():
			r.look(ctx)
		}
	}
}

func (r *reach) look(ctx context.Context) {
	if r.ready(nil) == nil || r.asks(ctx) == nil || ctx.Err() != nil {
		return
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	now := r.clock.Now()
	if r.failure == nil || !r.told.IsZero() && now.Sub(r.told) < reachRepeat {
		return
	}
	r.told = now
	r.log.Error(r.failure, "The Kubernetes API server can't be reached. The operator goes on trying, and changes nothing meanwhile. "+
		"Look whether the server runs, and whether a NetworkPolicy, a proxy (HTTPS_PROXY, NO_PROXY) or a certificate is in the way.", "server", r.host)
}
