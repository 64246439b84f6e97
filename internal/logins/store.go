package logins

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"maps"
	"sync"
	"time"

	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/utils/clock"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/log"

	"github.com/fota-callback-operator/fota-callback-operator/internal/rules"
	"github.com/fota-callback-operator/fota-callback-operator/internal/thingspace"
)

const (
	// What was read refuses a login for so long: an administrator may have removed the user's key.
	refusalServes = 5 * time.Second
	// swaps is how often one write is tried that other operators' writes come before.
	swaps = 10
	// settleEvery is how often outcomes are written again that could not be written.
	settleEvery = time.Second
)

// labels tell what the ConfigMap is, whatever its name.
var labels = map[string]string{"app.kubernetes.io/name": "fota-callback-operator", "app.kubernetes.io/component": "login-record"}

// Client is what a Store needs of the Kubernetes API. Its reads are live.
type Client interface {
	Get(ctx context.Context, key client.ObjectKey, o client.Object, opts ...client.GetOption) error
	Create(ctx context.Context, o client.Object, opts ...client.CreateOption) error
	Update(ctx context.Context, o client.Object, opts ...client.UpdateOption) error
}

// Store keeps the records of all users in one ConfigMap, by compare and swap.
type Store struct {
	api   Client
	name  types.NamespacedName
	clock clock.Clock

	mu sync.Mutex
	// queue has the changes that wait to be written, oldest first.
	queue []*change

	// writing is held by the one that reads and writes the ConfigMap for all that wait. It guards
	// what follows.
	writing sync.Mutex
	// found is the ConfigMap as last read or written; nil where that may have changed.
	found  *corev1.ConfigMap
	readAt time.Time
	users  users
	// places are what attempts of this process have left, by key.
	places map[string]place
}

// change is one caller's part of a write.
type change struct {
	// apply changes the records, or returns an error and does not. It may be called again on newer ones.
	apply func(users) error
	// settles reports that the change is kept until it is written.
	settles bool
	err     error
}

// NewStore returns a Store that has read nothing yet.
func NewStore(api Client, name types.NamespacedName, clk clock.Clock) *Store {
	return &Store{api: api, name: name, clock: clk, places: map[string]place{}}
}

// Open creates the ConfigMap, or updates it without a change, so that a missing permission is known
// at once.
func (s *Store) Open(ctx context.Context) error {
	return s.write(ctx, &change{apply: func(users) error { return nil }})
}

// Check implements thingspace.LoginRecord.
func (s *Store) Check(ctx context.Context, login thingspace.Login) error {
	s.writing.Lock()
	defer s.writing.Unlock()
	if s.found != nil {
		if err := s.check(s.users, login); err == nil || s.clock.Since(s.readAt) < refusalServes {
			return err
		}
	}
	if err := s.read(ctx); err != nil {
		return err
	}
	return s.check(s.users, login)
}

// Begin implements thingspace.LoginRecord.
func (s *Store) Begin(ctx context.Context, login thingspace.Login) (thingspace.LoginAttempt, error) {
	key := Key(login.Username)
	attempt := thingspace.LoginAttempt{Login: login, ID: rand.Text(), ConfigMap: s.name.String(), Key: key}
	err := s.write(ctx, &change{apply: func(all users) error {
		if err := s.check(all, login); err != nil {
			return err
		}
		record := all[key].record.begin(login, s.places[key], attempt.ID, s.clock.Now())
		attempt.Number, attempt.Failed = record.Counted, record.Failed
		all.put(key, record)
		return nil
	}})
	if _, unknown := errors.AsType[*rules.KubernetesError](err); unknown { // it may be written all the same
		s.leave(key, place{attempt: attempt.ID})
	}
	return attempt, err
}

// Settle implements thingspace.LoginRecord.
func (s *Store) Settle(ctx context.Context, attempt thingspace.LoginAttempt, outcome thingspace.LoginOutcome, code string) {
	key := Key(attempt.Username)
	settle := func(after func(Record) Record) {
		_ = s.write(ctx, &change{settles: true, apply: func(all users) error {
			all.put(key, after(all[key].record))
			return nil
		}})
	}
	switch outcome {
	case thingspace.LoginNotSent, thingspace.LoginThrottled:
		s.leave(key, place{attempt: attempt.ID, throttled: outcome == thingspace.LoginThrottled})
	case thingspace.LoginSucceeded:
		settle(func(r Record) Record { return r.succeeded(attempt) })
	case thingspace.LoginUnanswered:
		settle(func(r Record) Record { return r.unanswered(attempt) })
	case thingspace.LoginRefused:
		settle(func(r Record) Record { return r.refused(attempt, code) })
	}
}

