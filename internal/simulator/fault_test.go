package simulator_test

import (
	"bufio"
	"compress/gzip"
	"context"
	"encoding/json"
	"io"
	"net/http"
	"strings"
	"testing"
	"time"

	. "github.com/onsi/gomega"

	"github.com/fota-callback-operator/fota-callback-operator/internal/simulator"
)

func TestNamedAnswers(t *testing.T) {
	wanted := map[simulator.Answer]struct {
		status int
		says   string
	}{
		simulator.AnswerSessionExpired:    {400, `"errorCode":"UnifiedWebService.REQUEST_FAILED.SessionToken.Expired"`},
		simulator.AnswerSessionInvalid:    {400, `"errorCode":"UnifiedWebService.REQUEST_FAILED.SessionToken.Invalid"`},
		simulator.AnswerSessionFormat:     {400, `"errorCode":"UnifiedWebService.REQUEST_FAILED.SessionToken.Format"`},
		simulator.AnswerSessionExpired401: {401, "SessionToken.Expired"},
		simulator.AnswerSessionExpired403: {403, "SessionToken.Expired"},
		simulator.AnswerUnauthorizedUWS:   {401, `{"error":"unauthorized","error_description":"Full authentication is required: UWS session"}`},
		simulator.AnswerBare401:           {401, ""},
		simulator.AnswerBearerStale:       {401, `{"fault":{"code":"900901","description":"Invalid Credentials","message":"Invalid Credentials"}}`},
		simulator.AnswerBearerStaleNumber: {401, `{"fault":{"code":900901,`},
		simulator.AnswerBearerMissing:     {401, `"code":"900902"`},
		simulator.AnswerForbiddenXML:      {403, "<am:code>900908</am:code>"},
		simulator.AnswerNotSubscribed:     {403, `"code":"900908"`},
		simulator.AnswerThrottled:         {429, `"code":"900800"`},
		simulator.AnswerThrottled403:      {403, `"code":"900802"`},
		simulator.AnswerDenied:            {403, `"errorCode":"ACCESS_DENIED"`},
		simulator.AnswerInvalidParameter:  {400, `"errorCode":"INVALID_PARAMETER"`},
		simulator.AnswerNotRegistered:     {400, `"errorCode":"CALLBACK_NOT_REGISTERED"`},
		simulator.AnswerNotSuccessful:     {200, `{"success":false}`},
		simulator.AnswerServerError:       {500, `"errorCode":"INTERNAL_ERROR"`},
		simulator.AnswerUnavailable:       {503, ""},
		simulator.AnswerHTML:              {200, "<html>"},
		simulator.AnswerGarbage:           {200, "\x00\xff\xfe"},
		simulator.AnswerGzipBomb:          {200, "\x1f\x8b"},
	}
	w := newWeb(t, simulator.Options{})
	w.g.Expect(simulator.Answers()).To(HaveLen(len(wanted)))
	for _, name := range simulator.Answers() {
		w.Inject(simulator.Fault{Answer: name, Times: 2})
		for _, got := range []response{w.call(http.MethodGet, ""), w.askToken("x")} {
			w.g.Expect(got.status).To(Equal(wanted[name].status), string(name))
			w.g.Expect(got.body).To(ContainSubstring(wanted[name].says), string(name))
			w.g.Expect(got.whole).To(BeTrue())
			if json.Valid([]byte(got.body)) {
				w.g.Expect(got.header.Get("Content-Type")).To(Equal("application/json"))
			}
		}
	}
	w.Inject(simulator.Fault{Answer: simulator.AnswerThrottled, Status: 503, Header: map[string]string{"Retry-After": "7"}, Body: "later"})
	got := w.call(http.MethodGet, "")
	w.g.Expect([]any{got.status, got.body, got.header.Get("Retry-After")}).To(Equal([]any{503, "later", "7"}), "the name supplies what is left out")
}

func TestHeadersOfOneFaultAreNotThoseOfTheNext(t *testing.T) {
	w := newWeb(t, simulator.Options{})
	w.Inject(simulator.Fault{Answer: simulator.AnswerHTML, Header: map[string]string{"X-One": "1"}, CutOff: true, Times: 1})
	w.Inject(simulator.Fault{Answer: simulator.AnswerHTML, Times: 1})
	first, second := w.call(http.MethodGet, ""), w.call(http.MethodGet, "")
	w.g.Expect([]any{first.header.Get("X-One"), first.whole}).To(Equal([]any{"1", false}))
	w.g.Expect([]any{second.header.Get("X-One"), second.whole}).To(Equal([]any{"", true}))
	w.g.Expect(second.header.Get("Content-Type")).To(Equal("text/html"))
}

