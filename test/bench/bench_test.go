package main

import (
	"encoding/json"
	"strings"
	"testing"
	"time"

	. "github.com/onsi/gomega"

	"github.com/fota-callback-operator/fota-callback-operator/api/v1alpha1"
	"github.com/fota-callback-operator/fota-callback-operator/internal/simulator"
	"github.com/fota-callback-operator/fota-callback-operator/test/document"
)

// asWished is a run of 1,000 and 10,000 objects that reaches every target.
func asWished() *Results {
	return &Results{
		Reference: Reference{
			Operator: Idler{BinaryBytes: 101, StartSeconds: 0.1, Memory: Memory{RSSBytes: 50 * megabyte}},
			Bare:     Idler{BinaryBytes: 100, StartSeconds: 0.1, Memory: Memory{RSSBytes: 50 * megabyte}},
		},
		Sizes: []Size{sizeAsWished(1_000), sizeAsWished(10_000)},
	}
}

func sizeAsWished(n int) Size {
	calls := func(list, other int, name string) map[string]int {
		return map[string]int{"token": 1, "login": 1, "list": list, name: other}
	}
	signedIn := func(list, other int, name string) map[string]int { return map[string]int{"list": list, name: other} }
	took := float64(n) / 100
	return Size{
		Objects:     n,
		CreateFloor: Wave{Seconds: took, CPUSeconds: took / 2}, CreateAsked: Wave{Seconds: 1.2 * took}, DeleteAsked: Wave{Seconds: took},
		Create: Wave{Seconds: 1.1 * took, CPUSeconds: took, Calls: calls(n, n, "register"), Writes: 2 * n, Events: n, SecretReads: 2},
		Restart: Restart{
			Interval: "10m", Seconds: 90, IdleRate: 16, FirstTenSeconds: calls(160, 0, "update"), Calls: calls(1_000, 0, "update"), Writes: 0, SecretReads: 2, QueueIdleSeconds: 2, CPUPercent: 1,
		},
		Idle:   Idle{Interval: "1m", Seconds: 360, MeanCalls: 16, BusiestCalls: 30, Memory: Memory{RSSBytes: 50*megabyte + n*5*kilobyte}},
		Outage: Outage{QPS: 20, Seconds: 10, MeanCalls: 1, RecoverySeconds: 50, RecoveryCalls: calls(998, 0, "update")},
		Edit:   Wave{Seconds: took, Calls: calls(n, n, "update"), Writes: 2 * n, SecretReads: 2},
		Delete: Wave{Seconds: took, Calls: signedIn(2*n, n, "deregister"), Writes: n}, DeleteFloor: Wave{Seconds: 0.9 * took},
	}
}

func missedOf(r *Results) []string {
	var all []string
	for _, target := range r.targets() {
		if target.Verdict == missed {
			all = append(all, target.What)
		}
	}
	return all
}

func TestEachTargetCanBeMissed(t *testing.T) {
	g := NewWithT(t)
	g.Expect(missedOf(asWished())).To(BeEmpty())
	for what, spoil := range map[string]func(*Results, *Size){
		"memory idle":                         func(r *Results, _ *Size) { r.Reference.Operator.Memory.RSSBytes = 56 * megabyte },
		"start to ready":                      func(r *Results, _ *Size) { r.Reference.Operator.StartSeconds = 0.13 },
		"stripped binary":                     func(r *Results, _ *Size) { r.Reference.Operator.BinaryBytes = 106 },
		"create: far-side calls":              func(_ *Results, s *Size) { s.Create.Writes++ },
		"create: time against":                func(_ *Results, s *Size) { s.Create.Seconds *= 1.2 },
		"create: time against the floor with": func(_ *Results, s *Size) { s.CreateAsked.Seconds *= 0.7 },
		"delete: time against the floor with": func(_ *Results, s *Size) { s.DeleteAsked.Seconds *= 0.7 },
		"create: the operator's CPU":          func(_ *Results, s *Size) { s.Create.CPUSeconds *= 1.2 },
		"create: calls and writes per":        func(r *Results, _ *Size) { r.Sizes[0].Create.Writes, r.Sizes[0].Create.Calls["list"] = 1_998, 500 },
		"create: reads of the Secret":         func(_ *Results, s *Size) { s.Create.SecretReads = 1_000 },
		"idle: object writes":                 func(_ *Results, s *Size) { s.Idle.Writes = 1 },
		"idle: calls in the busiest second":   func(_ *Results, s *Size) { s.Idle.BusiestCalls = 50 },
		"idle: reads of the Secret":           func(_ *Results, s *Size) { s.Idle.SecretReads = 2 },
		"restart: object writes":              func(_ *Results, s *Size) { s.Restart.Writes = 3 },
		"restart: object writes, mutating":    func(_ *Results, s *Size) { s.Restart.Calls["update"]++ },
		"restart: reads of the Secret":        func(_ *Results, s *Size) { s.Restart.SecretReads = 3 },
		"restart: calls in 10 s":              func(_ *Results, s *Size) { s.Restart.FirstTenSeconds["list"] = 300 },
		"restart: seconds until":              func(_ *Results, s *Size) { s.Restart.QueueIdleSeconds = 6 },
		"idle: % of a core":                   func(_ *Results, s *Size) { s.Restart.CPUPercent = 3 },
		"memory: KB for each object more":     func(_ *Results, s *Size) { s.Idle.Memory.RSSBytes += 10 * megabyte },
		"edit: far-side calls":                func(_ *Results, s *Size) { s.Edit.Calls["list"]++ },
		"edit: reads of the Secret":           func(_ *Results, s *Size) { s.Edit.SecretReads = 3 },
		"delete: far-side calls":              func(_ *Results, s *Size) { s.Delete.Writes++ },
		"delete: reads of the Secret":         func(_ *Results, s *Size) { s.Delete.SecretReads = 2 },
		"delete: time":                        func(_ *Results, s *Size) { s.Delete.Seconds *= 1.2 },
		"outage: calls":                       func(_ *Results, s *Size) { s.Outage.MeanCalls = 2 },
		"outage: recovery against":            func(_ *Results, s *Size) { s.Outage.RecoverySeconds = 20 },
	} {
		r := asWished()
		spoil(r, &r.Sizes[1])
		if missed := missedOf(r); strings.HasPrefix(what, "create: calls and writes") {
			g.Expect(missed).To(ContainElement(HavePrefix(what)))
		} else {
			g.Expect(missed).To(ConsistOf(HavePrefix(what)))
		}
	}
}

