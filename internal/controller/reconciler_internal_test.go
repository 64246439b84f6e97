package controller

import (
	"context"
	"errors"
	"testing"
	"time"

	. "github.com/onsi/gomega"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/runtime/schema"
	clocktesting "k8s.io/utils/clock/testing"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/client/fake"
	"sigs.k8s.io/controller-runtime/pkg/client/interceptor"

	"github.com/fota-callback-operator/fota-callback-operator/api/v1alpha1"
	"github.com/fota-callback-operator/fota-callback-operator/internal/rules"
)

// forgetting is a far side that is told which accounts nobody names any more.
type forgetting struct {
	Registrations
	accounts []string
}

func (f *forgetting) Forget(account string) { f.accounts = append(f.accounts, account) }

// What is kept for an account goes with the last object that names it.
func TestAnAccountIsForgottenWithItsLastObject(t *testing.T) {
	g := NewWithT(t)
	scheme := runtime.NewScheme()
	g.Expect(v1alpha1.AddToScheme(scheme)).To(Succeed())
	x, y := objectIn("a", "x"), objectIn("a", "y")
	x.Spec.Account, y.Spec.Account, y.UID = "acc-1", "acc-1", "y"
	var broken error
	cache := fake.NewClientBuilder().WithScheme(scheme).WithObjects(y).
		WithIndex(&v1alpha1.FotaCallback{}, accountIndex, func(o client.Object) []string { return []string{o.(*v1alpha1.FotaCallback).Spec.Account} }).
		WithInterceptorFuncs(interceptor.Funcs{List: func(ctx context.Context, c client.WithWatch, into client.ObjectList, options ...client.ListOption) error {
			if broken != nil {
				return broken
			}
			return c.List(ctx, into, options...)
		}}).Build()
	far := &forgetting{}
	r := NewReconciler(Config{Client: cache, Live: cache, Registrations: far, Clock: clocktesting.NewFakePassiveClock(time.Now())})

	g.Expect(r.forget(t.Context(), nameOf(x))).To(Succeed(), "this process has never met it")
	r.states.of(x, time.Now())
	g.Expect(r.forget(t.Context(), nameOf(x))).To(Succeed())
	g.Expect(far.accounts).To(BeEmpty(), "another object names it")

	g.Expect(cache.Delete(t.Context(), y)).To(Succeed())
	r.states.of(y, time.Now())
	broken = errors.New("the cache is gone")
	g.Expect(r.forget(t.Context(), nameOf(y))).To(MatchError(broken))
	broken = nil
	r.states.of(y, time.Now())
	g.Expect(r.forget(t.Context(), nameOf(y))).To(Succeed())
	g.Expect(far.accounts).To(Equal([]string{"acc-1"}))
}

// What says that somebody else was first stays what it is; all else is the Kubernetes API's failure.
func TestErrorsOfKubernetes(t *testing.T) {
	g, resource, cause := NewWithT(t), schema.GroupResource{Resource: "fotacallbacks"}, errors.New("x")
	for _, err := range []error{nil, apierrors.NewConflict(resource, "x", cause), apierrors.NewNotFound(resource, "x")} {
		if err == nil {
			g.Expect((&pass{}).kubernetesError("write", err)).NotTo(HaveOccurred())
			continue
		}
		g.Expect((&pass{}).kubernetesError("write", err)).To(BeIdenticalTo(err))
	}
	g.Expect((&pass{}).kubernetesError("write", cause)).To(Equal(&rules.KubernetesError{Attempted: "write", Err: cause}))
}

// An echo shows the host that was sent, or it is none.
func TestSameHost(t *testing.T) {
	g := NewWithT(t)
	g.Expect(sameHost("https://A.example.com/x", "https://a.example.com/y")).To(BeTrue())
	g.Expect(sameHost("https://b.example.com/", "https://a.example.com/")).To(BeFalse())
	g.Expect(sameHost("https://%zz", "")).To(BeFalse(), "it is no URL")
}
