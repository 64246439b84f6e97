package thingspace

import (
	"errors"
	"net/url"
	"regexp"
	"strconv"
	"strings"
)

// A host name as DNS has it, with the underscores that some resolvers serve. Others than ASCII are left to whoever looks them up.
var hostForm = regexp.MustCompile(`^[[:alnum:]_]([-[:alnum:]_]{0,61}[[:alnum:]_])?(\.[[:alnum:]_]([-[:alnum:]_]{0,61}[[:alnum:]_])?)*\.?$`)

// The longest host name that DNS can carry.
const hostLength = 253

// CheckBaseURL returns why no call could use a base URL; nil where one can. The texts show nothing of the URL.
func CheckBaseURL(raw string, allowHTTP bool) error {
	base, err := url.Parse(raw)
	switch {
	case err != nil || base.Scheme != "https" && base.Scheme != "http" || base.Opaque != "" || base.Host == "":
		return errors.New("the base URL must look like https://thingspace.verizon.com/api, with a port of 1 to 65535 where it has one")
	case base.Scheme == "http" && !allowHTTP:
		return errors.New("the base URL is http://, which sends credentials in the clear: use https://, or allow http explicitly for a test")
	case base.User != nil:
		return errors.New("the base URL must have no user name or password")
	case strings.ContainsAny(raw, "?#"): // an empty query or fragment too: the path of a call would become a part of it
		return errors.New("the base URL must have no query or fragment, nor the ? or # before one")
	case strings.ContainsAny(raw, " \t\\"):
		return errors.New("the base URL must have no white space and no backslash")
	}
	return checkHost(base)
}

func checkHost(base *url.URL) error {
	host, ascii := base.Hostname(), true
	for i := range len(host) {
		ascii = ascii && host[i] < 0x80
	}
	switch {
	case host == "":
		return errors.New("the base URL has no host")
	case strings.Contains(host, ":"): // an IPv6 address, which url.Parse has checked
	case len(host) > hostLength, ascii && !hostForm.MatchString(host):
		return errors.New("the base URL's host is no host name and no address")
	}
	if strings.HasSuffix(base.Host, ":") {
		return errors.New("the base URL has a colon and no port after it")
	}
	if port := base.Port(); port != "" {
		if n, err := strconv.Atoi(port); err != nil || n < 1 || n > 65535 {
			return errors.New("the base URL's port must be between 1 and 65535")
		}
	}
	return nil
}
