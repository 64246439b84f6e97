package recipes_test

import (
	"slices"
	"testing"

	. "github.com/onsi/gomega"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"

	"github.com/fota-callback-operator/fota-callback-operator/api/v1alpha1"
)

// An account that goes from one object to another, in another namespace and under another name, is never without its registration: in the order of the
// page, and in the other one within the grace.
func TestMoveToAnotherName(t *testing.T) {
	g := NewWithT(t)
	namespace(t, "moving-from")
	namespace(t, "moving-to")
	start(t, "--watch-namespaces=moving-from,moving-to", "--deregistration-grace=10s")
	object := func(namespace, name, url string) *unstructured.Unstructured {
		o := sample(t, "config/samples/fotacallback.yaml", namespace)
		o.SetName(name)
		o.Object["spec"] = map[string]any{"account": "moving-1", "url": url}
		return o
	}
	first := object("moving-from", "first", "https://fota.example.com/first")
	g.Expect(apply(t, first)).To(Succeed())
	become(t, first, v1alpha1.ReasonRegistered)

	second := object("moving-to", "second", "https://fota.example.com/second")
	g.Expect(apply(t, second)).To(Succeed())
	become(t, second, v1alpha1.ReasonAccountConflict)
	g.Expect(registered(t, first)).To(Equal(wish(first)), "the old one owns the account")
	remove(t, first)
	become(t, second, v1alpha1.ReasonRegistered)
	g.Expect(registered(t, second)).To(Equal(wish(second)))

	third := object("moving-from", "third", "https://fota.example.com/third")
	g.Expect(set.Client.Delete(t.Context(), second.DeepCopy())).To(Succeed())
	g.Expect(apply(t, third)).To(Succeed())
	become(t, third, v1alpha1.ReasonRegistered)
	gone(t, second)
	g.Expect(registered(t, third)).To(Equal(wish(third)))

	changes := slices.DeleteFunc(calls(t, third), func(operation string) bool { return operation == "list" })
	g.Expect(changes).To(Equal([]string{"register", "update", "update"}), "replaced in place")
	remove(t, third)
	g.Expect(registered(t, third)).To(BeEmpty())
}
