package soak_test

import (
	"fmt"
	"math/rand/v2"
	"net/http"
	"strings"
	"testing"
	"time"

	. "github.com/onsi/gomega"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/fota-callback-operator/fota-callback-operator/api/v1alpha1"
	"github.com/fota-callback-operator/fota-callback-operator/internal/simulator"
)

// The first accounts are wanted from beginning to end, only with other URLs; with the others, people do what they like.
const (
	kept   = 6
	others = 8
)

// people edit objects, and a stranger registers something else now and then. They know what they wished last.
type people struct {
	t      *testing.T
	random *rand.Rand
	counts map[string]int
}

func newPeople(t *testing.T, random *rand.Rand) *people {
	t.Helper()
	p := &people{t: t, random: random, counts: map[string]int{}}
	for n := range kept {
		NewWithT(t).Expect(set.Client.Create(t.Context(), p.object(n))).To(Succeed())
	}
	wrong := p.object(kept + others)
	wrong.Name, wrong.Spec.CredentialsSecretRef = "wrong", &v1alpha1.SecretReference{Name: "wrong"}
	NewWithT(t).Expect(set.Client.Create(t.Context(), wrong)).To(Succeed())
	return p
}

func (p *people) String() string { return join(p.counts) }

func (p *people) object(n int) *v1alpha1.FotaCallback {
	return &v1alpha1.FotaCallback{
		ObjectMeta: metav1.ObjectMeta{Namespace: namespace, Name: fmt.Sprintf("fleet-%d", n)},
		Spec:       v1alpha1.FotaCallbackSpec{Account: account(n), URL: fmt.Sprintf("https://fota.example.com/%d/%d", n, p.random.IntN(1000))},
	}
}

func account(n int) string { return fmt.Sprintf("soak-%d", n) }

// keeps says whether an account has been wanted all the time.
func (p *people) keeps(name string) bool {
	for n := range kept {
		if name == account(n) {
			return true
		}
	}
	return false
}

// act does one thing; where the API server is down, it is as if nobody had done anything.
func (p *people) act() {
	n := p.random.IntN(kept + others)
	o := p.object(n)
	url := o.Spec.URL
	ctx := p.t.Context()
	var what string
	var err error
	switch choice := p.random.IntN(10); {
	case choice < 3:
		what, err = "edit", p.edit(o, func() { o.Spec.URL = url })
	case choice < 4:
		what = "stranger"
		err = set.Simulator(ctx, http.MethodPut, "registrations/"+o.Spec.Account, `{"url":"`+strangersURL+`"}`, nil)
	case choice < 5:
		what, err = "suspend or resume", p.edit(o, func() { o.Spec.Suspend = !o.Spec.Suspend })
	case n < kept:
		return
	case choice < 8:
		what, err = "create", set.Client.Create(ctx, o)
	default:
		what, err = "delete", set.Client.Delete(ctx, o)
	}
	if err == nil {
		p.counts[what]++
	}
}

func (p *people) edit(o *v1alpha1.FotaCallback, change func()) error {
	if err := set.Client.Get(p.t.Context(), client.ObjectKeyFromObject(o), o); err != nil {
		return err
	}
	change()
	return set.Client.Update(p.t.Context(), o)
}

// finish is what people do who come to look after an outage: they change the password, because a wrong answer to a login looks like a refusal, which
// is not tried again with the same one; they resume everything, and ask for a check.
func (p *people) finish() {
	g := NewWithT(p.t)
	const password = "changed-after-the-outage"
	g.Expect(set.Simulator(p.t.Context(), http.MethodPut, "users/"+simulator.DefaultUsername, `{"password":"`+password+`"}`, nil)).To(Succeed())
	g.Eventually(func() error {
		var secret corev1.Secret
		if err := set.Client.Get(p.t.Context(), client.ObjectKey{Namespace: namespace, Name: v1alpha1.DefaultSecretName}, &secret); err != nil {
			return err
		}
		secret.Data["password"] = []byte(password)
		return set.Client.Update(p.t.Context(), &secret)
	}).WithTimeout(2 * time.Minute).Should(Succeed())
	for n := range kept + others {
		g.Eventually(func() error {
			o := p.object(n)
			return client.IgnoreNotFound(p.edit(o, func() {
				o.Spec.Suspend = false
				metav1.SetMetaDataAnnotation(&o.ObjectMeta, v1alpha1.RequestedAtAnnotation, "after the outage")
			}))
		}).WithTimeout(2 * time.Minute).Should(Succeed())
	}
}

// unmet are the wishes that are not met: each object that is left is Ready and its URL is registered, nothing of ours is left of the others, and the
// object with wrong credentials says so, whatever else was wrong before.
func (p *people) unmet() []string {
	var all v1alpha1.FotaCallbackList
	if err := set.Client.List(p.t.Context(), &all, client.InNamespace(namespace)); err != nil {
		return []string{err.Error()}
	}
	registrations, err := set.Registrations(p.t.Context())
	if err != nil {
		return []string{err.Error()}
	}
	var unmet []string
	for i := range all.Items {
		o := &all.Items[i]
		switch {
		case o.Name == "wrong":
			if registrations[o.Spec.Account] != "" || ready(o) {
				unmet = append(unmet, "an object with wrong credentials has done something")
			}
			if !strings.Contains(message(o), "login") {
				unmet = append(unmet, "an object with a wrong password does not say so yet: "+message(o))
			}
		case !o.DeletionTimestamp.IsZero():
			unmet = append(unmet, o.Name+" is still being deleted")
		case o.Status.LastHandledReconcileAt != o.Annotations[v1alpha1.RequestedAtAnnotation]:
			unmet = append(unmet, o.Name+" has not been checked since that was asked for")
		case !ready(o) || registrations[o.Spec.Account] != o.Spec.URL:
			unmet = append(unmet, fmt.Sprintf("%s: the far side holds %q instead of %s: %v", o.Name, registrations[o.Spec.Account], o.Spec.URL, o.Status.Conditions))
		}
		delete(registrations, o.Spec.Account)
	}
	for left, url := range registrations {
		if strings.HasPrefix(url, "https://fota.example.com/") {
			unmet = append(unmet, fmt.Sprintf("account %s still has %s, and no object", left, url))
		}
	}
	return unmet
}

// objects are all that there are, by name.
func (p *people) objects() map[string]v1alpha1.FotaCallback {
	var all v1alpha1.FotaCallbackList
	NewWithT(p.t).Expect(set.Client.List(p.t.Context(), &all, client.InNamespace(namespace))).To(Succeed())
	byName := map[string]v1alpha1.FotaCallback{}
	for i := range all.Items {
		all.Items[i].ManagedFields = nil
		byName[all.Items[i].Name] = all.Items[i]
	}
	return byName
}

// wanting is how many objects are checked in each round.
func (p *people) wanting() int { return len(p.objects()) - 1 }
