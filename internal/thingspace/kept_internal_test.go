package thingspace

import (
	"strings"
	"testing"
	"time"

	. "github.com/onsi/gomega"
	clocktesting "k8s.io/utils/clock/testing"
)

// What is kept of credentials goes when nobody asks about them: the more it would be missed, the later.
func TestWhatIsKeptOfCredentialsGoesInTheEnd(t *testing.T) {
	for name, test := range map[string]struct {
		known func(*sessionState, time.Time)
		kept  time.Duration
	}{
		"nothing":            {func(*sessionState, time.Time) {}, 0},
		"a refused token":    {func(s *sessionState, now time.Time) { s.refuse(&CredentialsRejectedError{}, now) }, credentialsServe},
		"a token":            {func(s *sessionState, now time.Time) { s.setToken("t", time.Hour, now) }, sessionKept},
		"a session":          {func(s *sessionState, now time.Time) { s.setSession("s", now) }, verdictKept},
		"a refused password": {func(s *sessionState, now time.Time) { s.refuse(&CredentialsRejectedError{Login: true}, now) }, verdictKept},
	} {
		t.Run(name, func(t *testing.T) {
			g, clock := NewWithT(t), clocktesting.NewFakeClock(time.Now())
			c, err := New(Config{BaseURL: "https://thingspace.example.com/api", Clock: clock, Logins: alwaysAllowed{}})
			g.Expect(err).NotTo(HaveOccurred())
			first, second := Credentials{Username: "first"}.Digest(), Credentials{Username: "second"}.Digest()
			test.known(c.sessionOf(first), clock.Now())
			clock.Step(max(test.kept, sweepEvery) - time.Second)
			c.sessionOf(second)
			g.Expect(c.sessions).To(HaveKey(first))
			clock.Step(2 * sweepEvery)
			c.sessionOf(second)
			g.Expect(c.sessions).NotTo(HaveKey(first))
			g.Expect(c.sessions).To(HaveKey(second), "it was asked about")
		})
	}
}

// Answers may come in another order than their calls.
func TestUsedOnlyGoesForward(t *testing.T) {
	g, now := NewWithT(t), time.Now()
	s := &sessionState{}
	s.setSession("past", now)
	past := s.grant
	s.setSession("present", now)
	present := s.grant
	s.used(present, now.Add(-time.Second))
	s.used(past, now.Add(time.Second))
	g.Expect(s.grant.session.until).To(Equal(now.Add(sessionIdle)))
	s.used(present, now.Add(time.Second))
	g.Expect(s.grant.session.until).To(Equal(now.Add(sessionIdle + time.Second)))
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
