package logins

import (
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"regexp"
	"strings"
	"time"

	"github.com/fota-callback-operator/fota-callback-operator/internal/thingspace"
)

const (
	// recordsKept is how many users the ConfigMap has at most. It holds 1 MiB.
	recordsKept = 1000
	// unverifiedPerNamespace is how many users that were never verified a namespace may have begun.
	unverifiedPerNamespace = 8
)

// keyForm is that of Key.
var keyForm = regexp.MustCompile(`^[0-9a-f]{32}$`)

// Key returns a user's key in the ConfigMap. Letter case is ignored: whether ThingSpace heeds it is
// not known.
func Key(username thingspace.Sensitive) string {
	sum := sha256.Sum256([]byte(strings.ToLower(username.Reveal())))
	return hex.EncodeToString(sum[:])[:32]
}

// users are the records of all users, by key.
type users map[string]entry

// entry is a record, and how the ConfigMap has it.
type entry struct {
	text   string
	record Record
}

// read returns the records in a ConfigMap's data. A login in the future counts as made when it was
// first read, so what has not changed is not decoded again.
func (u users) read(data map[string]string, now time.Time) users {
	next := make(users, len(data))
	for key, text := range data {
		if !keyForm.MatchString(key) {
			continue
		}
		known, ok := u[key]
		if !ok || known.text != text {
			known = entry{text: text}
			if json.Unmarshal([]byte(text), &known.record) != nil || known.record.Failed < 0 {
				// Until an administrator removes it, the safe side is that all logins are used up.
				known.record = Record{Failed: allowed}
			}
			if known.record.LastLogin.After(now) {
				known.record.LastLogin = now
			}
		}
		next[key] = known
	}
	return next
}

// check is Record.check within the bounds over all users.
func (u users) check(login thingspace.Login, left place, now time.Time) error {
	known, ok := u[Key(login.Username)]
	if err := known.record.check(login, left, now); err != nil || ok {
		return err
	}
	unverified, room := 0, len(u) < recordsKept
	for _, other := range u {
		if len(other.record.Verified) == 0 && other.record.Namespace == login.Secret.Namespace {
			unverified++
		}
		room = room || other.record.Failed == 0
	}
	switch {
	case unverified >= unverifiedPerNamespace:
		return &thingspace.LoginWithheldError{Cause: thingspace.WithheldNamespace}
	case !room:
		return &thingspace.LoginWithheldError{Cause: thingspace.WithheldFull}
	}
	return nil
}

// put keeps a record. The oldest one without failures makes room for a new one.
func (u users) put(key string, record Record) {
	text, err := json.Marshal(record) //nolint:gosec // it names a Secret, and holds none
	if err != nil {
		panic(err) // strings, numbers and times of this century
	}
	u[key] = entry{string(text), record}
	if len(u) <= recordsKept {
		return
	}
	oldest := ""
	for other, e := range u {
		if other != key && e.record.Failed == 0 && (oldest == "" || e.record.LastLogin.Before(u[oldest].record.LastLogin)) {
			oldest = other
		}
	}
	delete(u, oldest)
}
