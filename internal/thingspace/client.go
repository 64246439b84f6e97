package thingspace

import (
	"context"
	"crypto/x509"
	"encoding/json"
	"errors"
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
	// Logins counts logins.
	Logins LoginRecord
	// OnRecovery is called when the open circuit closes. It must not block.
	OnRecovery func()
}

// Client makes the calls. One serves all accounts and credentials; it is safe for concurrent use.
type Client struct {
	base      string
	connector connector
	timeout   time.Duration
	userAgent string
	clock     clock.Clock

	pace    *pace
	pauses  *pauses
	circuit *circuit
	logins  LoginRecord
	metrics *clientMetrics

	mu       sync.Mutex
	sessions map[Digest]*sessionState
	swept    time.Time
}

// New returns a Client that has made no call yet. It refuses a base URL that no call could use.
func New(config Config) (*Client, error) {
	if err := CheckBaseURL(config.BaseURL, config.AllowHTTP); err != nil {
		return nil, err
	}
	if config.Logins == nil {
		return nil, errors.New("no record counts logins")
	}
	connector, err := newConnector(config)
	if err != nil {
		return nil, err
	}
	return &Client{
		base:      strings.TrimRight(config.BaseURL, "/"),
		connector: connector,
		timeout:   config.Timeout,
		userAgent: config.UserAgent,
		clock:     config.Clock,
		pace:      newPace(config.QPS, config.Burst, config.Clock),
		pauses:    newPauses(config.Clock),
		circuit:   newCircuit(config.Clock, config.OnRecovery),
		logins:    config.Logins,
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
func (c *Client) Register(ctx context.Context, caller Caller, callback string, precondition Precondition) (string, error) {
	a, err := c.write(ctx, caller, request{operation: opRegister, method: http.MethodPost, precondition: precondition}, callback)
	if err != nil {
		return "", err
	}
	return a.echo()
}

// Update replaces what is registered in place (Update Callback, V3: PUT), and returns it as ThingSpace wrote it. Where ThingSpace refuses that with 400 or
// 404, it registers: whether PUT works with nothing registered is not documented.
func (c *Client) Update(ctx context.Context, caller Caller, callback string, precondition Precondition) (string, error) {
	a, err := c.write(ctx, caller, request{operation: opUpdate, method: http.MethodPut, precondition: precondition}, callback)
	if err != nil {
		return "", err
	}
	if (a.status == http.StatusBadRequest || a.status == http.StatusNotFound) && !a.throttled() {
		return c.Register(ctx, caller, callback, precondition)
	}
	return a.echo()
}

// Deregister removes the registration (Deregister Callback, V3). An answer that nothing was registered is a success; whether it is gone only List
// can say.
func (c *Client) Deregister(ctx context.Context, caller Caller, precondition Precondition) error {
	a, err := c.call(ctx, caller, request{operation: opDeregister, method: http.MethodDelete, precondition: precondition})
	if err != nil {
		return err
	}
	return a.deregistered()
}

// SignedIn reports whether a call with these credentials would leave without asking for a token or a
// session first.
func (c *Client) SignedIn(credentials Credentials) bool {
	c.mu.Lock()
	state := c.sessions[credentials.Digest()]
	c.mu.Unlock()
	if state == nil {
		return false
	}
	_, ok := state.current(c.clock.Now())
	return ok
}

// Forget drops what is kept for an account that no object names any more.
func (c *Client) Forget(account string) { c.circuit.forget(account) }

func (c *Client) sessionOf(digest Digest) *sessionState {
	c.mu.Lock()
	defer c.mu.Unlock()
	now := c.clock.Now()
	if now.Sub(c.swept) >= sweepEvery {
		c.swept = now
		maps.DeleteFunc(c.sessions, func(_ Digest, s *sessionState) bool { return s.forgettable(now) })
	}
	state := c.sessions[digest]
	if state == nil {
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

// call makes one of the four calls. Where ThingSpace refuses the sign-in that it carried, it signs in
// and repeats the call; all four are idempotent. Token and session are each renewed once at most: the
// gateway looks at the token first, so a call whose session has ended as well learns of that only
// from the repetition.
func (c *Client) call(ctx context.Context, caller Caller, r request) (answer, error) {
	if err := CheckAccount(caller.Account); err != nil {
		return answer{}, err
	}
	r.account, r.namespace, r.path = caller.Account, caller.Namespace, "/fota/v3/callbacks/"+url.PathEscape(caller.Account)
	var renewed part
	for changes := 0; ; {
		credentials, err := c.credentialsOf(ctx, caller)
		if err != nil {
			return answer{}, err
		}
		r.credentials = credentials.Digest()
		if err := c.pauses.check(r.credentials); err != nil {
			return answer{}, err
		}
		state := c.sessionOf(r.credentials)
		g, own, err := c.authorize(ctx, caller, credentials, state)
		if err == errCredentialsChanged && changes < credentialChanges { //nolint:errorlint // it comes as it is
			changes++
			continue
		}
		if err != nil {
			return answer{}, err
		}
		r.header = map[string]string{
			"Authorization": "Bearer " + g.token.value.Reveal(), "VZ-M2M-Token": g.session.value.Reveal(),
			"Accept": "application/json", "Content-Type": "application/json",
		}
		a, _, err := c.send(ctx, r)
		if err != nil {
			return answer{}, err
		}
		refused := refusedPart(a)
		if refused == 0 {
			state.used(g, a.at)
			return a, nil
		}
		young := a.at.Sub(g.session.at) < sessionYoung
		atFault := refused &^ renewed // of both, what was just renewed is not
		if atFault == 0 || refused == partToken|partSession && young || refused == partSession && own && young {
			return answer{}, &AccessDeniedError{Code: refusalIn(a.body).code}
		}
		state.drop(g, atFault)
		renewed |= atFault
	}
}

// credentialChanges is how often credentials may change during one call.
const credentialChanges = 3

// credentialsOf returns the credentials of a call, newly read where it has to sign in with them.
func (c *Client) credentialsOf(ctx context.Context, caller Caller) (Credentials, error) {
	credentials, err := caller.Credentials.Get(ctx, credentialsServe)
	if err == nil && !c.SignedIn(credentials) {
		return caller.Credentials.Get(ctx, credentialsServeSignIn)
	}
	return credentials, err
}

// part is what an answer refuses of a sign-in: the token, the session, or both.
type part int

const (
	partToken part = 1 << iota
	partSession
)

// refusedPart covers every shape in which a sign-in was seen refused: 900901 and 900902 concern the
// token, a code with SessionToken at any status the session, any other 401 may be either.
func refusedPart(a answer) part {
	if a.status < 400 || a.throttled() {
		return 0
	}
	r := refusalIn(a.body)
	switch {
	case r.aboutSession():
		return partSession
	case r.aboutBearer():
		return partToken
	case a.status == http.StatusUnauthorized:
		return partToken | partSession
	}
	return 0
}
