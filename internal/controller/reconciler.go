package controller

import (
	"context"
	"fmt"
	"sync/atomic"
	"time"

	"k8s.io/apimachinery/pkg/api/equality"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/client-go/tools/events"
	"k8s.io/utils/clock"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/handler"
	"sigs.k8s.io/controller-runtime/pkg/log"
	"sigs.k8s.io/controller-runtime/pkg/reconcile"

	"github.com/fota-callback-operator/fota-callback-operator/api/v1alpha1"
	"github.com/fota-callback-operator/fota-callback-operator/internal/rules"
	"github.com/fota-callback-operator/fota-callback-operator/internal/thingspace"
)

const (
	// A pass that ended quietly (somebody else wrote in between) runs again when the cache shows why; at the latest after this.
	quietRetry = time.Second
	// More steps than any pass can need: reaching it is a defect.
	mostSteps = 12
)

// Registrations is the far side as the controller uses it; *thingspace.Client is one.
type Registrations interface {
	List(ctx context.Context, caller thingspace.Caller) (string, error)
	Register(ctx context.Context, caller thingspace.Caller, url string, precondition thingspace.Precondition) (string, error)
	Update(ctx context.Context, caller thingspace.Caller, url string, precondition thingspace.Precondition) (string, error)
	Deregister(ctx context.Context, caller thingspace.Caller, precondition thingspace.Precondition) error
	SignedIn(credentials thingspace.Credentials) bool
	Forget(account string)
}

// Config is what a Reconciler works with.
type Config struct {
	// Client reads from a cache that has the indexes of AddIndexes, and writes.
	Client client.Client
	// Live reads past the cache: Secrets, and the proof before a mutating call.
	Live client.Reader
	// Namespaces are those that the operator watches; none means all.
	Namespaces []string
	// Registrations is the far side.
	Registrations Registrations
	// Recorder takes events.
	Recorder events.EventRecorder
	// Clock is the real one, or a test's.
	Clock clock.PassiveClock
	// Settings are the operator's.
	Settings rules.Settings
	// Metrics counts drift; see NewMetrics.
	Metrics *Metrics
}

// Reconciler makes registrations what FotaCallbacks say.
type Reconciler struct {
	Config
	credentials *credentialReader
	states      *stateStore
	cache       freshness
	accounts    *accounts
	recovered   chan struct{}
	// recoveries counts how often ThingSpace has come back.
	recoveries atomic.Uint64
}

// NewReconciler returns a Reconciler that has met no object yet.
func NewReconciler(config Config) *Reconciler {
	return &Reconciler{
		Config:      config,
		credentials: newCredentialReader(config.Live, config.Clock),
		states:      newStateStore(),
		accounts:    newAccounts(config.Clock),
		recovered:   make(chan struct{}, 1),
	}
}

// Reconcile works on one object, if that is due.
func (r *Reconciler) Reconcile(ctx context.Context, request reconcile.Request) (reconcile.Result, error) {
	var cached v1alpha1.FotaCallback
	if err := r.Client.Get(ctx, request.NamespacedName, &cached); err != nil {
		if apierrors.IsNotFound(err) {
			return reconcile.Result{}, r.forget(ctx, request.NamespacedName)
		}
		return reconcile.Result{}, fmt.Errorf("read FotaCallback %s: %w", request.NamespacedName, err)
	}
	account := rules.AccountKey(cached.Spec.Account)
	if !r.accounts.begin(account, request.NamespacedName) {
		return reconcile.Result{RequeueAfter: accountRetry}, nil
	}
	defer r.accounts.end(account)

	facts, read, err := r.gather(ctx, &cached)
	if err != nil {
		return reconcile.Result{}, err
	}
	if at, ever := rules.Due(facts); !ever || at.After(facts.Now) {
		return r.waitFor(facts), nil
	}
	return r.work(ctx, facts, read)
}

// work is one pass: decide and apply until there is nothing left to do, then summarise.
func (r *Reconciler) work(ctx context.Context, facts rules.Facts, read whatWasRead) (reconcile.Result, error) {
	p := &pass{Reconciler: r, facts: facts, peers: read.peers, recoveries: r.recoveries.Load()}
	p.source.pass = p
	p.takes(read.stored)
	p.readForDeletion(ctx)
	step := rules.Decide(p.facts)
	for steps := 0; step.Action != rules.Rest; steps++ {
		if steps == mostSteps {
			return reconcile.Result{}, fmt.Errorf("FotaCallback %s: a pass does not end; this is a defect of the operator", p.name())
		}
		if err := p.apply(ctx, step); err != nil {
			log.FromContext(ctx).V(1).Info("The pass ended without a verdict and runs again.", "step", step.Action, "cause", err.Error())
			return reconcile.Result{RequeueAfter: quietRetry}, nil
		}
		if step.Action == rules.Release && p.facts.Err == nil {
			p.announce(rules.Summary{Memory: p.facts.Memory})
			return reconcile.Result{}, nil
		}
		if step.Action == rules.Restore {
			return p.restored(ctx)
		}
		step = rules.Decide(p.facts)
	}
	return p.finish(ctx, step)
}

// restored ends a reconciliation that was to put a claim back: whatever else is due comes next. A claim that can't be put
// back is tried again as a status that can't be written is.
func (p *pass) restored(ctx context.Context) (reconcile.Result, error) {
	if err := p.facts.Err; err != nil {
		return reconcile.Result{}, fmt.Errorf("FotaCallback %s: %w", p.name(), err)
	}
	log.FromContext(ctx).Info("The claim had been stripped from the object, and is back.", "account", p.facts.Object.Spec.Account)
	return p.waitFor(p.facts), nil
}

