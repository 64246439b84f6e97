//go:build profile

package main

import (
	"net/http"
	_ "net/http/pprof" //nolint:gosec // what this build is for
	"os"
)

// A build with -tags profile serves profiles on $PROFILE_ADDRESS. It is for measuring: no release has it.
func init() {
	go func() { panic(http.ListenAndServe(os.Getenv("PROFILE_ADDRESS"), nil)) }() //nolint:gosec // it ends with the process
}
