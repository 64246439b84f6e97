package thingspace

import (
	"errors"
	"net/url"
	"regexp"
	"strconv"
	"strings"
)

// These are the CRD's rules, checked once more before anything is sent; a test holds the two together.
var (
	accountForm = regexp.MustCompile(`^[A-Za-z0-9]+(-[A-Za-z0-9]+)*$`)
	urlForm     = regexp.MustCompile(`^https://[^/?#@\\]+([/?][^#]*)?$`)
	visibleForm = regexp.MustCompile(`^[!-~]+$`)
)

const (
	maxAccount = 64
	maxURL     = 2048
)

// CheckAccount says why an account name must not be sent; nil where it may.
func CheckAccount(account string) error {
	if len(account) > maxAccount || !accountForm.MatchString(account) {
		return errors.New("account must be 1 to 64 letters and digits, in groups joined by single hyphens")
	}
	return nil
}

// CheckURL says why a callback URL must not be sent; nil where it may. The texts show nothing of the URL.
func CheckURL(raw string) error {
	if len(raw) > maxURL || !visibleForm.MatchString(raw) {
		return errors.New("url must be 1 to 2048 characters of visible ASCII")
	}
	if !urlForm.MatchString(raw) {
		return errors.New("url must start with https:// and have a host, and no user name, password or fragment")
	}
	parsed, err := url.ParseRequestURI(raw)
	if err != nil || parsed.Hostname() == "" {
		return errors.New("url can't be parsed")
	}
	if port := parsed.Port(); port != "" {
		if n, err := strconv.Atoi(port); err != nil || n < 1 || n > 65535 {
			return errors.New("url's port must be between 1 and 65535")
		}
	}
	return nil
}

// EqualURLs compares two callback URLs with scheme and host in lower case, the default port dropped and an empty path as "/". The rest is
// compared as it is written.
func EqualURLs(a, b string) bool { return a == b || normal(a) == normal(b) }

// RewrittenURLs says whether two callback URLs are equal but for a slash at the end of the path. ThingSpace may add or drop one, which is not documented;
// its answer to Register and Update shows what it has made of a URL, so this is for where no answer came.
func RewrittenURLs(a, b string) bool { return slashless(normal(a)) == slashless(normal(b)) }

func slashless(url string) string {
	path, query, hasQuery := strings.Cut(url, "?")
	path = strings.TrimSuffix(path, "/")
	if hasQuery {
		return path + "?" + query
	}
	return path
}

// normal rewrites only the part before the path: what follows may be case-sensitive, and parsing would re-encode it.
func normal(raw string) string {
	scheme, rest, ok := strings.Cut(raw, "://")
	if !ok {
		return raw
	}
	end := strings.IndexAny(rest, "/?#")
	if end < 0 {
		end = len(rest)
	}
	scheme, host, tail := strings.ToLower(scheme), strings.ToLower(rest[:end]), rest[end:]
	switch scheme {
	case "https":
		host = strings.TrimSuffix(host, ":443")
	case "http":
		host = strings.TrimSuffix(host, ":80")
	}
	host = strings.TrimSuffix(host, ":")
	if !strings.HasPrefix(tail, "/") {
		tail = "/" + tail
	}
	return scheme + "://" + host + tail
}

// Origin returns a URL's scheme and host, the only parts that may be shown.
func Origin(raw string) string {
	parsed, err := url.Parse(raw)
	if err != nil || parsed.Scheme == "" || parsed.Host == "" {
		return "an unreadable URL"
	}
	return strings.ToLower(parsed.Scheme + "://" + parsed.Host)
}
