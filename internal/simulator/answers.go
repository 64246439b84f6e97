package simulator

import (
	"bytes"
	"compress/gzip"
	"encoding/json"
	"fmt"
	"io"
	"maps"
	"net/http"
	"slices"
	"strings"
	"sync"
)

// Answer names an answer that ThingSpace, its gateway or something between is known or feared to give.
type Answer string

// The answers: first those of a dead session, then of a dead token, of the gateway, of FOTA, and of a broken way.
const (
	// AnswerRight is the right one, with its effect: for a Fault that only delays it or cuts it off.
	AnswerRight Answer = "right"

	AnswerSessionExpired    Answer = "session-expired"
	AnswerSessionInvalid    Answer = "session-invalid"
	AnswerSessionFormat     Answer = "session-format"
	AnswerSessionExpired401 Answer = "session-expired-401"
	AnswerSessionExpired403 Answer = "session-expired-403"
	AnswerUnauthorizedUWS   Answer = "unauthorized-uws"
	AnswerBare401           Answer = "bare-401"

	AnswerBearerStale       Answer = "bearer-stale"
	AnswerBearerStaleNumber Answer = "bearer-stale-number" //nolint:gosec // a name, no credential
	AnswerBearerMissing     Answer = "bearer-missing"

	AnswerForbiddenXML  Answer = "forbidden-xml"
	AnswerNotSubscribed Answer = "not-subscribed"
	AnswerThrottled     Answer = "throttled"
	AnswerThrottled403  Answer = "throttled-403"

	AnswerDenied           Answer = "denied"
	AnswerInvalidParameter Answer = "invalid-parameter"
	AnswerNotRegistered    Answer = "not-registered"
	AnswerNotSuccessful    Answer = "not-successful"

	AnswerServerError Answer = "server-error"
	AnswerUnavailable Answer = "unavailable"
	AnswerHTML        Answer = "html"
	AnswerGarbage     Answer = "garbage"
	AnswerGzipBomb    Answer = "gzip-bomb"
)

const servicePrefix = "UnifiedWebService.REQUEST_FAILED."

var answers = map[Answer]reply{
	AnswerSessionExpired:    refused(http.StatusBadRequest, servicePrefix+"SessionToken.Expired", "The session has expired."),
	AnswerSessionInvalid:    refused(http.StatusBadRequest, servicePrefix+"SessionToken.Invalid", "The session is not valid."),
	AnswerSessionFormat:     refused(http.StatusBadRequest, servicePrefix+"SessionToken.Format", "The session token can't be read."),
	AnswerSessionExpired401: refused(http.StatusUnauthorized, servicePrefix+"SessionToken.Expired", "The session has expired."),
	AnswerSessionExpired403: refused(http.StatusForbidden, servicePrefix+"SessionToken.Expired", "The session has expired."),
	AnswerUnauthorizedUWS:   oauthError(http.StatusUnauthorized, "unauthorized", "Full authentication is required: UWS session"),
	AnswerBare401:           {status: http.StatusUnauthorized},

	AnswerBearerStale: gatewayFault(http.StatusUnauthorized, "900901", "Invalid Credentials"),
	AnswerBearerStaleNumber: jsonReply(http.StatusUnauthorized, map[string]any{"fault": map[string]any{
		"code": 900901, "message": "Invalid Credentials", "description": "Invalid Credentials"}}),
	AnswerBearerMissing: gatewayFault(http.StatusUnauthorized, "900902", "Missing Credentials"),

	AnswerForbiddenXML: {status: http.StatusForbidden, header: map[string]string{"Content-Type": "application/xml"},
		body: `<am:fault xmlns:am="http://wso2.org/apimanager"><am:code>900908</am:code><am:message>Resource forbidden</am:message></am:fault>`},
	AnswerNotSubscribed: gatewayFault(http.StatusForbidden, "900908", "Resource forbidden"),
	AnswerThrottled:     gatewayFault(http.StatusTooManyRequests, "900800", "Message throttled out"),
	AnswerThrottled403:  gatewayFault(http.StatusForbidden, "900802", "Message throttled out"),

	AnswerDenied:           refused(http.StatusForbidden, "ACCESS_DENIED", "The user may not use this account."),
	AnswerInvalidParameter: refused(http.StatusBadRequest, "INVALID_PARAMETER", "A parameter is not valid."),
	AnswerNotRegistered:    notRegistered(http.StatusBadRequest),
	AnswerNotSuccessful:    jsonReply(http.StatusOK, map[string]bool{"success": false}),

	AnswerServerError: refused(http.StatusInternalServerError, "INTERNAL_ERROR", "Something went wrong."),
	AnswerUnavailable: {status: http.StatusServiceUnavailable},
	AnswerHTML: {status: http.StatusOK, header: map[string]string{"Content-Type": "text/html"},
		body: "<!DOCTYPE html><html><body>Please sign in.</body></html>"},
	AnswerGarbage:  {status: http.StatusOK, body: "\x00\xff\xfe{\"url\":[}"},
	AnswerGzipBomb: {status: http.StatusOK, header: map[string]string{"Content-Encoding": "gzip"}}, // its body is made when it is asked for
}

// Answers are all that have a name, in alphabetical order, AnswerRight aside.
func Answers() []Answer { return slices.Sorted(maps.Keys(answers)) }

func (name Answer) reply() reply {
	answer := answers[name]
	if name == AnswerGzipBomb {
		answer.body = gzipBomb()
	}
	return answer
}

func unknownAnswer(name Answer) error {
	return fmt.Errorf("there is no answer %q; there are %s", name, names(answers))
}

// reply is an answer that has been decided on and not been sent yet. Status 0 closes the connection instead.
type reply struct {
	status  int
	body    string
	chunked bool
	header  map[string]string
}

func jsonReply(status int, value any) reply {
	body, err := json.Marshal(value)
	if err != nil {
		panic(err) // strings, numbers and maps of them always encode
	}
	return reply{status: status, body: string(body)}
}

// refused is FotaV3Result, and the form of the session service's errors.
func refused(status int, code, message string) reply {
	return jsonReply(status, map[string]string{"errorCode": code, "errorMessage": message})
}

func gatewayFault(status int, code, message string) reply {
	return jsonReply(status, map[string]any{"fault": map[string]string{"code": code, "message": message, "description": message}})
}

func oauthError(status int, code, description string) reply {
	return jsonReply(status, map[string]string{"error": code, "error_description": description})
}

// gzipBomb is a gibibyte in about a megabyte: members of a gzip stream may follow one another.
var gzipBomb = sync.OnceValue(func() string {
	var member bytes.Buffer
	writer := gzip.NewWriter(&member)
	_, _ = writer.Write(make([]byte, 1<<20)) // to memory: it can't fail
	_ = writer.Close()
	return strings.Repeat(member.String(), 1<<10)
})

func (a reply) writeHeader(w http.ResponseWriter) {
	if strings.TrimSpace(a.body) == "" || json.Valid([]byte(a.body)) {
		w.Header().Set("Content-Type", "application/json")
	}
	for name, value := range a.header {
		w.Header().Set(name, value)
	}
	w.WriteHeader(a.status)
	if a.chunked {
		_ = http.NewResponseController(w).Flush()
	}
}

func (a reply) send(w http.ResponseWriter) {
	a.writeHeader(w)
	_, _ = io.WriteString(w, a.body)
}
