package controller

import (
	"testing"

	"github.com/go-logr/logr/funcr"
	. "github.com/onsi/gomega"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"sigs.k8s.io/controller-runtime/pkg/log"

	"github.com/fota-callback-operator/fota-callback-operator/api/v1alpha1"
	"github.com/fota-callback-operator/fota-callback-operator/internal/rules"
)

// The log has a line where Ready has another reason, or says something of a newer generation; none for what goes on as before, and none without Ready.
func TestWhatIsLoggedOfAnOutcome(t *testing.T) {
	ready := func(reason string, generation int64, message string) *metav1.Condition {
		return &metav1.Condition{Type: v1alpha1.ConditionReady, Status: metav1.ConditionTrue, Reason: reason, ObservedGeneration: generation, Message: message}
	}
	for name, test := range map[string]struct {
		was, is *metav1.Condition
		lines   int
	}{
		"the first":          {nil, ready("A", 1, "x"), 1},
		"another reason":     {ready("A", 1, "x"), ready("B", 1, "x"), 1},
		"another generation": {ready("A", 1, "x"), ready("A", 2, "x"), 1},
		"another message":    {ready("A", 1, "x"), ready("A", 1, "y"), 0},
		"the same":           {ready("A", 1, "x"), ready("A", 1, "x"), 0},
		"no verdict":         {ready("A", 1, "x"), nil, 0},
	} {
		t.Run(name, func(t *testing.T) {
			var lines []string
			logger := funcr.New(func(_, args string) { lines = append(lines, args) }, funcr.Options{})
			var before v1alpha1.FotaCallbackStatus
			var summary rules.Summary
			if test.was != nil {
				before.Conditions = []metav1.Condition{*test.was}
			}
			if test.is != nil {
				summary.Status.Conditions = []metav1.Condition{*test.is}
			}
			o := objectIn("a", "x")
			o.Spec.Account = "acc-1"
			(&pass{facts: rules.Facts{Object: o}}).logOutcome(log.IntoContext(t.Context(), logger), before, summary)
			g := NewWithT(t)
			g.Expect(lines).To(HaveLen(test.lines))
			for _, line := range lines {
				g.Expect(line).To(SatisfyAll(ContainSubstring(test.is.Message), ContainSubstring("acc-1"), ContainSubstring(test.is.Reason)))
			}
		})
	}
}
