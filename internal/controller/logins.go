package controller

import (
	"context"
	"sync"

	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/fota-callback-operator/fota-callback-operator/api/v1alpha1"
	"github.com/fota-callback-operator/fota-callback-operator/internal/rules"
)

// loginLedger counts, for each Secret, the logins without one that succeeded, starting from what earlier processes recorded in status: a crash
// loop must not add attempts until ThingSpace locks the user.
type loginLedger struct {
	cache client.Reader

	mu      sync.Mutex
	secrets map[string]*secretLogins
}

type secretLogins struct {
	// recorded is what earlier processes wrote, refused the contents whose refusal they saw.
	recorded int32
	refused  map[string]bool
	// tried is the count by now.
	tried int32
}

func newLoginLedger(cache client.Reader) *loginLedger {
	return &loginLedger{cache: cache, secrets: map[string]*secretLogins{}}
}

// earlier returns how many logins earlier processes recorded for the Secret, and whether they saw this content of it refused.
func (l *loginLedger) earlier(ctx context.Context, secret rules.SecretIdentity) (logins int, refused bool, err error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	known, err := l.load(ctx, secret.UID)
	if err != nil {
		return 0, false, err
	}
	return int(known.recorded), known.refused[secret.ResourceVersion], nil
}

// next counts a login that is about to be made, and returns the record to write before it.
func (l *loginLedger) next(ctx context.Context, secret rules.SecretIdentity) (*v1alpha1.RejectedCredentials, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	known, err := l.load(ctx, secret.UID)
	if err != nil {
		return nil, err
	}
	known.tried++
	return &v1alpha1.RejectedCredentials{SecretUID: secret.UID, SecretResourceVersion: secret.ResourceVersion, Logins: known.tried}, nil
}

// succeeded ends the run of failures.
func (l *loginLedger) succeeded(secret rules.SecretIdentity) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if known, ok := l.secrets[secret.UID]; ok {
		known.tried = 0
	}
}

func (l *loginLedger) load(ctx context.Context, secretUID string) (*secretLogins, error) {
	if known, ok := l.secrets[secretUID]; ok {
		return known, nil
	}
	var list v1alpha1.FotaCallbackList
	if err := l.cache.List(ctx, &list, client.MatchingFields{rejectedSecretIndex: secretUID}, client.UnsafeDisableDeepCopy); err != nil {
		return nil, &rules.KubernetesError{Attempted: "look up earlier logins", Err: err}
	}
	known := &secretLogins{refused: map[string]bool{}}
	for i := range list.Items {
		record := list.Items[i].Status.RejectedCredentials
		known.recorded = max(known.recorded, record.Logins)
		// Three or more may stand for logins without an answer as well: these a person can have tried once more.
		if rules.ReadyReason(&list.Items[i]) == v1alpha1.ReasonCredentialsRejected && record.Logins < 3 {
			known.refused[record.SecretResourceVersion] = true
		}
	}
	known.tried = known.recorded
	l.secrets[secretUID] = known
	return known, nil
}
