package controller

import (
	"testing"
	"time"

	. "github.com/onsi/gomega"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	clocktesting "k8s.io/utils/clock/testing"
	"sigs.k8s.io/controller-runtime/pkg/client/fake"

	"github.com/fota-callback-operator/fota-callback-operator/api/v1alpha1"
	"github.com/fota-callback-operator/fota-callback-operator/internal/rules"
	"github.com/fota-callback-operator/fota-callback-operator/internal/thingspace"
)

// What the Secret says comes first, also at a deletion. What was kept serves an object that is being deleted, and no other, where the Secret can't be used.
func TestWhichCredentialsAreUsed(t *testing.T) {
	kept := &thingspace.Credentials{Secret: thingspace.SecretVersion{UID: "kept"}}
	for name, test := range map[string]struct {
		deleting, there bool
		kept            *thingspace.Credentials
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
			p.source.pass = p
			r.states.of(o, time.Now())
			if test.kept != nil {
				p.keep(*test.kept)
			}
			found, err := p.source.Get(t.Context(), time.Minute)
			if test.used == "" {
				g.Expect(err).To(BeAssignableToTypeOf(&rules.CredentialsError{}))
				return
			}
			g.Expect(err).NotTo(HaveOccurred())
			g.Expect(found.Secret.UID).To(Equal(test.used))
		})
	}
}
