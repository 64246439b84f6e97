package thingspace

import (
	"bytes"
	"encoding/json"
	"encoding/xml"
	"regexp"
	"strconv"
	"strings"
)

// A code is all that is ever shown of an answer, and only where it looks like one.
var codeForm = regexp.MustCompile(`^[A-Za-z0-9._-]{1,64}$`)

// refusal is what an answer's body says about why: ThingSpace's {"errorCode"}, the gateway's {"fault":{"code"}} or <am:fault>, or
// OAuth's {"error"}.
type refusal struct {
	// code is empty where there is none, or none that may be shown.
	code string
	// structured is true where the body is one of the forms above, or no body at all, rather than somebody's web page.
	structured bool
	// gateway is true for the forms of the gateway in front of ThingSpace.
	gateway bool
}

func refusalIn(body []byte) refusal {
	body = bytes.TrimSpace(body)
	if len(body) == 0 {
		return refusal{structured: true}
	}
	if body[0] == '<' {
		return xmlRefusal(body)
	}
	var shape struct {
		ErrorCode json.RawMessage `json:"errorCode"`
		Error     json.RawMessage `json:"error"`
		Fault     struct {
			Code json.RawMessage `json:"code"`
		} `json:"fault"`
	}
	if json.Unmarshal(body, &shape) != nil {
		// A valid answer of another shape says nothing, but it is no web page.
		return refusal{structured: json.Valid(body)}
	}
	r := refusal{structured: true, gateway: shape.Fault.Code != nil}
	for _, raw := range []json.RawMessage{shape.ErrorCode, shape.Fault.Code, shape.Error} {
		if code := codeOf(raw); code != "" {
			r.code = code
			return r
		}
	}
	return r
}

// codeOf reads a code that may be a string or a number.
func codeOf(raw json.RawMessage) string {
	var text string
	var number json.Number
	switch {
	case json.Unmarshal(raw, &text) == nil:
	case json.Unmarshal(raw, &number) == nil:
		text = number.String()
	}
	return shown(text)
}

func xmlRefusal(body []byte) refusal {
	var fault struct {
		XMLName xml.Name `xml:"fault"`
		Code    string   `xml:"code"`
	}
	if xml.Unmarshal(body, &fault) != nil {
		return refusal{}
	}
	return refusal{code: shown(strings.TrimSpace(fault.Code)), structured: true, gateway: true}
}

func shown(code string) string {
	if codeForm.MatchString(code) {
		return code
	}
	return ""
}

// aboutSession: the codes end in SessionToken.Expired, SessionToken.Invalid or SessionToken.Format, after a service's prefix.
func (r refusal) aboutSession() bool { return strings.Contains(r.code, "SessionToken") }

// aboutBearer: 900901 is a stale bearer, 900902 a missing one.
func (r refusal) aboutBearer() bool { return r.code == "900901" || r.code == "900902" }

// throttled: 900800 to 900899.
func (r refusal) throttled() bool {
	n, err := strconv.Atoi(r.code)
	return err == nil && n >= 900800 && n <= 900899
}

// aboutAccount: such a code must never be read as "nothing is registered".
func (r refusal) aboutAccount() bool { return strings.Contains(strings.ToUpper(r.code), "ACCOUNT") }

// notRegistered is the one list of codes that mean "nothing is registered"; case and punctuation do not count, nor does what stands
// before the last dot.
func (r refusal) notRegistered() bool {
	name := r.code[strings.LastIndex(r.code, ".")+1:]
	name = strings.ToUpper(strings.NewReplacer("_", "", "-", "").Replace(name))
	switch name {
	case "CALLBACKNOTREGISTERED", "CALLBACKURLNOTREGISTERED", "CALLBACKNOTFOUND", "CALLBACKURLNOTFOUND",
		"NOTREGISTERED", "NOCALLBACK", "NOCALLBACKREGISTERED", "NOCALLBACKFOUND", "REGISTRATIONNOTFOUND":
		return true
	}
	return false
}
