package stage

import (
	"context"
	"fmt"
	"net/http"
	"strings"

	"github.com/prometheus/common/expfmt"
	"github.com/prometheus/common/model"
	"k8s.io/client-go/rest"
)

// Writes is how many requests of one verb (PATCH, PUT, …) the API server has answered for FotaCallbacks and their status, by its own count.
func (s *Stage) Writes(ctx context.Context, verb string) (int, error) {
	return s.Requests(ctx, "fotacallbacks", verb)
}

// Requests is the same for any resource.
func (s *Stage) Requests(ctx context.Context, resource, verb string) (int, error) {
	return s.count(ctx, "apiserver_request_total", func(labels map[string]string) bool {
		return labels["resource"] == resource && labels["verb"] == verb
	})
}

// Forbidden is how many requests the API server has refused for want of permission, by its own count.
func (s *Stage) Forbidden(ctx context.Context) (int, error) {
	return s.count(ctx, "authorization_attempts_total", func(labels map[string]string) bool { return labels["result"] != "allowed" })
}

// count sums a counter of the API server over the series that count.
func (s *Stage) count(ctx context.Context, name string, counts func(labels map[string]string) bool) (int, error) {
	web, err := rest.HTTPClientFor(s.Config)
	if err != nil {
		return 0, err
	}
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, strings.TrimRight(s.Config.Host, "/")+"/metrics", nil)
	if err != nil {
		return 0, err
	}
	response, err := web.Do(request)
	if err != nil {
		return 0, err
	}
	defer response.Body.Close() //nolint:errcheck // it has been read
	if response.StatusCode != http.StatusOK {
		return 0, fmt.Errorf("read the API server's metrics: %s", response.Status)
	}
	parser := expfmt.NewTextParser(model.UTF8Validation)
	families, err := parser.TextToMetricFamilies(response.Body)
	if err != nil {
		return 0, fmt.Errorf("read the API server's metrics: %w", err)
	}
	total := 0.0
	for _, metric := range families[name].GetMetric() {
		labels := map[string]string{}
		for _, pair := range metric.GetLabel() {
			labels[pair.GetName()] = pair.GetValue()
		}
		if counts(labels) {
			total += metric.GetCounter().GetValue()
		}
	}
	return int(total), nil
}
