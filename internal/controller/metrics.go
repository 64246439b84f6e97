package controller

import (
	"context"
	"slices"

	"github.com/prometheus/client_golang/prometheus"
	dto "github.com/prometheus/client_model/go"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/fota-callback-operator/fota-callback-operator/api/v1alpha1"
	"github.com/fota-callback-operator/fota-callback-operator/internal/rules"
)

// Metrics are the controller's own counters.
type Metrics struct {
	drift *prometheus.CounterVec
}

// NewMetrics registers the controller's counters.
func NewMetrics(registerer prometheus.Registerer) *Metrics {
	m := &Metrics{drift: prometheus.NewCounterVec(prometheus.CounterOpts{
		Name: "fotacallback_drift_total",
		Help: "Foreign changes of a registration that were found, by what was done: corrected or reported.",
	}, []string{"action"})}
	registerer.MustRegister(m.drift)
	for _, action := range []string{"corrected", "reported"} {
		m.drift.WithLabelValues(action) // there from the start, at 0, for rates to work
	}
	return m
}

func (m *Metrics) driftCorrected() { m.drift.WithLabelValues("corrected").Inc() }
func (m *Metrics) driftReported()  { m.drift.WithLabelValues("reported").Inc() }

var (
	conditionDesc = prometheus.NewDesc("fotacallback_status_condition",
		"1 for each condition that a FotaCallback has.", []string{"namespace", "name", "type", "status", "reason"}, nil)
	lastCheckDesc = prometheus.NewDesc("fotacallback_last_check_timestamp_seconds",
		"When ThingSpace last told this process what is registered for the account, in seconds since 1970.", []string{"namespace", "name"}, nil)
	// Without it nobody could say of a check's age whether it is late.
	intervalDesc = prometheus.NewDesc("fotacallback_interval_seconds",
		"How often the account is to be listed.", []string{"namespace", "name"}, nil)
)

// collector reads the objects from the cache when it is scraped: nothing is left over when one is deleted.
type collector struct {
	cache    client.Reader
	states   *stateStore
	settings rules.Settings
	elected  <-chan struct{}
}

// Collector returns the metrics of all objects. They are empty until elected is closed: only the leader knows.
func (r *Reconciler) Collector(elected <-chan struct{}) prometheus.Collector {
	return &collector{cache: r.Client, states: r.states, settings: r.Settings, elected: elected}
}

// Describe implements prometheus.Collector.
func (c *collector) Describe(descs chan<- *prometheus.Desc) {
	descs <- conditionDesc
	descs <- lastCheckDesc
	descs <- intervalDesc
}

// Collect implements prometheus.Collector.
func (c *collector) Collect(metrics chan<- prometheus.Metric) {
	select {
	case <-c.elected:
	default:
		return
	}
	var list v1alpha1.FotaCallbackList
	if err := c.cache.List(context.Background(), &list, client.UnsafeDisableDeepCopy); err != nil {
		metrics <- prometheus.NewInvalidMetric(conditionDesc, err)
		return
	}
	shared := labels{}
	for i := range list.Items {
		o := rules.Trusted(&list.Items[i])
		object := []*dto.LabelPair{ownPair("name", o.Name), shared.pair("namespace", o.Namespace)}
		for _, condition := range o.Status.Conditions {
			metrics <- &series{desc: conditionDesc, value: 1, labels: append(slices.Clip(object),
				shared.pair("reason", condition.Reason), shared.pair("status", string(condition.Status)), shared.pair("type", condition.Type))}
		}
		if at := c.states.lastListed(o); !at.IsZero() {
			metrics <- &series{desc: lastCheckDesc, value: float64(at.UnixMilli()) / 1000, labels: object}
		}
		facts := rules.Facts{Object: o, Settings: c.settings}
		metrics <- &series{desc: intervalDesc, value: facts.Interval().Seconds(), labels: object}
	}
}
