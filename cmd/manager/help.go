package main

import (
	"errors"
	"flag"
	"fmt"
	"io"
	"regexp"
	"strings"
	"time"
)

// writeHelp writes what --help shows: flag.PrintDefaults knows neither variables nor two dashes.
func writeHelp(out io.Writer, flags *flag.FlagSet) error {
	var text strings.Builder
	text.WriteString(`manager keeps the callback URLs of Verizon ThingSpace accounts (FOTA V3) as FotaCallback objects declare them.

Usage:
  manager [--FLAG=VALUE]...

Without a flag it works in the cluster of its pod, on all namespaces. Each flag also reads the environment variable in
brackets; a flag that is given goes before its variable. HTTPS_PROXY, HTTP_PROXY and NO_PROXY are honoured.
A duration has a unit: 15s, 10m, 24h.

Flags:
`)
	flags.VisitAll(func(f *flag.Flag) {
		kind, usage := flag.UnquoteUsage(f)
		switch _, isDuration := f.Value.(duration); {
		case isDuration:
			kind = "duration"
		case kind == "int" || kind == "float":
			kind = "number"
		}
		fmt.Fprintf(&text, "  --%s", f.Name)
		if !isSwitch(f) {
			fmt.Fprintf(&text, "=%s", strings.ToUpper(kind))
		}
		if !notFromEnvironment[f.Name] {
			fmt.Fprintf(&text, "  [%s]", variableOf(f.Name))
		}
		fmt.Fprintf(&text, "\n        %s", usage)
		if f.DefValue != "" {
			fmt.Fprintf(&text, " (default %s)", f.DefValue)
		}
		text.WriteString("\n")
	})
	text.WriteString("\nExit codes: 0 after a stop that was asked for, 1 where the operator could not go on, 2 for a flag or a variable that is wrong.\n")
	_, err := io.WriteString(out, text.String())
	return err
}

// isSwitch reports whether a flag may be given without a value.
func isSwitch(f *flag.Flag) bool {
	value, ok := f.Value.(interface{ IsBoolFlag() bool })
	return ok && value.IsBoolFlag()
}

// variableOf returns the environment variable that a flag reads.
func variableOf(name string) string { return strings.ToUpper(strings.ReplaceAll(name, "-", "_")) }

// logUsage says what controller-runtime's flags do; their own texts name a default for the time that is not the one in force.
var logUsage = map[string][2]string{
	"kubeconfig":           {"", "Kubeconfig `file`; empty for $KUBECONFIG, then the pod's own account, then ~/.kube/config."},
	"zap-devel":            {"false", "Defaults for developers: console, debug, stack traces from warnings on."},
	"zap-encoder":          {"json", "Form of the log: json or console."},
	"zap-log-level":        {"info", "Level of the log: debug, info, error, panic, or a number that counts up with verbosity. Bodies of requests are never logged."},
	"zap-stacktrace-level": {"error", "Level from which on stack traces are logged: info, error or panic."},
	"zap-time-encoding":    {"rfc3339", "Form of a time: epoch, millis, nano, iso8601, rfc3339 or rfc3339nano."},
}

func describe(flags *flag.FlagSet) {
	for name, says := range logUsage {
		if f := flags.Lookup(name); f != nil {
			f.DefValue, f.Usage = says[0], says[1]
		}
	}
}

// duration is a flag's value that says how a duration is written.
type duration struct{ value *time.Duration }

// String implements flag.Value.
func (d duration) String() string {
	if d.value == nil {
		return ""
	}
	return short(*d.value)
}

// Set implements flag.Value.
func (d duration) Set(text string) error {
	value, err := time.ParseDuration(strings.TrimSpace(text))
	if err != nil {
		return errors.New("a duration is a number with a unit, for example 15s, 10m or 24h")
	}
	*d.value = value
	return nil
}

var noughts = regexp.MustCompile(`([a-z])0[ms](0s)?$`)

// short writes a duration as people do: 10m, not 10m0s.
func short(d time.Duration) string { return noughts.ReplaceAllString(d.String(), "$1") }

func durationVar(flags *flag.FlagSet, value *time.Duration, name string, inForce time.Duration, usage string) {
	*value = inForce
	flags.Var(duration{value}, name, usage)
}

var oneDash = regexp.MustCompile(`(flag|defined:|argument:) -([a-z])`)

// flagError writes a flag in package flag's errors as --help does.
func flagError(err error) error {
	return errors.New(oneDash.ReplaceAllString(err.Error(), "$1 --$2"))
}
