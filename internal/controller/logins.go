package controller

import (
	"context"
	"maps"
	"slices"
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
	// earlier is nil until somebody is about to sign in for the first time.
	earlier *earlierLogins
	// tried is the count by now, for each Secret and each user that it has named.
	tried map[secretUser]int32
	// onRecord is the highest count that this process has seen or put on record, for each Secret by its UID.
	onRecord map[string]int32
	// holders are the objects that have a count on record.
	holders map[types.NamespacedName]holder
	// works are the users that have signed in: what earlier processes recorded of them is over, however late it turns out to be theirs.
	works map[thingspace.Sensitive]bool
}

// nobody has the logins with a Secret that does not tell whose it is: they may be anybody's. It is no user name: none is empty.
const nobody = thingspace.Sensitive("")

// Logins that may be anybody's count for so many with a user who has none on record. It leaves one, which is all that a right password needs.
const mostOfNobodys = 2

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

// earlierLogins is what earlier processes recorded.
type earlierLogins struct {
	users   map[thingspace.Sensitive]thingspace.EarlierLogins
	refused map[rules.SecretIdentity]bool
}

func newLoginLedger(live client.Reader, namespaces []string, credentials *credentialReader) *loginLedger {
	return &loginLedger{
		live: live, namespaces: namespaces, credentials: credentials,
		tried: map[secretUser]int32{}, onRecord: map[string]int32{}, holders: map[types.NamespacedName]holder{}, works: map[thingspace.Sensitive]bool{},
	}
}

// of returns what other processes have recorded of these credentials, which are for this object, and of their user.
func (l *loginLedger) of(ctx context.Context, used *usable, o *v1alpha1.FotaCallback) (thingspace.EarlierLogins, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.earlier == nil {
		if err := l.load(ctx); err != nil {
			return thingspace.EarlierLogins{}, err
		}
	}
	l.recognise(used, used.identity.UID)
	if record := o.Status.RejectedCredentials; record != nil {
		l.recognise(used, record.SecretUID) // maybe one that is gone, whose place this Secret has taken
		l.learn(used, o, record)
	} else {
		l.learnSuccess(used, o)
	}
	earlier := l.earlier.users[used.Username]
	if unknown := l.earlier.users[nobody]; !l.works[used.Username] {
		if earlier.Failed == 0 {
			unknown.Failed = min(unknown.Failed, mostOfNobodys)
		}
		earlier.Failed += unknown.Failed
		earlier.Requests = slices.Concat(earlier.Requests, unknown.Requests)
	}
	earlier.Refused = l.earlier.refused[used.identity]
	return earlier, nil
}

// recognise makes the logins with a Secret its user's, once that is known.
func (l *loginLedger) recognise(used *usable, secretUID string) {
	before, now := secretUser{secretUID, nobody}, secretUser{secretUID, used.Username}
	logins, ok := l.tried[before]
	if !ok {
		return
	}
	delete(l.tried, before)
	user, unknown := l.earlier.users[used.Username], l.earlier.users[nobody]
	unknown.Failed -= int(logins)
	if !l.works[used.Username] {
		l.tried[now] = max(l.tried[now], logins)
		user.Failed += int(logins)
	}
	user.Requests = slices.Concat(user.Requests, unknown.Requests)
	for name, held := range l.holders {
		if held.secretUser == before {
			held.secretUser = now
			l.holders[name] = held
		}
	}
	l.earlier.users[used.Username], l.earlier.users[nobody] = user, unknown
}

// learn counts what another process, an old leader say, has put on record with an object since this one looked.
func (l *loginLedger) learn(used *usable, o *v1alpha1.FotaCallback, record *v1alpha1.RejectedCredentials) {
	if rules.SaysLoginRefused(o) {
		l.earlier.refused[identityIn(record)] = true
	}
	more := record.Logins - l.onRecord[record.SecretUID]
	if more <= 0 {
		return
	}
	l.onRecord[record.SecretUID] = record.Logins
	key := secretUser{record.SecretUID, used.Username}
	l.tried[key] += more
	l.holders[nameOf(o)] = holder{key, o.UID, o.ResourceVersion}
	user := l.earlier.users[used.Username]
	user.Failed += int(more)
	user.Requests = append(user.Requests, o.Status.LastHandledReconcileAt)
	l.earlier.users[used.Username] = user
}

// learnSuccess notices that an object has no record any more which this process has not cleared: the user has signed in with another, and what that or an earlier
// one has recorded is over. What this process has counted itself stays.
func (l *loginLedger) learnSuccess(used *usable, o *v1alpha1.FotaCallback) {
	held := l.holders[nameOf(o)]
	if held.uid != o.UID || held.version == "" || !before(held.version, o.ResourceVersion) {
		return
	}
	delete(l.holders, nameOf(o))
	if held.username == used.Username { // otherwise it is another user who has signed in
		l.endEarlier(used.Username)
	}
}

func (l *loginLedger) endEarlier(username thingspace.Sensitive) {
	if user, ok := l.earlier.users[username]; ok {
		user.Failed = 0
		l.earlier.users[username] = user
	}
}

// next counts a login that is about to be made, and returns the record that an object is to hold before it is. Where that takes the place of one about another
// Secret, what is in that stays counted.
func (l *loginLedger) next(used *usable, o *v1alpha1.FotaCallback) *v1alpha1.RejectedCredentials {
	l.mu.Lock()
	defer l.mu.Unlock()
	key := secretUser{used.identity.UID, used.Username}
	if before := o.Status.RejectedCredentials; before != nil && before.SecretUID != key.secretUID {
		replaced := secretUser{before.SecretUID, used.Username}
		l.tried[key] += l.tried[replaced]
		delete(l.tried, replaced)
	}
	l.tried[key]++
	l.holders[nameOf(o)] = holder{key, o.UID, ""}
	return &v1alpha1.RejectedCredentials{SecretUID: key.secretUID, SecretResourceVersion: used.identity.ResourceVersion, Logins: l.tried[key]}
}

// recorded says that an object has the record, or may have it, which is when the answer to the write is lost: then its version is the one before.
func (l *loginLedger) recorded(o *v1alpha1.FotaCallback, record *v1alpha1.RejectedCredentials) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.onRecord[record.SecretUID] = max(l.onRecord[record.SecretUID], record.Logins)
	if held, ok := l.holders[nameOf(o)]; ok && o.Status.RejectedCredentials != nil {
		held.version = o.ResourceVersion
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
	maps.DeleteFunc(l.tried, func(of secretUser, _ int32) bool { return of.username == used.Username })
	l.endEarlier(used.Username)
	var void []types.NamespacedName
	for name, held := range l.holders {
		if held.username == used.Username {
			void = append(void, name)
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
