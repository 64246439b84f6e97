package controller

import (
	"bytes"
	"context"
	"fmt"
	"maps"
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
	found thingspace.Credentials
	err   error
}

func newCredentialReader(reader client.Reader, clk clock.PassiveClock) *credentialReader {
	return &credentialReader{reader: reader, clock: clk, read: map[types.NamespacedName]secretRead{}, held: map[types.NamespacedName]secretContent{}}
}

// get returns the credentials in a Secret, from a read that is no older than maxAge. Errors are *rules.CredentialsError where
// the Secret has to change, *rules.KubernetesError where it could not be read.
func (r *credentialReader) get(ctx context.Context, name types.NamespacedName, maxAge time.Duration) (thingspace.Credentials, error) {
	if known, ok := r.remembered(name, maxAge); ok {
		return known.found, known.err
	}
	result, _, _ := r.flight.Do(name.String(), func() (any, error) {
		if known, ok := r.remembered(name, maxAge); ok { // another caller's read ended just now
			return known, nil
		}
		found, err := r.fetch(ctx, name)
		return r.remember(name, secretRead{at: r.clock.Now(), found: found, err: err}), nil
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
func (r *credentialReader) remember(name types.NamespacedName, read secretRead) secretRead {
	r.mu.Lock()
	defer r.mu.Unlock()
	if _, failed := read.err.(*rules.KubernetesError); failed { //nolint:errorlint // fetch returns it as it is
		delete(r.read, name)
		return read
	}
	if read.at.Sub(r.swept) >= secretServes {
		r.swept = read.at
		maps.DeleteFunc(r.read, func(_ types.NamespacedName, old secretRead) bool { return read.at.Sub(old.at) >= secretServes })
		maps.DeleteFunc(r.held, func(_ types.NamespacedName, old secretContent) bool { return read.at.Sub(old.seen) >= contentKnown })
	}
	if read.err == nil {
		read.found.OtherSince = r.holds(name, read.found.Digest(), read.at)
	}
	r.read[name] = read
	return read
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

func (r *credentialReader) fetch(ctx context.Context, name types.NamespacedName) (thingspace.Credentials, error) {
	var secret corev1.Secret
	err := r.reader.Get(ctx, name, &secret)
	switch {
	case apierrors.IsNotFound(err):
		return thingspace.Credentials{}, &rules.CredentialsError{Problem: fmt.Sprintf("Secret %s is not there. Create it with the keys client-id, client-secret, username and password.", name)}
	case apierrors.IsForbidden(err):
		return thingspace.Credentials{}, &rules.CredentialsError{Problem: fmt.Sprintf("the operator is not allowed to get Secret %s. Grant it get on that Secret; with the Helm chart, rbac.secretNames has to name it.", name)}
	case err != nil:
		return thingspace.Credentials{}, &rules.KubernetesError{Attempted: fmt.Sprintf("read Secret %s", name), Err: err}
	}
	return credentialsIn(&secret)
}

// credentialsIn takes the four values out of a Secret, without white space and byte order marks at their ends. What is kept is a copy: the Secret may be large.
func credentialsIn(secret *corev1.Secret) (thingspace.Credentials, error) {
	found := thingspace.Credentials{Secret: thingspace.SecretVersion{
		Namespace: secret.Namespace, Name: secret.Name, UID: string(secret.UID), ResourceVersion: secret.ResourceVersion,
	}}
	for _, entry := range []struct {
		key   string
		value *thingspace.Sensitive
	}{
		{"client-id", &found.ClientID},
		{"client-secret", &found.ClientSecret},
		{"username", &found.Username},
		{"password", &found.Password},
	} {
		value := bytes.TrimFunc(secret.Data[entry.key], func(r rune) bool { return unicode.IsSpace(r) || r == byteOrderMark })
		if problem := problemWith(entry.key, value); problem != "" {
			return thingspace.Credentials{}, &rules.CredentialsError{Problem: fmt.Sprintf("Secret %s/%s: key %s %s.", secret.Namespace, secret.Name, entry.key, problem)}
		}
		*entry.value = thingspace.Sensitive(value)
	}
	return found, nil
}

const byteOrderMark = '\uFEFF'

// problemWith says why a value can't be sent, without showing it; empty where it can.
func problemWith(key string, value []byte) string {
	switch {
	case len(value) == 0:
		return "is missing or empty"
	case len(value) > credentialMaxBytes:
		return fmt.Sprintf("is longer than %d bytes", credentialMaxBytes)
	case !utf8.Valid(value):
		return "is not UTF-8 text"
	case bytes.ContainsFunc(value, unicode.IsControl):
		return "holds a control character, for example a line break"
	case key == "client-id" && bytes.ContainsRune(value, ':'):
		return "holds a colon, which HTTP Basic authentication can't carry"
	}
	return ""
}
