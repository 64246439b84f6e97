package rules

import (
	"errors"
	"strings"

	"k8s.io/apimachinery/pkg/api/meta"

	"github.com/fota-callback-operator/fota-callback-operator/api/v1alpha1"
	"github.com/fota-callback-operator/fota-callback-operator/internal/thingspace"
)

// What is on record of logins is for a process that starts after a crash: how many have not succeeded, and which credentials need not be tried again.

// RecordLogin puts a login that is about to be made on record. What the object tells of a refusal is about other credentials from then on.
func RecordLogin(status *v1alpha1.FotaCallbackStatus, record v1alpha1.RejectedCredentials) {
	status.RejectedCredentials = &record
	for i := range status.Conditions {
		if before, _, refused := strings.Cut(status.Conditions[i].Message, loginRefused); refused {
			status.Conditions[i].Message = before + "ThingSpace refused an earlier login. Signing in with what the Secret holds now."
		}
	}
}

// recordCredentials records a refusal, and ends the record where ThingSpace has answered a listing.
func recordCredentials(status *v1alpha1.FotaCallbackStatus, f Facts) {
	if f.Listing != nil {
		status.RejectedCredentials = nil
		return
	}
	var rejected *thingspace.CredentialsRejectedError
	if !errors.As(f.Err, &rejected) || !rejected.Login || f.Secret == (SecretIdentity{}) {
		return
	}
	record := &v1alpha1.RejectedCredentials{SecretUID: f.Secret.UID, SecretResourceVersion: f.Secret.ResourceVersion, Logins: f.Logins}
	if before := status.RejectedCredentials; before != nil && (record.Logins == 0 || before.SecretUID == record.SecretUID) {
		// What was put on record before the login stays counted. Where it is about another Secret, too high is the safe side.
		record.Logins = max(record.Logins, before.Logins)
	}
	status.RejectedCredentials = record
}

var loginRefused = (&thingspace.CredentialsRejectedError{Login: true}).Error()

// SaysLoginRefused says whether the object tells that ThingSpace has refused the login with the credentials on its record. The reason alone does not: tokens that
// are refused and logins that are withheld have the same.
func SaysLoginRefused(o *v1alpha1.FotaCallback) bool {
	ready := meta.FindStatusCondition(o.Status.Conditions, v1alpha1.ConditionReady)
	return ready != nil && strings.Contains(ready.Message, loginRefused)
}
