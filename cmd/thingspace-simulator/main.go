// Command thingspace-simulator serves a simulated ThingSpace, to try the operator without a Verizon contract. See docs/simulator.md.
package main

import (
	"context"
	"crypto/tls"
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"os/signal"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"time"

	"github.com/fota-callback-operator/fota-callback-operator/internal/simulator"
)

func main() {
	// Whoever started it may stop reading once the address is known; net/http writing a warning then must not end it.
	signal.Ignore(syscall.SIGPIPE)
	ctx, cancel := signal.NotifyContext(context.Background(), syscall.SIGINT, syscall.SIGTERM)
	err := run(ctx, os.Args[1:], os.Stdout, os.Stderr)
	cancel()
	if err != nil && !errors.Is(err, flag.ErrHelp) {
		fmt.Fprintln(os.Stderr, "thingspace-simulator:", err)
		os.Exit(1)
	}
}

// run serves until the context ends. Out gets one line with the base URL, requestLog one of JSON for each request where that is wanted.
func run(ctx context.Context, args []string, out, requestLog io.Writer) error {
	c, err := parse(args, out, requestLog)
	if err != nil {
		return err
	}
	scheme := "http"
	listener, err := (&net.ListenConfig{}).Listen(ctx, "tcp", c.listen)
	if err != nil {
		return err
	}
	certificate, err := c.tls.certificate()
	if err != nil {
		return errors.Join(err, listener.Close())
	}
	address := listener.Addr()
	if certificate != nil {
		scheme = "https"
		listener = tls.NewListener(listener, &tls.Config{Certificates: []tls.Certificate{*certificate}, MinVersion: tls.VersionTLS12})
	}
	// Requests end with the context: one that hangs on purpose holds nothing up.
	server := &http.Server{
		Handler: simulator.New(c.options), ReadHeaderTimeout: 10 * time.Second, BaseContext: func(net.Listener) context.Context { return ctx },
	}
	stopped := make(chan error, 1)
	go func() {
		<-ctx.Done()
		bounded, cancel := context.WithTimeout(context.WithoutCancel(ctx), 5*time.Second)
		defer cancel()
		if server.Shutdown(bounded) != nil {
			stopped <- server.Close()
			return
		}
		stopped <- nil
	}()
	_, _ = fmt.Fprintf(out, "ThingSpace simulator at %s://%s%s\n", scheme, address, strings.TrimRight(c.options.BasePath, "/"))
	if err := server.Serve(listener); !errors.Is(err, http.ErrServerClosed) {
		return err
	}
	return <-stopped
}

// command is what the flags say.
type command struct {
	listen  string
	tls     tlsFiles
	options simulator.Options
}

// parse reads the flags. What is wrong is said in one line, and help is written to out.
func parse(args []string, out, requestLog io.Writer) (command, error) {
	var c command
	flags := c.flags(requestLog)
	flags.SetOutput(io.Discard)
	switch err := flags.Parse(args); {
	case errors.Is(err, flag.ErrHelp):
		flags.SetOutput(out)
		flags.PrintDefaults()
		return command{}, err
	case err != nil:
		return command{}, err
	case flags.NArg() > 0:
		return command{}, fmt.Errorf("there are only flags, so what is %q?", flags.Arg(0))
	}
	return c, errors.Join(c.tls.check(), c.options.Validate())
}

