package thingspace

import (
	"errors"
	"net/http"
	"strings"
	"testing"
	"time"

	. "github.com/onsi/gomega"
)

const someURL = "https://fota.example.com/callbacks/east"

func TestRegistration(t *testing.T) {
	for name, test := range map[string]struct {
		status int
		body   string
		url    string
	}{
		"a summary":                  {200, `{"url":"` + someURL + `"}`, someURL},
		"a summary with more":        {200, `{"url":"` + someURL + `","name":"FotaService"}`, someURL},
		"V1's array of one":          {200, ` [ {"url":"` + someURL + `"} ] `, someURL},
		"an old http URL":            {200, `{"url":"http://10.120.102.183:50559/Listener.asmx"}`, "http://10.120.102.183:50559/Listener.asmx"},
		"a URL as long as may be":    {200, `{"url":"https://a/` + strings.Repeat("x", maxRemoteURL-len("https://a/")) + `"}`, "https://a/" + strings.Repeat("x", maxRemoteURL-len("https://a/"))},
		"no body":                    {200, "", ""},
		"white space":                {200, " \r\n\t", ""},
		"null":                       {200, "null", ""},
		"an empty object":            {200, "{}", ""},
		"an empty array":             {200, "[]", ""},
		"an array of nothing":        {200, "[{}]", ""},
		"a null URL":                 {200, `{"url":null}`, ""},
		"an empty URL":               {200, `{"url":""}`, ""},
		"204":                        {204, "", ""},
		"404 without a body":         {404, "", ""},
		"404 in JSON":                {404, `{"errorCode":"CALLBACK_NOT_REGISTERED"}`, ""},
		"404 in JSON of any code":    {404, `{"errorCode":"NOT_FOUND"}`, ""},
		"400 not registered":         {400, `{"errorCode":"CALLBACK_NOT_REGISTERED"}`, ""},
		"403 not registered":         {403, `{"errorCode":"Callback_Not_Found"}`, ""},
		"400 not registered, prefix": {400, `{"errorCode":"FotaService.CallbackNotRegistered"}`, ""},
	} {
		t.Run(name, func(t *testing.T) {
			g := NewWithT(t)
			url, err := answer{status: test.status, body: []byte(test.body)}.registration()
			g.Expect(err).NotTo(HaveOccurred())
			g.Expect(url).To(Equal(test.url))
		})
	}
}

// What can't be read is an error, never "nothing registered": that would be registered over.
func TestRegistrationRefusesWhatItCannotRead(t *testing.T) {
	unexpectedAnswer, denied, rejected := &UnexpectedResponseError{}, &AccessDeniedError{}, &RequestRejectedError{}
	limited, unavailable := &RateLimitedError{}, &UnavailableError{}
	for name, test := range map[string]struct {
		status int
		body   string
		kind   any
	}{
		"HTML":                     {200, "<html>Sign in to the proxy</html>", &unexpectedAnswer},
		"cut off":                  {200, `{"url":"https://fota.exa`, &unexpectedAnswer},
		"cut off array":            {200, `[{"url":"` + someURL + `"}`, &unexpectedAnswer},
		"garbage after it":         {200, `{"url":"` + someURL + `"}{}`, &unexpectedAnswer},
		"a number":                 {200, "17", &unexpectedAnswer},
		"text":                     {200, `"` + someURL + `"`, &unexpectedAnswer},
		"another object":           {200, `{"foo":1}`, &unexpectedAnswer},
		"another letter case":      {200, `{"URL":"` + someURL + `"}`, &unexpectedAnswer},
		"a list of null":           {200, "[null]", &unexpectedAnswer},
		"two":                      {200, `[{"url":"a"},{"url":"b"}]`, &unexpectedAnswer},
		"an array in an array":     {200, "[[]]", &unexpectedAnswer},
		"a URL that is a number":   {200, `{"url":1}`, &unexpectedAnswer},
		"a URL of spaces":          {200, `{"url":"  "}`, &unexpectedAnswer},
		"a URL with a line break":  {200, `{"url":"https://a/\nb"}`, &unexpectedAnswer},
		"a URL without end":        {200, `{"url":"https://a/` + strings.Repeat("x", 5000) + `"}`, &unexpectedAnswer},
		"an error in a success":    {200, `{"errorCode":"X","url":"` + someURL + `"}`, &unexpectedAnswer},
		"201":                      {201, `{"url":"` + someURL + `"}`, &unexpectedAnswer},
		"a redirect":               {302, "", &unexpectedAnswer},
		"404 of a web server":      {404, "<html>Not found</html>", &unexpectedAnswer},
		"404 of the gateway":       {404, `{"fault":{"code":404,"message":"No matching resource"}}`, &unexpectedAnswer},
		"404 in text":              {404, "404 page not found", &unexpectedAnswer},
		"404 of an account":        {404, `{"errorCode":"ACCOUNT_NOT_FOUND"}`, &rejected},
		"405":                      {405, "", &unexpectedAnswer},
		"400":                      {400, `{"errorCode":"INVALID_PARAMETER"}`, &rejected},
		"400 about the account":    {400, `{"errorCode":"ACCOUNT_NOT_REGISTERED"}`, &rejected},
		"400 without a body":       {400, "", &rejected},
		"400 in HTML":              {400, "<html>", &unexpectedAnswer},
		"422":                      {422, `{"errorCode":"X"}`, &rejected},
		"403":                      {403, `{"errorCode":"DENIED"}`, &denied},
		"403 of the gateway":       {403, `{"fault":{"code":"900908"}}`, &denied},
		"403 of the gateway, XML":  {403, `<am:fault xmlns:am="http://wso2.org/apimanager"><am:code>900908</am:code></am:fault>`, &denied},
		"403 of a proxy":           {403, "<!doctype html><html>Forbidden</html>", &unexpectedAnswer},
		"401":                      {401, "", &denied},
		"429":                      {429, "", &limited},
		"throttled":                {403, `{"fault":{"code":900800}}`, &limited},
		"throttled at 400":         {400, `{"fault":{"code":900800}}`, &limited},
		"409 about the account":    {409, `{"errorCode":"ACCOUNT_NOT_FOUND"}`, &unexpectedAnswer},
		"throttled, last code":     {503, `{"fault":{"code":"900899"}}`, &limited},
		"408":                      {408, "", &unavailable},
		"425":                      {425, "", &unavailable},
		"500":                      {500, "", &unavailable},
		"503 in HTML":              {503, "<html>", &unavailable},
		"599":                      {599, "", &unavailable},
		"500 and not registered":   {500, `{"errorCode":"CALLBACK_NOT_REGISTERED"}`, &unavailable},
		"invalid UTF-8 in the URL": {200, "{\"url\":\"https://a/\xff\"}", &unexpectedAnswer},
	} {
		t.Run(name, func(t *testing.T) {
			g := NewWithT(t)
			url, err := answer{status: test.status, body: []byte(test.body)}.registration()
			g.Expect(url).To(BeEmpty())
			g.Expect(errors.As(err, test.kind)).To(BeTrue(), "%T: %v", err, err)
		})
	}
}

