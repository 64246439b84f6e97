package gitops_test

import (
	"slices"
	"testing"
)

// row is what the tools must say in one situation. The first row that fits counts.
type row struct {
	situation string
	fits      func(c combination) bool
	argo      string
	kstatus   string
	helm      string
	flux      string
	kubectl   string
	// never marks what the operator never leaves: Argo CD and Flux, whose rules are ours, are right all the same; kstatus, Helm and kubectl, who know
	// neither suspend nor, in kubectl's case, deletion, may say something else.
	never bool
}

func table() []row {
	isReady := func(c combination) bool { return c.ready == "True" }
	handled := func(c combination) bool { return c.observed == "current" }
	reconciling := func(c combination) bool { return c.reconciling == "True" }
	stalled := func(c combination) bool { return c.stalled == "True" }
	all := func(conditions ...func(combination) bool) func(combination) bool {
		return func(c combination) bool {
			return !slices.ContainsFunc(conditions, func(holds func(combination) bool) bool { return !holds(c) })
		}
	}
	deleting, suspended := func(c combination) bool { return c.deleting }, combination.suspended
	unspoken := func(c combination) bool { return c.ready == "" }
	return []row{
		{"deleted, handled, Ready", all(deleting, handled, isReady), "Progressing", "Terminating", "waits", "InProgress", "met", true},
		{"deleted", deleting, "Progressing", "Terminating", "waits", "InProgress", "waits", false},
		{"not handled yet", func(c combination) bool { return !handled(c) }, "Progressing", "InProgress", "waits", "InProgress", "waits", false},
		{"suspended, Reconciling, Ready", all(suspended, reconciling, isReady), "Suspended", "InProgress", "waits", "InProgress", "met", true},
		{"suspended, Reconciling", all(suspended, reconciling), "Suspended", "InProgress", "waits", "InProgress", "waits", true},
		{"suspended, Stalled, Ready", all(suspended, stalled, isReady), "Suspended", "Failed", "fails", "InProgress", "met", true},
		{"suspended, Stalled", all(suspended, stalled), "Suspended", "Failed", "fails", "InProgress", "waits", true},
		{"suspended, Ready", all(suspended, isReady), "Suspended", "Current", "done", "InProgress", "met", true},
		{"suspended, no Ready", all(suspended, unspoken), "Suspended", "Current", "done", "InProgress", "waits", true},
		{"suspended", suspended, "Suspended", "InProgress", "waits", "InProgress", "waits", false},
		{"Reconciling, Ready", all(reconciling, isReady), "Progressing", "InProgress", "waits", "InProgress", "met", true},
		{"Reconciling", reconciling, "Progressing", "InProgress", "waits", "InProgress", "waits", false},
		{"Stalled, Ready", all(stalled, isReady), "Degraded", "Failed", "fails", "Failed", "met", true},
		{"Stalled", stalled, "Degraded", "Failed", "fails", "Failed", "waits", false},
		{"Ready", isReady, "Healthy", "Current", "done", "Current", "met", false},
		{"no condition that says anything", unspoken, "Progressing", "Current", "done", "InProgress", "waits", true},
		{"not Ready, for no reason", all(), "Progressing", "InProgress", "waits", "InProgress", "waits", true},
	}
}

// verdicts are what the tools' words come to. "waits" is all that kubectl can say of a failure.
var verdicts = map[string]string{
	"Healthy": "done", "Current": "done", "done": "done", "met": "done",
	"Degraded": "failed", "Failed": "failed", "fails": "failed",
	"Progressing": "not yet", "Suspended": "not yet", "InProgress": "not yet", "Terminating": "not yet", "waits": "not yet",
}

func TestToolsAgree(t *testing.T) {
	rows, promised := table(), promises(t)
	for _, r := range rows {
		words := []string{r.argo, r.kstatus, r.helm, r.flux, r.kubectl}
		for _, word := range words {
			agrees := verdicts[word] == verdicts[r.argo] || word == r.kubectl && verdicts[r.argo] == "failed"
			if !agrees && !r.never {
				t.Errorf("%s: the tools do not agree: %v", r.situation, words)
			}
		}
	}
	script, expressions, kubectl := argoCustomization(t).health, fluxExpressions(t), newKubectlWait(t)
	counts, kept := make([]int, len(rows)), map[int]bool{}
	combinations := combinations()
	for _, c := range combinations {
		i := slices.IndexFunc(rows, func(r row) bool { return r.fits(c) })
		r, o := rows[i], c.object()
		counts[i]++
		written := c.writtenFor(promised)
		if written != nil && r.never {
			t.Errorf("%+v is what the operator writes for %v, and not never", c, promised[written[0]])
		}
		if c.observed != "behind" {
			for _, p := range written {
				kept[p] = true
			}
		}
		var argo health
		if err := run(script, o, &argo); err != nil {
			t.Fatal(err)
		}
		status := kstatus(t, o)
		for _, answer := range []struct{ tool, got, expected string }{
			{"Argo CD", argo.Status, r.argo}, {"kstatus", status.String(), r.kstatus}, {"helm --wait", helmWait(status), r.helm},
			{"Flux", expressions.judge(t, o), r.flux}, {"kubectl wait", kubectl.judge(t, o), r.kubectl},
		} {
			if answer.got != answer.expected {
				t.Errorf("%s of %+v (%s): %s, expected %s", answer.tool, c, r.situation, answer.got, answer.expected)
			}
		}
	}
	for i, r := range rows {
		t.Logf("%4d %s", counts[i], r.situation)
		if counts[i] == 0 {
			t.Errorf("no combination is %s", r.situation)
		}
	}
	if len(combinations) < 876 || len(kept) != len(promised)+1 {
		t.Errorf("%d combinations, in which %d of %d things that the operator writes occur", len(combinations), len(kept), len(promised)+1)
	}
	t.Logf("%d combinations through 5 tools", len(combinations))
}