func (c *command) flags(requestLog io.Writer) *flag.FlagSet {
	flags := flag.NewFlagSet("thingspace-simulator", flag.ContinueOnError)
	o := &c.options
	flags.StringVar(&c.listen, "listen", "127.0.0.1:8480", "Address to serve on.")
	flags.StringVar(&o.BasePath, "base-path", "/api", "What stands before each call's path.")
	flags.StringVar(&c.tls.cert, "tls-cert", "", "Serve HTTPS with this PEM file, the certificate and those between it and its CA.")
	flags.StringVar(&c.tls.key, "tls-key", "", "The PEM file with the key of --tls-cert.")
	flags.BoolVar(&c.tls.selfSigned, "tls-self-signed", false, "Serve HTTPS with a certificate made at start.")
	flags.StringVar(&c.tls.caOut, "tls-ca-out", "", "Write the CA of --tls-self-signed here, for --thingspace-ca-file and curl's --cacert.")
	flags.Func("tls-hosts", "Names and addresses that --tls-self-signed is for, besides this machine's own; a comma `list`.", func(value string) error {
		c.tls.hosts = list(value)
		return nil
	})
	flags.StringVar(&o.ClientID, "client-id", simulator.DefaultClientID, "The application's key.")
	flags.StringVar(&o.ClientSecret, "client-secret", simulator.DefaultClientSecret, "The application's secret.")
	flags.StringVar(&o.Username, "username", simulator.DefaultUsername, "The user's name.")
	flags.StringVar(&o.Password, "password", simulator.DefaultPassword, "The user's password.")
	flags.DurationVar(&o.Latency, "latency", 0, "Delay of every answer.")
	flags.DurationVar(&o.TokenLife, "token-life", time.Hour, "How long a token lives.")
	flags.DurationVar(&o.SessionIdle, "session-idle", 20*time.Minute, "How long a session lives unused.")
	flags.DurationVar(&o.SessionLife, "session-life", 0, "How long a session lives although it is used; 0 for ever.")
	flags.BoolVar(&o.SingleSession, "single-session", false, "A login ends the user's other sessions.")
	flags.IntVar(&o.LoginRefusal, "login-refusal", 400, "Status of a refused login: 400, 401 or 403.")
	answer := func(to *simulator.Answer, name, usage string) {
		flags.Func(name, usage, func(value string) error { *to = simulator.Answer(value); return nil })
	}
	answer(&o.BearerRefusal, "bearer-refusal", "Named `answer` to a token that has ended (default bearer-stale); docs/simulator.md has the names.")
	answer(&o.SessionRefusal, "session-refusal", "Named `answer` to a session that has ended (default session-expired, -invalid or -format, whichever is true).")
	answer(&o.AccountRefusal, "account-refusal", "Named `answer` to a call for an account out of reach (default denied).")
	ways := fmt.Sprintf("The `way` in which List says that nothing is registered (default empty): one of %v.", simulator.Nothings())
	flags.Func("nothing", ways, func(value string) error {
		o.Nothing = simulator.Nothing(value)
		return nil
	})
	flags.BoolVar(&o.AsArray, "as-array", false, "List answers an array of one.")
	flags.IntVar(&o.UpdateMissing, "update-missing", 200, "Status of an Update where nothing is registered: 200, 400 or 404.")
	flags.IntVar(&o.DeregisterMissing, "deregister-missing", 200, "Status of a Deregister where nothing is registered: 200, 400 or 404.")
	flags.Func("normalize", "How URLs are rewritten as they are stored: a comma `list` of host-case, default-port and trailing-slash.",
		func(value string) (err error) {
			o.Normalize, err = simulator.Normalizer(list(value)...)
			return err
		})
	flags.IntVar(&o.LogSize, "log-size", 100_000, "How many requests are kept on record; 0 keeps all.")
	flags.BoolFunc("log-requests", "Write each request to standard error, as one line of JSON without credentials.", func(value string) error {
		wanted, err := strconv.ParseBool(value)
		o.OnRequest = nil
		if wanted {
			o.OnRequest = jsonLines(requestLog)
		}
		return err
	})
	return flags
}

func list(commas string) []string {
	return strings.FieldsFunc(commas, func(r rune) bool { return r == ',' || r == ' ' })
}

func jsonLines(to io.Writer) func(simulator.Request) {
	var mu sync.Mutex
	encoder := json.NewEncoder(to)
	encoder.SetEscapeHTML(false)
	return func(request simulator.Request) {
		mu.Lock()
		defer mu.Unlock()
		_ = encoder.Encode(request) // nothing better can be done than to go on serving
	}
}
