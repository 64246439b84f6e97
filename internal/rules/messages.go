package rules

import (
	"errors"
	"fmt"
	"strings"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/apimachinery/pkg/api/meta"

	"github.com/fota-callback-operator/fota-callback-operator/api/v1alpha1"
	"github.com/fota-callback-operator/fota-callback-operator/internal/thingspace"
)

// message is what the conditions say: what happened to which account, what the operator does next, what a person can do. It is the same as
// long as the situation is: no ids, no times, nothing secret, of a URL no more than scheme and host.
func message(f Facts, last Step) string {
	spec := &f.Object.Spec
	account := "Account " + spec.Account
	switch last.Reason {
	case v1alpha1.ReasonRegistered:
		return fmt.Sprintf("%s sends its FOTA events to %s as spec.url says; checked every %s.", account, thingspace.Origin(spec.URL), intervalText(f))
	case v1alpha1.ReasonSuspended:
		return fmt.Sprintf("spec.suspend is true: %s is neither checked nor changed. Deleting this object still deregisters.", lower(account))
	case v1alpha1.ReasonInvalidSpec:
		return fmt.Sprintf("Nothing is sent for %s: %v. Correct spec; it is looked at again when it changes.", lower(account), CheckSpec(spec))
	case v1alpha1.ReasonAccountConflict:
		return conflictMessage(f)
	case v1alpha1.ReasonExistingRegistration:
		return fmt.Sprintf("%s already sends its FOTA events to %s, and adoptionPolicy is IfUnregistered: it is left alone. "+
			"To take it over set adoptionPolicy to Overwrite, or spec.url to that URL (see status.remoteURL). Looked at again every %s.",
			account, thingspace.Origin(last.Foreign), intervalText(f))
	case v1alpha1.ReasonDrifted:
		return fmt.Sprintf("Somebody else made %s send its FOTA events to %s, and driftPolicy is Warn: it is left alone. "+
			"To put spec.url back set driftPolicy to Correct. Looked at again every %s.", lower(account), thingspace.Origin(last.Foreign), intervalText(f))
	case v1alpha1.ReasonDeregistering:
		return deletionMessage(f, last)
	}
	return account + ": " + failure(f)
}

// failure says what ended a pass, and what can be done about it.
func failure(f Facts) string {
	const again = " Tried again by itself."
	slot := " Tried again every " + intervalText(f) + "."
	secret := fmt.Sprintf("Secret %s/%s", f.Object.Namespace, f.Object.Spec.SecretName())
	switch e := f.Err.(type) { //nolint:errorlint // the same table as reasonOf's
	case *CredentialsError:
		return e.Problem + " It is looked at again by itself, every 30s at first and every 5m later."
	case *thingspace.CredentialsRejectedError:
		if e.Login {
			return e.Error() + "; " + loginsLeft(e.Failed, e.ConfigMap, e.Key, secret)
		}
		return e.Error() + ". Put the right values into " + secret + "; a change is noticed within minutes." + slot
	case *thingspace.LoginWithheldError:
		return withheld(f, e, secret)
	case *thingspace.AccessDeniedError:
		return e.Error() + ". Give the user of " + secret + " access to the account. If spec.account is wrong, replace the object: it can't be changed." + slot
	case *thingspace.RequestRejectedError:
		return e.Error() + ". Check that the account exists, has FOTA, and may use spec.url." + slot
	case *thingspace.UnavailableError:
		if e.CircuitOpen {
			if told := toldBefore(f, thingspace.Unavailable); told != "" {
				return told
			}
		}
		return e.Error() + "." + again + " If it lasts, check the network from the operator's pod to ThingSpace."
	case *thingspace.RateLimitedError:
		if e.LoginInterval > 0 {
			return fmt.Sprintf("%v. %s is read again right before it, and what it holds then is used.", e, secret) + again
		}
		return e.Error() + "." + again
	case *thingspace.UnexpectedResponseError:
		return f.Err.Error() + "." + again
	case *KubernetesError:
		return fmt.Sprintf("the operator could not %s: the Kubernetes API said %s.%s Check the operator's permissions if it lasts.",
			e.Attempted, apiReason(e.Err), again)
	case *TooOldError:
		return e.Error() + ": it was not made." + again + " If it lasts, check how fast the Kubernetes API and the way to ThingSpace are."
	}
	return "the reconciliation ended without a verdict." + again
}

// loginsLeft says what follows from a login that was refused.
func loginsLeft(failed int, configMap, key, secret string) string {
	used := fmt.Sprintf("%d of %d failed logins are used up. ", failed, thingspace.LockoutAfter)
	if failed < loginsAllowed {
		return used + "No login is made with these values again. Put the right ones into " + secret +
			": a change is noticed within minutes, and the next login is made within a minute of that."
	}
	return used + "No login is made before an administrator allows it: put the right values into " + secret +
		", check that the user is not locked at ThingSpace, then remove the key " + key + " from ConfigMap " + configMap + "."
}

