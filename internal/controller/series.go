package controller

import (
	"github.com/prometheus/client_golang/prometheus"
	dto "github.com/prometheus/client_model/go"
)

// series is one gauge of one object, as a scrape needs it. Prometheus's own constant metric makes every label anew: of ten thousand objects with three
// series each, that is what a scrape would cost.
type series struct {
	desc   *prometheus.Desc
	labels []*dto.LabelPair // in the order of their names, as the registry wants them
	value  float64
}

// Desc implements prometheus.Metric.
func (s *series) Desc() *prometheus.Desc { return s.desc }

// Write implements prometheus.Metric.
func (s *series) Write(out *dto.Metric) error {
	out.Label, out.Gauge = s.labels, &dto.Gauge{Value: &s.value}
	return nil
}

// ownPair is a label pair that no other object has.
func ownPair(name, value string) *dto.LabelPair { return &dto.LabelPair{Name: &name, Value: &value} }

// labels makes label pairs that many objects have, each of them once in a scrape.
type labels map[[2]string]*dto.LabelPair

func (l labels) pair(name, value string) *dto.LabelPair {
	key := [2]string{name, value}
	pair, ok := l[key]
	if !ok {
		pair = ownPair(name, value)
		l[key] = pair
	}
	return pair
}
