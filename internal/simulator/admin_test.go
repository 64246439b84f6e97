package simulator_test

import (
	"encoding/json"
	"net/http"
	"testing"
	"time"

	. "github.com/onsi/gomega"

	"github.com/fota-callback-operator/fota-callback-operator/internal/simulator"
)

// admin asks /simulator/… for something that it should do.
func (w *web) admin(method, path, body string) string {
	w.t.Helper()
	answer := w.do(method, "/simulator/"+path, body)
	w.g.Expect(answer.status).To(Equal(200), "%s %s: %s", method, path, answer.body)
	w.g.Expect(answer.header.Get("Content-Type")).To(Equal("application/json"))
	return answer.body
}

func TestRegistrationsByHand(t *testing.T) {
	w := newWeb(t, simulator.Options{})
	w.g.Expect(w.admin(http.MethodGet, "registrations", "")).To(MatchJSON(`{}`))
	w.admin(http.MethodPut, "registrations/Acc-1", `{"url":"http://h/?a&b"}`)
	w.g.Expect(w.admin(http.MethodGet, "registrations", "")).To(And(MatchJSON(`{"acc-1":"http://h/?a&b"}`), ContainSubstring("a&b")))
	w.admin(http.MethodDelete, "registrations/ACC-1", "")
	w.g.Expect(w.Registrations()).To(BeEmpty())
	w.g.Expect(w.Requests()).To(BeEmpty(), "somebody else's hand is not on record")
}

func TestFaultsByHand(t *testing.T) {
	w := signedIn(t, simulator.Options{})
	w.g.Expect(w.admin(http.MethodPost, "faults", `{"operation":"list","answer":"throttled","header":{"Retry-After":"9"},"times":5}`)).To(MatchJSON(`{"id":1}`))
	w.g.Expect(w.admin(http.MethodPost, "faults", `{"delay":"1s","status":503}`)).To(MatchJSON(`{"id":2}`))
	w.g.Expect(w.call(http.MethodGet, "").header.Get("Retry-After")).To(Equal("9"))
	w.g.Expect(w.admin(http.MethodGet, "faults", "")).To(MatchJSON(`[
		{"id":1,"used":1,"fault":{"operation":"list","answer":"throttled","header":{"Retry-After":"9"},"times":5}},
		{"id":2,"used":0,"fault":{"delay":"1s","status":503}}]`))
	w.admin(http.MethodDelete, "faults/2", "")
	w.g.Expect(w.do(http.MethodDelete, "/simulator/faults/2", "").status).To(Equal(404))
	w.g.Expect(w.do(http.MethodDelete, "/simulator/faults/x", "").status).To(Equal(404))
	w.g.Expect(w.call(http.MethodGet, "").status).To(Equal(429))
	w.admin(http.MethodDelete, "faults", "")
	w.g.Expect(w.call(http.MethodGet, "").status).To(Equal(200))
	w.g.Expect(w.admin(http.MethodGet, "faults", "")).To(MatchJSON(`[]`))
}

func TestRecordByHand(t *testing.T) {
	w := signedIn(t, simulator.Options{})
	w.g.Expect(w.admin(http.MethodGet, "requests", "")).To(MatchJSON(`[]`))
	w.call(http.MethodPost, `{"url":"https://h/"}`)
	w.callAt("/api/fota/v3/callbacks/acc-2", http.MethodGet, "")
	w.call(http.MethodGet, "")
	for query, wanted := range map[string][]string{
		"": {"register", "list", "list"}, "?account=ACC-1": {"register", "list"}, "?operation=list": {"list", "list"},
		"?operation=list&account=acc-2": {"list"}, "?account=x": nil,
	} {
		var found []simulator.Request
		w.g.Expect(json.Unmarshal([]byte(w.admin(http.MethodGet, "requests"+query, "")), &found)).To(Succeed())
		var operations []string
		for _, request := range found {
			operations = append(operations, request.Operation)
		}
		w.g.Expect(operations).To(Equal(wanted), query)
	}
	w.g.Expect(w.admin(http.MethodGet, "counts", "")).To(MatchJSON(`{"register":1,"list":2}`))
	w.admin(http.MethodDelete, "requests", "")
	w.g.Expect(w.admin(http.MethodGet, "counts", "")).To(MatchJSON(`{}`))
}

