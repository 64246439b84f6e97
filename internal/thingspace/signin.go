package thingspace

import (
	"context"
	"encoding/base64"
	"encoding/json"
	"errors"
	"net/http"
	"strings"
	"time"
)

// A sign-in is at most a token, a login, and both once more; it goes on when the call that brought it is cut off, so that those who wait for
// it are not.
const signInCalls = 4

// authorize returns what a call with these credentials carries, and whether this caller itself has signed in for it.
func (c *Client) authorize(ctx context.Context, caller Caller, digest Digest) (g grant, own bool, err error) {
	state := c.sessionOf(digest)
	for {
		state.mu.Lock()
		now := c.clock.Now()
		if g, ok := state.current(now); ok {
			state.mu.Unlock()
			return g, own, nil
		}
		flight := state.signingIn
		if flight == nil {
			// Not in the sign-in itself: whoever waits for one may bring a request that this does not answer.
			if refused := state.tokenRefusal(caller.LoginRequest, now); refused != nil {
				state.mu.Unlock()
				return grant{}, false, refused
			}
			flight = &signIn{done: make(chan struct{})}
			state.signingIn = flight
			state.mu.Unlock()

			g, err := c.signIn(ctx, caller, digest, state)
			state.mu.Lock()
			state.signingIn = nil
			state.mu.Unlock()
			flight.err, flight.abandoned = err, err != nil && !isFarSide(err)
			close(flight.done)
			return g, true, err
		}
		state.mu.Unlock()
		select {
		case <-flight.done:
			if flight.err != nil && flight.servesFor(caller) {
				return grant{}, false, flight.err
			}
		case <-ctx.Done():
			return grant{}, false, ctx.Err()
		}
	}
}

// isFarSide says whether an error speaks of ThingSpace, and so to everybody with the same credentials.
func isFarSide(err error) bool {
	switch err.(type) { //nolint:errorlint // this package returns its errors as they are
	case *CredentialsRejectedError, *LoginWithheldError, *RateLimitedError, *UnavailableError, *UnexpectedResponseError, *AccessDeniedError:
		return true
	}
	return false
}

func (c *Client) signIn(ctx context.Context, caller Caller, digest Digest, state *sessionState) (grant, error) {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), signInCalls*c.timeout)
	defer cancel()
	if !state.currentSession(c.clock.Now()) {
		if err := c.logins.refusal(caller, digest); err != nil { // before a token is asked for, which nobody could use
			return grant{}, err
		}
	}
	if err := c.ensureToken(ctx, caller, digest, state); err != nil {
		return grant{}, err
	}
	if !state.currentSession(c.clock.Now()) {
		if err := c.login(ctx, caller, digest, state); err != nil {
			return grant{}, err
		}
	}
	state.mu.Lock()
	defer state.mu.Unlock()
	// Not current: what has just been issued is used once, however short its life.
	return grant{token: state.token, session: state.session, sessionBegan: state.sessionBegan}, nil
}

func (c *Client) ensureToken(ctx context.Context, caller Caller, digest Digest, state *sessionState) error {
	if _, ok := state.currentToken(c.clock.Now()); ok {
		return nil
	}
	basic := base64.StdEncoding.EncodeToString([]byte(caller.Credentials.ClientID.Reveal() + ":" + caller.Credentials.ClientSecret.Reveal()))
	a, _, err := c.send(ctx, request{
		operation: opToken, namespace: caller.Namespace, account: caller.Account, credentials: digest, prove: caller.BeforeToken,
		method: http.MethodPost, path: "/ts/v1/oauth2/token", body: []byte("grant_type=client_credentials"),
		header: map[string]string{"Authorization": "Basic " + basic, "Content-Type": "application/x-www-form-urlencoded", "Accept": "application/json"},
	})
	if err != nil {
		return err
	}
	if a.status != http.StatusOK {
		r := refusalIn(a.body)
		if !a.throttled() && r.structured && (a.status == http.StatusBadRequest || a.status == http.StatusUnauthorized || a.status == http.StatusForbidden) {
			err := &CredentialsRejectedError{Code: r.code}
			state.refuseToken(err, caller.LoginRequest, c.clock.Now())
			return err
		}
		return a.failure()
	}
	var result struct {
		AccessToken string  `json:"access_token"`
		ExpiresIn   float64 `json:"expires_in"`
	}
	if json.Unmarshal(a.body, &result) != nil || !sendable(result.AccessToken) {
		return unexpected("a token that can't be read")
	}
	life := tokenUnsaid
	if result.ExpiresIn > 0 {
		life = time.Duration(min(result.ExpiresIn, (24*time.Hour).Seconds()) * float64(time.Second))
	}
	state.setToken(Sensitive(result.AccessToken), life, c.clock.Now())
	return nil
}

