package controller

import (
	"sync"
	"time"

	"k8s.io/apimachinery/pkg/types"
	"k8s.io/utils/clock"

	"github.com/fota-callback-operator/fota-callback-operator/internal/turns"
)

const (
	// Whom an account was handed to has it for so long to begin.
	accountKeptFor = time.Second
	// Who was told that an account is busy asks again after so long, should nobody call it.
	accountRetry = 5 * time.Second
)

// accounts lets one reconciliation at a time work on an account. None waits for another, which would cost a worker: who comes while the account is busy is called
// when its turn comes, namespaces taking turns.
type accounts struct {
	clock clock.PassiveClock

	mu   sync.Mutex
	busy map[string]*busyAccount
	call func(types.NamespacedName)
}

// busyAccount is an account that somebody works on, or was called for.
type busyAccount struct {
	worked bool
	// called may begin before everybody else until then.
	called      types.NamespacedName
	calledUntil time.Time
	waiting     turns.Queue[types.NamespacedName]
	places      map[types.NamespacedName]*turns.Place[types.NamespacedName]
}

func newAccounts(clk clock.PassiveClock) *accounts {
	return &accounts{clock: clk, busy: map[string]*busyAccount{}, call: func(types.NamespacedName) {}}
}

// onTurn sets who is told that an object's turn has come.
func (a *accounts) onTurn(call func(types.NamespacedName)) {
	a.mu.Lock()
	defer a.mu.Unlock()
	a.call = call
}

// begin reports whether the object may be worked on now. If so, end ends that; otherwise it will be called.
func (a *accounts) begin(account string, name types.NamespacedName) bool {
	a.mu.Lock()
	defer a.mu.Unlock()
	b := a.busy[account]
	if b == nil {
		b = &busyAccount{places: map[types.NamespacedName]*turns.Place[types.NamespacedName]{}}
		a.busy[account] = b
	}
	place := b.places[name]
	if b.worked || b.called != name && a.clock.Now().Before(b.calledUntil) {
		if place == nil {
			b.places[name] = b.waiting.Push(name, name.Namespace)
		}
		return false
	}
	if place != nil {
		b.waiting.Remove(place)
		delete(b.places, name)
	}
	b.worked = true
	return true
}

// end lets the next object of the account have its turn.
func (a *accounts) end(account string) {
	a.mu.Lock()
	defer a.mu.Unlock()
	b := a.busy[account]
	next, ok := b.waiting.Pop(nil)
	if !ok {
		delete(a.busy, account)
		return
	}
	delete(b.places, next)
	b.worked, b.called, b.calledUntil = false, next, a.clock.Now().Add(accountKeptFor)
	a.call(next)
}

// forget drops an account that no object names any more: whoever was called is gone.
func (a *accounts) forget(account string) {
	a.mu.Lock()
	defer a.mu.Unlock()
	if b := a.busy[account]; b != nil && !b.worked {
		delete(a.busy, account)
	}
}
