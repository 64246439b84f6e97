package thingspace

import (
	"context"
	"crypto/x509"
	"encoding/json"
	"fmt"
	"maps"
	"net/http"
	"net/url"
	"strings"
	"sync"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"k8s.io/utils/clock"
)

// Config is what a Client works with.
type Config struct {
	// BaseURL is the {base} of every call, for example https://thingspace.verizon.com/api.
	BaseURL string
	// AllowHTTP accepts an http:// base URL, for tests.
	AllowHTTP bool
	// RootCAs returns the roots that new connections trust; nil, of the function or the pool, stands for the system's.
	RootCAs func() *x509.CertPool
	// Timeout bounds one call.
	Timeout time.Duration
	// QPS and Burst are a token bucket over all calls; a QPS of 0 lifts it.
	QPS   float64
	Burst int
	// Clock is the real one, or a test's.
	Clock clock.Clock
	// Transport replaces the client's own, in tests.
	Transport http.RoundTripper
	// Registerer takes the metrics; nil for none.
	Registerer prometheus.Registerer
	// UserAgent is sent with every call.
	UserAgent string
	// OnRecovery is called when the open circuit closes. It must not block.
	OnRecovery func()
}

// Client makes the calls. One serves all accounts and credentials; it is safe for concurrent use.
type Client struct {
	base      string
	http      *http.Client
	timeout   time.Duration
	userAgent string
	clock     clock.Clock

	pace    *pace
	pauses  *pauses
	circuit *circuit
	logins  *logins
	metrics *clientMetrics

	mu       sync.Mutex
	sessions map[Digest]*sessionState
}

// New returns a Client that has made no call yet. It refuses a base URL that no call could use.
func New(config Config) (*Client, error) {
	if err := CheckBaseURL(config.BaseURL, config.AllowHTTP); err != nil {
		return nil, err
	}
	transport := config.Transport
	if transport == nil {
		transport = newRotating(config.RootCAs)
	}
	return &Client{
		base: strings.TrimRight(config.BaseURL, "/"),
		http: &http.Client{
			Transport: transport,
			// A redirect would carry credentials to whoever it names.
			CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
		},
		timeout:   config.Timeout,
		userAgent: config.UserAgent,
		clock:     config.Clock,
		pace:      newPace(config.QPS, config.Burst, config.Clock),
		pauses:    newPauses(config.Clock),
		circuit:   newCircuit(config.Clock, config.OnRecovery),
		logins:    newLogins(config.Clock),
		metrics:   newClientMetrics(config.Registerer),
		sessions:  map[Digest]*sessionState{},
	}, nil
}

// List returns the URL that is registered for the account, and "" for none (List Registered Callbacks, V3).
func (c *Client) List(ctx context.Context, caller Caller) (string, error) {
	a, err := c.call(ctx, caller, request{operation: opList, method: http.MethodGet})
	if err != nil {
		return "", err
	}
	return a.registration()
}

// Register registers callback where nothing is registered (Register Callback, V3: POST, which replaces what is there), and returns it as
// ThingSpace wrote it.
func (c *Client) Register(ctx context.Context, caller Caller, callback string, prove Prove) (string, error) {
	a, err := c.write(ctx, caller, request{operation: opRegister, method: http.MethodPost, prove: prove}, callback)
	if err != nil {
		return "", err
	}
	return a.echo()
}

// Update replaces what is registered in place (Update Callback, V3: PUT), and returns it as ThingSpace wrote it. Where ThingSpace refuses that with 400 or
// 404, it registers: whether PUT works with nothing registered is not documented.
func (c *Client) Update(ctx context.Context, caller Caller, callback string, prove Prove) (string, error) {
	a, err := c.write(ctx, caller, request{operation: opUpdate, method: http.MethodPut, prove: prove}, callback)
	if err != nil {
		return "", err
	}
	if (a.status == http.StatusBadRequest || a.status == http.StatusNotFound) && !a.throttled() {
		return c.Register(ctx, caller, callback, prove)
	}
	return a.echo()
}

