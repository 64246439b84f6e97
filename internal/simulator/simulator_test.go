package simulator_test

import (
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	. "github.com/onsi/gomega"
	clocktesting "k8s.io/utils/clock/testing"

	"github.com/fota-callback-operator/fota-callback-operator/internal/simulator"
)

// web speaks plain HTTP to a simulator, as curl does.
type web struct {
	t      *testing.T
	server *httptest.Server
	token  string
	login  string
}

func newWeb(t *testing.T, s *simulator.Simulator) *web {
	t.Helper()
	server := httptest.NewServer(s)
	t.Cleanup(server.Close)
	return &web{t: t, server: server}
}

func (w *web) do(method, path, body string, header ...string) (int, string) {
	w.t.Helper()
	request, err := http.NewRequestWithContext(w.t.Context(), method, w.server.URL+path, strings.NewReader(body))
	NewWithT(w.t).Expect(err).NotTo(HaveOccurred())
	for i := 0; i < len(header); i += 2 {
		request.Header.Set(header[i], header[i+1])
	}
	response, err := http.DefaultTransport.RoundTrip(request)
	if err != nil {
		return 0, ""
	}
	defer response.Body.Close() //nolint:errcheck // it has been read
	text, _ := io.ReadAll(response.Body)
	return response.StatusCode, string(text)
}

func (w *web) askToken(secret string) (int, string) {
	request := httptest.NewRequestWithContext(w.t.Context(), http.MethodPost, "/", http.NoBody)
	request.SetBasicAuth(simulator.DefaultClientID, secret)
	return w.do(http.MethodPost, "/api/ts/v1/oauth2/token", "grant_type=client_credentials",
		"Authorization", request.Header.Get("Authorization"), "Content-Type", "application/x-www-form-urlencoded")
}

func (w *web) logIn(password string) (int, string) {
	return w.do(http.MethodPost, "/api/m2m/v1/session/login", fmt.Sprintf(`{"username":%q,"password":%q}`, simulator.DefaultUsername, password),
		"Authorization", "Bearer "+w.token)
}

func (w *web) call(method, body string) (int, string) {
	return w.do(method, "/api/fota/v3/callbacks/Acc-1", body, "Authorization", "Bearer "+w.token, "VZ-M2M-Token", w.login,
		"Accept", "application/json", "Content-Type", "application/json")
}

func signedIn(t *testing.T, s *simulator.Simulator) *web {
	t.Helper()
	w := newWeb(t, s)
	g := NewWithT(t)
	status, body := w.askToken(simulator.DefaultClientSecret)
	g.Expect(status).To(Equal(200))
	g.Expect(body).To(ContainSubstring(`"access_token":"token-1"`))
	w.token = "token-1"
	status, body = w.logIn(simulator.DefaultPassword)
	g.Expect(status).To(Equal(200))
	g.Expect(body).To(Equal(`{"sessionToken":"session-2"}`))
	w.login = "session-2"
	return w
}

func TestTheSixCalls(t *testing.T) {
	g, s := NewWithT(t), simulator.New(simulator.Options{})
	w := signedIn(t, s)
	status, body := w.call(http.MethodGet, "")
	g.Expect(status).To(Equal(200))
	g.Expect(body).To(BeEmpty())
	for method, path := range map[string]string{http.MethodPost: "a", http.MethodPut: "b"} {
		status, body = w.call(method, `{"url":"https://h/`+path+`"}`)
		g.Expect(status).To(Equal(200))
		g.Expect(body).To(Equal(`{"url":"https://h/` + path + `"}`))
		g.Expect(s.Registered("ACC-1")).To(Equal("https://h/"+path), "letter case is ignored")
	}
	status, body = w.call(http.MethodDelete, "")
	g.Expect(status).To(Equal(200))
	g.Expect(body).To(Equal(`{"success":true}`))
	g.Expect(s.Registrations()).To(BeEmpty())

	status, body = w.call(http.MethodPost, `{"url":"http://h/"}`)
	g.Expect(status).To(Equal(400))
	g.Expect(body).To(ContainSubstring("INVALID_PARAMETER"))
	g.Expect(s.Count("register")).To(Equal(2))
	g.Expect(s.Requests()).To(HaveLen(7))
}

func TestTokenComesBackTheSame(t *testing.T) {
	clock := clocktesting.NewFakeClock(time.Now())
	g, w := NewWithT(t), newWeb(t, simulator.New(simulator.Options{Clock: clock}))
	_, first := w.askToken(simulator.DefaultClientSecret)
	clock.Step(20 * time.Minute)
	_, second := w.askToken(simulator.DefaultClientSecret)
	g.Expect(first).To(And(ContainSubstring("token-1"), ContainSubstring(`"expires_in":3600`)))
	g.Expect(second).To(And(ContainSubstring("token-1"), ContainSubstring(`"expires_in":2400`)))
	clock.Step(40 * time.Minute)
	_, third := w.askToken(simulator.DefaultClientSecret)
	g.Expect(third).To(ContainSubstring("token-2"))
	status, body := w.askToken("wrong")
	g.Expect(status).To(Equal(401))
	g.Expect(body).To(ContainSubstring("invalid_client"))
}

