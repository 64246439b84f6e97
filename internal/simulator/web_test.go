package simulator_test

import (
	"encoding/base64"
	"encoding/json"
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

const acc1 = "/api/fota/v3/callbacks/Acc-1"

// web speaks plain HTTP to a simulator, as curl does.
type web struct {
	*simulator.Simulator

	t      *testing.T
	g      Gomega
	clock  *clocktesting.FakeClock
	server *httptest.Server
	client *http.Client
	bearer string
	login  string
}

// response is an answer that has been read; status 0 where the connection was closed instead.
type response struct {
	status int
	body   string
	header http.Header
	// chunked is whether the body had no announced length, whole whether all of it came.
	chunked, whole bool
}

func newWeb(t *testing.T, options simulator.Options) *web {
	t.Helper()
	w := &web{t: t, g: NewWithT(t), clock: clocktesting.NewFakeClock(time.Date(2026, 11, 23, 12, 0, 0, 0, time.UTC))}
	options.Clock = w.clock
	w.Simulator = simulator.New(options)
	w.server = httptest.NewServer(w.Simulator)
	t.Cleanup(w.server.Close)
	// Connections are not kept and gzip is not asked for: what comes is what was sent.
	w.client = &http.Client{
		Transport:     &http.Transport{DisableKeepAlives: true, DisableCompression: true},
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
	}
	return w
}

// signedIn is a web with a token and a session of the default user, and nothing on record.
func signedIn(t *testing.T, options simulator.Options) *web {
	t.Helper()
	w := newWeb(t, options)
	w.signIn()
	w.ResetRecord()
	return w
}

func (w *web) signIn() {
	w.t.Helper()
	w.bearer = w.newToken()
	w.login = w.newSession()
}

func (w *web) newToken() string {
	w.t.Helper()
	answer := w.askToken(simulator.DefaultClientSecret)
	w.g.Expect(answer.status).To(Equal(200), answer.body)
	return field(w.g, answer.body, "access_token")
}

func (w *web) newSession() string {
	w.t.Helper()
	answer := w.logIn(simulator.DefaultUsername, simulator.DefaultPassword)
	w.g.Expect(answer.status).To(Equal(200), answer.body)
	return field(w.g, answer.body, "sessionToken")
}

func field(g Gomega, body, name string) string {
	var fields map[string]any
	g.Expect(json.Unmarshal([]byte(body), &fields)).To(Succeed(), body)
	value, _ := fields[name].(string)
	g.Expect(value).NotTo(BeEmpty(), body)
	return value
}

// do sends a request; headers come in pairs, an empty value sends none.
func (w *web) do(method, path, body string, header ...string) response {
	w.t.Helper()
	request, err := http.NewRequestWithContext(w.t.Context(), method, w.server.URL+path, strings.NewReader(body))
	w.g.Expect(err).NotTo(HaveOccurred())
	for i := 0; i < len(header); i += 2 {
		if header[i+1] != "" {
			request.Header.Set(header[i], header[i+1])
		}
	}
	answer, err := w.client.Do(request)
	if err != nil {
		return response{}
	}
	defer answer.Body.Close() //nolint:errcheck // it has been read
	text, err := io.ReadAll(io.LimitReader(answer.Body, 4<<20))
	return response{answer.StatusCode, string(text), answer.Header, answer.ContentLength < 0, err == nil}
}

func basic(id, secret string) string {
	return "Basic " + base64.StdEncoding.EncodeToString([]byte(id+":"+secret))
}

func (w *web) askToken(secret string) response {
	w.t.Helper()
	return w.do(http.MethodPost, "/api/ts/v1/oauth2/token", "grant_type=client_credentials",
		"Authorization", basic(simulator.DefaultClientID, secret), "Content-Type", "application/x-www-form-urlencoded")
}

func (w *web) logIn(name, password string) response {
	w.t.Helper()
	return w.do(http.MethodPost, "/api/m2m/v1/session/login", fmt.Sprintf(`{"username":%q,"password":%q}`, name, password),
		"Authorization", "Bearer "+w.bearer, "Content-Type", "application/json")
}

// call makes one of the four calls for Acc-1 as a client should; further headers replace its own.
func (w *web) call(method, body string, header ...string) response {
	w.t.Helper()
	return w.callAt(acc1, method, body, header...)
}

func (w *web) callAt(path, method, body string, header ...string) response {
	w.t.Helper()
	merged := map[string]string{
		"Authorization": "Bearer " + w.bearer, "VZ-M2M-Token": w.login, "Accept": "application/json", "Content-Type": "application/json",
	}
	for i := 0; i < len(header); i += 2 {
		merged[header[i]] = header[i+1]
	}
	var all []string
	for name, value := range merged {
		all = append(all, name, value)
	}
	return w.do(method, path, body, all...)
}

// callsOf are the four calls, each with the body that it needs.
var callsOf = map[string][2]string{
	"list":       {http.MethodGet, ""},
	"register":   {http.MethodPost, `{"url":"https://h/registered"}`},
	"update":     {http.MethodPut, `{"url":"https://h/updated"}`},
	"deregister": {http.MethodDelete, ""},
}
