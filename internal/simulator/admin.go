package simulator

import (
	"encoding/json"
	"errors"
	"io"
	"net/http"
	"strconv"
	"strings"
	"time"
)

const adminPath = "/simulator/"

// administration serves /simulator/…: what a person does with curl and another process without this package.
func (s *Simulator) administration() http.Handler {
	mux := http.NewServeMux()
	handle := func(pattern string, do func(*http.Request) (any, error)) {
		method, path, _ := strings.Cut(pattern, " ")
		mux.HandleFunc(method+" "+adminPath+path, func(w http.ResponseWriter, r *http.Request) { show(w, r, do) })
	}
	handle("GET registrations", func(*http.Request) (any, error) { return s.Registrations(), nil })
	handle("PUT registrations/{account}", s.putRegistration)
	handle("DELETE registrations/{account}", done(func(r *http.Request) { s.Register(r.PathValue("account"), "") }))
	handle("PUT accounts/{account}", s.putAccount)

	handle("GET requests", s.getRequests)
	handle("DELETE requests", done(func(*http.Request) { s.ResetRecord() }))
	handle("GET counts", func(*http.Request) (any, error) { return s.Counts(), nil })

	handle("GET faults", func(*http.Request) (any, error) { return s.faultsInForce(), nil })
	handle("POST faults", s.postFault)
	handle("DELETE faults", done(func(*http.Request) { s.ClearFaults() }))
	handle("DELETE faults/{id}", s.deleteFault)

	handle("GET users", func(*http.Request) (any, error) { return s.Users(), nil })
	handle("GET users/{name}", s.getUser)
	handle("PUT users/{name}", s.putUser)
	handle("POST users/{name}/unlock", done(func(r *http.Request) { s.Unlock(r.PathValue("name")) }))
	handle("PUT apps/{id}", s.putApp)
	handle("DELETE sessions", done(func(*http.Request) { s.EndSessions() }))
	handle("DELETE tokens", done(func(*http.Request) { s.EndTokens() }))

	handle("GET options", func(*http.Request) (any, error) { return s.behaviour(), nil })
	handle("PUT options", s.putOptions)
	handle("POST reset", done(func(*http.Request) { s.Reset() }))
	return mux
}

func done(do func(*http.Request)) func(*http.Request) (any, error) {
	return func(r *http.Request) (any, error) {
		do(r)
		return struct{}{}, nil
	}
}

var errNotFound = errors.New("there is no such thing here")

// show writes what was asked for, or says what is wrong with the request.
func show(w http.ResponseWriter, r *http.Request, do func(*http.Request) (any, error)) {
	value, err := do(r)
	switch {
	case errors.Is(err, errNotFound):
		http.Error(w, err.Error(), http.StatusNotFound)
		return
	case err != nil:
		http.Error(w, err.Error(), http.StatusBadRequest)
		return
	}
	w.Header().Set("Content-Type", "application/json")
	encoder := json.NewEncoder(w)
	encoder.SetIndent("", "  ")
	encoder.SetEscapeHTML(false)
	_ = encoder.Encode(value) //nolint:errchkjson // whoever asked may have hung up
}

// read reads all of a body, and refuses a field that there is not.
func read(r *http.Request, into any) error {
	decoder := json.NewDecoder(io.LimitReader(r.Body, maxRequestBody))
	decoder.DisallowUnknownFields()
	return decoder.Decode(into)
}

func (s *Simulator) putRegistration(r *http.Request) (any, error) {
	var wish struct {
		URL string `json:"url"`
	}
	if err := read(r, &wish); err != nil {
		return nil, err
	}
	if wish.URL == "" {
		return nil, errors.New("url is missing; DELETE removes a registration")
	}
	s.Register(r.PathValue("account"), wish.URL)
	return wish, nil
}

func (s *Simulator) putAccount(r *http.Request) (any, error) {
	var wish struct {
		Denied bool `json:"denied"`
	}
	if err := read(r, &wish); err != nil {
		return nil, err
	}
	s.Deny(r.PathValue("account"), wish.Denied)
	return wish, nil
}

// getRequests takes ?account= and ?operation=.
func (s *Simulator) getRequests(r *http.Request) (any, error) {
	account, operation := r.FormValue("account"), r.FormValue("operation")
	found := s.requests(func(entry Request) bool {
		return (account == "" || strings.EqualFold(account, entry.Account)) && (operation == "" || operation == entry.Operation)
	})
	if found == nil {
		found = []Request{}
	}
	return found, nil
}

type faultInForce struct {
	ID    int   `json:"id"`
	Used  int   `json:"used"`
	Fault Fault `json:"fault"`
}

