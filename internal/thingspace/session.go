package thingspace

import (
	"crypto/sha256"
	"sync"
	"time"
)

const (
	// A token serves until shortly before its end; one that is near its end already serves a moment, because asking again brings the same.
	tokenMargin = 30 * time.Second
	tokenLeast  = 5 * time.Second
	// A token that does not say how long it lives is asked for again after this; ThingSpace's live for an hour from first issue.
	tokenUnsaid = 10 * time.Minute
	// ThingSpace ends a session after 20 idle minutes.
	sessionIdle = 15 * time.Minute
	// Token and session of credentials that nobody has used for so long are let go: they have ended, and credentials come and go.
	sessionKept = time.Hour
	// A refused token is not asked for again by everybody who waits for it.
	tokenRefusalServes = time.Minute
)

// grant is what a call carries.
type grant struct {
	token, session Sensitive
	sessionBegan   time.Time
}

// sessionState is the token and session of one set of credentials.
type sessionState struct {
	mu           sync.Mutex
	token        Sensitive
	tokenServes  time.Time
	session      Sensitive
	sessionBegan time.Time
	sessionUsed  time.Time

	tokenRefused *CredentialsRejectedError
	refusedUntil time.Time
	// refusedTo are the requests for a check that have got this refusal, or one that it follows within its time, by digest.
	refusedTo map[[sha256.Size]byte]bool

	signingIn *signIn

	// asked is when it was last asked for; the Client's lock guards it.
	asked time.Time
}

// signIn is one sign-in under way; done is closed when it ends, with err or without.
type signIn struct {
	done chan struct{}
	// err is what ThingSpace said, for everybody who waits; abandoned means that it ended for reasons of the caller who made it, and
	// that somebody else may try.
	err       error
	abandoned bool
}

// servesFor says whether what came of it is what another caller would get. Where a login was withheld it is not for a caller who brings a request for one.
func (s *signIn) servesFor(caller Caller) bool {
	if withheld, ok := s.err.(*LoginWithheldError); ok && !withheld.Proven && caller.LoginRequest != "" { //nolint:errorlint // this package returns its errors as they are
		return false
	}
	return !s.abandoned
}

// current returns token and session where both serve.
func (s *sessionState) current(now time.Time) (grant, bool) {
	if s.token == "" || !now.Before(s.tokenServes) || s.session == "" || now.Sub(s.sessionUsed) >= sessionIdle {
		return grant{}, false
	}
	return grant{token: s.token, session: s.session, sessionBegan: s.sessionBegan}, true
}

func (s *sessionState) currentToken(now time.Time) (Sensitive, bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.token, s.token != "" && now.Before(s.tokenServes)
}

func (s *sessionState) currentSession(now time.Time) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.session != "" && now.Sub(s.sessionUsed) < sessionIdle
}

func (s *sessionState) setToken(token Sensitive, life time.Duration, now time.Time) {
	s.mu.Lock()
	defer s.mu.Unlock()
	serves := max(life-tokenMargin, min(life, tokenLeast))
	s.token, s.tokenServes, s.tokenRefused = token, now.Add(serves), nil
}

func (s *sessionState) setSession(session Sensitive, now time.Time) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.session, s.sessionBegan, s.sessionUsed = session, now, now
}

// used keeps an idle session's clock, if it is still the one that the call carried.
func (s *sessionState) used(g grant, now time.Time) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.session == g.session && now.After(s.sessionUsed) {
		s.sessionUsed = now
	}
}

// drop lets go of what a refused call carried; what has been replaced meanwhile stays.
func (s *sessionState) drop(g grant, token, session bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if token && s.token == g.token {
		s.token = ""
	}
	if session && s.session == g.session {
		s.session = ""
	}
}

// refuseToken keeps what ThingSpace said, and which request it has answered with it.
func (s *sessionState) refuseToken(err *CredentialsRejectedError, request string, now time.Time) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if !now.Before(s.refusedUntil) {
		s.refusedTo = map[[sha256.Size]byte]bool{}
	}
	s.refusedTo[digestOf(request)] = true
	s.token, s.tokenRefused, s.refusedUntil = "", err, now.Add(tokenRefusalServes)
}

// tokenRefusal is the refusal that serves instead of asking again. A person's request is asked for once, whoever brings it: a refused token locks nobody.
func (s *sessionState) tokenRefusal(request string, now time.Time) *CredentialsRejectedError {
	if now.Before(s.refusedUntil) && (request == "" || s.refusedTo[digestOf(request)]) {
		return s.tokenRefused
	}
	return nil
}
