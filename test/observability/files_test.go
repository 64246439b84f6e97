// Package observability_test tests what people see the operator by: alert rules, the dashboard, and the runbooks. The tools are Prometheus's own, and
// the last test lets a real Prometheus scrape the real operator.
package observability_test

import (
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/grafana/grafana-foundation-sdk/go/cog/plugins"
	"github.com/grafana/grafana-foundation-sdk/go/dashboard"
	"github.com/grafana/grafana-foundation-sdk/go/prometheus"
	. "github.com/onsi/gomega"
	monitoringv1 "github.com/prometheus-operator/prometheus-operator/pkg/apis/monitoring/v1"
	"sigs.k8s.io/yaml"
)

const (
	root     = "../.."
	runbooks = "docs/runbooks"
	project  = "https://github.com/fota-callback-operator/fota-callback-operator/blob/main/"
)

func read(t *testing.T, path string) []byte {
	t.Helper()
	text, err := os.ReadFile(filepath.Join(root, path))
	NewWithT(t).Expect(err).NotTo(HaveOccurred())
	return text
}

func monitoring(t *testing.T, file string, into any) {
	t.Helper()
	NewWithT(t).Expect(yaml.UnmarshalStrict(read(t, "config/prometheus/"+file), into)).To(Succeed())
}

func alerts(t *testing.T) []monitoringv1.Rule {
	t.Helper()
	var rules monitoringv1.PrometheusRule
	monitoring(t, "rules.yaml", &rules)
	NewWithT(t).Expect(rules.Spec.Groups).To(HaveLen(1))
	return rules.Spec.Groups[0].Rules
}

// ruleFile writes the rules as Prometheus reads them into a folder.
func ruleFile(t *testing.T, folder string) string {
	t.Helper()
	g := NewWithT(t)
	var rules monitoringv1.PrometheusRule
	monitoring(t, "rules.yaml", &rules)
	text, err := yaml.Marshal(rules.Spec)
	g.Expect(err).NotTo(HaveOccurred())
	path := filepath.Join(folder, "rules.yaml")
	g.Expect(os.WriteFile(path, text, 0o600)).To(Succeed())
	return path
}

// panels are those of the dashboard that show something. What Grafana does not know is an error.
func panels(t *testing.T) (dashboard.Dashboard, []dashboard.Panel) {
	t.Helper()
	plugins.RegisterDefaultPlugins()
	var board dashboard.Dashboard
	NewWithT(t).Expect(board.UnmarshalJSONStrict(read(t, "config/prometheus/dashboard.json"))).To(Succeed())
	var all []dashboard.Panel
	for _, panel := range board.Panels {
		if panel.Panel != nil {
			all = append(all, *panel.Panel)
		}
	}
	return board, all
}

// queries are what a panel asks Prometheus.
func queries(panel dashboard.Panel) []string {
	var all []string
	for _, target := range panel.Targets {
		all = append(all, target.(*prometheus.Dataquery).Expr)
	}
	return all
}

// everything is a query with every variable at All, as Grafana would send it.
func everything(query string) string {
	return strings.NewReplacer("$namespace", ".*", "$job", ".*", "$__rate_interval", "30s").Replace(query)
}

// tool builds a tool that go.mod names. It can do without the ways to discover targets in two dozen clouds.
func tool(t *testing.T, name string) string {
	t.Helper()
	command := exec.CommandContext(t.Context(), "go", "tool", "-n", name)
	command.Env = append(os.Environ(), "GOFLAGS=-tags=remove_all_sd "+os.Getenv("GOFLAGS"))
	command.Stderr = os.Stderr
	path, err := command.Output()
	NewWithT(t).Expect(err).NotTo(HaveOccurred())
	return strings.TrimSpace(string(path))
}
