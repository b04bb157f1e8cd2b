package house

import (
	"go/ast"
	"go/parser"
	"go/token"
	"io/fs"
	"os"
	"path"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
)

const module = "nacsim"

// A file is one parsed Go file of the repository.
type file struct {
	fset *token.FileSet
	ast  *ast.File
	path string // relative to the root, with slashes
	test bool
}

// dir is the package's path below the module: "nac/policy", or "" for the root.
func (f *file) dir() string {
	if d := path.Dir(f.path); d != "." {
		return d
	}
	return ""
}

func (f *file) line(n ast.Node) int { return f.fset.Position(n.Pos()).Line }

// at names a place for an error message.
func (f *file) at(n ast.Node) string { return f.path + ":" + strconv.Itoa(f.line(n)) }

// marked reports whether the line of n, or the one above, has a comment "marker: reason".
func (f *file) marked(n ast.Node, marker string) bool {
	line := f.line(n)
	for _, group := range f.ast.Comments {
		for _, c := range group.List {
			if at := f.line(c); at != line && at != line-1 {
				continue
			}
			text := strings.TrimSpace(strings.TrimPrefix(c.Text, "//"))
			if reason, ok := strings.CutPrefix(text, marker+":"); ok && strings.TrimSpace(reason) != "" {
				return true
			}
		}
	}
	return false
}

// imports maps the names under which the file knows its imports to their paths.
func (f *file) imports() map[string]string {
	m := map[string]string{}
	for _, s := range f.ast.Imports {
		p, err := strconv.Unquote(s.Path.Value)
		if err != nil {
			continue
		}
		name := path.Base(p)
		if isVersion(name) {
			name = path.Base(path.Dir(p))
		}
		if s.Name != nil {
			name = s.Name.Name
		}
		m[name] = p
	}
	return m
}

// isVersion recognises the last element of paths like math/rand/v2.
func isVersion(s string) bool {
	n, ok := strings.CutPrefix(s, "v")
	_, err := strconv.Atoi(n)
	return ok && err == nil
}

func root(t *testing.T) string {
	t.Helper()
	dir, err := filepath.Abs(filepath.Join("..", ".."))
	if err != nil {
		t.Fatal(err)
	}
	return dir
}

// isModule reports whether a folder is a module of its own, which keeps its own house.
func isModule(dir string) bool {
	_, err := os.Stat(filepath.Join(dir, "go.mod"))
	return err == nil
}

// load parses all Go files of the module.
func load(t *testing.T) []*file {
	t.Helper()
	top := root(t)
	fset := token.NewFileSet()
	var files []*file
	err := filepath.WalkDir(top, func(p string, d fs.DirEntry, err error) error {
		switch {
		case err != nil:
			return err
		case d.IsDir() && (strings.HasPrefix(d.Name(), ".") || d.Name() == "testdata" || p != top && isModule(p)):
			return filepath.SkipDir
		case d.IsDir() || filepath.Ext(p) != ".go":
			return nil
		}
		relative, err := filepath.Rel(top, p)
		if err != nil {
			return err
		}
		source, err := os.ReadFile(p)
		if err != nil {
			return err
		}
		files = append(files, parse(t, fset, filepath.ToSlash(relative), string(source)))
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	if len(files) < 10 {
		t.Fatalf("only %d Go files under %s", len(files), top)
	}
	return files
}

func parse(t *testing.T, fset *token.FileSet, name, source string) *file {
	t.Helper()
	f, err := parser.ParseFile(fset, name, source, parser.ParseComments|parser.SkipObjectResolution)
	if err != nil {
		t.Fatal(err)
	}
	return &file{fset: fset, ast: f, path: name, test: strings.HasSuffix(name, "_test.go")}
}

// snippet parses a file that a rule is tried on.
func snippet(t *testing.T, name, source string) *file {
	t.Helper()
	return parse(t, token.NewFileSet(), name, source)
}

// under reports whether a package is the folder or below it.
func under(dir, folder string) bool { return dir == folder || strings.HasPrefix(dir, folder+"/") }
