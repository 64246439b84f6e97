package soak_test

import (
	"encoding/base64"
	"encoding/json"
	"net/http"
	"os"
	"strings"
	"testing"
	"time"

	. "github.com/onsi/gomega"
	eventsv1 "k8s.io/api/events/v1"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/fota-callback-operator/fota-callback-operator/internal/simulator"
	"github.com/fota-callback-operator/fota-callback-operator/test/canary"
)

// judge looks at what must never have happened.
func judge(t *testing.T, people *people) {
	t.Helper()
	registrations, err := set.Registrations(t.Context())
	expect(t).Expect(err).NotTo(HaveOccurred())
	expect(t).Expect(registrations).To(HaveKeyWithValue("somebody-elses", strangersURL), "a foreign registration has been touched")
	for _, request := range requests(t, "deregister") {
		if people.keeps(request.Account) {
			wrongf(t, "account %s was deregistered, although an object has wanted it all the time", request.Account)
		}
	}
	var all map[string]simulator.User
	expect(t).Expect(set.Simulator(t.Context(), http.MethodGet, "users", "", &all)).To(Succeed())
	for name, user := range all {
		if user.Locked || user.FailedLogins > 3 {
			wrongf(t, "user %s: %d logins have failed, locked out: %t", name, user.FailedLogins, user.Locked)
		}
	}
}

// stays expects that a routine check of every account brings no write and no change.
func stays(t *testing.T, accidents *accidents, people *people) {
	t.Helper()
	g := expect(t)
	before, writes, counts, began := people.objects(), patches(t), calls(t), time.Now()
	g.Eventually(func() int {
		accidents.revive()
		checked := map[string]bool{}
		for _, request := range requests(t, "list") {
			if request.Time.After(began) {
				checked[request.Account] = true
			}
		}
		return len(checked)
	}).WithTimeout(5*time.Minute).WithPolling(time.Second).Should(BeNumerically(">=", len(before)-1), "accounts that were checked, all but the one with wrong credentials")
	after := people.objects()
	g.Expect(after).To(HaveLen(len(before)))
	for name, o := range after {
		g.Expect(o).To(Equal(before[name]), "%s has been written to at rest", name)
	}
	g.Expect(patches(t)).To(Equal(writes), "writes at rest")
	now := calls(t)
	for _, operation := range []string{"register", "update", "deregister"} {
		g.Expect(now[operation]).To(Equal(counts[operation]), "%s at rest", operation)
	}
}

// showsNothingSecret looks through what anybody may read: logs, events and conditions. Of a URL they may show no path.
func showsNothingSecret(t *testing.T, people *people) {
	t.Helper()
	g := expect(t)
	log, err := os.ReadFile(set.OperatorLog())
	g.Expect(err).NotTo(HaveOccurred())
	var events eventsv1.EventList
	g.Expect(set.Client.List(t.Context(), &events, client.InNamespace(namespace))).To(Succeed())
	shown, err := json.Marshal(events.Items)
	g.Expect(err).NotTo(HaveOccurred())
	said := []string{string(log), string(shown)}
	for _, o := range people.objects() {
		said = append(said, message(&o))
	}
	text := strings.Join(said, "\n")
	g.Expect(text).To(ContainSubstring("https://fota.example.com"), "it has to have said something")
	secrets := []string{
		simulator.DefaultClientSecret, base64.StdEncoding.EncodeToString([]byte(simulator.DefaultClientID + ":" + simulator.DefaultClientSecret)),
		wrongPassword, "canary-path", "canary-hook",
	}
	for n := range users {
		secrets = append(secrets, password(n), changedPassword(n))
	}
	g.Expect(canary.Find(text, secrets...)).To(BeEmpty(), "secrets in logs, events or messages")
}

func patches(t *testing.T) int {
	t.Helper()
	writes, err := set.Writes(t.Context(), "PATCH")
	expect(t).Expect(err).NotTo(HaveOccurred())
	return writes
}

// calls are how many the simulator has answered, by operation.
func calls(t *testing.T) map[string]int {
	t.Helper()
	var counts map[string]int
	expect(t).Expect(set.Simulator(t.Context(), http.MethodGet, "counts", "", &counts)).To(Succeed())
	return counts
}

// requests are all of one operation.
func requests(t *testing.T, operation string) []simulator.Request {
	t.Helper()
	var all []simulator.Request
	expect(t).Expect(set.Simulator(t.Context(), http.MethodGet, "requests?operation="+operation, "", &all)).To(Succeed())
	return all
}
