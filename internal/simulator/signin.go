package simulator

import (
	"encoding/json"
	"fmt"
	"maps"
	"mime"
	"net/http"
	"net/url"
	"strings"
)

// issueToken returns the token that lives already, with what is left of its life.
func (s *Simulator) issueToken(c *call) reply {
	form := url.Values{}
	if contentType, _, _ := mime.ParseMediaType(c.Header.Get("Content-Type")); contentType == "application/x-www-form-urlencoded" {
		form, _ = url.ParseQuery(c.body) // what can be read of it
	}
	if form.Get("grant_type") != "client_credentials" {
		return oauthError(http.StatusBadRequest, "unsupported_grant_type", "grant_type must be client_credentials")
	}
	id, secret, ok := c.BasicAuth()
	if known, exists := s.apps[id]; !ok || !exists || known != secret {
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
func (s *Simulator) bearerProblem(c *call) *reply {
	value, ok := strings.CutPrefix(c.Header.Get("Authorization"), "Bearer ")
	if !ok || value == "" {
		return new(AnswerBearerMissing.reply())
	}
	now := s.clock.Now()
	for _, live := range s.tokens {
		if live.value == value && now.Before(live.ends) {
			return nil
		}
	}
	return new(s.options.BearerRefusal.reply())
}

const lockedAfter = 5

// logIn locks a user at the fifth refused login in a row.
func (s *Simulator) logIn(c *call) reply {
	if problem := s.bearerProblem(c); problem != nil {
		return *problem
	}
	var given struct {
		Username string `json:"username"`
		Password string `json:"password"`
	}
	if json.Unmarshal([]byte(c.body), &given) != nil {
		return refused(http.StatusBadRequest, servicePrefix+"MalformedRequest", "The request can't be read.")
	}
	c.user = given.Username
	known := s.users[strings.ToLower(given.Username)]
	switch {
	case known == nil:
		return refused(s.options.LoginRefusal, servicePrefix+"LoginFailed", "User name or password is wrong.")
	case known.locked:
		return refused(s.options.LoginRefusal, servicePrefix+"UserLocked", "The user is locked; call support.")
	case known.password != given.Password:
		known.failed++
		known.locked = known.failed >= lockedAfter
		return refused(s.options.LoginRefusal, servicePrefix+"LoginFailed", "User name or password is wrong.")
	}
	known.failed = 0
	if s.options.SingleSession {
		maps.DeleteFunc(s.sessions, func(_ string, other *session) bool { return other.user == given.Username })
	}
	s.issued++
	value := fmt.Sprintf("session-%d", s.issued)
	s.sessions[value] = &session{user: given.Username, began: s.clock.Now(), used: s.clock.Now()}
	return jsonReply(http.StatusOK, map[string]string{"sessionToken": value})
}

// sessionProblem is the answer to a call without a session that lives; nil where it has one.
func (s *Simulator) sessionProblem(c *call) *reply {
	value := c.Header.Get("VZ-M2M-Token")
	live := s.sessions[value]
	now := s.clock.Now()
	var why Answer
	switch {
	case value == "":
		why = AnswerSessionFormat
	case live == nil:
		why = AnswerSessionInvalid
	case now.Sub(live.used) >= s.options.SessionIdle, s.options.SessionLife > 0 && now.Sub(live.began) >= s.options.SessionLife:
		why = AnswerSessionExpired
	default:
		live.used = now
		c.user = live.user
		return nil
	}
	if s.options.SessionRefusal != "" {
		why = s.options.SessionRefusal
	}
	return new(why.reply())
}