// loginsAllowed is how many failed logins in a row the login record allows.
const loginsAllowed = 3

// withheld says why no login is made, and until when.
func withheld(f Facts, e *thingspace.LoginWithheldError, secret string) string {
	switch e.Cause {
	case thingspace.WithheldVerified:
		if told := toldBefore(f, thingspace.Unavailable); told != "" { // each login that is made says it again
			return told
		}
		return thingspace.Unavailable + fmt.Sprintf(": %v. These credentials have signed in before: the next login is made within 10m. "+
			"Nothing needs to be done if ThingSpace is down; otherwise check the user's state there.", e)
	case thingspace.WithheldForOthers:
		return fmt.Sprintf("%v. The next login with %s is made when that user has signed in again. "+
			"Check user name and password in it; an administrator can remove the key %s from ConfigMap %s.", e, secret, e.Key, e.ConfigMap)
	case thingspace.WithheldNamespace, thingspace.WithheldFull:
		return fmt.Sprintf("%v: no login is made with %s. Correct the Secrets whose logins failed; an administrator can remove the keys of users "+
			"that are not needed any more from ConfigMap %s.", e, secret, e.ConfigMap)
	default: // thingspace.WithheldFailed
		return loginsLeft(e.Failed, e.ConfigMap, e.Key, secret)
	}
}

// toldBefore is what Ready says already about the object as it is, from where that begins so: while nothing has changed the message need not change to
// and fro.
func toldBefore(f Facts, beginning string) string {
	ready := meta.FindStatusCondition(f.Object.Status.Conditions, v1alpha1.ConditionReady)
	if ready == nil || ready.ObservedGeneration != f.Object.Generation {
		return ""
	}
	if at := strings.Index(ready.Message, beginning); at >= 0 {
		return ready.Message[at:]
	}
	return ""
}

func conflictMessage(f Facts) string {
	first, account := f.Standing.First, f.Object.Spec.Account
	if f.Standing.FirstClass == ClassUntried {
		return fmt.Sprintf("FotaCallback %s/%s goes first for account %s: it is older. If it has not reached the account within %s, this one tries. "+
			"Delete one of the two; an account has one callback URL.", first.Namespace, first.Name, account, shortDuration(turnComesAfter.String()))
	}
	return fmt.Sprintf("FotaCallback %s/%s owns account %s: nothing is done for this one until that one goes. "+
		"Delete one of the two; an account has one callback URL.", first.Namespace, first.Name, account)
}

// deletionMessage names the way out first.
func deletionMessage(f Facts, last Step) string {
	account := "account " + f.Object.Spec.Account
	wayOut, what := "To let the object go and leave the registration as it is, set deletionPolicy: Retain. ", "Deregistering "+account
	if f.Object.Spec.Retains() {
		wayOut, what = "", "Letting the object go"
	}
	next := f.Standing.Successor()
	switch {
	case next != nil && !last.Wait.IsZero():
		return fmt.Sprintf("%sWaiting for FotaCallback %s/%s to take %s over, up to %s once ThingSpace answers it, and up to %s in all. If it does not, the account is deregistered.",
			wayOut, next.Namespace, next.Name, account, shortDuration(successorPatience.String()), shortDuration(handOverPatience.String()))
	case f.Err != nil:
		return fmt.Sprintf("%s%s waits: %s", wayOut, what, failure(f))
	case f.did(Deregister):
		return fmt.Sprintf("%sThingSpace accepted that %s is deregistered, but still reports the URL. Tried again by itself.", wayOut, account)
	}
	return fmt.Sprintf("%sWaiting %s before deregistering %s, in case another FotaCallback takes it over.", wayOut, f.Settings.DeregistrationGrace, account)
}

func intervalText(f Facts) string {
	if f.Object.Spec.Interval != "" {
		return f.Object.Spec.Interval
	}
	return shortDuration(f.Settings.DefaultInterval.String())
}

// shortDuration drops the zeros that Go writes: 10m0s is 10m.
func shortDuration(s string) string {
	if n := len(s); n > 3 && s[n-3:] == "m0s" {
		s = s[:n-2]
	}
	if n := len(s); n > 3 && s[n-3:] == "h0m" {
		s = s[:n-2]
	}
	return s
}

func apiReason(err error) string {
	if reason := apierrors.ReasonForError(err); reason != "" {
		return string(reason)
	}
	if status := apierrors.APIStatus(nil); errors.As(err, &status) {
		return fmt.Sprintf("HTTP %d", status.Status().Code)
	}
	return "nothing that can be read"
}

// lower starts a sentence's middle.
func lower(account string) string { return "a" + account[1:] }
