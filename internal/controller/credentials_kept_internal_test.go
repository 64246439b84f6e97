package controller

import (
	"context"
	"testing"
	"time"

	. "github.com/onsi/gomega"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/apimachinery/pkg/util/sets"
	clocktesting "k8s.io/utils/clock/testing"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/client/fake"
	"sigs.k8s.io/controller-runtime/pkg/client/interceptor"
)

// A Secret that was read serves for a while, and what no longer serves is dropped: the passwords of a fleet do not gather in memory.
func TestWhatWasReadServesForAWhile(t *testing.T) {
	g, clock, reads := NewWithT(t), clocktesting.NewFakePassiveClock(time.Now()), 0
	secrets := fake.NewClientBuilder().WithObjects(secretOf("a", "user"), secretOf("b", "user")).WithInterceptorFuncs(interceptor.Funcs{
		Get: func(ctx context.Context, c client.WithWatch, key client.ObjectKey, o client.Object, options ...client.GetOption) error {
			reads++
			return c.Get(ctx, key, o, options...)
		},
	}).Build()
	r := newCredentialReader(secrets, clock)
	began := clock.Now()
	name := func(namespace string) types.NamespacedName {
		return types.NamespacedName{Namespace: namespace, Name: secretOf(namespace, "user").Name}
	}
	get := func(namespace string, after time.Duration) {
		clock.SetTime(began.Add(after))
		_, err := r.get(t.Context(), name(namespace), secretServes)
		g.Expect(err).NotTo(HaveOccurred())
	}
	get("a", 0)
	get("a", secretServes-1)
	g.Expect(reads).To(Equal(1))
	get("a", secretServes)
	g.Expect(reads).To(Equal(2), "it serves no longer")

	get("b", secretServes+time.Second)
	g.Expect(sets.KeySet(r.read)).To(Equal(sets.New(name("a"), name("b"))))
	get("b", 2*secretServes+time.Second)
	g.Expect(sets.KeySet(r.read)).To(Equal(sets.New(name("b"))), "the other one has not been asked for since")
}
