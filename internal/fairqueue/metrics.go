package fairqueue

import (
	"errors"
	"strconv"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"k8s.io/utils/clock"
	"sigs.k8s.io/controller-runtime/pkg/metrics"
)

// reportEvery is how old the metrics about unfinished work may be.
const reportEvery = 500 * time.Millisecond

// queueMetrics are those that every controller-runtime queue has. They are of a named queue alone.
type queueMetrics[T comparable] struct {
	clock               clock.PassiveClock
	name                string
	depth               *prometheus.GaugeVec
	adds, retries       prometheus.Counter
	latency, duration   prometheus.Observer
	unfinished, longest prometheus.Gauge
	readySince, begunAt map[T]time.Time
}

func newQueueMetrics[T comparable](name string, clk clock.PassiveClock) *queueMetrics[T] {
	if name == "" {
		return nil
	}
	labels := []string{"name", "controller"}
	gauge := func(key, help string, labels ...string) *prometheus.GaugeVec {
		return registered(prometheus.NewGaugeVec(prometheus.GaugeOpts{Subsystem: metrics.WorkQueueSubsystem, Name: key, Help: help}, labels))
	}
	counter := func(key, help string) prometheus.Counter {
		opts := prometheus.CounterOpts{Subsystem: metrics.WorkQueueSubsystem, Name: key, Help: help}
		return registered(prometheus.NewCounterVec(opts, labels)).WithLabelValues(name, name)
	}
	histogram := func(key, help string) prometheus.Observer {
		opts := prometheus.HistogramOpts{Subsystem: metrics.WorkQueueSubsystem, Name: key, Help: help}
		return registered(prometheus.NewHistogramVec(opts, labels)).WithLabelValues(name, name)
	}
	return &queueMetrics[T]{
		clock: clk, name: name, readySince: map[T]time.Time{}, begunAt: map[T]time.Time{},
		depth:    gauge(metrics.DepthKey, "Current depth of workqueue by workqueue and priority", "name", "controller", "priority"),
		adds:     counter(metrics.AddsKey, "Total number of adds handled by workqueue"),
		latency:  histogram(metrics.QueueLatencyKey, "How long in seconds an item stays in workqueue before being requested"),
		duration: histogram(metrics.WorkDurationKey, "How long in seconds processing an item from workqueue takes."),
		unfinished: gauge(metrics.UnfinishedWorkKey, "How many seconds of work has been done that "+
			"is in progress and hasn't been observed by work_duration. Large "+
			"values indicate stuck threads. One can deduce the number of stuck "+
			"threads by observing the rate at which this increases.", labels...).WithLabelValues(name, name),
		longest: gauge(metrics.LongestRunningProcessorKey, "How many seconds has the longest running "+
			"processor for workqueue been running.", labels...).WithLabelValues(name, name),
		retries: counter(metrics.RetriesKey,
			"Total number of items added to the workqueue with a non-zero delay (rate-limited requeues, explicit RequeueAfter or AddAfter calls)"),
	}
}

// registered returns controller-runtime's own collector, which it has registered under the same name, labels and help, and shows nowhere else.
func registered[C prometheus.Collector](same C) C {
	if already, ok := errors.AsType[prometheus.AlreadyRegisteredError](metrics.Registry.Register(same)); ok {
		if own, ok := already.ExistingCollector.(C); ok {
			return own
		}
	}
	return same
}

func (m *queueMetrics[T]) depthOf(priority int) prometheus.Gauge {
	return m.depth.WithLabelValues(m.name, m.name, strconv.Itoa(priority))
}

func (m *queueMetrics[T]) ready(key T, priority int) {
	if m == nil {
		return
	}
	m.adds.Inc()
	m.depthOf(priority).Inc()
	if _, ok := m.readySince[key]; !ok {
		m.readySince[key] = m.clock.Now()
	}
}

func (m *queueMetrics[T]) raised(from, to int) {
	if m != nil {
		m.depthOf(from).Dec()
		m.depthOf(to).Inc()
	}
}

func (m *queueMetrics[T]) retried() {
	if m != nil {
		m.retries.Inc()
	}
}

func (m *queueMetrics[T]) begun(key T, priority int) {
	if m == nil {
		return
	}
	m.depthOf(priority).Dec()
	m.latency.Observe(m.clock.Since(m.readySince[key]).Seconds())
	delete(m.readySince, key)
	m.begunAt[key] = m.clock.Now()
}

func (m *queueMetrics[T]) ended(key T) {
	if m == nil {
		return
	}
	if at, ok := m.begunAt[key]; ok {
		m.duration.Observe(m.clock.Since(at).Seconds())
		delete(m.begunAt, key)
	}
}

func (m *queueMetrics[T]) report() {
	var all, longest time.Duration
	for _, at := range m.begunAt {
		took := m.clock.Since(at)
		all, longest = all+took, max(longest, took)
	}
	m.unfinished.Set(all.Seconds())
	m.longest.Set(longest.Seconds())
}

// reportUnfinished keeps the metrics about what is being worked on.
func (q *Queue[T]) reportUnfinished() {
	if q.metrics == nil {
		return
	}
	ticker := q.clock.NewTicker(reportEvery)
	defer ticker.Stop()
	for {
		select {
		case <-q.done:
			return
		case <-ticker.C():
			q.mu.Lock()
			q.metrics.report()
			q.mu.Unlock()
		}
	}
}
