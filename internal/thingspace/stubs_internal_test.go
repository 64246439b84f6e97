package thingspace

import (
	"context"
	"time"
)

// alwaysAllowed is a record that lets every login be made, for tests of what comes after it.
type alwaysAllowed struct{}

func (alwaysAllowed) Check(context.Context, Login) error { return nil }

func (alwaysAllowed) Begin(_ context.Context, login Login) (LoginAttempt, error) {
	return LoginAttempt{Login: login}, nil
}

func (alwaysAllowed) Settle(context.Context, LoginAttempt, LoginOutcome, string) {}

// unchanging is a source whose credentials never change.
type unchanging Credentials

func (u unchanging) Get(context.Context, time.Duration) (Credentials, error) {
	return Credentials(u), nil
}
