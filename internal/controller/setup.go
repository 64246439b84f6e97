package controller

import (
	"context"
	"fmt"
	"time"

	"k8s.io/apimachinery/pkg/types"
	"k8s.io/client-go/util/workqueue"
	"k8s.io/utils/clock"
	ctrl "sigs.k8s.io/controller-runtime"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/controller"
	"sigs.k8s.io/controller-runtime/pkg/controller/priorityqueue"
	"sigs.k8s.io/controller-runtime/pkg/handler"
	"sigs.k8s.io/controller-runtime/pkg/reconcile"
	"sigs.k8s.io/controller-runtime/pkg/source"

	"github.com/fota-callback-operator/fota-callback-operator/api/v1alpha1"
	"github.com/fota-callback-operator/fota-callback-operator/internal/fairqueue"
	"github.com/fota-callback-operator/fota-callback-operator/internal/rules"
)

const (
	// accountIndex finds the objects that name an account.
	accountIndex = "spec.account in lower case"

	// A pass may sign in, list, change and list again, and sign in once more on the way: that many calls. Whatever is longer than all of their time-outs, and
	// what the Kubernetes API may take, hangs.
	passCalls      = 8
	passKubernetes = time.Minute

	// How long the Kubernetes API is left alone after it refused a write.
	writeRetryFirst = 100 * time.Millisecond
	writeRetryMost  = 5 * time.Minute
)

// AddIndexes gives a cache the indexes that the controller reads by.
func AddIndexes(ctx context.Context, indexer client.FieldIndexer) error {
	err := indexer.IndexField(ctx, &v1alpha1.FotaCallback{}, accountIndex, func(o client.Object) []string {
		return []string{rules.AccountKey(o.(*v1alpha1.FotaCallback).Spec.Account)}
	})
	if err != nil {
		return fmt.Errorf("index FotaCallbacks by account: %w", err)
	}
	return nil
}

// SetupWithManager makes the manager bring every FotaCallback, and whoever shares an account with one that changes. CallTimeout is what one call to ThingSpace may
// take.
func (r *Reconciler) SetupWithManager(ctx context.Context, manager ctrl.Manager, concurrency int, callTimeout time.Duration) error {
	if err := AddIndexes(ctx, manager.GetFieldIndexer()); err != nil {
		return err
	}
	return ctrl.NewControllerManagedBy(manager).
		For(&v1alpha1.FotaCallback{}).
		Watches(&v1alpha1.FotaCallback{}, handler.EnqueueRequestsFromMapFunc(r.RequestsForPeers)).
		WatchesRawSource(source.Func(r.wakeOnRecovery)).
		WatchesRawSource(source.Func(r.callOnTurn)).
		WithOptions(controller.Options{
			MaxConcurrentReconciles: concurrency,
			ReconciliationTimeout:   passTimeout(callTimeout),
			RateLimiter:             workqueue.NewTypedItemExponentialFailureRateLimiter[reconcile.Request](writeRetryFirst, writeRetryMost),
			NewQueue: func(name string, limiter workqueue.TypedRateLimiter[reconcile.Request]) workqueue.TypedRateLimitingInterface[reconcile.Request] {
				return fairqueue.New(fairqueue.Options[reconcile.Request]{
					Name: name, Workers: concurrency, RateLimiter: limiter, Clock: clock.RealClock{},
					NamespaceOf: func(r reconcile.Request) string { return r.Namespace },
				})
			},
		}).
		Complete(r)
}

// passTimeout ends a pass later than any call in it: what ended with the pass would not be known to be a call that failed.
func passTimeout(call time.Duration) time.Duration { return passKubernetes + passCalls*call }

// RequestsForPeers maps every change that the cache shows to the few others that name its account whom it concerns, and
// takes note of how far the cache has come.
func (r *Reconciler) RequestsForPeers(ctx context.Context, o client.Object) []reconcile.Request {
	r.cache.shows(o.GetResourceVersion())
	all, err := r.naming(ctx, o.(*v1alpha1.FotaCallback).Spec.Account, "")
	if err != nil {
		return nil // only a cache that is stopping fails to list
	}
	var requests []reconcile.Request
	for _, concerned := range rules.Concerned(all) {
		if concerned.UID != o.GetUID() {
			requests = append(requests, reconcile.Request{NamespacedName: nameOf(concerned)})
		}
	}
	return requests
}

// wakeOnRecovery brings everything that waits for ThingSpace when that answers again; the far side's rate limit paces it.
func (r *Reconciler) wakeOnRecovery(ctx context.Context, queue workqueue.TypedRateLimitingInterface[reconcile.Request]) error {
	go func() {
		for {
			select {
			case <-ctx.Done():
				return
			case <-r.recovered:
			}
			for _, name := range r.states.awaitingAPI() {
				wake(queue, name)
			}
		}
	}()
	return nil
}

// callOnTurn brings an object whose account was busy when that is free.
func (r *Reconciler) callOnTurn(_ context.Context, queue workqueue.TypedRateLimitingInterface[reconcile.Request]) error {
	r.accounts.onTurn(func(name types.NamespacedName) { queue.Add(reconcile.Request{NamespacedName: name}) })
	return nil
}

func wake(queue workqueue.TypedRateLimitingInterface[reconcile.Request], name types.NamespacedName) {
	request := reconcile.Request{NamespacedName: name}
	if byPriority, ok := queue.(priorityqueue.PriorityQueue[reconcile.Request]); ok {
		low := handler.LowPriority
		byPriority.AddWithOpts(priorityqueue.AddOpts{Priority: &low}, request)
		return
	}
	queue.Add(request)
}