func (s *Simulator) faultsInForce() []faultInForce {
	s.mu.Lock()
	defer s.mu.Unlock()
	all := make([]faultInForce, 0, len(s.faults))
	for _, i := range s.faults {
		all = append(all, faultInForce{i.id, i.used, i.fault})
	}
	return all
}

func (s *Simulator) postFault(r *http.Request) (any, error) {
	var fault Fault
	if err := read(r, &fault); err != nil {
		return nil, err
	}
	if err := fault.Validate(); err != nil {
		return nil, err
	}
	return map[string]int{"id": s.Inject(fault).id}, nil
}

func (s *Simulator) deleteFault(r *http.Request) (any, error) {
	id, err := strconv.Atoi(r.PathValue("id"))
	if err != nil || !s.clearFault(id) {
		return nil, errNotFound
	}
	return struct{}{}, nil
}

func (s *Simulator) getUser(r *http.Request) (any, error) {
	known, ok := s.Users()[strings.ToLower(r.PathValue("name"))]
	if !ok {
		return nil, errNotFound
	}
	return known, nil
}

// putUser leaves what it is not given as it is.
func (s *Simulator) putUser(r *http.Request) (any, error) {
	var wish struct {
		Password string    `json:"password"`
		Accounts *[]string `json:"accounts"`
	}
	if err := read(r, &wish); err != nil {
		return nil, err
	}
	name := r.PathValue("name")
	if _, ok := s.Users()[strings.ToLower(name)]; !ok && wish.Password == "" {
		return nil, errors.New("a new user needs a password")
	}
	if wish.Password != "" {
		s.SetUser(name, wish.Password)
	}
	if wish.Accounts != nil {
		s.SetAccounts(name, *wish.Accounts...)
	}
	return s.Users()[strings.ToLower(name)], nil
}

func (s *Simulator) putApp(r *http.Request) (any, error) {
	var wish struct {
		Secret string `json:"secret"`
	}
	if err := read(r, &wish); err != nil {
		return nil, err
	}
	if wish.Secret == "" {
		return nil, errors.New("secret is missing")
	}
	s.AddApp(r.PathValue("id"), wish.Secret)
	return struct{}{}, nil
}

// behaviour is the part of Options that can be changed while the simulator runs.
type behaviour struct {
	Latency           duration `json:"latency"`
	TokenLife         duration `json:"tokenLife"`
	SessionIdle       duration `json:"sessionIdle"`
	SessionLife       duration `json:"sessionLife"`
	SingleSession     bool     `json:"singleSession"`
	LoginRefusal      int      `json:"loginRefusal"`
	BearerRefusal     Answer   `json:"bearerRefusal"`
	SessionRefusal    Answer   `json:"sessionRefusal"`
	AccountRefusal    Answer   `json:"accountRefusal"`
	Nothing           Nothing  `json:"nothing"`
	UpdateMissing     int      `json:"updateMissing"`
	DeregisterMissing int      `json:"deregisterMissing"`
	AsArray           bool     `json:"asArray"`
	// Normalize can be set and not be shown: what it was made of is not kept.
	Normalize *[]string `json:"normalize,omitempty"`
}

func (s *Simulator) behaviour() behaviour {
	s.mu.Lock()
	defer s.mu.Unlock()
	o := s.options
	return behaviour{
		duration(o.Latency), duration(o.TokenLife), duration(o.SessionIdle), duration(o.SessionLife), o.SingleSession, o.LoginRefusal,
		o.BearerRefusal, o.SessionRefusal, o.AccountRefusal, o.Nothing, o.UpdateMissing, o.DeregisterMissing, o.AsArray, nil,
	}
}

// putOptions leaves what it is not given as it is.
func (s *Simulator) putOptions(r *http.Request) (any, error) {
	wish := s.behaviour()
	if err := read(r, &wish); err != nil {
		return nil, err
	}
	var normalize func(string) string
	var err error
	if wish.Normalize != nil {
		if normalize, err = Normalizer(*wish.Normalize...); err != nil {
			return nil, err
		}
	}
	err = s.Configure(func(o *Options) {
		o.Latency, o.TokenLife = time.Duration(wish.Latency), time.Duration(wish.TokenLife)
		o.SessionIdle, o.SessionLife, o.SingleSession = time.Duration(wish.SessionIdle), time.Duration(wish.SessionLife), wish.SingleSession
		o.LoginRefusal, o.BearerRefusal = wish.LoginRefusal, wish.BearerRefusal
		o.SessionRefusal, o.AccountRefusal = wish.SessionRefusal, wish.AccountRefusal
		o.Nothing, o.AsArray = wish.Nothing, wish.AsArray
		o.UpdateMissing, o.DeregisterMissing = wish.UpdateMissing, wish.DeregisterMissing
		if wish.Normalize != nil {
			o.Normalize = normalize
		}
	})
	return s.behaviour(), err
}
