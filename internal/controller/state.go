package controller

import (
	"sync"
	"time"

	"k8s.io/apimachinery/pkg/types"

	"github.com/fota-callback-operator/fota-callback-operator/api/v1alpha1"
	"github.com/fota-callback-operator/fota-callback-operator/internal/rules"
	"github.com/fota-callback-operator/fota-callback-operator/internal/thingspace"
)

// objectState is what the process keeps of one object, for as long as that exists.
type objectState struct {
	uid     types.UID
	account string
	memory  rules.Memory
	// credentials are the last that worked, for the object's own deregistration and nothing else.
	credentials *thingspace.Credentials
	// refused are the last that nobody could sign in with.
	refused thingspace.Digest
	// written is the object after this process's last write, until the cache has caught up.
	written *v1alpha1.FotaCallback
}

// stateStore keeps the state of every object. It is safe for concurrent use; a state belongs to the pass that works on its object, others
// only read from it.
type stateStore struct {
	mu     sync.Mutex
	states map[types.NamespacedName]objectState
}

func newStateStore() *stateStore {
	return &stateStore{states: map[types.NamespacedName]objectState{}}
}

// of returns the state of an object, and a new one where it has none or bears a name that another object bore before.
func (s *stateStore) of(o *v1alpha1.FotaCallback, now time.Time) objectState {
	s.mu.Lock()
	defer s.mu.Unlock()
	name := nameOf(o)
	state, ok := s.states[name]
	if !ok || state.uid != o.UID {
		state = objectState{uid: o.UID, account: o.Spec.Account, memory: rules.Memory{FirstSeen: now}}
		s.states[name] = state
	}
	return state
}

// change applies a change to an object's state, if that object still has one.
func (s *stateStore) change(name types.NamespacedName, uid types.UID, change func(*objectState)) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if state, ok := s.states[name]; ok && state.uid == uid {
		change(&state)
		s.states[name] = state
	}
}

// wrote keeps an object as this process has left it.
func (s *stateStore) wrote(o *v1alpha1.FotaCallback) {
	s.change(nameOf(o), o.UID, func(state *objectState) {
		if state.written == nil || !before(o.ResourceVersion, state.written.ResourceVersion) { // of two passes, one clears what the other may have written on since
			state.written = o
		}
	})
}

// forget drops the state of an object that is gone, and returns the account that it named; empty where there was no state.
func (s *stateStore) forget(name types.NamespacedName) string {
	s.mu.Lock()
	defer s.mu.Unlock()
	account := s.states[name].account
	delete(s.states, name)
	return account
}

// newest returns the newer of what the cache holds and what this process wrote. Without it a pass that its own writes woke would do its work twice, and the
// next owner of an account would not see the last one's claim.
func (s *stateStore) newest(cached *v1alpha1.FotaCallback) *v1alpha1.FotaCallback {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.states[nameOf(cached)].newest(cached)
}

// current is newest for the pass that works on the object. It lets go of what this process wrote where the cache has caught up: another pass may see that
// before this one has read the cache.
func (s *stateStore) current(cached *v1alpha1.FotaCallback) *v1alpha1.FotaCallback {
	s.mu.Lock()
	defer s.mu.Unlock()
	state, ok := s.states[nameOf(cached)]
	newest := state.newest(cached)
	if ok && newest == cached {
		state.written = nil
		s.states[nameOf(cached)] = state
	}
	return newest
}

func (s objectState) newest(cached *v1alpha1.FotaCallback) *v1alpha1.FotaCallback {
	if s.written != nil && s.uid == cached.UID && before(cached.ResourceVersion, s.written.ResourceVersion) {
		return s.written
	}
	return cached
}

// awaitingAPI makes every object that waits for ThingSpace to come back due now, and returns their names.
func (s *stateStore) awaitingAPI() []types.NamespacedName {
	s.mu.Lock()
	defer s.mu.Unlock()
	var names []types.NamespacedName
	for name, state := range s.states {
		if state.memory.AwaitsAPI {
			state.memory.RetryAt = state.memory.LastCheck
			s.states[name] = state
			names = append(names, name)
		}
	}
	return names
}

// lastListed is when ThingSpace last said what is registered for the object; zero where it has not told this process yet.
func (s *stateStore) lastListed(o *v1alpha1.FotaCallback) time.Time {
	s.mu.Lock()
	defer s.mu.Unlock()
	if state, ok := s.states[nameOf(o)]; ok && state.uid == o.UID {
		return state.memory.LastListed
	}
	return time.Time{}
}

// progress is how an object gets on with its account; none where this process has not met it.
func (s *stateStore) progress(o *v1alpha1.FotaCallback) rules.Progress {
	s.mu.Lock()
	defer s.mu.Unlock()
	if state, ok := s.states[nameOf(o)]; ok && state.uid == o.UID {
		return state.memory.Progress
	}
	return rules.Progress{}
}

// candidate is an object with what this process knows of it besides.
func (s *stateStore) candidate(o *v1alpha1.FotaCallback, now time.Time) rules.Candidate {
	s.mu.Lock()
	defer s.mu.Unlock()
	state, ok := s.states[nameOf(o)]
	return rules.Candidate{Object: rules.Trusted(o), Listed: ok && state.uid == o.UID && state.memory.ListingCounts(o.Generation, now)}
}

func nameOf(o *v1alpha1.FotaCallback) types.NamespacedName {
	return types.NamespacedName{Namespace: o.Namespace, Name: o.Name}
}
