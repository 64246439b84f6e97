// Command thingspace-simulator serves a simulated ThingSpace, to try the operator without a Verizon contract.
package main

import (
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"errors"
	"flag"
	"fmt"
	"math/big"
	"net"
	"net/http"
	"os"
	"os/signal"
	"strings"
	"syscall"
	"time"

	"github.com/fota-callback-operator/fota-callback-operator/internal/simulator"
)

func main() {
	if err := run(os.Args[1:]); err != nil && !errors.Is(err, flag.ErrHelp) {
		fmt.Fprintln(os.Stderr, "thingspace-simulator:", err)
		os.Exit(1)
	}
}

func run(args []string) error {
	var options simulator.Options
	var nothing, certOut string
	var normalize bool
	flags := flag.NewFlagSet("thingspace-simulator", flag.ContinueOnError)
	listen := flags.String("listen", "127.0.0.1:8480", "Address to serve on.")
	flags.StringVar(&certOut, "tls-cert-out", "", "Serve HTTPS with a certificate made at start, and write it here for --thingspace-ca-file.")
	flags.StringVar(&options.ClientID, "client-id", simulator.DefaultClientID, "The application's key.")
	flags.StringVar(&options.ClientSecret, "client-secret", simulator.DefaultClientSecret, "The application's secret.")
	flags.StringVar(&options.Username, "username", simulator.DefaultUsername, "The user's name.")
	flags.StringVar(&options.Password, "password", simulator.DefaultPassword, "The user's password.")
	flags.DurationVar(&options.Latency, "latency", 0, "Delay of every answer.")
	flags.DurationVar(&options.TokenLife, "token-life", time.Hour, "How long a token lives.")
	flags.DurationVar(&options.SessionIdle, "session-idle", 20*time.Minute, "How long a session lives unused.")
	flags.DurationVar(&options.SessionLife, "session-life", 0, "How long a session lives although it is used; 0 for ever.")
	flags.StringVar(&nothing, "nothing", string(simulator.NothingEmpty), "How List says that nothing is registered: empty, chunked, space, null, object, array, array-of-object, null-url, empty-url, 204, 404, 404-json, 400 or 403.")
	flags.IntVar(&options.UpdateMissing, "update-missing", 200, "Status of an Update where nothing is registered: 200, 400 or 404.")
	flags.IntVar(&options.DeregisterMissing, "deregister-missing", 200, "Status of a Deregister where nothing is registered: 200, 400 or 404.")
	flags.BoolVar(&normalize, "normalize", false, "Store URLs in lower case with a slash at the end.")
	flags.IntVar(&options.LogSize, "log-size", 100_000, "How many requests are kept on record.")
	if err := flags.Parse(args); err != nil {
		return err
	}
	options.Nothing = simulator.Nothing(nothing)
	if normalize {
		options.Normalize = func(url string) string { return strings.TrimRight(strings.ToLower(url), "/") + "/" }
	}

	stop, cancel := signal.NotifyContext(context.Background(), syscall.SIGINT, syscall.SIGTERM)
	defer cancel()
	listener, err := (&net.ListenConfig{}).Listen(stop, "tcp", *listen)
	if err != nil {
		return err
	}
	scheme := "http"
	server := &http.Server{Handler: simulator.New(options), ReadHeaderTimeout: 10 * time.Second}
	if certOut != "" {
		scheme = "https"
		certificate, err := selfSigned(certOut)
		if err != nil {
			return err
		}
		listener = tls.NewListener(listener, &tls.Config{Certificates: []tls.Certificate{certificate}, MinVersion: tls.VersionTLS12})
	}
	go func() {
		<-stop.Done()
		_ = server.Close()
	}()
	fmt.Printf("ThingSpace simulator at %s://%s/api\n", scheme, listener.Addr())
	if err := server.Serve(listener); !errors.Is(err, http.ErrServerClosed) {
		return err
	}
	return nil
}

// selfSigned makes a certificate for this machine, and writes it to a file as PEM.
func selfSigned(path string) (tls.Certificate, error) {
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		return tls.Certificate{}, err
	}
	template := &x509.Certificate{
		SerialNumber: big.NewInt(time.Now().UnixNano()), Subject: pkix.Name{CommonName: "thingspace-simulator"},
		NotBefore: time.Now().Add(-time.Hour), NotAfter: time.Now().AddDate(1, 0, 0),
		DNSNames: []string{"localhost"}, IPAddresses: []net.IP{net.IPv4(127, 0, 0, 1), net.IPv6loopback},
		IsCA: true, BasicConstraintsValid: true, KeyUsage: x509.KeyUsageDigitalSignature | x509.KeyUsageCertSign,
	}
	der, err := x509.CreateCertificate(rand.Reader, template, template, key.Public(), key)
	if err != nil {
		return tls.Certificate{}, err
	}
	block := pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: der})
	if err := os.WriteFile(path, block, 0o644); err != nil { //nolint:gosec // a certificate is public
		return tls.Certificate{}, err
	}
	return tls.Certificate{Certificate: [][]byte{der}, PrivateKey: key}, nil
}
