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
	// Credentials are where the call finds what signs it in. Tokens and sessions are shared by all
	// callers whose credentials are equal.
	Credentials CredentialsSource
	// AskAgain is from when on a refusal of the token still counts: an older one is asked for again.
	AskAgain time.Time
}

// CredentialsSource is where credentials are kept.
type CredentialsSource interface {
	// Get returns the credentials as they were at most maxAge ago.
	Get(ctx context.Context, maxAge time.Duration) (Credentials, error)
}

// Precondition makes sure that a mutating call is still wanted. It is called when everything else
// that the call needs (a connection, token and session, a place in the rate limit) is in hand,
// immediately before the request; where it returns an error nothing is sent, and the call returns
// that error.
type Precondition func(ctx context.Context) error
