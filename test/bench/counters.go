package main

import (
	"context"
	"fmt"
	"net/http"
	"strings"

	dto "github.com/prometheus/client_model/go"
	"github.com/prometheus/common/expfmt"
	"github.com/prometheus/common/model"
	"k8s.io/client-go/rest"
)

// counters are the metrics of one process at one moment.
type counters map[string]*dto.MetricFamily

func scrape(ctx context.Context, web *http.Client, url string) (counters, error) {
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, url, nil) //nolint:gosec // an address of this machine
	if err != nil {
		return nil, err
	}
	response, err := web.Do(request) //nolint:gosec // an address of this machine
	if err != nil {
		return nil, err
	}
	defer response.Body.Close() //nolint:errcheck // it has been read
	if response.StatusCode != http.StatusOK {
		return nil, fmt.Errorf("%s: %s", url, response.Status)
	}
	parser := expfmt.NewTextParser(model.UTF8Validation)
	return parser.TextToMetricFamilies(response.Body)
}

// sum adds the series of a counter or gauge up that have all of the labels.
func (c counters) sum(name string, labels map[string]string) float64 {
	total := 0.0
	for _, metric := range c[name].GetMetric() {
		has := 0
		for _, pair := range metric.GetLabel() {
			if wanted, ok := labels[pair.GetName()]; ok && wanted == pair.GetValue() {
				has++
			}
		}
		if has == len(labels) {
			total += metric.GetCounter().GetValue() + metric.GetGauge().GetValue()
		}
	}
	return total
}

// liveHeap is what the last garbage collection of a Go program left, in bytes.
func (c counters) liveHeap() int { return int(c.sum("go_gc_heap_live_bytes", nil)) }

// apiServer is what the API server has counted: nobody but the operator, or the floor, patches FotaCallbacks, makes events or reads Secrets.
type apiServer struct {
	writes, events, secretReads, lists int
	cpu                                float64
}

func (s *scene) apiServer(ctx context.Context) (apiServer, error) {
	web, err := rest.HTTPClientFor(s.Config)
	if err != nil {
		return apiServer{}, err
	}
	c, err := scrape(ctx, web, strings.TrimRight(s.Config.Host, "/")+"/metrics")
	if err != nil {
		return apiServer{}, err
	}
	requests := func(resource, verb string) int {
		return int(c.sum("apiserver_request_total", map[string]string{"resource": resource, "verb": verb}))
	}
	return apiServer{
		writes: requests("fotacallbacks", "PATCH"), events: requests("events", "POST"), secretReads: requests("secrets", "GET"),
		lists: requests("fotacallbacks", "LIST"), cpu: c.sum("process_cpu_seconds_total", nil),
	}, nil
}

func (a apiServer) since(before apiServer) apiServer {
	return apiServer{
		writes: a.writes - before.writes, events: a.events - before.events, secretReads: a.secretReads - before.secretReads,
		lists: a.lists - before.lists, cpu: a.cpu - before.cpu,
	}
}
