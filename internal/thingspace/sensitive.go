package thingspace

import (
	"crypto/sha256"
	"encoding/binary"
	"fmt"
	"io"
	"log/slog"
	"time"
)

// Sensitive is text that must not be shown: however it is printed, marshalled or logged, it says [redacted].
type Sensitive string

const redacted = "[redacted]"

// Reveal returns the text, for the one place that sends it.
func (s Sensitive) Reveal() string { return string(s) }

// String implements fmt.Stringer.
func (Sensitive) String() string { return redacted }

// GoString implements fmt.GoStringer.
func (Sensitive) GoString() string { return redacted }

// Format implements fmt.Formatter, for every verb.
func (Sensitive) Format(f fmt.State, _ rune) { _, _ = io.WriteString(f, redacted) }

// MarshalText implements encoding.TextMarshaler, which JSON and YAML use too.
func (Sensitive) MarshalText() ([]byte, error) { return []byte(redacted), nil }

// MarshalLog implements logr.Marshaler.
func (Sensitive) MarshalLog() any { return redacted }

// LogValue implements slog.LogValuer.
func (Sensitive) LogValue() slog.Value { return slog.StringValue(redacted) }

// Credentials are the four values that sign in: the ThingSpace application's key and secret, and the UWS user's name and password.
type Credentials struct {
	ClientID, ClientSecret, Username, Password Sensitive
	// Secret is the version of the Secret that they were read from.
	Secret SecretVersion
	// OtherSince is since when that Secret was seen to hold others before it held these; zero where it
	// was not. What was refused before may be tried again then: the content has changed, and changed back.
	OtherSince time.Time
}

// Digest identifies credentials by their content; equal ones share tokens and sessions.
type Digest [sha256.Size]byte

// Digest returns the identity of the four values together.
func (c Credentials) Digest() Digest {
	h := sha256.New()
	for _, v := range []Sensitive{c.ClientID, c.ClientSecret, c.Username, c.Password} {
		var length [8]byte
		binary.BigEndian.PutUint64(length[:], uint64(len(v)))
		h.Write(length[:])
		_, _ = io.WriteString(h, v.Reveal()) // a hash never fails to write
	}
	return Digest(h.Sum(nil))
}
