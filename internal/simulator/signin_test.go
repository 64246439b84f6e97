package simulator_test

import (
	"net/http"
	"strings"
	"testing"
	"time"

	. "github.com/onsi/gomega"

	"github.com/fota-callback-operator/fota-callback-operator/internal/simulator"
)

func TestTokenComesBackTheSame(t *testing.T) {
	w := newWeb(t, simulator.Options{})
	first := w.askToken(simulator.DefaultClientSecret)
	w.g.Expect(first.header.Get("Content-Type")).To(Equal("application/json"))
	w.clock.Step(20 * time.Minute)
	second := w.askToken(simulator.DefaultClientSecret)
	w.clock.Step(40 * time.Minute)
	third := w.askToken(simulator.DefaultClientSecret)
	w.g.Expect(first.body).To(MatchJSON(`{"access_token":"token-1","token_type":"Bearer","scope":"default","expires_in":3600}`))
	w.g.Expect(second.body).To(MatchJSON(`{"access_token":"token-1","token_type":"Bearer","scope":"default","expires_in":2400}`))
	w.g.Expect(third.body).To(MatchJSON(`{"access_token":"token-2","token_type":"Bearer","scope":"default","expires_in":3600}`))

	w.bearer = "token-1"
	w.g.Expect(w.logIn(simulator.DefaultUsername, simulator.DefaultPassword).body).To(ContainSubstring("900901"), "its hour is over")
	w.EndTokens()
	w.g.Expect(w.newToken()).To(Equal("token-3"))
	short := newWeb(t, simulator.Options{TokenLife: time.Minute})
	short.bearer = short.newToken()
	short.clock.Step(time.Minute)
	short.g.Expect(short.logIn(simulator.DefaultUsername, simulator.DefaultPassword).body).To(ContainSubstring("900901"), "and nobody asked for a new one")
	silent := newWeb(t, simulator.Options{NoExpiresIn: true})
	silent.g.Expect(silent.askToken(simulator.DefaultClientSecret).body).NotTo(ContainSubstring("expires_in"))
}

func TestTokenRefused(t *testing.T) {
	const form, path = "application/x-www-form-urlencoded", "/api/ts/v1/oauth2/token"
	good := basic(simulator.DefaultClientID, simulator.DefaultClientSecret)
	for name, test := range map[string]struct {
		path, body, authorization, contentType string
		status                                 int
		code                                   string
	}{
		"wrong secret":              {path, "grant_type=client_credentials", basic(simulator.DefaultClientID, "x"), form, 401, "invalid_client"},
		"unknown key":               {path, "grant_type=client_credentials", basic("x", simulator.DefaultClientSecret), form, 401, "invalid_client"},
		"no key":                    {path, "grant_type=client_credentials", "", form, 401, "invalid_client"},
		"Bearer where Basic is due": {path, "grant_type=client_credentials", "Bearer x", form, 401, "invalid_client"},
		"no form":                   {path, "", good, form, 400, "unsupported_grant_type"},
		"another grant":             {path, "grant_type=password", good, form, 400, "unsupported_grant_type"},
		"JSON":                      {path, `{"grant_type":"client_credentials"}`, good, "application/json", 400, "unsupported_grant_type"},
		"grant in the query":        {path + "?grant_type=client_credentials", "", good, form, 400, "unsupported_grant_type"},
		"form of no declared type":  {path, "grant_type=client_credentials", good, "", 400, "unsupported_grant_type"},
	} {
		t.Run(name, func(t *testing.T) {
			w := newWeb(t, simulator.Options{})
			answer := w.do(http.MethodPost, test.path, test.body, "Authorization", test.authorization, "Content-Type", test.contentType)
			w.g.Expect(answer.status).To(Equal(test.status))
			w.g.Expect(field(w.g, answer.body, "error")).To(Equal(test.code))
			w.g.Expect(field(w.g, answer.body, "error_description")).NotTo(BeEmpty())
		})
	}
}

func TestEachAppHasItsToken(t *testing.T) {
	w := newWeb(t, simulator.Options{})
	w.AddApp("second", "its-secret")
	first := w.newToken()
	answer := w.do(http.MethodPost, "/api/ts/v1/oauth2/token", "grant_type=client_credentials",
		"Authorization", basic("second", "its-secret"), "Content-Type", "application/x-www-form-urlencoded")
	second := field(w.g, answer.body, "access_token")
	w.g.Expect(second).NotTo(Equal(first))
	for _, w.bearer = range []string{first, second} {
		w.newSession()
	}
}

func TestTheFifthRefusedLoginLocks(t *testing.T) {
	w := newWeb(t, simulator.Options{})
	w.bearer = w.newToken()
	const name = simulator.DefaultUsername
	for range 4 {
		w.g.Expect(w.logIn(name, "wrong").body).To(ContainSubstring("LoginFailed"))
	}
	w.g.Expect(w.Locked(name)).To(BeFalse(), "four are not five")
	w.newSession()
	w.g.Expect(w.FailedLogins(name)).To(BeZero(), "they count in a row")
	for n := range 5 {
		w.g.Expect(w.Locked(name)).To(BeFalse())
		w.g.Expect(w.FailedLogins(name)).To(Equal(n))
		w.g.Expect(w.logIn(name, "wrong").status).To(Equal(400))
	}
	w.g.Expect(w.Locked(name)).To(BeTrue())
	right := w.logIn(name, simulator.DefaultPassword)
	w.g.Expect(right.status).To(Equal(400))
	w.g.Expect(right.body).To(ContainSubstring("UserLocked"), "the right password too")
	w.clock.Step(1000 * time.Hour)
	w.bearer = w.newToken()
	w.g.Expect(w.logIn(name, simulator.DefaultPassword).status).To(Equal(400), "time unlocks nobody")
	w.Unlock(name)
	w.newSession()
	w.g.Expect(w.Locked("nobody")).To(BeFalse())
}

