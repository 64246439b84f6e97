package thingspace_test

import (
	"strings"
	"testing"

	. "github.com/onsi/gomega"

	"github.com/fota-callback-operator/fota-callback-operator/internal/thingspace"
)

func TestBaseURL(t *testing.T) {
	for bad, why := range map[string]string{
		"": "must look like", "thingspace": "must look like", "thingspace.example.com/api": "must look like", "ftp://h/api": "must look like",
		"https:h/api": "must look like", "https:///api": "must look like", "https://": "must look like", "https://h:x/api": "must look like",
		"https://h%zz": "must look like", "https://h/%zz": "must look like", "https://h/\napi": "must look like", "//h/api": "must look like",
		"http://h/api":    "in the clear",
		"https://u@h":     "no user name",
		"https://u:p@h":   "no user name",
		"https://h/api?x": "no query", "https://h/api?": "no query", "https://h?": "no query", "https://h/#f": "no query", "https://h/api#": "no query",
		"https://h/api?#":   "no query",
		"https://h/a pi":    "white space",
		"https://h/api ":    "white space",
		"https://h/api\\v1": "backslash",
		"https://:443/api":  "no host",
		"https://:/api":     "no host",
		"https://[::g]/api": "must look like", "https://[]/api": "must look like",
		"https://h,i/api": "no host name", "https://-h/api": "no host name", "https://h-/api": "no host name", "https://.h/api": "no host name",
		"https://h..i/api": "no host name", "https://*.h/api": "no host name", "https://" + strings.Repeat("h", 64): "no host name",
		"https://" + strings.Repeat("h.", 127): "no host name",
		"https://h:/api":                       "no port after it",
		"https://h:0/api":                      "between 1 and 65535", "https://h:65536/api": "between 1 and 65535",
		"https://[::1]:99999999999999999999": "between 1 and 65535",
	} {
		g := NewWithT(t)
		err := thingspace.CheckBaseURL(bad, false)
		g.Expect(err).To(MatchError(ContainSubstring(why)), bad)
		_, err = thingspace.New(thingspace.Config{BaseURL: bad})
		g.Expect(err).To(MatchError(ContainSubstring(why)), bad)
	}
	for _, good := range []string{
		"https://thingspace.verizon.com/api", "https://thingspace.verizon.com/api/", "HTTPS://h", "https://h:1", "https://h:65535/api", "https://10.0.0.1:8443/api",
		"https://[2001:db8::1]/api", "https://[fe80::1%25eth0]:8443/api", "https://under_score.example.com./api", "https://bücher.example/api",
		"https://h/a%20b", "https://" + strings.Repeat("h", 63),
	} {
		NewWithT(t).Expect(thingspace.CheckBaseURL(good, false)).To(Succeed(), good)
	}
	NewWithT(t).Expect(thingspace.CheckBaseURL("http://127.0.0.1:8480/api", true)).To(Succeed())
}

// What a base URL holds may be a secret put into the wrong place.
func TestWhyABaseURLIsRefusedShowsNothingOfIt(t *testing.T) {
	for _, bad := range []string{
		"https://u:s3cret@h/api", "https://h/api?key=s3cret", "https://h/api#s3cret", "s3cret", "https://s3cret h", "https://h:s3cret", "https://-s3cret",
		"http://s3cret", "https://[s3cret]", "https://h/%zzs3cret", "https://h:0/s3cret", "https://h/s3cret ", "https://s3cret:",
	} {
		NewWithT(t).Expect(thingspace.CheckBaseURL(bad, false)).To(MatchError(Not(ContainSubstring("s3cret"))), bad)
	}
}
