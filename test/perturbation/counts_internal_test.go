package perturbation

import (
	"flag"
	"fmt"
	"strings"
	"sync/atomic"
	"testing"

	"github.com/fota-callback-operator/fota-callback-operator/test/document"
)

var update = flag.Bool("update", false, "write how many plans there are into docs/reliability.md")

// generated says that this run has generated all plans, however many of them it has played.
func generated() bool { return !*tallying && flag.Lookup("test.run").Value.String() == "" }

// The document says how many plans there are. They are generated, and the same in every run.
func documentCounts(t *testing.T, counts []atomic.Int64) {
	t.Helper()
	var table strings.Builder
	fmt.Fprintf(&table, "%d stories, of which %d are others once more at a ThingSpace that behaves otherwise (that rewrites URLs, that refuses to change what is not there, "+
		"that keeps one session for each user):\n\n| class | what is done | plans |\n|---|---|---:|\n", len(allStories()), len(allStories())-len(stories))
	all := int64(0)
	for n, c := range classes {
		fmt.Fprintf(&table, "| %s | %s | %d |\n", c.name, c.description, counts[n].Load())
		all += counts[n].Load()
	}
	fmt.Fprintf(&table, "| | all | %d |\n", all)
	documented(t, "plans", table.String())
}

// documented expects a section of the document to be this text, or writes it.
func documented(t *testing.T, section, text string) {
	t.Helper()
	const file = "../../docs/reliability.md"
	if *update {
		if err := document.Replace(file, section, text); err != nil {
			t.Error(err)
		}
		return
	}
	if written, err := document.Section(file, section); err != nil || written != text {
		t.Errorf("docs/reliability.md says otherwise (%v): run `make perturb UPDATE=1`", err)
	}
}
