package recipes_test

import (
	"fmt"
	"net/http"
	"os"
	"path/filepath"
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
	g.Expect(page).To(HaveLen(2))
	step := func(n int, user string) { // the page's, for a namespace that is named after its user
		words := strings.NewReplacer("-n iot", "-n "+user, "=KEY", "=demo-key", "=SECRET", "=demo-secret", "=USER", "="+user)
		shell(t, words.Replace(page[n]))
	}
	object := func(user string) *unstructured.Unstructured {
		o := sample(t, "config/samples/fotacallback.yaml", user)
		o.Object["spec"] = map[string]any{"account": user + "-1", "url": "https://fota.example.com/" + user}
		return o
	}
	for _, user := range []string{"in-time", "too-late"} {
		namespace(t, user)
		password(t, user, "old")
		step(0, user)
	}
	inTime, tooLate := object("in-time"), object("too-late")
	start(t, "--watch-namespaces=in-time,too-late")
	g.Expect(apply(t, inTime)).To(Succeed())
	become(t, inTime, v1alpha1.ReasonRegistered)

	password(t, "too-late", "new") // and the Secret has the old one still
	g.Expect(apply(t, tooLate)).To(Succeed())
	become(t, tooLate, v1alpha1.ReasonCredentialsRejected)
	g.Expect(patch(t, tooLate, `{"metadata": {"annotations": {"fotacallback.dev/requested-at": "impatient"}}}`)).To(Succeed())

	password(t, "in-time", "new")
	step(0, "in-time")
	g.Expect(set.Simulator(t.Context(), http.MethodDelete, "sessions", "", nil)).To(Succeed(), "so that the operator has to sign in")
	step(1, "in-time")
	g.Expect(logins(t, "too-late")).To(Equal([]int{400}), "a refused login is not repeated, whoever asks for it")
	step(0, "too-late")

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

// password gives a user a password at ThingSpace, and writes it where the page has it read from.
func password(t *testing.T, user, text string) {
	t.Helper()
	g := NewWithT(t)
	g.Expect(set.Simulator(t.Context(), http.MethodPut, "users/"+user, fmt.Sprintf("{%q: %q}", "password", text), nil)).To(Succeed())
	g.Expect(os.WriteFile(filepath.Join(set.Dir, "password"), []byte(text), 0o600)).To(Succeed())
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
