package controller

import (
	"context"
	"errors"
	"testing"
	"time"

	. "github.com/onsi/gomega"
	"k8s.io/apimachinery/pkg/types"
	testclock "k8s.io/utils/clock/testing"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/fota-callback-operator/fota-callback-operator/api/v1alpha1"
	"github.com/fota-callback-operator/fota-callback-operator/internal/rules"
)

func TestTheCacheIsCompleteUpToAWriteThatItShows(t *testing.T) {
	g := NewWithT(t)
	at := func(second int64) time.Time { return time.Unix(second, 0) }
	var f freshness
	g.Expect(f.completeUpTo()).To(BeZero())
	f.shows("10")
	g.Expect(f.completeUpTo()).To(BeZero(), "what others write says nothing about when")
	f.wrote(at(1), "12")
	f.shows("11")
	g.Expect(f.completeUpTo()).To(BeZero(), "it may not show yet what came before 12")
	f.wrote(at(2), "14")
	f.shows("12")
	g.Expect(f.completeUpTo()).To(Equal(at(1)))
	f.shows("9")
	f.wrote(at(3), "12")
	g.Expect(f.completeUpTo()).To(Equal(at(3)), "the watch was faster than the answer to the write")
	f.wrote(at(2), "11")
	g.Expect(f.completeUpTo()).To(Equal(at(3)), "a write that took long takes nothing back")
	f.wrote(at(5), "no number")
	f.shows("99")
	g.Expect(f.completeUpTo()).To(Equal(at(3)), "what can't be compared proves nothing")
}

// noPeers is a cache without other objects, or an API that can't be asked.
type noPeers struct {
	client.Client

	err error
}

func (r noPeers) List(context.Context, client.ObjectList, ...client.ListOption) error { return r.err }

// Others are looked up past the cache, unless that is known to be current.
func TestSurveyAsksTheAPIUnlessTheCacheIsCurrent(t *testing.T) {
	asked := errors.New("asked")
	for name, test := range map[string]struct {
		namespaces []string
		complete   time.Duration // how long ago
		asks       bool
	}{
		"nothing is known":            {nil, time.Hour, true},
		"a write was shown long ago":  {nil, 2 * time.Second, true},
		"a write was shown too early": {nil, cacheServes + 1, true},
		"a write was shown just now":  {nil, cacheServes, false},
		"one namespace has one cache": {[]string{"iot"}, 500 * time.Millisecond, false},
		"two namespaces have two":     {[]string{"iot", "lab"}, 500 * time.Millisecond, true},
	} {
		g := NewWithT(t)
		clock := testclock.NewFakeClock(time.Unix(10_000, 0))
		r := NewReconciler(Config{Client: noPeers{}, Live: noPeers{err: asked}, Clock: clock, Namespaces: test.namespaces})
		r.cache.wrote(clock.Now().Add(-test.complete), "5")
		r.cache.shows("5")
		object := &v1alpha1.FotaCallback{}
		p := &pass{Reconciler: r, facts: rules.Facts{Object: object, Standing: rules.Stand(rules.Candidate{Object: object}, nil)}}
		err := p.survey(t.Context())
		g.Expect(errors.Is(err, asked)).To(Equal(test.asks), name)
		g.Expect(p.facts.Surveyed).NotTo(Equal(test.asks), name)
	}
}

// peersAt is a cache, or an API, with objects.
type peersAt struct {
	client.Client

	objects []v1alpha1.FotaCallback
}

func (r peersAt) List(_ context.Context, into client.ObjectList, _ ...client.ListOption) error {
	into.(*v1alpha1.FotaCallbackList).Items = r.objects
	return nil
}

// Past the cache the others are those of the API, and those of the cache that write the account in another letter case, by which the API can't select.
func TestWhoIsLookedUpPastTheCache(t *testing.T) {
	g := NewWithT(t)
	named := func(name, account string) v1alpha1.FotaCallback {
		o := objectIn("iot", name)
		o.UID, o.Spec.Account = types.UID(name), account
		return *o
	}
	self := named("self", "acc-1")
	r := NewReconciler(Config{
		Client: peersAt{objects: []v1alpha1.FotaCallback{self, named("gone-by-now", "acc-1"), named("upper", "ACC-1")}},
		Live:   peersAt{objects: []v1alpha1.FotaCallback{self, named("new", "acc-1")}},
		Clock:  testclock.NewFakeClock(time.Unix(10_000, 0)),
	})
	peers, err := (&pass{Reconciler: r}).currentPeers(t.Context(), &self)
	g.Expect(err).NotTo(HaveOccurred())
	var names []string
	for _, peer := range peers {
		names = append(names, peer.Object.Name)
	}
	g.Expect(names).To(ConsistOf("new", "upper"))
}
