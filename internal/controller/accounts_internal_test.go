package controller

import (
	"fmt"
	"strings"
	"testing"
	"time"

	. "github.com/onsi/gomega"
	"k8s.io/apimachinery/pkg/types"
	clocktesting "k8s.io/utils/clock/testing"
)

func named(name string) types.NamespacedName {
	namespace, name, _ := strings.Cut(name, "/")
	return types.NamespacedName{Namespace: namespace, Name: name}
}

func newTestAccounts() (a *accounts, clock *clocktesting.FakeClock, called *[]string) {
	clock, called = clocktesting.NewFakeClock(time.Now()), &[]string{}
	a = newAccounts(clock)
	a.onTurn(func(name types.NamespacedName) { *called = append(*called, name.String()) })
	return a, clock, called
}

// No two accounts share anything: 160 objects of as many accounts are worked on at once.
func TestAccountsDoNotWaitForEachOther(t *testing.T) {
	g := NewWithT(t)
	a, _, _ := newTestAccounts()
	for n := range 10_000 {
		g.Expect(a.begin(fmt.Sprint("account-", n), named("a/1"))).To(BeTrue())
	}
	g.Expect(a.begin("account-7", named("a/2"))).To(BeFalse())
	for n := range 10_000 {
		a.end(fmt.Sprint("account-", n))
	}
	g.Expect(a.busy).To(HaveLen(1), "the one that was called for")
	a.forget("account-7")
	g.Expect(a.busy).To(BeEmpty())
}

// Those who come while an account is busy are called one by one, namespaces taking turns, and nobody comes in between.
func TestWhoWaitsForAnAccountIsCalled(t *testing.T) {
	g := NewWithT(t)
	a, clock, called := newTestAccounts()
	g.Expect(a.begin("x", named("a/1"))).To(BeTrue())
	for _, name := range []string{"a/2", "a/3", "a/2", "b/1"} {
		g.Expect(a.begin("x", named(name))).To(BeFalse())
	}
	for _, next := range []string{"a/2", "b/1", "a/3"} {
		a.end("x")
		g.Expect((*called)[len(*called)-1]).To(Equal(next))
		for _, name := range []string{"a/3", "a/1"} {
			if name != next {
				g.Expect(a.begin("x", named(name))).To(BeFalse(), "%s, before %s", name, next)
			}
		}
		g.Expect(a.begin("x", named(next))).To(BeTrue())
	}
	a.end("x")
	g.Expect(*called).To(Equal([]string{"a/2", "b/1", "a/3", "a/1"}))

	// One that does not come holds nobody up for long.
	clock.Step(accountKeptFor - 1)
	g.Expect(a.begin("x", named("b/1"))).To(BeFalse())
	clock.Step(1)
	g.Expect(a.begin("x", named("b/1"))).To(BeTrue())
	a.forget("x")
	a.end("x")
	g.Expect(a.busy).To(BeEmpty())
}
