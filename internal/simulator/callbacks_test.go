package simulator_test

import (
	"net/http"
	"strings"
	"testing"

	. "github.com/onsi/gomega"

	"github.com/fota-callback-operator/fota-callback-operator/internal/simulator"
)

func TestTheFourCalls(t *testing.T) {
	w := signedIn(t, simulator.Options{})
	for _, step := range []struct{ operation, body, stored string }{
		{"list", "", ""},
		{"register", `{"url":"https://h/registered"}`, "https://h/registered"},
		{"list", `{"url":"https://h/registered"}`, "https://h/registered"},
		{"update", `{"url":"https://h/updated"}`, "https://h/updated"},
		{"register", `{"url":"https://h/registered"}`, "https://h/registered"}, // it replaces
		{"deregister", `{"success":true}`, ""},
		{"list", "", ""},
		{"deregister", `{"success":true}`, ""},
		{"update", `{"url":"https://h/updated"}`, "https://h/updated"},
	} {
		request := callsOf[step.operation]
		answer := w.call(request[0], request[1])
		w.g.Expect(answer.status).To(Equal(200), step.operation)
		w.g.Expect(answer.body).To(Equal(step.body), step.operation)
		w.g.Expect(answer.header.Get("Content-Type")).To(Equal("application/json"))
		w.g.Expect(w.Registered("ACC-1")).To(Equal(step.stored), "letter case is ignored")
	}
	w.g.Expect(w.Counts()).To(Equal(map[string]int{"list": 3, "register": 2, "update": 2, "deregister": 2}))
	w.Register("acc-1", "http://h/old")
	w.g.Expect(w.call(http.MethodGet, "").body).To(Equal(`{"url":"http://h/old"}`), "an old one may be http")
}

func TestEveryWayToSayNothing(t *testing.T) {
	const coded = `{"errorCode":"CALLBACK_NOT_REGISTERED","errorMessage":"No callback is registered."}`
	wanted := map[simulator.Nothing]response{
		simulator.NothingEmpty:         {status: 200},
		simulator.NothingChunked:       {status: 200, chunked: true},
		simulator.NothingSpace:         {status: 200, body: " \r\n"},
		simulator.NothingNull:          {status: 200, body: "null"},
		simulator.NothingObject:        {status: 200, body: "{}"},
		simulator.NothingArray:         {status: 200, body: "[]"},
		simulator.NothingArrayOfObject: {status: 200, body: "[{}]"},
		simulator.NothingNullURL:       {status: 200, body: `{"url":null}`},
		simulator.NothingEmptyURL:      {status: 200, body: `{"url":""}`},
		simulator.Nothing204:           {status: 204},
		simulator.Nothing404:           {status: 404},
		simulator.Nothing404JSON:       {status: 404, body: coded},
		simulator.Nothing400:           {status: 400, body: coded},
		simulator.Nothing403:           {status: 403, body: coded},
	}
	w := signedIn(t, simulator.Options{})
	w.g.Expect(simulator.Nothings()).To(HaveLen(len(wanted)))
	for _, way := range simulator.Nothings() {
		w.SetNothing(way)
		got := w.call(http.MethodGet, "")
		got.header, got.whole = nil, false
		w.g.Expect(got).To(Equal(wanted[way]), string(way))
		w.Register("acc-1", "https://h/")
		w.g.Expect(w.call(http.MethodGet, "").body).To(Equal(`{"url":"https://h/"}`), string(way))
		w.Register("acc-1", "")
	}
	w.g.Expect(func() { w.SetNothing("x") }).To(Panic())
}

func TestArrayOfOne(t *testing.T) {
	w := signedIn(t, simulator.Options{AsArray: true})
	w.g.Expect(w.call(http.MethodGet, "").body).To(BeEmpty())
	w.Register("acc-1", "https://h/")
	w.g.Expect(w.call(http.MethodGet, "").body).To(Equal(`[{"url":"https://h/"}]`))
}

func TestUpdateAndDeregisterOfNothing(t *testing.T) {
	for _, status := range []int{0, 200, 400, 404} {
		w := signedIn(t, simulator.Options{UpdateMissing: status, DeregisterMissing: status})
		for _, operation := range []string{"deregister", "update"} {
			answer := w.call(callsOf[operation][0], callsOf[operation][1])
			w.g.Expect(answer.status).To(Equal(max(status, 200)))
			if status >= 400 {
				w.g.Expect(field(w.g, answer.body, "errorCode")).To(Equal("CALLBACK_NOT_REGISTERED"))
			}
		}
		w.g.Expect(w.Registrations()).To(HaveLen(map[bool]int{true: 1}[status < 400]), "an accepted update registers")
		w.Register("acc-1", "https://h/")
		w.g.Expect(w.call(http.MethodPut, callsOf["update"][1]).status).To(Equal(200))
		w.g.Expect(w.call(http.MethodDelete, "").status).To(Equal(200))
	}
}

