package controller

import (
	"context"
	"errors"
	"maps"
	"slices"
	"sync"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/apimachinery/pkg/types"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/log"

	"github.com/fota-callback-operator/fota-callback-operator/api/v1alpha1"
	"github.com/fota-callback-operator/fota-callback-operator/internal/rules"
	"github.com/fota-callback-operator/fota-callback-operator/internal/thingspace"
)

// loginLedger counts the logins without one that succeeded, starting from what earlier processes recorded in status: a crash
// loop must not add attempts until ThingSpace locks the user.
type loginLedger struct {
	live        client.Reader
	namespaces  []string
	credentials *credentialReader

	mu sync.Mutex
	// earlier is nil until somebody is about to sign in for the first time.
	earlier *earlierLogins
	// tried is the count by now, for each Secret and each user that it has named.
	tried map[secretUser]int32
	// holders are the objects that have a count on record, and whose count it is.
	holders map[types.NamespacedName]secretUser
	// works are the users that have signed in: what earlier processes recorded of them is over, however late it turns out to be theirs.
	works map[thingspace.Sensitive]bool
}

// These are no user names: none is empty or has a line break in it.
const (
	// nobody has the logins with Secrets that can't be read: they may be anybody's.
	nobody = thingspace.Sensitive("")
	// unnamed has those with Secrets that are not usable as they are: nobody can sign in with them before they are.
	unnamed = thingspace.Sensitive("\n")
)

// Logins that may be anybody's count for so many with a user who has none on record. It leaves one, which is all that a right password needs.
const mostOfNobodys = 2

type secretUser struct {
	secretUID string
	username  thingspace.Sensitive
}

// earlierLogins is what earlier processes recorded.
type earlierLogins struct {
	users   map[thingspace.Sensitive]thingspace.EarlierLogins
	refused map[rules.SecretIdentity]bool
}

func newLoginLedger(live client.Reader, namespaces []string, credentials *credentialReader) *loginLedger {
	return &loginLedger{
		live: live, namespaces: namespaces, credentials: credentials,
		tried: map[secretUser]int32{}, holders: map[types.NamespacedName]secretUser{}, works: map[thingspace.Sensitive]bool{},
	}
}

func keyOf(used *usable) secretUser {
	return secretUser{secretUID: used.identity.UID, username: used.Username}
}

// of returns what earlier processes recorded of these credentials and of their user.
func (l *loginLedger) of(ctx context.Context, used *usable) (thingspace.EarlierLogins, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.earlier == nil {
		if err := l.load(ctx); err != nil {
			return thingspace.EarlierLogins{}, err
		}
	}
	l.recognise(used)
	earlier, unknown := l.earlier.users[used.Username], l.earlier.users[nobody]
	if earlier.Failed == 0 {
		unknown.Failed = min(unknown.Failed, mostOfNobodys)
	}
	earlier.Failed += unknown.Failed
	earlier.Requests = slices.Concat(earlier.Requests, unknown.Requests)
	earlier.Refused = l.earlier.refused[used.identity]
	return earlier, nil
}

// recognise makes the logins with a Secret that is readable and usable at last its user's.
func (l *loginLedger) recognise(used *usable) {
	for _, name := range []thingspace.Sensitive{nobody, unnamed} {
		before := secretUser{secretUID: used.identity.UID, username: name}
		logins, ok := l.tried[before]
		if !ok {
			continue
		}
		delete(l.tried, before)
		user, unknown := l.earlier.users[used.Username], l.earlier.users[name]
		unknown.Failed -= int(logins)
		if !l.works[used.Username] {
			l.tried[keyOf(used)] = logins
			user.Failed += int(logins)
		}
		user.Requests = slices.Concat(user.Requests, unknown.Requests)
		for holder, of := range l.holders {
			if of == before {
				l.holders[holder] = keyOf(used)
			}
		}
		l.earlier.users[used.Username], l.earlier.users[name] = user, unknown
	}
}

// next counts a login that is about to be made, and returns the record that an object is to hold before it is.
func (l *loginLedger) next(used *usable, holder types.NamespacedName) *v1alpha1.RejectedCredentials {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.tried[keyOf(used)]++
	l.holders[holder] = keyOf(used)
	return &v1alpha1.RejectedCredentials{
		SecretUID: used.identity.UID, SecretResourceVersion: used.identity.ResourceVersion, Logins: l.tried[keyOf(used)],
	}
}

// unsent takes a login back that was not made after all, unless a success has ended the run that it was counted in.
func (l *loginLedger) unsent(used *usable) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if key := keyOf(used); l.tried[key] > 0 {
		l.tried[key]--
	}
}

// succeeded ends the user's run of failures, with whatever Secret they were made, and returns the objects that have them on record until they are cleared.
func (l *loginLedger) succeeded(used *usable) []types.NamespacedName {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.works[used.Username] = true
	maps.DeleteFunc(l.tried, func(of secretUser, _ int32) bool { return of.username == used.Username })
	if user, ok := l.earlier.users[used.Username]; ok {
		user.Failed = 0
		l.earlier.users[used.Username] = user
	}
	var void []types.NamespacedName
	for holder, of := range l.holders {
		if of.username == used.Username {
			void = append(void, holder)
		}
	}
	return void
}

// cleared says that an object has nothing on record any more.
func (l *loginLedger) cleared(holder types.NamespacedName) {
	l.mu.Lock()
	defer l.mu.Unlock()
	delete(l.holders, holder)
}

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

// load adds the records up for each user. A record names a Secret, and only the Secret can tell whose it is.
func (l *loginLedger) load(ctx context.Context) error {
	records, err := l.records(ctx)
	if err != nil {
		return &rules.KubernetesError{Attempted: "look up earlier logins", Err: err}
	}
	found := &earlierLogins{users: map[thingspace.Sensitive]thingspace.EarlierLogins{}, refused: map[rules.SecretIdentity]bool{}}
	highest, holders := map[secretUser]int32{}, map[types.NamespacedName]secretUser{}
	for _, o := range records {
		record := o.Status.RejectedCredentials
		refused := rules.SaysLoginRefused(o)
		if refused {
			found.refused[rules.SecretIdentity{UID: record.SecretUID, ResourceVersion: record.SecretResourceVersion}] = true
		}
		key := secretUser{secretUID: record.SecretUID, username: nobody}
		if _, unread := highest[key]; !unread {
			used, err := l.credentials.get(ctx, types.NamespacedName{Namespace: o.Namespace, Name: o.Spec.SecretName()}, secretServes)
			var unusable *rules.CredentialsError
			switch {
			case errors.As(err, &unusable):
				key.username = unnamed
			case apierrors.IsInternalError(err), apierrors.IsStoreReadError(err):
				// It may stay so, for example where it can't be decrypted any more: nobody else waits for that.
				log.FromContext(ctx).Info("Logins are on record with a Secret that can't be read: until it can, they count for every user.",
					"namespace", o.Namespace, "secret", o.Spec.SecretName(), "cause", err.Error())
			case err != nil:
				return err
			case used.identity.UID != record.SecretUID:
				continue // it is another Secret by now
			default:
				key.username = used.Username
			}
		}
		user := found.users[key.username]
		user.Failed += int(max(0, record.Logins-highest[key]))
		user.Requests = append(user.Requests, o.Status.LastHandledReconcileAt)
		found.users[key.username] = user
		highest[key] = max(highest[key], record.Logins)
		if !refused { // which is to stay on record
			holders[nameOf(o)] = key
		}
	}
	l.earlier, l.tried, l.holders = found, highest, holders
	return nil
}
