package controller

import (
	"context"
	"errors"
	"testing"
	"time"

	. "github.com/onsi/gomega"
	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/types"
	clientgoscheme "k8s.io/client-go/kubernetes/scheme"
	clocktesting "k8s.io/utils/clock/testing"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/client/fake"
	"sigs.k8s.io/controller-runtime/pkg/client/interceptor"

	"github.com/fota-callback-operator/fota-callback-operator/api/v1alpha1"
	"github.com/fota-callback-operator/fota-callback-operator/internal/thingspace"
)

const (
	loginRefused = "Account a: ThingSpace refused the login with username and password (X). No further login is made."
	tokenRefused = "Account a: ThingSpace refused the token with client-id and client-secret (X)."
	withheld     = "Account a: at least 3 logins in a row have failed for this user. No login is made."
)

func secretOf(namespace, user string) *corev1.Secret {
	secret := secretWith("username", user)
	secret.Namespace, secret.UID, secret.ResourceVersion = namespace, types.UID("uid-"+namespace), "7"
	return secret
}

// recorded is an object that an earlier process has left with a record of logins with its namespace's Secret.
func recorded(namespace, name, message, request string, logins int32) *v1alpha1.FotaCallback {
	o := &v1alpha1.FotaCallback{ObjectMeta: metav1.ObjectMeta{Namespace: namespace, Name: name}}
	o.Status.RejectedCredentials = &v1alpha1.RejectedCredentials{SecretUID: "uid-" + namespace, SecretResourceVersion: "7", Logins: logins}
	o.Status.LastHandledReconcileAt = request
	meta.SetStatusCondition(&o.Status.Conditions, metav1.Condition{
		Type: v1alpha1.ConditionReady, Status: metav1.ConditionFalse, Reason: v1alpha1.ReasonCredentialsRejected, Message: message,
	})
	return o
}

func ledgerOver(t *testing.T, objects ...client.Object) *loginLedger {
	t.Helper()
	return ledgerReading(t, interceptor.Funcs{}, objects...)
}

func ledgerReading(t *testing.T, funcs interceptor.Funcs, objects ...client.Object) *loginLedger {
	t.Helper()
	scheme := runtime.NewScheme()
	g := NewWithT(t)
	g.Expect(clientgoscheme.AddToScheme(scheme)).To(Succeed())
	g.Expect(v1alpha1.AddToScheme(scheme)).To(Succeed())
	reader := fake.NewClientBuilder().WithScheme(scheme).WithObjects(objects...).WithInterceptorFuncs(funcs).Build()
	return newLoginLedger(reader, nil, newCredentialReader(reader, clocktesting.NewFakePassiveClock(time.Now())))
}

func (l *loginLedger) at(t *testing.T, secret *corev1.Secret) thingspace.EarlierLogins {
	t.Helper()
	used, err := credentialsIn(secret)
	NewWithT(t).Expect(err).NotTo(HaveOccurred())
	earlier, err := l.of(t.Context(), used)
	NewWithT(t).Expect(err).NotTo(HaveOccurred())
	return earlier
}

// Records come in pages, of each namespace that the operator watches.
func TestEarlierLoginsOfManyObjects(t *testing.T) {
	g := NewWithT(t)
	var asked []string
	ledger := ledgerReading(t, interceptor.Funcs{List: func(_ context.Context, _ client.WithWatch, into client.ObjectList, opts ...client.ListOption) error {
		var options client.ListOptions
		options.ApplyOptions(opts)
		asked = append(asked, options.Namespace+" "+options.Continue)
		page := into.(*v1alpha1.FotaCallbackList)
		page.Items = []v1alpha1.FotaCallback{*recorded("a", "o"+options.Continue, withheld, "", 1)}
		if options.Continue == "" && options.Namespace == "a" {
			page.Continue = "2"
			page.Items[0].Status.RejectedCredentials = nil
		}
		return nil
	}}, secretOf("a", "user"))
	ledger.namespaces = []string{"a", "b"}
	g.Expect(ledger.at(t, secretOf("a", "user")).Failed).To(Equal(1))
	g.Expect(asked).To(Equal([]string{"a ", "a 2", "b "}))
}

