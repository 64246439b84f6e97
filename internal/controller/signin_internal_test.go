package controller

import (
	"context"
	"testing"
	"time"

	. "github.com/onsi/gomega"
	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime/schema"
	clocktesting "k8s.io/utils/clock/testing"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/client/fake"
	"sigs.k8s.io/controller-runtime/pkg/client/interceptor"

	"github.com/fota-callback-operator/fota-callback-operator/api/v1alpha1"
	"github.com/fota-callback-operator/fota-callback-operator/internal/rules"
)

// A login uses what the Secret says at that moment. Only an object that is being deleted may go on with what it kept of a Secret that is gone.
func TestALoginUsesWhatTheSecretSaysNow(t *testing.T) {
	resource, changed := schema.GroupResource{Resource: "secrets"}, secretOf("a", "user")
	changed.Data["password"] = []byte("another")
	missing, unread := BeAssignableToTypeOf(&rules.CredentialsError{}), BeAssignableToTypeOf(&rules.KubernetesError{})
	for name, test := range map[string]struct {
		deleting bool
		now      *corev1.Secret
		fails    error
		outcome  OmegaMatcher
	}{
		"it is as it was":                {false, secretOf("a", "user"), nil, Succeed()},
		"it was changed":                 {false, changed, nil, BeIdenticalTo(errCredentialsChanged)},
		"it is gone":                     {false, nil, apierrors.NewNotFound(resource, "x"), missing},
		"it can't be read":               {false, nil, context.DeadlineExceeded, unread},
		"as it was, at a deletion":       {true, secretOf("a", "user"), nil, Succeed()},
		"changed, at a deletion":         {true, changed, nil, BeIdenticalTo(errCredentialsChanged)},
		"gone, at a deletion":            {true, nil, apierrors.NewNotFound(resource, "x"), Succeed()},
		"it can't be read at a deletion": {true, nil, context.DeadlineExceeded, unread},
	} {
		t.Run(name, func(t *testing.T) {
			g := NewWithT(t)
			secrets := fake.NewClientBuilder().WithInterceptorFuncs(interceptor.Funcs{
				Get: func(_ context.Context, _ client.WithWatch, _ client.ObjectKey, into client.Object, _ ...client.GetOption) error {
					if test.fails == nil {
						test.now.DeepCopyInto(into.(*corev1.Secret))
					}
					return test.fails
				},
			}).Build()
			r := NewReconciler(Config{Live: secrets, Clock: clocktesting.NewFakePassiveClock(time.Now())})
			o := objectIn("a", "x")
			if test.deleting {
				now := metav1.Now()
				o.DeletionTimestamp, o.Finalizers = &now, []string{v1alpha1.Finalizer}
			}
			used, err := credentialsIn(secretOf("a", "user"))
			g.Expect(err).NotTo(HaveOccurred())
			p := &pass{Reconciler: r, facts: rules.Facts{Object: o}}
			g.Expect(p.beforeLogin(t.Context(), used, true)).To(test.outcome)
		})
	}
}

// What the Secret says comes first, also at a deletion. What was kept serves an object that is being deleted, and no other, where the Secret can't be used.
func TestWhichCredentialsAreUsed(t *testing.T) {
	kept := &usable{identity: rules.SecretIdentity{UID: "kept"}}
	for name, test := range map[string]struct {
		deleting, there bool
		kept            *usable
		used            string
	}{
		"from the Secret":                {false, true, kept, "uid-a"},
		"from the Secret, at a deletion": {true, true, kept, "uid-a"},
		"kept, at a deletion":            {true, false, kept, "kept"},
		"nothing was kept":               {true, false, nil, ""},
		"kept, and not for this":         {false, false, kept, ""},
	} {
		t.Run(name, func(t *testing.T) {
			g, secrets := NewWithT(t), fake.NewClientBuilder()
			if test.there {
				secrets = secrets.WithObjects(secretOf("a", "user"))
			}
			r := NewReconciler(Config{Live: secrets.Build(), Clock: clocktesting.NewFakePassiveClock(time.Now()), Registrations: signedIn{all: true}})
			o := objectIn("a", "x")
			o.Spec.CredentialsSecretRef = &v1alpha1.SecretReference{Name: secretOf("a", "user").Name}
			if test.deleting {
				now := metav1.Now()
				o.DeletionTimestamp, o.Finalizers = &now, []string{v1alpha1.Finalizer}
			}
			p := &pass{Reconciler: r, facts: rules.Facts{Object: o}}
			r.states.of(o, time.Now())
			p.keep(test.kept)
			found, err := p.findCredentials(t.Context())
			if test.used == "" {
				g.Expect(err).To(BeAssignableToTypeOf(&rules.CredentialsError{}))
				return
			}
			g.Expect(err).NotTo(HaveOccurred())
			g.Expect(found.identity.UID).To(Equal(test.used))
		})
	}
}
