package chart_test

import (
	"bytes"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	appsv1 "k8s.io/api/apps/v1"
)

// Every flag that the manager has can be set through a value, comes out as it was given, and is one that the manager takes.
func TestFlags(t *testing.T) {
	settings := map[string]struct{ values, argument string }{
		"thingspace-url":            {"thingspace: {url: https://thingspace.example.com/api}", "https://thingspace.example.com/api"},
		"thingspace-ca-file":        {"thingspace: {ca: {configMap: roots, key: bundle.pem}}", "/etc/thingspace/bundle.pem"},
		"thingspace-allow-http":     {"thingspace: {allowHTTP: true}", "true"},
		"thingspace-timeout":        {"thingspace: {timeout: 1m30s}", "1m30s"},
		"thingspace-qps":            {"thingspace: {qps: 0.5}", "0.5"},
		"thingspace-burst":          {"thingspace: {burst: 1000000}", "1000000"},
		"default-interval":          {"defaultInterval: 24h", "24h"},
		"deregistration-grace":      {"deregistrationGrace: 0s", "0s"},
		"max-concurrent-reconciles": {"maxConcurrentReconciles: 100", "100"},
		"watch-namespaces":          {"watchNamespaces: [team-a, team-b]", "team-a,team-b"},
		"leader-elect":              {"leaderElection: {enabled: false}", "false"},
		"leader-election-namespace": {"leaderElection: {namespace: leases}", "leases"},
		"login-record":              {"loginRecord: {namespace: shared, name: logins}", "shared/logins"},
		"metrics-bind-address":      {"metrics: {port: 9443}", ":9443"},
		"metrics-secure":            {"metrics: {secure: false}", "false"},
		"health-probe-bind-address": {"manager: {healthProbe: {port: 9081}}", ":9081"},
		"zap-devel":                 {"log: {development: true}", "true"},
		"zap-encoder":               {"log: {encoder: console}", "console"},
		"zap-log-level":             {"log: {level: 5}", "5"},
		"zap-stacktrace-level":      {"log: {stacktraceLevel: panic}", "panic"},
		"zap-time-encoding":         {"log: {timeEncoding: iso8601}", "iso8601"},
		"kubeconfig":                {"manager: {args: [--kubeconfig=/etc/kubeconfig]}", "/etc/kubeconfig"},
		"version":                   {"manager: {args: [--version=true]}", "true"},
	}
	manager := filepath.Join(t.TempDir(), "manager")
	build := exec.CommandContext(t.Context(), "go", "build", "-o", manager, "./cmd/manager")
	build.Dir = root
	if out, err := build.CombinedOutput(); err != nil {
		t.Fatalf("%v: %s", err, out)
	}
	var usage bytes.Buffer
	help := exec.CommandContext(t.Context(), manager, "--help")
	help.Stdout = &usage
	if err := help.Run(); err != nil {
		t.Fatal(err)
	}
	flags := regexp.MustCompile(`(?m)^  --([a-z-]+)`).FindAllStringSubmatch(usage.String(), -1)
	if len(flags) < 20 {
		t.Fatalf("only %d flags read from\n%s", len(flags), usage.String())
	}
	for _, flag := range flags {
		setting, ok := settings[flag[1]]
		if !ok {
			t.Errorf("no value sets --%s", flag[1])
			continue
		}
		delete(settings, flag[1])
		arguments := args(t, setting.values)
		if want := "--" + flag[1] + "=" + setting.argument; !slices.Contains(arguments, want) {
			t.Errorf("%s: %v, without %s", setting.values, arguments, want)
		}
		takes(t, manager, arguments)
		if !strings.HasPrefix(setting.values, "manager: {args") {
			oneWay(t, flag[1], setting.values)
		}
	}
	for flag := range settings {
		t.Errorf("the manager has no flag --%s", flag)
	}
	for text, want := range map[string]string{
		"metrics: {enabled: false}": "--metrics-bind-address=0",
		"rbac: {namespaced: true}":  "--watch-namespaces=" + system,
		"thingspace: {qps: 0}":      "--thingspace-qps=0",
		"log: {level: debug}":       "--zap-log-level=debug",
	} {
		if arguments := args(t, text); !slices.Contains(arguments, want) {
			t.Errorf("%s: %v, without %s", text, arguments, want)
		}
	}
}

// oneWay sees to it that a flag which a value sets can be set by no other: two ways would be at odds, and only the value is checked.
func oneWay(t *testing.T, flag, text string) {
	t.Helper()
	variable := strings.ToUpper(strings.ReplaceAll(flag, "-", "_"))
	for key, other := range map[string]any{
		"args": []any{"--" + flag + "=x"}, "env": []any{map[string]any{"name": variable, "value": "x"}}, "envOverrides": map[string]any{variable: "x"},
	} {
		both := values(t, text)
		if both["manager"] == nil {
			both["manager"] = map[string]any{}
		}
		both["manager"].(map[string]any)[key] = other
		group, _, _ := strings.Cut(text, ":")
		if _, err := try(t, name, system, both); err == nil || !strings.Contains(err.Error(), "manager."+key+": set "+group) {
			t.Errorf("%s and manager.%s with %v: %v", text, key, other, err)
		}
	}
}

// takes has the manager read its arguments, and end before it looks for a cluster.
func takes(t *testing.T, manager string, arguments []string) {
	t.Helper()
	if out, err := exec.CommandContext(t.Context(), manager, append(arguments, "--version")...).CombinedOutput(); err != nil {
		t.Errorf("manager %s: %v: %s", strings.Join(arguments, " "), err, out)
	}
}

func args(t *testing.T, text string) []string {
	t.Helper()
	return one[appsv1.Deployment](t, render(t, text), "Deployment").Spec.Template.Spec.Containers[0].Args
}
