package thingspace

import (
	"bytes"
	"encoding/json"
	"fmt"
	"net/http"
	"strconv"
	"strings"
	"time"
	"unicode"
	"unicode/utf8"
)

// answer is what came back for one request, read whole.
type answer struct {
	status int
	header http.Header
	body   []byte
	at     time.Time
}

const (
	// A 429 without a Retry-After is waited out for this long.
	retryAfterUnsaid = 30 * time.Second
	retryAfterLeast  = time.Second
	retryAfterMost   = 10 * time.Minute

	maxRemoteURL = 4096
)

func unexpected(format string, args ...any) error {
	return &UnexpectedResponseError{Detail: fmt.Sprintf(format, args...)}
}

// registration reads an answer to List: the URL, or "" in each of the ways in which ThingSpace says that nothing is registered. What
// can't be read is an error, never "nothing registered".
func (a answer) registration() (string, error) {
	switch a.status {
	case http.StatusOK:
		return urlIn(a.body, true)
	case http.StatusNoContent:
		return "", nil
	}
	if a.saysNotRegistered() {
		return "", nil
	}
	return "", a.failure()
}

// echo reads an answer to Register or Update.
func (a answer) echo() (string, error) {
	if a.status != http.StatusOK {
		return "", a.failure()
	}
	return urlIn(a.body, false)
}

// deregistered reads an answer to Deregister.
func (a answer) deregistered() error {
	switch {
	case a.status == http.StatusNoContent, a.saysNotRegistered():
		return nil
	case a.status != http.StatusOK:
		return a.failure()
	}
	var result struct {
		Success *bool `json:"success"`
	}
	switch err := json.Unmarshal(a.body, &result); {
	case err != nil || result.Success == nil:
		return unexpected("a deregistration that can't be read")
	case !*result.Success:
		return unexpected("success:false")
	}
	return nil
}

// saysNotRegistered: a 404 counts only where ThingSpace itself may have said it, not with a proxy's or a wrong base URL's page.
func (a answer) saysNotRegistered() bool {
	r := refusalIn(a.body)
	switch a.status {
	case http.StatusNotFound:
		return r.structured && !r.gateway && !r.aboutAccount() && !looksLikeXML(a.body)
	case http.StatusBadRequest, http.StatusForbidden:
		return r.notRegistered()
	}
	return false
}

func looksLikeXML(body []byte) bool { return bytes.HasPrefix(bytes.TrimSpace(body), []byte("<")) }

// failure turns every answer that is no success into what it means. What concerns the sign-in is dealt with before.
func (a answer) failure() error {
	r := refusalIn(a.body)
	switch {
	case a.throttled():
		return &RateLimitedError{RetryAfter: a.retryAfter(retryAfterUnsaid)}
	case a.status == http.StatusRequestTimeout, a.status == http.StatusTooEarly, a.status >= 500:
		return &UnavailableError{Cause: fmt.Sprintf("HTTP %d", a.status), RetryAfter: a.retryAfter(0)}
	case a.status >= 300 && a.status < 400:
		return unexpected("a redirect (HTTP %d), which is not followed", a.status)
	case a.status == http.StatusUnauthorized:
		return &AccessDeniedError{Code: r.code}
	case a.status == http.StatusForbidden && r.structured:
		return &AccessDeniedError{Code: r.code}
	case (a.status == http.StatusBadRequest || a.status == http.StatusUnprocessableEntity) && r.structured,
		a.status == http.StatusNotFound && r.structured && r.aboutAccount():
		return &RequestRejectedError{Code: r.code}
	}
	return unexpected("HTTP %d%s", a.status, inParens(r.code))
}

func (a answer) throttled() bool {
	return a.status == http.StatusTooManyRequests || a.status >= 400 && refusalIn(a.body).throttled()
}

// retryAfter reads Retry-After, in seconds or as a date, within 1 s and 10 min; without one that can be read it is unsaid.
func (a answer) retryAfter(unsaid time.Duration) time.Duration {
	value := strings.TrimSpace(a.header.Get("Retry-After"))
	if value == "" {
		return unsaid
	}
	if seconds, err := strconv.ParseFloat(value, 64); err == nil {
		if !(seconds > 0) {
			return retryAfterLeast
		}
		return time.Duration(min(max(seconds, retryAfterLeast.Seconds()), retryAfterMost.Seconds()) * float64(time.Second))
	}
	if at, err := http.ParseTime(value); err == nil {
		return min(max(at.Sub(a.at), retryAfterLeast), retryAfterMost)
	}
	return unsaid
}

// urlIn reads {"url":…}, or an array with one such object (V1's shape). Where nothing may be registered, the ways to say so are "".
func urlIn(body []byte, mayBeNone bool) (string, error) {
	body = bytes.TrimSpace(body)
	if len(body) == 0 || bytes.Equal(body, []byte("null")) {
		return none(mayBeNone)
	}
	if body[0] == '[' {
		var elements []json.RawMessage
		switch err := json.Unmarshal(body, &elements); {
		case err != nil:
			return "", unexpected("a body that is not JSON")
		case len(elements) == 0:
			return none(mayBeNone)
		case len(elements) > 1:
			return "", unexpected("%d registrations for one account", len(elements))
		case bytes.Equal(bytes.TrimSpace(elements[0]), []byte("null")):
			return "", unexpected("a list with nothing in it")
		}
		body = elements[0]
	}
	// A map, because a struct's fields would match URL and Url too.
	var fields map[string]json.RawMessage
	if err := json.Unmarshal(body, &fields); err != nil {
		return "", unexpected("a body that is no JSON object")
	}
	if _, failed := fields["errorCode"]; failed {
		return "", unexpected("an errorCode in a success")
	}
	raw, ok := fields["url"]
	switch {
	case !ok && len(fields) == 0, bytes.Equal(raw, []byte("null")), bytes.Equal(raw, []byte(`""`)):
		return none(mayBeNone)
	case !ok:
		return "", unexpected("an object without url")
	}
	var remote string
	if err := json.Unmarshal(raw, &remote); err != nil {
		return "", unexpected("a url that is no text")
	}
	if !acceptableRemote(remote) {
		return "", unexpected("a url that can't be one")
	}
	return remote, nil
}

func none(mayBe bool) (string, error) {
	if mayBe {
		return "", nil
	}
	return "", unexpected("a success without url")
}

// acceptableRemote reads leniently (old registrations may be http://), but takes only what can be stored and shown.
func acceptableRemote(remote string) bool {
	return remote != "" && len(remote) <= maxRemoteURL && utf8.ValidString(remote) && strings.TrimSpace(remote) == remote &&
		!strings.ContainsFunc(remote, unicode.IsControl) && !strings.ContainsRune(remote, utf8.RuneError)
}
