package thingspace

import (
	"crypto/sha256"
	"maps"
	"sync"
	"time"

	"k8s.io/utils/clock"
)

const (
	// ThingSpace locks a user after five failed logins in a row; two are left to people.
	mostFailedLogins = 3
	loginEvery       = time.Minute
	provenRetry      = 10 * time.Minute
	// What nobody has asked about for so long (twice the longest interval) is forgotten: credentials come and go.
	loginsServe = 48 * time.Hour
)

// logins decides whether a login may be made, so that no user is ever locked out (rule 5). A user is whoever bears a user name, in
// whatever Secret.
type logins struct {
	clock clock.PassiveClock

	mu       sync.Mutex
	users    map[Sensitive]*userLogins
	contents map[Digest]*contentLogins
	swept    time.Time
}

type userLogins struct {
	// failed is how many in a row this process has made, after those of earlier ones.
	failed, earlier int
	// unrecorded of them were made with credentials that had worked before, and nobody has put them on record.
	unrecorded int
	// version is that of what is known of the latter.
	version int
	last    time.Time
	asked   time.Time
	// underWay says that a login has left, or is about to, and nothing has come of it yet.
	underWay bool
	// granted are the requests that have allowed a login, by digest, and grantedAt is when the last of them did.
	granted   map[[sha256.Size]byte]bool
	grantedAt time.Time
}

// contentLogins is what is known of the four values together.
type contentLogins struct {
	proven    bool
	refused   *CredentialsRejectedError
	refusedAt time.Time
	asked     time.Time
}

func newLogins(clk clock.PassiveClock) *logins {
	return &logins{clock: clk, users: map[Sensitive]*userLogins{}, contents: map[Digest]*contentLogins{}}
}

// loginAttempt is a login that may be made. Exactly one of its methods is called, and ended after it.
type loginAttempt struct {
	logins   *logins
	user     *userLogins
	content  *contentLogins
	proven   bool
	lastMade time.Time
	// request is the one that allowed it, where it took one.
	request string
}

// begin takes the user's minute for a login, or says why there is none.
func (l *logins) begin(caller Caller, digest Digest) (*loginAttempt, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	now := l.clock.Now()
	l.sweep(now)
	user, content := l.userOf(caller), l.contentOf(caller, digest)
	user.asked, content.asked = now, now
	if user.underWay { // how it ends decides whether there may be another
		return nil, &RateLimitedError{RetryAfter: loginEvery, LoginMinute: true}
	}
	attempt := &loginAttempt{logins: l, user: user, content: content, proven: content.proven, lastMade: user.last}
	since := now.Sub(user.last)
	if user.failed+user.earlier >= mostFailedLogins {
		switch {
		case content.proven && since < provenRetry:
			return nil, &LoginWithheldError{Proven: true, RetryAfter: provenRetry - since}
		case !content.proven && !user.mayGrant(caller.LoginRequest, now):
			return nil, &LoginWithheldError{}
		case !content.proven:
			attempt.request = caller.LoginRequest
			user.granted[digestOf(attempt.request)], user.grantedAt = true, now
		}
	}
	if since < loginEvery && attempt.request == "" {
		return nil, &RateLimitedError{RetryAfter: max(loginEvery-since, retryAfterLeast), LoginMinute: true}
	}
	user.last, user.underWay = now, true
	return attempt, nil
}

// refusal is what ThingSpace has said of a login with these credentials, where it has refused one and their content has not changed since; nil otherwise.
func (l *logins) refusal(caller Caller, digest Digest) error {
	l.mu.Lock()
	defer l.mu.Unlock()
	content := l.contentOf(caller, digest)
	if content.refused != nil && content.refusedAt.Before(caller.OtherSince) {
		content.refused = nil
	}
	if content.refused == nil {
		return nil
	}
	content.asked = l.clock.Now()
	return content.refused
}

// mayGrant says whether a request allows one login more. Each does so once, although everybody who shares the user may bring the same one, and requests
// that come together count as one.
func (u *userLogins) mayGrant(request string, now time.Time) bool {
	return request != "" && !u.granted[digestOf(request)] && now.Sub(u.grantedAt) >= loginEvery
}