func TestRedirectsAreCalledSo(t *testing.T) {
	for _, status := range []int{300, 302, 399} {
		NewWithT(t).Expect(answer{status: status}.failure()).To(MatchError(ContainSubstring("a redirect")), "%d", status)
	}
	NewWithT(t).Expect(answer{status: 299}.failure()).NotTo(MatchError(ContainSubstring("a redirect")))
}

func TestRefusalsNameTheirCode(t *testing.T) {
	g := NewWithT(t)
	g.Expect((&RequestRejectedError{}).Error()).To(Equal("ThingSpace refused the request"))
	g.Expect((&RequestRejectedError{Code: "INVALID"}).Error()).To(Equal("ThingSpace refused the request (INVALID)"))
}

func TestEchoAndDeregistered(t *testing.T) {
	g := NewWithT(t)
	url, err := answer{status: 200, body: []byte(`{"url":"` + someURL + `"}`)}.echo()
	g.Expect(err).NotTo(HaveOccurred())
	g.Expect(url).To(Equal(someURL))
	for _, body := range []string{"", "{}", "null", "[]", `{"url":""}`, "<html>", `{"success":true}`} {
		_, err := answer{status: 200, body: []byte(body)}.echo()
		g.Expect(err).To(BeAssignableToTypeOf(&UnexpectedResponseError{}), body)
	}
	for body, ok := range map[string]bool{
		`{"success":true}`: true, `{"success":false}`: false, `{"success":"true"}`: false, "": false, "{}": false, "<html>": false,
	} {
		err := answer{status: 200, body: []byte(body)}.deregistered()
		g.Expect(err == nil).To(Equal(ok), body)
	}
	g.Expect(answer{status: 204}.deregistered()).To(Succeed())
	g.Expect(answer{status: 400, body: []byte(`{"errorCode":"CALLBACK_NOT_REGISTERED"}`)}.deregistered()).To(Succeed())
	g.Expect(answer{status: 404}.deregistered()).To(Succeed())
	g.Expect(answer{status: 404, body: []byte("<html>")}.deregistered()).NotTo(Succeed())
}

func TestRetryAfter(t *testing.T) {
	now := time.Date(2026, 11, 23, 12, 0, 0, 0, time.UTC)
	for value, wait := range map[string]time.Duration{
		"": 7 * time.Second, "garbage": 7 * time.Second,
		"5": 5 * time.Second, "1.5": 1500 * time.Millisecond, "0": time.Second, "-3": time.Second, "NaN": time.Second,
		"99999999999999999999": 10 * time.Minute, "Inf": 10 * time.Minute,
		now.Add(time.Minute).Format(http.TimeFormat): time.Minute, now.Add(-time.Hour).Format(http.TimeFormat): time.Second,
		now.AddDate(10, 0, 0).Format(http.TimeFormat): 10 * time.Minute,
	} {
		a := answer{header: http.Header{"Retry-After": {value}}, at: now}
		NewWithT(t).Expect(a.retryAfter(7*time.Second)).To(Equal(wait), value)
	}
}

func TestCodesAreShownOnlyWhereTheyLookLikeOnes(t *testing.T) {
	for body, code := range map[string]string{
		`{"errorCode":"INVALID_PARAMETER"}`:                           "INVALID_PARAMETER",
		`{"fault":{"code":900901}}`:                                   "900901",
		`{"error":"unauthorized","error_description":"UWS x"}`:        "unauthorized",
		`{"errorCode":"the password hunter2 is wrong"}`:               "",
		`{"errorCode":"` + strings.Repeat("A", 65) + `"}`:             "",
		`{"errorCode":{"a":1}}`:                                       "",
		`<am:fault xmlns:am="x"><am:code>900902</am:code></am:fault>`: "900902",
	} {
		NewWithT(t).Expect(refusalIn([]byte(body)).code).To(Equal(code), body)
	}
}
