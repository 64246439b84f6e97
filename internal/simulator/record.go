package simulator

import (
	"maps"
	"slices"
	"strings"
	"time"
)

// Request is one request as the simulator saw it. It holds no header and no body but a callback's: credentials, tokens and sessions are
// not kept.
type Request struct {
	Time      time.Time `json:"time"`
	Operation string    `json:"operation"`
	Method    string    `json:"method"`
	Account   string    `json:"account,omitempty"`
	// Path is that of a request that is none of the six calls, whose Operation is "unknown".
	Path string `json:"path,omitempty"`
	// User is whose login or session it was, where that could be told.
	User string `json:"user,omitempty"`
	// URL is what a callbacks call asked to register, and Body how it did.
	URL  string `json:"url,omitempty"`
	Body string `json:"body,omitempty"`
	// Status is what was answered; 0 where nothing was.
	Status int `json:"status"`
	// Effect is whether a registration was stored or removed, whatever was answered.
	Effect bool `json:"effect,omitempty"`
}

// Requests are those on record, oldest first.
func (s *Simulator) Requests() []Request {
	return s.requests(func(Request) bool { return true })
}

// MutationsOf are the requests on record that were to change an account's registration, refused and lost ones too, oldest first.
func (s *Simulator) MutationsOf(account string) []Request {
	return s.requests(func(r Request) bool {
		return strings.EqualFold(r.Account, account) && r.Operation != opList
	})
}

func (s *Simulator) requests(wanted func(Request) bool) []Request {
	s.mu.Lock()
	defer s.mu.Unlock()
	kept := s.log
	if size := s.options.LogSize; size > 0 && len(kept) > size {
		kept = kept[len(kept)-size:]
	}
	var found []Request
	for _, entry := range kept {
		if wanted(entry) {
			found = append(found, entry)
		}
	}
	return found
}

// Counts are how many requests there were, by operation.
func (s *Simulator) Counts() map[string]int {
	s.mu.Lock()
	defer s.mu.Unlock()
	return maps.Clone(s.counts)
}

// Count is how many requests there were of one operation.
func (s *Simulator) Count(operation string) int {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.counts[operation]
}

// ResetRecord forgets the requests, and nothing else.
func (s *Simulator) ResetRecord() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.log, s.counts = nil, map[string]int{}
}

func (s *Simulator) record(c *call, status int) Request {
	entry := Request{
		Time: s.clock.Now(), Operation: c.operation, Method: c.Method, Account: c.account, User: c.user, Status: status, Effect: c.effect,
	}
	switch c.operation {
	case opUnknown:
		entry.Path = c.URL.EscapedPath()
	case opRegister, opUpdate:
		entry.Body = c.body
		entry.URL, _ = wishedURL(c.body)
	}
	s.counts[entry.Operation]++
	s.log = append(s.log, entry)
	// Cut at twice the size, so that a request costs no copy of the record.
	if size := s.options.LogSize; size > 0 && len(s.log) > 2*size {
		s.log = slices.Clone(s.log[len(s.log)-size:])
	}
	return entry
}
