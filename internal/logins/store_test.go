package logins_test

import (
	"errors"
	"fmt"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	. "github.com/onsi/gomega"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	clocktesting "k8s.io/utils/clock/testing"

	"github.com/fota-callback-operator/fota-callback-operator/internal/logins"
	"github.com/fota-callback-operator/fota-callback-operator/internal/logins/loginstest"
	"github.com/fota-callback-operator/fota-callback-operator/internal/rules"
	"github.com/fota-callback-operator/fota-callback-operator/internal/thingspace"
)

func as[E error](t *testing.T, err error) E {
	t.Helper()
	target, ok := errors.AsType[E](err)
	if !ok {
		t.Fatalf("expected a %T, got %T: %v", target, err, err)
	}
	return target
}

// of is a login of a user with a version of a Secret in a namespace.
func of(user, namespace, version string) thingspace.Login {
	return thingspace.Login{
		Username: thingspace.Sensitive(user),
		Secret:   thingspace.SecretVersion{Namespace: namespace, Name: "credentials", UID: "secret-of-" + namespace, ResourceVersion: version},
	}
}

// begin makes a login that has to be allowed.
func begin(t *testing.T, store *logins.Store, login thingspace.Login) thingspace.LoginAttempt {
	t.Helper()
	attempt, err := store.Begin(t.Context(), login)
	NewWithT(t).Expect(err).NotTo(HaveOccurred())
	return attempt
}

func TestOneCountForAUserHoweverWritten(t *testing.T) {
	g, clock := NewWithT(t), clocktesting.NewFakeClock(time.Now())
	store, api := loginstest.NewStore(clock)
	for n, user := range []string{"Demo-User", "demo-user", "DEMO-USER"} {
		attempt := begin(t, store, of(user, "iot", strconv.Itoa(n)))
		store.Settle(t.Context(), attempt, thingspace.LoginRefused, "X")
		clock.Step(time.Minute)
	}
	_, err := store.Begin(t.Context(), of("dEMO-user", "elsewhere", "1"))
	withheld := as[*thingspace.LoginWithheldError](t, err)
	g.Expect(withheld.Failed).To(Equal(3))
	g.Expect([]string{withheld.ConfigMap, withheld.Key}).To(Equal([]string{loginstest.Name.String(), logins.Key("demo-user")}))
	g.Expect(api.Data()).To(HaveLen(1))
	g.Expect(api.Writes).To(Equal(6), "two a login")
}

func TestNothingSecretIsRecorded(t *testing.T) {
	g := NewWithT(t)
	store, api := loginstest.NewStore(clocktesting.NewFakeClock(time.Now()))
	store.Settle(t.Context(), begin(t, store, of("Demo-User", "iot", "1")), thingspace.LoginSucceeded, "")
	g.Expect(strings.ToLower(fmt.Sprint(api.Data()))).NotTo(ContainSubstring("demo-user"))
	g.Expect(logins.Key("Demo-User")).To(Equal("cebf292c038fdcd2de5f7ac62c3b81bc"), "the first 32 hex digits of the SHA-256 of demo-user")
}

// A restart, another leader and another operator know what was counted, and nothing else.
func TestAnotherProcessGoesOnCounting(t *testing.T) {
	g, clock := NewWithT(t), clocktesting.NewFakeClock(time.Now())
	store, api := loginstest.NewStore(clock)
	for range 3 {
		begin(t, store, of("user", "iot", "1")) // and a crash
		store = logins.NewStore(api, loginstest.Name, clock)
		clock.Step(time.Minute)
	}
	_ = as[*thingspace.LoginWithheldError](t, store.Check(t.Context(), of("user", "iot", "1")))
	g.Expect(store.Check(t.Context(), of("another", "iot", "1"))).To(Succeed())
}

func TestAnAdministratorFreesAUser(t *testing.T) {
	for name, frees := range map[string]func(map[string]string){
		"by removing the key":       func(data map[string]string) { delete(data, logins.Key("user")) },
		"by removing the ConfigMap": nil,
		"by counting none":          func(data map[string]string) { data[logins.Key("user")] = `{"failed":0}` },
	} {
		t.Run(name, func(t *testing.T) {
			g, clock := NewWithT(t), clocktesting.NewFakeClock(time.Now())
			store, api := loginstest.NewStore(clock)
			for n := range 3 {
				store.Settle(t.Context(), begin(t, store, of("user", "iot", strconv.Itoa(n))), thingspace.LoginRefused, "")
				clock.Step(time.Minute)
			}
			_ = as[*thingspace.LoginWithheldError](t, store.Check(t.Context(), of("user", "iot", "9")))
			api.Edit(frees)
			clock.Step(5 * time.Second)
			g.Expect(store.Check(t.Context(), of("user", "iot", "9"))).To(Succeed())
			begin(t, store, of("user", "iot", "9"))
		})
	}
}

