package canary_test

import (
	"testing"

	. "github.com/onsi/gomega"

	"github.com/fota-callback-operator/fota-callback-operator/test/canary"
)

func TestFind(t *testing.T) {
	g := NewWithT(t)
	const secret = `p&s"s?~~`
	for _, shown := range []string{
		`level=info msg=p&s"s?~~ more`, "cCZzInM/fn4=", "cCZzInM_fn4", "7026732273", "70267322733F7E7E", "p%26s%22s%3F~~", `{"a":"p&s\"s?~~"}`,
	} {
		if shown == "7026732273" { // a part is not the whole
			g.Expect(canary.Find(shown, secret)).To(BeEmpty())
			continue
		}
		g.Expect(canary.Find(shown, secret)).NotTo(BeEmpty(), shown)
	}
	g.Expect(canary.Find("nothing to see", secret, "other")).To(BeEmpty())
}
