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
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/fota-callback-operator/fota-callback-operator/api/v1alpha1"
	"github.com/fota-callback-operator/fota-callback-operator/test/stage"
)

// The first accounts are wanted from beginning to end, only with other URLs; with the others, people do what they like. They share a few users.
const (
	kept   = 6
	others = 8
	users  = 4
)

// people edit objects, and a stranger registers something else now and then. They know what they wished last.
type people struct {
	t      *testing.T
	random *rand.Rand
	counts map[string]int
	// wishes are by name. Where the answer was lost, nobody knows whether there is a new one: then there is none here.
	wishes map[string]wish
}

type wish struct {
	there, suspended bool
	url              string
}

func newPeople(t *testing.T, random *rand.Rand) *people {
	t.Helper()
	p := &people{t: t, random: random, counts: map[string]int{}, wishes: map[string]wish{}}
	for n := range kept {
		expect(t).Expect(p.create(p.object(n))).To(Succeed())
	}
	wrong := p.object(kept + others)
	wrong.Name, wrong.Spec.CredentialsSecretRef.Name = wrongName, wrongName
	expect(t).Expect(p.create(wrong)).To(Succeed())
	return p
}

func (p *people) String() string { return join(p.counts) }

func (p *people) object(n int) *v1alpha1.FotaCallback {
	return &v1alpha1.FotaCallback{
		ObjectMeta: metav1.ObjectMeta{Namespace: namespace, Name: p.name(n)},
		Spec: v1alpha1.FotaCallbackSpec{
			Account: account(n), URL: fmt.Sprintf("%s%d/%d", ourURLs, n, p.random.IntN(1000)),
			CredentialsSecretRef: &v1alpha1.SecretReference{Name: user(n % users)},
		},
	}
}

func (p *people) name(n int) string { return fmt.Sprintf("fleet-%d", n) }

func account(n int) string { return fmt.Sprintf("soak-%d", n) }

// user is also the name of the Secret with its credentials.
func user(n int) string { return fmt.Sprintf("user-%d", n) }

// keeps says whether an account has been wanted all the time.
func (p *people) keeps(name string) bool {
	for n := range kept {
		if strings.EqualFold(name, account(n)) {
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
	var what string
	var err error
	switch choice := p.random.IntN(10); {
	case choice < 3:
		what, err = "edit", p.edit(o, func() { o.Spec.URL = url })
	case choice < 4:
		what = "stranger"
		err = set.Simulator(p.t.Context(), http.MethodPut, "registrations/"+o.Spec.Account, `{"url":"`+strangersURL+`"}`, nil)
	case choice < 5:
		what, err = "suspend or resume", p.edit(o, func() { o.Spec.Suspend = !o.Spec.Suspend })
	case n < kept:
		return
	case choice < 8:
		what, err = "create", p.create(o)
	default:
		what, err = "delete", p.remove(o)
	}
	if err == nil {
		p.counts[what]++
	}
}

func (p *people) create(o *v1alpha1.FotaCallback) error {
	return p.wished(o, true, set.Client.Create(p.t.Context(), o))
}

func (p *people) remove(o *v1alpha1.FotaCallback) error {
	return p.wished(o, false, set.Client.Delete(p.t.Context(), o))
}

func (p *people) edit(o *v1alpha1.FotaCallback, change func()) error {
	if err := set.Client.Get(p.t.Context(), client.ObjectKeyFromObject(o), o); err != nil {
		if apierrors.IsNotFound(err) && p.must(o.Name) {
			wrongf(p.t, "%s has vanished", o.Name)
		}
		return err
	}
	change()
	return p.wished(o, o.DeletionTimestamp.IsZero(), set.Client.Update(p.t.Context(), o))
}

// wished notes what somebody has wished, as far as the API server's answer tells: a client repeats what an API server in trouble refuses, and then an
// error may speak of the second attempt alone.
func (p *people) wished(o *v1alpha1.FotaCallback, there bool, err error) error {
	switch {
	case err == nil:
		p.wishes[o.Name] = wish{there: there, suspended: o.Spec.Suspend, url: o.Spec.URL}
	case !apierrors.IsAlreadyExists(err) || !p.wishes[o.Name].there:
		delete(p.wishes, o.Name)
	}
	return err
}

// must says whether an object has to be there.
func (p *people) must(name string) bool {
	for n := range kept {
		if name == p.name(n) {
			return true
		}
	}
	return name == wrongName || p.wishes[name].there
}

// resume ends all suspensions.
func (p *people) resume() {
	for n := range kept + others {
		expect(p.t).Eventually(func() error {
			o := p.object(n)
			return client.IgnoreNotFound(p.edit(o, func() { o.Spec.Suspend = false }))
		}).WithTimeout(2 * time.Minute).Should(Succeed())
	}
}

// finish is what people do who come to look after an outage, where something waits for them: they change the password of a user whose login was
// refused, because a wrong answer looks like a refusal, which is not tried again with the same one, free all users, and ask for a check of everything.
func (p *people) finish() {
	g := expect(p.t)
	g.Eventually(func() error { return set.ForgetLogins(p.t.Context(), stage.LoginRecordNamespace) }).WithTimeout(2 * time.Minute).Should(Succeed())
	for n := range users {
		if p.awaited(user(n)) {
			password := changedPassword(n)
			p.counts["password changed"]++
			g.Expect(set.Simulator(p.t.Context(), http.MethodPut, "users/"+user(n), `{"password":"`+password+`"}`, nil)).To(Succeed())
			g.Eventually(func() error {
				var secret corev1.Secret
				if err := set.Client.Get(p.t.Context(), client.ObjectKey{Namespace: namespace, Name: user(n)}, &secret); err != nil {
					return err
				}
				secret.Data["password"] = []byte(password)
				return set.Client.Update(p.t.Context(), &secret)
			}).WithTimeout(2 * time.Minute).Should(Succeed())
		}
	}
	for n := range kept + others {
		g.Eventually(func() error {
			o := p.object(n)
			return client.IgnoreNotFound(p.edit(o, func() {
				metav1.SetMetaDataAnnotation(&o.ObjectMeta, v1alpha1.RequestedAtAnnotation, "after the outage")
			}))
		}).WithTimeout(2 * time.Minute).Should(Succeed())
	}
}

// awaited says whether some object of a user waits for a person.
func (p *people) awaited(user string) bool {
	for _, o := range p.objects() {
		if o.Spec.SecretName() == user && awaitsPerson(&o) {
			return true
		}
	}
	return false
}
