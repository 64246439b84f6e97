package perturbation

import "fmt"

// Plans are generated from what a scenario does undisturbed; nobody writes them by hand.

type class struct {
	name string
	// plans are those for a reference run with this trace.
	plans func(trace []effect) []plan
	// oneAct limits it to stories of one act: faults that last into the next act make that another story.
	oneAct bool
	// others says that somebody else takes part, so that the end need not be the reference's.
	others bool
}

// active is the part of a trace in which something happens: the routine checks after it are all alike.
func active(trace []effect) []effect {
	last := 0
	for n, e := range trace {
		if e.kind != "list" && e.kind != "token" && e.kind != "login" {
			last = n
		}
	}
	return trace[:min(len(trace), last+2)]
}

func single(trace []effect, disturbances ...disturbance) []plan {
	var plans []plan
	for n := range trace {
		for _, d := range disturbances {
			if d.refuse == nil || d.refuse.fits(trace[n]) {
				plans = append(plans, plan{n: d})
			}
		}
	}
	return plans
}

var (
	crashBefore = disturbance{name: "crash before", crashBefore: true}
	crashAfter  = disturbance{name: "crash after", crashAfter: true}
	lost        = disturbance{name: "answer lost", lost: true}
)

// The second of two faults comes within so many effects of the first: what is further apart has settled in between.
const pairDistance = 4

func pairs(trace []effect) []plan {
	var plans []plan
	kinds := []disturbance{crashBefore, crashAfter, lost}
	for n := range trace {
		for m := n + 1; m < min(n+pairDistance, len(trace)+2); m++ {
			for _, a := range kinds {
				for _, b := range kinds {
					plans = append(plans, plan{n: a, m: b})
				}
			}
		}
	}
	return plans
}

// refusals come once, three times in a row, and for the next thirty effects.
func refusals(trace []effect) []plan {
	var plans []plan
	for n := range trace {
		for _, r := range append(kubernetesRefusals, farRefusals...) {
			if !r.fits(trace[n]) {
				continue
			}
			for _, times := range []int{1, 3, 30} {
				p := plan{}
				for m := range times {
					p[n+m] = disturbance{name: fmt.Sprintf("%s ×%d", r.name, times), refuse: r}
				}
				plans = append(plans, p)
			}
		}
	}
	return plans
}

var farRefusals = []*refusal{
	{name: "200 empty object of another kind", status: 200, body: `{"foo":1}`},
	{name: "HTML", status: 200, body: "<html>"},
	{name: "cut off", status: 200, body: `{"url":"https://fo`},
	{name: "success false", status: 200, body: `{"success":false}`},
	{name: "list of null", status: 200, body: "[null]"},
	{name: "201", status: 201, body: "{}"},
	{name: "302", status: 302, header: map[string]string{"Location": "http://elsewhere/"}},
	{name: "400", status: 400, body: `{"errorCode":"INVALID_PARAMETER"}`},
	{name: "400 in HTML", status: 400, body: "<html>"},
	{name: "401", status: 401},
	{name: "401 stale bearer", status: 401, body: `{"fault":{"code":"900901"}}`},
	{name: "400 session expired", status: 400, body: `{"errorCode":"X.SessionToken.Expired"}`},
	{name: "401 session invalid", status: 401, body: `{"errorCode":"X.SessionToken.Invalid"}`},
	{name: "403", status: 403, body: `{"errorCode":"DENIED"}`},
	{name: "403 of a proxy", status: 403, body: "<html>"},
	{name: "403 throttled", status: 403, body: `{"fault":{"code":900804}}`},
	{name: "404 of a web server", status: 404, body: "<html>"},
	{name: "408", status: 408},
	{name: "422", status: 422, body: `{"errorCode":"X"}`},
	{name: "425", status: 425},
	{name: "429", status: 429, header: map[string]string{"Retry-After": "7"}},
	{name: "500", status: 500},
	{name: "503", status: 503, header: map[string]string{"Retry-After": "3"}},
	{name: "504 in HTML", status: 504, body: "<html>"},
}

func somebodyElse(trace []effect) []plan {
	var changes []disturbance
	for name, url := range map[string]string{"somebody changes": foreign, "somebody removes": ""} {
		changes = append(changes, disturbance{name: name, foreign: func(w *world) { w.far.Register(account, url) }})
	}
	return single(trace, changes...)
}

var classes = []class{
	{name: "A1 crash before and after each effect", plans: func(t []effect) []plan { return single(t, crashBefore, crashAfter) }},
	{name: "A2 effect applied, answer lost", plans: func(t []effect) []plan { return single(t, lost) }},
	{name: "A3 pairs of those", plans: pairs},
	{name: "A6 refused writes and wrong answers", plans: refusals, oneAct: true},
	{name: "A8 somebody else in each gap", plans: somebodyElse, oneAct: true, others: true},
}
