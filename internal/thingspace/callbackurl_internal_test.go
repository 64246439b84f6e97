package thingspace

import (
	"strings"
	"testing"

	. "github.com/onsi/gomega"
)

func TestCheckURL(t *testing.T) {
	g := NewWithT(t)
	for _, ok := range []string{
		someURL, "https://h", "https://h/", "https://h?q=1", "https://h:1/", "https://h:65535", "https://[::1]:8443/x", "https://h:/x",
		"https://EXAMPLE.com/A%20b?c=%2F", "https://h/" + strings.Repeat("x", 2048-len("https://h/")),
	} {
		g.Expect(CheckURL(ok)).To(Succeed(), ok)
	}
	for _, bad := range []string{
		"", "h", "http://h/", "HTTPS://h/", "ftp://h", "https://", "https:///x", "https://?x", "https://u@h/", "https://u:p@h/", "https://h/#f", "https://h#",
		"https://h:0/", "https://h:65536/", "https://h:x/", "https://h:-1/", `https://h\x/`, "https://h/ x", " https://h/", "https://h/\n", "https://h/ü", "https://ü/",
		"https://h/%zz", "https://[::1", "https://:443/", "https://h/" + strings.Repeat("x", 2048),
	} {
		err := CheckURL(bad)
		g.Expect(err).To(HaveOccurred(), bad)
	}
	g.Expect(CheckURL("https://u:hunter2@h/secret").Error()).NotTo(ContainSubstring("hunter2"))
}

func TestCheckAccount(t *testing.T) {
	g := NewWithT(t)
	for _, ok := range []string{"0", "0000123456-00001", "TestAccount-1", "a-b-c", strings.Repeat("x", 64)} {
		g.Expect(CheckAccount(ok)).To(Succeed(), ok)
	}
	for _, bad := range []string{"", "-", "a-", "-a", "a--b", "a b", "a/b", "..", "%2e", "a?b", "a#b", "ä", "a\x00", "a\n", strings.Repeat("x", 65)} {
		g.Expect(CheckAccount(bad)).NotTo(Succeed(), bad)
	}
}

func TestEqualURLs(t *testing.T) {
	g := NewWithT(t)
	for _, same := range [][2]string{
		{someURL, someURL}, {"HTTPS://FOTA.example.com/callbacks/east", someURL}, {"https://fota.example.com:443/callbacks/east", someURL},
		{"https://h", "https://h/"}, {"https://h?q", "https://h/?q"}, {"http://h:80", "http://h/"},
	} {
		g.Expect(EqualURLs(same[0], same[1])).To(BeTrue(), "%v", same)
	}
	for _, other := range [][2]string{
		{someURL, someURL + "/"}, {someURL, strings.ToUpper(someURL)}, {"https://h/a", "https://h/A"}, {"https://h:8443/", "https://h/"},
		{"http://h/", "https://h/"}, {"https://h/%2f", "https://h/%2F"}, {"https://h:80/", "https://h/"}, {"", someURL}, {"https:///A", "https:///a"},
	} {
		g.Expect(EqualURLs(other[0], other[1])).To(BeFalse(), "%v", other)
	}
}

func TestRewrittenURLs(t *testing.T) {
	g := NewWithT(t)
	for _, same := range [][2]string{
		{someURL, someURL}, {someURL, someURL + "/"}, {someURL + "?a=b", someURL + "/?a=b"}, {"https://h:443/a", "HTTPS://H/a/"}, {"https://h?q", "https://h/?q"},
	} {
		g.Expect(RewrittenURLs(same[0], same[1])).To(BeTrue(), "%v", same)
		g.Expect(RewrittenURLs(same[1], same[0])).To(BeTrue(), "%v", same)
	}
	for _, other := range [][2]string{
		{someURL, someURL + "//"}, {someURL, someURL + "/x"}, {someURL, someURL + "?a=b"}, {someURL + "?a=b", someURL + "?a=b/"}, {someURL, ""}, {"https://h/a", "https://h/A"},
	} {
		g.Expect(RewrittenURLs(other[0], other[1])).To(BeFalse(), "%v", other)
		g.Expect(RewrittenURLs(other[1], other[0])).To(BeFalse(), "%v", other)
	}
}

func TestOriginShowsNoPath(t *testing.T) {
	g := NewWithT(t)
	g.Expect(Origin("https://user:hunter2@Fota.example.com:8443/secret?token=1")).To(Equal("https://fota.example.com:8443"))
	for _, unreadable := range []string{"%%%", "//h/secret", "mailto:secret"} {
		g.Expect(Origin(unreadable)).To(Equal("an unreadable URL"), unreadable)
	}
}
