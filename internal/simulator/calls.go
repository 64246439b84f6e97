package simulator

import (
	"crypto/subtle"
	"encoding/json"
	"fmt"
	"mime"
	"net/http"
	"strings"
)

const (
	opToken      = "token"
	opLogin      = "login"
	opList       = "list"
	opRegister   = "register"
	opUpdate     = "update"
	opDeregister = "deregister"
)

// reply is an answer that has been decided on and not been sent yet.
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

// fault is the gateway's form.
func fault(status int, code, message string) reply {
	return jsonReply(status, map[string]any{"fault": map[string]string{"code": code, "message": message, "description": message}})
}

func oauthError(status int, code, description string) reply {
	return jsonReply(status, map[string]string{"error": code, "error_description": description})
}

func same(a, b string) bool { return subtle.ConstantTimeCompare([]byte(a), []byte(b)) == 1 }

// issueToken returns the token that lives already, with what is left of its life.
func (s *Simulator) issueToken(r *http.Request, _ string) reply {
	id, secret, ok := r.BasicAuth()
	if r.FormValue("grant_type") != "client_credentials" {
		return oauthError(http.StatusBadRequest, "unsupported_grant_type", "grant_type must be client_credentials")
	}
	if known, exists := s.apps[id]; !ok || !exists || !same(known, secret) {
		return oauthError(http.StatusUnauthorized, "invalid_client", "Client authentication failed")
	}
	now := s.clock.Now()
	live := s.tokens[id]
	if live.value == "" || !now.Before(live.ends) {
		s.issued++
		live = token{value: fmt.Sprintf("token-%d", s.issued), ends: now.Add(s.options.TokenLife)}
		s.tokens[id] = live
	}
	answer := map[string]any{"access_token": live.value, "token_type": "Bearer", "scope": "default"}
	if !s.options.NoExpiresIn {
		answer["expires_in"] = int(live.ends.Sub(now).Seconds())
	}
	return jsonReply(http.StatusOK, answer)
}

// bearerProblem is the gateway's answer to a call without a token that lives; nil where it has one.
func (s *Simulator) bearerProblem(r *http.Request) *reply {
	value, ok := strings.CutPrefix(r.Header.Get("Authorization"), "Bearer ")
	if !ok || value == "" {
		missing := fault(http.StatusUnauthorized, "900902", "Missing Credentials")
		return &missing
	}
	now := s.clock.Now()
	for _, live := range s.tokens {
		if now.Before(live.ends) && same(live.value, value) {
			return nil
		}
	}
	stale := fault(http.StatusUnauthorized, "900901", "Invalid Credentials")
	return &stale
}

const lockedAfter = 5

// logIn locks a user at the fifth refused login in a row.
func (s *Simulator) logIn(r *http.Request, body string) reply {
	if problem := s.bearerProblem(r); problem != nil {
		return *problem
	}
	var given struct {
		Username string `json:"username"`
		Password string `json:"password"`
	}
	if json.Unmarshal([]byte(body), &given) != nil {
		return refused(http.StatusBadRequest, "UnifiedWebService.REQUEST_FAILED.MalformedRequest", "The request can't be read.")
	}
	known := s.users[given.Username]
	switch {
	case known == nil:
		return refused(http.StatusBadRequest, "UnifiedWebService.REQUEST_FAILED.LoginFailed", "User name or password is wrong.")
	case known.locked:
		return refused(http.StatusBadRequest, "UnifiedWebService.REQUEST_FAILED.UserLocked", "The user is locked; call support.")
	case !same(known.password, given.Password):
		known.failed++
		known.locked = known.failed >= lockedAfter
		return refused(http.StatusBadRequest, "UnifiedWebService.REQUEST_FAILED.LoginFailed", "User name or password is wrong.")
	}
	known.failed = 0
	s.issued++
	value := fmt.Sprintf("session-%d", s.issued)
	s.sessions[value] = &session{user: given.Username, began: s.clock.Now(), used: s.clock.Now()}
	return jsonReply(http.StatusOK, map[string]string{"sessionToken": value})
}

// sessionProblem is the answer to a call without a session that lives; nil where it has one.
func (s *Simulator) sessionProblem(r *http.Request) *reply {
	live := s.sessions[r.Header.Get("VZ-M2M-Token")]
	now := s.clock.Now()
	var problem reply
	switch {
	case live == nil:
		problem = refused(http.StatusBadRequest, "UnifiedWebService.REQUEST_FAILED.SessionToken.Invalid", "The session is not valid.")
	case now.Sub(live.used) >= s.options.SessionIdle, s.options.SessionLife > 0 && now.Sub(live.began) >= s.options.SessionLife:
		problem = refused(http.StatusBadRequest, "UnifiedWebService.REQUEST_FAILED.SessionToken.Expired", "The session has expired.")
	default:
		live.used = now
		return nil
	}
	return &problem
}

