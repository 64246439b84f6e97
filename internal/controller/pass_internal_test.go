package controller

import (
	"context"
	"errors"
	"testing"

	. "github.com/onsi/gomega"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/apimachinery/pkg/runtime/schema"

	"github.com/fota-callback-operator/fota-callback-operator/internal/rules"
)

// What says only that somebody else was first is nothing to report: the pass starts over.
func TestWhatEndsAPassQuietly(t *testing.T) {
	resource, cause := schema.GroupResource{Resource: "fotacallbacks"}, errors.New("x")
	for _, err := range []error{
		apierrors.NewConflict(resource, "x", cause), apierrors.NewNotFound(resource, "x"), errStaleView, errStaleCache, errProofTooOld, errCredentialsChanged,
	} {
		NewWithT(t).Expect((&pass{}).endsQuietly(t.Context(), err)).To(BeTrue(), err.Error())
	}
	for _, err := range []error{apierrors.NewInternalError(cause), &rules.KubernetesError{Err: cause}, &rules.CredentialsError{}} {
		NewWithT(t).Expect((&pass{}).endsQuietly(t.Context(), err)).To(BeFalse(), err.Error())
	}
	ended, cancel := context.WithCancel(t.Context())
	cancel()
	NewWithT(t).Expect((&pass{}).endsQuietly(ended, cause)).To(BeTrue(), "the process is stopping")
}
