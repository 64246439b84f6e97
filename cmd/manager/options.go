package main

import (
	"errors"
	"flag"
	"fmt"
	"io"
	"net"
	"strings"
	"time"

	"k8s.io/apimachinery/pkg/types"
	"k8s.io/apimachinery/pkg/util/validation"
	"sigs.k8s.io/controller-runtime/pkg/client/config"
	"sigs.k8s.io/controller-runtime/pkg/log/zap"

	"github.com/fota-callback-operator/fota-callback-operator/internal/thingspace"
)

// options are the operator's flags. Nothing here can be set by an object.
type options struct {
	thingspaceURL       string
	thingspaceCAFile    string
	thingspaceAllowHTTP bool
	thingspaceTimeout   time.Duration
	thingspaceQPS       float64
	thingspaceBurst     int

	loginRecord     string
	loginRecordName types.NamespacedName

	defaultInterval         time.Duration
	deregistrationGrace     time.Duration
	maxConcurrentReconciles int
	watchNamespaces         string

	leaderElect             bool
	leaderElectionNamespace string

	metricsBindAddress     string
	metricsSecure          bool
	healthProbeBindAddress string

	showVersion bool
	zap         zap.Options
}

// notFromEnvironment are flags without a variable of their own: VERSION means other things to build tools, and
// KUBECONFIG, which may be a list of files, is read by the Kubernetes client itself.
var notFromEnvironment = map[string]bool{"version": true, "kubeconfig": true}

// parseOptions reads flags and, for those not given, environment variables: --thingspace-url is THINGSPACE_URL.
func parseOptions(args []string, lookupEnv func(string) (string, bool), help io.Writer) (*options, error) {
	o := &options{}
	flags := flag.NewFlagSet("manager", flag.ContinueOnError)
	flags.SetOutput(io.Discard) // an error comes back, and the whole help before it would hide it
	o.bind(flags)
	config.RegisterFlags(flags)
	o.zap.BindFlags(flags)
	describe(flags)
	switch err := flags.Parse(args); {
	case errors.Is(err, flag.ErrHelp):
		return nil, errors.Join(err, writeHelp(help, flags))
	case err != nil:
		return nil, flagError(err)
	case flags.NArg() > 0:
		return nil, fmt.Errorf("unexpected argument %q: every setting is a flag, --FLAG=VALUE", flags.Arg(0))
	}
	if err := fromEnvironment(flags, lookupEnv); err != nil {
		return nil, err
	}
	if o.showVersion {
		return o, nil
	}
	if err := o.check(); err != nil {
		return nil, err
	}
	var err error
	o.loginRecordName, err = loginRecordName(o.loginRecord, flags.Lookup("kubeconfig").Value.String())
	return o, err
}

func (o *options) bind(flags *flag.FlagSet) {
	flags.StringVar(&o.thingspaceURL, "thingspace-url", "https://thingspace.verizon.com/api", "Base `URL` of the ThingSpace API, for example of a test system. It has no query and no fragment.")
	flags.StringVar(&o.thingspaceCAFile, "thingspace-ca-file", "", "`File` with a PEM bundle to trust for ThingSpace, besides the system's roots; read again when it changes.")
	flags.BoolVar(&o.thingspaceAllowHTTP, "thingspace-allow-http", false, "Accept an http:// --thingspace-url. Credentials then travel in the clear: for tests only.")
	durationVar(flags, &o.thingspaceTimeout, "thingspace-timeout", 15*time.Second, "How long one ThingSpace call may take.")
	flags.Float64Var(&o.thingspaceQPS, "thingspace-qps", 20, "ThingSpace calls a second, over all accounts; 0 lifts the limit.")
	flags.IntVar(&o.thingspaceBurst, "thingspace-burst", 40, "How many ThingSpace calls may go out at once after a quiet time.")
	flags.StringVar(&o.loginRecord, "login-record", "", "`NAMESPACE/NAME` of the ConfigMap that counts failed logins; empty for one in the pod's namespace. Operators that share ThingSpace users share it.")
	durationVar(flags, &o.defaultInterval, "default-interval", 10*time.Minute, "How often an account is listed where its FotaCallback names no interval; 1m to 24h.")
	durationVar(flags, &o.deregistrationGrace, "deregistration-grace", 10*time.Second, "How long a deletion waits for another FotaCallback to take the account over before it deregisters; 0 turns it off.")
	flags.IntVar(&o.maxConcurrentReconciles, "max-concurrent-reconciles", 32, "How many FotaCallbacks are worked on at once.")
	flags.StringVar(&o.watchNamespaces, "watch-namespaces", "", "Comma-separated `namespaces` to watch; empty for all. An account must not be split between operators.")
	flags.BoolVar(&o.leaderElect, "leader-elect", true, "Let one of several replicas work at a time. A single run outside a cluster sets this to false.")
	flags.StringVar(&o.leaderElectionNamespace, "leader-election-namespace", "", "`Namespace` of the leader's Lease; empty for the pod's own.")
	flags.StringVar(&o.metricsBindAddress, "metrics-bind-address", ":8443", "`Address` of the metrics endpoint; 0 turns it off.")
	flags.BoolVar(&o.metricsSecure, "metrics-secure", true, "Serve metrics over TLS, to who is authenticated and authorized.")
	flags.StringVar(&o.healthProbeBindAddress, "health-probe-bind-address", ":8081", "`Address` of /healthz and /readyz; 0 turns them off.")
	flags.BoolVar(&o.showVersion, "version", false, "Print the version and exit.")
}

