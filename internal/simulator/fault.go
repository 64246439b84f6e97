package simulator

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"
)

// Fault is an answer other than the right one. It comes for matching requests, as often as Times says.
type Fault struct { //nolint:recvcheck // encoding/json writes values and reads into pointers
	// Operation is list, register, update, deregister, token or login; empty for all, "mutation" for the three that change something.
	Operation string `json:"operation,omitempty"`
	// Account limits it to one account; empty for all.
	Account string `json:"account,omitempty"`
	// Times is for how many requests; 0 until it is cleared.
	Times int `json:"times,omitempty"`
	// Applied does what was asked before answering wrongly: the effect is there and its answer is lost.
	Applied bool `json:"applied,omitempty"`

	// Answer is one that has a name; Status, Header and Body then replace that part of it where they are given.
	Answer Answer `json:"answer,omitempty"`
	// Status, Header and Body are the answer. No Answer and Status 0 closes the connection without one.
	Status int               `json:"status,omitempty"`
	Header map[string]string `json:"header,omitempty"`
	Body   string            `json:"body,omitempty"`
	// Delay comes before the answer. Hang never answers. In JSON, durations are strings such as "2s".
	Delay time.Duration `json:"delay,omitempty"`
	Hang  bool          `json:"hang,omitempty"`
	// CutOff announces a longer body than it sends. Endless goes on sending the body. Drip sends it a byte at a time, with this pause.
	CutOff  bool          `json:"cutOff,omitempty"`
	Endless bool          `json:"endless,omitempty"`
	Drip    time.Duration `json:"drip,omitempty"`
}

// Validate says what the simulator could not do, or would never do.
func (f Fault) Validate() error {
	known := []string{"", opList, opRegister, opUpdate, opDeregister, opToken, opLogin, anyMutation}
	_, named := answers[f.Answer]
	switch {
	case !slices.Contains(known, f.Operation):
		return fmt.Errorf("there is no operation %q; there are %s", f.Operation, strings.Join(known[1:], ", "))
	case !named && f.Answer != "" && f.Answer != AnswerRight:
		return unknownAnswer(f.Answer)
	case f.Status != 0 && (f.Status < 200 || f.Status > 599):
		return fmt.Errorf("%d is no status of an answer: give one from 200 to 599, or none to close the connection", f.Status)
	case f.Times < 0 || f.Delay < 0 || f.Drip < 0:
		return errors.New("times, delay and drip can't be negative")
	}
	return nil
}

// Injected is a fault in force.
type Injected struct {
	s     *Simulator
	id    int
	used  int
	fault Fault
}

// Inject puts a fault in force. The earliest that matches a request is used. One that is not Valid makes it panic.
func (s *Simulator) Inject(fault Fault) *Injected {
	if err := fault.Validate(); err != nil {
		panic("simulator: " + err.Error())
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	s.injected++
	injected := &Injected{s: s, id: s.injected, fault: fault}
	s.faults = append(s.faults, injected)
	return injected
}

// Used is for how many requests it has come.
func (i *Injected) Used() int {
	i.s.mu.Lock()
	defer i.s.mu.Unlock()
	return i.used
}

// Clear ends this fault and no other.
func (i *Injected) Clear() { i.s.clearFault(i.id) }

// clearFault says whether the fault was in force.
func (s *Simulator) clearFault(id int) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	before := len(s.faults)
	s.faults = slices.DeleteFunc(s.faults, func(i *Injected) bool { return i.id == id })
	return len(s.faults) < before
}

// ClearFaults makes the simulator well-behaved again.
func (s *Simulator) ClearFaults() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.faults = nil
}

func (s *Simulator) takeFault(c *call) *Fault {
	index := slices.IndexFunc(s.faults, func(i *Injected) bool { return i.fault.matches(c) })
	if index < 0 {
		return nil
	}
	taken := s.faults[index]
	taken.used++
	if taken.fault.Times > 0 && taken.used >= taken.fault.Times {
		s.faults = slices.Delete(s.faults, index, index+1)
	}
	return &taken.fault
}

const anyMutation = "mutation"

func (f *Fault) matches(c *call) bool {
	if c.operation == opUnknown || f.Account != "" && !strings.EqualFold(f.Account, c.account) {
		return false
	}
	return f.Operation == "" || f.Operation == c.operation || f.Operation == anyMutation && c.mutates()
}

func (c *call) mutates() bool {
	return c.operation == opRegister || c.operation == opUpdate || c.operation == opDeregister
}

// duration is written as people write one.
type duration time.Duration

func (d duration) MarshalText() ([]byte, error) { return []byte(time.Duration(d).String()), nil }

func (d *duration) UnmarshalText(text []byte) error {
	parsed, err := time.ParseDuration(string(text))
	*d = duration(parsed)
	return err
}

type plainFault Fault

// wireFault hides the durations of the fault that it embeds behind its own.
type wireFault struct {
	plainFault

	Delay duration `json:"delay,omitempty"`
	Drip  duration `json:"drip,omitempty"`
}

// MarshalJSON writes durations as strings.
func (f Fault) MarshalJSON() ([]byte, error) {
	return json.Marshal(wireFault{plainFault(f), duration(f.Delay), duration(f.Drip)})
}

// UnmarshalJSON reads durations from strings, and refuses a field that there is not.
func (f *Fault) UnmarshalJSON(data []byte) error {
	decoder := json.NewDecoder(bytes.NewReader(data))
	decoder.DisallowUnknownFields()
	var wire wireFault
	if err := decoder.Decode(&wire); err != nil {
		return err
	}
	*f = Fault(wire.plainFault)
	f.Delay, f.Drip = time.Duration(wire.Delay), time.Duration(wire.Drip)
	return nil
}
