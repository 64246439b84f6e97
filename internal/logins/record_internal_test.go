package logins

import (
	"strconv"
	"testing"
	"time"

	. "github.com/onsi/gomega"
	"pgregory.net/rapid"

	"github.com/fota-callback-operator/fota-callback-operator/internal/thingspace"
)

var (
	noon  = time.Date(2026, 12, 1, 12, 0, 0, 0, time.UTC)
	ours  = Version{Namespace: "iot", UID: "s1", ResourceVersion: "1"}
	older = Version{Namespace: "iot", UID: "s1", ResourceVersion: "0"}
	other = Version{Namespace: "other", UID: "s2", ResourceVersion: "7"}
)

func login() thingspace.Login {
	return thingspace.Login{Username: "user", Secret: thingspace.SecretVersion{Namespace: "iot", Name: "credentials", UID: "s1", ResourceVersion: "1"}}
}

// ago is a record with failed logins, the last of which was made so long before noon.
func ago(failed int, d time.Duration, verified ...Version) Record {
	return Record{Failed: failed, Counted: int64(failed), LastLogin: noon.Add(-d), Attempt: "a", Verified: verified}
}

// outage is a record whose last failed login was unanswered.
func outage(failed int, d time.Duration, verified ...Version) Record {
	record := ago(failed, d, verified...)
	record.Unanswered = []int64{record.Counted}
	return record
}

func TestWhetherALoginMayBeMade(t *testing.T) {
	limited := func(left, interval time.Duration) error {
		return &thingspace.RateLimitedError{RetryAfter: left, LoginInterval: interval}
	}
	withheld := func(failed int, cause thingspace.WithheldCause, left time.Duration) error {
		return &thingspace.LoginWithheldError{Failed: failed, Cause: cause, RetryAfter: left}
	}
	for name, test := range map[string]struct {
		record Record
		left   place
		here   bool // the credentials were verified by this process
		want   error
	}{
		"the first of a user":            {record: Record{}},
		"after a minute":                 {record: ago(1, time.Minute)},
		"within a minute":                {record: ago(1, 59*time.Second), want: limited(time.Second, time.Minute)},
		"at once after another":          {record: ago(0, 0, ours), want: limited(time.Minute, time.Minute)},
		"the third":                      {record: ago(2, time.Minute)},
		"the fourth":                     {record: ago(3, 24*time.Hour), want: withheld(3, thingspace.WithheldFailed, 0)},
		"the fourth, others verified":    {record: ago(3, 24*time.Hour, older), want: withheld(3, thingspace.WithheldFailed, 0)},
		"the fourth, verified":           {record: outage(3, 10*time.Minute, ours)},
		"the fourth, verified here":      {record: outage(3, 10*time.Minute), here: true},
		"the fourth, verified, too soon": {record: outage(3, 4*time.Minute, ours), want: withheld(3, thingspace.WithheldVerified, 6*time.Minute)},
		"the fourth, in an outage":       {record: outage(3, 10*time.Minute, older), want: withheld(3, thingspace.WithheldFailed, 0)},
		"the fourth, verified, and all may have been refused": {record: ago(3, 24*time.Hour, ours), want: withheld(3, thingspace.WithheldFailed, 0)},
		"refused": {
			record: Record{Failed: 1, Refused: []Version{older, {UID: "s1", ResourceVersion: "1", Code: "X"}}},
			want:   &thingspace.CredentialsRejectedError{Login: true, Failed: 1, Code: "X"},
		},
		"another version refused":              {record: Record{Failed: 1, Refused: []Version{older}}},
		"of another namespace":                 {record: ago(0, 10*time.Minute, other)},
		"of another namespace, too soon":       {record: ago(0, 4*time.Minute, other), want: limited(6*time.Minute, 10*time.Minute)},
		"of another namespace, one failed":     {record: ago(1, 24*time.Hour, other), want: withheld(1, thingspace.WithheldForOthers, 0)},
		"of another namespace, verified here":  {record: ago(1, time.Minute, other), here: true},
		"of two namespaces":                    {record: ago(1, time.Minute, other, older)},
		"its own place":                        {record: ago(1, 0), left: place{attempt: "a"}},
		"its own place, the third":             {record: ago(3, 0), left: place{attempt: "a"}},
		"its own place, verified, the third":   {record: ago(3, 0, ours), left: place{attempt: "a"}},
		"its own place, throttled":             {record: ago(1, 0), left: place{attempt: "a", throttled: true}, want: limited(time.Minute, time.Minute)},
		"another's place":                      {record: ago(3, time.Hour), left: place{attempt: "b"}, want: withheld(3, thingspace.WithheldFailed, 0)},
		"no place on a record without attempt": {record: Record{Failed: 3}, left: place{}, want: withheld(3, thingspace.WithheldFailed, 0)},
	} {
		t.Run(name, func(t *testing.T) {
			asked := login()
			asked.Verified = test.here
			got := test.record.check(asked, test.left, noon)
			if test.want == nil {
				NewWithT(t).Expect(got).NotTo(HaveOccurred())
			} else {
				NewWithT(t).Expect(got).To(Equal(test.want))
			}
		})
	}
}

