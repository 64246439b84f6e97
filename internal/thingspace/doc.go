// Package thingspace is the far side: the four calls of Software Management Callbacks V3 for an account, and the
// sign-in in front of them. It knows nothing of Kubernetes, and nothing above it sees an HTTP status: what can go wrong
// is a type in errors.go.
package thingspace
