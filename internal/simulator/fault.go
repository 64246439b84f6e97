package simulator

import (
	"io"
	"net/http"
	"slices"
	"strings"
	"time"

	"k8s.io/utils/clock"
)

// Fault is an answer other than the right one. It comes for matching requests, as often as Times says.
type Fault struct {
	// Operation is list, register, update, deregister, token or login; empty for all, "mutation" for the three that change something.
	Operation string `json:"operation,omitempty"`
	// Account limits it to one account; empty for all.
	Account string `json:"account,omitempty"`
	// Times is for how many requests; 0 until it is cleared.
	Times int `json:"times,omitempty"`
	// Applied does what was asked before answering wrongly: the effect is there and its answer is lost.
	Applied bool `json:"applied,omitempty"`

	// Status, Header and Body are the answer. Status 0 closes the connection without one.
	Status int               `json:"status,omitempty"`
	Header map[string]string `json:"header,omitempty"`
	Body   string            `json:"body,omitempty"`
	// Delay comes before the answer. Hang never answers.
	Delay time.Duration `json:"delay,omitempty"`
	Hang  bool          `json:"hang,omitempty"`
	// CutOff announces a longer body than it sends. Endless goes on sending the body. Drip sends it a byte at a time, with this pause.
	CutOff  bool          `json:"cutOff,omitempty"`
	Endless bool          `json:"endless,omitempty"`
	Drip    time.Duration `json:"drip,omitempty"`

	used int
}

// Inject adds a fault. The earliest that matches a request is used.
func (s *Simulator) Inject(fault Fault) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.faults = append(s.faults, &fault)
}

// ClearFaults makes the simulator well-behaved again.
func (s *Simulator) ClearFaults() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.faults = nil
}

func (s *Simulator) takeFault(operation, account string) *Fault {
	for i, f := range s.faults {
		if !f.matches(operation, account) {
			continue
		}
		f.used++
		if f.Times > 0 && f.used >= f.Times {
			s.faults = slices.Delete(s.faults, i, i+1)
		}
		return f
	}
	return nil
}

func (f *Fault) matches(operation, account string) bool {
	if f.Account != "" && !strings.EqualFold(f.Account, account) {
		return false
	}
	switch f.Operation {
	case "", operation:
		return true
	case "mutation":
		return operation == opRegister || operation == opUpdate || operation == opDeregister
	}
	return false
}

// answer sends the fault.
func (f *Fault) answer(w http.ResponseWriter, r *http.Request, clk clock.Clock) {
	if f.Hang {
		<-r.Context().Done()
		return
	}
	if f.Delay > 0 {
		select {
		case <-clk.After(f.Delay):
		case <-r.Context().Done():
			return
		}
	}
	if f.Status == 0 {
		panic(http.ErrAbortHandler) // net/http's way to close the connection
	}
	for name, value := range f.Header {
		w.Header().Set(name, value)
	}
	if f.CutOff {
		w.Header().Set("Content-Length", "4096")
	}
	w.WriteHeader(f.Status)
	for first := true; first || f.Endless; first = false {
		if f.writeBody(w, r, clk) != nil || r.Context().Err() != nil {
			return
		}
	}
	if f.CutOff {
		_ = http.NewResponseController(w).Flush() // what has been written arrives
		panic(http.ErrAbortHandler)
	}
}

func (f *Fault) writeBody(w http.ResponseWriter, r *http.Request, clk clock.Clock) error {
	if f.Drip == 0 {
		_, err := io.WriteString(w, f.Body)
		return err
	}
	for i := range len(f.Body) {
		if _, err := io.WriteString(w, f.Body[i:i+1]); err != nil {
			return err
		}
		if flusher, ok := w.(http.Flusher); ok {
			flusher.Flush()
		}
		select {
		case <-clk.After(f.Drip):
		case <-r.Context().Done():
			return r.Context().Err()
		}
	}
	return nil
}
