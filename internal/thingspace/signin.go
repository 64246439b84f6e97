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

const (
	// One read of the credentials serves all calls for so long, and a sign-in for the shorter time.
	credentialsServe       = 10 * time.Minute
	credentialsServeSignIn = 5 * time.Second
	// A sign-in is at most a token, a login, and both once more. It goes on when the call that brought
	// it is cut off, so that those who wait for it are not.
	signInCalls = 4
)

var (
	errCredentialsChanged = errors.New("the credentials have changed since they were read")
	errBearerStale        = errors.New("the bearer token of a login is stale")
)

// authorize returns what a call with these credentials carries, and whether this caller has signed in
// for it.
func (c *Client) authorize(ctx context.Context, caller Caller, credentials Credentials, state *sessionState) (g grant, own bool, err error) {
	for {
		now := c.clock.Now()
		if g, ok := state.current(now); ok {
			return g, own, nil
		}
		refused := state.refused(caller.AskAgain, credentials.OtherSince)
		state.mu.Lock()
		flight := state.signingIn
		if flight == nil && refused != nil {
			state.mu.Unlock()
			return grant{}, false, refused
		}
		if flight == nil {
			flight = &signIn{done: make(chan struct{})}
			state.signingIn = flight
			state.mu.Unlock()
			g, flight.err = c.signIn(ctx, caller, credentials, state)
			state.mu.Lock()
			state.signingIn = nil
			state.mu.Unlock()
			close(flight.done)
			return g, true, flight.err
		}
		state.mu.Unlock()
		select {
		case <-flight.done:
			if isThingSpace(flight.err) {
				return grant{}, false, flight.err
			}
		case <-ctx.Done():
			return grant{}, false, ctx.Err()
		}
	}
}

// isThingSpace reports whether an error speaks of ThingSpace, and so to all callers with the same
// credentials.
func isThingSpace(err error) bool {
	switch err.(type) { //nolint:errorlint // this package returns its errors as they are
	case *CredentialsRejectedError, *LoginWithheldError, *RateLimitedError, *UnavailableError, *UnexpectedResponseError, *AccessDeniedError:
		return true
	}
	return false
}

func (c *Client) signIn(ctx context.Context, caller Caller, credentials Credentials, state *sessionState) (grant, error) {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), signInCalls*c.timeout)
	defer cancel()
	for again := false; ; again = true {
		g, _ := state.current(c.clock.Now())
		login := !g.session.serves(c.clock.Now())
		if login { // before a token is asked for that nobody could use
			if err := c.logins.Check(ctx, c.loginOf(credentials, state)); err != nil {
				return grant{}, err
			}
		}
		if err := c.ensureToken(ctx, caller, credentials, state); err != nil {
			return grant{}, err
		}
		if login {
			if err := c.login(ctx, caller, credentials, state); err == errBearerStale && !again { //nolint:errorlint // it comes as it is
				continue
			} else if err == errBearerStale { //nolint:errorlint // as above
				return grant{}, unexpected("a bearer token that was just issued is refused")
			} else if err != nil {
				return grant{}, err
			}
		}
		// What was just issued is used once, however short its life.
		g, _ = state.current(c.clock.Now())
		return g, nil
	}
}

func (c *Client) loginOf(credentials Credentials, state *sessionState) Login {
	state.mu.Lock()
	defer state.mu.Unlock()
	return Login{Username: credentials.Username, Secret: credentials.Secret, Verified: state.verified}
}

