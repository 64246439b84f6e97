package thingspace

import (
	"strconv"
	"time"

	"github.com/prometheus/client_golang/prometheus"
)

// operation names a call in metrics.
type operation string

const (
	opList       operation = "list"
	opRegister   operation = "register"
	opUpdate     operation = "update"
	opDeregister operation = "deregister"
	opToken      operation = "token"
	opLogin      operation = "login"
)

// signsIn reports whether the answer is about credentials, and says nothing about the account.
func (o operation) signsIn() bool { return o == opToken || o == opLogin }

// clientMetrics counts calls. No label names an account, a URL or a user.
type clientMetrics struct {
	requests *prometheus.CounterVec
	duration *prometheus.HistogramVec
	logins   *prometheus.CounterVec
}

func newClientMetrics(registerer prometheus.Registerer) *clientMetrics {
	m := &clientMetrics{
		requests: prometheus.NewCounterVec(prometheus.CounterOpts{
			Name: "thingspace_requests_total", Help: "Calls to ThingSpace, by operation and HTTP status; error where none came back.",
		}, []string{"operation", "code"}),
		duration: prometheus.NewHistogramVec(prometheus.HistogramOpts{
			Name: "thingspace_request_duration_seconds", Help: "How long calls to ThingSpace took, by operation.",
			Buckets: []float64{.01, .025, .05, .1, .25, .5, 1, 2.5, 5, 10, 15, 30},
		}, []string{"operation"}),
		logins: prometheus.NewCounterVec(prometheus.CounterOpts{
			Name: "thingspace_logins_total", Help: "Logins, by result: success, refused, or error where there was no verdict.",
		}, []string{"result"}),
	}
	if registerer != nil {
		registerer.MustRegister(m.requests, m.duration, m.logins)
	}
	for _, result := range []string{"success", "refused", "error"} {
		m.logins.WithLabelValues(result)
	}
	// There from the start, at 0: the alert about an outage asks whether it grows, and the first listing after a start has to show.
	m.requests.WithLabelValues(string(opList), "200")
	return m
}

// sent records a call; status 0 stands for no answer.
func (m *clientMetrics) sent(op operation, status int, took time.Duration) {
	code := "error"
	if status != 0 {
		code = strconv.Itoa(status)
	}
	m.requests.WithLabelValues(string(op), code).Inc()
	m.duration.WithLabelValues(string(op)).Observe(took.Seconds())
}

func (m *clientMetrics) login(result string) { m.logins.WithLabelValues(result).Inc() }
