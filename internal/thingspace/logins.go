package thingspace

import (
	"sync"
	"time"

	"k8s.io/utils/clock"
)

const (
	// ThingSpace locks a user after five failed logins in a row; two are left to people.
	mostFailedLogins = 3
	loginEvery       = time.Minute
	provenRetry      = 10 * time.Minute
)

// logins decides whether a login may be made, so that no user is ever locked out (rule 5). A user is whoever bears a user name, in
// whatever Secret.
type logins struct {
	clock clock.PassiveClock

	mu      sync.Mutex
	users   map[Sensitive]*userLogins
	proven  map[Digest]bool
	refused map[Digest]*CredentialsRejectedError
}

type userLogins struct {
	failed  int
	last    time.Time
	sources map[string]bool
}

func newLogins(clk clock.PassiveClock) *logins {
	return &logins{
		clock: clk, users: map[Sensitive]*userLogins{}, proven: map[Digest]bool{}, refused: map[Digest]*CredentialsRejectedError{},
	}
}

// loginAttempt is a login that may be made. Exactly one of its methods is called.
type loginAttempt struct {
	logins   *logins
	user     *userLogins
	digest   Digest
	proven   bool
	lastMade time.Time
}

// begin takes the user's minute for a login, or says why there is none.
func (l *logins) begin(caller Caller, digest Digest) (*loginAttempt, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	user := l.users[caller.Credentials.Username]
	if user == nil {
		user = &userLogins{sources: map[string]bool{}}
		l.users[caller.Credentials.Username] = user
	}
	if caller.Source != "" && !user.sources[caller.Source] {
		user.sources[caller.Source] = true
		user.failed += caller.PriorLogins
	}
	if caller.PriorRefusal && !l.proven[digest] && l.refused[digest] == nil {
		l.refused[digest] = &CredentialsRejectedError{Login: true}
	}
	if refused := l.refused[digest]; refused != nil {
		return nil, refused
	}

	now, proven := l.clock.Now(), l.proven[digest]
	since := now.Sub(user.last)
	asked := false
	if user.failed >= mostFailedLogins {
		switch {
		case !proven && !caller.AllowLogin:
			return nil, &LoginWithheldError{Failed: user.failed}
		case proven && since < provenRetry:
			return nil, &LoginWithheldError{Failed: user.failed, Proven: true, RetryAfter: provenRetry - since}
		}
		asked = !proven
	}
	if since < loginEvery && !asked {
		return nil, &RateLimitedError{RetryAfter: max(loginEvery-since, retryAfterLeast), LoginMinute: true}
	}
	attempt := &loginAttempt{logins: l, user: user, digest: digest, proven: proven, lastMade: user.last}
	user.last = now
	return attempt, nil
}

// succeeded ends the user's run of failures.
func (a *loginAttempt) succeeded() {
	a.logins.mu.Lock()
	defer a.logins.mu.Unlock()
	a.user.failed = 0
	a.logins.proven[a.digest] = true
}

// refused is final for these credentials.
func (a *loginAttempt) refused(code string) *CredentialsRejectedError {
	a.logins.mu.Lock()
	defer a.logins.mu.Unlock()
	a.user.failed++
	err := &CredentialsRejectedError{Login: true, Code: code}
	a.logins.refused[a.digest] = err
	return err
}

// unanswered counts a login that was sent and got no verdict: ThingSpace may have counted it too.
func (a *loginAttempt) unanswered() {
	a.logins.mu.Lock()
	defer a.logins.mu.Unlock()
	a.user.failed++
}

// notMade gives the minute back: nothing was sent.
func (a *loginAttempt) notMade() {
	a.logins.mu.Lock()
	defer a.logins.mu.Unlock()
	a.user.last = a.lastMade
}
