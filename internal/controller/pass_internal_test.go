package controller

import (
	"context"
	"errors"
	"testing"
	"time"

	. "github.com/onsi/gomega"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime/schema"
	clocktesting "k8s.io/utils/clock/testing"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/fota-callback-operator/fota-callback-operator/api/v1alpha1"
	"github.com/fota-callback-operator/fota-callback-operator/internal/rules"
	"github.com/fota-callback-operator/fota-callback-operator/internal/thingspace"
)

// What says only that somebody else was first is nothing to report: the pass starts over.
func TestWhatEndsAPassQuietly(t *testing.T) {
	resource, cause := schema.GroupResource{Resource: "fotacallbacks"}, errors.New("x")
	for _, err := range []error{
		apierrors.NewConflict(resource, "x", cause), apierrors.NewNotFound(resource, "x"), errStaleView, errStaleCache, thingspace.ErrPreconditionTooOld,
	} {
		NewWithT(t).Expect((&pass{}).endsQuietly(t.Context(), err)).To(BeTrue(), err.Error())
	}
	for _, err := range []error{apierrors.NewInternalError(cause), &rules.KubernetesError{Err: cause}, &rules.KubernetesError{Err: apierrors.NewNotFound(resource, "x")}, &rules.CredentialsError{}} {
		NewWithT(t).Expect((&pass{}).endsQuietly(t.Context(), err)).To(BeFalse(), err.Error())
	}
	ended, cancel := context.WithCancel(t.Context())
	cancel()
	NewWithT(t).Expect((&pass{}).endsQuietly(ended, cause)).To(BeTrue(), "the process is stopping")
}

// slowReader answers reads past the cache after some time.
type slowReader struct {
	client.Reader
	clock *clocktesting.FakePassiveClock
	takes time.Duration
	err   error
}

func (r *slowReader) Get(context.Context, client.ObjectKey, client.Object, ...client.GetOption) error {
	r.clock.SetTime(r.clock.Now().Add(r.takes))
	return r.err
}

// A proof that took too long is none, and why there is none is told as it is.
func TestAProofThatTookTooLong(t *testing.T) {
	gone := apierrors.NewNotFound(schema.GroupResource{Resource: "fotacallbacks"}, "x")
	for _, test := range []struct {
		takes        time.Duration
		err, outcome error
	}{{proofServes, nil, nil}, {proofServes + 1, nil, thingspace.ErrPreconditionTooOld}, {0, gone, gone}, {proofServes + 1, gone, gone}} {
		clock := clocktesting.NewFakePassiveClock(time.Now())
		r := &Reconciler{Config: Config{Clock: clock, Live: &slowReader{clock: clock, takes: test.takes, err: test.err}}}
		p := &pass{Reconciler: r, facts: rules.Facts{Object: objectIn("", "")}}
		err := p.prove(false)(t.Context())
		if test.outcome == nil {
			NewWithT(t).Expect(err).NotTo(HaveOccurred())
			continue
		}
		NewWithT(t).Expect(err).To(BeIdenticalTo(test.outcome))
	}
}

// What has nothing to do with what is wanted or with what is on record, such as a label, is no reason to start over.
func TestWhatAPreconditionHoldsFor(t *testing.T) {
	decided := objectIn("a", "x")
	decided.UID, decided.Status.UID, decided.Generation, decided.ResourceVersion = "x", "x", 3, "7"
	decided.Finalizers = []string{v1alpha1.Finalizer}
	decided.Annotations = map[string]string{v1alpha1.LastSentURLAnnotation: "https://h/", v1alpha1.LastSentByAnnotation: "x"}
	for name, test := range map[string]struct {
		change func(*v1alpha1.FotaCallback)
		holds  bool
	}{
		"nothing":               {func(*v1alpha1.FotaCallback) {}, true},
		"a label":               {func(o *v1alpha1.FotaCallback) { o.Labels = map[string]string{"a": "b"} }, true},
		"a request for a check": {func(o *v1alpha1.FotaCallback) { o.Annotations[v1alpha1.RequestedAtAnnotation] = "now" }, true},
		"another object":        {func(o *v1alpha1.FotaCallback) { o.UID = "y" }, false},
		"another generation":    {func(o *v1alpha1.FotaCallback) { o.Generation++ }, false},
		"a deletion":            {func(o *v1alpha1.FotaCallback) { o.DeletionTimestamp = new(metav1.Now()) }, false},
		"the finalizer gone":    {func(o *v1alpha1.FotaCallback) { o.Finalizers = nil }, false},
		"the intent gone":       {func(o *v1alpha1.FotaCallback) { delete(o.Annotations, v1alpha1.LastSentURLAnnotation) }, false},
		"another record":        {func(o *v1alpha1.FotaCallback) { o.Status.RegisteredURL = "https://h/" }, false},
	} {
		live := decided.DeepCopy()
		live.ResourceVersion = "8"
		test.change(live)
		NewWithT(t).Expect(stillHolds(decided, live)).To(Equal(test.holds), name)
	}
	leaving := decided.DeepCopy()
	leaving.DeletionTimestamp = new(metav1.Now())
	live := leaving.DeepCopy()
	live.ResourceVersion = "8"
	NewWithT(t).Expect(stillHolds(leaving, live)).To(BeTrue(), "an object that is being deleted is deleted on")
}

// A precondition that is too old again and again is told, and not before.
func TestAPreconditionThatIsTooOldAgainAndAgain(t *testing.T) {
	g, o := NewWithT(t), objectIn("a", "x")
	r := NewReconciler(Config{Clock: clocktesting.NewFakePassiveClock(time.Now())})
	for n := range 3 {
		p := &pass{Reconciler: r, facts: rules.Facts{Object: o, Memory: r.states.of(o, time.Now()).memory}}
		err := p.tooOld(thingspace.ErrPreconditionTooOld)
		g.Expect(p.endsQuietly(t.Context(), err)).To(Equal(n < 2), "attempt %d", n)
		if n == 2 {
			g.Expect(err.Error()).To(ContainSubstring("three times in a row"))
		}
	}
}
