package perturbation

import (
	"maps"
	"slices"
	"time"

	"k8s.io/apimachinery/pkg/types"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/fota-callback-operator/fota-callback-operator/api/v1alpha1"
)

// events are what wakes one process: changes that its cache shows, what they are mapped to, and the times that it asked for itself.
type events struct {
	queue  map[types.NamespacedName]bool
	wakeAt map[types.NamespacedName]time.Time
	// told is the revision up to which the cache has told of changes; until it is synced it has told of none.
	told   int
	synced bool
	// resyncedAt is when it was last woken for all that it holds.
	resyncedAt time.Time
	// telling is while an event is on its way.
	telling bool
}

func newEvents() events {
	return events{queue: map[types.NamespacedName]bool{}, wakeAt: map[types.NamespacedName]time.Time{}}
}

func (e *events) wake(names ...types.NamespacedName) {
	for _, name := range names {
		e.queue[name] = true
	}
}

// nextWake is when the process has asked to be woken next.
func (e *events) nextWake() (at time.Time, ever bool) {
	for _, wake := range e.wakeAt {
		if !ever || wake.Before(at) {
			at, ever = wake, true
		}
	}
	return at, ever
}

// lags says whether the cache shows less than there is.
func (r *replica) lags() bool {
	bus, changes, now := r.world.bus, r.world.kube.changes, r.world.clock.Now()
	if bus.shows(changes) == len(changes) {
		return false
	}
	if bus.lagsSince.IsZero() {
		bus.lagsSince = now
	}
	bus.caughtUp = now.Sub(bus.lagsSince) >= mostLag
	return !bus.caughtUp
}

// resync wakes the process for all that its cache holds, once at each point in time, as long as the cache shows less than there is.
func (r *replica) resync() {
	kube, now := r.world.kube, r.world.clock.Now()
	if !r.lags() || r.resyncedAt.Equal(now) {
		return
	}
	r.resyncedAt = now
	for name := range kube.at(r.world.bus.shows(kube.changes)) {
		r.wake(name)
	}
}

// look has the cache tell of what it shows by now: of all objects at first, then of each change in its order.
func (r *replica) look() {
	kube := r.world.kube
	shows := r.world.bus.shows(kube.changes)
	if !r.synced {
		r.told, r.synced, r.resyncedAt = shows, true, r.world.clock.Now()
		for _, o := range sorted(kube.at(shows)) {
			r.tell(o)
		}
	}
	for r.told < shows {
		r.told++
		r.tell(kube.changes[r.told-1].object)
	}
}

func (r *replica) tell(o *v1alpha1.FotaCallback) {
	r.wake(client.ObjectKeyFromObject(o))
	r.telling = true
	for _, request := range r.reconciler.RequestsForPeers(r.world.context(), o.DeepCopy()) {
		r.wake(request.NamespacedName)
	}
	r.telling = false
}

// cached are the objects that a read of the cache finds. An event finds those that it came with, and is no read of a pass.
func (r *replica) cached() objects {
	kube := r.world.kube
	if r.telling {
		return kube.at(r.told)
	}
	shows := r.world.bus.seen(kube.changes)
	r.told = min(r.told, shows) // what comes again is told again
	return kube.at(shows)
}

// due takes what the process is woken for now.
func (r *replica) due() []types.NamespacedName {
	r.look()
	for name, at := range r.wakeAt {
		if !at.After(r.world.clock.Now()) {
			r.wake(name)
		}
	}
	names := slices.SortedFunc(maps.Keys(r.queue), func(a, b types.NamespacedName) int { return compare(a.Name, b.Name) })
	clear(r.queue)
	return names
}
