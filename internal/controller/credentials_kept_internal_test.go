package controller

import (
	"context"
	"testing"
	"time"

	. "github.com/onsi/gomega"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/apimachinery/pkg/util/sets"
	clocktesting "k8s.io/utils/clock/testing"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/client/fake"
	"sigs.k8s.io/controller-runtime/pkg/client/interceptor"

	"github.com/fota-callback-operator/fota-callback-operator/api/v1alpha1"
	"github.com/fota-callback-operator/fota-callback-operator/internal/rules"
	"github.com/fota-callback-operator/fota-callback-operator/internal/thingspace"
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

// signedIn is a far side at which all credentials have a session, or none.
type signedIn struct {
	Registrations
	all bool
}

func (s signedIn) SignedIn(thingspace.Credentials) bool { return s.all }

// Credentials are read at once for an object that is being deleted and may have something to deregister; for no other. Older ones that worked are kept where they are
// signed in, or where those in the Secret are known to be refused.
func TestForWhomCredentialsAreReadForADeletion(t *testing.T) {
	deleted, as := metav1.Now(), func(*v1alpha1.FotaCallback) {}
	older := &thingspace.Credentials{Secret: thingspace.SecretVersion{UID: "older"}}
	for name, test := range map[string]struct {
		change   func(o *v1alpha1.FotaCallback)
		known    *thingspace.Credentials
		signedIn bool
		refused  bool
		reads    int
		kept     string
	}{
		"being deleted":             {as, nil, false, false, 1, "uid-a"},
		"refused, but none other":   {as, nil, false, true, 1, "uid-a"},
		"known, and signed in":      {as, older, true, false, 0, "older"},
		"known for long":            {as, older, false, false, 1, "uid-a"},
		"known, and others refused": {as, older, false, true, 1, "older"},
		"not deleted":               {func(o *v1alpha1.FotaCallback) { o.DeletionTimestamp = nil }, nil, false, false, 0, ""},
		"nothing to undo":           {func(o *v1alpha1.FotaCallback) { o.Finalizers = nil }, nil, false, false, 0, ""},
		"left as it is":             {func(o *v1alpha1.FotaCallback) { o.Spec.DeletionPolicy = v1alpha1.DeletionRetain }, nil, false, false, 0, ""},
	} {
		t.Run(name, func(t *testing.T) {
			g, reads := NewWithT(t), 0
			secrets := fake.NewClientBuilder().WithObjects(secretOf("a", "user")).WithInterceptorFuncs(interceptor.Funcs{
				Get: func(ctx context.Context, c client.WithWatch, key client.ObjectKey, o client.Object, options ...client.GetOption) error {
					reads++
					return c.Get(ctx, key, o, options...)
				},
			}).Build()
			r := NewReconciler(Config{Live: secrets, Clock: clocktesting.NewFakePassiveClock(time.Now()), Registrations: signedIn{all: test.signedIn}})
			o := objectIn("a", "x")
			o.DeletionTimestamp, o.Finalizers = &deleted, []string{v1alpha1.Finalizer}
			o.Spec.CredentialsSecretRef = &v1alpha1.SecretReference{Name: secretOf("a", "user").Name}
			test.change(o)
			p := &pass{Reconciler: r, facts: rules.Facts{Object: o, Now: time.Now()}}
			p.source.pass = p
			r.states.of(o, p.facts.Now)
			if test.refused {
				used, err := credentialsIn(secretOf("a", "user"))
				g.Expect(err).NotTo(HaveOccurred())
				r.states.change(p.name(), o.UID, func(s *objectState) { s.refused = used.Digest() })
			}
			if test.known != nil {
				p.keep(*test.known)
			}
			p.readForDeletion(t.Context())
			g.Expect(reads).To(Equal(test.reads))
			kept := r.states.of(o, p.facts.Now).credentials
			g.Expect(kept != nil).To(Equal(test.kept != ""))
			if kept != nil {
				g.Expect(kept.Secret.UID).To(Equal(test.kept))
			}
		})
	}
}

// Since when a Secret held what it held before is known for as long as an object may take to look again. Reads that show nothing usable say nothing.
func TestSinceWhenASecretHeldOthers(t *testing.T) {
	g, ctx, clk := NewWithT(t), t.Context(), clocktesting.NewFakeClock(time.Now())
	secret := secretOf("a", "user")
	secret.Name = "x"
	api := fake.NewClientBuilder().WithObjects(secret).Build()
	reader, name := newCredentialReader(api, clk), client.ObjectKeyFromObject(secret)
	reads := func(password string) time.Time {
		clk.Step(time.Hour)
		secret.Data["password"] = []byte(password)
		g.Expect(api.Update(ctx, secret)).To(Succeed())
		found, err := reader.get(ctx, name, time.Second)
		if password == "" {
			g.Expect(err).To(HaveOccurred())
			return time.Time{}
		}
		g.Expect(err).NotTo(HaveOccurred())
		return found.OtherSince
	}
	g.Expect(reads("old")).To(BeZero(), "it was not seen to hold others")
	old := clk.Now()
	g.Expect(reads("old")).To(BeZero())
	g.Expect(reads("")).To(BeZero())
	g.Expect(reads("old")).To(BeZero())
	g.Expect(reads("new")).To(Equal(old))
	changed := clk.Now()
	g.Expect(reads("new")).To(Equal(old))
	clk.Step(24 * time.Hour)
	g.Expect(reads("old")).To(Equal(changed))
	clk.Step(contentKnown)
	g.Expect(reads("new")).To(BeZero(), "nobody has looked for long")
}
