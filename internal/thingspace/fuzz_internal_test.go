package thingspace

import (
	"errors"
	"net/http"
	"net/url"
	"strings"
	"testing"
	"time"
	"unicode"
)

// An answer is read without a panic; a URL comes only from a 200, and an error never carries the body.
func FuzzRegistration(f *testing.F) {
	for _, body := range []string{`{"url":"` + someURL + `"}`, "[]", "null", "<html>", `{"errorCode":"X"}`, `[{"url":null}]`} {
		f.Add(200, body)
		f.Add(404, body)
	}
	f.Fuzz(func(t *testing.T, status int, body string) {
		remote, err := answer{status: status, body: []byte(body)}.registration()
		if remote != "" && (err != nil || status != 200 || !strings.Contains(body, "url")) {
			t.Fatalf("status %d, body %q: %q, %v", status, body, remote, err)
		}
		if remote == "" && err == nil && status == 200 && strings.Contains(body, "<") {
			t.Fatalf("a page is read as nothing registered: %q", body)
		}
		_ = answer{status: status, body: []byte(body)}.deregistered()
	})
}

// An error body is read without a panic, and shows a code only where it looks like one.
func FuzzRefusal(f *testing.F) {
	for _, body := range []string{`{"errorCode":"A.B"}`, `{"fault":{"code":900901}}`, `<am:fault><am:code>900800</am:code></am:fault>`, `{"error":"x"}`, "", "<"} {
		f.Add(body)
	}
	f.Fuzz(func(t *testing.T, body string) {
		r := refusalIn([]byte(body))
		if r.code != "" && !codeForm.MatchString(r.code) {
			t.Fatalf("%q shows %q", body, r.code)
		}
		if r.throttled() && (r.aboutBearer() || r.aboutSession()) {
			t.Fatalf("%q is two things at once", body)
		}
	})
}

// What is accepted can be sent: it parses, is https, has a host, and equals itself.
func FuzzCheckURL(f *testing.F) {
	for _, raw := range []string{someURL, "https://[::1]:8443/", "https://h:0", "https://u@h/", "https://h#f", "https://%41/"} {
		f.Add(raw)
	}
	f.Fuzz(func(t *testing.T, raw string) {
		if CheckURL(raw) != nil {
			return
		}
		parsed, err := url.Parse(raw)
		if err != nil || parsed.Scheme != "https" || parsed.Hostname() == "" || parsed.User != nil || parsed.Fragment != "" {
			t.Fatalf("%q is accepted and parses as %+v (%v)", raw, parsed, err)
		}
		if !EqualURLs(raw, raw) || Origin(raw) == "an unreadable URL" {
			t.Fatalf("%q does not equal itself or has no origin", raw)
		}
	})
}

// Comparison is symmetric, and never equates two hosts.
func FuzzEqualURLs(f *testing.F) {
	f.Add(someURL, "HTTPS://fota.example.com:443/callbacks/east")
	f.Add("https://h", "https://h/")
	f.Fuzz(func(t *testing.T, a, b string) {
		equal := EqualURLs(a, b)
		if equal != EqualURLs(b, a) {
			t.Fatalf("%q and %q are equal one way only", a, b)
		}
		pa, errA := url.Parse(a)
		pb, errB := url.Parse(b)
		if equal && errA == nil && errB == nil && pa.Host != "" && !strings.EqualFold(pa.Hostname(), pb.Hostname()) {
			t.Fatalf("%q equals %q", a, b)
		}
	})
}

// A wait is always within bounds.
func FuzzRetryAfter(f *testing.F) {
	for _, value := range []string{"5", "-1", "1e300", "NaN", "Mon, 02 Jan 2006 15:04:05 GMT"} {
		f.Add(value)
	}
	f.Fuzz(func(t *testing.T, value string) {
		a := answer{status: 429, header: http.Header{"Retry-After": {value}}, at: time.Unix(1700000000, 0)}
		var limited *RateLimitedError
		if err := a.failure(); !errors.As(err, &limited) || limited.RetryAfter < time.Second || limited.RetryAfter > 10*time.Minute {
			t.Fatalf("%q: %v", value, err)
		}
	})
}

// What is accepted as an account is a path segment as it stands.
func FuzzCheckAccount(f *testing.F) {
	for _, name := range []string{"0000123456-00001", "..", "a/b", "%2e%2e", "a\x00", "", "-a"} {
		f.Add(name)
	}
	f.Fuzz(func(t *testing.T, name string) {
		if CheckAccount(name) == nil && (url.PathEscape(name) != name || len(name) > 64 || strings.Trim(name, ".") == "") {
			t.Fatalf("%q is accepted", name)
		}
	})
}

// An answer to a change is a success only where it is a 200 or 204 that says so.
func FuzzEcho(f *testing.F) {
	for _, body := range []string{`{"url":"` + someURL + `"}`, `{"success":true}`, `{"success":false}`, "[]", "null", "", "<html>", `{"errorCode":"X"}`} {
		f.Add(200, body)
		f.Add(302, body)
	}
	f.Fuzz(func(t *testing.T, status int, body string) {
		a := answer{status: status, body: []byte(body)}
		if echo, err := a.echo(); err == nil && (status != 200 || echo == "") {
			t.Fatalf("status %d, body %q: echo %q", status, body, echo)
		}
		if a.deregistered() == nil && status != 204 && !strings.Contains(body, "true") && !a.saysNotRegistered() {
			t.Fatalf("status %d, body %q: deregistered", status, body)
		}
	})
}

// A token or session that could break out of its header is not sent.
func FuzzSendable(f *testing.F) {
	for _, value := range []string{"token-1", "", "a b", "a\r\nHost: b", "é", strings.Repeat("a", 1<<15)} {
		f.Add(value)
	}
	f.Fuzz(func(t *testing.T, value string) {
		if sendable(value) && (value == "" || strings.ContainsAny(value, " \t\r\n\x00") || strings.ContainsFunc(value, unicode.IsControl)) {
			t.Fatalf("%q is sent", value)
		}
	})
}
