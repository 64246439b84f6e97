package main

import (
	"fmt"
	"go/ast"
	"go/token"
	"go/types"
	"slices"
	"strings"
)

// edit replaces what stands between two positions.
type edit struct {
	from, to token.Pos
	text     string
}

// rewrite returns the file with all its mutants in it.
func (s *source) rewrite() string {
	edits := s.edits(s.file)
	edits = append(edits, edit{s.file.Name.End(), s.file.Name.End(), "; import \"" + module + "/internal/mutate\""})
	return s.apply(s.file.FileStart, s.file.FileEnd, edits) + "\nvar _ = mutate.On\n"
}

// apply returns what stands between two positions, edited.
func (s *source) apply(from, to token.Pos, edits []edit) string {
	slices.SortFunc(edits, func(a, b edit) int { return int(a.from - b.from) })
	var out strings.Builder
	for _, e := range edits {
		if e.from >= from && e.to <= to {
			out.WriteString(s.at(from, e.from) + e.text)
			from = e.to
		}
	}
	out.WriteString(s.at(from, to))
	return out.String()
}

// edits are those within a node, outermost first: what is within them is part of their text.
func (s *source) edits(node ast.Node) []edit {
	var all []edit
	var parents []ast.Node
	ast.Inspect(node, func(n ast.Node) bool {
		if n == nil {
			parents = parents[:len(parents)-1]
			return true
		}
		if text := s.mutated(n, parents); text != "" && n != node {
			all = append(all, edit{n.Pos(), n.End(), text})
			return false
		}
		parents = append(parents, n)
		return true
	})
	return all
}

// within returns the node's text with the mutants of its parts in it.
func (s *source) within(node ast.Node) string {
	if text := s.mutated(node, nil); text != "" {
		return text
	}
	return s.apply(node.Pos(), node.End(), s.edits(node))
}

// mutated is the text of a node that has mutants; empty where it has none.
func (s *source) mutated(node ast.Node, parents []ast.Node) string {
	switch n := node.(type) {
	case *ast.BinaryExpr:
		return s.binary(n)
	case *ast.IncDecStmt:
		return s.statement(n, n.Tok, n.TokPos, parents)
	case *ast.AssignStmt:
		return s.statement(n, n.Tok, n.TokPos, parents)
	case *ast.BranchStmt:
		if n.Label == nil && inLoop(parents) {
			return s.statement(n, n.Tok, n.TokPos, parents)
		}
	}
	return ""
}

func (s *source) binary(n *ast.BinaryExpr) string {
	known := s.info.Types[n]
	if known.Value != nil || len(swaps[n.Op]) == 0 {
		return "" // a constant
	}
	basic, ok := known.Type.Underlying().(*types.Basic)
	if !ok || n.Op == token.ADD && basic.Info()&types.IsString != 0 {
		return ""
	}
	name := s.typeName(known.Type, n.Pos())
	if name == "" {
		return ""
	}
	base := s.within(n.X) + s.at(n.X.End(), n.Y.Pos()) + s.within(n.Y)
	choice := "(" + base + ")"
	for _, op := range swaps[n.Op] {
		other := strings.Replace(s.at(n.X.End(), n.Y.Pos()), n.Op.String(), op.String(), 1)
		other = s.at(n.X.Pos(), n.X.End()) + other + s.at(n.Y.Pos(), n.Y.End())
		id := s.add(n, other)
		if basic.Info()&types.IsBoolean != 0 {
			choice = fmt.Sprintf("(mutate.On(%d) && (%s) || !mutate.On(%d) && %s)", id, other, id, choice)
		} else {
			choice = fmt.Sprintf("mutate.Pick(%d, func() %s { return %s }, func() %s { return %s })", id, name, other, name, choice)
		}
	}
	return choice
}

// typeName is how a type is written at a position; empty where something else bears its name there.
func (s *source) typeName(t types.Type, at token.Pos) string {
	named, ok := t.(*types.Named)
	if ok && named.Obj().Pkg() == s.types {
		if _, found := s.types.Scope().Innermost(at).LookupParent(named.Obj().Name(), at); found != named.Obj() {
			return ""
		}
	}
	return types.TypeString(t, func(p *types.Package) string {
		if p == s.types {
			return ""
		}
		return p.Name()
	})
}

// statement is one that stands in a block by itself: elsewhere there is no room for a choice.
func (s *source) statement(n ast.Node, tok token.Token, at token.Pos, parents []ast.Node) string {
	if len(parents) == 0 || len(swaps[tok]) == 0 {
		return ""
	}
	switch parents[len(parents)-1].(type) {
	case *ast.BlockStmt, *ast.CaseClause, *ast.CommClause:
	default:
		return ""
	}
	if assign, ok := n.(*ast.AssignStmt); ok {
		if basic, ok := s.info.TypeOf(assign.Lhs[0]).Underlying().(*types.Basic); !ok || basic.Info()&types.IsString != 0 {
			return ""
		}
	}
	choice := s.apply(n.Pos(), n.End(), s.edits(n))
	for _, op := range swaps[tok] {
		other := s.at(n.Pos(), at) + op.String() + s.at(at+token.Pos(len(tok.String())), n.End())
		choice = fmt.Sprintf("if mutate.On(%d) { %s } else { %s }", s.add(n, other), other, choice)
	}
	return choice
}

// inLoop says whether a break or a continue would find a loop within its function.
func inLoop(parents []ast.Node) bool {
	for _, parent := range slices.Backward(parents) {
		switch parent.(type) {
		case *ast.ForStmt, *ast.RangeStmt:
			return true
		case *ast.FuncLit:
			return false
		}
	}
	return false
}
