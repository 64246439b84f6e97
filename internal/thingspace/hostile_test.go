package thingspace_test

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	. "github.com/onsi/gomega"

	"github.com/fota-callback-operator/fota-callback-operator/internal/simulator"
	"github.com/fota-callback-operator/fota-callback-operator/internal/thingspace"
	"github.com/fota-callback-operator/fota-callback-operator/test/document"
)

// Whatever ThingSpace, its gateway or something between answers to whatever call: nothing is claimed that is not so, nobody is locked out, and no
// answer is read for ever.
func TestNoAnswerMakesACallClaimWhatIsNotSo(t *testing.T) {
	const before = "https://fota.example.com/before"
	answers := hostileAnswers()
	calls := 0
	saysSo := "the answer " + string(simulator.AnswerNotRegistered) // as good as the truth
	for name, fault := range answers {
		for _, operation := range []string{"list", "register", "update", "deregister", "token", "login"} {
			calls++
			t.Run(name+" to "+operation, func(t *testing.T) {
				g := NewWithT(t)
				f := newFar(t, simulator.Options{})
				f.Register(account, before)
				fault.Operation = operation
				f.Inject(fault)

				live, err := f.client.List(t.Context(), caller(good))
				if err == nil && name != saysSo {
					g.Expect(live).To(Equal(before), "List")
				}
				f.clock.Step(11 * time.Minute) // whatever was asked to be waited out
				if _, err := f.client.Update(t.Context(), caller(good), fleetURL, yes); err == nil {
					g.Expect(f.Registered(account)).To(Equal(fleetURL), "Update")
				}
				f.clock.Step(11 * time.Minute)
				if _, err := f.client.Register(t.Context(), caller(good), secondURL, yes); err == nil {
					g.Expect(f.Registered(account)).To(Equal(secondURL), "Register")
				}
				f.clock.Step(11 * time.Minute)
				if err := f.client.Deregister(t.Context(), caller(good), yes); err == nil && name != saysSo {
					g.Expect(f.Registered(account)).To(BeEmpty(), "Deregister")
				}
				g.Expect(f.Locked(simulator.DefaultUsername)).To(BeFalse())
			})
		}
	}
	NewWithT(t).Expect(len(answers)).To(BeNumerically(">=", 60))
	documentedf(t, "%d answers to each of the six calls (%d combinations)", len(answers), calls)
}

// documented expects a sentence with numbers in the document that tells people of them.
func documentedf(t *testing.T, format string, numbers ...any) {
	t.Helper()
	text, err := document.Section("../../docs/reliability.md", "hostile")
	NewWithT(t).Expect(text, err).To(ContainSubstring(format, numbers...))
}

func TestFuzzTargetsAreAsManyAsTheDocumentSays(t *testing.T) {
	g := NewWithT(t)
	files, err := filepath.Glob("../../*/*/*_test.go")
	g.Expect(err).NotTo(HaveOccurred())
	targets := 0
	for _, file := range files {
		text, err := os.ReadFile(file)
		g.Expect(err).NotTo(HaveOccurred())
		targets += strings.Count("\n"+string(text), "\nfunc Fuzz")
	}
	documentedf(t, "%d fuzz targets", targets)
}

// A body that comes a byte at a time ends with the time-out of the call.
func TestDrippingBody(t *testing.T) {
	t.Parallel() // it waits for the time-out of calls
	f := newFar(t, simulator.Options{})
	f.Register(account, fleetURL)
	_, err := f.client.List(t.Context(), caller(good))
	NewWithT(t).Expect(err).NotTo(HaveOccurred())
	f.Inject(simulator.Fault{Operation: "list", Answer: simulator.AnswerRight, Drip: time.Hour}) // on the clock that stands still: never more than one byte
	_, err = f.client.List(t.Context(), caller(good))
	_ = as[*thingspace.UnavailableError](t, err)
}
