package thingspace

import (
	"context"
	"time"
)

// Caller says on whose behalf a call is made.
type Caller struct {
	// Namespace is whose work it is: what is shared goes round robin by namespace.
	Namespace string

	// Account is the billing account name, sent as it is.
	Account string

	// Credentials sign the call in. Tokens and sessions are shared by everybody who brings equal ones.
	Credentials Credentials

	// Earlier is what other processes have on record of logins with these credentials and of their user.
	Earlier EarlierLogins

	// OtherSince is since when the place that the credentials come from was seen to hold others before it held these; zero where it was not. A login with these that
	// was refused before may be made again: the content has changed, and changed back.
	OtherSince time.Time

	// LoginRequest is a person's request for one login although three in a row have failed for this user, and for a token although one has just been
	// refused; empty for none. Each request is granted once, whoever brings it.
	LoginRequest string

	// BeforeToken is called right before a token is asked for, in the goroutine of the call that brought it; where it returns an error none is, and the call returns
	// that error.
	BeforeToken func(ctx context.Context) error

	// BeforeLogin is called right before a login is sent, in the goroutine of the call that brought it; where it
	// returns an error there is no login, and the call returns that error. proven is whether
	// these credentials have signed in before in this process: where they have not, the login is to be put on record.
	BeforeLogin func(ctx context.Context, proven bool) error

	// LoginUncounted is called where BeforeLogin was called for credentials that have not signed in before, returned no error, and the login did not
	// leave this machine after all, or was throttled: nobody has looked at the password, and what is on record for it is to be taken back.
	LoginUncounted func()

	// LoginRefused is called when ThingSpace has refused a login with credentials that have signed in before in this process, for which none is on record. logins is
	// how many of those have not succeeded since it was last called, or since one has succeeded.
	LoginRefused func(logins int)

	// AfterLogin is called when a login has succeeded, in the same goroutine.
	AfterLogin func(ctx context.Context)
}

// EarlierLogins is what other processes have on record: without it, a crash loop would add logins until ThingSpace locks the user. What is known of it may change:
// the newest counts.
type EarlierLogins struct {
	// Version is higher where more is known: a caller may have waited since it was told.
	Version int
	// Failed is how many logins of the user have not succeeded, over all places that its credentials come from; 0 once AfterLogin has been called.
	Failed int
	// Requests are those that were granted.
	Requests []string
	// Refused says that ThingSpace has refused the login with exactly these credentials.
	Refused bool
}

// Prove makes sure that a mutating call is still wanted. It is called when everything that the call needs (tokens, a session, a place in the rate
// limit) is in hand, immediately before each time that the request is sent; where it returns an error nothing is
// sent, and the call returns that error.
type Prove func(ctx context.Context) error
