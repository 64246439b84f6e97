package main

import (
	"go/ast"
	"go/parser"
	"go/token"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/fota-callback-operator/fota-callback-operator/test/document"
)

// A defect that no longer fits the code would be one less, and nobody would notice.
func TestEveryDefectFitsTheCode(t *testing.T) {
	count := map[string]int{}
	names := map[string]bool{}
	for _, d := range defects {
		count[d.class]++
		if names[d.name] {
			t.Errorf("there are two of the name %q", d.name)
		}
		names[d.name] = true
		if _, err := d.apply("../.."); err != nil {
			t.Error(err)
		}
	}
	if len(defects) < 40 {
		t.Errorf("%d defects are not enough", len(defects))
	}
	for _, class := range []string{lostIntent, staleView, missedEvent, signIn} {
		if count[class] < 10 {
			t.Errorf("%s has %d defects", class, count[class])
		}
	}
	promises := promisesOfHarness(t)
	for promise, name := range alone {
		if !names[name] {
			t.Errorf("%s: there is no defect %q", promise, name)
		}
		if !slices.Contains(promises, promise) {
			t.Errorf("the harness judges by no promise %q", promise)
		}
	}
	for _, promise := range promises {
		if alone[promise] == "" && !slices.Contains(neverAlone, promise) {
			t.Errorf("%s has no defect that only it notices", promise)
		}
	}
}

// promisesOfHarness are the names of the oracles, which are the harness's own: they are read from its source.
func promisesOfHarness(t *testing.T) []string {
	t.Helper()
	file, err := parser.ParseFile(token.NewFileSet(), "../perturbation/oracles.go", nil, parser.SkipObjectResolution)
	if err != nil {
		t.Fatal(err)
	}
	var promises []string
	ast.Inspect(file, func(node ast.Node) bool {
		constant, ok := node.(*ast.ValueSpec)
		if !ok || len(constant.Values) == 0 {
			return true
		}
		if kind, ok := constant.Type.(*ast.Ident); ok && kind.Name == "oracle" {
			promise, err := strconv.Unquote(constant.Values[0].(*ast.BasicLit).Value)
			if err != nil {
				t.Fatal(err)
			}
			promises = append(promises, promise)
		}
		return true
	})
	if len(promises) < 20 {
		t.Fatalf("only %d promises are read: %v", len(promises), promises)
	}
	return promises
}

// The document shows every defect that there is, and none that is gone or survived; and for every promise the one that nothing else noticed.
func TestTheDocumentShowsEveryDefect(t *testing.T) {
	section, err := document.Section("../../docs/reliability.md", "kill-matrix")
	if err != nil {
		t.Fatal(err)
	}
	if section == "" {
		t.Skip("`make mutants` has never been run here")
	}
	tables := strings.Split(strings.TrimSpace(section), "\n\n")
	var shown []string
	for _, row := range strings.Split(tables[0], "\n")[2:] {
		shown = append(shown, strings.Split(row, " | ")[1])
		if strings.Contains(row, "| SURVIVED |") {
			t.Error(row)
		}
	}
	for _, d := range defects {
		if !slices.Contains(shown, d.name) {
			t.Errorf("%q is not shown: run `make mutants`", d.name)
		}
	}
	if len(shown) != len(defects) {
		t.Errorf("%d defects are shown, and there are %d", len(shown), len(defects))
	}
	noticed := map[string]string{}
	for _, row := range strings.Split(tables[len(tables)-1], "\n")[2:] {
		cells := strings.Split(row, "|")
		noticed[strings.TrimSpace(cells[1])] = strings.TrimSpace(cells[3])
	}
	promises := promisesOfHarness(t)
	for _, promise := range promises {
		if noticed[promise] != alone[promise] || noticed[promise] == "" && !slices.Contains(neverAlone, promise) {
			t.Errorf("of what only %q notices, %q is shown and %q is meant: run `make mutants`", promise, noticed[promise], alone[promise])
		}
	}
	if len(noticed) != len(promises) {
		t.Errorf("%d promises are shown, and there are %d", len(noticed), len(promises))
	}
}
