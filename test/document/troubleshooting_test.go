package document_test

import (
	"go/ast"
	"go/parser"
	"go/token"
	"os"
	"strconv"
	"strings"
	"testing"
)

// Every reason that an object may show has a section that says what to do, and every reason that has one is one.
func TestEveryReasonHasASection(t *testing.T) {
	file, err := parser.ParseFile(token.NewFileSet(), "../../api/v1alpha1/reasons.go", nil, parser.SkipObjectResolution)
	if err != nil {
		t.Fatal(err)
	}
	reasons := map[string]bool{}
	ast.Inspect(file, func(node ast.Node) bool {
		if constant, ok := node.(*ast.ValueSpec); ok && strings.HasPrefix(constant.Names[0].Name, "Reason") {
			reason, err := strconv.Unquote(constant.Values[0].(*ast.BasicLit).Value)
			if err != nil {
				t.Fatal(err)
			}
			reasons[reason] = true
		}
		return true
	})
	if len(reasons) < 15 {
		t.Fatalf("only %d reasons are read: %v", len(reasons), reasons)
	}
	for _, document := range []struct{ path, before, after string }{
		{"docs/troubleshooting.md", "\n## ", "\n"},
		{"docs/reference.md", "\n| ", " |"},
	} {
		text, err := os.ReadFile("../../" + document.path)
		if err != nil {
			t.Fatal(err)
		}
		for reason := range reasons {
			if !strings.Contains(string(text), document.before+reason+document.after) {
				t.Errorf("%s says nothing about %s", document.path, reason)
			}
		}
	}
	text, err := os.ReadFile("../../docs/troubleshooting.md")
	if err != nil {
		t.Fatal(err)
	}
	for line := range strings.Lines(string(text)) {
		heading, ok := strings.CutPrefix(strings.TrimSpace(line), "## ")
		if ok && !strings.Contains(heading, " ") && !reasons[heading] {
			t.Errorf("there is a section about %s, which is no reason", heading)
		}
	}
}
