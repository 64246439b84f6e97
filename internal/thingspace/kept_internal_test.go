package thingspace

import (
	"strings"
	"testing"
	"time"

	. "github.com/onsi/gomega"
	clocktesting "k8s.io/utils/clock/testing"
)

// called is a caller with credentials that nobody else has.
func called(name string) Caller {
	return Caller{Account: "0000123456-00001", Credentials: Credentials{ClientID: "app", ClientSecret: "key", Username: Sensitive(name), Password: "secret"}}
}

func TestRecordsOfLoginsGoInTheEnd(t *testing.T) {
	g, clock := NewWithT(t), clocktesting.NewFakeClock(time.Now())
	l := newLogins(clock)
	begin := func(name string) {
		attempt, err := l.begin(called(name), called(name).Credentials.Digest())
		g.Expect(err).NotTo(HaveOccurred())
		attempt.ended()
	}
	begin("first")
	clock.Step(loginsServe)
	begin("second")
	g.Expect(l.users).To(HaveLen(2))
	g.Expect(l.contents).To(HaveLen(2))
	clock.Step(time.Hour)
	begin("second")
	g.Expect(l.users).To(HaveLen(1))
	g.Expect(l.contents).To(HaveLen(1))
}

func TestSessionsGoInTheEnd(t *testing.T) {
	g, clock := NewWithT(t), clocktesting.NewFakeClock(time.Now())
	c, err := New(Config{BaseURL: "https://thingspace.example.com/api", Clock: clock})
	g.Expect(err).NotTo(HaveOccurred())
	digests := []Digest{called("first").Credentials.Digest(), called("second").Credentials.Digest(), called("third").Credentials.Digest()}
	c.sessionOf(digests[0])
	clock.Step(sessionKept)
	c.sessionOf(digests[1])
	g.Expect(c.sessions).To(HaveLen(2))
	clock.Step(time.Second)
	c.sessionOf(digests[2])
	g.Expect(c.sessions).To(HaveLen(2))
	g.Expect(c.sessions).NotTo(HaveKey(digests[0]))
}

// Answers may come in another order than their calls.
func TestUsedOnlyGoesForward(t *testing.T) {
	g, now := NewWithT(t), time.Now()
	s := &sessionState{}
	s.setSession("present", now)
	s.used(grant{session: "present"}, now.Add(-time.Second))
	s.used(grant{session: "past"}, now.Add(time.Second))
	g.Expect(s.sessionUsed).To(Equal(now))
	s.used(grant{session: "present"}, now.Add(time.Second))
	g.Expect(s.sessionUsed).To(Equal(now.Add(time.Second)))
}

func TestWhatCanStandInAHeader(t *testing.T) {
	g := NewWithT(t)
	for _, token := range []string{"a", "!", "~", strings.Repeat("a", 16<<10)} {
		g.Expect(sendable(token)).To(BeTrue(), "%.20q", token)
	}
	for _, token := range []string{"", " ", "a b", "\x7f", "a\r\nb", "ü", strings.Repeat("a", 16<<10+1)} {
		g.Expect(sendable(token)).To(BeFalse(), "%.20q", token)
	}
}