func TestWhatCannotBeReadIsWithheld(t *testing.T) {
	clock := clocktesting.NewFakeClock(time.Now())
	for _, text := range []string{"", "{", `{"failed":"none"}`, `{"failed":-4}`, "null and void"} {
		store, api := loginstest.NewStore(clock)
		NewWithT(t).Expect(store.Open(t.Context())).To(Succeed())
		api.Edit(func(data map[string]string) { data[logins.Key("user")] = text })
		clock.Step(time.Minute)
		_, err := store.Begin(t.Context(), of("user", "iot", "1"))
		_ = as[*thingspace.LoginWithheldError](t, err)
	}
}

// A clock that was wrong once must not withhold logins for as long as it was wrong.
func TestALoginInTheFutureCountsAsNow(t *testing.T) {
	g, clock := NewWithT(t), clocktesting.NewFakeClock(time.Now())
	store, api := loginstest.NewStore(clock)
	g.Expect(store.Open(t.Context())).To(Succeed())
	api.Edit(func(data map[string]string) {
		data[logins.Key("user")] = `{"failed":1,"lastLogin":"` + clock.Now().Add(240*time.Hour).Format(time.RFC3339) + `"}`
	})
	clock.Step(5 * time.Second)
	_, err := store.Begin(t.Context(), of("user", "iot", "1")) // conflicts, and reads it
	g.Expect(as[*thingspace.RateLimitedError](t, err).RetryAfter).To(Equal(time.Minute))
	clock.Step(30 * time.Second)
	g.Expect(as[*thingspace.RateLimitedError](t, store.Check(t.Context(), of("user", "iot", "1"))).RetryAfter).To(Equal(30 * time.Second))
	clock.Step(30 * time.Second)
	begin(t, store, of("user", "iot", "1"))
}

func TestACountThatIsNotWrittenIsNoLogin(t *testing.T) {
	g := NewWithT(t)
	store, api := loginstest.NewStore(clocktesting.NewFakeClock(time.Now()))
	refused := apierrors.NewInternalError(errors.New("etcdserver: no leader"))
	for _, verb := range []string{"get", "create", "update"} {
		if verb == "update" {
			api.Fails = nil
			g.Expect(store.Open(t.Context())).To(Succeed())
		}
		api.Fails = func(asked string) (bool, error) {
			if asked == verb {
				return false, refused
			}
			return false, nil
		}
		_, err := store.Begin(t.Context(), of("user", "iot", "1"))
		g.Expect(as[*rules.KubernetesError](t, err).Err).To(Equal(refused), verb)
		g.Expect(err.Error()).To(ContainSubstring("operator/logins"))
	}
	g.Expect(api.Data()).To(BeEmpty())
}

// The answer to the counting write may be lost. The process knows that no login left, and uses the place.
func TestACountWhoseAnswerIsLost(t *testing.T) {
	g, clock := NewWithT(t), clocktesting.NewFakeClock(time.Now())
	store, api := loginstest.NewStore(clock)
	for range 10 {
		api.Fails = func(verb string) (bool, error) {
			if verb == "get" {
				return false, nil
			}
			return true, errors.New("connection reset by peer")
		}
		_, err := store.Begin(t.Context(), of("user", "iot", "1"))
		g.Expect(err).To(HaveOccurred())
	}
	api.Fails = nil
	g.Expect(begin(t, store, of("user", "iot", "1")).Failed).To(Equal(1))
	g.Expect(store.Check(t.Context(), of("user", "iot", "1"))).NotTo(Succeed(), "that one may be under way")
}

func TestAPlaceIsUsedAgain(t *testing.T) {
	for name, test := range map[string]struct {
		outcome thingspace.LoginOutcome
		after   time.Duration
	}{
		"at once where nothing left":       {thingspace.LoginNotSent, 0},
		"after the minute where throttled": {thingspace.LoginThrottled, time.Minute},
	} {
		t.Run(name, func(t *testing.T) {
			g, clock := NewWithT(t), clocktesting.NewFakeClock(time.Now())
			store, api := loginstest.NewStore(clock)
			for range 10 {
				attempt := begin(t, store, of("user", "iot", "1"))
				g.Expect(attempt.Failed).To(Equal(1))
				store.Settle(t.Context(), attempt, test.outcome, "")
				if test.after > 0 {
					_ = as[*thingspace.RateLimitedError](t, store.Check(t.Context(), of("user", "iot", "1")))
				}
				clock.Step(test.after)
			}
			// Another operator's login comes between.
			another := logins.NewStore(api, loginstest.Name, clock)
			clock.Step(time.Minute)
			begin(t, another, of("user", "iot", "1"))
			clock.Step(time.Minute)
			g.Expect(begin(t, store, of("user", "iot", "1")).Failed).To(Equal(3))
		})
	}
}

