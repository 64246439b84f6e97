package thingspace

import "context"

// Caller says on whose behalf a call is made.
type Caller struct {
	// Account is the billing account name, sent as it is.
	Account string

	// Credentials sign the call in. Tokens and sessions are shared by everybody who brings equal ones.
	Credentials Credentials

	// Source names where the credentials come from (a Secret's UID). Failed logins that an earlier process recorded
	// under it are counted once for each Source.
	Source string

	// PriorLogins is how many logins an earlier process recorded under Source without one that succeeded.
	PriorLogins int

	// PriorRefusal says that an earlier process saw ThingSpace refuse the login with exactly these credentials.
	PriorRefusal bool

	// AllowLogin permits one login although three in a row have failed for this user: a person has asked for it.
	AllowLogin bool

	// BeforeLogin is called right before a login is sent, in the goroutine of the call that brought it; where it
	// returns an error there is no login, and the call returns that error. proven is whether
	// these credentials have signed in before in this process.
	BeforeLogin func(ctx context.Context, proven bool) error

	// AfterLogin is called when the first login of this process with these credentials has succeeded, in the same goroutine.
	AfterLogin func(ctx context.Context)
}

// Prove makes sure that a mutating call is still wanted. It is called when everything that the call needs (tokens, a session, a place in the rate
// limit) is in hand, immediately before each time that the request is sent; where it returns an error nothing is
// sent, and the call returns that error.
type Prove func(ctx context.Context) error
