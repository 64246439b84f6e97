package recipes_test

import (
	"fmt"
	"net/http"
	"strings"
	"testing"
	"time"

	. "github.com/onsi/gomega"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"

	"github.com/fota-callback-operator/fota-callback-operator/api/v1alpha1"
	"github.com/fota-callback-operator/fota-callback-operator/test/document"
)

// In the order of the page a rotation costs no refused login, and no gap. Where the Secret comes too late it costs one, and the right one is found. Two
// namespaces go through it at once, each with a user of its own: a user's logins are a minute apart.
func TestRotatePassword(t *testing.T) {
	g := NewWithT(t)
	page, err := document.Shell(root+"docs/recipes/rotate-password.md", "Changing the password")
	g.Expect(err).NotTo(HaveOccurred())
	g.Expect(page).To(HaveLen(4), "type, write, check, remove")
	said, err := document.Shell(root+"docs/recipes/rotate-password.md", "When it says CredentialsRejected")
	g.Expect(err).NotTo(HaveOccurred())
	step := func(text, user string) string {
		return typed(t, strings.ReplaceAll(text, "-n iot", "-n "+user), user+"-secret\n")
	}
	// rotate is what the page says about the Secret, for a namespace that is named after its user.
	rotate := func(user string) {
		step(page[0], user)
		step(page[1], user)
		step(page[3], user)
	}
	object := func(user string) *unstructured.Unstructured {
		o := sample(t, "config/samples/fotacallback.yaml", user)
		o.Object["spec"] = map[string]any{"account": user + "-1", "url": "https://fota.example.com/" + user}
		return o
	}
	for _, user := range []string{"in-time", "too-late"} {
		namespace(t, user)
		password(t, user, "old")
		g.Expect(patch(t, secretOf(user), `{"stringData": {"username": "`+user+`", "password": "old"}}`)).To(Succeed())
	}
	inTime, tooLate := object("in-time"), object("too-late")
	start(t, "--watch-namespaces=in-time,too-late")
	g.Expect(apply(t, inTime)).To(Succeed())
	become(t, inTime, v1alpha1.ReasonRegistered)

	password(t, "too-late", "too-late-secret") // and the Secret has the old one still
	g.Expect(apply(t, tooLate)).To(Succeed())
	become(t, tooLate, v1alpha1.ReasonCredentialsRejected)
	g.Expect(step(said[0], "too-late")).To(HavePrefix(tooLate.GetName() + ": "))
	g.Expect(patch(t, tooLate, `{"metadata": {"annotations": {"fotacallback.dev/requested-at": "impatient"}}}`)).To(Succeed())

	password(t, "in-time", "in-time-secret")
	rotate("in-time")
	g.Expect(set.Simulator(t.Context(), http.MethodDelete, "sessions", "", nil)).To(Succeed(), "so that the operator has to sign in")
	step(page[2], "in-time")
	g.Expect(logins(t, "too-late")).To(Equal([]int{400}), "a refused login is not repeated, whoever asks for it")
	rotate("too-late")

	for user, want := range map[string][]int{"in-time": {200, 200}, "too-late": {400, 200}} {
		g.Eventually(func() []int { return logins(t, user) }).WithTimeout(3*time.Minute).WithPolling(200*time.Millisecond).Should(HaveLen(2), user)
		g.Expect(logins(t, user)).To(Equal(want), user)
	}
	for _, o := range []*unstructured.Unstructured{inTime, tooLate} {
		become(t, o, v1alpha1.ReasonRegistered)
		g.Expect(registered(t, o)).To(Equal(wish(o)))
		remove(t, o)
	}
}

// password gives a user a password at ThingSpace.
func password(t *testing.T, user, text string) {
	t.Helper()
	NewWithT(t).Expect(set.Simulator(t.Context(), http.MethodPut, "users/"+user, fmt.Sprintf("{%q: %q}", "password", text), nil)).To(Succeed())
}

func secretOf(namespace string) *unstructured.Unstructured {
	secret := &unstructured.Unstructured{}
	secret.SetAPIVersion("v1")
	secret.SetKind("Secret")
	secret.SetNamespace(namespace)
	secret.SetName(v1alpha1.DefaultSecretName)
	return secret
}

// logins are what a user's were answered.
func logins(t *testing.T, user string) []int {
	t.Helper()
	var record []struct {
		User   string `json:"user"`
		Status int    `json:"status"`
	}
	NewWithT(t).Expect(set.Simulator(t.Context(), http.MethodGet, "requests?operation=login", "", &record)).To(Succeed())
	var all []int
	for _, request := range record {
		if request.User == user {
			all = append(all, request.Status)
		}
	}
	return all
}
