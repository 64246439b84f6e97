package simulator

import (
	"maps"
	"net/http"
	"strings"
	"sync"
	"time"

	"k8s.io/utils/clock"
)

// The credentials that Options leave out.
const (
	DefaultClientID     = "demo-key"
	DefaultClientSecret = "demo-secret"
	DefaultUsername     = "demo-user"
	DefaultPassword     = "demo-password"
)

// Options say how the simulated ThingSpace behaves where the facts leave room. The zero value is a well-behaved one with the default user.
type Options struct {
	// Clock defaults to the real one.
	Clock clock.Clock
	// BasePath stands before every call's path; "/api" where it is left out.
	BasePath string
	// ClientID, ClientSecret, Username and Password are the first application and user.
	ClientID, ClientSecret, Username, Password string
	// TokenLife is an hour where it is left out, SessionIdle 20 minutes; SessionLife ends a session although it is used (0: never).
	TokenLife, SessionIdle, SessionLife time.Duration
	// NoExpiresIn leaves expires_in out of token answers.
	NoExpiresIn bool
	// Nothing is how List says that nothing is registered; NothingEmpty where it is left out.
	Nothing Nothing
	// Normalize rewrites a URL as it is stored (host in lower case, for example); nil stores it as it is.
	Normalize func(string) string
	// UpdateMissing is the status of an Update where nothing is registered: 400, 404, or 200 (the default), which registers.
	UpdateMissing int
	// DeregisterMissing is the status of a Deregister where nothing is registered: 400, 404, or 200 (the default).
	DeregisterMissing int
	// AsArray makes List answer V1's array of one.
	AsArray bool
	// Latency delays every answer.
	Latency time.Duration
	// LogSize bounds the record of requests; 0 keeps all.
	LogSize int
}

// Nothing is one of the ways in which List says that nothing is registered.
type Nothing string

// The ways.
const (
	NothingEmpty         Nothing = "empty"
	NothingChunked       Nothing = "chunked"
	NothingSpace         Nothing = "space"
	NothingNull          Nothing = "null"
	NothingObject        Nothing = "object"
	NothingArray         Nothing = "array"
	NothingArrayOfObject Nothing = "array-of-object"
	NothingNullURL       Nothing = "null-url"
	NothingEmptyURL      Nothing = "empty-url"
	Nothing204           Nothing = "204"
	Nothing404           Nothing = "404"
	Nothing404JSON       Nothing = "404-json"
	Nothing400           Nothing = "400"
	Nothing403           Nothing = "403"
)

// Simulator is a ThingSpace in memory. It is an http.Handler, safe for concurrent use.
type Simulator struct {
	options Options
	clock   clock.Clock
	mux     *http.ServeMux

	mu            sync.Mutex
	apps          map[string]string // client-id to client-secret
	users         map[string]*user
	tokens        map[string]token // by client-id
	sessions      map[string]*session
	registrations map[string]string // by account in lower case
	denied        map[string]bool   // accounts that nobody may touch
	faults        []*Fault
	log           []Request
	counts        map[string]int
	issued        int
}

type user struct {
	password string
	failed   int
	locked   bool
}

type token struct {
	value string
	ends  time.Time
}

type session struct {
	user        string
	began, used time.Time
}

// New returns a Simulator with one application and one user, and nothing registered.
func New(options Options) *Simulator {
	if options.Clock == nil {
		options.Clock = clock.RealClock{}
	}
	set := func(value *string, fallback string) {
		if *value == "" {
			*value = fallback
		}
	}
	set(&options.BasePath, "/api")
	set(&options.ClientID, DefaultClientID)
	set(&options.ClientSecret, DefaultClientSecret)
	set(&options.Username, DefaultUsername)
	set(&options.Password, DefaultPassword)
	if options.TokenLife == 0 {
		options.TokenLife = time.Hour
	}
	if options.SessionIdle == 0 {
		options.SessionIdle = 20 * time.Minute
	}
	if options.Nothing == "" {
		options.Nothing = NothingEmpty
	}
	s := &Simulator{options: options, clock: options.Clock, mux: http.NewServeMux()}
	s.Reset()
	base := strings.TrimRight(options.BasePath, "/")
	s.mux.HandleFunc("POST "+base+"/ts/v1/oauth2/token", s.serve(opToken, s.issueToken))
	s.mux.HandleFunc("POST "+base+"/m2m/v1/session/login", s.serve(opLogin, s.logIn))
	callbacks := base + "/fota/v3/callbacks/{account}"
	s.mux.HandleFunc("GET "+callbacks, s.serve(opList, s.list))
	s.mux.HandleFunc("POST "+callbacks, s.serve(opRegister, s.register))
	s.mux.HandleFunc("PUT "+callbacks, s.serve(opUpdate, s.update))
	s.mux.HandleFunc("DELETE "+callbacks, s.serve(opDeregister, s.deregister))
	s.administer()
	return s
}

// ServeHTTP implements http.Handler.
func (s *Simulator) ServeHTTP(w http.ResponseWriter, r *http.Request) { s.mux.ServeHTTP(w, r) }

// Reset forgets everything but the options: registrations, sessions, faults and the record.
func (s *Simulator) Reset() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.apps = map[string]string{s.options.ClientID: s.options.ClientSecret}
	s.users = map[string]*user{s.options.Username: {password: s.options.Password}}
	s.tokens, s.sessions = map[string]token{}, map[string]*session{}
	s.registrations, s.denied = map[string]string{}, map[string]bool{}
	s.faults, s.log, s.counts = nil, nil, map[string]int{}
}

// AddApp makes an application's key and secret valid.
func (s *Simulator) AddApp(clientID, clientSecret string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.apps[clientID] = clientSecret
}

// SetUser adds a user or changes the password of one. It unlocks the user, as Verizon Support does.
func (s *Simulator) SetUser(name, password string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.users[name] = &user{password: password}
}

// Locked says whether a user has been locked out.
func (s *Simulator) Locked(name string) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.users[name] != nil && s.users[name].locked
}

// FailedLogins is how many logins in a row were refused for a user.
func (s *Simulator) FailedLogins(name string) int {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.users[name] == nil {
		return 0
	}
	return s.users[name].failed
}

// Deny makes an account one that nobody may touch, or lifts that.
func (s *Simulator) Deny(account string, denied bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.denied[strings.ToLower(account)] = denied
}

// Register registers a URL by somebody else's hand; empty removes what is registered.
func (s *Simulator) Register(account, url string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if url == "" {
		delete(s.registrations, strings.ToLower(account))
		return
	}
	s.registrations[strings.ToLower(account)] = url
}

// Registered is what is registered for an account; empty for nothing.
func (s *Simulator) Registered(account string) string {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.registrations[strings.ToLower(account)]
}

// Registrations are all that is registered, by account in lower case.
func (s *Simulator) Registrations() map[string]string {
	s.mu.Lock()
	defer s.mu.Unlock()
	return maps.Clone(s.registrations)
}

// EndSessions ends all sessions, EndTokens all tokens.
func (s *Simulator) EndSessions() {
	s.mu.Lock()
	defer s.mu.Unlock()
	clear(s.sessions)
}

// EndTokens ends all OAuth tokens.
func (s *Simulator) EndTokens() {
	s.mu.Lock()
	defer s.mu.Unlock()
	clear(s.tokens)
}

// SetNothing changes how List says that nothing is registered.
func (s *Simulator) SetNothing(nothing Nothing) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.options.Nothing = nothing
}