func TestTheFifthRefusedLoginLocks(t *testing.T) {
	g, s := NewWithT(t), simulator.New(simulator.Options{})
	w := signedIn(t, s)
	for n := range 5 {
		g.Expect(s.Locked(simulator.DefaultUsername)).To(BeFalse())
		g.Expect(s.FailedLogins(simulator.DefaultUsername)).To(Equal(n))
		status, _ := w.logIn("wrong")
		g.Expect(status).To(Equal(400))
	}
	g.Expect(s.Locked(simulator.DefaultUsername)).To(BeTrue())
	_, body := w.logIn(simulator.DefaultPassword)
	g.Expect(body).To(ContainSubstring("UserLocked"))
	s.SetUser(simulator.DefaultUsername, simulator.DefaultPassword)
	status, _ := w.logIn(simulator.DefaultPassword)
	g.Expect(status).To(Equal(200))
}

func TestSessionsEnd(t *testing.T) {
	clock := clocktesting.NewFakeClock(time.Now())
	g, s := NewWithT(t), simulator.New(simulator.Options{Clock: clock, SessionLife: 30 * time.Minute})
	w := signedIn(t, s)
	for range 2 {
		clock.Step(14 * time.Minute)
		status, _ := w.call(http.MethodGet, "")
		g.Expect(status).To(Equal(200), "used within 20 minutes")
	}
	clock.Step(2 * time.Minute)
	status, body := w.call(http.MethodGet, "")
	g.Expect(status).To(Equal(400))
	g.Expect(body).To(ContainSubstring("SessionToken.Expired"))
	s.EndSessions()
	_, body = w.call(http.MethodGet, "")
	g.Expect(body).To(ContainSubstring("SessionToken.Invalid"))
	s.EndTokens()
	status, body = w.call(http.MethodGet, "")
	g.Expect(status).To(Equal(401))
	g.Expect(body).To(ContainSubstring("900901"))
	w.token = ""
	_, body = w.call(http.MethodGet, "")
	g.Expect(body).To(ContainSubstring("900902"))
}

func TestFaults(t *testing.T) {
	g, s := NewWithT(t), simulator.New(simulator.Options{})
	w := signedIn(t, s)
	s.Inject(simulator.Fault{Operation: "mutation", Account: "ACC-1", Times: 2, Applied: true})
	status, _ := w.call(http.MethodPost, `{"url":"https://h/"}`)
	g.Expect(status).To(BeZero(), "no answer")
	g.Expect(s.Registered("acc-1")).To(Equal("https://h/"), "but the effect")
	status, _ = w.call(http.MethodGet, "")
	g.Expect(status).To(Equal(200), "not a mutation")
	status, _ = w.call(http.MethodDelete, "")
	g.Expect(status).To(BeZero())
	status, _ = w.call(http.MethodDelete, "")
	g.Expect(status).To(Equal(200), "used up")
	s.Deny("acc-1", true)
	status, _ = w.call(http.MethodGet, "")
	g.Expect(status).To(Equal(403))
}

func TestAdministration(t *testing.T) {
	g, s := NewWithT(t), simulator.New(simulator.Options{})
	w := newWeb(t, s)
	do := func(method, path, body string) string {
		t.Helper()
		status, text := w.do(method, "/simulator/"+path, body)
		g.Expect(status).To(Equal(200), text)
		return text
	}
	do(http.MethodPut, "registrations/acc-1", `{"url":"https://h/"}`)
	g.Expect(do(http.MethodGet, "registrations", "")).To(MatchJSON(`{"acc-1":"https://h/"}`))
	do(http.MethodDelete, "registrations/acc-1", "")
	g.Expect(s.Registrations()).To(BeEmpty())
	do(http.MethodPost, "faults", `{"operation":"token","status":503,"times":1}`)
	status, _ := w.askToken(simulator.DefaultClientSecret)
	g.Expect(status).To(Equal(503))
	g.Expect(do(http.MethodGet, "counts", "")).To(MatchJSON(`{"token":1}`))
	do(http.MethodPut, "users/somebody", `{"password":"p"}`)
	g.Expect(do(http.MethodGet, "users/somebody", "")).To(MatchJSON(`{"locked":false,"failedLogins":0}`))
	status, _ = w.do(http.MethodPost, "/simulator/faults", `{"nonsense":1}`)
	g.Expect(status).To(Equal(400))
	do(http.MethodPost, "reset", "")
	g.Expect(s.Requests()).To(BeEmpty())
}
