package controller

import (
	"context"
	"errors"
	"testing"
	"time"

	. "github.com/onsi/gomega"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/apimachinery/pkg/runtime/schema"
	clocktesting "k8s.io/utils/clock/testing"
	"sigs.k8s.io/controller-runtime/pkg/client"

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
