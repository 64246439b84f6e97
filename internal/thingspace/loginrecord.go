package thingspace

import "context"

// LockoutAfter is how many failed logins in a row lock a user, until Verizon Support unlocks it (Verizon's documentation of the session login).
const LockoutAfter = 5

// SecretVersion names the version of the Secret that credentials were read from, and never its content.
type SecretVersion struct {
	Namespace, Name, UID, ResourceVersion string
}

// Login is a login that is about to be made.
type Login struct {
	// Username is the user's name at ThingSpace, as it is sent.
	Username Sensitive
	// Secret is where the credentials come from.
	Secret SecretVersion
	// Verified reports that these credentials have signed in before in this process, whatever Secret they came from.
	Verified bool
}

// LoginAttempt is a login that was counted before it was made.
type LoginAttempt struct {
	Login
	// ID is the attempt's own.
	ID string
	// Number counts the user's logins, this one included.
	Number int64
	// Failed is how many logins in a row are not known to have succeeded, this one included.
	Failed int
	// ConfigMap, as namespace/name, and Key are where it was counted.
	ConfigMap, Key string
}

// LoginOutcome is what came of a login.
type LoginOutcome int

// The outcomes.
const (
	// LoginSucceeded: ThingSpace issued a session.
	LoginSucceeded LoginOutcome = iota
	// LoginRefused: ThingSpace refused the user name or the password.
	LoginRefused
	// LoginUnanswered: there was no answer, or none that says whether the password is right.
	LoginUnanswered
	// LoginNotSent: the request was not handed to the connection, or the gateway refused the bearer token before anybody looked at the password.
	LoginNotSent
	// LoginThrottled: ThingSpace answered 429. The login was no attempt, and uses up the user's minute.
	LoginThrottled
)

// LoginRecord counts the logins of each user over processes and operators, so that no user is ever locked out. It is safe for concurrent use. Where a login must
// not be made, its methods return a *RateLimitedError, a *LoginWithheldError or a *CredentialsRejectedError; any other error means that the record could not be
// read or written, and no login is made either.
type LoginRecord interface {
	// Check returns nil where a login may be made. It writes nothing.
	Check(ctx context.Context, login Login) error
	// Begin counts a login. Nothing comes after it but the request.
	Begin(ctx context.Context, login Login) (LoginAttempt, error)
	// Settle records what came of a login; code is ThingSpace's where it was refused. What can't be written now is written before the user's next login.
	Settle(ctx context.Context, attempt LoginAttempt, outcome LoginOutcome, code string)
}
