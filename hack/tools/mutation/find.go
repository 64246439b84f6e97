package main

import (
	"fmt"
	"go/ast"
	"go/token"
	"go/types"
	"path/filepath"
	"strings"

	"golang.org/x/tools/go/packages"
)

// mutant is one change of one operator.
type mutant struct {
	id        int
	file      string
	line      int
	from, to  string
	covered   bool
	verdict   string // killed, lived, not covered or timed out
	noticedBy string
}

func (m *mutant) String() string {
	return fmt.Sprintf("%s:%d: %s → %s", m.file, m.line, m.from, m.to)
}

// swaps are what may stand in an operator's place.
var swaps = map[token.Token][]token.Token{
	token.EQL: {token.NEQ}, token.NEQ: {token.EQL},
	token.LSS: {token.LEQ, token.GEQ}, token.LEQ: {token.LSS, token.GTR}, token.GTR: {token.GEQ, token.LEQ}, token.GEQ: {token.GTR, token.LSS},
	token.LAND: {token.LOR}, token.LOR: {token.LAND},
	token.ADD: {token.SUB}, token.SUB: {token.ADD}, token.MUL: {token.QUO}, token.QUO: {token.MUL}, token.REM: {token.MUL},
	token.SHL: {token.SHR}, token.SHR: {token.SHL}, token.AND: {token.OR}, token.OR: {token.AND},
	token.INC: {token.DEC}, token.DEC: {token.INC},
	token.ADD_ASSIGN: {token.SUB_ASSIGN, token.ASSIGN}, token.SUB_ASSIGN: {token.ADD_ASSIGN, token.ASSIGN},
	token.BREAK: {token.CONTINUE}, token.CONTINUE: {token.BREAK},
}

// source is a file of a package, to be rewritten.
type source struct {
	text    []byte
	file    *ast.File
	fset    *token.FileSet
	types   *types.Package
	info    *types.Info
	name    string
	mutants *[]*mutant
}

func load(root, folder string) ([]*packages.Package, error) {
	const mode = packages.NeedName | packages.NeedFiles | packages.NeedCompiledGoFiles | packages.NeedSyntax | packages.NeedTypes | packages.NeedTypesInfo | packages.NeedImports
	found, err := packages.Load(&packages.Config{Mode: mode, Dir: root}, "./"+folder)
	if err == nil && packages.PrintErrors(found) > 0 {
		err = fmt.Errorf("%s does not compile", folder)
	}
	return found, err
}

// at is the text between two positions.
func (s *source) at(from, to token.Pos) string {
	return string(s.text[s.fset.Position(from).Offset:s.fset.Position(to).Offset])
}

// add makes a mutant of what stands between two positions, and returns its number.
func (s *source) add(node ast.Node, to string) int {
	m := &mutant{
		id: len(*s.mutants) + 1, file: filepath.Base(s.name), line: s.fset.Position(node.Pos()).Line,
		from: squeeze(s.at(node.Pos(), node.End())), to: squeeze(to),
	}
	*s.mutants = append(*s.mutants, m)
	return m.id
}

// squeeze puts an expression into one line of a table.
func squeeze(text string) string {
	return strings.ReplaceAll(strings.Join(strings.Fields(text), " "), "|", "∣")
}