// A user's failures are added up over all Secrets that name it, each with its highest record, whoever signs in first.
func TestEarlierLoginsOfAUser(t *testing.T) {
	g := NewWithT(t)
	a, b, other := secretOf("a", "user"), secretOf("b", "user"), secretOf("c", "another")
	gone := recorded("gone", "x", withheld, "", 3)
	l := ledgerOver(t, a, b, other, gone,
		recorded("a", "x", withheld, "first", 1), recorded("a", "y", withheld, "", 2), recorded("b", "x", withheld, "second", 1), recorded("c", "x", withheld, "", 1))
	for _, secret := range []*corev1.Secret{b, a} {
		earlier := l.at(t, secret)
		g.Expect(earlier.Failed).To(Equal(3))
		g.Expect(earlier.Requests).To(ContainElements("first", "second"))
		g.Expect(earlier.Refused).To(BeFalse())
	}
	g.Expect(l.at(t, other).Failed).To(Equal(1))

	b.UID = "uid-anew"
	g.Expect(ledgerOver(t, b, recorded("b", "x", withheld, "", 2)).at(t, b).Failed).To(BeZero(), "another Secret by that name")
}

// A success ends what earlier processes have recorded too: who is met anew after it starts from nothing.
func TestASuccessEndsEarlierFailures(t *testing.T) {
	g := NewWithT(t)
	secret := secretOf("a", "user")
	l := ledgerOver(t, secret, recorded("a", "x", withheld, "granted", 3))
	g.Expect(l.at(t, secret).Failed).To(Equal(3))
	used, err := credentialsIn(secret)
	g.Expect(err).NotTo(HaveOccurred())
	l.succeeded(used)
	g.Expect(l.at(t, secret).Failed).To(BeZero())
	g.Expect(l.at(t, secret).Requests).To(ConsistOf("granted"))
}

// A Secret that nobody can sign in with as it is counts for nobody, until it is put right.
func TestEarlierLoginsWithAnUnusableSecret(t *testing.T) {
	g := NewWithT(t)
	broken := secretOf("a", "user")
	delete(broken.Data, "username")
	l := ledgerOver(t, broken, recorded("a", "x", withheld, "asked", 2), recorded("a", "y", withheld, "", 3))
	g.Expect(l.at(t, secretOf("b", "user"))).To(BeZero())
	mended := l.at(t, secretOf("a", "user"))
	g.Expect(mended.Failed).To(Equal(3))
	g.Expect(mended.Requests).To(ContainElement("asked"))

	l = ledgerOver(t, broken, secretOf("b", "user"), recorded("a", "x", withheld, "", 1), recorded("b", "x", withheld, "", 1))
	g.Expect(l.at(t, secretOf("b", "user")).Failed).To(Equal(1))
	g.Expect(l.at(t, secretOf("a", "user")).Failed).To(Equal(2), "besides those with another Secret")

	l = ledgerOver(t, broken, recorded("a", "x", withheld, "", 3))
	g.Expect(l.at(t, secretOf("b", "user"))).To(BeZero())
	used, err := credentialsIn(secretOf("b", "user"))
	g.Expect(err).NotTo(HaveOccurred())
	g.Expect(l.succeeded(used)).To(BeEmpty())
	g.Expect(l.at(t, secretOf("a", "user")).Failed).To(BeZero(), "the user has signed in since")
	x := types.NamespacedName{Namespace: "a", Name: "x"}
	g.Expect(l.succeeded(used)).To(ConsistOf(x))
	g.Expect(l.succeeded(used)).To(ConsistOf(x), "until it is cleared")
	l.cleared(x)
	g.Expect(l.succeeded(used)).To(BeEmpty())
}