func TestChangedPasswordUnlocks(t *testing.T) {
	w := newWeb(t, simulator.Options{})
	w.bearer = w.newToken()
	w.SetAccounts(simulator.DefaultUsername, "acc-1")
	for range 5 {
		w.logIn(simulator.DefaultUsername, "wrong")
	}
	w.SetUser(simulator.DefaultUsername, "new")
	w.g.Expect(w.logIn(simulator.DefaultUsername, simulator.DefaultPassword).status).To(Equal(400))
	w.g.Expect(w.logIn(simulator.DefaultUsername, "new").status).To(Equal(200))
	w.g.Expect(w.Users()).To(HaveKeyWithValue(simulator.DefaultUsername, simulator.User{Accounts: []string{"acc-1"}}), "and keeps the accounts")
}

func TestLoginRefused(t *testing.T) {
	const path = "/api/m2m/v1/session/login"
	for _, status := range []int{400, 401, 403} {
		w := signedIn(t, simulator.Options{LoginRefusal: status})
		w.g.Expect(w.logIn(simulator.DefaultUsername, "wrong").status).To(Equal(status))
		w.g.Expect(w.logIn("nobody", simulator.DefaultPassword).status).To(Equal(status))
	}
	w := signedIn(t, simulator.Options{})
	good := `{"username":"` + simulator.DefaultUsername + `","password":"` + simulator.DefaultPassword + `"}`
	w.g.Expect(w.do(http.MethodPost, path, good, "Authorization", "Bearer x").body).To(ContainSubstring("900901"))
	w.g.Expect(w.do(http.MethodPost, path, good).body).To(ContainSubstring("900902"))
	w.g.Expect(w.do(http.MethodPost, path, "username=x", "Authorization", "Bearer "+w.bearer).status).To(Equal(400))
	w.g.Expect(w.FailedLogins(simulator.DefaultUsername)).To(BeZero(), "no password was judged")
}

func TestSessionsEnd(t *testing.T) {
	w := signedIn(t, simulator.Options{})
	for range 5 {
		w.clock.Step(20*time.Minute - time.Second)
		w.bearer = w.newToken()
		w.g.Expect(w.call(http.MethodGet, "").status).To(Equal(200), "used within 20 minutes")
	}
	w.clock.Step(20 * time.Minute)
	for range 2 {
		answer := w.call(http.MethodGet, "")
		w.g.Expect(answer.status).To(Equal(400))
		w.g.Expect(field(w.g, answer.body, "errorCode")).To(Equal("UnifiedWebService.REQUEST_FAILED.SessionToken.Expired"))
	}
	w.login = w.newSession()
	w.g.Expect(w.call(http.MethodGet, "").status).To(Equal(200))
	w.EndSessions()
	w.g.Expect(w.call(http.MethodGet, "").body).To(ContainSubstring("SessionToken.Invalid"))

	short := signedIn(t, simulator.Options{SessionLife: 96 * time.Second, SessionIdle: time.Hour})
	short.clock.Step(95 * time.Second)
	short.g.Expect(short.call(http.MethodGet, "").status).To(Equal(200))
	short.clock.Step(time.Second)
	short.g.Expect(short.call(http.MethodGet, "").body).To(ContainSubstring("SessionToken.Expired"), "although it is used")
}

func TestOneSessionOrMany(t *testing.T) {
	for single, status := range map[bool]int{false: 200, true: 400} {
		w := signedIn(t, simulator.Options{SingleSession: single})
		w.SetUser("other", "p")
		others := field(w.g, w.logIn("other", "p").body, "sessionToken")
		second := w.newSession()
		w.g.Expect(w.call(http.MethodGet, "").status).To(Equal(status))
		for _, w.login = range []string{second, others} {
			w.g.Expect(w.call(http.MethodGet, "").status).To(Equal(200))
		}
	}
}

func TestEveryRefusalOfTokenSessionAndAccount(t *testing.T) {
	for _, answer := range simulator.Answers() {
		if strings.Contains(string(answer), "gzip") {
			continue // it is nobody's refusal, and long
		}
		w := signedIn(t, simulator.Options{BearerRefusal: answer})
		w.Inject(simulator.Fault{Operation: "list", Answer: answer, Times: 1})
		wanted := w.call(http.MethodGet, "")
		same := func(got response) {
			t.Helper()
			w.g.Expect([]any{got.status, got.body}).To(Equal([]any{wanted.status, wanted.body}), string(answer))
		}
		same(w.call(http.MethodGet, "", "Authorization", "Bearer stale"))
		w.g.Expect(w.call(http.MethodGet, "", "Authorization", "").body).To(ContainSubstring("900902"), "none is always missing")

		w = signedIn(t, simulator.Options{SessionRefusal: answer})
		same(w.call(http.MethodGet, "", "VZ-M2M-Token", "stale"))
		same(w.call(http.MethodGet, "", "VZ-M2M-Token", ""))

		w = signedIn(t, simulator.Options{AccountRefusal: answer})
		w.Deny("acc-1", true)
		same(w.call(http.MethodGet, ""))
	}
}
