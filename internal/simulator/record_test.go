package simulator_test

import (
	"encoding/json"
	"fmt"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"
	"time"

	. "github.com/onsi/gomega"

	"github.com/fota-callback-operator/fota-callback-operator/internal/simulator"
)

func TestRecord(t *testing.T) {
	var told []simulator.Request
	w := newWeb(t, simulator.Options{OnRequest: func(r simulator.Request) { told = append(told, r) }})
	w.signIn()
	w.clock.Step(time.Second)
	w.call(http.MethodPost, `{"url":"https://h/secret-path"}`)
	w.call(http.MethodPut, `{"nonsense":1}`)
	w.callAt("/api/fota/v3/callbacks/acc-2", http.MethodDelete, "")
	w.call(http.MethodGet, "")
	now := w.clock.Now()
	const user, body = simulator.DefaultUsername, `{"url":"https://h/secret-path"}`
	wanted := []simulator.Request{
		{Time: now.Add(-time.Second), Operation: "token", Method: "POST", Status: 200},
		{Time: now.Add(-time.Second), Operation: "login", Method: "POST", Status: 200, User: user},
		{Time: now, Operation: "register", Method: "POST", Account: "Acc-1", Status: 200, User: user, URL: "https://h/secret-path", Body: body, Effect: true},
		{Time: now, Operation: "update", Method: "PUT", Account: "Acc-1", Status: 400, User: user, Body: `{"nonsense":1}`},
		{Time: now, Operation: "deregister", Method: "DELETE", Account: "acc-2", Status: 200, User: user},
		{Time: now, Operation: "list", Method: "GET", Account: "Acc-1", Status: 200, User: user},
	}
	w.g.Expect(w.Requests()).To(Equal(wanted))
	w.g.Expect(told).To(Equal(wanted))
	w.g.Expect(w.MutationsOf("ACC-1")).To(Equal(wanted[2:4]))
	w.g.Expect(w.MutationsOf("acc-3")).To(BeEmpty())
	w.ResetRecord()
	w.g.Expect(w.Requests()).To(BeEmpty())
	w.g.Expect(w.Count("list")).To(BeZero())
	w.g.Expect(w.Registered("acc-1")).NotTo(BeEmpty(), "and nothing else is forgotten")
	w.Reset()
	w.g.Expect(w.Registrations()).To(BeEmpty())
	w.g.Expect(w.call(http.MethodGet, "").status).To(Equal(401))
}

func TestRecordHoldsNoCredentials(t *testing.T) {
	options := simulator.Options{ClientID: "canary-key", ClientSecret: "canary-secret", Username: "somebody", Password: "canary-password"}
	w := newWeb(t, options)
	form := "grant_type=client_credentials&client_secret=canary-form"
	w.bearer = field(w.g, w.do(http.MethodPost, "/api/ts/v1/oauth2/token", form,
		"Authorization", basic("canary-key", "canary-secret"), "Content-Type", "application/x-www-form-urlencoded").body, "access_token")
	w.login = field(w.g, w.logIn("somebody", "canary-password").body, "sessionToken")
	w.logIn("somebody", "canary-wrong")
	w.call(http.MethodGet, "")
	w.call(http.MethodDelete, `{"canary":"body"}`)
	w.callAt("/api/m2m/v1/session/password?canary=query", http.MethodPut, `{"password":"canary-new"}`)
	var admin strings.Builder
	for _, path := range []string{"requests", "users", "options", "counts", "faults"} {
		admin.WriteString(w.admin(http.MethodGet, path, ""))
	}
	record, err := json.Marshal(w.Requests())
	w.g.Expect(err).NotTo(HaveOccurred())
	for _, secret := range []string{"canary", w.bearer, w.login, "Basic", "Bearer "} {
		w.g.Expect(string(record)).NotTo(ContainSubstring(secret))
		w.g.Expect(admin.String()).NotTo(ContainSubstring(secret))
	}
}

