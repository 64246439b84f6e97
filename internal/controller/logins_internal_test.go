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

func objectIn(namespace, name string) *v1alpha1.FotaCallback {
	return &v1alpha1.FotaCallback{ObjectMeta: metav1.ObjectMeta{Namespace: namespace, Name: name}}
}

// recorded is an object that an earlier process has left with a record of logins with its namespace's Secret.
func recorded(namespace, name, message, request string, logins int32) *v1alpha1.FotaCallback {
	o := objectIn(namespace, name)
	o.Status.RejectedCredentials = &v1alpha1.RejectedCredentials{SecretUID: "uid-" + namespace, SecretResourceVersion: "7", Logins: logins, Refused: message == loginRefused}
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
	return l.before(t, secret, &v1alpha1.FotaCallback{})
}

// before is what is known when a login with a Secret is about to be made for an object.
func (l *loginLedger) before(t *testing.T, secret *corev1.Secret, o *v1alpha1.FotaCallback) thingspace.EarlierLogins {
	t.Helper()
	used, err := credentialsIn(secret)
	NewWithT(t).Expect(err).NotTo(HaveOccurred())
	earlier, err := l.of(t.Context(), used, o)
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
	l := ledgerOver(t, a, b, other,
		recorded("a", "x", withheld, "first", 1), recorded("a", "y", withheld, "", 2), recorded("b", "x", withheld, "second", 1), recorded("c", "x", withheld, "", 1))
	for _, secret := range []*corev1.Secret{b, a} {
		earlier := l.at(t, secret)
		g.Expect(earlier.Failed).To(Equal(3))
		g.Expect(earlier.Requests).To(ContainElements("first", "second"))
		g.Expect(earlier.Refused).To(BeFalse())
	}
	g.Expect(l.at(t, other).Failed).To(Equal(1))

	b.UID = "uid-anew"
	l = ledgerOver(t, b, recorded("b", "x", withheld, "", 2))
	g.Expect(l.at(t, b).Failed).To(Equal(2), "another Secret by that name is most likely for the same user")
	used, err := credentialsIn(b)
	g.Expect(err).NotTo(HaveOccurred())
	record := l.next(used, recorded("b", "x", withheld, "", 2))
	g.Expect(record).To(Equal(v1alpha1.RejectedCredentials{SecretUID: "uid-anew", SecretResourceVersion: "7", Logins: 3}), "the record that it replaces stays counted")
}