func TestUsersByHand(t *testing.T) {
	w := newWeb(t, simulator.Options{})
	w.bearer = w.newToken()
	w.admin(http.MethodPut, "users/second", `{"password":"p","accounts":["Acc-2"]}`)
	for range 5 {
		w.logIn("second", "wrong")
	}
	w.g.Expect(w.admin(http.MethodGet, "users", "")).To(MatchJSON(`{
		"demo-user":{"locked":false,"failedLogins":0},"second":{"locked":true,"failedLogins":5,"accounts":["acc-2"]}}`))
	w.g.Expect(w.admin(http.MethodPut, "users/second", `{"accounts":[]}`)).To(MatchJSON(`{"locked":true,"failedLogins":5}`), "what is left out stays")
	w.admin(http.MethodPost, "users/second/unlock", "")
	w.g.Expect(w.admin(http.MethodGet, "users/second", "")).To(MatchJSON(`{"locked":false,"failedLogins":0}`))
	w.login = field(w.g, w.logIn("second", "p").body, "sessionToken")
	w.g.Expect(w.call(http.MethodGet, "").status).To(Equal(200))
	w.admin(http.MethodPut, "accounts/acc-1", `{"denied":true}`)
	w.g.Expect(w.call(http.MethodGet, "").status).To(Equal(403))
	w.admin(http.MethodPut, "accounts/acc-1", `{"denied":false}`)
	w.admin(http.MethodDelete, "sessions", "")
	w.g.Expect(w.call(http.MethodGet, "").body).To(ContainSubstring("SessionToken.Invalid"))
	w.admin(http.MethodDelete, "tokens", "")
	w.g.Expect(w.call(http.MethodGet, "").body).To(ContainSubstring("900901"))
	w.admin(http.MethodPut, "apps/"+simulator.DefaultClientID, `{"secret":"rotated"}`)
	w.g.Expect(w.askToken(simulator.DefaultClientSecret).status).To(Equal(401))
	w.g.Expect(w.askToken("rotated").status).To(Equal(200))
	w.g.Expect(w.do(http.MethodGet, "/simulator/users/nobody", "").status).To(Equal(404))
	w.admin(http.MethodPost, "reset", "")
	w.g.Expect(w.Users()).To(HaveLen(1))
	w.newToken()
}

func TestOptionsByHand(t *testing.T) {
	w := signedIn(t, simulator.Options{})
	const defaults = `{"latency":"0s","tokenLife":"1h0m0s","sessionIdle":"20m0s","sessionLife":"0s","singleSession":false,"loginRefusal":400,
		"bearerRefusal":"bearer-stale","sessionRefusal":"","accountRefusal":"denied","nothing":"empty","updateMissing":0,"deregisterMissing":0,"asArray":false}`
	w.g.Expect(w.admin(http.MethodGet, "options", "")).To(MatchJSON(defaults))
	const changed = `{"latency":"1s","tokenLife":"2m0s","sessionIdle":"3m0s","sessionLife":"4m0s","singleSession":true,"loginRefusal":401,
		"bearerRefusal":"bare-401","sessionRefusal":"unauthorized-uws","accountRefusal":"forbidden-xml","nothing":"404","updateMissing":404,
		"deregisterMissing":400,"asArray":true}`
	w.g.Expect(w.admin(http.MethodPut, "options", changed)).To(MatchJSON(changed))
	w.admin(http.MethodPut, "options", `{"latency":"0s","normalize":["host-case"]}`)
	w.g.Expect(w.call(http.MethodPut, `{"url":"https://H/"}`).status).To(Equal(404), "what is left out stays")
	w.g.Expect(w.call(http.MethodPost, `{"url":"https://H/"}`).body).To(Equal(`{"url":"https://h/"}`))
	w.admin(http.MethodPut, "options", `{}`)
	w.g.Expect(w.call(http.MethodPost, `{"url":"https://H/"}`).body).To(Equal(`{"url":"https://h/"}`))
	w.admin(http.MethodPut, "options", `{"normalize":[]}`)
	w.g.Expect(w.call(http.MethodPost, `{"url":"https://H/"}`).body).To(Equal(`{"url":"https://H/"}`))
	w.clock.Step(3 * time.Minute)
	w.bearer = w.newToken()
	w.g.Expect(w.call(http.MethodGet, "").body).To(ContainSubstring("UWS"))
}

func TestAdministrationRefuses(t *testing.T) {
	w := newWeb(t, simulator.Options{})
	for _, request := range [][3]string{
		{http.MethodPut, "registrations/a", `{}`}, {http.MethodPut, "registrations/a", ``}, {http.MethodPut, "registrations/a", `{"uri":"x"}`},
		{http.MethodPut, "registrations/a", `{"url":"x","nonsense":1}`},
		{http.MethodPut, "accounts/a", `x`}, {http.MethodPost, "faults", `{"nonsense":1}`}, {http.MethodPost, "faults", `{"operation":"x"}`},
		{http.MethodPost, "faults", `{"delay":"soon"}`}, {http.MethodPut, "users/new", `{"accounts":["a"]}`}, {http.MethodPut, "users/new", `[]`},
		{http.MethodPut, "apps/a", `{}`}, {http.MethodPut, "options", `{"nothing":"x"}`}, {http.MethodPut, "options", `{"normalize":["x"]}`},
		{http.MethodPut, "options", `{"latency":"x"}`}, {http.MethodPut, "options", `{"updateMissing":500}`},
	} {
		answer := w.do(request[0], "/simulator/"+request[1], request[2])
		w.g.Expect(answer.status).To(Equal(400), "%v", request)
		w.g.Expect(answer.body).NotTo(BeEmpty())
	}
	w.g.Expect(w.do(http.MethodGet, "/simulator/nonsense", "").status).To(Equal(404))
	w.g.Expect(w.do(http.MethodPatch, "/simulator/faults", "").status).To(Equal(405))
	w.g.Expect(w.Users()).To(HaveLen(1))
	w.g.Expect(w.Registrations()).To(BeEmpty())
}
