package simulator

import (
	"io"
	"maps"
	"net/http"
	"slices"
	"time"
)

// Request is one request as the simulator saw it. It holds no header and no body but the callback URL: credentials are not kept.
type Request struct {
	Time      time.Time `json:"time"`
	Operation string    `json:"operation"`
	Method    string    `json:"method"`
	Account   string    `json:"account,omitempty"`
	// Body is what a callbacks call sent.
	Body string `json:"body,omitempty"`
	// Status is what was answered; 0 where the connection was closed instead.
	Status int `json:"status"`
}

// Requests are those on record, oldest first.
func (s *Simulator) Requests() []Request {
	s.mu.Lock()
	defer s.mu.Unlock()
	return slices.Clone(s.log)
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

func (s *Simulator) record(entry Request) {
	s.counts[entry.Operation]++
	s.log = append(s.log, entry)
	if size := s.options.LogSize; size > 0 && len(s.log) > 2*size {
		s.log = slices.Clone(s.log[len(s.log)-size:])
	}
}

const maxRequestBody = 1 << 20

// serve wraps one call: it reads the request, decides under the lock, and answers (or not) as faults ask.
func (s *Simulator) serve(operation string, decide func(*http.Request, string) reply) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		body := ""
		if operation != opToken { // the token call's form is parsed by its handler
			raw, err := io.ReadAll(io.LimitReader(r.Body, maxRequestBody))
			if err != nil {
				return
			}
			body = string(raw)
		} else if r.ParseForm() != nil {
			http.Error(w, "bad form", http.StatusBadRequest)
			return
		}
		account := r.PathValue("account")

		s.mu.Lock()
		fault := s.takeFault(operation, account)
		var answer reply
		if fault == nil || fault.Applied {
			answer = decide(r, body)
		}
		entry := Request{Time: s.clock.Now(), Operation: operation, Method: r.Method, Account: account, Status: answer.status}
		if operation == opRegister || operation == opUpdate {
			entry.Body = body
		}
		if fault != nil {
			entry.Status = fault.Status
		}
		s.record(entry)
		latency := s.options.Latency
		s.mu.Unlock()

		if latency > 0 {
			select {
			case <-s.clock.After(latency):
			case <-r.Context().Done():
				return
			}
		}
		if fault != nil {
			fault.answer(w, r, s.clock)
			return
		}
		answer.send(w)
	}
}

func (a reply) send(w http.ResponseWriter) {
	header := w.Header()
	header.Set("Content-Type", "application/json")
	for name, value := range a.header {
		header.Set(name, value)
	}
	w.WriteHeader(a.status)
	if a.chunked {
		if flusher, ok := w.(http.Flusher); ok {
			flusher.Flush()
		}
	}
	_, _ = io.WriteString(w, a.body)
}