func TestWhatALoginCounts(t *testing.T) {
	g := NewWithT(t)
	first := Record{}.begin(login(), place{}, "a", noon)
	g.Expect(first).To(Equal(Record{Failed: 1, Counted: 1, LastLogin: noon, Attempt: "a", Secret: "iot/credentials", Namespace: "iot"}))
	g.Expect(first.begin(login(), place{attempt: "a"}, "b", noon).Failed).To(Equal(1), "its own place again")
	g.Expect(first.begin(login(), place{attempt: "x"}, "b", noon).Failed).To(Equal(2))
	again := outage(3, time.Hour, ours).begin(login(), place{}, "b", noon)
	g.Expect(again.Failed).To(Equal(3), "the third place again")
	g.Expect(again.Unanswered).To(BeEmpty(), "the new one may be refused")
	g.Expect(again.check(login(), place{}, noon.Add(time.Hour))).NotTo(Succeed(), "after a crash")
	answered := again.unanswered(attempted(again.Counted))
	g.Expect(answered.check(login(), place{}, noon.Add(time.Hour))).To(Succeed())
	g.Expect(answered.unanswered(attempted(again.Counted))).To(Equal(answered), "written twice")
	g.Expect(Record{}.unanswered(attempted(1))).To(Equal(Record{}), "of a record that began anew")
	g.Expect(answered.succeeded(attempted(again.Counted)).Unanswered).To(BeEmpty())
}

// attempted is the number of a login.
func attempted(number int64) thingspace.LoginAttempt {
	return thingspace.LoginAttempt{Login: login(), Number: number}
}

func TestWhatASuccessTakesOff(t *testing.T) {
	for name, test := range map[string]struct {
		failed          int
		counted, number int64
		want            int
	}{
		"its own":                              {1, 1, 1, 0},
		"all before it":                        {3, 9, 9, 0},
		"and not what was counted later":       {3, 9, 7, 2},
		"nor more than there are":              {1, 9, 7, 1},
		"nothing of a record that began anew":  {1, 1, 4, 1},
		"nothing where another had done so":    {0, 9, 8, 0},
		"its own, after another did the first": {1, 9, 9, 0},
	} {
		record := Record{Failed: test.failed, Counted: test.counted, Refused: []Version{ours, other}, Verified: []Version{older}}
		after := record.succeeded(attempted(test.number))
		g := NewWithT(t)
		g.Expect(after.Failed).To(Equal(test.want), name)
		g.Expect(after.Verified).To(Equal([]Version{older, ours}), name)
		g.Expect(after.Refused).To(Equal([]Version{other}), name)
		g.Expect(after.succeeded(attempted(test.number))).To(Equal(after), "%s, written twice", name)
		g.Expect(record.Verified).To(HaveLen(1), "what it came from is as it was")
	}
}

func TestWhatARefusalRecords(t *testing.T) {
	g := NewWithT(t)
	after := Record{Failed: 2, Counted: 2, Verified: []Version{ours, other}}.refused(attempted(2), "X")
	refusedOurs := ours
	refusedOurs.Code = "X"
	g.Expect(after).To(Equal(Record{Failed: 2, Counted: 2, Verified: []Version{other}, Refused: []Version{refusedOurs}}))
	g.Expect(after.refused(attempted(2), "X")).To(Equal(after), "written twice")

	removed := Record{}.refused(attempted(2), "")
	g.Expect(removed.Failed).To(Equal(1), "the login was refused although its record was removed meanwhile")
	g.Expect(removed.refused(attempted(2), "")).To(Equal(removed), "written twice")
}

func TestVersionsAreFew(t *testing.T) {
	g, record := NewWithT(t), Record{}
	for n := range 10 {
		attempt := attempted(1)
		attempt.Secret.ResourceVersion = strconv.Itoa(n)
		record = record.succeeded(attempt).refused(attempted(1), "").succeeded(attempt)
	}
	g.Expect(record.Verified).To(HaveLen(versionsKept))
	g.Expect(record.Verified[versionsKept-1].ResourceVersion).To(Equal("9"), "the newest ones")
	g.Expect(len(record.Refused)).To(BeNumerically("<=", versionsKept))
}

// However logins of several operators overlap, whatever passwords are right, and however outcomes are recorded late or never: no more than three logins in a row are
// refused.
func TestNeverAFourthRefusal(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		type flight struct {
			attempt thingspace.LoginAttempt
			outcome func(Record, thingspace.LoginAttempt) Record
		}
		record, now, refusedInARow := Record{}, noon, 0
		var untold []flight
		for range rapid.IntRange(1, 60).Draw(t, "steps") {
			now = now.Add(time.Duration(rapid.IntRange(0, 15).Draw(t, "minutes")) * time.Minute)
			if len(untold) > 0 && rapid.Bool().Draw(t, "tell") {
				i := rapid.IntRange(0, len(untold)-1).Draw(t, "which")
				record = untold[i].outcome(record, untold[i].attempt)
				untold = append(untold[:i:i], untold[i+1:]...)
				continue
			}
			asked := login()
			asked.Secret.ResourceVersion = strconv.Itoa(rapid.IntRange(1, 5).Draw(t, "version"))
			if record.check(asked, place{}, now) != nil {
				continue
			}
			record = record.begin(asked, place{}, strconv.FormatInt(record.Counted, 10), now)
			made := flight{attempt: thingspace.LoginAttempt{Login: asked, Number: record.Counted}}
			switch rapid.SampledFrom([]string{"succeeds", "refused", "unanswered"}).Draw(t, "outcome") {
			case "succeeds":
				refusedInARow, made.outcome = 0, Record.succeeded
			case "refused":
				refusedInARow++
				made.outcome = func(r Record, a thingspace.LoginAttempt) Record { return r.refused(a, "") }
			case "unanswered":
				made.outcome = Record.unanswered
			}
			if refusedInARow > allowed {
				t.Fatalf("%d refused in a row", refusedInARow)
			}
			if rapid.Bool().Draw(t, "no crash") {
				untold = append(untold, made)
			}
		}
	})
}