func fromEnvironment(flags *flag.FlagSet, lookupEnv func(string) (string, bool)) error {
	given := map[string]bool{}
	flags.Visit(func(f *flag.Flag) { given[f.Name] = true })
	var problem error
	flags.VisitAll(func(f *flag.Flag) {
		if given[f.Name] || notFromEnvironment[f.Name] || problem != nil {
			return
		}
		name := variableOf(f.Name)
		if value, ok := lookupEnv(name); ok {
			if err := flags.Set(f.Name, value); err != nil {
				problem = fmt.Errorf("invalid value %q for environment variable %s (flag --%s): %w", value, name, f.Name, err)
			}
		}
	})
	return problem
}

// check refuses what could only fail later.
func (o *options) check() error {
	if err := thingspace.CheckBaseURL(o.thingspaceURL, o.thingspaceAllowHTTP); err != nil {
		return fmt.Errorf("--thingspace-url: %w", err)
	}
	switch {
	case o.thingspaceTimeout <= 0:
		return fmt.Errorf("--thingspace-timeout must be more than 0, not %s", short(o.thingspaceTimeout))
	case o.thingspaceQPS < 0:
		return errors.New("--thingspace-qps must not be negative; 0 lifts the limit")
	case o.thingspaceQPS > 0 && o.thingspaceBurst < 1:
		return fmt.Errorf("--thingspace-burst must be at least 1, not %d", o.thingspaceBurst)
	case o.defaultInterval < time.Minute || o.defaultInterval > 24*time.Hour:
		return fmt.Errorf("--default-interval must be between 1m and 24h, not %s", short(o.defaultInterval))
	case o.deregistrationGrace < 0:
		return errors.New("--deregistration-grace must not be negative; 0 turns it off")
	case o.maxConcurrentReconciles < 1:
		return fmt.Errorf("--max-concurrent-reconciles must be at least 1, not %d", o.maxConcurrentReconciles)
	}
	for _, namespace := range o.namespaces() {
		if problems := validation.IsDNS1123Label(namespace); len(problems) > 0 {
			return fmt.Errorf("--watch-namespaces: %q is not the name of a namespace: %s", namespace, problems[0])
		}
	}
	for flagName, address := range map[string]string{
		"metrics-bind-address": o.metricsBindAddress, "health-probe-bind-address": o.healthProbeBindAddress,
	} {
		// Empty means off for probes alone: controller-runtime would serve metrics on a port of its own choice.
		if address == "0" || address == "" && flagName != "metrics-bind-address" {
			continue
		}
		if _, _, err := net.SplitHostPort(address); err != nil {
			return fmt.Errorf("--%s must look like :8080 or 127.0.0.1:8080, or be 0 to turn it off, not %q", flagName, address)
		}
	}
	return nil
}

// namespaces are those to watch; none means all.
func (o *options) namespaces() []string {
	var names []string
	for name := range strings.SplitSeq(o.watchNamespaces, ",") {
		if name = strings.TrimSpace(name); name != "" {
			names = append(names, name)
		}
	}
	return names
}
