package logins

import (
	"slices"
	"time"

	"github.com/fota-callback-operator/fota-callback-operator/internal/thingspace"
)

const (
	// allowed is how many failed logins in a row the operator makes of the five that lock a user; two are left to people.
	allowed = 3
	// A user has one login in this time.
	loginInterval = time.Minute
	// A user whose failed logins are used up has one with verified credentials in this time, and so have credentials of a namespace where none was ever verified.
	rareInterval = 10 * time.Minute
	// versionsKept is how many verified, and how many refused, versions of Secrets a record names.
	versionsKept = 4
)

// Record is what is known of the logins of one user. The zero Record is that of a user who has made none.
type Record struct {
	// Failed is how many logins in a row were counted and are not known to have succeeded.
	Failed int `json:"failed"`
	// Unanswered are those of them, by number, that ended without a verdict: ThingSpace was out of
	// reach, or failed. Whatever else is counted may have been refused.
	Unanswered []int64 `json:"unanswered,omitempty"`
	// Counted is how many logins were counted since the record began, the number of the last one.
	Counted int64 `json:"counted,omitempty"`
	// LastLogin is when a login was last counted.
	LastLogin time.Time `json:"lastLogin,omitzero"`
	// Attempt is the random id of the login that was counted last.
	Attempt string `json:"attempt,omitempty"`
	// Secret is the namespace and name of the Secret used for it.
	Secret string `json:"secret,omitempty"`
	// Namespace is that of the Secret which began the record.
	Namespace string `json:"namespace,omitempty"`
	// Verified are the versions of Secrets whose credentials have signed in, the newest last.
	Verified []Version `json:"verified,omitempty"`
	// Refused are those whose credentials were refused, the newest last.
	Refused []Version `json:"refused,omitempty"`
}

// Version is one version of a Secret.
type Version struct {
	Namespace       string `json:"namespace"`
	UID             string `json:"uid"`
	ResourceVersion string `json:"resourceVersion"`
	// Code is ThingSpace's code where it refused the credentials and gave one.
	Code string `json:"code,omitempty"`
}

func versionOf(secret thingspace.SecretVersion) Version {
	return Version{Namespace: secret.Namespace, UID: secret.UID, ResourceVersion: secret.ResourceVersion}
}

func (v Version) same(other Version) bool {
	return v.UID == other.UID && v.ResourceVersion == other.ResourceVersion
}

// place is what an attempt has left that did not reach ThingSpace: it is counted, and may be made again without being counted again.
type place struct {
	attempt string
	// throttled reports that ThingSpace has answered 429, which uses up the user's minute.
	throttled bool
}

// check returns why a login must not be made now; nil where it may.
//
//	failed  credentials                                  login
//	any     refused, this version of the Secret          no: CredentialsRejected
//	any     within a minute of the last login            no: RateLimited
//	0       never verified, other namespaces' are        once in ten minutes
//	1, 2    never verified, other namespaces' are        no: withheld
//	0 to 2  any other                                    yes
//	3       verified, and one of them was unanswered     once in ten minutes, in its place
//	3       any other                                    no: withheld
func (r Record) check(login thingspace.Login, left place, now time.Time) error {
	version := versionOf(login.Secret)
	if i := slices.IndexFunc(r.Refused, version.same); i >= 0 {
		return &thingspace.CredentialsRejectedError{Login: true, Code: r.Refused[i].Code, Failed: r.Failed}
	}
	failed, owned := r.Failed, r.owns(left)
	if owned {
		failed--
	}
	maybeRefused := failed - len(r.Unanswered)
	since := now.Sub(r.LastLogin)
	if owned && !left.throttled {
		since = rareInterval
	}
	verified := r.verifies(login)
	guest := !verified && len(r.Verified) > 0 && !slices.ContainsFunc(r.Verified, func(v Version) bool { return v.Namespace == login.Secret.Namespace })
	switch {
	case failed >= allowed && (!verified || maybeRefused >= allowed):
		return &thingspace.LoginWithheldError{Failed: r.Failed, Cause: thingspace.WithheldFailed}
	case failed >= allowed && since < rareInterval:
		return &thingspace.LoginWithheldError{Failed: r.Failed, Cause: thingspace.WithheldVerified, RetryAfter: rareInterval - since}
	case guest && failed > 0:
		return &thingspace.LoginWithheldError{Failed: r.Failed, Cause: thingspace.WithheldForOthers}
	case guest && since < rareInterval:
		return &thingspace.RateLimitedError{RetryAfter: rareInterval - since, LoginInterval: rareInterval}
	case since < loginInterval:
		return &thingspace.RateLimitedError{RetryAfter: loginInterval - since, LoginInterval: loginInterval}
	}
	return nil
}

// begin returns the record with one login more that is about to be made. The caller has checked that it may.
func (r Record) begin(login thingspace.Login, left place, id string, now time.Time) Record {
	if !r.owns(left) {
		r.Counted++
		if r.Failed < allowed {
			r.Failed++
		} else {
			r.Unanswered = r.Unanswered[1:]
		}
	}
	r.LastLogin, r.Attempt, r.Secret = now.UTC(), id, login.Secret.Namespace+"/"+login.Secret.Name
	if r.Namespace == "" {
		r.Namespace = login.Secret.Namespace
	}
	return r
}

// succeeded returns the record after a login that succeeded: it takes off everything counted up to its own attempt. Where the record began anew since, nothing on it
// is older than the attempt.
func (r Record) succeeded(attempt thingspace.LoginAttempt) Record {
	if r.Counted >= attempt.Number {
		r.Failed = int(min(int64(r.Failed), r.Counted-attempt.Number))
	}
	r.Unanswered = slices.DeleteFunc(slices.Clone(r.Unanswered), func(number int64) bool { return number <= attempt.Number })
	version := versionOf(attempt.Secret)
	r.Verified, r.Refused = with(r.Verified, version), without(r.Refused, version)
	return r
}

// refused returns the record after a login that ThingSpace refused. It is counted already, unless the record was removed since.
func (r Record) refused(attempt thingspace.LoginAttempt, code string) Record {
	if r.Counted < attempt.Number {
		r.Counted = attempt.Number
		r.Failed = min(r.Failed+1, allowed)
	}
	version := versionOf(attempt.Secret)
	version.Code = code
	r.Verified, r.Refused = without(r.Verified, version), with(r.Refused, version)
	return r
}

// unanswered returns the record after a login that ended without a verdict.
func (r Record) unanswered(attempt thingspace.LoginAttempt) Record {
	if r.Counted >= attempt.Number && len(r.Unanswered) < r.Failed && !slices.Contains(r.Unanswered, attempt.Number) {
		r.Unanswered = append(slices.Clone(r.Unanswered), attempt.Number)
	}
	return r
}

func (r Record) owns(left place) bool { return left.attempt != "" && left.attempt == r.Attempt }

// verifies reports whether the credentials have signed in, in this process or in another one with this version of the Secret.
func (r Record) verifies(login thingspace.Login) bool {
	return login.Verified || slices.ContainsFunc(r.Verified, versionOf(login.Secret).same)
}

func with(versions []Version, version Version) []Version {
	versions = append(without(versions, version), version)
	return versions[max(0, len(versions)-versionsKept):]
}

func without(versions []Version, version Version) []Version {
	return slices.DeleteFunc(slices.Clone(versions), version.same)
}
