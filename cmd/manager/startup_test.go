package main

import (
	"context"
	"errors"
	"net/http"
	"net/http/httptest"
	"testing"
	"time"

	. "github.com/onsi/gomega"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/client-go/rest"
	toolscache "k8s.io/client-go/tools/cache"
	ctrl "sigs.k8s.io/controller-runtime"

	"github.com/fota-callback-operator/fota-callback-operator/api/v1alpha1"
)

var fotaCallbacks = v1alpha1.GroupVersion.WithResource("fotacallbacks").GroupResource()

// starting is a startup, and what it has given up for.
func starting(t *testing.T) (*startup, context.Context) {
	t.Helper()
	ctx, giveUp := context.WithCancelCause(t.Context())
	t.Cleanup(func() { giveUp(nil) })
	return &startup{giveUp: giveUp}, ctx
}

func TestWhatEndsAStart(t *testing.T) {
	refused := apierrors.NewForbidden(fotaCallbacks, "", errors.New("User \"operator\" cannot watch"))
	for name, c := range map[string]struct {
		err       error
		filledFor time.Duration
		ends      string
	}{
		"a permission is missing":            {refused, 0, "cannot watch"},
		"so, and the list went well":         {refused, time.Millisecond, "cannot watch"},
		"the CRD is gone":                    {apierrors.NewNotFound(fotaCallbacks, ""), 0, "Install the CRD"},
		"the API server is busy":             {apierrors.NewTooManyRequests("later", 1), 0, ""},
		"the API server is down":             {errors.New("connection refused"), 0, ""},
		"a permission is taken away":         {refused, 2 * startEnds, ""},
		"the CRD is taken away and replaced": {apierrors.NewNotFound(fotaCallbacks, ""), 2 * startEnds, ""},
	} {
		t.Run(name, func(t *testing.T) {
			g := NewWithT(t)
			s, ctx := starting(t)
			if c.filledFor > 0 {
				at := time.Now().Add(-c.filledFor)
				s.filledAt.Store(&at)
			}
			lister := &toolscache.ListWatch{}
			reflector := toolscache.NewReflector(lister, &v1alpha1.FotaCallback{}, toolscache.NewStore(toolscache.MetaNamespaceKeyFunc), 0)
			s.onWatchError(ctx, reflector, c.err)
			if c.ends == "" {
				g.Expect(ctx.Err()).NotTo(HaveOccurred())
				return
			}
			g.Expect(context.Cause(ctx)).To(MatchError(ContainSubstring(c.ends)))
		})
	}
}

func TestReadyWhenTheCacheIsFilled(t *testing.T) {
	g := NewWithT(t)
	filled := false
	s := &startup{synced: func() bool { return filled }}
	g.Expect(s.ready(nil)).To(MatchError(ContainSubstring("cache")))
	filled = true
	g.Expect(s.ready(nil)).To(Succeed())
}

// managerThatWaits is one whose cache does not get filled: it never heeds its context.
type managerThatWaits struct{ ctrl.Manager }

func (managerThatWaits) Start(context.Context) error { select {} }

func TestStartThatWaitsForItsCacheCanBeEnded(t *testing.T) {
	g := NewWithT(t)
	s, ctx := starting(t)
	s.giveUp(errors.New("what is missing"))
	g.Expect(s.run(ctx, managerThatWaits{})).To(MatchError("what is missing"))
	s, ctx = starting(t)
	s.giveUp(nil) // as a signal does
	g.Expect(s.run(ctx, managerThatWaits{})).To(Succeed())
}

func TestLeaseThatIsRefused(t *testing.T) {
	g := NewWithT(t)
	refuse := false
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		if refuse {
			w.WriteHeader(http.StatusForbidden)
		}
	}))
	defer server.Close()
	s, ctx := starting(t)
	web, err := rest.HTTPClientFor(s.forLeases(&rest.Config{}))
	g.Expect(err).NotTo(HaveOccurred())
	call := func(method, path string) {
		request, err := http.NewRequestWithContext(t.Context(), method, server.URL+path, http.NoBody)
		g.Expect(err).NotTo(HaveOccurred())
		response, err := web.Do(request)
		g.Expect(err).NotTo(HaveOccurred())
		g.Expect(response.Body.Close()).To(Succeed())
	}
	const lease = "/apis/coordination.k8s.io/v1/namespaces/here/leases/fota-callback-operator"
	call(http.MethodGet, lease)
	refuse = true
	call(http.MethodGet, lease)
	call(http.MethodPost, "/api/v1/namespaces/here/events")
	g.Expect(ctx.Err()).NotTo(HaveOccurred(), "it was allowed before; and who leads may go untold")
	call(http.MethodPut, lease)
	g.Expect(context.Cause(ctx)).To(MatchError(ContainSubstring("not allowed to update the Lease " + lease)))
}