// digestOf keeps what people write short.
func digestOf(request string) [sha256.Size]byte { return sha256.Sum256([]byte(request)) }

func (l *logins) userOf(caller Caller) *userLogins {
	user := l.users[caller.Credentials.Username]
	if user == nil {
		user = &userLogins{granted: map[[sha256.Size]byte]bool{}}
		l.users[caller.Credentials.Username] = user
	}
	if caller.Earlier.Version < user.version {
		return user
	}
	for _, request := range caller.Earlier.Requests {
		user.granted[digestOf(request)] = true
	}
	user.earlier, user.version = caller.Earlier.Failed, caller.Earlier.Version
	return user
}

func (l *logins) contentOf(caller Caller, digest Digest) *contentLogins {
	content := l.contents[digest]
	if content == nil {
		content = &contentLogins{}
		l.contents[digest] = content
	}
	if caller.Earlier.Refused && content.refused == nil && !content.proven { // another process may still have been at it when this one began
		content.refused, content.refusedAt = &CredentialsRejectedError{Login: true}, l.clock.Now()
	}
	return content
}

// stillAsked says that somebody goes on calling with these credentials, though it may take no login for days: a session that is used does not end, and
// where there is no token nobody gets as far.
func (l *logins) stillAsked(caller Caller, digest Digest) {
	l.mu.Lock()
	defer l.mu.Unlock()
	now := l.clock.Now()
	if user := l.users[caller.Credentials.Username]; user != nil {
		user.asked = now
	}
	if content := l.contents[digest]; content != nil {
		content.asked = now
	}
}

// sweep forgets what has not been asked about for long, but no failures: whoever has some must not start anew by waiting.
func (l *logins) sweep(now time.Time) {
	if now.Sub(l.swept) < time.Hour {
		return
	}
	l.swept = now
	maps.DeleteFunc(l.users, func(_ Sensitive, u *userLogins) bool {
		return u.failed+u.earlier == 0 && now.Sub(u.asked) > loginsServe
	})
	maps.DeleteFunc(l.contents, func(_ Digest, c *contentLogins) bool { return now.Sub(c.asked) > loginsServe })
}

// ended lets the user's next login come, once it is known what has come of this one.
func (a *loginAttempt) ended() {
	a.logins.mu.Lock()
	defer a.logins.mu.Unlock()
	a.user.underWay = false
}

// succeeded ends the user's run of failures.
func (a *loginAttempt) succeeded() {
	a.logins.mu.Lock()
	defer a.logins.mu.Unlock()
	a.user.failed, a.user.earlier, a.user.unrecorded = 0, 0, 0
	a.content.proven = true
}

func (a *loginAttempt) fail() {
	a.user.failed++
	if a.proven {
		a.user.unrecorded++
	}
}

// refused is final for these credentials.
func (a *loginAttempt) refused(code string) *CredentialsRejectedError {
	a.logins.mu.Lock()
	defer a.logins.mu.Unlock()
	a.fail()
	a.content.refused, a.content.refusedAt = &CredentialsRejectedError{Login: true, Code: code}, a.logins.clock.Now()
	return a.content.refused
}

// unrecorded is how many logins with credentials that have worked have not succeeded, those aside that it has told before.
func (a *loginAttempt) unrecorded() int {
	a.logins.mu.Lock()
	defer a.logins.mu.Unlock()
	told := a.user.unrecorded
	a.user.unrecorded = 0
	return told
}

// unanswered counts a login that was sent and got no verdict: ThingSpace may have counted it too.
func (a *loginAttempt) unanswered() {
	a.logins.mu.Lock()
	defer a.logins.mu.Unlock()
	a.fail()
}

// notMade gives back the minute, and the request that allowed it: nothing was sent.
func (a *loginAttempt) notMade() {
	a.logins.mu.Lock()
	defer a.logins.mu.Unlock()
	a.user.last = a.lastMade
	if a.request != "" {
		delete(a.user.granted, digestOf(a.request))
		a.user.grantedAt = time.Time{}
	}
}
