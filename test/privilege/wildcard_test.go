package privilege_test

import (
	"slices"
	"testing"

	. "github.com/onsi/gomega"
	rbacv1 "k8s.io/api/rbac/v1"
	"k8s.io/apimachinery/pkg/runtime"
)

// What every way of installing with kustomize grants, to the operator and to people, is named one by one.
func TestNoWildcard(t *testing.T) {
	for _, folder := range []string{"config/default", "config/namespaced"} {
		g := NewWithT(t)
		objects, err := rendered(t.Context(), folder)
		g.Expect(err).NotTo(HaveOccurred())
		rules := 0
		for _, object := range objects {
			if !slices.Contains([]string{"Role", "ClusterRole"}, object.GetKind()) {
				continue
			}
			var role rbacv1.ClusterRole // a Role's rules have the same place
			g.Expect(runtime.DefaultUnstructuredConverter.FromUnstructured(object.Object, &role)).To(Succeed())
			g.Expect(role.AggregationRule).To(BeNil(), role.Name)
			for _, rule := range role.Rules {
				rules++
				for _, names := range [][]string{rule.Verbs, rule.APIGroups, rule.Resources, rule.ResourceNames, rule.NonResourceURLs} {
					g.Expect(names).NotTo(ContainElement(ContainSubstring("*")), "%s in %s", role.Name, folder)
				}
			}
		}
		g.Expect(rules).NotTo(BeZero(), folder)
	}
}
