package main

import (
	"net/http"
	"testing"

	. "github.com/onsi/gomega"
)

func TestProxiesThatCannotBeParsed(t *testing.T) {
	for bad, why := range map[string]string{
		"http://user:s3cret%@proxy:3128": "URL or HOST:PORT", "http://user:s3cret^#@proxy:3128": "URL or HOST:PORT", "://s3cret": "URL or HOST:PORT",
		"http://": "URL or HOST:PORT", "http://:3128": "URL or HOST:PORT", ":3128": "URL or HOST:PORT", "http://proxy:s3cret": "URL or HOST:PORT",
		"proxy 3128": "URL or HOST:PORT", " ": "URL or HOST:PORT", "http://proxy:3128,http://other:3128": "URL or HOST:PORT", "http://[::1": "URL or HOST:PORT",
		"ftp://proxy:3128": "scheme", "httpss://proxy": "scheme", "http://proxy:3128/s3cret": "must end after", "http://proxy?s3cret": "must end after",
		"http://proxy:0": "port", "http://proxy:65536": "port", "proxy:99999": "port", "socks5://proxy:99999": "port",
	} {
		for _, name := range []string{"HTTPS_PROXY", "https_proxy", "HTTP_PROXY", "http_proxy", "Https_Proxy"} {
			g := NewWithT(t)
			err := checkProxies([]string{"PATH=/bin", name + "=" + bad})
			g.Expect(err).To(MatchError(And(ContainSubstring("environment variable "+name+": "), ContainSubstring(why), Not(ContainSubstring("s3cret")))), bad)
		}
	}
}

func TestExemptionsThatCannotBeParsed(t *testing.T) {
	for bad, why := range map[string]string{
		"10.0.0.0/33": "range", "10.0.0/8": "range", "10.0.0.0/": "range", "https://h": "range", "h/s3cret": "range", "::1/129": "range",
		"a b": "host name", "a;s3cret": "host name", ".": "host name", "a.*.b": "host name", "**": "host name", "[::1": "host name", "::g": "host name",
		":80": "host name", "u@h": "host name", "\"a\"": "host name", "h:": "no port", "h:0": "port", "h:65536": "port", "[::1]:s3cret": "port",
	} {
		for _, name := range []string{"NO_PROXY", "no_proxy", "No_Proxy"} {
			g := NewWithT(t)
			err := checkProxies([]string{name + "=localhost, ," + bad})
			g.Expect(err).To(MatchError(And(ContainSubstring("environment variable "+name+": entry 3"), ContainSubstring(why), Not(ContainSubstring("s3cret")))), bad)
		}
	}
}

// What is let through is what Go's HTTP client takes notice of.
func TestProxiesThatAreRight(t *testing.T) {
	for _, good := range []string{
		"", "http://proxy:3128", "http://proxy:3128/", "https://user:p%25ss@proxy.example.com", "proxy", "proxy:3128", "10.0.0.1:3128", "socks5://proxy:1080",
		"socks5h://[::1]:1080", "HTTP://proxy",
	} {
		g := NewWithT(t)
		g.Expect(checkProxies([]string{"https_proxy=" + good, "HTTP_PROXY=" + good})).To(Succeed(), good)
	}
	for _, good := range []string{
		"", "*", "localhost", ".svc", "*.example.com", "a.example.com:443", "10.0.0.1", "10.0.0.0/8", "fd00::/8", "::1", "[::1]", "[::1]:443", "10.0.0.1:80",
		"bücher.example", "a_b.example", "a, b , c,", ".svc,.cluster.local,10.96.0.0/12,192.168.0.0/16,kubernetes.default",
	} {
		NewWithT(t).Expect(checkProxies([]string{"NO_PROXY=" + good})).To(Succeed(), good)
	}
	NewWithT(t).Expect(checkProxies([]string{"MY_NO_PROXY=/", "ALL_PROXY=/", "PROXY"})).To(Succeed(), "nobody reads these")
}

// The reason for all this: Go's HTTP client takes no notice of a proxy that it can't read, and goes without one.
func TestGoGoesWithoutAProxyThatItCannotRead(t *testing.T) {
	t.Setenv("HTTPS_PROXY", "http://user:s3cret%@proxy:3128")
	g := NewWithT(t)
	request, err := http.NewRequestWithContext(t.Context(), http.MethodGet, "https://thingspace.example.com", nil)
	g.Expect(err).NotTo(HaveOccurred())
	proxy, err := http.ProxyFromEnvironment(request)
	g.Expect(err).NotTo(HaveOccurred())
	g.Expect(proxy).To(BeNil())
}
