package main

import (
	"bytes"
	"context"
	"crypto/sha256"
	"crypto/x509"
	"encoding/pem"
	"errors"
	"fmt"
	"io"
	"os"
	"sync/atomic"
	"time"

	"github.com/go-logr/logr"
	"k8s.io/utils/clock"
)

const (
	// A mounted Secret or ConfigMap is replaced by way of symbolic links, which a watch on the file would lose. The kubelet itself takes about a minute.
	bundleReadEvery = 10 * time.Second

	// All public roots together are a quarter of this.
	bundleSize = 1 << 20
)

// authorities are the roots for ThingSpace: the system's, and those in --thingspace-ca-file, which is read again while the operator runs.
type authorities struct {
	path   string
	clock  clock.WithTicker
	log    logr.Logger
	pool   atomic.Pointer[x509.CertPool]
	digest [sha256.Size]byte // of the content last looked at, good or bad
	failed string            // why the file could not be read, last time
}

// newAuthorities reads the bundle for the first time; no path stands for the system's roots alone.
func newAuthorities(path string, clock clock.WithTicker, log logr.Logger) (*authorities, error) {
	a := &authorities{path: path, clock: clock, log: log}
	if path == "" {
		return a, nil
	}
	bundle, err := readBundle(path)
	if err == nil {
		a.digest = sha256.Sum256(bundle)
		err = a.trust(bundle)
	}
	if err != nil {
		return nil, fmt.Errorf("--thingspace-ca-file: %w", err)
	}
	return a, nil
}

// roots returns what a new connection trusts; nil stands for the system's roots.
func (a *authorities) roots() *x509.CertPool { return a.pool.Load() }

// Start implements manager.Runnable: it reads the file again until the operator ends.
func (a *authorities) Start(ctx context.Context) error {
	if a.path == "" {
		return nil
	}
	ticker := a.clock.NewTicker(bundleReadEvery)
	defer ticker.Stop()
	for {
		select {
		case <-ctx.Done():
			return nil
		case <-ticker.C():
			a.readAgain()
		}
	}
}

// NeedLeaderElection reports that a replica that does not lead reads the file too: it may lead at any time.
func (a *authorities) NeedLeaderElection() bool { return false }

// readAgain trusts what the file holds now. Where that is no bundle, what was trusted last stays so, and the log says why, once.
func (a *authorities) readAgain() {
	bundle, err := readBundle(a.path)
	if err != nil {
		if err.Error() != a.failed {
			a.failed = err.Error()
			a.log.Error(err, "--thingspace-ca-file can't be read again. The certificates last read from it stay trusted; the operator goes on looking.")
		}
		return
	}
	a.failed = ""
	digest := sha256.Sum256(bundle)
	if digest == a.digest {
		return
	}
	a.digest = digest
	if err := a.trust(bundle); err != nil {
		a.log.Error(err, "--thingspace-ca-file has changed, and can't be used. The certificates last read from it stay trusted. Put a PEM bundle into it.")
		return
	}
	a.log.Info("--thingspace-ca-file has changed; new connections to ThingSpace trust what it holds now.", "file", a.path)
}

func (a *authorities) trust(bundle []byte) error {
	certificates, err := certificatesIn(bundle)
	if err != nil {
		return fmt.Errorf("%s %w", a.path, err)
	}
	pool, err := x509.SystemCertPool()
	if err != nil {
		pool = x509.NewCertPool()
	}
	for _, certificate := range certificates {
		pool.AddCert(certificate)
	}
	a.pool.Store(pool)
	return nil
}

// readBundle reads a file that is no longer than any bundle.
func readBundle(path string) ([]byte, error) {
	file, err := os.Open(path)
	if err != nil {
		return nil, err
	}
	defer file.Close() //nolint:errcheck // it was only read
	bundle, err := io.ReadAll(io.LimitReader(file, bundleSize+1))
	switch {
	case err != nil:
		return nil, err
	case len(bundle) > bundleSize:
		return nil, fmt.Errorf("%s is longer than %d bytes", path, bundleSize)
	}
	return bundle, nil
}

// certificatesIn returns all certificates of a PEM bundle. One that can't be read would be missed only when ThingSpace shows what it has signed.
func certificatesIn(bundle []byte) ([]*x509.Certificate, error) {
	var certificates []*x509.Certificate
	begun := bytes.Count(bundle, []byte("-----BEGIN CERTIFICATE-----"))
	for rest := bundle; ; {
		var block *pem.Block
		if block, rest = pem.Decode(rest); block == nil {
			break
		}
		if block.Type != "CERTIFICATE" {
			continue
		}
		certificate, err := x509.ParseCertificate(block.Bytes)
		if err != nil {
			return nil, fmt.Errorf("holds a certificate, number %d, that can't be read: %w", len(certificates)+1, err)
		}
		certificates = append(certificates, certificate)
	}
	switch {
	case begun == 0:
		return nil, errors.New("holds no PEM certificate: it must have one or more blocks that start with -----BEGIN CERTIFICATE-----")
	case len(certificates) < begun:
		return nil, fmt.Errorf("is damaged: of %d certificates that begin only %d can be read", begun, len(certificates))
	}
	return certificates, nil
}
