package main

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/client-go/rest"
	toolscache "k8s.io/client-go/tools/cache"
	ctrl "sigs.k8s.io/controller-runtime"

	"github.com/fota-callback-operator/fota-callback-operator/api/v1alpha1"
)

const (
	// A watch that is refused is noticed right after the list that filled the cache. This long after that, a refusal is no matter of the start any more:
	// the operator goes on with what it sees, because a namespace that is taken away must not end the work for all others.
	startEnds = time.Minute

	howToGrant = "It is granted by the ClusterRole and the ClusterRoleBinding of the installation; with --watch-namespaces, by a Role and a RoleBinding in each namespace"
	howToServe = "Install the CRD fotacallbacks.fotacallback.dev of this version of the operator"
)

// startup sees to it that a start without a permission or without the CRD ends, and says what is missing: client-go would log it and try again for
// ever, and the pod would look healthy meanwhile. It costs no request.
type startup struct {
	// giveUp ends the start with a cause.
	giveUp context.CancelCauseFunc
	// synced says whether the cache has been filled. The manager looks every 100 ms only, and filledAt is when it has seen that.
	synced   func() bool
	filledAt atomic.Pointer[time.Time]
}

// setUp makes the manager tell when its cache has been filled.
func (s *startup) setUp(ctx context.Context, manager ctrl.Manager) error {
	informer, err := manager.GetCache().GetInformer(ctx, &v1alpha1.FotaCallback{})
	if err != nil {
		return fmt.Errorf("set up the cache: %w", err)
	}
	s.synced = informer.HasSynced
	return manager.Add(s)
}

// Start is called by the manager when it has seen that its cache is filled.
func (s *startup) Start(context.Context) error {
	now := time.Now()
	s.filledAt.Store(&now)
	return nil
}

// NeedLeaderElection says that a replica that does not lead has a start too.
func (s *startup) NeedLeaderElection() bool { return false }

// ready is the check behind /readyz.
func (s *startup) ready(*http.Request) error {
	if !s.synced() {
		return errors.New("the cache of FotaCallbacks is not filled yet")
	}
	return nil
}

// run runs the manager until it stops, is told to stop, or lacks something that it can't start without.
func (s *startup) run(ctx context.Context, manager ctrl.Manager) error {
	ended := make(chan error, 1)
	go func() { ended <- manager.Start(ctx) }()
	var err error
	select {
	case err = <-ended:
	case <-ctx.Done():
		// A manager that waits for its cache never heeds its context. It has not begun anything that would need an orderly stop.
		if s.filledAt.Load() != nil {
			err = <-ended
		}
	}
	if cause := context.Cause(ctx); cause != nil && !errors.Is(cause, context.Canceled) {
		return cause
	}
	return err
}

// onWatchError is called when FotaCallbacks could not be listed or watched; another try follows.
func (s *startup) onWatchError(ctx context.Context, reflector *toolscache.Reflector, err error) {
	if at := s.filledAt.Load(); at == nil || time.Since(*at) < startEnds {
		switch {
		case apierrors.IsForbidden(err):
			s.giveUp(fmt.Errorf("%w. %s", err, howToGrant))
			return
		case apierrors.IsNotFound(err):
			s.giveUp(fmt.Errorf("%w. %s", err, howToServe))
			return
		}
	}
	toolscache.DefaultWatchErrorHandler(ctx, reflector, err)
}

// forLeases returns a config for leader election that gives up where the Lease is refused. A verb that was allowed once and is refused later is not
// missing from the start: who leads then loses the lead, and starts again.
func (s *startup) forLeases(config *rest.Config) *rest.Config {
	config = rest.CopyConfig(config)
	var allowed sync.Map
	config.Wrap(func(next http.RoundTripper) http.RoundTripper {
		return roundTripper(func(request *http.Request) (*http.Response, error) {
			response, err := next.RoundTrip(request)
			if err != nil || !strings.Contains(request.URL.Path, "/leases") {
				return response, err
			}
			if response.StatusCode != http.StatusForbidden {
				allowed.Store(request.Method, true)
			} else if _, was := allowed.Load(request.Method); !was {
				s.giveUp(fmt.Errorf("the operator is not allowed to %s the Lease %s. It is granted by the Role and the RoleBinding for leader election",
					verbs[request.Method], request.URL.Path))
			}
			return response, nil
		})
	})
	return config
}

// verbs are the API's for what leader election does.
var verbs = map[string]string{http.MethodGet: "get", http.MethodPost: "create", http.MethodPut: "update"}

type roundTripper func(*http.Request) (*http.Response, error)

func (r roundTripper) RoundTrip(request *http.Request) (*http.Response, error) { return r(request) }
