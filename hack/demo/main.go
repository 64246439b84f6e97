// Command demo shows the operator at work: a real API server, a simulated ThingSpace, the operator as a process of its own, and the samples.
// With ONCE=1 it checks what it shows and exits 0 or 1; otherwise it stays up to be played with until Ctrl-C.
package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/signal"
	"syscall"
	"time"

	"github.com/go-logr/logr"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/log"

	"github.com/fota-callback-operator/fota-callback-operator/test/stage"
)

const account = "0000123456-00001"

func main() {
	ctx, cancel := signal.NotifyContext(context.Background(), syscall.SIGINT, syscall.SIGTERM)
	err := run(ctx, os.Getenv("ONCE") == "1")
	cancel()
	if err != nil && !errors.Is(err, context.Canceled) {
		fmt.Fprintln(os.Stderr, "demo:", err)
		os.Exit(1)
	}
}

func run(ctx context.Context, once bool) error {
	dir, err := os.MkdirTemp("", "fota-demo-")
	if err != nil {
		return err
	}
	defer os.RemoveAll(dir) //nolint:errcheck // a temporary folder

	say("Building the operator and the simulator.")
	if err := stage.Build(ctx, ".", dir); err != nil {
		return err
	}
	say("Starting etcd, kube-apiserver and the simulated ThingSpace, and installing the CRD.")
	log.SetLogger(logr.Discard()) // envtest has nothing to tell
	set, err := stage.New(ctx, ".", dir)
	if err != nil {
		return err
	}
	defer set.TearDown()
	say("Starting the operator.")
	operator, err := set.StartOperator("--deregistration-grace=2s")
	if err != nil {
		return err
	}
	defer operator.Stop() //nolint:errcheck // the demo is over

	if err := show(ctx, &play{Stage: set, operator: operator}); err != nil {
		text, _ := os.ReadFile(set.OperatorLog())
		return fmt.Errorf("%w\nThe operator's log:\n%s", err, text)
	}
	if once {
		say("Everything went as it should.")
		return nil
	}
	say("It stays up until Ctrl-C. In another terminal:")
	fmt.Printf("\n    export KUBECONFIG=%s PATH=%s:$PATH\n    kubectl get fotacallbacks -o wide\n    curl %s/simulator/registrations\n\nThe operator's log: %s\n",
		set.Kubeconfig, os.Getenv("KUBEBUILDER_ASSETS"), set.SimulatorURL, set.OperatorLog())
	<-ctx.Done()
	return nil
}

// show is the play itself. Each act is checked before the next one begins.
func show(ctx context.Context, s *play) error {
	say("1. Two FotaCallbacks and their Secret are applied, and become Ready.")
	if err := s.applySamples(ctx); err != nil {
		return err
	}
	for _, name := range []string{"fleet-east", "fleet-west"} {
		if err := s.until(ctx, name+" is Ready", func() (bool, error) { return s.ready(ctx, name) }); err != nil {
			return err
		}
	}
	s.print(ctx)

	say("2. Somebody changes the registration by hand; asked for a check, the operator puts it right.")
	if err := s.registerByHand(ctx, account, "https://elsewhere.example.net/hook"); err != nil {
		return err
	}
	if err := s.requestCheck(ctx, "fleet-east"); err != nil {
		return err
	}
	if err := s.until(ctx, "the drift is put right", func() (bool, error) {
		url, err := s.registered(ctx, account)
		return url == "https://fota.example.com/callbacks/east", err
	}); err != nil {
		return err
	}
	s.print(ctx)

	say("3. fleet-east is deleted, and its account deregistered.")
	if err := s.Client.Delete(ctx, fotaCallback("fleet-east")); err != nil {
		return err
	}
	if err := s.until(ctx, "fleet-east is gone", func() (bool, error) {
		err := s.Client.Get(ctx, client.ObjectKey{Namespace: "default", Name: "fleet-east"}, fotaCallback(""))
		return apierrors.IsNotFound(err), client.IgnoreNotFound(err)
	}); err != nil {
		return err
	}
	url, err := s.registered(ctx, account)
	if err != nil || url != "" {
		return fmt.Errorf("account %s should have nothing registered, but has %q: %w", account, url, err)
	}
	s.print(ctx)
	return nil
}

func say(text string) { fmt.Printf("\n== %s\n", text) }

// until polls for at most a minute.
func (s *play) until(ctx context.Context, what string, done func() (bool, error)) error {
	deadline := time.Now().Add(time.Minute)
	for {
		ok, err := done()
		switch {
		case err != nil:
			return fmt.Errorf("%s: %w", what, err)
		case ok:
			fmt.Printf("   %s\n", what)
			return nil
		case time.Now().After(deadline):
			return fmt.Errorf("after a minute it is not so that %s", what)
		}
		select {
		case <-ctx.Done():
			return ctx.Err()
		case <-s.operator.Ended():
			return errors.New("the operator has ended")
		case <-time.After(100 * time.Millisecond):
		}
	}
}