// What chance alone can miss has no verdict; a count has one whatever the number of objects.
func TestFewObjectsAreJudgedByTheirCountsAlone(t *testing.T) {
	g := NewWithT(t)
	r := &Results{Sizes: []Size{sizeAsWished(100), sizeAsWished(900)}}
	r.Reference = asWished().Reference
	s := &r.Sizes[1]
	s.Create.Seconds, s.Create.CPUSeconds, s.Delete.Seconds, s.Restart.CPUPercent, s.Restart.QueueIdleSeconds = 1_000, 1_000, 1_000, 90, 6
	s.Idle.MeanCalls, s.Idle.BusiestCalls, s.Idle.Memory.RSSBytes = 4, 20, 500*megabyte
	s.Restart.IdleRate = 4
	g.Expect(missedOf(r)).To(BeEmpty())
	g.Expect(r.judged()).To(ContainSubstring("| 900 | create: time against the floor | ≤ 1.25 | 111.11 | - |"))
	s.Create.Events++
	g.Expect(r.missedCounts()).To(ConsistOf(ContainSubstring("1800, 1800, 901, not 1800, 1800, 900")))

	// More calls than 10,000 objects make at the default interval may cost more.
	r = asWished()
	r.Sizes[1].Restart.IdleRate, r.Sizes[1].Restart.FirstTenSeconds["list"], r.Sizes[1].Restart.CPUPercent = 83, 830, 5
	g.Expect(missedOf(r)).To(BeEmpty())
}

// A second sign-in brings its own reads; what it writes is no object.
func TestEachSignInIsAllowedFor(t *testing.T) {
	g := NewWithT(t)
	r := asWished()
	s := &r.Sizes[1]
	s.Restart.Calls["login"], s.Restart.SecretReads = 2, 3
	s.Edit.Calls["login"], s.Edit.SecretReads = 2, 3
	g.Expect(missedOf(r)).To(BeEmpty())
}

func TestCallsBeforeTheUsersAreNotTheWaves(t *testing.T) {
	g := NewWithT(t)
	acted := []time.Time{time.Unix(100, 0), time.Unix(200, 0)}
	call := func(at int64, account, operation string) simulator.Request {
		return simulator.Request{Time: time.Unix(at, 0), Account: account, Operation: operation}
	}
	g.Expect(waveCalls([]simulator.Request{
		call(50, "", "login"), call(150, "FLEET-00000", "list"), call(150, "FLEET-00001", "list"), call(200, "FLEET-00001", "list"), call(201, "FLEET-00001", "update"),
	}, "fleet", acted)).To(Equal(map[string]int{"login": 1, "list": 2, "update": 1}))
}

func TestObserverCounts(t *testing.T) {
	g := NewWithT(t)
	o := newObserver("fleet")
	object := func(n int, version string) *v1alpha1.FotaCallback {
		c := callback("fleet", n)
		c.ResourceVersion = version
		return c
	}
	o.saw(object(1, "1"))
	o.saw(object(2, "2"))
	o.saw(object(1, "3"))
	state := stateOf(object(1, "1"))
	g.Expect(o.count(state)).To(Equal(2))
	o.deleted(object(1, "4"))
	g.Expect(o.count(state)).To(Equal(1))
	g.Expect(o.in(gone)).To(HaveLen(1))
	o.saw(object(1, "5"))
	g.Expect([]int{o.count(state), o.count(gone)}).To(Equal([]int{2, 0}))
}

func TestMeanOfTwoFloors(t *testing.T) {
	g := NewWithT(t)
	w := Wave{Seconds: 10, CPUSeconds: 4, Writes: 20}
	w.mean(&Wave{Seconds: 12, CPUSeconds: 2, Writes: 20})
	g.Expect(w).To(Equal(Wave{Seconds: 11, CPUSeconds: 3, Writes: 20}))
}

// A run that breaks off judges nothing that it has not measured.
func TestNothingIsJudgedThatIsNotMeasured(t *testing.T) {
	NewWithT(t).Expect((&Results{Sizes: []Size{{Objects: 1_000}, {Objects: 10_000}}}).targets()).To(BeEmpty())
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
			g.Expect(line).To(ContainSubstring("| 11.0 | 10.0 | 1.10 |"))
		}
	}
	_, err := json.Marshal(r)
	g.Expect(err).NotTo(HaveOccurred())
}

func TestTheDocumentHasPlacesForBoth(t *testing.T) {
	for _, name := range []string{"targets", "measured"} {
		_, err := document.Section("../../docs/performance.md", name)
		NewWithT(t).Expect(err).NotTo(HaveOccurred())
	}
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
	s, err := parse([]string{"-sizes", "1000 300 1000"})
	g.Expect(err).NotTo(HaveOccurred())
	g.Expect(s.sizes).To(Equal([]int{300, 1000}))
	for _, wrong := range []string{"", "3", "many"} {
		_, err := parse([]string{"-sizes", wrong})
		g.Expect(err).To(HaveOccurred())
	}
}
