package thingspace

import (
	"context"
	"errors"
)

// Client makes the calls. One serves all accounts and credentials; it is safe for concurrent use.
type Client struct{}

// List returns the URL that is registered for the account ("" for none).
func (c *Client) List(ctx context.Context, caller Caller) (string, error) {
	return "", errors.New("not built yet")
}

// Register registers url where nothing is registered (POST), and returns it as ThingSpace wrote it.
func (c *Client) Register(ctx context.Context, caller Caller, url string, prove Prove) (string, error) {
	return "", errors.New("not built yet")
}

// Update replaces the registered URL in place (PUT; where ThingSpace refuses that with 400 or 404, POST), and
// returns it as ThingSpace wrote it.
func (c *Client) Update(ctx context.Context, caller Caller, url string, prove Prove) (string, error) {
	return "", errors.New("not built yet")
}

// Deregister removes the registration. An answer that nothing was registered is a success.
func (c *Client) Deregister(ctx context.Context, caller Caller, prove Prove) error {
	return errors.New("not built yet")
}

// SignedIn says whether a call with these credentials would go out without a login first.
func (c *Client) SignedIn(credentials Credentials) bool { return false }

// Forget drops what is kept for an account that no object names any more.
func (c *Client) Forget(account string) {}
