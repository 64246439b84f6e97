package main

import (
	"context"
	"crypto/tls"
	"fmt"
	"net/http"
	"time"

	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/api/meta"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/client-go/rest"
	"k8s.io/utils/clock"
	ctrl "sigs.k8s.io/controller-runtime"
	"sigs.k8s.io/controller-runtime/pkg/cache"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/healthz"
	"sigs.k8s.io/controller-runtime/pkg/metrics"
	"sigs.k8s.io/controller-runtime/pkg/metrics/filters"
	metricsserver "sigs.k8s.io/controller-runtime/pkg/metrics/server"

	"github.com/fota-callback-operator/fota-callback-operator/api/v1alpha1"
	"github.com/fota-callback-operator/fota-callback-operator/internal/controller"
	"github.com/fota-callback-operator/fota-callback-operator/internal/rules"
	"github.com/fota-callback-operator/fota-callback-operator/internal/thingspace"
)

const (
	// operatorName is the field manager of every write, the reporter of every event and the name of the Lease.
	operatorName = "fota-callback-operator"

	// A sign-in that is under way when the operator is told to stop is waited for so long; everything else is cut at once.
	stopTimeout = 8 * time.Second

	// A leader whose API server hangs tries again 2 s after its last renewal, for so long, and then gives the Lease back, which it waits for half as long:
	// after 2 + 8 + 4 s it has ended, and its Lease of 15 s has not. With the 10 s of controller-runtime it would work on for 2 s beside the next leader.
	renewDeadline = 8 * time.Second
)

// newManager puts the parts together: the far side's client, the reconciler, and the manager that runs it.
func newManager(ctx context.Context, o *options, start *startup) (ctrl.Manager, error) {
	restConfig, err := ctrl.GetConfig()
	if err != nil {
		return nil, fmt.Errorf("find the Kubernetes API: %w", err)
	}
	// The API server's own priority and fairness paces the operator; a limit of its own would only add waiting.
	restConfig.QPS = -1
	restConfig.UserAgent = operatorName + "/" + version

	api, err := watchReach(restConfig, clock.RealClock{}, ctrl.Log.WithName("kubernetes-api"))
	if err != nil {
		return nil, fmt.Errorf("set up the Kubernetes client: %w", err)
	}
	go api.run(ctx) // before the manager: that waits for its cache, and so for the API server

	settings := managerOptions(o)
	settings.Cache.DefaultWatchErrorHandler = start.onWatchError
	if o.leaderElect {
		settings.LeaderElectionConfig = start.forLeases(restConfig)
	}
	manager, err := ctrl.NewManager(restConfig, settings)
	if err != nil {
		return nil, fmt.Errorf("set up the manager: %w", err)
	}

	trusted, err := newAuthorities(o.thingspaceCAFile, clock.RealClock{}, ctrl.Log.WithName("thingspace-ca-file"))
	if err != nil {
		return nil, err
	}
	if err := manager.Add(trusted); err != nil {
		return nil, fmt.Errorf("set up --thingspace-ca-file: %w", err)
	}
	record, err := newLoginRecord(manager, o.loginRecordName, start)
	if err != nil {
		return nil, fmt.Errorf("set up the login record: %w", err)
	}
	// The client tells the reconciler when ThingSpace is back, and the reconciler needs the client.
	var reconciler *controller.Reconciler
	registrations, err := thingspace.New(thingspace.Config{
		BaseURL:    o.thingspaceURL,
		AllowHTTP:  o.thingspaceAllowHTTP,
		RootCAs:    trusted.roots,
		Timeout:    o.thingspaceTimeout,
		QPS:        o.thingspaceQPS,
		Burst:      o.thingspaceBurst,
		Clock:      clock.RealClock{},
		Registerer: metrics.Registry,
		UserAgent:  restConfig.UserAgent,
		Logins:     record,
		OnRecovery: func() { reconciler.APIRecovered() },
	})
	if err != nil {
		return nil, fmt.Errorf("--thingspace-url: %w", err)
	}
	reconciler = controller.NewReconciler(controller.Config{
		Client:        client.WithFieldOwner(manager.GetClient(), operatorName),
		Live:          manager.GetAPIReader(),
		Namespaces:    o.namespaces(),
		Registrations: registrations,
		Recorder:      manager.GetEventRecorder(operatorName),
		Clock:         clock.RealClock{},
		Settings:      rules.Settings{DefaultInterval: o.defaultInterval, DeregistrationGrace: o.deregistrationGrace},
		Metrics:       controller.NewMetrics(metrics.Registry),
	})
	if err := reconciler.SetupWithManager(ctx, manager, o.maxConcurrentReconciles, o.thingspaceTimeout); err != nil {
		return nil, err
	}
	if err := metrics.Registry.Register(reconciler.Collector(manager.Elected())); err != nil {
		return nil, fmt.Errorf("register metrics: %w", err)
	}
	if err := start.setUp(ctx, manager); err != nil {
		return nil, err
	}
	return manager, addProbes(manager, start.ready, api.ready)
}

