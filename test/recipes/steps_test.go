package recipes_test

import (
	"fmt"
	"net/http"
	"os"
	"os/exec"
	"strings"
	"testing"
	"time"

	. "github.com/onsi/gomega"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/apimachinery/pkg/api/meta"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/fota-callback-operator/fota-callback-operator/api/v1alpha1"
)

// become waits until the object's status speaks of it as it is, with this reason.
func become(t *testing.T, o *unstructured.Unstructured, reason string) {
	t.Helper()
	NewWithT(t).Eventually(func() string {
		var live v1alpha1.FotaCallback
		if err := set.Client.Get(t.Context(), client.ObjectKeyFromObject(o), &live); err != nil {
			return err.Error()
		}
		ready := meta.FindStatusCondition(live.Status.Conditions, v1alpha1.ConditionReady)
		if ready == nil || ready.ObservedGeneration != live.Generation {
			return "not handled yet"
		}
		return ready.Reason
	}).WithTimeout(30 * time.Second).WithPolling(50 * time.Millisecond).Should(Equal(reason))
}

// remove deletes an object, and waits until it is gone.
func remove(t *testing.T, o *unstructured.Unstructured) {
	t.Helper()
	NewWithT(t).Expect(set.Client.Delete(t.Context(), o.DeepCopy())).To(Succeed())
	gone(t, o)
}

// gone waits until an object is.
func gone(t *testing.T, o *unstructured.Unstructured) {
	t.Helper()
	NewWithT(t).Eventually(func() bool {
		return apierrors.IsNotFound(set.Client.Get(t.Context(), client.ObjectKeyFromObject(o), o.DeepCopy()))
	}).WithTimeout(30 * time.Second).WithPolling(50 * time.Millisecond).Should(BeTrue())
}

// shell runs commands that a page tells people to run, in the stage's folder, with the stage's kubectl and cluster.
func shell(t *testing.T, commands string) string {
	t.Helper()
	return typed(t, commands, "")
}

// typed runs commands for a person who types something, and returns what they print.
func typed(t *testing.T, commands, input string) string {
	t.Helper()
	run := exec.CommandContext(t.Context(), "bash", "-euo", "pipefail", "-c", commands)
	run.Dir = set.Dir
	run.Env = append(os.Environ(), "KUBECONFIG="+set.Kubeconfig, "PATH="+os.Getenv("KUBEBUILDER_ASSETS")+":"+os.Getenv("PATH"))
	run.Stdin = strings.NewReader(input)
	out, err := run.CombinedOutput()
	if err != nil {
		t.Fatalf("%v: %s\n%s", err, commands, out)
	}
	return string(out)
}

// patch changes an object as a user does with kubectl patch --type=merge.
func patch(t *testing.T, o *unstructured.Unstructured, merge string, options ...client.PatchOption) error {
	t.Helper()
	return set.Client.Patch(t.Context(), o.DeepCopy(), client.RawPatch("application/merge-patch+json", []byte(merge)), options...)
}

func register(t *testing.T, o *unstructured.Unstructured, url string) {
	t.Helper()
	NewWithT(t).Expect(set.Simulator(t.Context(), http.MethodPut, "registrations/"+account(o), fmt.Sprintf("{%q: %q}", "url", url), nil)).To(Succeed())
}

// registered is what the far side holds for the object's account, "" where that is nothing.
func registered(t *testing.T, o *unstructured.Unstructured) string {
	t.Helper()
	all, err := set.Registrations(t.Context())
	NewWithT(t).Expect(err).NotTo(HaveOccurred())
	return all[account(o)]
}

// calls are the far side's for the object's account.
func calls(t *testing.T, o *unstructured.Unstructured) []string {
	t.Helper()
	var record []struct {
		Operation string `json:"operation"`
	}
	NewWithT(t).Expect(set.Simulator(t.Context(), http.MethodGet, "requests?account="+account(o), "", &record)).To(Succeed())
	var all []string
	for _, request := range record {
		all = append(all, request.Operation)
	}
	return all
}
