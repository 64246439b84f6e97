//go:build e2e

package e2e_test

import (
	"context"
	"fmt"
	"strconv"
	"time"

	. "github.com/onsi/ginkgo/v2"
	. "github.com/onsi/gomega"
	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/fota-callback-operator/fota-callback-operator/api/v1alpha1"
)

// fleet is one FotaCallback.
type fleet struct{ namespace, name, account string }

func (f fleet) key() client.ObjectKey { return client.ObjectKey{Namespace: f.namespace, Name: f.name} }

func (f fleet) create(ctx context.Context, url string) {
	GinkgoHelper()
	Expect(cluster.Create(ctx, &v1alpha1.FotaCallback{
		ObjectMeta: metav1.ObjectMeta{Namespace: f.namespace, Name: f.name},
		Spec:       v1alpha1.FotaCallbackSpec{Account: f.account, URL: url},
	})).To(Succeed())
}

func (f fleet) get(ctx context.Context, g Gomega) *v1alpha1.FotaCallback {
	var o v1alpha1.FotaCallback
	g.Expect(cluster.Get(ctx, f.key(), &o)).To(Succeed())
	return &o
}

func (f fleet) edit(ctx context.Context, url string) {
	GinkgoHelper()
	o := &v1alpha1.FotaCallback{ObjectMeta: metav1.ObjectMeta{Namespace: f.namespace, Name: f.name}}
	Expect(cluster.Patch(ctx, o, client.RawPatch("application/merge-patch+json", []byte(`{"spec":{"url":"`+url+`"}}`)))).To(Succeed())
}

// checkNow asks for a check, as the documentation says.
func (f fleet) checkNow() {
	GinkgoHelper()
	kubectl("annotate", "fotacallback", "-n", f.namespace, f.name, "--overwrite",
		v1alpha1.RequestedAtAnnotation+"="+strconv.FormatInt(time.Now().UnixNano(), 10))
}

// holds expects the far side to hold a URL, and the object to say so of its newest spec.
func (f fleet) holds(ctx context.Context, url string) {
	GinkgoHelper()
	Eventually(func(g Gomega) {
		g.Expect(registrations(g)).To(HaveKeyWithValue(f.account, url))
		o := f.get(ctx, g)
		g.Expect(meta.IsStatusConditionTrue(o.Status.Conditions, v1alpha1.ConditionReady)).To(BeTrue(), "%v", o.Status.Conditions)
		g.Expect(o.Status.ObservedGeneration).To(Equal(o.Generation))
	}).Should(Succeed())
}

// numbered are so many of them, from 1.
func numbered(namespace, name, account string, count int) []fleet {
	var all []fleet
	for n := 1; n <= count; n++ {
		all = append(all, fleet{namespace, fmt.Sprintf("%s%d", name, n), fmt.Sprintf("%s%05d", account, n)})
	}
	return all
}

// signIn gives a new namespace the simulator's credentials.
func signIn(ctx context.Context, namespace string) {
	GinkgoHelper()
	kubectl("create", "namespace", namespace)
	credentials(ctx, namespace)
}

func credentials(ctx context.Context, namespace string) {
	GinkgoHelper()
	Expect(cluster.Create(ctx, &corev1.Secret{
		ObjectMeta: metav1.ObjectMeta{Namespace: namespace, Name: v1alpha1.DefaultSecretName},
		StringData: map[string]string{"client-id": "demo-key", "client-secret": "demo-secret", "username": "demo-user", "password": "demo-password"},
	})).To(Succeed())
}

func callbackURL(name string, version int) string {
	return fmt.Sprintf("https://fota.example.com/callbacks/%s/v%d", name, version)
}

// operators are the operator's pods that run the image and are ready.
func operators(ctx context.Context, g Gomega, image string) []corev1.Pod {
	var pods corev1.PodList
	g.Expect(cluster.List(ctx, &pods, client.InNamespace(system), client.MatchingLabels{"control-plane": "controller-manager"})).To(Succeed())
	var ready []corev1.Pod
	for _, pod := range pods.Items {
		for _, condition := range pod.Status.Conditions {
			if condition.Type == corev1.PodReady && condition.Status == corev1.ConditionTrue && pod.DeletionTimestamp == nil && pod.Spec.Containers[0].Image == image {
				ready = append(ready, pod)
			}
		}
	}
	return ready
}

// runs expects so many pods of the operator to be ready with the image.
func runs(ctx context.Context, image string, count int) {
	GinkgoHelper()
	Eventually(func(g Gomega) { g.Expect(operators(ctx, g, image)).To(HaveLen(count)) }).Should(Succeed())
}