func TestEveryCallNeedsItsHeaders(t *testing.T) {
	for operation, request := range callsOf {
		for name, test := range map[string]struct {
			header, value string
			status        int
			says          string
		}{
			"no bearer":             {"Authorization", "", 401, `"900902"`},
			"Basic":                 {"Authorization", "Basic eA==", 401, `"900902"`},
			"a stale bearer":        {"Authorization", "Bearer stale", 401, `"900901"`},
			"no session":            {"VZ-M2M-Token", "", 400, "SessionToken.Format"},
			"an unknown session":    {"VZ-M2M-Token", "stale", 400, "SessionToken.Invalid"},
			"no Accept":             {"Accept", "", 400, "INVALID_HEADER"},
			"another Accept":        {"Accept", "text/html", 400, "INVALID_HEADER"},
			"no Content-Type":       {"Content-Type", "", 400, "INVALID_HEADER"},
			"a form":                {"Content-Type", "application/x-www-form-urlencoded", 400, "INVALID_HEADER"},
			"nearly JSON":           {"Content-Type", "application/jsonp", 400, "INVALID_HEADER"},
			"Accept with more":      {"Accept", "text/plain, application/json;q=0.9", 200, ""},
			"Content-Type's letter": {"Content-Type", "Application/JSON; charset=utf-8", 200, ""},
		} {
			w := signedIn(t, simulator.Options{})
			answer := w.call(request[0], request[1], test.header, test.value)
			w.g.Expect(answer.status).To(Equal(test.status), "%s: %s", operation, name)
			w.g.Expect(answer.body).To(ContainSubstring(test.says), "%s: %s", operation, name)
			if test.status != 200 {
				w.g.Expect(w.Registrations()).To(BeEmpty())
			}
		}
	}
}

func TestBodiesThatAreRefused(t *testing.T) {
	for _, method := range []string{http.MethodPost, http.MethodPut} {
		w := signedIn(t, simulator.Options{})
		w.Register("acc-1", "https://h/before")
		for _, body := range []string{
			"", "null", "[]", `"https://h/"`, "{}", `{"url":null}`, `{"url":1}`, `{"url":""}`, `{"URL":"https://h/"}`, `{"callbackUrl":"https://h/"}`,
			`{"url":"https://h/","name":"x"}`, `{"url":"https://h/"} x`, `{"url":"https://h/"`, `[{"url":"https://h/"}]`, "url=https://h/",
			`{"url":"http://h/"}`, `{"url":"h/"}`, `{"url":"https:///path"}`, `{"url":"https://:443/"}`, `{"url":"ftp://h/"}`, `{"url":"https://h/%zz"}`,
			`{"url":"https://h/` + strings.Repeat("x", 1<<20) + `"}`,
		} {
			answer := w.call(method, body)
			shown := body[:min(len(body), 60)]
			w.g.Expect(answer.status).To(Equal(400), shown)
			w.g.Expect(field(w.g, answer.body, "errorCode")).To(Equal("INVALID_PARAMETER"), shown)
		}
		w.g.Expect(w.Registered("acc-1")).To(Equal("https://h/before"))
		w.g.Expect(w.call(method, ` { "url" : "HTTPS://h/" } `).status).To(Equal(200))
	}
}

func TestAccountsInPaths(t *testing.T) {
	w := signedIn(t, simulator.Options{})
	const callbacks = "/api/fota/v3/callbacks/"
	for path, account := range map[string]string{"0000123456-00001": "0000123456-00001", "a%2Fb": "a/b", "..": "..", "%2e": ".", "a%20b": "a b"} {
		w.ResetRecord()
		w.g.Expect(w.callAt(callbacks+path, http.MethodPost, `{"url":"https://h/"}`).status).To(Equal(200), path)
		w.g.Expect(w.Registered(account)).To(Equal("https://h/"), path)
		w.g.Expect(w.Requests()[0].Account).To(Equal(account))
	}
}