func managerOptions(o *options) ctrl.Options {
	scheme := runtime.NewScheme()
	for _, add := range []func(*runtime.Scheme) error{corev1.AddToScheme, v1alpha1.AddToScheme} {
		if err := add(scheme); err != nil {
			panic(err) // a type registered twice: no input can cause or mend it
		}
	}
	watched := map[string]cache.Config{}
	for _, namespace := range o.namespaces() {
		watched[namespace] = cache.Config{}
	}
	if len(watched) == 0 {
		watched = nil
	}
	options := ctrl.Options{
		Scheme:         scheme,
		MapperProvider: func(*rest.Config, *http.Client) (meta.RESTMapper, error) { return kinds(), nil },
		Cache: cache.Options{
			DefaultNamespaces: watched,
			ByObject:          map[client.Object]cache.ByObject{&v1alpha1.FotaCallback{}: {Transform: controller.TrimInCache}},
		},
		LeaderElection:                o.leaderElect,
		LeaderElectionID:              operatorName,
		LeaderElectionNamespace:       o.leaderElectionNamespace,
		LeaderElectionReleaseOnCancel: true,
		RenewDeadline:                 new(renewDeadline),
		GracefulShutdownTimeout:       new(stopTimeout),
		HealthProbeBindAddress:        o.healthProbeBindAddress,
		Metrics: metricsserver.Options{
			BindAddress:   o.metricsBindAddress,
			SecureServing: o.metricsSecure,
			// HTTP/2 is left off: a rapid reset would let anybody who reaches the port keep it busy.
			TLSOpts: []func(*tls.Config){func(c *tls.Config) { c.NextProtos = []string{"http/1.1"} }},
		},
	}
	if o.metricsSecure {
		options.Metrics.FilterProvider = filters.WithAuthenticationAndAuthorization
	}
	return options
}

// kinds are those that the operator reads and writes. They are known, and need not be asked for: that would be the first thing that each start waits for.
func kinds() meta.RESTMapper {
	mapper := meta.NewDefaultRESTMapper(nil)
	for _, kind := range []schema.GroupVersionKind{
		v1alpha1.GroupVersion.WithKind("FotaCallback"), v1alpha1.GroupVersion.WithKind("FotaCallbackList"), corev1.SchemeGroupVersion.WithKind("Secret"),
		corev1.SchemeGroupVersion.WithKind("ConfigMap"),
	} {
		mapper.Add(kind, meta.RESTScopeNamespace)
	}
	return mapper
}

// addProbes serves /healthz and /readyz. Neither asks ThingSpace: a restart would not bring that back.
func addProbes(manager ctrl.Manager, filled, reached healthz.Checker) error {
	if err := manager.AddHealthzCheck("ping", healthz.Ping); err != nil {
		return fmt.Errorf("set up /healthz: %w", err)
	}
	for name, check := range map[string]healthz.Checker{"cache": filled, "kubernetes-api": reached} {
		if err := manager.AddReadyzCheck(name, check); err != nil {
			return fmt.Errorf("set up /readyz: %w", err)
		}
	}
	return nil
}
