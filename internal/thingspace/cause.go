package thingspace

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/url"
	"syscall"
)

// cause puts a network error into a few words that stay the same from one attempt to the next, and that show no address.
func (c *Client) cause(err error) string {
	var refused *proxyRefusedError
	var operation *net.OpError
	var dns *net.DNSError
	var cert *tls.CertificateVerificationError
	var record tls.RecordHeaderError
	var netError net.Error
	switch {
	case errors.As(err, &refused):
		return refused.Error()
	case errors.As(err, &operation) && operation.Op == proxyConnect:
		if errors.As(err, &cert) {
			return "the certificate of the proxy (HTTPS_PROXY) " + judged(cert)
		}
		return "the proxy (HTTPS_PROXY) can't be reached"
	case errors.As(err, &dns):
		return "its host name can't be looked up"
	case errors.As(err, &cert):
		return "its certificate " + judged(cert)
	case errors.As(err, &record):
		return "it does not speak TLS"
	case errors.Is(err, syscall.ECONNREFUSED):
		return "connection refused"
	case errors.Is(err, syscall.EHOSTUNREACH), errors.Is(err, syscall.ENETUNREACH):
		return "there is no route to it"
	case errors.Is(err, context.DeadlineExceeded), errors.As(err, &netError) && netError.Timeout():
		return fmt.Sprintf("no answer within %s", c.timeout)
	case errors.Is(err, io.EOF), errors.Is(err, io.ErrUnexpectedEOF), errors.Is(err, syscall.ECONNRESET), errors.Is(err, syscall.EPIPE):
		return "the connection was closed without an answer"
	}
	return "network error"
}

// proxyConnect is what net/http calls the way to a proxy.
const proxyConnect = "proxyconnect"

// judged returns what is wrong with a certificate.
func judged(err *tls.CertificateVerificationError) string {
	var host x509.HostnameError
	var invalid x509.CertificateInvalidError
	switch {
	case errors.As(err, &host):
		return "is for another host"
	case errors.As(err, &invalid) && invalid.Reason == x509.Expired:
		return "has expired, or is not valid yet"
	}
	return "is not trusted"
}

// proxyRefusedError is a proxy's refusal to connect: it wants a password, say, or must not or can't reach ThingSpace.
type proxyRefusedError struct{ status int }

func (e *proxyRefusedError) Error() string {
	return fmt.Sprintf("the proxy (HTTPS_PROXY) answered HTTP %d", e.status)
}

func refusedByProxy(_ context.Context, _ *url.URL, _ *http.Request, answer *http.Response) error {
	if answer.StatusCode != http.StatusOK {
		return &proxyRefusedError{answer.StatusCode}
	}
	return nil
}
