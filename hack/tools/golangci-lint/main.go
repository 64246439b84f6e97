// Command golangci-lint is golangci-lint with kube-api-linter built in, which its own way of building plugins would fetch with git.
package main

import (
	"fmt"
	"os"
	"runtime"

	"github.com/golangci/golangci-lint/v2/pkg/commands"
	"github.com/golangci/golangci-lint/v2/pkg/exitcodes"
	_ "sigs.k8s.io/kube-api-linter" // registers the linter kubeapilinter
)

func main() {
	err := commands.Execute(commands.BuildInfo{GoVersion: runtime.Version(), Version: "2.15.0"})
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(exitcodes.Failure)
	}
}