func TestGzipBomb(t *testing.T) {
	w := newWeb(t, simulator.Options{})
	w.Inject(simulator.Fault{Answer: simulator.AnswerGzipBomb})
	got := w.call(http.MethodGet, "")
	w.g.Expect(got.header.Get("Content-Encoding")).To(Equal("gzip"))
	w.g.Expect(len(got.body)).To(BeNumerically("<", 2<<20))
	reader, err := gzip.NewReader(strings.NewReader(got.body))
	w.g.Expect(err).NotTo(HaveOccurred())
	w.g.Expect(io.CopyN(io.Discard, reader, 32<<20)).To(BeNumerically("==", 32<<20), "many members are one stream")
	w.g.Expect(strings.Count(got.body, "\x1f\x8b\x08")).To(BeNumerically(">=", 1<<10), "of a mebibyte each")
}

func TestWhichRequestsAFaultMeets(t *testing.T) {
	all := []string{"list", "register", "update", "deregister", "token", "login"}
	for operation, met := range map[string][]string{
		"": all, "mutation": all[1:4], "list": {"list"}, "register": {"register"}, "update": {"update"}, "deregister": {"deregister"},
		"token": {"token"}, "login": {"login"},
	} {
		w := signedIn(t, simulator.Options{})
		w.Inject(simulator.Fault{Operation: operation, Status: 599})
		var got []string
		for _, asked := range all {
			var answer response
			switch asked {
			case "token":
				answer = w.askToken(simulator.DefaultClientSecret)
			case "login":
				answer = w.logIn(simulator.DefaultUsername, simulator.DefaultPassword)
			default:
				answer = w.call(callsOf[asked][0], callsOf[asked][1])
			}
			if answer.status == 599 {
				got = append(got, asked)
			}
		}
		w.g.Expect(got).To(Equal(met), operation)
	}
}

func TestFaultsByAccountTimesAndOrder(t *testing.T) {
	w := signedIn(t, simulator.Options{})
	other := func() int { return w.callAt("/api/fota/v3/callbacks/acc-2", http.MethodGet, "").status }
	mine := func() int { return w.call(http.MethodGet, "").status }
	first := w.Inject(simulator.Fault{Account: "ACC-1", Status: 501, Times: 2})
	second := w.Inject(simulator.Fault{Account: "acc-1", Status: 502})
	third := w.Inject(simulator.Fault{Account: "acc-1", Status: 503})
	w.g.Expect([]int{mine(), other(), mine(), other(), mine(), mine()}).To(Equal([]int{501, 200, 501, 200, 502, 502}))
	w.g.Expect([]int{first.Used(), second.Used(), third.Used()}).To(Equal([]int{2, 2, 0}))
	second.Clear()
	w.g.Expect(mine()).To(Equal(503))
	second.Clear()
	w.g.Expect(mine()).To(Equal(503), "clearing twice clears no other")
	w.ClearFaults()
	w.g.Expect(mine()).To(Equal(200))
}

func TestConnectionDroppedBeforeAndAfterTheEffect(t *testing.T) {
	for operation, stored := range map[string]string{"register": "https://h/registered", "update": "https://h/updated", "deregister": ""} {
		for _, fault := range []simulator.Fault{{}, {Status: 503}, {Answer: simulator.AnswerHTML}} {
			for _, applied := range []bool{false, true} {
				w := signedIn(t, simulator.Options{})
				w.Register("acc-1", "https://h/before")
				fault.Applied, fault.Times = applied, 1
				w.Inject(fault)
				answer := w.call(callsOf[operation][0], callsOf[operation][1])
				w.g.Expect(answer.body).NotTo(Or(ContainSubstring("https://"), ContainSubstring("true")), "the answer is lost")
				after := "https://h/before"
				if applied {
					after = stored
				}
				w.g.Expect(w.Registered("acc-1")).To(Equal(after), operation)
				entry := w.MutationsOf("acc-1")[0]
				w.g.Expect([]any{entry.Operation, entry.Status, entry.Effect}).To(Equal([]any{operation, answer.status, applied}))
			}
		}
	}
	w := signedIn(t, simulator.Options{})
	w.Inject(simulator.Fault{Operation: "login", Applied: true})
	for range 5 {
		w.g.Expect(w.logIn(simulator.DefaultUsername, "wrong").status).To(BeZero())
	}
	w.g.Expect(w.Locked(simulator.DefaultUsername)).To(BeTrue(), "a refusal that was lost counts")
}

