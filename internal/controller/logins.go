package controller

import (
	"context"
	"maps"
	"slices"
	"strings"
	"sync"

	"k8s.io/apimachinery/pkg/types"
	"sigs.k8s.io/controller-runtime/pkg/client"

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
	// others is what other processes have on record; nil until somebody is about to sign in for the first time.
	others *othersLogins
	// tried is the count by now, theirs included, for each Secret and each user that it has named.
	tried map[secretUser]int32
	// onRecord is the highest count that this process has seen or put on record, for each Secret by its UID.
	onRecord map[string]int32
	// owed are the counts that no record is known to show yet.
	owed map[secretUser]int32
	// holders are the objects that have a count on record.
	holders map[types.NamespacedName]holder
	// works are the users that have signed in: what others have recorded of them is over, however late it turns out to be theirs.
	works map[thingspace.Sensitive]bool
}

type secretUser struct {
	secretUID string
	username  thingspace.Sensitive
}

// holder is an object that has a count on record, and whose count it is. Version is the last of its resourceVersions that is known to have it; empty where it is not
// known whether the record was written.
type holder struct {
	secretUser
	uid     types.UID
	version string
}

// othersLogins is what other processes have on record.
type othersLogins struct {
	// version rises whenever more is known.
	version int
	users   map[thingspace.Sensitive]thingspace.EarlierLogins
	refused map[rules.SecretIdentity]bool
}

// anybody has the logins with Secrets that can't be read: whose they are will be known when they can. It is no user name: none is empty.
const anybody = thingspace.Sensitive("")

// somebodyIn has the logins with Secrets of a namespace that are gone or name no user: that may never be known, and is nothing to other namespaces. No user name
// has a line break in it.
func somebodyIn(namespace string) thingspace.Sensitive {
	return thingspace.Sensitive("\n" + namespace)
}

// Logins that may be anybody's count for so many with a user who has none on record. It leaves one, which is all that a right password needs.
const mostOfUnknown = 2

func newLoginLedger(live client.Reader, namespaces []string, credentials *credentialReader) *loginLedger {
	return &loginLedger{
		live: live, namespaces: namespaces, credentials: credentials,
		tried: map[secretUser]int32{}, onRecord: map[string]int32{}, owed: map[secretUser]int32{}, holders: map[types.NamespacedName]holder{},
		works: map[thingspace.Sensitive]bool{},
	}
}

// of returns what other processes have recorded of these credentials, which are for this object, and of their user.
func (l *loginLedger) of(ctx context.Context, used *usable, o *v1alpha1.FotaCallback) (thingspace.EarlierLogins, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.others == nil {
		if err := l.load(ctx); err != nil {
			return thingspace.EarlierLogins{}, err
		}
	}
	unknown := []thingspace.Sensitive{anybody, somebodyIn(o.Namespace)}
	l.recognise(used, used.identity.UID, unknown)
	if record := o.Status.RejectedCredentials; record != nil {
		l.recognise(used, record.SecretUID, unknown) // maybe one that is gone, whose place this Secret has taken
		l.learn(used, o, record)
	} else {
		l.learnSuccess(used, o)
	}
	found := l.others.users[used.Username]
	if !l.works[used.Username] {
		more := 0
		for _, name := range unknown {
			more += l.others.users[name].Failed
			found.Requests = slices.Concat(found.Requests, l.others.users[name].Requests)
		}
		if found.Failed == 0 {
			more = min(more, mostOfUnknown)
		}
		found.Failed += more
	}
	found.Version, found.Refused = l.others.version, l.others.refused[used.identity]
	return found, nil
}

// recognise makes the logins with a Secret its user's, once that is known.
func (l *loginLedger) recognise(used *usable, secretUID string, unknown []thingspace.Sensitive) {
	for _, name := range unknown {
		before, now := secretUser{secretUID, name}, secretUser{secretUID, used.Username}
		logins, ok := l.tried[before]
		if !ok {
			continue
		}
		delete(l.tried, before)
		user, others := l.others.users[used.Username], l.others.users[name]
		others.Failed -= int(logins)
		if !l.works[used.Username] {
			l.tried[now] = max(l.tried[now], logins)
			user.Failed += int(logins)
		}
		user.Requests = slices.Concat(user.Requests, others.Requests)
		for name, held := range l.holders {
			if held.secretUser == before {
				held.secretUser = now
				l.holders[name] = held
			}
		}
		l.others.users[used.Username], l.others.users[name] = user, others
		l.others.version++
	}
}

// learn counts what another process, an old leader say, has put on record with an object since this one looked.
func (l *loginLedger) learn(used *usable, o *v1alpha1.FotaCallback, record *v1alpha1.RejectedCredentials) {
	if record.Refused {
		l.others.refused[identityIn(record)] = true
	}
	more := record.Logins - l.onRecord[record.SecretUID]
	if more <= 0 {
		return
	}
	l.onRecord[record.SecretUID] = record.Logins
	key := secretUser{record.SecretUID, used.Username}
	l.tried[key] += more
	l.holders[nameOf(o)] = holder{key, o.UID, o.ResourceVersion}
	user := l.others.users[used.Username]
	user.Failed += int(more)
	user.Requests = append(user.Requests, o.Status.LastHandledReconcileAt)
	l.others.users[used.Username] = user
	l.others.version++
}

