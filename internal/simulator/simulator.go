package simulator

import (
	"context"
	"io"
	"net/http"
	"net/url"
	"strings"
	"sync"
	"time"

	"k8s.io/utils/clock"
)

// Simulator is a ThingSpace in memory. It is an http.Handler, safe for concurrent use.
type Simulator struct {
	base  string
	clock clock.Clock
	admin http.Handler

	mu            sync.Mutex
	options       Options
	apps          map[string]string // client-id to client-secret
	users         map[string]*user
	tokens        map[string]token // by client-id
	sessions      map[string]*session
	registrations map[string]string // by account in lower case
	denied        map[string]bool   // accounts that nobody may touch
	faults        []*Injected
	log           []Request
	counts        map[string]int
	issued        int // tokens and sessions so far
	injected      int // faults so far
}

// New returns a Simulator with one application and one user, and nothing registered. Options that are not Valid make it panic.
func New(options Options) *Simulator {
	if err := options.Validate(); err != nil {
		panic("simulator: " + err.Error())
	}
	options = options.withDefaults()
	s := &Simulator{options: options, clock: options.Clock, base: strings.TrimRight(options.BasePath, "/")}
	s.admin = s.administration()
	s.Reset()
	return s
}

// Reset forgets everything but the options: registrations, users, sessions, faults and the record.
func (s *Simulator) Reset() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.apps = map[string]string{s.options.ClientID: s.options.ClientSecret}
	s.users = map[string]*user{s.options.Username: {password: s.options.Password}}
	s.tokens, s.sessions = map[string]token{}, map[string]*session{}
	s.registrations, s.denied = map[string]string{}, map[string]bool{}
	s.faults, s.log, s.counts = nil, nil, map[string]int{}
}

// Configure changes the behaviour from the next request on. Clock and BasePath are fixed, and so are the first application and user until
// a Reset; an Options that is not Valid changes nothing.
func (s *Simulator) Configure(change func(*Options)) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	options := s.options
	change(&options)
	if err := options.Validate(); err != nil {
		return err
	}
	s.options = options.withDefaults()
	return nil
}

// SetNothing changes how List says that nothing is registered.
func (s *Simulator) SetNothing(nothing Nothing) {
	if err := s.Configure(func(o *Options) { o.Nothing = nothing }); err != nil {
		panic("simulator: " + err.Error())
	}
}

// The operations, as metrics and records name them. Requests that are none of the six calls are opUnknown.
const (
	opToken      = "token"
	opLogin      = "login"
	opList       = "list"
	opRegister   = "register"
	opUpdate     = "update"
	opDeregister = "deregister"
	opUnknown    = "unknown"
)

// call is one request that has been read.
type call struct {
	*http.Request

	operation, account, body string
	// user is whose login or session it is; empty where that can't be told.
	user string
	// effect is whether what is registered was stored or removed.
	effect bool
}

// operationOf finds the call and its account without net/http's cleaning of paths, which would redirect what is to be refused.
func (s *Simulator) operationOf(r *http.Request) (operation, account string) {
	path, ok := strings.CutPrefix(r.URL.EscapedPath(), s.base)
	if !ok {
		return opUnknown, ""
	}
	if r.Method == http.MethodPost {
		switch path {
		case "/ts/v1/oauth2/token":
			return opToken, ""
		case "/m2m/v1/session/login":
			return opLogin, ""
		}
	}
	escaped, ok := strings.CutPrefix(path, "/fota/v3/callbacks/")
	account, err := url.PathUnescape(escaped)
	if !ok || err != nil || account == "" || strings.Contains(escaped, "/") {
		return opUnknown, ""
	}
	switch r.Method {
	case http.MethodGet:
		return opList, account
	case http.MethodPost:
		return opRegister, account
	case http.MethodPut:
		return opUpdate, account
	case http.MethodDelete:
		return opDeregister, account
	}
	return opUnknown, ""
}

const maxRequestBody = 1 << 20

// ServeHTTP implements http.Handler.
func (s *Simulator) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	if strings.HasPrefix(r.URL.Path, adminPath) {
		s.admin.ServeHTTP(w, r)
		return
	}
	body, err := io.ReadAll(io.LimitReader(r.Body, maxRequestBody))
	if err != nil {
		return // who asked is gone
	}
	c := &call{Request: r, body: string(body)}
	c.operation, c.account = s.operationOf(r)
	answer, fault := s.answer(r.Context(), c)
	switch {
	case fault != nil:
		fault.send(w, r, s.clock, answer)
	case c.operation == opUnknown:
		http.NotFound(w, r)
	default:
		answer.send(w)
	}
}

// answer has the effect of a call, puts it on record, and waits out the latency. A fault may stand in the way of each.
func (s *Simulator) answer(ctx context.Context, c *call) (reply, *Fault) {
	s.mu.Lock()
	fault := s.takeFault(c)
	var answer reply
	if fault == nil || fault.Applied || fault.Answer == AnswerRight {
		answer = s.decide(c)
	}
	if fault != nil {
		answer = fault.reply(answer)
	}
	entry := s.record(c, answer.status)
	latency, onRequest := s.options.Latency, s.options.OnRequest
	s.mu.Unlock()

	if onRequest != nil {
		onRequest(entry)
	}
	pause(ctx, s.clock, latency)
	return answer, fault
}

func (s *Simulator) decide(c *call) reply {
	switch c.operation {
	case opToken:
		return s.issueToken(c)
	case opLogin:
		return s.logIn(c)
	case opList:
		return s.list(c)
	case opRegister:
		return s.register(c)
	case opUpdate:
		return s.update(c)
	case opDeregister:
		return s.deregister(c)
	}
	return reply{status: http.StatusNotFound}
}

// pause ends early when who asked is gone.
func pause(ctx context.Context, clk clock.Clock, length time.Duration) {
	if length <= 0 {
		return
	}
	select {
	case <-clk.After(length):
	case <-ctx.Done():
	}
}
