package main

import (
	"io"
	"testing"
	"time"

	. "github.com/onsi/gomega"
	"k8s.io/utils/ptr"
)

// Where the API server hangs, whoever leads waits for the next renewal, tries it until the deadline, and gives the Lease back, with calls that take half of
// that. It works all the while, and another may lead as soon as its Lease has ended.
func TestALeaderHasEndedBeforeItsLease(t *testing.T) {
	g := NewWithT(t)
	o, err := parseOptions(nil, nothingSet, io.Discard)
	g.Expect(err).NotTo(HaveOccurred())
	settings := managerOptions(o)
	g.Expect(settings.LeaderElection).To(BeTrue())
	// What is not set is as controller-runtime has it.
	lease := ptr.Deref(settings.LeaseDuration, 15*time.Second)
	deadline := ptr.Deref(settings.RenewDeadline, 10*time.Second)
	retry := ptr.Deref(settings.RetryPeriod, 2*time.Second)
	g.Expect(retry + deadline + deadline/2).To(BeNumerically("<", lease))
}