// callbackProblem is what stands in the way of any of the four calls; nil where nothing does.
func (s *Simulator) callbackProblem(r *http.Request) *reply {
	if problem := s.bearerProblem(r); problem != nil {
		return problem
	}
	if problem := s.sessionProblem(r); problem != nil {
		return problem
	}
	var problem reply
	contentType, _, _ := mime.ParseMediaType(r.Header.Get("Content-Type"))
	switch {
	case contentType != "application/json" || r.Header.Get("Accept") != "application/json":
		problem = refused(http.StatusBadRequest, "INVALID_HEADER", "Accept and Content-Type must be application/json.")
	case s.denied[accountOf(r)]:
		problem = refused(http.StatusForbidden, "ACCESS_DENIED", "The user may not use this account.")
	default:
		return nil
	}
	return &problem
}

func accountOf(r *http.Request) string { return strings.ToLower(r.PathValue("account")) }

func (s *Simulator) list(r *http.Request, _ string) reply {
	if problem := s.callbackProblem(r); problem != nil {
		return *problem
	}
	url, ok := s.registrations[accountOf(r)]
	if !ok {
		return s.nothing()
	}
	summary := map[string]string{"url": url}
	if s.options.AsArray {
		return jsonReply(http.StatusOK, []any{summary})
	}
	return jsonReply(http.StatusOK, summary)
}

func (s *Simulator) nothing() reply {
	switch s.options.Nothing {
	case NothingEmpty:
		return reply{status: http.StatusOK}
	case NothingChunked:
		return reply{status: http.StatusOK, chunked: true}
	case NothingSpace:
		return reply{status: http.StatusOK, body: " \r\n"}
	case NothingNull:
		return reply{status: http.StatusOK, body: "null"}
	case NothingObject:
		return reply{status: http.StatusOK, body: "{}"}
	case NothingArray:
		return reply{status: http.StatusOK, body: "[]"}
	case NothingArrayOfObject:
		return reply{status: http.StatusOK, body: "[{}]"}
	case NothingNullURL:
		return reply{status: http.StatusOK, body: `{"url":null}`}
	case NothingEmptyURL:
		return reply{status: http.StatusOK, body: `{"url":""}`}
	case Nothing204:
		return reply{status: http.StatusNoContent}
	case Nothing404:
		return reply{status: http.StatusNotFound}
	case Nothing404JSON:
		return refused(http.StatusNotFound, "CALLBACK_NOT_REGISTERED", "No callback is registered.")
	case Nothing400:
		return refused(http.StatusBadRequest, "CALLBACK_NOT_REGISTERED", "No callback is registered.")
	case Nothing403:
		return refused(http.StatusForbidden, "CALLBACK_NOT_REGISTERED", "No callback is registered.")
	}
	return reply{status: http.StatusOK}
}

func (s *Simulator) register(r *http.Request, body string) reply { return s.store(r, body) }

func (s *Simulator) update(r *http.Request, body string) reply {
	if problem := s.callbackProblem(r); problem != nil {
		return *problem
	}
	if _, ok := s.registrations[accountOf(r)]; !ok && s.options.UpdateMissing >= 400 {
		return refused(s.options.UpdateMissing, "CALLBACK_NOT_REGISTERED", "No callback is registered.")
	}
	return s.store(r, body)
}

func (s *Simulator) store(r *http.Request, body string) reply {
	if problem := s.callbackProblem(r); problem != nil {
		return *problem
	}
	var wish struct {
		URL string `json:"url"`
	}
	if json.Unmarshal([]byte(body), &wish) != nil || !strings.HasPrefix(strings.ToLower(wish.URL), "https://") {
		return refused(http.StatusBadRequest, "INVALID_PARAMETER", "url must be an https URL.")
	}
	if s.options.Normalize != nil {
		wish.URL = s.options.Normalize(wish.URL)
	}
	s.registrations[accountOf(r)] = wish.URL
	return jsonReply(http.StatusOK, map[string]string{"url": wish.URL})
}

func (s *Simulator) deregister(r *http.Request, _ string) reply {
	if problem := s.callbackProblem(r); problem != nil {
		return *problem
	}
	if _, ok := s.registrations[accountOf(r)]; !ok && s.options.DeregisterMissing >= 400 {
		return refused(s.options.DeregisterMissing, "CALLBACK_NOT_REGISTERED", "No callback is registered.")
	}
	delete(s.registrations, accountOf(r))
	return jsonReply(http.StatusOK, map[string]bool{"success": true})
}