// learnSuccess notices that an object has no record any more which this process has not cleared: the user has signed in with another, and what others have
// recorded is over. What this process has counted itself stays.
func (l *loginLedger) learnSuccess(used *usable, o *v1alpha1.FotaCallback) {
	held := l.holders[nameOf(o)]
	if held.uid != o.UID || held.version == "" || !before(held.version, o.ResourceVersion) {
		return
	}
	delete(l.holders, nameOf(o))
	if held.username == used.Username { // otherwise it is another user who has signed in
		l.endOthers(used.Username)
	}
}

func (l *loginLedger) endOthers(username thingspace.Sensitive) {
	user := l.others.users[username]
	user.Failed = 0
	l.others.users[username] = user
	l.others.version++
}

// next counts a login that is about to be made, and returns the record that an object is to hold before it is.
func (l *loginLedger) next(used *usable, o *v1alpha1.FotaCallback) v1alpha1.RejectedCredentials {
	l.mu.Lock()
	defer l.mu.Unlock()
	return v1alpha1.RejectedCredentials{
		SecretUID: used.identity.UID, SecretResourceVersion: used.identity.ResourceVersion, Logins: l.add(used, o, 1),
	}
}

// refused counts logins that were not on record before they were made, and returns the count that is to be.
func (l *loginLedger) refused(used *usable, o *v1alpha1.FotaCallback, logins int) int32 {
	l.mu.Lock()
	defer l.mu.Unlock()
	count := l.add(used, o, int32(logins)) //nolint:gosec // one or a few
	l.owed[secretUser{used.identity.UID, used.Username}] = count
	return count
}

func (l *loginLedger) add(used *usable, o *v1alpha1.FotaCallback, logins int32) int32 {
	key := secretUser{used.identity.UID, used.Username}
	l.tried[key] = l.total(key, o.Status.RejectedCredentials) + logins
	return l.tried[key]
}

// total is the count with a Secret, and with the one besides whose place it takes on an object's record, where that is of the same user.
func (l *loginLedger) total(key secretUser, record *v1alpha1.RejectedCredentials) int32 {
	if record != nil && record.SecretUID != key.secretUID {
		if _, same := l.tried[secretUser{record.SecretUID, key.username}]; same {
			return l.tried[key] + record.Logins
		}
	}
	return l.tried[key]
}

// unrecorded is the count that an object's record has to show although no login is made for it: because of what the record says of another Secret, or because
// no record shows as much yet; 0 otherwise.
func (l *loginLedger) unrecorded(used *usable, o *v1alpha1.FotaCallback) int32 {
	l.mu.Lock()
	defer l.mu.Unlock()
	key := secretUser{used.identity.UID, used.Username}
	if total := l.total(key, o.Status.RejectedCredentials); total > l.tried[key] || l.owed[key] > 0 {
		return total
	}
	return 0
}

// stillCount says whether the logins on an object's record count: none of the user has succeeded since.
func (l *loginLedger) stillCount(used *usable, record *v1alpha1.RejectedCredentials) bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	return used != nil && record != nil && record.Logins > 0 && l.tried[secretUser{record.SecretUID, used.Username}] > 0
}

// wrote says that this process has given an object a record, or taken it off, or may have: where it is not certain, the answer was lost. The object is as it was
// seen last.
func (l *loginLedger) wrote(o *v1alpha1.FotaCallback, before, record *v1alpha1.RejectedCredentials, used *usable, certain bool) {
	l.mu.Lock()
	defer l.mu.Unlock()
	switch {
	case record == nil:
		delete(l.holders, nameOf(o))
	case used != nil && record.SecretUID == used.identity.UID:
		key := secretUser{record.SecretUID, used.Username}
		if before != nil && before.SecretUID != record.SecretUID {
			l.tried[key] = max(l.tried[key], record.Logins)
		}
		l.onRecord[record.SecretUID] = max(l.onRecord[record.SecretUID], record.Logins)
		if certain && record.Logins >= l.owed[key] {
			delete(l.owed, key)
		}
		if record.Logins == 0 { // nothing to clear: that may be so for a whole fleet
			return
		}
		held := holder{key, o.UID, ""}
		if o.Status.RejectedCredentials != nil {
			held.version = o.ResourceVersion
		}
		l.holders[nameOf(o)] = held
	}
}

// unsent takes a login back that was not made after all, unless a success has ended the run that it was counted in.
func (l *loginLedger) unsent(used *usable) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if key := (secretUser{used.identity.UID, used.Username}); l.tried[key] > 0 {
		l.tried[key]--
	}
}

// succeeded ends the user's run of failures, with whatever Secret they were made, and returns the objects that have them on record until they are cleared.
func (l *loginLedger) succeeded(used *usable) []types.NamespacedName {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.works[used.Username] = true
	for _, counts := range []map[secretUser]int32{l.tried, l.owed} {
		maps.DeleteFunc(counts, func(of secretUser, _ int32) bool { return of.username == used.Username })
	}
	l.endOthers(used.Username)
	var void []types.NamespacedName
	for name, held := range l.holders {
		if held.username == used.Username {
			void = append(void, name)
		}
	}
	slices.SortFunc(void, func(a, b types.NamespacedName) int { return strings.Compare(a.String(), b.String()) })
	return void
}

// cleared says that an object has nothing on record any more.
func (l *loginLedger) cleared(name types.NamespacedName) {
	l.mu.Lock()
	defer l.mu.Unlock()
	delete(l.holders, name)
}
