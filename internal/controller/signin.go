package controller

import (
	"context"
	"errors"

	"k8s.io/apimachinery/pkg/api/equality"
	"k8s.io/apimachinery/pkg/types"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/log"

	"github.com/fota-callback-operator/fota-callback-operator/api/v1alpha1"
	"github.com/fota-callback-operator/fota-callback-operator/internal/rules"
	"github.com/fota-callback-operator/fota-callback-operator/internal/thingspace"
)

func (p *pass) secretName() types.NamespacedName {
	return types.NamespacedName{Namespace: p.facts.Object.Namespace, Name: p.facts.Object.Spec.SecretName()}
}

// caller says on whose behalf this pass calls, with credentials that are fresh where a sign-in is going to use them.
func (p *pass) caller(ctx context.Context) (thingspace.Caller, error) {
	found, err := p.findCredentials(ctx)
	if err != nil {
		return thingspace.Caller{}, err
	}
	p.facts.Secret, p.used = found.identity, found
	earlier, err := p.logins.of(ctx, found, p.facts.Object)
	if err != nil {
		return thingspace.Caller{}, err
	}
	p.facts.Logins = p.logins.unrecorded(found, p.facts.Object)
	requested := rules.RequestedAt(p.facts.Object)
	if requested == p.facts.Object.Status.LastHandledReconcileAt {
		requested = ""
	}
	return thingspace.Caller{
		Namespace:      p.facts.Object.Namespace,
		Account:        p.facts.Object.Spec.Account,
		Credentials:    found.Credentials,
		Earlier:        earlier,
		OtherSince:     found.otherSince,
		LoginRequest:   requested,
		BeforeToken:    func(ctx context.Context) error { return p.secretStillSays(ctx, found) },
		BeforeLogin:    func(ctx context.Context, proven bool) error { return p.beforeLogin(ctx, found, proven) },
		LoginUncounted: func() { p.logins.unsent(found) },
		LoginRefused:   func(logins int) { p.facts.Logins = p.logins.refused(found, p.facts.Object, logins) },
		AfterLogin:     func(ctx context.Context) { p.afterLogin(ctx, found) },
	}, nil
}

// findCredentials reads the Secret. An object that is being deleted may fall back on the last credentials that worked for it: a namespace's
// deletion takes the Secret first.
func (p *pass) findCredentials(ctx context.Context) (*usable, error) {
	found, err := p.credentials.get(ctx, p.secretName(), secretServes)
	if err == nil && !p.Registrations.SignedIn(found.Credentials) {
		found, err = p.credentials.get(ctx, p.secretName(), secretServesWaiting)
	}
	var missing *rules.CredentialsError
	if errors.As(err, &missing) && rules.Deleting(p.facts.Object) {
		if kept := p.states.of(p.facts.Object, p.facts.Now).credentials; kept != nil {
			return kept, nil
		}
	}
	return found, err
}

// readForDeletion remembers the credentials of an object that is being deleted as long as they are there. Older ones that worked serve while they are signed in, or
// where the others are known to be refused: they may have been replaced since.
func (p *pass) readForDeletion(ctx context.Context) {
	o := p.facts.Object
	if !rules.Deleting(o) || !rules.HasFinalizer(o) || o.Spec.Retains() {
		return
	}
	state := p.states.of(o, p.facts.Now)
	if state.credentials != nil && p.Registrations.SignedIn(state.credentials.Credentials) {
		return
	}
	found, err := p.credentials.get(ctx, p.secretName(), secretServesWaiting)
	if err != nil || state.credentials != nil && found.Digest() == state.refused { // whoever needs them will say so
		return
	}
	p.keep(found)
}

// keep remembers credentials for the object's own deregistration.
func (p *pass) keep(credentials *usable) {
	p.states.change(p.name(), p.facts.Object.UID, func(s *objectState) { s.credentials = credentials })
}

// secretStillSays makes sure that a sign-in uses what the Secret says now.
func (p *pass) secretStillSays(ctx context.Context, used *usable) error {
	now, err := p.credentials.get(ctx, p.secretName(), secretServesWaiting)
	var missing *rules.CredentialsError
	switch {
	case errors.As(err, &missing) && rules.Deleting(p.facts.Object): // goes on with those that were kept
		return nil
	case err != nil:
		return err
	case now.Digest() != used.Digest():
		return errCredentialsChanged
	}
	return nil
}

// beforeLogin puts the first login with unproven credentials on record: whatever happens to this process, the next one counts it.
func (p *pass) beforeLogin(ctx context.Context, used *usable, proven bool) error {
	if err := p.secretStillSays(ctx, used); err != nil || proven {
		return err
	}
	status := p.facts.Object.Status.DeepCopy()
	status.RejectedCredentials = new(p.logins.next(used, p.facts.Object))
	// A request for a check allows one login more than is safe: it is used up before that is made.
	if requested := rules.RequestedAt(p.facts.Object); requested != "" {
		status.LastHandledReconcileAt = requested
	}
	if equality.Semantic.DeepEqual(&p.facts.Object.Status, status) {
		return nil // a login that was recorded and then did not leave
	}
	if err := p.writeStatus(ctx, func(s *v1alpha1.FotaCallbackStatus) { *s = *status }); err != nil {
		p.logins.unsent(used)
		return err
	}
	return nil
}

// afterLogin takes a login that has succeeded off the record at once: a crash later in the pass must not make it count as a failed one.
func (p *pass) afterLogin(ctx context.Context, used *usable) {
	void := p.logins.succeeded(used)
	if p.facts.Object.Status.RejectedCredentials != nil {
		err := p.writeStatus(ctx, func(status *v1alpha1.FotaCallbackStatus) { status.RejectedCredentials = nil })
		if err != nil { // the end of the pass clears it too
			log.FromContext(ctx).V(1).Info("The record of a login that succeeded stays until the next pass.", "cause", err.Error())
		}
	}
	p.logins.cleared(p.name())
	for _, holder := range void {
		if holder == p.name() {
			continue
		}
		if err := p.clearRecord(ctx, holder); err != nil {
			log.FromContext(ctx).V(1).Info("The record of failed logins stays until the user signs in again.", "holder", holder, "cause", err.Error())
			continue
		}
		p.logins.cleared(holder)
	}
}

// clearRecord takes failed logins of a user that works by now off the record of another object, which may not be worked on for long, or never again: a
// suspended one, say. That ThingSpace has refused what is on record stays on it, without a count.
func (p *pass) clearRecord(ctx context.Context, holder types.NamespacedName) error {
	var live v1alpha1.FotaCallback
	if err := p.Live.Get(ctx, holder, &live); err != nil {
		return client.IgnoreNotFound(err)
	}
	base := live.DeepCopy()
	switch record := live.Status.RejectedCredentials; {
	case record == nil, record.Refused && record.Logins == 0:
		return nil
	case record.Refused:
		record.Logins = 0
	default:
		live.Status.RejectedCredentials = nil
	}
	if err := p.Client.Status().Patch(ctx, &live, client.MergeFromWithOptions(base, client.MergeFromWithOptimisticLock{})); err != nil {
		return err
	}
	Trim(&live)
	p.states.wrote(&live)
	return nil
}
