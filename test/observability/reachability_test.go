package observability_test

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	. "github.com/onsi/gomega"
	monitoringv1 "github.com/prometheus-operator/prometheus-operator/pkg/apis/monitoring/v1"
	"sigs.k8s.io/yaml"
)

// The rules about endpoints are valid, and fire when they should.
func TestEndpointAlerts(t *testing.T) {
	g, folder := NewWithT(t), t.TempDir()
	var rules monitoringv1.PrometheusRule
	monitoring(t, "reachability/rules.yaml", &rules)
	text, err := yaml.Marshal(rules.Spec)
	g.Expect(err).NotTo(HaveOccurred())
	g.Expect(os.WriteFile(filepath.Join(folder, "endpoints-rules.yaml"), text, 0o600)).To(Succeed())
	told, err := os.ReadFile("testdata/reachability/endpoints.yaml")
	g.Expect(err).NotTo(HaveOccurred())
	g.Expect(os.WriteFile(filepath.Join(folder, "endpoints.yaml"), told, 0o600)).To(Succeed())
	promtool(t, folder, "check", "rules", "--lint=all", "--lint-fatal", "endpoints-rules.yaml")
	promtool(t, folder, "test", "rules", "endpoints.yaml")
}

// The Probe names the module that the exporter has, the job that the rules look at, and no path: it would be a label of every series.
func TestEndpointProbe(t *testing.T) {
	g := NewWithT(t)
	var probe monitoringv1.Probe
	monitoring(t, "reachability/probe.yaml", &probe)
	var modules struct {
		Modules map[string]struct {
			Prober  string `json:"prober"`
			Timeout string `json:"timeout"`
			TCP     struct {
				TLS bool `json:"tls"`
			} `json:"tcp"`
		} `json:"modules"`
	}
	monitoring(t, "reachability/blackbox.yaml", &modules)
	g.Expect(modules.Modules).To(HaveKey(probe.Spec.Module))
	module := modules.Modules[probe.Spec.Module]
	g.Expect(module.Prober).To(Equal("tcp"))
	g.Expect(module.TCP.TLS).To(BeTrue(), "the certificate is checked")
	for _, target := range probe.Spec.Targets.StaticConfig.Targets {
		g.Expect(target).To(MatchRegexp(`^[^/]+:[0-9]+$`))
	}
	rules := string(read(t, "config/prometheus/reachability/rules.yaml"))
	g.Expect(strings.Count(rules, `job="`)).To(Equal(strings.Count(rules, `job="`+probe.Spec.JobName+`"`)))
	g.Expect(string(read(t, "docs/thingspace.md"))).To(ContainSubstring("\n## When an endpoint alert fires\n"))
}