func (c *Client) ensureToken(ctx context.Context, caller Caller, credentials Credentials, state *sessionState) error {
	if g, _ := state.current(c.clock.Now()); g.token.serves(c.clock.Now()) {
		return nil
	}
	basic := base64.StdEncoding.EncodeToString([]byte(credentials.ClientID.Reveal() + ":" + credentials.ClientSecret.Reveal()))
	a, _, err := c.send(ctx, request{
		operation: opToken, account: caller.Account, namespace: caller.Namespace, credentials: credentials.Digest(),
		method: http.MethodPost, path: "/ts/v1/oauth2/token", body: []byte("grant_type=client_credentials"),
		header: map[string]string{"Authorization": "Basic " + basic, "Content-Type": "application/x-www-form-urlencoded", "Accept": "application/json"},
	})
	if err != nil {
		return err
	}
	if a.status != http.StatusOK {
		if r := refusalIn(a.body); a.refuses() && r.structured && !a.throttled() {
			refused := &CredentialsRejectedError{Code: r.code}
			state.refuse(refused, c.clock.Now())
			return refused
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

// login makes at most one login. It is counted as the last thing before its request, which is sent
// once.
func (c *Client) login(ctx context.Context, caller Caller, credentials Credentials, state *sessionState) error {
	body, err := json.Marshal(map[string]string{"username": credentials.Username.Reveal(), "password": credentials.Password.Reveal()})
	if err != nil {
		return unexpected("credentials that can't be sent")
	}
	g, _ := state.current(c.clock.Now())
	var attempt *LoginAttempt
	count := func(ctx context.Context) error {
		if fresh, err := caller.Credentials.Get(ctx, credentialsServeSignIn); err != nil {
			return err
		} else if fresh.Digest() != credentials.Digest() {
			return errCredentialsChanged
		}
		counted, err := c.logins.Begin(ctx, c.loginOf(credentials, state))
		if err != nil {
			return err
		}
		attempt = &counted
		return nil
	}
	a, written, err := c.send(ctx, request{
		operation: opLogin, account: caller.Account, namespace: caller.Namespace, credentials: credentials.Digest(),
		method: http.MethodPost, path: "/m2m/v1/session/login", body: body, precondition: count,
		header: map[string]string{"Authorization": "Bearer " + g.token.value.Reveal(), "Content-Type": "application/json", "Accept": "application/json"},
	})
	if attempt == nil {
		return err
	}
	return c.settle(ctx, *attempt, state, g, a, written, err)
}

// settle tells the record what came of a login. One that was sent stays counted unless an answer
// says what it was.
func (c *Client) settle(ctx context.Context, attempt LoginAttempt, state *sessionState, g grant, a answer, written bool, err error) error {
	r := refusalIn(a.body)
	var result struct {
		SessionToken string `json:"sessionToken"`
	}
	switch {
	case !written:
		c.logins.Settle(ctx, attempt, LoginNotSent, "")
		return err
	case err != nil:
		c.logins.Settle(ctx, attempt, LoginUnanswered, "")
		c.metrics.login("error")
		return err
	case a.throttled():
		c.logins.Settle(ctx, attempt, LoginThrottled, "")
		c.metrics.login("error")
		return a.failure()
	case a.status == http.StatusOK && json.Unmarshal(a.body, &result) == nil && sendable(result.SessionToken):
		state.setSession(Sensitive(result.SessionToken), c.clock.Now())
		c.logins.Settle(ctx, attempt, LoginSucceeded, "")
		c.metrics.login("success")
		return nil
	case a.status == http.StatusUnauthorized && r.aboutBearer():
		state.drop(g, partToken)
		c.logins.Settle(ctx, attempt, LoginNotSent, "")
		return errBearerStale
	case a.refuses() && r.structured && !r.gateway: // the gateway has not looked at the password
		refused := &CredentialsRejectedError{Login: true, Code: r.code, Failed: attempt.Failed, ConfigMap: attempt.ConfigMap, Key: attempt.Key}
		state.refuse(refused, c.clock.Now())
		c.logins.Settle(ctx, attempt, LoginRefused, r.code)
		c.metrics.login("refused")
		return refused
	}
	c.logins.Settle(ctx, attempt, LoginUnanswered, "")
	c.metrics.login("error")
	if a.status == http.StatusOK {
		return unexpected("a login without a session")
	}
	if err = a.failure(); errors.As(err, new(*AccessDeniedError)) { // of the gateway, which says nothing about the password
		return unexpected("the gateway refused a login%s", inParens(r.code))
	}
	return err
}

// refuses reports whether a status may refuse credentials.
func (a answer) refuses() bool {
	return a.status == http.StatusBadRequest || a.status == http.StatusUnauthorized || a.status == http.StatusForbidden
}

// sendable reports whether a token can stand in a header.
func sendable(token string) bool {
	return token != "" && len(token) <= 16<<10 && !strings.ContainsFunc(token, func(r rune) bool { return r <= ' ' || r > '~' })
}
