package thingspace

import (
	"crypto/x509"
	"net"
	"net/http"
	"net/http/httptest"
	"net/url"
	"os"
	"syscall"
	"testing"
	"time"

	. "github.com/onsi/gomega"
)

// Each way in which ThingSpace can be out of reach has words of its own, without an address.
func TestWhyThingSpaceIsOutOfReach(t *testing.T) {
	secure := httptest.NewTLSServer(http.NotFoundHandler())
	defer secure.Close()
	plain := httptest.NewServer(http.NotFoundHandler())
	defer plain.Close()
	closes := httptest.NewServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) { panic(http.ErrAbortHandler) }))
	defer closes.Close()
	gone := httptest.NewServer(http.NotFoundHandler())
	gone.Close()
	refuses := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(http.StatusProxyAuthRequired) }))
	defer refuses.Close()

	for name, test := range map[string]struct{ base, proxy, cause string }{
		"a name that is nobody's":         {"https://thingspace.invalid", "", "its host name can't be looked up"},
		"an unknown certificate":          {secure.URL, "", "its certificate is not trusted"},
		"no TLS":                          {"https" + plain.URL[len("http"):], "", "it does not speak TLS"},
		"nothing listens":                 {gone.URL, "", "connection refused"},
		"an end without an answer":        {closes.URL, "", "the connection was closed without an answer"},
		"no proxy listens":                {secure.URL, gone.URL, "the proxy (HTTPS_PROXY) can't be reached"},
		"a proxy's name that is nobody's": {secure.URL, "http://proxy.invalid:3128", "the proxy (HTTPS_PROXY) can't be reached"},
		"a proxy that wants a password":   {secure.URL, refuses.URL, "the proxy (HTTPS_PROXY) answered HTTP 407"},
	} {
		t.Run(name, func(t *testing.T) {
			g := NewWithT(t)
			base, err := url.Parse(test.base)
			g.Expect(err).NotTo(HaveOccurred())
			connections := newConnections(base, x509.NewCertPool, 5*time.Second)
			if test.proxy != "" {
				proxy, err := url.Parse(test.proxy)
				g.Expect(err).NotTo(HaveOccurred())
				connections.transport.Proxy = http.ProxyURL(proxy)
			}
			request, err := http.NewRequestWithContext(t.Context(), http.MethodGet, test.base, nil)
			g.Expect(err).NotTo(HaveOccurred())
			connection, err := connections.connect(t.Context())
			if err == nil {
				defer connection.release()
				_, err = connection.RoundTrip(request) //nolint:bodyclose // there is none
			}
			g.Expect(err).To(HaveOccurred())
			g.Expect((&Client{timeout: 15 * time.Second}).cause(err)).To(Equal(test.cause))
		})
	}
	for errno, cause := range map[syscall.Errno]string{ // as the kernel says it, which no server here can bring about
		syscall.EHOSTUNREACH: "there is no route to it",
		syscall.ENETUNREACH:  "there is no route to it",
		syscall.EPERM:        "network error",
	} {
		t.Run(errno.Error(), func(t *testing.T) {
			err := &net.OpError{Op: "dial", Net: "tcp", Err: os.NewSyscallError("connect", errno)}
			NewWithT(t).Expect((&Client{}).cause(err)).To(Equal(cause))
		})
	}
}
