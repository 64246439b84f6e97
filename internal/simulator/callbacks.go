package simulator

import (
	"encoding/json"
	"mime"
	"net/http"
	"net/url"
	"strings"
)

// callbackProblem is what stands in the way of any of the four calls; nil where nothing does.
func (s *Simulator) callbackProblem(c *call) *reply {
	if problem := s.bearerProblem(c); problem != nil {
		return problem
	}
	if problem := s.sessionProblem(c); problem != nil {
		return problem
	}
	switch key := strings.ToLower(c.account); {
	case !accepts(c.Header.Get("Accept")) || !isJSON(c.Header.Get("Content-Type")):
		return new(refused(http.StatusBadRequest, "INVALID_HEADER", "Accept and Content-Type must be application/json."))
	case s.denied[key], !s.mayUse(c.user, key):
		return new(s.options.AccountRefusal.reply())
	}
	return nil
}

// mayUse is false for a user who is gone since the login, too.
func (s *Simulator) mayUse(name, key string) bool {
	known := s.users[strings.ToLower(name)]
	return known != nil && (known.accounts == nil || known.accounts[key])
}

func accepts(header string) bool {
	for one := range strings.SplitSeq(header, ",") {
		if isJSON(strings.TrimSpace(one)) {
			return true
		}
	}
	return false
}

func isJSON(mediaType string) bool {
	name, _, err := mime.ParseMediaType(mediaType)
	return err == nil && name == "application/json"
}

func (s *Simulator) registration(c *call) (url string, ok bool) {
	url, ok = s.registrations[strings.ToLower(c.account)]
	return url, ok
}

func (s *Simulator) list(c *call) reply {
	if problem := s.callbackProblem(c); problem != nil {
		return *problem
	}
	url, ok := s.registration(c)
	if !ok {
		return nothings[s.options.Nothing]
	}
	summary := map[string]string{"url": url}
	if s.options.AsArray {
		return jsonReply(http.StatusOK, []any{summary})
	}
	return jsonReply(http.StatusOK, summary)
}

func (s *Simulator) register(c *call) reply {
	if problem := s.callbackProblem(c); problem != nil {
		return *problem
	}
	return s.store(c)
}

func (s *Simulator) update(c *call) reply {
	if problem := s.callbackProblem(c); problem != nil {
		return *problem
	}
	if _, ok := s.registration(c); !ok && s.options.UpdateMissing >= 400 {
		return notRegistered(s.options.UpdateMissing)
	}
	return s.store(c)
}

// store replaces whatever is there.
func (s *Simulator) store(c *call) reply {
	wish, ok := wishedURL(c.body)
	if !ok {
		return refused(http.StatusBadRequest, "INVALID_PARAMETER", `The body must be {"url":"…"}.`)
	}
	if u, err := url.Parse(wish); err != nil || u.Scheme != "https" || u.Hostname() == "" {
		return refused(http.StatusBadRequest, "INVALID_PARAMETER", "url must be an https URL.")
	}
	if s.options.Normalize != nil {
		wish = s.options.Normalize(wish)
	}
	s.registrations[strings.ToLower(c.account)] = wish
	c.effect = true
	return jsonReply(http.StatusOK, map[string]string{"url": wish})
}

// wishedURL reads {"url":"…"} and nothing else: a stand-in that forgives hides a client's mistakes.
func wishedURL(body string) (string, bool) {
	var fields map[string]*string
	if json.Unmarshal([]byte(body), &fields) != nil || len(fields) != 1 || fields["url"] == nil {
		return "", false
	}
	return *fields["url"], true
}

func (s *Simulator) deregister(c *call) reply {
	if problem := s.callbackProblem(c); problem != nil {
		return *problem
	}
	_, registered := s.registration(c)
	if !registered && s.options.DeregisterMissing >= 400 {
		return notRegistered(s.options.DeregisterMissing)
	}
	delete(s.registrations, strings.ToLower(c.account))
	c.effect = registered
	return jsonReply(http.StatusOK, map[string]bool{"success": true})
}
