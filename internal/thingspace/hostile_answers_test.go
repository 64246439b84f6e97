package thingspace_test

import (
	"fmt"
	"net/http"
	"strings"

	"github.com/fota-callback-operator/fota-callback-operator/internal/simulator"
)

// hostileAnswers are what no call may take for a success that it is not. What could be true as it stands, such as another URL in a right answer, is
// not among them: nobody could tell.
func hostileAnswers() map[string]simulator.Fault {
	all := map[string]simulator.Fault{
		"no answer":              {},
		"endless":                {Status: http.StatusOK, Body: "xxxxxxxxxxxxxxxx", Endless: true},
		"cut off":                {Status: http.StatusOK, Body: `{"url":"` + fleetURL, CutOff: true},
		"right, but cut off":     {Answer: simulator.AnswerRight, CutOff: true},
		"a huge Retry-After":     {Status: http.StatusTooManyRequests, Header: map[string]string{"Retry-After": "999999999999"}},
		"a negative Retry-After": {Status: http.StatusServiceUnavailable, Header: map[string]string{"Retry-After": "-1"}},
		"a Retry-After of words": {Status: http.StatusTooManyRequests, Header: map[string]string{"Retry-After": "tomorrow"}},
		"a Retry-After of old":   {Status: http.StatusTooManyRequests, Header: map[string]string{"Retry-After": "Mon, 02 Jan 2006 15:04:05 GMT"}},
		"another charset":        {Status: http.StatusOK, Header: map[string]string{"Content-Type": "application/json; charset=utf-16"}, Body: "\xff\xfe{\x00}\x00"},
		"compressed":             {Status: http.StatusOK, Header: map[string]string{"Content-Encoding": "gzip"}, Body: "\x1f\x8b\x08"},
		"a cookie":               {Status: http.StatusOK, Header: map[string]string{"Set-Cookie": "a=b"}, Body: "{}x"},
		"a header of 64 KiB":     {Status: http.StatusOK, Header: map[string]string{"X-Padding": strings.Repeat("x", 64<<10)}, Body: "OK"},
		"another host":           {Status: http.StatusTemporaryRedirect, Header: map[string]string{"Location": "https://127.0.0.1:1/"}},
		"a code of 64 KiB":       {Status: http.StatusBadRequest, Body: `{"errorCode":"` + strings.Repeat("x", 64<<10) + `"}`},
		"a code in two lines":    {Status: http.StatusBadRequest, Body: `{"errorCode":"NOT_REGISTERED\r\nX: y"}`},
		"no such account":        {Status: http.StatusNotFound, Body: `{"errorCode":"ACCOUNT_NOT_FOUND"}`},
	}
	for status, body := range map[int]string{
		http.StatusCreated: `{"url":"` + fleetURL + `"}`, http.StatusAccepted: `{"success":true}`, http.StatusResetContent: "",
		http.StatusPartialContent: `{"url":"` + fleetURL + `"}`, http.StatusNotModified: "", http.StatusTeapot: `{"url":"` + fleetURL + `"}`,
		http.StatusProxyAuthRequired: "<html>", http.StatusNotFound: "404 page not found", http.StatusGone: `{"errorCode":"CALLBACK_NOT_REGISTERED"}`,
		http.StatusConflict: `{"errorCode":"X"}`, http.StatusTooEarly: "{}", http.StatusBadGateway: "<html>", 599: `{"url":"` + fleetURL + `"}`,
	} {
		all[fmt.Sprintf("status %d", status)] = simulator.Fault{Status: status, Body: body}
	}
	for name, body := range map[string]string{
		"a number":               "1e999",
		"text":                   `"` + fleetURL + `"`,
		"XML":                    `<?xml version="1.0"?><url>` + fleetURL + `</url>`,
		"deep nesting":           strings.Repeat("[", 10_000),
		"a byte order mark":      "\ufeff" + `{"url":"` + fleetURL + `","success":true}`,
		"one after the other":    `{"url":"` + fleetURL + `"}{"success":true}`,
		"two keys":               `{"success":true,"success":false}`,
		"success in words":       `{"success":"true"}`,
		"success as a number":    `{"success":1}`,
		"no success":             `{"success":null}`,
		"success in an array":    `[{"success":true}]`,
		"capitals":               `{"URL":"` + fleetURL + `"}`,
		"V1's name for it":       `{"callbackUrl":"` + fleetURL + `"}`,
		"an array":               `{"url":["` + fleetURL + `"]}`,
		"an object":              `{"url":{"href":"` + fleetURL + `"}}`,
		"true":                   `{"url":true}`,
		"a line break":           `{"url":"` + fleetURL + `\n"}`,
		"NUL":                    `{"url":"` + fleetURL + `\u0000"}`,
		"no UTF-8":               "{\"url\":\"" + fleetURL + "\xff\"}",
		"8 KiB":                  `{"url":"` + fleetURL + strings.Repeat("x", 8<<10) + `"}`,
		"two registrations":      `[{"url":"` + fleetURL + `"},{"url":"` + secondURL + `"}]`,
		"a list of null":         "[null]",
		"a list of lists":        "[[]]",
		"an error in a success":  `{"errorCode":"INVALID_PARAMETER","url":"` + fleetURL + `"}`,
		"the gateway in success": `{"fault":{"code":"900901"}}`,
	} {
		all["200 with "+name] = simulator.Fault{Status: http.StatusOK, Body: body}
	}
	for _, name := range simulator.Answers() {
		all["the answer "+string(name)] = simulator.Fault{Answer: name}
	}
	return all
}
