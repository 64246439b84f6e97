package main

import (
	"bytes"
	"io"
	"strings"
	"testing"
	"time"

	. "github.com/onsi/gomega"
)

func nothingSet(string) (string, bool) { return "", false }

func TestDefaults(t *testing.T) {
	g := NewWithT(t)
	o, err := parseOptions(nil, nothingSet, io.Discard)
	g.Expect(err).NotTo(HaveOccurred())
	g.Expect(o.thingspaceURL).To(Equal("https://thingspace.verizon.com/api"))
	g.Expect(o.thingspaceTimeout).To(Equal(15 * time.Second))
	g.Expect(o.thingspaceQPS).To(BeEquivalentTo(20))
	g.Expect(o.thingspaceBurst).To(Equal(40))
	g.Expect(o.defaultInterval).To(Equal(10 * time.Minute))
	g.Expect(o.deregistrationGrace).To(Equal(10 * time.Second))
	g.Expect(o.maxConcurrentReconciles).To(Equal(32))
	g.Expect(o.leaderElect).To(BeTrue())
	g.Expect(o.metricsBindAddress).To(Equal(":8443"))
	g.Expect(o.metricsSecure).To(BeTrue())
	g.Expect(o.healthProbeBindAddress).To(Equal(":8081"))
	g.Expect(o.namespaces()).To(BeEmpty())
}

func TestEnvironment(t *testing.T) {
	g := NewWithT(t)
	env := map[string]string{
		"THINGSPACE_URL": "https://thingspace.example.com/api", "WATCH_NAMESPACES": "a, b,", "LEADER_ELECT": "false",
		"DEFAULT_INTERVAL": "1h", "VERSION": "true", "KUBECONFIG": "/a:/b", "ZAP_LOG_LEVEL": "debug",
	}
	o, err := parseOptions([]string{"--default-interval=2h"}, func(name string) (string, bool) { v, ok := env[name]; return v, ok }, io.Discard)
	g.Expect(err).NotTo(HaveOccurred())
	g.Expect(o.thingspaceURL).To(Equal("https://thingspace.example.com/api"))
	g.Expect(o.namespaces()).To(Equal([]string{"a", "b"}))
	g.Expect(o.leaderElect).To(BeFalse())
	g.Expect(o.defaultInterval).To(Equal(2*time.Hour), "a flag goes before its variable")
	g.Expect(o.showVersion).To(BeFalse())

	env["DEFAULT_INTERVAL"] = "often"
	_, err = parseOptions(nil, func(name string) (string, bool) { v, ok := env[name]; return v, ok }, io.Discard)
	g.Expect(err).To(MatchError(ContainSubstring("DEFAULT_INTERVAL")))
}

func TestBadFlags(t *testing.T) {
	for _, arg := range []string{
		"--thingspace-timeout=0", "--thingspace-qps=-1", "--thingspace-burst=0", "--default-interval=30s", "--default-interval=25h",
		"--deregistration-grace=-1s", "--max-concurrent-reconciles=0", "--watch-namespaces=Not_A_Name", "--metrics-bind-address=8443",
		"--metrics-bind-address=", "--health-probe-bind-address=x", "--no-such-flag", "stray", "--thingspace-qps=many",
		"--thingspace-url=http://thingspace.example.com/api", "--thingspace-url=thingspace.example.com", "--thingspace-url=https://user:secret@thingspace.example.com",
	} {
		_, err := parseOptions([]string{arg}, nothingSet, io.Discard)
		NewWithT(t).Expect(err).To(MatchError(Not(ContainSubstring("secret"))), arg)
	}
}

func TestWhatIsServedCanBeTurnedOff(t *testing.T) {
	for _, arg := range []string{"--metrics-bind-address=0", "--health-probe-bind-address=0", "--health-probe-bind-address="} {
		_, err := parseOptions([]string{arg}, nothingSet, io.Discard)
		NewWithT(t).Expect(err).NotTo(HaveOccurred(), arg)
	}
}

func TestBadFlagsEndTheProcess(t *testing.T) {
	NewWithT(t).Expect(run([]string{"--default-interval=1s"})).To(Equal(2))
}

// At verbosity 8 and above client-go writes request and answer bodies, Secrets included.
func TestLogNeverShowsBodies(t *testing.T) {
	g := NewWithT(t)
	for _, level := range []string{"8", "10", "100"} {
		o, err := parseOptions([]string{"--zap-log-level=" + level}, nothingSet, io.Discard)
		g.Expect(err).NotTo(HaveOccurred())
		var out bytes.Buffer
		logger := newLogger(o.zap, &out)
		for v := range 20 {
			logger.V(v).Info("line", "v", v)
		}
		lines := strings.Count(out.String(), "\n")
		g.Expect(lines).To(Equal(verbosityThatShowsBodies), "0 to 7")
		g.Expect(logger.V(verbosityThatShowsBodies).Enabled()).To(BeFalse())
	}
}