// login makes at most one login, in the bounds that keep the user from being locked out.
func (c *Client) login(ctx context.Context, caller Caller, digest Digest, state *sessionState) error {
	attempt, err := c.logins.begin(caller, digest)
	if err != nil {
		return err
	}
	defer attempt.ended()
	recorded := false
	record := func(ctx context.Context) error {
		if recorded || caller.BeforeLogin == nil {
			return nil
		}
		err := caller.BeforeLogin(ctx, attempt.proven)
		recorded = err == nil
		return err
	}
	a, written, err := c.sendLogin(ctx, caller, digest, state, record)
	if err == nil && a.status == http.StatusUnauthorized && refusalIn(a.body).aboutBearer() {
		// The token is stale, and nobody has looked at the password yet.
		token, _ := state.currentToken(c.clock.Now())
		state.drop(grant{token: token}, true, false)
		if err = c.ensureToken(ctx, caller, digest, state); err == nil {
			a, written, err = c.sendLogin(ctx, caller, digest, state, record)
		} else {
			written = false
		}
	}
	noAttempt := err != nil && !written || err == nil && a.throttled()
	if noAttempt && recorded && !attempt.proven && caller.LoginUncounted != nil {
		caller.LoginUncounted()
	}
	err = c.loginVerdict(attempt, state, a, written, err)
	if _, refused := errors.AsType[*CredentialsRejectedError](err); refused && written && attempt.proven && caller.LoginRefused != nil {
		caller.LoginRefused(attempt.unrecorded())
	}
	if err == nil && caller.AfterLogin != nil {
		caller.AfterLogin(ctx)
	}
	return err
}

// sendLogin sends the login once. It is recorded last of all: what is held back on the way has not been an attempt.
func (c *Client) sendLogin(ctx context.Context, caller Caller, digest Digest, state *sessionState, record Prove) (answer, bool, error) {
	body, err := json.Marshal(map[string]string{"username": caller.Credentials.Username.Reveal(), "password": caller.Credentials.Password.Reveal()})
	if err != nil {
		return answer{}, false, unexpected("credentials that can't be sent")
	}
	state.mu.Lock()
	token := state.token
	state.mu.Unlock()
	return c.send(ctx, request{
		operation: opLogin, namespace: caller.Namespace, account: caller.Account, credentials: digest,
		method: http.MethodPost, path: "/m2m/v1/session/login", body: body, prove: record,
		header: map[string]string{"Authorization": "Bearer " + token.Reveal(), "Content-Type": "application/json", "Accept": "application/json"},
	})
}

// loginVerdict settles the attempt. A login that was sent counts as failed unless it demonstrably was not.
func (c *Client) loginVerdict(attempt *loginAttempt, state *sessionState, a answer, written bool, err error) error {
	switch {
	case err != nil && !written:
		attempt.notMade()
		return err
	case err != nil:
		attempt.unanswered()
		c.metrics.login("error")
		return err
	case a.throttled():
		c.metrics.login("error")
		return a.failure() // no attempt, but it has used the minute
	case a.status == http.StatusOK:
		var result struct {
			SessionToken string `json:"sessionToken"`
		}
		if json.Unmarshal(a.body, &result) != nil || !sendable(result.SessionToken) {
			attempt.unanswered()
			c.metrics.login("error")
			return unexpected("a login without a session")
		}
		attempt.succeeded()
		c.metrics.login("success")
		state.setSession(Sensitive(result.SessionToken), c.clock.Now())
		return nil
	}
	r := refusalIn(a.body)
	refusedStatus := a.status == http.StatusBadRequest || a.status == http.StatusUnauthorized || a.status == http.StatusForbidden
	if refusedStatus && r.structured && !r.gateway { // the gateway has not looked at the password
		c.metrics.login("refused")
		return attempt.refused(r.code)
	}
	attempt.unanswered()
	c.metrics.login("error")
	err = a.failure()
	if denied, ok := errors.AsType[*AccessDeniedError](err); ok { // a bearer that is refused twice says nothing about the password
		return unexpected("a bearer token that was just issued is refused (%s)", denied.Code)
	}
	return err
}

// sendable says whether a token can stand in a header.
func sendable(token string) bool {
	return token != "" && len(token) <= 16<<10 && !strings.ContainsFunc(token, func(r rune) bool { return r <= ' ' || r > '~' })
}
