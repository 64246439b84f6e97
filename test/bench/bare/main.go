// Command bare is a controller-runtime manager with the operator's options and a controller that does nothing: what the operator's memory, start and binary
// are held against.
package main

import (
	"context"
	"crypto/tls"
	"flag"
	"fmt"
	"os"

	"k8s.io/apimachinery/pkg/runtime"
	clientgoscheme "k8s.io/client-go/kubernetes/scheme"
	ctrl "sigs.k8s.io/controller-runtime"
	"sigs.k8s.io/controller-runtime/pkg/healthz"
	"sigs.k8s.io/controller-runtime/pkg/log/zap"
	"sigs.k8s.io/controller-runtime/pkg/metrics/filters"
	metricsserver "sigs.k8s.io/controller-runtime/pkg/metrics/server"
	"sigs.k8s.io/controller-runtime/pkg/reconcile"

	"github.com/fota-callback-operator/fota-callback-operator/api/v1alpha1"
)

func main() {
	var options ctrl.Options
	flag.BoolVar(&options.LeaderElection, "leader-elect", true, "Let one of several replicas work at a time.")
	flag.StringVar(&options.Metrics.BindAddress, "metrics-bind-address", ":8443", "Address of the metrics endpoint.")
	flag.BoolVar(&options.Metrics.SecureServing, "metrics-secure", true, "Serve metrics over TLS, to who is authenticated and authorized.")
	flag.StringVar(&options.HealthProbeBindAddress, "health-probe-bind-address", ":8081", "Address of /healthz and /readyz.")
	var logging zap.Options
	logging.BindFlags(flag.CommandLine)
	flag.Parse()
	ctrl.SetLogger(zap.New(zap.UseFlagOptions(&logging)))
	if err := run(ctrl.SetupSignalHandler(), options); err != nil {
		fmt.Fprintln(os.Stderr, "bare:", err)
		os.Exit(1)
	}
}

func run(ctx context.Context, options ctrl.Options) error {
	config, err := ctrl.GetConfig()
	if err != nil {
		return err
	}
	options.Scheme = runtime.NewScheme()
	for _, add := range []func(*runtime.Scheme) error{clientgoscheme.AddToScheme, v1alpha1.AddToScheme} {
		if err := add(options.Scheme); err != nil {
			return err
		}
	}
	options.LeaderElectionID = "bare"
	options.Metrics = metricsserver.Options{
		BindAddress: options.Metrics.BindAddress, SecureServing: options.Metrics.SecureServing,
		TLSOpts: []func(*tls.Config){func(c *tls.Config) { c.NextProtos = []string{"http/1.1"} }},
	}
	if options.Metrics.SecureServing {
		options.Metrics.FilterProvider = filters.WithAuthenticationAndAuthorization
	}
	manager, err := ctrl.NewManager(config, options)
	if err != nil {
		return err
	}
	if err := manager.AddHealthzCheck("ping", healthz.Ping); err != nil {
		return err
	}
	if err := manager.AddReadyzCheck("ping", healthz.Ping); err != nil {
		return err
	}
	nothing := reconcile.Func(func(context.Context, reconcile.Request) (reconcile.Result, error) { return reconcile.Result{}, nil })
	if err := ctrl.NewControllerManagedBy(manager).For(&v1alpha1.FotaCallback{}).Complete(nothing); err != nil {
		return err
	}
	return manager.Start(ctx)
}