// Who shares a refusal has no login on record, and hides nobody who has.
func TestEarlierLoginsBesideWhoSharesARefusal(t *testing.T) {
	a := secretOf("a", "user")
	l := ledgerOver(t, a, recorded("a", "first", loginRefused, "", 0), recorded("a", "second", loginRefused, "", 2))
	NewWithT(t).Expect(l.at(t, a).Failed).To(Equal(2))
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

// A Secret that nobody can sign in with as it is tells all the same whose it was.
func TestEarlierLoginsWithAnUnusableSecret(t *testing.T) {
	g := NewWithT(t)
	broken := secretOf("a", "user")
	delete(broken.Data, "client-id")
	l := ledgerOver(t, broken, recorded("a", "x", withheld, "asked", 2), recorded("a", "y", withheld, "", 3))
	g.Expect(l.at(t, secretOf("b", "another")).Failed).To(BeZero())
	earlier := l.at(t, secretOf("b", "user"))
	g.Expect(earlier.Failed).To(Equal(3))
	g.Expect(earlier.Requests).To(ContainElement("asked"))
}

// One that is gone, or holds no user name, does not: what is on record may be anybody's of its namespace, until an object that bears it has a Secret that does.
func TestEarlierLoginsWithASecretThatIsGone(t *testing.T) {
	g := NewWithT(t)
	x := recorded("gone", "x", withheld, "asked", 2)
	l := ledgerOver(t, x, secretOf("c", "another"), recorded("c", "x", withheld, "", 1))
	beside := objectIn("gone", "y")
	g.Expect(l.before(t, secretOf("b", "user"), beside).Failed).To(Equal(2))
	g.Expect(l.at(t, secretOf("b", "user")).Failed).To(BeZero(), "other namespaces are not held up")
	anew := secretOf("gone", "another")
	anew.UID = "uid-anew"
	known := l.before(t, anew, x)
	g.Expect(known.Failed).To(Equal(3), "with the one that is known to be its own")
	g.Expect(known.Version).To(Equal(2), "more is known")
	g.Expect(l.before(t, secretOf("b", "user"), beside).Failed).To(BeZero(), "they were the other's")

	nameless := secretOf("a", "user")
	delete(nameless.Data, "username")
	l = ledgerOver(t, nameless, recorded("a", "x", withheld, "", 3))
	g.Expect(l.before(t, secretOf("b", "user"), objectIn("a", "y")).Failed).To(Equal(mostOfUnknown))
	used, err := credentialsIn(secretOf("b", "user"))
	g.Expect(err).NotTo(HaveOccurred())
	g.Expect(l.succeeded(used)).To(BeEmpty())
	g.Expect(l.before(t, secretOf("a", "user"), objectIn("a", "y")).Failed).To(BeZero(), "the user has signed in since")
	xInA := types.NamespacedName{Namespace: "a", Name: "x"}
	g.Expect(l.succeeded(used)).To(ConsistOf(xInA))
	g.Expect(l.succeeded(used)).To(ConsistOf(xInA), "until it is cleared")
	l.cleared(xInA)
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
	works, err := credentialsIn(secretOf("e", "a fourth"))
	g.Expect(err).NotTo(HaveOccurred())
	l.succeeded(works)
	g.Expect(l.at(t, secretOf("e", "a fourth")).Failed).To(BeZero(), "they are over if they were this one's")
	g.Expect(l.at(t, failed).Failed).To(Equal(4))
	g.Expect(reads).To(Equal(1))

	answer = nil
	g.Expect(l.at(t, a).Failed).To(Equal(3), "it can be read")
	g.Expect(l.at(t, b).Failed).To(Equal(3))
	g.Expect(l.at(t, other).Failed).To(BeZero())
	g.Expect(l.at(t, failed).Failed).To(Equal(1))
	used, err := credentialsIn(a)
	g.Expect(err).NotTo(HaveOccurred())
	g.Expect(l.next(used, &v1alpha1.FotaCallback{}).Logins).To(BeEquivalentTo(4))
	g.Expect(l.succeeded(used)).To(HaveLen(2))

	answer = apierrors.NewServiceUnavailable("it says nothing about the Secret")
	_, err = ledgerReading(t, funcs, a, recorded("a", "x", withheld, "", 1)).of(t.Context(), used, &v1alpha1.FotaCallback{})
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

// try counts a login, and puts it on an object's record.
func (l *loginLedger) try(used *usable, o *v1alpha1.FotaCallback) int32 {
	record := l.next(used, o)
	before := o.Status.RejectedCredentials
	o.Status.RejectedCredentials = &record
	l.wrote(o, before, &record, used, true)
	return record.Logins
}

func TestRecordsOfLogins(t *testing.T) {
	g := NewWithT(t)
	secret := secretOf("a", "user")
	l := ledgerOver(t, secret, recorded("a", "x", withheld, "", 1))
	g.Expect(l.at(t, secret).Failed).To(Equal(1))
	used, err := credentialsIn(secret)
	g.Expect(err).NotTo(HaveOccurred())
	y, z := objectIn("a", "y"), objectIn("a", "z")
	g.Expect(l.try(used, y)).To(BeEquivalentTo(2))
	l.unsent(used)
	g.Expect(l.try(used, y)).To(BeEquivalentTo(2), "what was not sent does not count")
	other, elsewhere := *used, *used
	other.Username, elsewhere.identity.UID = "another", "uid-b"
	g.Expect(l.try(&other, z)).To(BeEquivalentTo(1), "nor what another user failed with")

	x := types.NamespacedName{Namespace: "a", Name: "x"}
	g.Expect(l.succeeded(&elsewhere)).To(ConsistOf(x, nameOf(y)), "with whatever Secret")
	l.cleared(x)
	l.wrote(y, y.Status.RejectedCredentials, nil, used, true)
	g.Expect(l.at(t, secret).Failed).To(BeZero())
	g.Expect(l.try(used, y)).To(BeEquivalentTo(1))
	g.Expect(l.succeeded(used)).To(ConsistOf(nameOf(y)))
	l.unsent(used)
	g.Expect(l.try(used, y)).To(BeEquivalentTo(1), "what a success has ended is not taken back too: the API refuses a record of none")
	g.Expect(l.succeeded(&other)).To(ConsistOf(nameOf(z)))
}

// Who shares a refusal has made no login: a fleet with a Secret in each namespace does not count one for each.
func TestARefusalThatIsShared(t *testing.T) {
	g := NewWithT(t)
	a, b := secretOf("a", "user"), secretOf("b", "user")
	shared := recorded("b", "x", loginRefused, "asked", 0)
	l := ledgerOver(t, a, b, recorded("a", "x", loginRefused, "", 1), shared)
	g.Expect(l.at(t, a).Failed).To(Equal(1))
	known := l.before(t, b, shared)
	g.Expect(known.Failed).To(Equal(1))
	g.Expect(known.Requests).NotTo(ContainElement("asked"))
	g.Expect(known.Refused).To(BeTrue())
	used, err := credentialsIn(b)
	g.Expect(err).NotTo(HaveOccurred())
	l.wrote(shared, nil, shared.Status.RejectedCredentials, used, true)
	g.Expect(l.succeeded(used)).To(ConsistOf(types.NamespacedName{Namespace: "a", Name: "x"}), "there is nothing to clear")
}

// What was refused after it had worked is counted when it is, with those before it that had no answer, until a record shows it.
func TestARefusalThatWasNotOnRecord(t *testing.T) {
	g := NewWithT(t)
	secret := secretOf("a", "user")
	l := ledgerOver(t, secret)
	l.at(t, secret)
	used, err := credentialsIn(secret)
	g.Expect(err).NotTo(HaveOccurred())
	x, sharing := objectIn("a", "x"), objectIn("a", "y")
	g.Expect(l.unrecorded(used, x)).To(BeZero())
	g.Expect(l.refused(used, x, 1)).To(BeEquivalentTo(1))
	g.Expect(l.refused(used, x, 2)).To(BeEquivalentTo(3))
	g.Expect(l.unrecorded(used, x)).To(BeEquivalentTo(3), "the write may have failed")
	g.Expect(l.unrecorded(used, sharing)).To(BeEquivalentTo(3))
	x.Status.RejectedCredentials = &v1alpha1.RejectedCredentials{SecretUID: string(secret.UID), Logins: 3}
	l.wrote(x, nil, x.Status.RejectedCredentials, used, true)
	g.Expect(l.unrecorded(used, x)).To(BeZero())
	g.Expect(l.unrecorded(used, sharing)).To(BeZero())
}

// Where a Secret takes another one's place on a record, what that says stays counted; what it does not say does not.
func TestARecordThatTakesAnothersPlace(t *testing.T) {
	g := NewWithT(t)
	secret := secretOf("a", "user")
	l := ledgerOver(t, secret, recorded("a", "x", loginRefused, "", 2))
	x, sharing := recorded("a", "x", loginRefused, "", 2), recorded("a", "y", loginRefused, "", 0)
	secret.UID = "uid-anew"
	used, err := credentialsIn(secret)
	g.Expect(err).NotTo(HaveOccurred())
	g.Expect(l.before(t, secret, x).Failed).To(Equal(2))

	g.Expect(l.unrecorded(used, sharing)).To(BeZero())
	g.Expect(l.next(used, sharing).Logins).To(BeEquivalentTo(1), "the other object still says two")
	l.unsent(used)
	g.Expect(l.unrecorded(used, x)).To(BeEquivalentTo(2))
	before := x.Status.RejectedCredentials
	x.Status.RejectedCredentials = &v1alpha1.RejectedCredentials{SecretUID: "uid-anew", Logins: 2}
	l.wrote(x, before, x.Status.RejectedCredentials, used, true)
	g.Expect(l.next(used, x).Logins).To(BeEquivalentTo(3), "once it is this Secret's")
	used.Username = "another"
	g.Expect(l.next(used, recorded("a", "z", loginRefused, "", 2)).Logins).To(BeEquivalentTo(1), "another user's are not")
}

// An old leader may still be in the middle of a login when this process begins to work.
func TestLoginsOfAnotherProcess(t *testing.T) {
	g := NewWithT(t)
	secret := secretOf("a", "user")
	l := ledgerOver(t, secret)
	g.Expect(l.at(t, secret)).To(Equal(thingspace.EarlierLogins{Version: 1}))
	used, err := credentialsIn(secret)
	g.Expect(err).NotTo(HaveOccurred())

	x := objectIn("a", "x")
	g.Expect(l.try(used, x)).To(BeEquivalentTo(1))
	g.Expect(l.before(t, secret, recorded("a", "x", withheld, "", 1)).Failed).To(BeZero(), "it is this process's own")
	later := ledgerOver(t, secret, recorded("a", "x", withheld, "", 1))
	later.at(t, secret)
	g.Expect(later.before(t, secret, recorded("a", "y", withheld, "", 3)).Failed).To(Equal(3), "with those from before the start")

	g.Expect(l.next(used, x).Logins).To(BeEquivalentTo(2))
	l.unsent(used) // the write came too late
	for range 2 {
		known := l.before(t, secret, recorded("a", "y", withheld, "asked", 2))
		g.Expect(known.Failed).To(Equal(1))
		g.Expect(known.Requests).To(ConsistOf("asked"))
		g.Expect(known.Refused).To(BeFalse())
		g.Expect(known.Version).To(Equal(2))
	}
	g.Expect(l.before(t, secret, recorded("a", "y", loginRefused, "", 2)).Refused).To(BeTrue())
	g.Expect(l.before(t, secretOf("b", "another"), recorded("a", "y", loginRefused, "", 2)).Refused).To(BeFalse(), "it is about another Secret")

	g.Expect(l.next(used, x).Logins).To(BeEquivalentTo(3))
	g.Expect(l.succeeded(used)).To(ConsistOf(nameOf(x), nameOf(objectIn("a", "y"))))
}

// Where the record of an object is gone without this process's doing, the user has signed in with another one.
func TestASuccessOfAnotherProcess(t *testing.T) {
	secret := secretOf("a", "user")
	x := recorded("a", "x", withheld, "", 3)
	x.UID, x.ResourceVersion = "uid-x", "5"
	own, err := credentialsIn(secret)
	NewWithT(t).Expect(err).NotTo(HaveOccurred())
	for name, test := range map[string]struct {
		now    func(o *v1alpha1.FotaCallback)
		failed int
	}{
		"cleared":                        {func(o *v1alpha1.FotaCallback) { o.ResourceVersion = "6" }, 0},
		"not seen yet":                   {func(o *v1alpha1.FotaCallback) { o.ResourceVersion = "4" }, 3},
		"another object":                 {func(o *v1alpha1.FotaCallback) { o.ResourceVersion, o.UID = "6", "uid-anew" }, 3},
		"another's object":               {func(o *v1alpha1.FotaCallback) { o.ResourceVersion, o.Name = "6", "y" }, 3},
		"nobody knows if it was written": {func(o *v1alpha1.FotaCallback) { o.ResourceVersion, o.Name = "6", "own" }, 3},
	} {
		t.Run(name, func(t *testing.T) {
			g, l := NewWithT(t), ledgerOver(t, secret, x.DeepCopy())
			g.Expect(l.at(t, secret).Failed).To(Equal(3))
			lost := objectIn("a", "own")
			lost.ResourceVersion = "5"
			attempt := l.next(own, lost)
			l.wrote(lost, nil, &attempt, own, true)
			now := objectIn("a", "x")
			now.UID = "uid-x"
			test.now(now)
			if now.Name == "own" {
				now.UID = ""
			}
			for range 2 {
				g.Expect(l.before(t, secret, now).Failed).To(Equal(test.failed))
			}
			g.Expect(l.next(own, objectIn("a", "own")).Logins).To(BeEquivalentTo(5), "too high is the safe side")
		})
	}

	g, l := NewWithT(t), ledgerOver(t, secret, x.DeepCopy())
	g.Expect(l.at(t, secret).Failed).To(Equal(3))
	written := objectIn("a", "own")
	l.try(own, written)
	written.ResourceVersion = "7"
	l.wrote(written, written.Status.RejectedCredentials, written.Status.RejectedCredentials, own, true)
	written.Status.RejectedCredentials, written.ResourceVersion = nil, "8"
	g.Expect(l.before(t, secret, written).Failed).To(BeZero(), "this process's own record is gone too")

	l = ledgerOver(t, secret, x.DeepCopy())
	g.Expect(l.at(t, secret).Failed).To(Equal(3))
	x.Status.RejectedCredentials, x.ResourceVersion = nil, "6"
	g.Expect(l.before(t, secretOf("a", "another"), x)).To(Equal(thingspace.EarlierLogins{Version: 1}))
	g.Expect(l.before(t, secret, x).Failed).To(Equal(3), "it was the other user who has signed in")
}
