// Command manager is the operator: it keeps the callback URLs of ThingSpace accounts as FotaCallback objects declare them.
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"os"

	_ "k8s.io/client-go/plugin/pkg/client/auth" // for a kubeconfig of any kind, outside a cluster
	"k8s.io/klog/v2"
	ctrl "sigs.k8s.io/controller-runtime"
)

// version is stamped in by the linker.
var version = "development"

func main() { os.Exit(run(os.Args[1:])) }

// run returns the exit code: 0 after a stop that was asked for, 1 where the operator could not go on, 2 for a flag that is wrong.
func run(args []string) int {
	options, err := parseOptions(args, os.LookupEnv, os.Stdout)
	switch {
	case errors.Is(err, flag.ErrHelp):
		return 0
	case err != nil:
		fmt.Fprintf(os.Stderr, "manager: %v\nmanager --help lists all flags and their variables.\n", err)
		return 2
	case options.showVersion:
		fmt.Println(version)
		return 0
	}
	if err := checkProxies(os.Environ()); err != nil {
		fmt.Fprintln(os.Stderr, "manager:", err)
		return 2
	}

	logger := newLogger(options.zap, os.Stderr)
	ctrl.SetLogger(logger)
	klog.SetLogger(logger)
	logger.Info("Starting.", "version", version, "thingspaceURL", options.thingspaceURL)

	stopAsked := ctrl.SetupSignalHandler()
	ctx, giveUp := context.WithCancelCause(stopAsked)
	defer giveUp(nil)
	start := &startup{giveUp: giveUp}
	manager, err := newManager(ctx, options, start)
	if err != nil {
		logger.Error(err, "The operator can't start.")
		return 1
	}
	if err := start.run(ctx, manager); err != nil {
		if stopAsked.Err() != nil {
			logger.Info("Stopped; a pass was cut. The next start takes it up where it was.", "cause", err.Error())
			return 0
		}
		logger.Error(err, "The operator stops.")
		return 1
	}
	logger.Info("Stopped.")
	return 0
}