// A Secret that can't be read holds up nobody else. Until it can, what is on record of it may be anybody's: whoever has failed with nothing has one login, and none
// is made more because of it.
func TestEarlierLoginsWithAnUnreadableSecret(t *testing.T) {
	g := NewWithT(t)
	a, b, other, failed := secretOf("a", "user"), secretOf("b", "user"), secretOf("c", "another"), secretOf("d", "a third")
	answer, reads := apierrors.NewInternalError(errors.New("it can't be decrypted")), 0
	funcs := interceptor.Funcs{Get: func(ctx context.Context, c client.WithWatch, key client.ObjectKey, o client.Object, options ...client.GetOption) error {
		if key.Namespace == "a" && answer != nil {
			reads++
			return answer
		}
		return c.Get(ctx, key, o, options...)
	}}
	l := ledgerReading(t, funcs, a, b, other, failed,
		recorded("a", "x", withheld, "asked", 3), recorded("a", "y", withheld, "", 1), recorded("d", "x", withheld, "", 1))
	g.Expect(l.at(t, other).Failed).To(Equal(2))
	g.Expect(l.at(t, other).Requests).To(ContainElement("asked"))
	g.Expect(l.at(t, failed).Failed).To(Equal(4))
	g.Expect(reads).To(Equal(1))

	answer = nil
	g.Expect(l.at(t, a).Failed).To(Equal(3), "it can be read")
	g.Expect(l.at(t, b).Failed).To(Equal(3))
	g.Expect(l.at(t, other).Failed).To(BeZero())
	g.Expect(l.at(t, failed).Failed).To(Equal(1))
	used, err := credentialsIn(a)
	g.Expect(err).NotTo(HaveOccurred())
	g.Expect(l.next(used, types.NamespacedName{}).Logins).To(BeEquivalentTo(4))
	g.Expect(l.succeeded(used)).To(HaveLen(3))

	answer = apierrors.NewServiceUnavailable("it says nothing about the Secret")
	_, err = ledgerReading(t, funcs, a, recorded("a", "x", withheld, "", 1)).of(t.Context(), used)
	g.Expect(err).To(HaveOccurred())
}

// Only what ThingSpace has refused is not tried again; a token that was refused and a login that was withheld say nothing of the password.
func TestEarlierRefusals(t *testing.T) {
	for message, refused := range map[string]bool{loginRefused: true, tokenRefused: false, withheld: false} {
		secret := secretOf("a", "user")
		NewWithT(t).Expect(ledgerOver(t, secret, recorded("a", "x", message, "", 1)).at(t, secret).Refused).To(Equal(refused), message)
		secret.ResourceVersion = "8"
		NewWithT(t).Expect(ledgerOver(t, secret, recorded("a", "x", message, "", 1)).at(t, secret).Refused).To(BeFalse(), "it has changed")
	}
}

func TestRecordsOfLogins(t *testing.T) {
	g := NewWithT(t)
	secret := secretOf("a", "user")
	l := ledgerOver(t, secret, recorded("a", "x", withheld, "", 1), recorded("a", "refused", loginRefused, "", 1))
	g.Expect(l.at(t, secret).Failed).To(Equal(1))
	used, err := credentialsIn(secret)
	g.Expect(err).NotTo(HaveOccurred())
	y, z := types.NamespacedName{Namespace: "a", Name: "y"}, types.NamespacedName{Namespace: "a", Name: "z"}
	g.Expect(l.next(used, y).Logins).To(BeEquivalentTo(2))
	l.unsent(used)
	g.Expect(l.next(used, y).Logins).To(BeEquivalentTo(2), "what was not sent does not count")
	other, elsewhere := *used, *used
	other.Username, elsewhere.identity.UID = "another", "uid-b"
	g.Expect(l.next(&other, z).Logins).To(BeEquivalentTo(1), "nor what another user failed with")

	x := types.NamespacedName{Namespace: "a", Name: "x"}
	g.Expect(l.succeeded(&elsewhere)).To(ConsistOf(x, y), "with whatever Secret")
	l.cleared(x)
	l.cleared(y)
	g.Expect(l.at(t, secret).Failed).To(BeZero())
	g.Expect(l.next(used, y).Logins).To(BeEquivalentTo(1))
	g.Expect(l.succeeded(used)).To(ConsistOf(y))
	l.unsent(used)
	g.Expect(l.next(used, y).Logins).To(BeEquivalentTo(1), "what a success has ended is not taken back too: the API refuses a record of none")
	g.Expect(l.succeeded(&other)).To(ConsistOf(z))
}
