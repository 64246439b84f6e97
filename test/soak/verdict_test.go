package soak_test

import (
	"encoding/base64"
	"encoding/json"
	"fmt"
	"net/http"
	"os"
	"reflect"
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

// stays expects that a routine check of every account brings no write and no change. A new leader signs in, which it puts on record first: where one of the
// operators has ended meanwhile, rest begins anew.
func stays(t *testing.T, accidents *accidents, people *people) {
	t.Helper()
	var problem string
	for range 3 {
		ended := accidents.counts["operator ended"]
		problem = unrest(t, accidents, people)
		accidents.revive()
		if problem == "" || accidents.counts["operator ended"] == ended {
			break
		}
		everyAccountIsListed(t, accidents, people)
	}
	if problem != "" {
		wrongf(t, "at rest %s", problem)
	}
}

// unrest is what has changed while every account was checked.
func unrest(t *testing.T, accidents *accidents, people *people) string {
	t.Helper()
	before, writes, counts := people.objects(), patches(t), calls(t)
	everyAccountIsListed(t, accidents, people)
	after, now := people.objects(), calls(t)
	for name, o := range after {
		if !reflect.DeepEqual(o, before[name]) {
			return name + " has been written to"
		}
	}
	if len(after) != len(before) {
		return fmt.Sprintf("there are %d objects, and there were %d", len(after), len(before))
	}
	if more := patches(t) - writes; more != 0 {
		return fmt.Sprintf("%d writes were made", more)
	}
	for _, operation := range []string{"register", "update", "deregister"} {
		if now[operation] != counts[operation] {
			return operation + " was called"
		}
	}
	return ""
}

// everyAccountIsListed waits for a check of each account, but for the one with wrong credentials.
func everyAccountIsListed(t *testing.T, accidents *accidents, people *people) {
	t.Helper()
	began, accounts := time.Now(), len(people.objects())-1
	expect(t).Eventually(func() int {
		accidents.revive()
		checked := map[string]bool{}
		for _, request := range requests(t, "list") {
			if request.Time.After(began) {
				checked[request.Account] = true
			}
		}
		return len(checked)
	}).WithTimeout(5*time.Minute).WithPolling(time.Second).Should(BeNumerically(">=", accounts), "accounts that were checked")
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
