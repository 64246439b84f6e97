package observability_test

import (
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"testing"
	"time"

	. "github.com/onsi/gomega"
	monitoringv1 "github.com/prometheus-operator/prometheus-operator/pkg/apis/monitoring/v1"
	"github.com/prometheus/client_golang/api"
	prometheusv1 "github.com/prometheus/client_golang/api/prometheus/v1"
	"github.com/prometheus/common/model"
	"sigs.k8s.io/yaml"
)

// server is a Prometheus that runs.
type server struct{ prometheusv1.API }

// startPrometheus starts one that has the rules and scrapes the replicas (addresses by pod) as the ServiceMonitor says, with a token.
func startPrometheus(t *testing.T, token string, replicas map[string]string) server {
	t.Helper()
	g := NewWithT(t)
	folder := t.TempDir()
	ruleFile(t, folder)
	config, err := yaml.Marshal(map[string]any{
		"global":         map[string]any{"scrape_interval": "1s", "evaluation_interval": "1s"},
		"rule_files":     []string{"rules.yaml"},
		"scrape_configs": []any{scrapeConfig(t, replicas)},
	})
	g.Expect(err).NotTo(HaveOccurred())
	g.Expect(os.WriteFile(filepath.Join(folder, "token"), []byte(token), 0o600)).To(Succeed())
	g.Expect(os.WriteFile(filepath.Join(folder, "prometheus.yml"), config, 0o600)).To(Succeed())

	address := freeAddress(t)
	command := exec.CommandContext(t.Context(), tool(t, "prometheus"),
		"--config.file=prometheus.yml", "--storage.tsdb.path=data", "--web.listen-address="+address, "--log.level=warn")
	command.Dir, command.Stderr = folder, os.Stderr
	g.Expect(command.Start()).To(Succeed())
	t.Cleanup(func() {
		_ = command.Process.Kill()
		_ = command.Wait()
	})
	client, err := api.NewClient(api.Config{Address: "http://" + address})
	g.Expect(err).NotTo(HaveOccurred())
	return server{prometheusv1.NewAPI(client)}
}

// scrapeConfig is what Prometheus Operator makes of the ServiceMonitor.
func scrapeConfig(t *testing.T, replicas map[string]string) map[string]any {
	t.Helper()
	var monitor monitoringv1.ServiceMonitor
	monitoring(t, "monitor.yaml", &monitor)
	NewWithT(t).Expect(monitor.Spec.Endpoints).To(HaveLen(1))
	endpoint := monitor.Spec.Endpoints[0]
	var targets []any
	for pod, address := range replicas {
		targets = append(targets, map[string]any{
			"targets": []string{address}, "labels": map[string]string{"namespace": operatorNamespace, "pod": pod},
		})
	}
	return map[string]any{
		"job_name": "operator", "static_configs": targets,
		"metrics_path": endpoint.Path, "scheme": endpoint.Scheme, "honor_labels": endpoint.HonorLabels,
		"tls_config":    map[string]any{"insecure_skip_verify": endpoint.TLSConfig.InsecureSkipVerify},
		"authorization": map[string]any{"credentials_file": "token"},
	}
}

func freeAddress(t *testing.T) string {
	t.Helper()
	g := NewWithT(t)
	listener, err := net.Listen("tcp", "127.0.0.1:0") //nolint:noctx // at once
	g.Expect(err).NotTo(HaveOccurred())
	defer listener.Close() //nolint:errcheck // somebody else is to have it
	return listener.Addr().String()
}

func (p server) query(t *testing.T, g Gomega, query string) model.Vector {
	t.Helper()
	value, warnings, _, err := p.Query(t.Context(), query, time.Now())
	g.Expect(err).NotTo(HaveOccurred(), query)
	g.Expect(warnings).To(BeEmpty(), query)
	return value.(model.Vector)
}

// alert is one that is pending or firing.
type alert struct {
	State prometheusv1.AlertState
	Since time.Time
}

// alerts are those of one kind that are pending or firing, by the object or the namespace that they are about.
func (p server) alerts(t *testing.T, g Gomega, name string) map[string]alert {
	t.Helper()
	result, err := p.Alerts(t.Context())
	g.Expect(err).NotTo(HaveOccurred())
	all := map[string]alert{}
	for _, a := range result.Alerts {
		if string(a.Labels["alertname"]) == name {
			about := string(a.Labels["namespace"] + "/" + a.Labels["name"])
			g.Expect(all).NotTo(HaveKey(about), "one thing, two alerts")
			all[about] = alert{a.State, a.ActiveAt}
		}
	}
	return all
}