func TestWhatIsNoneOfTheSixCalls(t *testing.T) {
	w := signedIn(t, simulator.Options{})
	w.Inject(simulator.Fault{Status: 503}) // answers the six calls and nothing else
	requests := [][2]string{
		{http.MethodGet, "/"}, {http.MethodGet, "/fota/v3/callbacks/acc-1"}, {http.MethodGet, "/api/fota/v3/callbacks/"},
		{http.MethodGet, "/api/fota/v3/callbacks"}, {http.MethodDelete, "/api/fota/v3/callbacks/acc-1/"}, {http.MethodDelete, "/api/fota/v3/callbacks/a/b"},
		{http.MethodPost, "/api//fota/v3/callbacks/acc-1"}, {http.MethodPatch, acc1}, {http.MethodHead, acc1},
		{http.MethodGet, "/api/fota/v2/callbacks/acc-1"}, {http.MethodGet, "/api/ts/v1/oauth2/token"}, {http.MethodPost, "/api/ts/v1/oauth2/revoke"},
		{http.MethodPut, "/api/m2m/v1/session/password/actions/reset"}, {http.MethodPut, "/api/m2m/v1/session/login"},
	}
	for i, request := range requests {
		w.g.Expect(w.callAt(request[1], request[0], "").status).To(Equal(404), request[1])
		entry := w.Requests()[i]
		w.g.Expect([]any{entry.Operation, entry.Method, entry.Path, entry.Status}).To(Equal([]any{"unknown", request[0], request[1], 404}))
	}
	w.g.Expect(w.Counts()).To(Equal(map[string]int{"unknown": len(requests)}))
}

func TestAccess(t *testing.T) {
	w := signedIn(t, simulator.Options{})
	status := func() int { return w.call(http.MethodPost, `{"url":"https://h/"}`).status }
	w.g.Expect(status()).To(Equal(200), "any account, at first")
	w.Register("acc-1", "")
	w.SetAccounts(simulator.DefaultUsername, "acc-2", "ACC-3")
	w.g.Expect(status()).To(Equal(403))
	w.g.Expect(w.Registrations()).To(BeEmpty())
	w.g.Expect(w.callAt("/api/fota/v3/callbacks/acc-3", http.MethodGet, "").status).To(Equal(200))
	w.SetAccounts(simulator.DefaultUsername, "Acc-1")
	w.g.Expect(status()).To(Equal(200))
	w.SetAccounts(simulator.DefaultUsername)
	w.Deny("ACC-1", true)
	w.g.Expect(status()).To(Equal(403))
	w.g.Expect(field(w.g, w.call(http.MethodGet, "").body, "errorCode")).To(Equal("ACCESS_DENIED"))
	w.Deny("acc-1", false)
	w.g.Expect(status()).To(Equal(200))
	w.SetAccounts("nobody", "acc-1")
	w.g.Expect(w.Users()).To(HaveLen(1))
}

func TestNormalization(t *testing.T) {
	for _, test := range []struct{ way, sent, stored string }{
		{"host-case", "https://FOTA.Example.com:443/Path?Q=A", "https://fota.example.com:443/Path?Q=A"},
		{"default-port", "https://H:443/p", "https://H/p"},
		{"default-port", "https://h:8443/p", "https://h:8443/p"},
		{"default-port", "https://[2001:db8::1]:443", "https://[2001:db8::1]"},
		{"trailing-slash", "https://h", "https://h/"},
		{"trailing-slash", "https://h/a/", "https://h/a/"},
		{"trailing-slash", "https://h/a%2Fb?q", "https://h/a%2Fb/?q"},
		{"host-case,default-port,trailing-slash", "HTTPS://H:443/a/../b", "https://h/a/../b/"},
	} {
		normalize, err := simulator.Normalizer(strings.Split(test.way, ",")...)
		w := signedIn(t, simulator.Options{Normalize: normalize})
		w.g.Expect(err).NotTo(HaveOccurred())
		for _, method := range []string{http.MethodPost, http.MethodPut, http.MethodGet} {
			w.g.Expect(w.call(method, `{"url":"`+test.sent+`"}`).body).To(MatchJSON(`{"url":"`+test.stored+`"}`), method)
		}
		w.g.Expect(w.Registered("acc-1")).To(Equal(test.stored))
		w.g.Expect(w.Requests()[0].URL).To(Equal(test.sent), "the record has what was sent")
	}
	_, err := simulator.Normalizer("x")
	NewWithT(t).Expect(err).To(MatchError(ContainSubstring("default-port, host-case, trailing-slash")))
}
