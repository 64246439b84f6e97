package controller_test

import (
	"fmt"
	"slices"
	"strings"

	. "github.com/onsi/ginkgo/v2"
	. "github.com/onsi/gomega"

	"github.com/fota-callback-operator/fota-callback-operator/api/v1alpha1"
	"github.com/fota-callback-operator/fota-callback-operator/internal/simulator"
)

var _ = Describe("Other people's metadata", func() {
	const other = "example.com/other"
	for _, finalizers := range []int{1, 200} { // as many as the cache keeps, and more
		It(fmt.Sprintf("survives every write, with %d finalizers", finalizers), func() {
			w := newWorld(GinkgoT().Context(), simulator.Options{})
			w.goodCredentials()
			w.start()
			var foreign []string
			for n := range finalizers {
				foreign = append(foreign, fmt.Sprint(other, n))
			}
			o := w.create(w.callback("fleet", "acc-1", fleetURL), func(o *v1alpha1.FotaCallback) {
				o.Labels = map[string]string{"team": "east"}
				o.Annotations = map[string]string{"note": "mine", v1alpha1.RequestedAtAnnotation: strings.Repeat("x", 200_000)}
				o.Finalizers = slices.Clone(foreign)
			})
			isWhole := func() {
				live := w.get(o)
				ExpectWithOffset(1, live.Labels).To(Equal(map[string]string{"team": "east"}))
				ExpectWithOffset(1, live.Annotations).To(HaveKeyWithValue("note", "mine"))
				ExpectWithOffset(1, live.Annotations[v1alpha1.RequestedAtAnnotation]).To(HaveLen(200_000))
				ExpectWithOffset(1, live.Finalizers).To(ContainElements(foreign))
			}
			w.eventually(o, v1alpha1.ReasonRegistered)
			isWhole()
			Expect(w.get(o).Finalizers).To(HaveLen(finalizers+1), "ours as well")
			w.edit(o, func(o *v1alpha1.FotaCallback) { o.Spec.URL = fleetURL + "/v2" })
			Eventually(func() string { return w.far.Registered("acc-1") }).Should(Equal(fleetURL + "/v2"))
			w.eventually(o, v1alpha1.ReasonRegistered)
			isWhole()
			w.delete(o)
			Eventually(func() []string { return w.get(o).Finalizers }).Should(Equal(foreign))
			isWhole()
			Expect(w.far.Registered("acc-1")).To(BeEmpty())
			w.edit(o, func(o *v1alpha1.FotaCallback) { o.Finalizers = nil })
			w.gone(o)
		})
	}
})
