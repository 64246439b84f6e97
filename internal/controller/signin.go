package controller

import (
	"context"
	"errors"
	"time"

	"k8s.io/apimachinery/pkg/types"

	"github.com/fota-callback-operator/fota-callback-operator/internal/rules"
	"github.com/fota-callback-operator/fota-callback-operator/internal/thingspace"
)

// secretSource is where the calls of one reconciliation find their credentials.
type secretSource struct {
	*pass
	// used are those that were returned last.
	used thingspace.Credentials
}

// Get implements thingspace.CredentialsSource. An object that is being deleted goes on with the last
// credentials that worked for it where the Secret is gone (the deletion of a namespace takes the
// Secret first), and where what it holds now was refused.
func (s *secretSource) Get(ctx context.Context, maxAge time.Duration) (thingspace.Credentials, error) {
	found, err := s.credentials.get(ctx, s.secretName(), maxAge)
	if rules.Deleting(s.facts.Object) {
		state := s.states.of(s.facts.Object, s.facts.Now)
		unusable := errors.As(err, new(*rules.CredentialsError)) || err == nil && found.Digest() == state.refused
		if unusable && state.credentials != nil {
			found, err = *state.credentials, nil
		}
	}
	if err == nil {
		s.used = found
	}
	return found, err
}

func (p *pass) secretName() types.NamespacedName {
	return types.NamespacedName{Namespace: p.facts.Object.Namespace, Name: p.facts.Object.Spec.SecretName()}
}

// caller says on whose behalf this reconciliation calls.
func (p *pass) caller() thingspace.Caller {
	return thingspace.Caller{
		Account: p.facts.Object.Spec.Account, Namespace: p.facts.Object.Namespace, Credentials: &p.source, AskAgain: rules.AskAgain(p.facts),
	}
}

// readForDeletion keeps the credentials of an object that is being deleted as long as they are there.
// Older ones that worked go on serving while they are signed in.
func (p *pass) readForDeletion(ctx context.Context) {
	o := p.facts.Object
	if !rules.Deleting(o) || !rules.HasFinalizer(o) || o.Spec.Retains() {
		return
	}
	if kept := p.states.of(o, p.facts.Now).credentials; kept != nil && p.Registrations.SignedIn(*kept) {
		return
	}
	if found, err := p.source.Get(ctx, secretServesWaiting); err == nil { // otherwise whoever needs them will say so
		p.keep(found)
	}
}

// keep remembers credentials for the object's own deregistration.
func (p *pass) keep(credentials thingspace.Credentials) {
	p.states.change(p.name(), p.facts.Object.UID, func(s *objectState) { s.credentials = &credentials })
}