// Start writes the outcomes that could not be written, until ctx ends.
func (s *Store) Start(ctx context.Context) error {
	for ctx.Err() == nil {
		select {
		case <-ctx.Done():
		case <-s.clock.After(settleEvery):
			s.Retry(ctx)
		}
	}
	return nil
}

// Retry writes the outcomes that could not be written, and reports whether none is left.
func (s *Store) Retry(ctx context.Context) bool {
	s.writing.Lock()
	defer s.writing.Unlock()
	return s.flush(ctx) == nil
}

func (s *Store) leave(key string, left place) {
	s.writing.Lock()
	defer s.writing.Unlock()
	maps.DeleteFunc(s.places, func(key string, _ place) bool { _, known := s.users[key]; return !known })
	s.places[key] = left
}

// check adds to what users.check returns where an administrator finds the record.
func (s *Store) check(all users, login thingspace.Login) error {
	key := Key(login.Username)
	err := all.check(login, s.places[key], s.clock.Now())
	switch e := err.(type) { //nolint:errorlint // it comes as it is
	case *thingspace.LoginWithheldError:
		e.ConfigMap, e.Key = s.name.String(), key
	case *thingspace.CredentialsRejectedError:
		e.ConfigMap, e.Key = s.name.String(), key
	}
	return err
}

// write returns when a change is written, with all others that wait.
func (s *Store) write(ctx context.Context, c *change) error {
	s.mu.Lock()
	s.queue = append(s.queue, c)
	s.mu.Unlock()
	s.writing.Lock()
	defer s.writing.Unlock()
	_ = s.flush(ctx) // another caller may have written c already
	return c.err
}

// flush writes what waits. Where that fails, outcomes go on waiting.
func (s *Store) flush(ctx context.Context) error {
	s.mu.Lock()
	batch := s.queue
	s.queue = nil
	s.mu.Unlock()
	if len(batch) == 0 {
		return nil
	}
	err := s.swap(ctx, batch)
	if err == nil {
		return nil
	}
	var unsettled []*change
	for _, c := range batch {
		c.err = err
		if c.settles {
			unsettled = append(unsettled, c)
		}
	}
	if len(unsettled) > 0 {
		log.FromContext(ctx).Error(err, "The outcomes of logins are not recorded yet. They are before the next login of these users.", "logins", len(unsettled))
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	s.queue = append(unsettled, s.queue...)
	return err
}

// swap applies changes to the newest records and writes them, on the version that they were applied to.
func (s *Store) swap(ctx context.Context, batch []*change) error {
	for range swaps {
		if s.found == nil {
			if err := s.read(ctx); err != nil {
				return err
			}
		}
		next, changed := maps.Clone(s.users), false
		for _, c := range batch {
			c.err = c.apply(next)
			changed = changed || c.err == nil
		}
		if !changed {
			return nil
		}
		written := s.found.DeepCopy()
		maps.DeleteFunc(written.Data, func(key, _ string) bool { return keyForm.MatchString(key) })
		if written.Data == nil {
			written.Data = map[string]string{}
		}
		for key, e := range next {
			written.Data[key] = e.text
		}
		exists := written.ResourceVersion != ""
		var err error
		if exists {
			err = s.api.Update(ctx, written)
		} else {
			err = s.api.Create(ctx, written)
		}
		if err == nil {
			s.found, s.users, s.readAt = written, next, s.clock.Now()
			return nil
		}
		s.found = nil
		if !apierrors.IsConflict(err) && !apierrors.IsAlreadyExists(err) && (!exists || !apierrors.IsNotFound(err)) {
			return s.failure("write", err)
		}
	}
	return s.failure("write", fmt.Errorf("%d other writes came before it", swaps))
}

// read takes over what the ConfigMap holds. Where there is none, a new one will be created.
func (s *Store) read(ctx context.Context) error {
	s.found = nil
	found := &corev1.ConfigMap{}
	err := s.api.Get(ctx, s.name, found)
	if apierrors.IsNotFound(err) {
		found = &corev1.ConfigMap{ObjectMeta: metav1.ObjectMeta{Namespace: s.name.Namespace, Name: s.name.Name, Labels: labels}}
	} else if err != nil {
		return s.failure("read", err)
	}
	now := s.clock.Now()
	s.found, s.users, s.readAt = found, s.users.read(found.Data, now), now
	return nil
}

func (s *Store) failure(attempted string, err error) error {
	return &rules.KubernetesError{Attempted: fmt.Sprintf("%s the login record, ConfigMap %s,", attempted, s.name), Err: err}
}
