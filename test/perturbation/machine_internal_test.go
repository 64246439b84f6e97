package perturbation

import (
	"testing"
	"time"

	"pgregory.net/rapid"
)

// Whatever people, strangers and accidents do in whatever order: no promise is broken on the way, and when it is over both sides are as wished.
func TestAnyStory(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		w := newWorld(plan{effects: map[int]disturbance{}})
		good(w)
		t.Repeat(map[string]func(*rapid.T){
			"create": func(t *rapid.T) {
				o := callback(rapid.SampledFrom([]string{"fleet", "next"}).Draw(t, "name"), account, fleetURL)
				rapid.SampledFrom(validSpecs).Draw(t, "spec")(o)
				w.kube.create(o)
			},
			"edit": func(t *rapid.T) {
				change := rapid.SampledFrom([]spec{changeURL, url(fleetURL), suspend, resume, warn, retain, strip, every5m}).Draw(t, "change")
				w.kube.edit(rapid.SampledFrom([]string{"fleet", "next"}).Draw(t, "name"), change)
			},
			"delete": func(t *rapid.T) { w.kube.delete(rapid.SampledFrom([]string{"fleet", "next"}).Draw(t, "name")) },
			"drift": func(t *rapid.T) {
				w.strangers = true
				w.far.Register(account, rapid.SampledFrom([]string{"", foreign, fleetURL, nextURL}).Draw(t, "url"))
			},
			"fault": func(t *rapid.T) {
				d := rapid.SampledFrom([]disturbance{crashBefore, crashAfter, lost}).Draw(t, "fault")
				if rapid.Bool().Draw(t, "refuse") {
					answer := rapid.SampledFrom(refusals).Draw(t, "answer")
					d = disturbance{name: answer.name, act: anyAct, refuse: answer}
				}
				w.bus.plan.effects[len(w.bus.trace)+rapid.IntRange(0, 6).Draw(t, "effects from now")] = d
			},
			"crash": func(*rapid.T) { w.restart() },
			"rotate": func(t *rapid.T) {
				w.changePassword("rotated&\"~/?ö" + rapid.StringMatching("[a-z]{8}").Draw(t, "password"))
				w.far.EndSessions()
			},
			"time passes": func(t *rapid.T) {
				w.settle(time.Duration(rapid.IntRange(1, 2000).Draw(t, "seconds")) * time.Second)
			},
			"": func(t *rapid.T) { explain(t, w) },
		})
		w.bus.calm = true
		w.settle(healing)
		w.mend()
		w.settle(healing)
		w.rest()
		w.judgeEnd()
		w.judgeShown()
		explain(t, w)
	})
}

func explain(t *rapid.T, w *world) {
	for _, failure := range w.failures {
		t.Errorf("%s", failure)
	}
	if t.Failed() {
		t.Fatalf("%v\n%s", w.bus, w.outcome())
	}
}
