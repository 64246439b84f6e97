package simulator

import (
	"maps"
	"slices"
	"strings"
	"time"
)

type user struct {
	password string
	accounts map[string]bool // in lower case; nil for all
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
	if known := s.users[strings.ToLower(name)]; known != nil {
		known.password, known.failed, known.locked = password, 0, false
		return
	}
	s.users[strings.ToLower(name)] = &user{password: password}
}

// SetAccounts limits a user to some accounts; to none of them given, to any account, as users are at first. An unknown user is ignored.
func (s *Simulator) SetAccounts(name string, accounts ...string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	known := s.users[strings.ToLower(name)]
	if known == nil {
		return
	}
	known.accounts = nil
	for _, account := range accounts {
		if known.accounts == nil {
			known.accounts = map[string]bool{}
		}
		known.accounts[strings.ToLower(account)] = true
	}
}

// Unlock makes a user's logins be heard again, as Verizon Support does.
func (s *Simulator) Unlock(name string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if known := s.users[strings.ToLower(name)]; known != nil {
		known.failed, known.locked = 0, false
	}
}

// User is what is known of a user, without the password.
type User struct {
	Locked       bool `json:"locked"`
	FailedLogins int  `json:"failedLogins"`
	// Accounts are those that the user is limited to, in lower case; none means any.
	Accounts []string `json:"accounts,omitempty"`
}

// Users are all users, by name in lower case: whether ThingSpace heeds letter case is not known, and the careful reading is that it does not.
func (s *Simulator) Users() map[string]User {
	s.mu.Lock()
	defer s.mu.Unlock()
	all := make(map[string]User, len(s.users))
	for name, known := range s.users {
		all[name] = User{Locked: known.locked, FailedLogins: known.failed, Accounts: slices.Sorted(maps.Keys(known.accounts))}
	}
	return all
}

// Locked says whether a user has been locked out.
func (s *Simulator) Locked(name string) bool { return s.Users()[strings.ToLower(name)].Locked }

// FailedLogins is how many logins in a row were refused for a user.
func (s *Simulator) FailedLogins(name string) int {
	return s.Users()[strings.ToLower(name)].FailedLogins
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

// EndSessions ends all sessions.
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
