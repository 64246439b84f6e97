package thingspace

import (
	"fmt"
	"time"
)

// The errors of this package are what a person or a controller can act on. Their texts are stable from one
// attempt to the next and hold no secret, no URL, and nothing of an answer but its code.

// CredentialsRejectedError means that ThingSpace refused the token or the login. Nothing was done.
type CredentialsRejectedError struct {
	// Login is true where the user name and password were refused, false where the application's key and secret were.
	Login bool
	// Code is ThingSpace's error code, where it gave one.
	Code string
	// Failed is how many logins of the user in a row are not known to have succeeded.
	Failed int
	// ConfigMap, as namespace/name, and Key are where the user's logins are counted, where that is known.
	ConfigMap, Key string
}

func (e *CredentialsRejectedError) Error() string {
	if e.Login {
		return "ThingSpace refused the login with username and password" + inParens(e.Code)
	}
	return "ThingSpace refused the token with client-id and client-secret" + inParens(e.Code)
}

// WithheldCause is why a login is withheld.
type WithheldCause int

// The causes.
const (
	// WithheldFailed: three logins in a row are not known to have succeeded, and these credentials never signed in.
	WithheldFailed WithheldCause = iota
	// WithheldVerified: likewise, but these credentials have signed in before; there is one login in ten minutes.
	WithheldVerified
	// WithheldForOthers: the user signs in with credentials of other namespaces, and has failed logins.
	WithheldForOthers
	// WithheldNamespace: the namespace has begun the records of too many users who never signed in.
	WithheldNamespace
	// WithheldFull: there is no place for the record of one user more.
	WithheldFull
)

// LoginWithheldError means that no login was sent, so that the user is not locked out: ThingSpace locks a user after five failed logins in a row.
type LoginWithheldError struct {
	// Failed is how many logins of the user in a row are not known to have succeeded.
	Failed int
	// Cause is why there is no login.
	Cause WithheldCause
	// RetryAfter is when there is one again, where that is known.
	RetryAfter time.Duration
	// ConfigMap, as namespace/name, and Key are where the user's logins are counted.
	ConfigMap, Key string
}

func (e *LoginWithheldError) Error() string {
	switch e.Cause {
	case WithheldNamespace:
		return "logins of too many users that never signed in have failed in this namespace"
	case WithheldFull:
		return "the login record has no place for another user"
	case WithheldForOthers:
		return "the user signs in with a Secret of another namespace, and the last login failed: " + usedUp(e.Failed)
	default:
		return "no login is made: " + usedUp(e.Failed)
	}
}

func usedUp(failed int) string {
	return fmt.Sprintf("%d of %d failed logins are used up", failed, LockoutAfter)
}

// AccessDeniedError means that a signed-in caller may not do this: a refusal that a fresh sign-in did not, or would not, cure.
type AccessDeniedError struct {
	// Code is ThingSpace's error code, where it gave one.
	Code string
}

func (e *AccessDeniedError) Error() string {
	return "ThingSpace denies access to the account" + inParens(e.Code)
}

// RateLimitedError means that ThingSpace asked to wait, or that a login has to wait for its minute.
type RateLimitedError struct {
	// RetryAfter is for how long nothing is sent for these credentials: from 1 s to 10 min.
	RetryAfter time.Duration
	// LoginInterval is set where nothing was sent because the user has had its one login of this time.
	LoginInterval time.Duration
}

func (e *RateLimitedError) Error() string {
	if e.LoginInterval > 0 {
		return fmt.Sprintf("the next login of this user has to wait: there is at most one in %s", e.LoginInterval)
	}
	return "ThingSpace asked to wait before the next call with these credentials"
}

// UnavailableError means no usable answer: a network failure, a time-out, 408, 425 or a 5xx.
type UnavailableError struct {
	// Cause says which, in a few stable words, for example "no answer within 15s" or "HTTP 503".
	Cause string
	// CircuitOpen is true where nothing was sent, because too many calls in a row had failed.
	CircuitOpen bool
	// RetryAfter is when to try again: what ThingSpace asked for or, where the circuit is open, this caller's
	// place in the line of probes. Zero leaves it to the caller.
	RetryAfter time.Duration
}

// Unavailable is what the text of every UnavailableError begins with.
const Unavailable = "ThingSpace is unavailable"

func (e *UnavailableError) Error() string {
	if e.CircuitOpen {
		return Unavailable + "; calls are held back until it answers"
	}
	return Unavailable + ": " + e.Cause
}

// UnexpectedResponseError means an answer that cannot be trusted: a 200 that can't be read, a redirect, success:false.
// Whether a mutating call took effect is not known.
type UnexpectedResponseError struct {
	// Detail says what was wrong with it, in a few stable words.
	Detail string
}

func (e *UnexpectedResponseError) Error() string {
	return "ThingSpace gave an unexpected answer: " + e.Detail
}

// RequestRejectedError means that ThingSpace refused the request itself (400 or 422, with any code that is not
// about the session).
type RequestRejectedError struct {
	// Code is ThingSpace's error code, where it gave one.
	Code string
}

func (e *RequestRejectedError) Error() string {
	return "ThingSpace refused the request" + inParens(e.Code)
}

func inParens(code string) string {
	if code == "" {
		return ""
	}
	return " (" + code + ")"
}
