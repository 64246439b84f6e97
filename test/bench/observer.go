package main

import (
	"context"
	"fmt"
	"sync"
	"time"

	"k8s.io/apimachinery/pkg/util/resourceversion"
	toolscache "k8s.io/client-go/tools/cache"
	"sigs.k8s.io/controller-runtime/pkg/cache"

	"github.com/fota-callback-operator/fota-callback-operator/api/v1alpha1"
	"github.com/fota-callback-operator/fota-callback-operator/internal/rules"
)

// gone is the state of an object that has been deleted.
const gone = "gone"

// observer watches the objects of a namespace, as a user does who waits for them.
type observer struct {
	namespace string

	mu   sync.Mutex
	seen map[string]sighting
	// states is how many objects are in each.
	states map[string]int
}

// sighting is the newest version of an object, and since when it has been in its state.
type sighting struct {
	object *v1alpha1.FotaCallback
	state  string
	since  time.Time
}

// stateOf is the reason of Ready and the generation that it speaks of, once that is handled.
func stateOf(o *v1alpha1.FotaCallback) string {
	if !rules.Handled(o) {
		return "not handled"
	}
	return ready(rules.ReadyReason(o), o.Generation)
}

func ready(reason string, generation int64) string { return fmt.Sprintf("%s %d", reason, generation) }

func newObserver(namespace string) *observer {
	return &observer{namespace: namespace, seen: map[string]sighting{}, states: map[string]int{}}
}

// observe watches until the context ends.
func (s *scene) observe(ctx context.Context, namespace string) (*observer, error) {
	objects, err := cache.New(s.Config, cache.Options{
		Scheme: s.Client.Scheme(), DefaultNamespaces: map[string]cache.Config{namespace: {}},
	})
	if err != nil {
		return nil, err
	}
	informer, err := objects.GetInformer(ctx, &v1alpha1.FotaCallback{}, cache.BlockUntilSynced(false))
	if err != nil {
		return nil, err
	}
	o := newObserver(namespace)
	_, err = informer.AddEventHandler(toolscache.ResourceEventHandlerFuncs{
		AddFunc:    func(object any) { o.saw(object.(*v1alpha1.FotaCallback)) },
		UpdateFunc: func(_, object any) { o.saw(object.(*v1alpha1.FotaCallback)) },
		DeleteFunc: o.deleted,
	})
	if err != nil {
		return nil, err
	}
	go func() { _ = objects.Start(ctx) }() // it returns no error but with the context's
	if !objects.WaitForCacheSync(ctx) {
		return nil, fmt.Errorf("watch %s: %w", namespace, ctx.Err())
	}
	return o, nil
}

func (o *observer) saw(object *v1alpha1.FotaCallback) {
	o.mu.Lock()
	defer o.mu.Unlock()
	next := sighting{object: object, state: stateOf(object), since: time.Now()}
	if before, ok := o.seen[object.Name]; ok && before.object != nil {
		order, err := resourceversion.CompareResourceVersion(object.ResourceVersion, before.object.ResourceVersion)
		if err == nil && order < 0 {
			return // what a user wrote and what the watch brings come in any order
		}
		if before.state == next.state {
			next.since = before.since
		}
	}
	o.put(object.Name, next)
}

// put is called with the lock held.
func (o *observer) put(name string, next sighting) {
	if before, ok := o.seen[name]; ok {
		o.states[before.state]--
	}
	o.states[next.state]++
	o.seen[name] = next
}

func (o *observer) deleted(object any) {
	if unknown, ok := object.(toolscache.DeletedFinalStateUnknown); ok {
		object = unknown.Obj
	}
	o.mu.Lock()
	defer o.mu.Unlock()
	o.put(object.(*v1alpha1.FotaCallback).Name, sighting{state: gone, since: time.Now()})
}

// until waits until so many objects are in a state, and returns since when each is.
func (o *observer) until(ctx context.Context, state string, objects int, longest time.Duration) (map[string]time.Time, error) {
	err := poll(ctx, 50*time.Millisecond, longest, func() (bool, error) { return o.count(state) == objects, nil })
	if err != nil {
		return nil, fmt.Errorf("%d of %d objects are %q: %w", o.count(state), objects, state, err)
	}
	return o.in(state), nil
}

func (o *observer) count(state string) int {
	o.mu.Lock()
	defer o.mu.Unlock()
	return o.states[state]
}

func (o *observer) in(state string) map[string]time.Time {
	o.mu.Lock()
	defer o.mu.Unlock()
	since := map[string]time.Time{}
	for name, sighting := range o.seen {
		if sighting.state == state {
			since[name] = sighting.since
		}
	}
	return since
}

func (o *observer) get(name string) *v1alpha1.FotaCallback {
	o.mu.Lock()
	defer o.mu.Unlock()
	return o.seen[name].object.DeepCopy()
}

// left is how many of the objects in a state have been in another since then.
func (o *observer) left(state string, since time.Time) (count int) {
	for _, at := range o.in(state) {
		if at.After(since) {
			count++
		}
	}
	return count
}
