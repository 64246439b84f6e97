package controller_test

import (
	"strconv"
	"testing"

	. "github.com/onsi/gomega"
	"github.com/prometheus/client_golang/prometheus"

	"github.com/fota-callback-operator/fota-callback-operator/api/v1alpha1"
)

const scraped = 1_000

// newScraped is a registry with the metrics of a thousand objects that have been checked.
func newScraped(tb testing.TB) *prometheus.Registry {
	tb.Helper()
	l := newLightly(tb)
	var all []v1alpha1.FotaCallback
	for n := range scraped {
		l.name = "fleet-" + strconv.Itoa(n)
		l.creation(tb)
		all = append(all, *l.kube.object)
	}
	l.kube.all = all
	elected := make(chan struct{})
	close(elected)
	registry := prometheus.NewRegistry()
	registry.MustRegister(l.reconciler.Collector(elected))
	return registry
}

// Prometheus looks every half a minute, and each object has three series.
func TestScrapesAllocateLittle(t *testing.T) {
	g := NewWithT(t)
	registry := newScraped(t)
	families, err := registry.Gather()
	g.Expect(err).NotTo(HaveOccurred())
	for _, family := range families {
		g.Expect(family.GetMetric()).To(HaveLen(scraped), family.GetName())
	}
	allocations := testing.AllocsPerRun(10, func() { _, _ = registry.Gather() })
	t.Log(allocations)
	g.Expect(allocations).To(BeNumerically("<=", 18_000*underRace))
}

func BenchmarkScrape(b *testing.B) {
	registry := newScraped(b)
	b.ReportAllocs()
	for b.Loop() {
		_, _ = registry.Gather()
	}
}
