package rules

import (
	"errors"
	"fmt"
	"time"

	"github.com/fota-callback-operator/fota-callback-operator/api/v1alpha1"
	"github.com/fota-callback-operator/fota-callback-operator/internal/thingspace"
)

// CredentialsError means that the Secret can't be used as it is.
type CredentialsError struct {
	// Problem says what is wrong with it, in stable words and without a value.
	Problem string
}

func (e *CredentialsError) Error() string { return e.Problem }

// KubernetesError means that the Kubernetes API refused a read or a write that the pass needed.
type KubernetesError struct {
	// Attempted says what the operator tried, for example "claim the object".
	Attempted string
	// Err is what the API said.
	Err error
}

func (e *KubernetesError) Error() string {
	return fmt.Sprintf("could not %s: %v", e.Attempted, e.Err)
}

// Unwrap returns what the API said.
func (e *KubernetesError) Unwrap() error { return e.Err }

// TooOldError means that a mutating call was not made, again and again, because the answer of the Kubernetes API that it
// had to follow was too old by then.
type TooOldError struct {
	// Serves is for how long such an answer serves.
	Serves time.Duration
}

func (e *TooOldError) Error() string {
	return fmt.Sprintf("more than %s passed between the last look at the object and the call that was to follow, three times in a row", e.Serves)
}

// reasonOf names what ended a pass.
func reasonOf(err error) string {
	switch e := err.(type) { //nolint:errorlint // the far side's errors arrive as they are, and a type switch reads as the table that it is
	case *CredentialsError:
		return v1alpha1.ReasonCredentialsNotFound
	case *thingspace.CredentialsRejectedError:
		return v1alpha1.ReasonCredentialsRejected
	case *thingspace.LoginWithheldError:
		if e.Cause == thingspace.WithheldVerified {
			return v1alpha1.ReasonAPIUnavailable
		}
		return v1alpha1.ReasonCredentialsRejected
	case *thingspace.AccessDeniedError:
		return v1alpha1.ReasonAccessDenied
	case *thingspace.RateLimitedError:
		return v1alpha1.ReasonRateLimited
	case *thingspace.UnavailableError:
		return v1alpha1.ReasonAPIUnavailable
	case *thingspace.UnexpectedResponseError:
		return v1alpha1.ReasonUnexpectedResponse
	case *thingspace.RequestRejectedError:
		return v1alpha1.ReasonRequestRejected
	}
	return v1alpha1.ReasonProgressing
}

// RefusesCredentials says whether an error means that nobody could sign in with the credentials that were used.
func RefusesCredentials(err error) bool { return reasonOf(err) == v1alpha1.ReasonCredentialsRejected }

// passing says whether a routine check that fails so may be a hiccup.
func passing(reason string) bool {
	switch reason {
	case v1alpha1.ReasonAPIUnavailable, v1alpha1.ReasonRateLimited, v1alpha1.ReasonUnexpectedResponse:
		return true
	}
	return false
}

// stalls says whether a reason waits for a person.
func stalls(reason string) bool {
	switch reason {
	case v1alpha1.ReasonCredentialsRejected, v1alpha1.ReasonAccessDenied, v1alpha1.ReasonRequestRejected,
		v1alpha1.ReasonInvalidSpec, v1alpha1.ReasonExistingRegistration, v1alpha1.ReasonDrifted:
		return true
	}
	return false
}

// credentialsAwaited says whether the Secret has to appear or change before anything else can happen.
func credentialsAwaited(err error) bool {
	var missing *CredentialsError
	var rejected *thingspace.CredentialsRejectedError
	var withheld *thingspace.LoginWithheldError
	return errors.As(err, &missing) || errors.As(err, &rejected) || errors.As(err, &withheld) && withheld.Cause != thingspace.WithheldVerified
}

// waitsForLogin says whether nothing was tried, because the user has had its login of this time.
func waitsForLogin(err error) bool {
	var limited *thingspace.RateLimitedError
	return errors.As(err, &limited) && limited.LoginInterval > 0
}

// heldBack reports whether an attempt made no call because nobody may: the circuit is open, or ThingSpace asked to wait.
func heldBack(err error) bool {
	if limited, ok := errors.AsType[*thingspace.RateLimitedError](err); ok {
		return limited.LoginInterval == 0
	}
	unavailable, ok := errors.AsType[*thingspace.UnavailableError](err)
	return ok && unavailable.CircuitOpen
}

// unanswered reports whether a call was made, and met no answer that says anything.
func unanswered(err error) bool {
	if unavailable, ok := errors.AsType[*thingspace.UnavailableError](err); ok {
		return !unavailable.CircuitOpen
	}
	_, unreadable := errors.AsType[*thingspace.UnexpectedResponseError](err)
	return unreadable
}

// askedToWait is how long the far side, or its protection, wants to be left alone; zero where it did not say.
func askedToWait(err error) time.Duration {
	var limited *thingspace.RateLimitedError
	var unavailable *thingspace.UnavailableError
	var withheld *thingspace.LoginWithheldError
	switch {
	case errors.As(err, &limited):
		return limited.RetryAfter
	case errors.As(err, &unavailable):
		return unavailable.RetryAfter
	case errors.As(err, &withheld):
		return withheld.RetryAfter
	}
	return 0
}
