package house

import (
	"bytes"
	"encoding/json"
	"errors"
	"go/ast"
	"go/importer"
	"go/token"
	"go/types"
	"io"
	"maps"
	"os"
	"os/exec"
	"slices"
	"strings"
	"testing"
)

// orderMarker claims that the order of a loop cannot show.
const orderMarker = "order-free"

// unordered names the loops of a type-checked file whose order is that of a map.
func unordered(f *file, info *types.Info) []string {
	var bad []string
	imports := f.imports()
	var function *ast.BlockStmt // the top-level function around the loop
	ast.Inspect(f.ast, func(n ast.Node) bool {
		if d, ok := n.(*ast.FuncDecl); ok {
			function = d.Body
		}
		loop, ok := n.(*ast.RangeStmt)
		if !ok || !rangesOverMap(loop, info, imports) || f.marked(loop, orderMarker) || sortedAfterwards(loop, function) {
			return true
		}
		bad = append(bad, f.at(loop)+": the order of this loop is that of a map; range over slices.Sorted(maps.Keys(m)), or say \"// "+
			orderMarker+": why\"")
		return true
	})
	return bad
}

// rangesOverMap recognises a map, and the iterators over one that package maps returns. A loop that looks at
// neither key nor value only counts.
func rangesOverMap(loop *ast.RangeStmt, info *types.Info, imports map[string]string) bool {
	if loop.Key == nil && loop.Value == nil {
		return false
	}
	if call, ok := loop.X.(*ast.CallExpr); ok {
		if s, ok := call.Fun.(*ast.SelectorExpr); ok {
			if x, ok := s.X.(*ast.Ident); ok && imports[x.Name] == "maps" {
				return true
			}
		}
	}
	t := info.TypeOf(loop.X)
	if t == nil {
		return false
	}
	_, isMap := t.Underlying().(*types.Map)
	return isMap
}

// exports maps import paths to the files of export data that the compiler left, as the go command lists them.
func exports(t *testing.T) map[string]string {
	t.Helper()
	cmd := exec.Command("go", "list", "-e", "-export", "-deps", "-json=ImportPath,Export", "./...")
	cmd.Dir = root(t)
	var stderr bytes.Buffer
	cmd.Stderr = &stderr
	out, err := cmd.Output()
	if err != nil {
		t.Fatalf("go list: %v\n%s", err, stderr.String())
	}
	m := map[string]string{}
	for d := json.NewDecoder(bytes.NewReader(out)); ; {
		var p struct{ ImportPath, Export string }
		if err := d.Decode(&p); errors.Is(err, io.EOF) {
			return m
		} else if err != nil {
			t.Fatal(err)
		}
		m[p.ImportPath] = p.Export
	}
}

// check type-checks the files of one package; what does not compile is for the compiler to say.
func check(dir string, files []*file, importer types.Importer) *types.Info {
	info := &types.Info{Types: map[ast.Expr]types.TypeAndValue{}}
	config := types.Config{Importer: importer, Error: func(error) {}}
	trees := make([]*ast.File, len(files))
	for i, f := range files {
		trees[i] = f.ast
	}
	_, _ = config.Check(module+"/"+dir, files[0].fset, trees, info)
	return info
}

func TestNoOrderOfMapsShows(t *testing.T) {
	packages := map[string][]*file{}
	for _, f := range load(t) {
		if !f.test && inVirtualWorld(f.dir()) {
			packages[f.dir()] = append(packages[f.dir()], f)
		}
	}
	listed := exports(t)
	for _, dir := range slices.Sorted(maps.Keys(packages)) {
		files := packages[dir]
		importer := importer.ForCompiler(files[0].fset, "gc", func(path string) (io.ReadCloser, error) { return os.Open(listed[path]) })
		info := check(dir, files, importer)
		for _, f := range files {
			for _, bad := range unordered(f, info) {
				t.Error(bad)
			}
		}
	}
}

func TestUnordered(t *testing.T) {
	f := snippet(t, "nac/x.go", `package x
import "maps"
import "slices"
type set map[string]bool
func f(m map[int]int, s set, l []int, n int) {
	for k := range m { _ = k }
	for range m { n++ }
	for k := range s { _ = k }
	for i := range l { _ = i }
	for k := range maps.Keys(m) { _ = k }
	for k := range m { delete(m, k) } // order-free: empties it
	// order-free: a sum
	for _, v := range m { n += v }
	for k := range m { _ = k } // order-free:
	for i := range 3 { _ = i }
}
func sorted(m map[string]int) (keys []string) {
	for k, v := range m {
		if upper := v + 1; upper > 3 { keys = append(keys, k) }
	}
	slices.Sort(keys)
	return keys
}
func unsorted(m map[string]int) (keys, other []string) {
	for k := range m { keys = append(keys, k) }
	slices.Sort(other)
	for k := range m { other = append(other, k); print(k) }
	slices.Sort(other)
	return keys, other
}
`)
	info := check("nac", []*file{f}, importer.ForCompiler(token.NewFileSet(), "gc", func(string) (io.ReadCloser, error) {
		return nil, errors.New("not needed")
	}))
	var lines []string
	for _, bad := range unordered(f, info) {
		lines = append(lines, strings.Split(bad, ":")[1])
	}
	if got, want := strings.Join(lines, " "), "6 8 10 14 25 27"; got != want {
		t.Errorf("loops in the order of a map in lines %s, want %s", got, want)
	}
}
