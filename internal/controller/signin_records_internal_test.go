package controller

import (
	"context"
	"errors"
	"testing"
	"time"

	. "github.com/onsi/gomega"
	"k8s.io/apimachinery/pkg/runtime"
	clientgoscheme "k8s.io/client-go/kubernetes/scheme"
	"k8s.io/client-go/tools/events"
	clocktesting "k8s.io/utils/clock/testing"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/client/fake"
	"sigs.k8s.io/controller-runtime/pkg/client/interceptor"

	"github.com/fota-callback-operator/fota-callback-operator/api/v1alpha1"
	"github.com/fota-callback-operator/fota-callback-operator/internal/rules"
	"github.com/fota-callback-operator/fota-callback-operator/internal/thingspace"
)

// passOver is a pass on one of some objects, at a Kubernetes API that refuses to write the status of those that are named.
func passOver(t *testing.T, name string, refuses map[string]bool, objects ...client.Object) (*pass, client.Client) {
	t.Helper()
	g, scheme := NewWithT(t), runtime.NewScheme()
	g.Expect(clientgoscheme.AddToScheme(scheme)).To(Succeed())
	g.Expect(v1alpha1.AddToScheme(scheme)).To(Succeed())
	api := fake.NewClientBuilder().WithScheme(scheme).WithObjects(objects...).WithStatusSubresource(&v1alpha1.FotaCallback{}).
		WithInterceptorFuncs(interceptor.Funcs{
			SubResourcePatch: func(ctx context.Context, c client.Client, sub string, o client.Object, patch client.Patch, options ...client.SubResourcePatchOption) error {
				if refuses[o.GetName()] {
					return errors.New("refused")
				}
				return c.SubResource(sub).Patch(ctx, o, patch, options...)
			},
		}).Build()
	r := NewReconciler(Config{Client: api, Live: api, Clock: clocktesting.NewFakePassiveClock(time.Now())})
	for _, o := range objects {
		if o, ok := o.(*v1alpha1.FotaCallback); ok {
			r.states.of(o, time.Now())
		}
	}
	p := &pass{Reconciler: r, facts: rules.Facts{Object: at(t, api, name)}}
	used, err := credentialsIn(secretOf("a", "user"))
	g.Expect(err).NotTo(HaveOccurred())
	p.used = used
	_, err = r.logins.of(t.Context(), used, p.facts.Object)
	g.Expect(err).NotTo(HaveOccurred())
	return p, api
}

func at(t *testing.T, api client.Client, name string) *v1alpha1.FotaCallback {
	t.Helper()
	var o v1alpha1.FotaCallback
	NewWithT(t).Expect(api.Get(t.Context(), client.ObjectKey{Namespace: "a", Name: name}, &o)).To(Succeed())
	return &o
}

// A login is on record before it is made, and the request that allows it is used up; where nobody has made one, what was handled before stays.
func TestWhatIsOnRecordBeforeALogin(t *testing.T) {
	for request, handled := range map[string]string{"": "earlier", "now": "now"} {
		g := NewWithT(t)
		o := objectIn("a", "own")
		o.Status.LastHandledReconcileAt = "earlier"
		if request != "" {
			o.Annotations = map[string]string{v1alpha1.RequestedAtAnnotation: request}
		}
		secret := secretOf("a", "user")
		secret.Name = v1alpha1.DefaultSecretName
		p, api := passOver(t, "own", nil, o, secret)
		g.Expect(p.beforeLogin(t.Context(), p.used, false)).To(Succeed())
		status := at(t, api, "own").Status
		g.Expect(status.LastHandledReconcileAt).To(Equal(handled))
		g.Expect(status.RejectedCredentials).To(Equal(&v1alpha1.RejectedCredentials{SecretUID: "uid-a", SecretResourceVersion: "7", Logins: 1}))
	}
}

// A login that has succeeded clears what its user has on record, wherever; what can't be cleared now hides none of the rest, and is known to be left.
func TestASuccessClearsTheRecordsOfItsUser(t *testing.T) {
	g := NewWithT(t)
	p, api := passOver(t, "own", map[string]bool{"broken": true}, secretOf("a", "user"),
		recorded("a", "broken", withheld, "", 1), recorded("a", "other", withheld, "", 1), recorded("a", "own", withheld, "", 2), recorded("a", "suspended", withheld, "", 1))
	g.Expect(p.logins.holders).To(HaveLen(4))
	before := at(t, api, "suspended")
	p.afterLogin(t.Context(), p.used)
	for name, left := range map[string]bool{"broken": true, "other": false, "own": false, "suspended": false} {
		g.Expect(at(t, api, name).Status.RejectedCredentials != nil).To(Equal(left), name)
	}
	g.Expect(p.states.newest(before).ResourceVersion).To(Equal(at(t, api, "suspended").ResourceVersion), "its own writes are known, whatever the cache shows")
	g.Expect(p.logins.succeeded(p.used)).To(ConsistOf(nameOf(objectIn("a", "broken"))), "the next success tries again")
}

// A password that had worked is refused, and the end of the pass can't put it on record: the next pass owes it.
func TestARefusalWhoseRecordCouldNotBeWritten(t *testing.T) {
	for name, disturb := range map[string]func(*GomegaWithT, client.Client, map[string]bool){
		"a conflict": func(g *GomegaWithT, api client.Client, _ map[string]bool) {
			live := at(t, api, "own")
			live.Labels = map[string]string{"a": "b"}
			g.Expect(api.Update(t.Context(), live)).To(Succeed())
		},
		"an error": func(_ *GomegaWithT, _ client.Client, refuses map[string]bool) { refuses["own"] = true },
	} {
		t.Run(name, func(t *testing.T) {
			g, refuses := NewWithT(t), map[string]bool{}
			secret := secretOf("a", "user")
			secret.Name = v1alpha1.DefaultSecretName
			p, api := passOver(t, "own", refuses, objectIn("a", "own"), secret)
			p.Recorder = events.NewFakeRecorder(10)
			g.Expect(p.beforeLogin(t.Context(), p.used, false)).To(Succeed(), "as every process does")
			p.afterLogin(t.Context(), p.used)
			g.Expect(at(t, api, "own").Status.RejectedCredentials).To(BeNil())

			ends := func(p *pass) {
				p.facts.Settings.DefaultInterval = 10 * time.Minute
				p.facts.Secret, p.facts.Err = p.used.identity, &thingspace.CredentialsRejectedError{Login: true}
				_, _ = p.finish(t.Context(), rules.Step{Action: rules.Rest, Reason: v1alpha1.ReasonCredentialsRejected}) // what comes of it is asked of the API
			}
			p.facts.Logins = p.logins.refused(p.used, p.facts.Object, 1)
			disturb(g, api, refuses)
			ends(p)
			g.Expect(at(t, api, "own").Status.RejectedCredentials).To(BeNil())

			delete(refuses, "own")
			next := &pass{Reconciler: p.Reconciler, used: p.used, facts: rules.Facts{Object: at(t, api, "own")}}
			next.facts.Logins = next.logins.unrecorded(next.used, next.facts.Object)
			ends(next)
			g.Expect(at(t, api, "own").Status.RejectedCredentials).To(HaveValue(HaveField("Logins", BeEquivalentTo(1))))
			g.Expect(p.logins.unrecorded(p.used, at(t, api, "own"))).To(BeZero())
		})
	}
}