// Deregister removes the registration (Deregister Callback, V3). An answer that nothing was registered is a success; whether it is gone only List
// can say.
func (c *Client) Deregister(ctx context.Context, caller Caller, prove Prove) error {
	a, err := c.call(ctx, caller, request{operation: opDeregister, method: http.MethodDelete, prove: prove})
	if err != nil {
		return err
	}
	return a.deregistered()
}

// SignedIn says whether a call with these credentials would go out without asking for a token or a session first.
func (c *Client) SignedIn(credentials Credentials) bool {
	state, now := c.sessionOf(credentials.Digest()), c.clock.Now()
	state.mu.Lock()
	defer state.mu.Unlock()
	_, ok := state.current(now)
	return ok
}

// Forget drops what is kept for an account that no object names any more.
func (c *Client) Forget(account string) { c.circuit.forget(account) }

func (c *Client) sessionOf(digest Digest) *sessionState {
	c.mu.Lock()
	defer c.mu.Unlock()
	now := c.clock.Now()
	state := c.sessions[digest]
	if state == nil {
		maps.DeleteFunc(c.sessions, func(_ Digest, s *sessionState) bool { return now.Sub(s.asked) > sessionKept })
		state = &sessionState{}
		c.sessions[digest] = state
	}
	state.asked = now
	return state
}

func (c *Client) write(ctx context.Context, caller Caller, r request, callback string) (answer, error) {
	if err := CheckURL(callback); err != nil {
		return answer{}, err
	}
	body, err := json.Marshal(map[string]string{"url": callback})
	if err != nil {
		return answer{}, fmt.Errorf("encode the callback URL: %w", err)
	}
	r.body = body
	return c.call(ctx, caller, r)
}

// call makes one of the four calls. Where ThingSpace refuses the sign-in that it carried, it signs in and repeats the call; all four are
// idempotent. Token and session are each renewed once at most: the gateway looks at the token first, so a call whose session has ended as well
// learns of that only from the repetition.
func (c *Client) call(ctx context.Context, caller Caller, r request) (answer, error) {
	if err := CheckAccount(caller.Account); err != nil {
		return answer{}, err
	}
	digest := caller.Credentials.Digest()
	state := c.sessionOf(digest)
	c.logins.stillAsked(caller, digest)
	r.account, r.credentials, r.path = caller.Account, digest, "/fota/v3/callbacks/"+url.PathEscape(caller.Account)
	var renewed cure
	for {
		if err := c.pauses.check(digest); err != nil {
			return answer{}, err
		}
		g, own, err := c.authorize(ctx, caller, digest)
		if err != nil {
			return answer{}, err
		}
		r.header = map[string]string{
			"Authorization": "Bearer " + g.token.Reveal(), "VZ-M2M-Token": g.session.Reveal(),
			"Accept": "application/json", "Content-Type": "application/json",
		}
		a, _, err := c.send(ctx, r)
		if err != nil {
			return answer{}, err
		}
		cure := cureFor(a)
		if cure == cureNone {
			state.used(g, a.at)
			return a, nil
		}
		young := a.at.Sub(g.sessionBegan) < loginEvery
		atFault := cure &^ renewed // of both, what has just been renewed is not
		if atFault == cureNone || cure == cureBoth && young || cure == cureSession && own && young {
			return answer{}, &AccessDeniedError{Code: refusalIn(a.body).code}
		}
		state.drop(g, atFault&cureBearer != 0, atFault&cureSession != 0)
		renewed |= atFault
	}
}

// cure is what to drop before signing in again: the bearer, the session, or both.
type cure int

const (
	cureNone    cure = 0
	cureBearer  cure = 1
	cureSession cure = 2
	cureBoth         = cureBearer | cureSession
)

// cureFor covers every shape in which a sign-in was seen refused: 900901 and 900902 concern the bearer, a code with SessionToken at any
// status the session, any other 401 may be either.
func cureFor(a answer) cure {
	if a.status < 400 || a.throttled() {
		return cureNone
	}
	r := refusalIn(a.body)
	switch {
	case r.aboutSession():
		return cureSession
	case r.aboutBearer():
		return cureBearer
	case a.status == http.StatusUnauthorized:
		return cureBoth
	}
	return cureNone
}
