package recipes_test

import (
	"strings"
	"testing"
	"time"

	. "github.com/onsi/gomega"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"sigs.k8s.io/controller-runtime/pkg/client"
)

const policy = "config/samples/limit-hosts/policy.yaml"

func TestLimitHosts(t *testing.T) {
	g := NewWithT(t)
	for _, o := range objects(t, file(t, policy)) {
		if o.GetKind() == "ValidatingAdmissionPolicyBinding" { // the other tests' namespaces are not meant
			g.Expect(unstructured.SetNestedMap(o.Object, map[string]any{"matchExpressions": []any{
				map[string]any{"key": "kubernetes.io/metadata.name", "operator": "In", "values": []any{"limited", "unlisted"}},
			}}, "spec", "matchResources", "namespaceSelector")).To(Succeed())
		}
		g.Expect(apply(t, o)).To(Succeed())
	}
	limited := objects(t, file(t, "config/samples/limit-hosts/namespace.yaml"))[0]
	limited.SetName("limited")
	g.Expect(apply(t, limited)).To(Succeed())
	g.Expect(set.Client.Create(t.Context(), &corev1.Namespace{ObjectMeta: metav1.ObjectMeta{Name: "unlisted"}})).To(Succeed())

	object := func(namespace, url string) *unstructured.Unstructured {
		o := sample(t, "config/samples/fotacallback.yaml", namespace)
		o.Object["spec"].(map[string]any)["url"] = url
		return o
	}
	const refusal = "may not register the host "
	g.Eventually(func() error { return apply(t, object("unlisted", "https://fota.example.com"), client.DryRunAll) }).
		WithTimeout(30*time.Second).Should(MatchError(ContainSubstring(refusal)), "the API server takes a moment to know a policy")
	for _, row := range []struct {
		namespace, url string
		allowed        bool
	}{
		{"limited", "https://fota.example.com", true},
		{"limited", "https://fota.example.com:8443/callbacks?key=value", true},
		{"limited", "https://FOTA.example.com/callbacks", true},
		{"limited", "https://east.iot.example.com/", true},
		{"limited", "https://a.b.iot.example.com/", true},
		{"limited", "https://iot.example.com/", false},
		{"limited", "https://eviliot.example.com/", false},
		{"limited", "https://example.com/", false},
		{"limited", "https://sub.fota.example.com/", false},
		{"limited", "https://fota.example.com.evil.example.net/", false},
		{"limited", "https://evil.example.net/fota.example.com", false},
		{"limited", "https://evil.example.net?https://fota.example.com", false},
		{"limited", "https://[2001:db8::1]/", false},
		{"unlisted", "https://fota.example.com", false},
	} {
		err := apply(t, object(row.namespace, row.url), client.DryRunAll)
		if (err == nil) != row.allowed || err != nil && !strings.Contains(err.Error(), refusal) {
			t.Errorf("%s in %s: %v", row.url, row.namespace, err)
		}
	}

	// A list that gets shorter is a matter of new URLs: what is there can be suspended, claimed and let go as before.
	o := object("limited", "https://fota.example.com/callbacks")
	g.Expect(apply(t, o)).To(Succeed())
	g.Expect(patch(t, limited, `{"metadata": {"annotations": {"fotacallback.dev/allowed-hosts": "other.example.com"}}}`)).To(Succeed())
	// Dry runs, because a try that came before the API server knew the shorter list would stay, and each later one be no new URL.
	g.Eventually(func() error {
		return patch(t, o, `{"spec": {"url": "https://fota.example.com/new"}}`, client.DryRunAll)
	}).
		WithTimeout(30 * time.Second).Should(MatchError(ContainSubstring(refusal)))
	g.Expect(patch(t, o, `{"spec": {"suspend": true}}`)).To(Succeed())
	g.Expect(patch(t, o, `{"metadata": {"finalizers": ["fotacallback.dev/deregister"]}}`)).To(Succeed())
	g.Expect(patch(t, o, `{"spec": {"url": "https://other.example.com/new"}}`)).To(Succeed())
	g.Expect(set.Client.Delete(t.Context(), o)).To(Succeed())
	g.Expect(patch(t, o, `{"metadata": {"finalizers": null}}`)).To(Succeed())
}