// later makes a call that does not end by itself.
func (w *web) later(ctx context.Context, method, body string) <-chan response {
	ended := make(chan response, 1)
	copied := *w
	go func() {
		request, err := http.NewRequestWithContext(ctx, method, copied.server.URL+acc1, strings.NewReader(body))
		if err != nil {
			panic(err)
		}
		for name, value := range map[string]string{
			"Authorization": "Bearer " + copied.bearer, "VZ-M2M-Token": copied.login, "Accept": "application/json", "Content-Type": "application/json",
		} {
			request.Header.Set(name, value)
		}
		answer, err := copied.client.Do(request)
		if err != nil {
			ended <- response{}
			return
		}
		defer answer.Body.Close() //nolint:errcheck // it has been read
		text, err := io.ReadAll(answer.Body)
		ended <- response{status: answer.StatusCode, body: string(text), whole: err == nil}
	}()
	return ended
}

func TestLatencyAndDelay(t *testing.T) {
	for name, slow := range map[string]func(w *web){
		"latency": func(w *web) {
			w.g.Expect(w.Configure(func(o *simulator.Options) { o.Latency = time.Minute })).To(Succeed())
		},
		"a right answer, late": func(w *web) { w.Inject(simulator.Fault{Answer: simulator.AnswerRight, Delay: time.Minute}) },
	} {
		t.Run(name, func(t *testing.T) {
			w := signedIn(t, simulator.Options{})
			slow(w)
			answer := w.later(t.Context(), http.MethodPost, `{"url":"https://h/"}`)
			w.g.Eventually(w.clock.HasWaiters).Should(BeTrue())
			w.g.Expect(w.Registered("acc-1")).To(Equal("https://h/"), "the effect does not wait")
			w.clock.Step(59 * time.Second)
			w.g.Consistently(answer, "50ms").ShouldNot(Receive())
			w.clock.Step(time.Second)
			w.g.Eventually(answer).Should(Receive(Equal(response{status: 200, body: `{"url":"https://h/"}`, whole: true})))
		})
	}
}

func TestHang(t *testing.T) {
	for _, applied := range []bool{false, true} {
		w := signedIn(t, simulator.Options{})
		w.Inject(simulator.Fault{Hang: true, Applied: applied, Answer: simulator.AnswerHTML, Times: 1})
		ctx, leave := context.WithCancel(t.Context())
		answer := w.later(ctx, http.MethodPost, `{"url":"https://h/"}`)
		w.g.Eventually(w.Requests).Should(HaveLen(1))
		w.g.Consistently(answer, "50ms").ShouldNot(Receive())
		w.g.Expect(w.call(http.MethodGet, "").status).To(Equal(200), "others are served meanwhile")
		leave()
		w.g.Eventually(answer).Should(Receive())
		w.g.Expect(w.Registrations()).To(HaveLen(map[bool]int{true: 1}[applied]))
		w.g.Expect(w.Requests()[0].Status).To(BeZero())
	}
}

func TestCutOffEndlessAndSlowBodies(t *testing.T) {
	w := signedIn(t, simulator.Options{})
	w.Register("acc-1", "https://h/")
	w.Inject(simulator.Fault{Answer: simulator.AnswerRight, CutOff: true, Times: 1})
	got := w.call(http.MethodGet, "")
	w.g.Expect([]any{got.status, got.body, got.whole}).To(Equal([]any{200, `{"url":"https://h/"}`, false}), "all there, and not ended")
	long := strings.Repeat("x", 5000)
	w.Inject(simulator.Fault{Status: 200, Body: long, CutOff: true, Times: 1})
	got = w.call(http.MethodGet, "")
	w.g.Expect([]any{got.body, got.whole}).To(Equal([]any{long, false}))

	w.Inject(simulator.Fault{Status: 200, Endless: true, Times: 1})
	got = w.call(http.MethodGet, "")
	w.g.Expect(got.body).To(HaveLen(4<<20), "as much as is read")

	w.Inject(simulator.Fault{Answer: simulator.AnswerRight, Drip: time.Second, Times: 1})
	answer := w.later(t.Context(), http.MethodGet, "")
	const body = `{"url":"https://h/"}`
	for range body {
		w.g.Expect(answer).NotTo(Receive())
		w.g.Eventually(w.clock.HasWaiters).Should(BeTrue())
		w.clock.Step(time.Second)
	}
	w.g.Eventually(answer).Should(Receive(Equal(response{status: 200, body: body, whole: true})))
}

