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
