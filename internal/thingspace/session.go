package thingspace

import (
	"sync"
	"time"
)

const (
	// A token serves until shortly before its end; one that is near its end already serves a moment,
	// because asking again brings the same one.
	tokenMargin  = 30 * time.Second
	tokenLeast   = 5 * time.Second
	tokenUnsaid  = 10 * time.Minute // a token that does not say how long it lives; the real ones live for an hour
	sessionIdle  = 15 * time.Minute // ThingSpace ends a session after 20 idle minutes
	sessionYoung = time.Minute
	// Token and session are let go when nobody has used them for so long, and what is known of the
	// password after twice the longest interval.
	sessionKept, verdictKept = time.Hour, 48 * time.Hour
	sweepEvery               = 5 * time.Second
)

// issued is a token or a session. Two that were issued one after the other may have the same value.
type issued struct {
	value     Sensitive
	issue     int
	at, until time.Time
}

func (i issued) serves(now time.Time) bool { return i.value != "" && now.Before(i.until) }

// grant is what a call carries.
type grant struct{ token, session issued }

// sessionState is what is known of one set of credentials.
type sessionState struct {
	mu     sync.Mutex
	grant  grant
	issues int

	tokenRefused   *CredentialsRejectedError
	tokenRefusedAt time.Time
	loginRefused   *CredentialsRejectedError
	loginRefusedAt time.Time
	verified       bool

	signingIn *signIn
	// asked is when the state was last asked for; the Client's lock guards it.
	asked time.Time
}

// signIn is one sign-in under way; done is closed when it ends. Where err is not ThingSpace's, it
// concerns the caller alone, and another one may try.
type signIn struct {
	done chan struct{}
	err  error
}

// current returns what a call carries, and whether it serves.
func (s *sessionState) current(now time.Time) (grant, bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.grant, s.grant.token.serves(now) && s.grant.session.serves(now)
}

func (s *sessionState) setToken(value Sensitive, life time.Duration, now time.Time) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.issues++
	s.grant.token = issued{value, s.issues, now, now.Add(max(life-tokenMargin, min(life, tokenLeast)))}
	s.tokenRefused = nil
}

func (s *sessionState) setSession(value Sensitive, now time.Time) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.issues++
	s.grant.session = issued{value, s.issues, now, now.Add(sessionIdle)}
	s.verified, s.loginRefused = true, nil
}

// used extends the session that a call carried, if it is still the one.
func (s *sessionState) used(g grant, now time.Time) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if until := now.Add(sessionIdle); s.grant.session.issue == g.session.issue && until.After(s.grant.session.until) {
		s.grant.session.until = until
	}
}

// drop lets go of what a refused call carried. What was issued since stays, whatever its value.
func (s *sessionState) drop(g grant, refused part) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if refused&partToken != 0 && s.grant.token.issue == g.token.issue {
		s.grant.token = issued{}
	}
	if refused&partSession != 0 && s.grant.session.issue == g.session.issue {
		s.grant.session = issued{}
	}
}

// refused returns what ThingSpace said of these credentials, where it need not be asked again. A
// login counts as refused until the Secret has held others since.
func (s *sessionState) refused(askAgain, otherSince time.Time) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.loginRefused != nil && !s.loginRefusedAt.Before(otherSince) {
		return s.loginRefused
	}
	if s.tokenRefused != nil && !s.tokenRefusedAt.Before(askAgain) {
		return s.tokenRefused
	}
	return nil
}

func (s *sessionState) refuse(err *CredentialsRejectedError, now time.Time) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if err.Login {
		s.verified, s.loginRefused, s.loginRefusedAt = false, err, now
	} else {
		s.tokenRefused, s.tokenRefusedAt = err, now
	}
}

// forgettable reports whether nothing is known that would be missed.
func (s *sessionState) forgettable(now time.Time) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	kept := time.Duration(0)
	switch {
	case s.verified || s.loginRefused != nil:
		kept = verdictKept
	case s.grant != grant{}:
		kept = sessionKept
	case s.tokenRefused != nil:
		kept = credentialsServe
	}
	return s.signingIn == nil && now.Sub(s.asked) > kept
}
