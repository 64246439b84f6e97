package controller

import (
	"context"
	"fmt"
	"maps"
	"strings"
	"sync"
	"time"
	"unicode"
	"unicode/utf8"

	"golang.org/x/sync/singleflight"
	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/utils/clock"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/fota-callback-operator/fota-callback-operator/internal/rules"
	"github.com/fota-callback-operator/fota-callback-operator/internal/thingspace"
)

const (
	// One read of a Secret serves all objects that name it for this long.
	secretServes = 10 * time.Minute
	// Or for this long while something waits for it to appear or change, or a sign-in is about to use it.
	secretServesWaiting = 5 * time.Second

	// What a Secret held is known for twice the longest interval at which an object has it read.
	contentKnown = 48 * time.Hour

	credentialMaxBytes = 4096
)

// usable are credentials that can be tried, and the content of the Secret that they come from.
type usable struct {
	thingspace.Credentials
	identity rules.SecretIdentity
	// otherSince is since when the Secret was seen to hold others before it held these; zero where it was not.
	otherSince time.Time
}

// credentialReader reads Secrets by name with get alone, and remembers what it read for a short while.
type credentialReader struct {
	reader client.Reader
	clock  clock.PassiveClock
	flight singleflight.Group

	mu    sync.Mutex
	read  map[types.NamespacedName]secretRead
	held  map[types.NamespacedName]secretContent
	swept time.Time
}

// secretContent is what a Secret was last seen to hold, and since when; otherSince is that of what it held before.
type secretContent struct {
	digest                  thingspace.Digest
	since, otherSince, seen time.Time
}

type secretRead struct {
	at    time.Time
	found *usable
	err   error
}

func newCredentialReader(reader client.Reader, clk clock.PassiveClock) *credentialReader {
	return &credentialReader{reader: reader, clock: clk, read: map[types.NamespacedName]secretRead{}, held: map[types.NamespacedName]secretContent{}}
}

// get returns the credentials in a Secret, from a read that is no older than maxAge. Errors are *rules.CredentialsError where
// the Secret has to change, *rules.KubernetesError where it could not be read. A user name that is there comes with the former too.
func (r *credentialReader) get(ctx context.Context, name types.NamespacedName, maxAge time.Duration) (*usable, error) {
	if known, ok := r.remembered(name, maxAge); ok {
		return known.found, known.err
	}
	result, _, _ := r.flight.Do(name.String(), func() (any, error) {
		if known, ok := r.remembered(name, maxAge); ok { // another caller's read ended just now
			return known, nil
		}
		found, err := r.fetch(ctx, name)
		now := secretRead{at: r.clock.Now(), found: found, err: err}
		r.remember(name, now)
		return now, nil
	})
	now := result.(secretRead)
	return now.found, now.err
}

func (r *credentialReader) remembered(name types.NamespacedName, maxAge time.Duration) (secretRead, bool) {
	r.mu.Lock()
	defer r.mu.Unlock()
	known, ok := r.read[name]
	if known.err != nil {
		maxAge = min(maxAge, secretServesWaiting)
	}
	return known, ok && r.clock.Since(known.at) < maxAge
}

// remember keeps a read, unless it failed for a reason that says nothing about the Secret, and drops what no longer serves.
func (r *credentialReader) remember(name types.NamespacedName, read secretRead) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if _, failed := read.err.(*rules.KubernetesError); failed { //nolint:errorlint // fetch returns it as it is
		delete(r.read, name)
		return
	}
	if read.at.Sub(r.swept) >= secretServes {
		r.swept = read.at
		maps.DeleteFunc(r.read, func(_ types.NamespacedName, old secretRead) bool { return read.at.Sub(old.at) >= secretServes })
		maps.DeleteFunc(r.held, func(_ types.NamespacedName, old secretContent) bool { return read.at.Sub(old.seen) >= contentKnown })
	}
	if read.err == nil {
		read.found.otherSince = r.holds(name, read.found.Digest(), read.at)
	}
	r.read[name] = read
}

// holds notes what a Secret holds, and returns since when it was seen to hold something else before.
func (r *credentialReader) holds(name types.NamespacedName, digest thingspace.Digest, now time.Time) time.Time {
	content, known := r.held[name]
	if !known || content.digest != digest {
		content = secretContent{digest: digest, since: now, otherSince: content.since}
	}
	content.seen = now
	r.held[name] = content
	return content.otherSince
}

func (r *credentialReader) fetch(ctx context.Context, name types.NamespacedName) (*usable, error) {
	var secret corev1.Secret
	err := r.reader.Get(ctx, name, &secret)
	switch {
	case apierrors.IsNotFound(err):
		return nil, &rules.CredentialsError{Problem: fmt.Sprintf("Secret %s is not there. Create it with the keys client-id, client-secret, username and password.", name)}
	case apierrors.IsForbidden(err):
		return nil, &rules.CredentialsError{Problem: fmt.Sprintf("the operator is not allowed to get Secret %s. Grant it get on that Secret; with the Helm chart, rbac.secretNames has to name it.", name)}
	case err != nil:
		return nil, &rules.KubernetesError{Attempted: fmt.Sprintf("read Secret %s", name), Err: err}
	}
	return credentialsIn(&secret)
}

// credentialsIn takes the four values out of a Secret, without white space at their ends. Where one can't be used, the others come with the error.
func credentialsIn(secret *corev1.Secret) (*usable, error) {
	found := &usable{identity: rules.SecretIdentity{UID: string(secret.UID), ResourceVersion: secret.ResourceVersion}}
	var first error
	for _, entry := range []struct {
		key   string
		value *thingspace.Sensitive
	}{
		{"client-id", &found.ClientID},
		{"client-secret", &found.ClientSecret},
		{"username", &found.Username},
		{"password", &found.Password},
	} {
		text := strings.TrimSpace(string(secret.Data[entry.key]))
		problem := problemWith(entry.key, text)
		if problem == "" {
			*entry.value = thingspace.Sensitive(text)
		} else if first == nil {
			first = &rules.CredentialsError{Problem: fmt.Sprintf("Secret %s/%s: key %s %s.", secret.Namespace, secret.Name, entry.key, problem)}
		}
	}
	return found, first
}

// problemWith says why a value can't be sent, without showing it; empty where it can.
func problemWith(key, value string) string {
	switch {
	case value == "":
		return "is missing or empty"
	case len(value) > credentialMaxBytes:
		return fmt.Sprintf("is longer than %d bytes", credentialMaxBytes)
	case !utf8.ValidString(value):
		return "is not UTF-8 text"
	case strings.IndexFunc(value, unicode.IsControl) >= 0:
		return "holds a control character, for example a line break"
	case key == "client-id" && strings.Contains(value, ":"):
		return "holds a colon, which HTTP Basic authentication can't carry"
	}
	return ""
}
