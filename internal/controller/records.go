package controller

import (
	"context"
	"errors"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/apimachinery/pkg/types"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/log"

	"github.com/fota-callback-operator/fota-callback-operator/api/v1alpha1"
	"github.com/fota-callback-operator/fota-callback-operator/internal/rules"
	"github.com/fota-callback-operator/fota-callback-operator/internal/thingspace"
)

// recordsAtOnce is how many objects are read with one request.
const recordsAtOnce = 500

// records returns the objects that have logins on record. They are read past the cache: one that lags at the start would not show the last logins before it.
func (l *loginLedger) records(ctx context.Context) ([]*v1alpha1.FotaCallback, error) {
	var found []*v1alpha1.FotaCallback
	for _, namespace := range orAll(l.namespaces) {
		for next := ""; ; {
			var page v1alpha1.FotaCallbackList
			if err := l.live.List(ctx, &page, client.InNamespace(namespace), client.Limit(recordsAtOnce), client.Continue(next)); err != nil {
				return nil, err
			}
			for i := range page.Items {
				if page.Items[i].Status.RejectedCredentials != nil {
					found = append(found, page.Items[i].DeepCopy()) // which lets the page go
				}
			}
			if next = page.Continue; next == "" {
				break
			}
		}
	}
	return found, nil
}

// load adds the records up for each user: those of one Secret have one count, which the highest of them shows.
func (l *loginLedger) load(ctx context.Context) error {
	records, err := l.records(ctx)
	if err != nil {
		return &rules.KubernetesError{Attempted: "look up earlier logins", Err: err}
	}
	found := &othersLogins{version: 1, users: map[thingspace.Sensitive]thingspace.EarlierLogins{}, refused: map[rules.SecretIdentity]bool{}}
	highest, holders := map[secretUser]int32{}, map[types.NamespacedName]holder{}
	for _, o := range records {
		record := o.Status.RejectedCredentials
		if record.Refused {
			found.refused[identityIn(record)] = true
		}
		if record.Logins == 0 {
			continue
		}
		key := secretUser{record.SecretUID, anybody}
		if _, unread := highest[key]; !unread {
			if key.username, err = l.userOf(ctx, o); err != nil {
				return err
			}
		}
		user := found.users[key.username]
		user.Failed += int(max(0, record.Logins-highest[key]))
		user.Requests = append(user.Requests, o.Status.LastHandledReconcileAt)
		found.users[key.username] = user
		highest[key] = max(highest[key], record.Logins)
		l.onRecord[record.SecretUID] = max(l.onRecord[record.SecretUID], record.Logins)
		holders[nameOf(o)] = holder{key, o.UID, o.ResourceVersion}
	}
	l.others, l.tried, l.holders = found, highest, holders
	return nil
}

// userOf says whose the logins on an object's record are: the user's whom the Secret names now, whatever else has happened to that.
func (l *loginLedger) userOf(ctx context.Context, o *v1alpha1.FotaCallback) (thingspace.Sensitive, error) {
	secret := types.NamespacedName{Namespace: o.Namespace, Name: o.Spec.SecretName()}
	found, err := l.credentials.get(ctx, secret, secretServes)
	if found != nil && found.Username != "" {
		return found.Username, nil
	}
	user := somebodyIn(o.Namespace)
	var unusable *rules.CredentialsError
	switch {
	case errors.As(err, &unusable):
	case apierrors.IsInternalError(err), apierrors.IsStoreReadError(err):
		// It may stay so, for example where it can't be decrypted any more: nobody else waits for that.
		user = anybody
	default:
		return "", err
	}
	log.FromContext(ctx).Info("Failed logins are on record with a Secret that does not tell the user name: they count for every user of its namespace, or of all where it can't be read.",
		"namespace", o.Namespace, "secret", secret.Name, "cause", err.Error())
	return user, nil
}

// identityIn is the content of the Secret that a record is about.
func identityIn(record *v1alpha1.RejectedCredentials) rules.SecretIdentity {
	return rules.SecretIdentity{UID: record.SecretUID, ResourceVersion: record.SecretResourceVersion}
}
