package controller_test

import (
	"strings"
	"time"

	. "github.com/onsi/ginkgo/v2"
	. "github.com/onsi/gomega"
	dto "github.com/prometheus/client_model/go"

	"github.com/fota-callback-operator/fota-callback-operator/api/v1alpha1"
	"github.com/fota-callback-operator/fota-callback-operator/internal/simulator"
)

var _ = Describe("Metrics", func() {
	var w *world
	BeforeEach(func() {
		w = newWorld(GinkgoT().Context(), simulator.Options{})
		w.goodCredentials()
		w.start()
	})

	// series are all of one metric, as {label="value",…} without the quotes.
	series := func(name string) map[string]float64 {
		GinkgoHelper()
		families, err := w.registry.Gather()
		Expect(err).NotTo(HaveOccurred())
		all := map[string]float64{}
		for _, family := range families {
			if family.GetName() != name {
				continue
			}
			for _, metric := range family.GetMetric() {
				all[labels(metric)] = metric.GetCounter().GetValue() + metric.GetGauge().GetValue()
			}
		}
		return all
	}

	It("show the conditions that exist, calls, logins and drift, and nothing after a deletion", func() {
		o := w.create(w.callback("fleet", "acc-1", fleetURL))
		w.eventually(o, v1alpha1.ReasonRegistered)
		ready := "name=fleet,namespace=" + w.namespace + ",reason=Registered,status=True,type=Ready"
		Eventually(func() map[string]float64 { return series("fotacallback_status_condition") }).Should(Equal(map[string]float64{ready: 1}))
		Expect(series("fotacallback_last_check_timestamp_seconds")).To(HaveKeyWithValue(
			"name=fleet,namespace="+w.namespace, BeNumerically("~", time.Now().Unix(), 60)))
		Expect(series("fotacallback_interval_seconds")).To(Equal(map[string]float64{"name=fleet,namespace=" + w.namespace: 600}))
		Expect(series("thingspace_requests_total")).To(Equal(map[string]float64{
			"code=200,operation=token": 1, "code=200,operation=login": 1, "code=200,operation=list": 1, "code=200,operation=register": 1,
		}))
		Expect(series("thingspace_logins_total")).To(Equal(map[string]float64{"result=success": 1, "result=refused": 0, "result=error": 0}))
		Expect(series("fotacallback_drift_total")).To(Equal(map[string]float64{"action=corrected": 0, "action=reported": 0}))

		w.far.Register("acc-1", foreignURL)
		w.pass(o, 11*time.Minute)
		Eventually(func() map[string]float64 { return series("fotacallback_drift_total") }).Should(HaveKeyWithValue("action=corrected", 1.0))
		w.edit(o, func(o *v1alpha1.FotaCallback) { o.Spec.DriftPolicy, o.Spec.Interval = v1alpha1.DriftWarn, "5m" })
		w.eventually(o, v1alpha1.ReasonRegistered)
		Expect(series("fotacallback_interval_seconds")).To(Equal(map[string]float64{"name=fleet,namespace=" + w.namespace: 300}))
		w.far.Register("acc-1", foreignURL)
		w.pass(o, 11*time.Minute)
		w.eventually(o, v1alpha1.ReasonDrifted)
		Eventually(func() map[string]float64 { return series("fotacallback_drift_total") }).Should(HaveKeyWithValue("action=reported", 1.0))

		w.delete(o)
		w.gone(o)
		Eventually(func() map[string]float64 { return series("fotacallback_status_condition") }).Should(BeEmpty())
		Expect(series("fotacallback_last_check_timestamp_seconds")).To(BeEmpty())
		Expect(series("fotacallback_interval_seconds")).To(BeEmpty())
	})
})

func labels(metric *dto.Metric) string {
	var pairs []string
	for _, pair := range metric.GetLabel() {
		pairs = append(pairs, pair.GetName()+"="+pair.GetValue())
	}
	return strings.Join(pairs, ",")
}