func TestAnOutcomeIsWrittenBeforeTheNextLogin(t *testing.T) {
	g, clock := NewWithT(t), clocktesting.NewFakeClock(time.Now())
	store, api := loginstest.NewStore(clock)
	for round := range 5 {
		attempt := begin(t, store, of("user", "iot", strconv.Itoa(round)))
		g.Expect(attempt.Failed).To(Equal(1), "the success before is written")
		api.Fails = func(string) (bool, error) { return round%2 == 0, errors.New("down") }
		store.Settle(t.Context(), attempt, thingspace.LoginSucceeded, "")
		clock.Step(time.Minute)
		_, err := store.Begin(t.Context(), of("user", "iot", strconv.Itoa(round)))
		g.Expect(err).To(HaveOccurred())
		g.Expect(store.Retry(t.Context())).To(BeFalse())
		api.Fails = nil
	}
	g.Expect(store.Retry(t.Context())).To(BeTrue())
	g.Expect(api.Data()[logins.Key("user")]).To(ContainSubstring(`"failed":0`))
}

func TestOutcomesAreWrittenInTheBackground(t *testing.T) {
	g, clock := NewWithT(t), clocktesting.NewFakeClock(time.Now())
	store, api := loginstest.NewStore(clock)
	attempt := begin(t, store, of("user", "iot", "1"))
	api.Fails = func(string) (bool, error) { return false, errors.New("down") }
	store.Settle(t.Context(), attempt, thingspace.LoginSucceeded, "")
	api.Fails = nil
	ended := make(chan error)
	go func() { ended <- store.Start(t.Context()) }()
	g.Eventually(func() string {
		clock.Step(time.Second)
		return api.Data()[logins.Key("user")]
	}).Should(ContainSubstring(`"failed":0`))
}

// What several callers want is put into one write, and each is told what came of its own.
func TestManyUsersShareWrites(t *testing.T) {
	const people = 200
	g, clock := NewWithT(t), clocktesting.NewFakeClock(time.Now())
	store, api := loginstest.NewStore(clock)
	g.Expect(store.Open(t.Context())).To(Succeed())
	first := true
	blocked, goOn := make(chan struct{}), make(chan struct{})
	api.Fails = func(verb string) (bool, error) {
		if verb == "update" && first {
			first = false
			close(blocked)
			<-goOn
		}
		return false, nil
	}
	var all sync.WaitGroup
	all.Go(func() { _, _ = store.Begin(t.Context(), of("first", "iot", "1")) })
	<-blocked
	counted := make(chan thingspace.LoginAttempt, people)
	for n := range people {
		all.Go(func() {
			if attempt, err := store.Begin(t.Context(), of(fmt.Sprint("user-", n%100), fmt.Sprint("namespace-", n), "1")); err == nil {
				counted <- attempt
			}
		})
	}
	g.Eventually(store.Waiting).Should(Equal(people))
	close(goOn)
	all.Wait()
	g.Expect(counted).To(HaveLen(100), "one of the two of each user")
	g.Expect(api.Writes).To(Equal(3), "the opening, the first, and all others")
	g.Expect(api.Data()).To(HaveLen(101))
}

func TestANamespaceBeginsFewRecords(t *testing.T) {
	g, clock := NewWithT(t), clocktesting.NewFakeClock(time.Now())
	store, _ := loginstest.NewStore(clock)
	for n := range 8 {
		begin(t, store, of(fmt.Sprint("made-up-", n), "hostile", "1"))
	}
	_, err := store.Begin(t.Context(), of("made-up-9", "hostile", "1"))
	g.Expect(as[*thingspace.LoginWithheldError](t, err).Cause).To(Equal(thingspace.WithheldNamespace))
	begin(t, store, of("user", "iot", "1"))
	clock.Step(time.Minute)
	begin(t, store, of("made-up-0", "hostile", "2"))
}

func TestTheRecordIsBounded(t *testing.T) {
	g, clock := NewWithT(t), clocktesting.NewFakeClock(time.Now())
	store, api := loginstest.NewStore(clock)
	for n := range 1000 {
		attempt := begin(t, store, of(fmt.Sprint("user-", n), fmt.Sprint("namespace-", n), "1"))
		if n != 0 && n < 500 {
			store.Settle(t.Context(), attempt, thingspace.LoginSucceeded, "")
			clock.Step(time.Second)
		}
	}
	for n := range 499 {
		begin(t, store, of(fmt.Sprint("another-", n), fmt.Sprint("elsewhere-", n), "1"))
		g.Expect(api.Data()).To(HaveLen(1000))
		g.Expect(api.Data()).NotTo(HaveKey(logins.Key(thingspace.Sensitive(fmt.Sprint("user-", n+1)))), "the oldest without failures")
	}
	g.Expect(api.Data()).To(HaveKey(logins.Key("user-0")), "a failure is not forgotten")
	_, err := store.Begin(t.Context(), of("one too many", "iot", "1"))
	g.Expect(as[*thingspace.LoginWithheldError](t, err).Cause).To(Equal(thingspace.WithheldFull))
}

func TestWhatElseIsInTheConfigMapStays(t *testing.T) {
	g, clock := NewWithT(t), clocktesting.NewFakeClock(time.Now())
	store, api := loginstest.NewStore(clock)
	g.Expect(store.Open(t.Context())).To(Succeed())
	api.Edit(func(data map[string]string) { data["note"] = "of an administrator" })
	begin(t, store, of("user", "iot", "1"))
	g.Expect(api.Data()).To(And(HaveLen(2), HaveKeyWithValue("note", "of an administrator")))
}
