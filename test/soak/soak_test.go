// Package soak runs two replicas of the real operator against a real API server and the simulator, lets everything fail at random for as long as is
// asked, and then expects that all is as wished.
package soak_test

import (
	"flag"
	"fmt"
	"math/rand/v2"
	"net/http"
	"os"
	"strings"
	"testing"
	"time"

	. "github.com/onsi/gomega"
	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/fota-callback-operator/fota-callback-operator/api/v1alpha1"
	"github.com/fota-callback-operator/fota-callback-operator/internal/simulator"
	"github.com/fota-callback-operator/fota-callback-operator/test/stage"
)

var (
	length = flag.Duration("for", 0, "how long things fail; 0 skips the test")
	seed   = flag.Uint64("seed", 0, "of what fails when; 0 for another one each time")

	set *stage.Stage
)

func TestMain(m *testing.M) {
	flag.Parse()
	if *length == 0 {
		fmt.Println("skipped: make soak runs it")
		return
	}
	os.Exit(stage.Run("../..", []string{"--latency=20ms"}, func(s *stage.Stage) (int, error) {
		set = s
		return m.Run(), nil
	}))
}

func TestSoak(t *testing.T) {
	g := NewWithT(t)
	if *seed == 0 {
		*seed = uint64(time.Now().UnixNano())
	}
	t.Logf("seed %d", *seed)
	prepare(t)
	t.Cleanup(func() {
		if t.Failed() {
			text, _ := os.ReadFile(set.OperatorLog())
			t.Logf("the operators' log ends:\n%s", text[max(0, len(text)-8000):])
		}
	})

	accidents := newAccidents(t, rand.New(rand.NewPCG(*seed, 1)))
	people := newPeople(t, rand.New(rand.NewPCG(*seed, 2)))
	for end := time.Now().Add(*length); time.Now().Before(end); {
		people.act()
		accidents.happen()
	}
	accidents.heal()
	people.finish()
	t.Logf("%s; %s", accidents, people)

	// Once faults have ended, everything comes to be as wished by itself: backoff, a withheld login and slots take a few minutes at most.
	g.Eventually(people.unmet).WithTimeout(8 * time.Minute).WithPolling(time.Second).Should(BeEmpty())
	judge(t, people)
	stays(t, people)
}

// judge looks at what must never have happened.
func judge(t *testing.T, people *people) {
	t.Helper()
	g := NewWithT(t)
	registrations, err := set.Registrations(t.Context())
	g.Expect(err).NotTo(HaveOccurred())
	g.Expect(registrations).To(HaveKeyWithValue("somebody-elses", strangersURL), "a foreign registration has been touched")
	var requests []simulator.Request
	g.Expect(set.Simulator(t.Context(), http.MethodGet, "requests", "", &requests)).To(Succeed())
	for _, request := range requests {
		if request.Operation == "deregister" && people.keeps(request.Account) {
			t.Errorf("account %s was deregistered, although an object has wanted it all the time", request.Account)
		}
	}
	var users map[string]simulator.User
	g.Expect(set.Simulator(t.Context(), http.MethodGet, "users", "", &users)).To(Succeed())
	for name, user := range users {
		g.Expect(user.Locked).To(BeFalse(), "user %s is locked out", name)
		g.Expect(user.FailedLogins).To(BeNumerically("<=", 3), "failed logins of %s", name)
	}
}

// stays expects that a round of checks brings no write and no change.
func stays(t *testing.T, people *people) {
	t.Helper()
	g := NewWithT(t)
	before, writes, counts := people.objects(), patches(t), calls(t)
	g.Eventually(func() int { return calls(t)["list"] - counts["list"] }).
		WithTimeout(5*time.Minute).WithPolling(time.Second).Should(BeNumerically(">=", people.wanting()), "a round of routine checks")
	for name, after := range people.objects() {
		g.Expect(after).To(Equal(before[name]), "%s has been written to at rest", name)
	}
	g.Expect(patches(t)).To(Equal(writes), "writes at rest")
	now := calls(t)
	for _, operation := range []string{"register", "update", "deregister"} {
		g.Expect(now[operation]).To(Equal(counts[operation]), "%s at rest", operation)
	}
}

func patches(t *testing.T) int {
	t.Helper()
	writes, err := set.Writes(t.Context(), "PATCH")
	NewWithT(t).Expect(err).NotTo(HaveOccurred())
	return writes
}

// calls are how many the simulator has answered, by operation.
func calls(t *testing.T) map[string]int {
	t.Helper()
	var counts map[string]int
	NewWithT(t).Expect(set.Simulator(t.Context(), http.MethodGet, "counts", "", &counts)).To(Succeed())
	return counts
}

const (
	namespace    = "soak"
	strangersURL = "https://elsewhere.example.net/hook"
)

// prepare makes the namespace, right credentials and wrong ones, and a registration that is nobody's business.
func prepare(t *testing.T) {
	t.Helper()
	g := NewWithT(t)
	g.Expect(set.Client.Create(t.Context(), &corev1.Namespace{ObjectMeta: metav1.ObjectMeta{Name: namespace}})).To(Succeed())
	for name, user := range map[string]string{v1alpha1.DefaultSecretName: simulator.DefaultUsername, "wrong": "other-user"} {
		password := simulator.DefaultPassword
		if name == "wrong" {
			password = "not-the-password"
			g.Expect(set.Simulator(t.Context(), http.MethodPut, "users/other-user", `{"password":"the-password"}`, nil)).To(Succeed())
		}
		g.Expect(set.Client.Create(t.Context(), &corev1.Secret{
			ObjectMeta: metav1.ObjectMeta{Namespace: namespace, Name: name},
			StringData: map[string]string{
				"client-id": simulator.DefaultClientID, "client-secret": simulator.DefaultClientSecret, "username": user, "password": password,
			},
		})).To(Succeed())
	}
	g.Expect(set.Simulator(t.Context(), http.MethodPut, "registrations/somebody-elses", `{"url":"`+strangersURL+`"}`, nil)).To(Succeed())
}

func ready(o *v1alpha1.FotaCallback) bool {
	return meta.IsStatusConditionTrue(o.Status.Conditions, v1alpha1.ConditionReady) && o.Status.ObservedGeneration == o.Generation
}

// message is what an object says about itself.
func message(o *v1alpha1.FotaCallback) string {
	if ready := meta.FindStatusCondition(o.Status.Conditions, v1alpha1.ConditionReady); ready != nil {
		return ready.Message
	}
	return ""
}

func join(counts map[string]int) string {
	var parts []string
	for what, count := range counts {
		parts = append(parts, fmt.Sprintf("%d × %s", count, what))
	}
	return strings.Join(parts, ", ")
}
