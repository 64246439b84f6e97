package stage

import (
	"context"
	"fmt"
	"os"
)

// Run builds the binaries, sets a stage up for body in a folder of its own, and takes it down. It returns body's exit code, for a TestMain; root is
// the repository's folder.
func Run(root string, simulatorArgs []string, body func(*Stage) (int, error)) int {
	code, err := run(root, simulatorArgs, body)
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		return 1
	}
	return code
}

func run(root string, simulatorArgs []string, body func(*Stage) (int, error)) (int, error) {
	dir, err := os.MkdirTemp("", "fota-stage-")
	if err != nil {
		return 1, err
	}
	defer os.RemoveAll(dir) //nolint:errcheck // a temporary folder
	ctx := context.Background()
	if err := Build(ctx, root, dir); err != nil {
		return 1, err
	}
	s, err := New(ctx, root, dir, simulatorArgs...)
	if err != nil {
		return 1, err
	}
	defer s.TearDown()
	return body(s)
}