func TestRecordIsBounded(t *testing.T) {
	w := signedIn(t, simulator.Options{LogSize: 3})
	for n := range 10 {
		w.callAt(fmt.Sprintf("/api/fota/v3/callbacks/acc-%d", n), http.MethodGet, "")
		kept := w.Requests()
		w.g.Expect(kept).To(HaveLen(min(n+1, 3)))
		for age, entry := range kept {
			w.g.Expect(entry.Account).To(Equal(fmt.Sprintf("acc-%d", n+1-len(kept)+age)), "the newest are kept")
		}
	}
	w.g.Expect(w.Count("list")).To(Equal(10), "counts are not bounded")
}

func TestManyAtOnce(t *testing.T) {
	w := signedIn(t, simulator.Options{})
	var everybody sync.WaitGroup
	var mu sync.Mutex
	statuses := map[int]int{}
	for worker := range 8 {
		everybody.Go(func() {
			for n := range 50 {
				for _, method := range []string{http.MethodPost, http.MethodGet, http.MethodPut, http.MethodDelete} {
					recorder := httptest.NewRecorder()
					request := httptest.NewRequestWithContext(t.Context(), method,
						fmt.Sprintf("/api/fota/v3/callbacks/acc-%d-%d", worker, n), strings.NewReader(`{"url":"https://h/"}`))
					request.Header.Set("Authorization", "Bearer "+w.bearer)
					request.Header.Set("VZ-M2M-Token", w.login)
					request.Header.Set("Accept", "application/json")
					request.Header.Set("Content-Type", "application/json")
					w.ServeHTTP(recorder, request)
					mu.Lock()
					statuses[recorder.Code]++
					mu.Unlock()
				}
				w.Inject(simulator.Fault{Operation: "token"}).Clear()
				w.Register("somebody-elses", "https://h/")
				w.MutationsOf("acc-1-1")
			}
		})
	}
	everybody.Wait()
	w.g.Expect(statuses).To(Equal(map[int]int{200: 1600}))
	w.g.Expect(w.Counts()).To(Equal(map[string]int{"list": 400, "register": 400, "update": 400, "deregister": 400}))
	w.g.Expect(w.Registrations()).To(HaveLen(1))
}

// BenchmarkList has 10,000 accounts registered.
func BenchmarkList(b *testing.B) {
	s := simulator.New(simulator.Options{LogSize: 1000})
	for n := range 10_000 {
		s.Register(fmt.Sprintf("acc-%d", n), "https://h/")
	}
	post := func(path, body string, header http.Header) string {
		recorder := httptest.NewRecorder()
		request := httptest.NewRequestWithContext(b.Context(), http.MethodPost, path, strings.NewReader(body))
		request.Header = header
		s.ServeHTTP(recorder, request)
		return recorder.Body.String()
	}
	header := http.Header{"Content-Type": {"application/x-www-form-urlencoded"},
		"Authorization": {basic(simulator.DefaultClientID, simulator.DefaultClientSecret)}}
	g := NewWithT(b)
	bearer := field(g, post("/api/ts/v1/oauth2/token", "grant_type=client_credentials", header), "access_token")
	header = http.Header{"Content-Type": {"application/json"}, "Accept": {"application/json"}, "Authorization": {"Bearer " + bearer}}
	login := `{"username":"` + simulator.DefaultUsername + `","password":"` + simulator.DefaultPassword + `"}`
	header.Set("VZ-M2M-Token", field(g, post("/api/m2m/v1/session/login", login, header), "sessionToken"))
	for n := 0; b.Loop(); n++ {
		recorder := httptest.NewRecorder()
		request := httptest.NewRequestWithContext(b.Context(), http.MethodGet, fmt.Sprintf("/api/fota/v3/callbacks/acc-%d", n%10_000), http.NoBody)
		request.Header = header
		s.ServeHTTP(recorder, request)
		if recorder.Code != http.StatusOK {
			b.Fatal(recorder.Code, recorder.Body)
		}
	}
}
