package controller

import (
	"testing"
	"time"

	. "github.com/onsi/gomega"

	"github.com/fota-callback-operator/fota-callback-operator/api/v1alpha1"
)

func versionOf(version string) *v1alpha1.FotaCallback {
	o := objectIn("a", "x")
	o.UID, o.ResourceVersion = "uid-x", version
	return o
}

// Another pass sees the cache catch up while the object's own still has what it read before.
func TestOwnWritesAreKnownUntilTheOwnPassHasSeenThem(t *testing.T) {
	g, s := NewWithT(t), newStateStore()
	s.of(versionOf("10"), time.Now())
	s.wrote(versionOf("11"))
	g.Expect(s.newest(versionOf("10")).ResourceVersion).To(Equal("11"))
	g.Expect(s.newest(versionOf("11")).ResourceVersion).To(Equal("11"))
	g.Expect(s.newest(versionOf("12")).ResourceVersion).To(Equal("12"))
	g.Expect(s.current(versionOf("10")).ResourceVersion).To(Equal("11"))
	g.Expect(s.current(versionOf("12")).ResourceVersion).To(Equal("12"))
	g.Expect(s.of(versionOf("12"), time.Now()).written).To(BeNil(), "it is let go")

	anew := versionOf("9")
	anew.UID = "uid-anew"
	s.wrote(versionOf("13"))
	g.Expect(s.current(anew).ResourceVersion).To(Equal("9"), "what bore the name before is nothing to it")
}

// Of two passes that wrote, one to clear the other's record, the later write is kept whoever says so last.
func TestTheNewestOwnWriteIsKept(t *testing.T) {
	g, s := NewWithT(t), newStateStore()
	s.of(versionOf("10"), time.Now())
	s.wrote(versionOf("12"))
	s.wrote(versionOf("11"))
	g.Expect(s.newest(versionOf("10")).ResourceVersion).To(Equal("12"))
	s.wrote(versionOf("13"))
	g.Expect(s.newest(versionOf("10")).ResourceVersion).To(Equal("13"))
}

// A state is the object's, and not that of what bears its name later.
func TestAStateIsOfOneObject(t *testing.T) {
	g, s, now := NewWithT(t), newStateStore(), time.Unix(10_000, 0)
	x, anew := versionOf("10"), versionOf("20")
	x.Spec.Account, anew.Spec.Account, anew.UID = "acc-1", "acc-2", "uid-anew"
	listed := func(state *objectState) { state.memory.LastListed = now }
	s.change(nameOf(x), x.UID, listed)
	g.Expect(s.lastListed(x)).To(BeZero(), "it has no state yet")
	g.Expect(s.of(x, now).memory.FirstSeen).To(Equal(now))
	s.change(nameOf(x), anew.UID, listed)
	g.Expect(s.lastListed(x)).To(BeZero(), "what came of another object is nothing to it")
	s.change(nameOf(x), x.UID, listed)
	g.Expect(s.lastListed(x)).To(Equal(now))
	g.Expect(s.of(x, now.Add(1)).memory.FirstSeen).To(Equal(now), "it is met once")

	g.Expect(s.lastListed(anew)).To(BeZero())
	g.Expect(s.of(anew, now.Add(1)).memory.LastListed).To(BeZero())
	g.Expect(s.forget(nameOf(anew))).To(Equal("acc-2"))
	g.Expect(s.forget(nameOf(anew))).To(BeEmpty())
}

// Whoever waits for ThingSpace is due when that is back, and nobody else.
func TestWhoWaitsForThingSpace(t *testing.T) {
	g, s, now := NewWithT(t), newStateStore(), time.Unix(10_000, 0)
	waits, rests := objectIn("a", "waits"), objectIn("a", "rests")
	for _, o := range []*v1alpha1.FotaCallback{waits, rests} {
		s.of(o, now)
		s.change(nameOf(o), o.UID, func(state *objectState) {
			state.memory.AwaitsAPI, state.memory.LastCheck, state.memory.RetryAt = o == waits, now, now.Add(time.Hour)
		})
	}
	g.Expect(s.awaitingAPI()).To(ConsistOf(nameOf(waits)))
	g.Expect(s.of(waits, now).memory.RetryAt).To(Equal(now))
	g.Expect(s.of(rests, now).memory.RetryAt).To(Equal(now.Add(time.Hour)))
}
