package main

import (
	"encoding/json"
	"strings"
	"testing"
	"time"

	. "github.com/onsi/gomega"

	"github.com/fota-callback-operator/fota-callback-operator/internal/simulator"
)

// asWished is a run of 1,000 objects that reaches every target.
func asWished() *Results {
	calls := func(list, other int, name string) map[string]int {
		return map[string]int{"token": 1, "login": 1, "list": list, name: other}
	}
	return &Results{
		Reference: Reference{
			Operator: Idler{BinaryBytes: 101, StartSeconds: 0.1, RSSBytes: 50 * megabyte}, Bare: Idler{BinaryBytes: 100, StartSeconds: 0.1, RSSBytes: 50 * megabyte},
		},
		Sizes: []Size{{
			Objects:     1_000,
			CreateFloor: Wave{Seconds: 10, AllCPUSeconds: 10}, Create: Wave{Seconds: 11, AllCPUSeconds: 12, Calls: calls(1_000, 1_000, "register"), Writes: 2_002, Events: 1_000, SecretReads: 1},
			Restart: Restart{Interval: "1m", IdleRate: 16, FirstTenSeconds: calls(160, 0, "update"), QueueIdleSeconds: 2, CPUPercent: 1},
			Idle:    Idle{Interval: "1m", Seconds: 36, MeanCalls: 16, BusiestCalls: 30, RSSBytes: 55 * megabyte},
			Outage:  Outage{QPS: 20, Seconds: 10, MeanCalls: 1, RecoverySeconds: 50, RecoveryCalls: calls(1_000, 0, "update")},
			Edit:    Wave{Seconds: 10, Calls: calls(1_000, 1_000, "update"), Writes: 2_002},
			Delete:  Wave{Seconds: 10, AllCPUSeconds: 9, Calls: calls(2_000, 1_000, "deregister"), Writes: 1_000}, DeleteFloor: Wave{Seconds: 9, AllCPUSeconds: 9},
		}},
	}
}

func missed(r *Results) []string {
	var all []string
	for _, target := range r.targets() {
		if !target.Met {
			all = append(all, target.What)
		}
	}
	return all
}

func TestEachTargetCanBeMissed(t *testing.T) {
	g := NewWithT(t)
	g.Expect(missed(asWished())).To(BeEmpty())
	for what, spoil := range map[string]func(*Results, *Size){
		"memory idle":                            func(r *Results, _ *Size) { r.Reference.Operator.RSSBytes = 56 * megabyte },
		"start to ready":                         func(r *Results, _ *Size) { r.Reference.Operator.StartSeconds = 0.13 },
		"stripped binary":                        func(r *Results, _ *Size) { r.Reference.Operator.BinaryBytes = 106 },
		"create: far-side calls":                 func(_ *Results, s *Size) { s.Create.Writes++ },
		"create: time against":                   func(_ *Results, s *Size) { s.Create.Seconds = 13 },
		"create: CPU of all":                     func(_ *Results, s *Size) { s.Create.AllCPUSeconds = 13 },
		"delete: CPU of all":                     func(_ *Results, s *Size) { s.Delete.AllCPUSeconds = 13 },
		"create: reads of the Secret":            func(_ *Results, s *Size) { s.Create.SecretReads = 1_000 },
		"idle: object writes":                    func(_ *Results, s *Size) { s.Idle.Writes = 1 },
		"idle: calls in the busiest second":      func(_ *Results, s *Size) { s.Idle.BusiestCalls = 50 },
		"idle: reads of the Secret":              func(_ *Results, s *Size) { s.Idle.SecretReads = 2 },
		"restart: writes":                        func(_ *Results, s *Size) { s.Restart.Writes = 2 },
		"restart: calls in the first 10 s":       func(_ *Results, s *Size) { s.Restart.FirstTenSeconds["list"] = 300 },
		"restart: seconds until":                 func(_ *Results, s *Size) { s.Restart.QueueIdleSeconds = 6 },
		"idle: % of a core":                      func(_ *Results, s *Size) { s.Restart.CPUPercent = 3 },
		"memory: KB for each object more than 0": func(_ *Results, s *Size) { s.Idle.RSSBytes = 57 * megabyte },
		"edit":                                   func(_ *Results, s *Size) { s.Edit.Calls["list"]++ },
		"delete: calls":                          func(_ *Results, s *Size) { s.Delete.Writes++ },
		"delete: time":                           func(_ *Results, s *Size) { s.Delete.Seconds = 12 },
		"outage: calls":                          func(_ *Results, s *Size) { s.Outage.MeanCalls = 2 },
		"outage: recovery against":               func(_ *Results, s *Size) { s.Outage.RecoverySeconds = 20 },
	} {
		r := asWished()
		spoil(r, &r.Sizes[0])
		g.Expect(missed(r)).To(ConsistOf(HavePrefix(what)))
	}
}

func TestBothForms(t *testing.T) {
	g := NewWithT(t)
	file := t.TempDir() + "/bench.json"
	r := asWished()
	g.Expect(r.write(file)).To(Succeed())
	text := r.markdown()
	for _, target := range r.Targets {
		g.Expect(text).To(ContainSubstring(target.What))
	}
	for line := range strings.Lines(text) {
		if strings.HasPrefix(line, "| 1000 | create |") {
			g.Expect(line).To(ContainSubstring("| 10.0 | 1.10 |"))
		}
	}
	_, err := json.Marshal(r)
	g.Expect(err).NotTo(HaveOccurred())
}

func TestPercentile(t *testing.T) {
	g := NewWithT(t)
	var hundred []time.Duration
	for n := range 100 {
		hundred = append(hundred, time.Duration(n+1))
	}
	g.Expect(percentile(hundred, 50)).To(BeEquivalentTo(50))
	g.Expect(percentile(hundred, 99)).To(BeEquivalentTo(99))
	g.Expect(percentile(hundred[:1], 99)).To(BeEquivalentTo(1))
	g.Expect(percentile(nil, 99)).To(BeZero())
}

func TestBusiestSecondBeginsAnywhere(t *testing.T) {
	g := NewWithT(t)
	var calls []simulator.Request
	for _, at := range []time.Duration{0, 900 * time.Millisecond, 1100 * time.Millisecond, 1800 * time.Millisecond, 1899 * time.Millisecond, 4 * time.Second} {
		calls = append(calls, simulator.Request{Time: time.Unix(100, 0).Add(at)})
	}
	g.Expect(busiestSecond(calls)).To(Equal(4))
	g.Expect(busiestSecond(nil)).To(BeZero())
}

func TestSizes(t *testing.T) {
	g := NewWithT(t)
	s, err := parse([]string{"-sizes", "300 1000"})
	g.Expect(err).NotTo(HaveOccurred())
	g.Expect(s.sizes).To(Equal([]int{300, 1000}))
	for _, wrong := range []string{"", "3", "many"} {
		_, err := parse([]string{"-sizes", wrong})
		g.Expect(err).To(HaveOccurred())
	}
}