// finish is the one place where status is written, besides what has to be on record ahead of an effect.
func (p *pass) finish(ctx context.Context, last rules.Step) (reconcile.Result, error) {
	before := p.facts.Object.Status
	summary := rules.Summarise(p.facts, last)
	if !equality.Semantic.DeepEqual(before, summary.Status) {
		if err := p.writeStatus(ctx, func(status *v1alpha1.FotaCallbackStatus) { *status = summary.Status }); err != nil {
			if p.endsQuietly(ctx, err) {
				return reconcile.Result{RequeueAfter: quietRetry}, nil
			}
			return reconcile.Result{}, fmt.Errorf("FotaCallback %s: write status: %w", p.name(), err)
		}
	}
	p.keepMemory(&summary.Memory)
	p.logOutcome(ctx, before, summary)
	p.announceSince(before, summary)
	p.facts.Memory = summary.Memory
	return p.waitFor(p.facts), nil
}

// keepMemory keeps what is remembered of the object. Where ThingSpace has come back since the pass began, those who wait for that have been woken
// already, and this one must not wait on.
func (p *pass) keepMemory(memory *rules.Memory) {
	keep := func(s *objectState) { s.memory = *memory }
	p.states.change(p.name(), p.facts.Object.UID, keep)
	if memory.AwaitsAPI && p.recoveries != p.Reconciler.recoveries.Load() {
		memory.RetryAt = memory.LastCheck
		p.states.change(p.name(), p.facts.Object.UID, keep)
	}
}

// waitFor says when the queue should bring the object again. Routine checks have low priority: they never hold up a person's change.
func (r *Reconciler) waitFor(facts rules.Facts) reconcile.Result {
	at, ever := rules.Due(facts)
	if !ever {
		return reconcile.Result{}
	}
	if again, looks := rules.LooksAgain(facts); looks && again.Before(at) {
		at = again
	}
	priority := 0
	if rules.Routine(facts.Object) {
		priority = handler.LowPriority
	}
	return reconcile.Result{RequeueAfter: max(at.Sub(r.Clock.Now()), time.Millisecond), Priority: new(priority)}
}

// whatWasRead is what a reconciliation was begun with.
type whatWasRead struct {
	// stored is the object with the status that it has, trusted or not.
	stored *v1alpha1.FotaCallback
	// peers are the other objects that name the account.
	peers []rules.Candidate
}

// gather reads what decisions need from Kubernetes, and nothing from ThingSpace.
func (r *Reconciler) gather(ctx context.Context, cached *v1alpha1.FotaCallback) (rules.Facts, whatWasRead, error) {
	now := r.Clock.Now()
	memory := r.states.of(cached, now).memory
	stored := r.states.current(cached)
	peers, err := r.peersOf(ctx, stored)
	if err != nil {
		return rules.Facts{}, whatWasRead{}, err
	}
	object := rules.Trusted(stored)
	self := rules.Candidate{Object: object, Listed: memory.ListingCounts(object.Generation, now)}
	facts := rules.Facts{Object: object, Now: now, Settings: r.Settings, Memory: memory, Standing: rules.Stand(self, peers)}
	if rules.Deleting(object) {
		facts.Memory.HandOver = r.tickHandOver(object, memory.HandOver, facts.Standing.Successor(), now)
	}
	return facts, whatWasRead{stored: stored, peers: peers}, nil
}

// tickHandOver counts how long an object that is being deleted has waited for its successor.
func (r *Reconciler) tickHandOver(o *v1alpha1.FotaCallback, handOver rules.HandOver, next *v1alpha1.FotaCallback, now time.Time) rules.HandOver {
	if next == nil && handOver.Successor == "" {
		return handOver
	}
	if next == nil {
		handOver = handOver.Tick("", rules.Progress{}, now)
	} else {
		handOver = handOver.Tick(next.UID, r.states.progress(next), now)
	}
	r.states.change(nameOf(o), o.UID, func(s *objectState) { s.memory.HandOver = handOver })
	return handOver
}

// peersOf lists the other objects that name the same account.
func (r *Reconciler) peersOf(ctx context.Context, object *v1alpha1.FotaCallback) ([]rules.Candidate, error) {
	return r.naming(ctx, object.Spec.Account, object.UID)
}

// naming lists the objects that name an account, but one, from the cache and with what this process knows of them.
func (r *Reconciler) naming(ctx context.Context, account string, but types.UID) ([]rules.Candidate, error) {
	var list v1alpha1.FotaCallbackList
	err := r.Client.List(ctx, &list, client.MatchingFields{accountIndex: rules.AccountKey(account)}, client.UnsafeDisableDeepCopy)
	if err != nil {
		return nil, fmt.Errorf("list the FotaCallbacks of account %s: %w", account, err)
	}
	var all []rules.Candidate
	for i := range list.Items {
		if o := &list.Items[i]; o.UID != but {
			all = append(all, r.states.candidate(r.states.newest(o), r.Clock.Now()))
		}
	}
	return all, nil
}

// forget drops what is kept for an object that is gone, and for its account if nobody else names that.
func (r *Reconciler) forget(ctx context.Context, name types.NamespacedName) error {
	account := r.states.forget(name)
	if account == "" {
		return nil
	}
	others, err := r.naming(ctx, account, "")
	if err != nil {
		return err
	}
	if len(others) == 0 {
		r.Registrations.Forget(account)
		r.accounts.forget(rules.AccountKey(account))
	}
	return nil
}

// APIRecovered says that ThingSpace answers again: what waited for that is due now.
func (r *Reconciler) APIRecovered() {
	r.recoveries.Add(1)
	select {
	case r.recovered <- struct{}{}:
	default: // one is on its way already
	}
}
