package house

import (
	"fmt"
	"go/ast"
	"go/token"
	"maps"
	"path"
	"regexp"
	"slices"
	"strings"
	"testing"
)

// screen is how many lines a function may have.
const screen = 70

// layerNames say nothing about what a package holds.
var layerNames = []string{"util", "utils", "common", "helper", "helpers", "manager", "misc", "base", "types"}

func TestEveryPackageHasAComment(t *testing.T) {
	documented := map[string]bool{}
	for _, f := range load(t) {
		if f.test {
			continue
		}
		documented[f.dir()] = documented[f.dir()] || hasPackageComment(f)
	}
	for _, dir := range slices.Sorted(maps.Keys(documented)) {
		if !documented[dir] {
			t.Errorf("package %s/%s has no comment that begins with its name", module, dir)
		}
		if slices.Contains(layerNames, path.Base(dir)) {
			t.Errorf("package %s is named after a layer, not after what it holds", dir)
		}
	}
}

func hasPackageComment(f *file) bool {
	want := "Package " + f.ast.Name.Name + " "
	if f.ast.Name.Name == "main" {
		want = "Command "
	}
	return f.ast.Doc != nil && strings.HasPrefix(f.ast.Doc.Text(), want)
}

// undocumented names the exported declarations of a file that have no comment.
func undocumented(f *file) []string {
	var bad []string
	report := func(n ast.Node, name string) {
		bad = append(bad, f.at(n)+": exported "+name+" has no comment")
	}
	for _, d := range f.ast.Decls {
		switch d := d.(type) {
		case *ast.FuncDecl:
			if d.Name.IsExported() && d.Doc == nil && exportedReceiver(d) && !wellKnown(d) {
				report(d, d.Name.Name)
			}
		case *ast.GenDecl:
			if d.Doc != nil || d.Tok == token.CONST && slices.ContainsFunc(d.Specs, commented) {
				continue // the first of a group of constants may speak for all
			}
			for _, s := range d.Specs {
				if name := exportedSpec(s); name != "" {
					report(s, name)
				}
			}
		}
	}
	return bad
}

func commented(s ast.Spec) bool {
	v, ok := s.(*ast.ValueSpec)
	return ok && (v.Doc != nil || v.Comment != nil)
}

// exportedSpec is the exported name that a declaration without a comment of its own declares, or "".
func exportedSpec(s ast.Spec) string {
	switch s := s.(type) {
	case *ast.TypeSpec:
		if s.Name.IsExported() && s.Doc == nil {
			return s.Name.Name
		}
	case *ast.ValueSpec:
		if s.Doc != nil || s.Comment != nil {
			return ""
		}
		for _, n := range s.Names {
			if n.IsExported() {
				return n.Name
			}
		}
	}
	return ""
}

func exportedReceiver(d *ast.FuncDecl) bool {
	if d.Recv == nil {
		return true
	}
	t := d.Recv.List[0].Type
	if star, ok := t.(*ast.StarExpr); ok {
		t = star.X
	}
	if index, ok := t.(*ast.IndexExpr); ok {
		t = index.X
	}
	name, ok := t.(*ast.Ident)
	return ok && name.IsExported()
}

// wellKnown methods need no comment: their interface has it.
func wellKnown(d *ast.FuncDecl) bool {
	return d.Recv != nil && slices.Contains([]string{
		"String", "Error", "Unwrap", "Is", "Close", "Read", "Write", "Len", "Less", "Swap", "Push", "Pop", "ServeHTTP", "MarshalText",
		"UnmarshalText", "MarshalJSON", "UnmarshalJSON", "LocalAddr", "RemoteAddr", "SetDeadline", "SetReadDeadline", "SetWriteDeadline",
		"Addr", "Accept",
	}, d.Name.Name)
}

func TestExportedNamesHaveComments(t *testing.T) {
	for _, f := range load(t) {
		if f.test || f.ast.Name.Name == "main" {
			continue
		}
		for _, bad := range undocumented(f) {
			t.Error(bad)
		}
	}
}

func TestFunctionsFitAScreen(t *testing.T) {
	for _, f := range load(t) {
		if f.test {
			continue
		}
		for _, d := range f.ast.Decls {
			if d, ok := d.(*ast.FuncDecl); ok {
				if n := f.fset.Position(d.End()).Line - f.line(d) + 1; n > screen {
					t.Errorf("%s: %s has %d lines, more than a screen of %d", f.at(d), d.Name.Name, n, screen)
				}
			}
		}
	}
}

// unfinished matches what says that something is left to be done.
var unfinished = regexp.MustCompile(`\b(TO` + `DO|FIX` + `ME|XX` + `X|HA` + `CK)\b`)

func TestNothingIsLeftForLater(t *testing.T) {
	for _, f := range load(t) {
		for _, group := range f.ast.Comments {
			if m := unfinished.FindString(group.Text()); m != "" {
				t.Errorf("%s: the comment says %s", f.at(group), m)
			}
		}
	}
}

func TestStyleRules(t *testing.T) {
	f := snippet(t, "nac/x.go", `// Package x is here.
package x
func A() {}
// B is fine.
func B() {}
type c int
func (c) D() {}
type E int
func (E) String() string { return "" }
func (*E) F() {}
const (
	G = 1 // speaks for both
	H = 2
)
const L, M = 1, 2
// Both are fine.
const (
	I = 1
	J = 2
)
var K, l int
`)
	var names []string
	for _, bad := range undocumented(f) {
		names = append(names, strings.Fields(bad)[2])
	}
	if got, want := fmt.Sprint(names), "[A E F L K]"; got != want {
		t.Errorf("undocumented %s, want %s", got, want)
	}
	if !hasPackageComment(f) || hasPackageComment(snippet(t, "x.go", "// Something.\npackage x\n")) {
		t.Error("package comments are not told apart")
	}
	if !unfinished.MatchString("FIX"+"ME: later") || unfinished.MatchString("a prefix me") {
		t.Error("unfinished work is not recognised")
	}
}
