package main

import (
	"bytes"
	"encoding/json"
	"flag"
	"io"
	"regexp"
	"strings"
	"testing"
	"time"

	. "github.com/onsi/gomega"
	"sigs.k8s.io/controller-runtime/pkg/client/config"
	"sigs.k8s.io/controller-runtime/pkg/log/zap"
)

func mustZap(g Gomega) zap.Options {
	o, err := parseOptions(nil, nothingSet, io.Discard)
	g.Expect(err).NotTo(HaveOccurred())
	return o.zap
}

func TestHelp(t *testing.T) {
	g := NewWithT(t)
	var out bytes.Buffer
	_, err := parseOptions([]string{"--help"}, nothingSet, &out)
	g.Expect(err).To(MatchError(flag.ErrHelp))
	text := out.String()
	g.Expect(text).To(HavePrefix("manager keeps the callback URLs"))
	g.Expect(text).To(ContainSubstring("\nUsage:\n  manager [--FLAG=VALUE]..."))
	g.Expect(text).To(ContainSubstring("--default-interval=DURATION  [DEFAULT_INTERVAL]\n"))
	g.Expect(text).To(ContainSubstring("--leader-elect  [LEADER_ELECT]\n"))
	g.Expect(text).To(ContainSubstring("--version\n"), "it has no variable")
	g.Expect(text).To(ContainSubstring("--kubeconfig=FILE\n"), "it has no variable of that name and kind")
	g.Expect(regexp.MustCompile(`(?m)^ +-[^-]`).FindAllString(text, -1)).To(BeEmpty(), "two dashes")
	for line := range strings.Lines(text) {
		g.Expect(len(line)).To(BeNumerically("<", 180), line)
	}
}

// A default that is shown is the one in force: given as a flag, it changes nothing.
func TestDefaultsThatAreShownAreTrue(t *testing.T) {
	flags, o := flag.NewFlagSet("", flag.ContinueOnError), &options{}
	o.bind(flags)
	config.RegisterFlags(flags)
	flags.VisitAll(func(f *flag.Flag) {
		g := NewWithT(t)
		before := *o
		if f.DefValue != "" || f.Name != "kubeconfig" {
			g.Expect(flags.Set(f.Name, f.DefValue)).To(Succeed(), f.Name)
		}
		g.Expect(*o).To(Equal(before), f.Name)
	})
}

func TestDefaultsOfTheLogThatAreShownAreTrue(t *testing.T) {
	line := func(args ...string) map[string]any {
		g := NewWithT(t)
		o, err := parseOptions(args, nothingSet, io.Discard)
		g.Expect(err).NotTo(HaveOccurred())
		var out bytes.Buffer
		logger := newLogger(o.zap, &out)
		logger.V(1).Info("debug")
		logger.Info("info")
		logger.Error(nil, "error")
		var last map[string]any
		levels := []any{}
		for text := range strings.Lines(out.String()) {
			last = map[string]any{}
			g.Expect(json.Unmarshal([]byte(text), &last)).To(Succeed())
			levels = append(levels, last["level"])
		}
		g.Expect(time.Parse(time.RFC3339, last["ts"].(string))).To(BeTemporally("~", time.Now(), time.Minute))
		delete(last, "ts")
		last["stacktrace"] = last["stacktrace"] != nil
		last["levels"] = levels
		return last
	}
	args := []string{}
	for name, says := range logUsage {
		if strings.HasPrefix(name, "zap-") {
			args = append(args, "--"+name+"="+says[0])
		}
	}
	g := NewWithT(t)
	g.Expect(args).To(HaveLen(5))
	g.Expect(line(args...)).To(Equal(line()))
	g.Expect(line()).To(HaveKeyWithValue("levels", []any{"info", "error"}))
	g.Expect(line()).To(HaveKeyWithValue("stacktrace", true))
}

func TestDurationsAreWrittenAsPeopleDo(t *testing.T) {
	for d, want := range map[time.Duration]string{
		0: "0s", 10 * time.Second: "10s", 10 * time.Minute: "10m", 24 * time.Hour: "24h", 90 * time.Second: "1m30s", time.Hour + time.Second: "1h0m1s",
		100 * time.Minute: "1h40m", 20 * time.Hour: "20h", 1500 * time.Millisecond: "1.5s",
	} {
		g := NewWithT(t)
		g.Expect(short(d)).To(Equal(want))
		g.Expect(time.ParseDuration(short(d))).To(Equal(d))
	}
}