func TestDripArrivesByteByByte(t *testing.T) {
	w := signedIn(t, simulator.Options{})
	w.Inject(simulator.Fault{Status: 200, Body: "ab", Drip: time.Second})
	request, err := http.NewRequestWithContext(t.Context(), http.MethodGet, w.server.URL+acc1, http.NoBody)
	w.g.Expect(err).NotTo(HaveOccurred())
	answer, err := w.client.Do(request)
	w.g.Expect(err).NotTo(HaveOccurred())
	defer answer.Body.Close() //nolint:errcheck // it has been read
	body := bufio.NewReader(answer.Body)
	w.g.Expect(body.ReadByte()).To(BeEquivalentTo('a'))
	w.g.Expect(body.Buffered()).To(BeZero())
	w.g.Eventually(w.clock.HasWaiters).Should(BeTrue())
	w.clock.Step(time.Second)
	w.g.Expect(body.ReadByte()).To(BeEquivalentTo('b'))
	w.g.Eventually(w.clock.HasWaiters).Should(BeTrue())
	w.clock.Step(time.Second)
	_, err = body.ReadByte()
	w.g.Expect(err).To(MatchError(io.EOF))
}

func TestRedirect(t *testing.T) {
	w := signedIn(t, simulator.Options{})
	for _, status := range []int{301, 302, 303, 307, 308} {
		w.Inject(simulator.Fault{Status: status, Header: map[string]string{"Location": "/api/elsewhere"}, Times: 1})
		got := w.call(http.MethodPost, `{"url":"https://h/"}`)
		w.g.Expect([]any{got.status, got.header.Get("Location")}).To(Equal([]any{status, "/api/elsewhere"}))
	}
	w.g.Expect(w.Registrations()).To(BeEmpty())
}

func TestFaultsThatMakeNoSense(t *testing.T) {
	w := newWeb(t, simulator.Options{})
	for message, fault := range map[string]simulator.Fault{
		`no operation "lists"`:  {Operation: "lists"},
		`no answer "x"`:         {Answer: "x"},
		"600 is no status":      {Status: 600},
		"100 is no status":      {Status: 100},
		"can't be negative":     {Times: -1},
		"drip can't be negativ": {Delay: -1},
	} {
		w.g.Expect(fault.Validate()).To(MatchError(ContainSubstring(message)))
		w.g.Expect(func() { w.Inject(fault) }).To(PanicWith(ContainSubstring(message)))
	}
	w.g.Expect(func() { simulator.New(simulator.Options{Nothing: "x"}) }).To(PanicWith(ContainSubstring(`no way "x"`)))
	for _, options := range []simulator.Options{{BearerRefusal: "x"}, {SessionRefusal: "x"}, {AccountRefusal: simulator.AnswerRight}} {
		w.g.Expect(options.Validate()).To(MatchError(ContainSubstring("there is no answer")))
	}
	w.g.Expect(w.Configure(func(o *simulator.Options) { o.UpdateMissing = 1 })).To(MatchError(ContainSubstring("200, 400 or 404")))
}

func TestFaultAsJSON(t *testing.T) {
	g := NewWithT(t)
	fault := simulator.Fault{Operation: "list", Answer: simulator.AnswerRight, Delay: 1500 * time.Millisecond, Drip: time.Second, Times: 3}
	written, err := json.Marshal(fault)
	g.Expect(err).NotTo(HaveOccurred())
	g.Expect(written).To(MatchJSON(`{"operation":"list","answer":"right","delay":"1.5s","drip":"1s","times":3}`))
	var read simulator.Fault
	g.Expect(json.Unmarshal(written, &read)).To(Succeed())
	g.Expect(read).To(Equal(fault))
	for _, wrong := range []string{`{"delay":5}`, `{"delay":"5"}`, `{"opration":"list"}`} {
		g.Expect(json.Unmarshal([]byte(wrong), &read)).NotTo(Succeed(), wrong)
	}
}
