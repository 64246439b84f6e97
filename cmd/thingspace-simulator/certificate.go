package main

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"errors"
	"math/big"
	"net"
	"os"
	"time"
)

// tlsFiles say how HTTPS is served; empty, it is not.
type tlsFiles struct {
	cert, key, caOut string
	selfSigned       bool
	hosts            []string
}

func (f tlsFiles) check() error {
	switch {
	case (f.cert == "") != (f.key == ""):
		return errors.New("--tls-cert and --tls-key go together")
	case f.selfSigned != (f.caOut != ""):
		return errors.New("--tls-self-signed and --tls-ca-out go together: nobody could trust a CA that is written nowhere")
	case f.selfSigned && f.cert != "":
		return errors.New("--tls-cert and --tls-self-signed are two certificates: choose one")
	case len(f.hosts) > 0 && !f.selfSigned:
		return errors.New("--tls-hosts says what --tls-self-signed is for: give that, too")
	}
	return nil
}

// certificate is nil where plain HTTP is wanted.
func (f tlsFiles) certificate() (*tls.Certificate, error) {
	if f.selfSigned {
		return selfSigned(f.caOut, f.hosts)
	}
	if f.cert == "" {
		return nil, nil
	}
	pair, err := tls.LoadX509KeyPair(f.cert, f.key)
	return &pair, err
}

// selfSigned makes a CA, writes its certificate to a file, and makes a certificate of it for this machine and the hosts. No key is written.
func selfSigned(caOut string, hosts []string) (*tls.Certificate, error) {
	caKey, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		return nil, err
	}
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		return nil, err
	}
	now := time.Now()
	ca := &x509.Certificate{
		SerialNumber: big.NewInt(now.UnixNano()), Subject: pkix.Name{CommonName: "thingspace-simulator CA"},
		NotBefore: now.Add(-time.Hour), NotAfter: now.AddDate(1, 0, 0),
		IsCA: true, BasicConstraintsValid: true, KeyUsage: x509.KeyUsageCertSign,
	}
	caDER, err := x509.CreateCertificate(rand.Reader, ca, ca, caKey.Public(), caKey)
	if err != nil {
		return nil, err
	}
	if ca, err = x509.ParseCertificate(caDER); err != nil { // with the key id that it was given
		return nil, err
	}
	leaf := &x509.Certificate{
		SerialNumber: big.NewInt(now.UnixNano() + 1), Subject: pkix.Name{CommonName: "thingspace-simulator"},
		NotBefore: ca.NotBefore, NotAfter: ca.NotAfter,
		DNSNames: []string{"localhost"}, IPAddresses: []net.IP{net.IPv4(127, 0, 0, 1), net.IPv6loopback},
		KeyUsage: x509.KeyUsageDigitalSignature, ExtKeyUsage: []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth},
	}
	for _, host := range hosts {
		if ip := net.ParseIP(host); ip != nil {
			leaf.IPAddresses = append(leaf.IPAddresses, ip)
		} else {
			leaf.DNSNames = append(leaf.DNSNames, host)
		}
	}
	leafDER, err := x509.CreateCertificate(rand.Reader, leaf, ca, key.Public(), caKey)
	if err != nil {
		return nil, err
	}
	bundle := pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: caDER})
	if err := os.WriteFile(caOut, bundle, 0o644); err != nil { //nolint:gosec // a certificate is public
		return nil, err
	}
	return &tls.Certificate{Certificate: [][]byte{leafDER}, PrivateKey: key}, nil
}
