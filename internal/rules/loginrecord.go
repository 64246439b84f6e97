package rules

import (
	"errors"

	"github.com/fota-callback-operator/fota-callback-operator/api/v1alpha1"
	"github.com/fota-callback-operator/fota-callback-operator/internal/thingspace"
)

// recordCredentials records a refusal, and ends the record where ThingSpace has answered a listing. It is for a process that starts after a crash: how many logins
// have not succeeded, and which credentials need not be tried again.
func recordCredentials(status *v1alpha1.FotaCallbackStatus, f Facts) {
	rejected, ok := errors.AsType[*thingspace.CredentialsRejectedError](f.Err)
	if !ok || !rejected.Login || f.Secret == (SecretIdentity{}) {
		if f.Listing != nil && !f.LoginsStillCount { // a session that is older than they lists all the same
			status.RejectedCredentials = nil
		}
		return
	}
	record := &v1alpha1.RejectedCredentials{
		SecretUID: f.Secret.UID, SecretResourceVersion: f.Secret.ResourceVersion, Logins: f.Logins, Refused: true,
	}
	if before := status.RejectedCredentials; before != nil && (record.Logins == 0 || before.SecretUID == record.SecretUID) {
		// What was put on record before the login stays counted. Where it is about another Secret, too high is the safe side.
		record.Logins = max(record.Logins, before.Logins)
	}
	status.RejectedCredentials = record
}
