package house

import (
	"slices"
	"strings"
	"testing"
)

// programs are the three that know each other only over the wire.
var programs = []string{"nac", "fakeap", "fakegraph"}

// observers see what the programs say, and must not share their code.
var observers = []string{"sim/decode", "sim/trace", "sim/capture", "sim/timeline"}

// badImports names the imports of a file that go up or sideways.
func badImports(f *file) []string {
	var bad []string
	for _, s := range f.ast.Imports {
		p, ok := strings.CutPrefix(strings.Trim(s.Path.Value, `"`), module+"/")
		if !ok {
			continue
		}
		if why := forbidden(f.dir(), p); why != "" {
			bad = append(bad, f.at(s)+": "+f.dir()+" must not import "+p+": "+why)
		}
	}
	return bad
}

// forbidden says why the package from must not import the package to, or "".
func forbidden(from, to string) string {
	program := func(dir string) string {
		for _, p := range programs {
			if under(dir, p) {
				return p
			}
		}
		return ""
	}
	observes := func(dir string) bool {
		return slices.ContainsFunc(observers, func(o string) bool { return under(dir, o) })
	}
	switch mine, theirs := program(from), program(to); {
	case under(from, "internal") && !under(to, "internal"):
		return "the ground floor stands on nothing"
	case mine != "" && theirs != "" && mine != theirs:
		return "programs meet on the wire only"
	case mine != "" && under(to, "sim"):
		return "a program does not know in which world it runs"
	case observes(from) && theirs != "":
		return "an observer reads the wire, not the programs"
	}
	return ""
}

func TestImportsGoDownOnly(t *testing.T) {
	for _, f := range load(t) {
		for _, bad := range badImports(f) {
			t.Error(bad)
		}
	}
}

func TestImportRule(t *testing.T) {
	for _, tt := range []struct {
		from, to string
		allowed  bool
	}{
		{"nac", "nac/policy", true},
		{"nac/policy", "internal/host", true},
		{"nac/radiusd", "fakeap", false},
		{"nac", "fakegraph", false},
		{"fakeap/das", "nac/coa", false},
		{"fakegraph", "sim/virtual", false},
		{"nac", "sim/trace", false},
		{"sim/play", "nac", true},
		{"sim/decode", "internal/radius", true},
		{"sim/decode", "fakeap/dot11", false},
		{"internal/eap", "nac", false},
		{"internal/radius", "internal/eap", true},
		{"internal/host", "sim/live", false},
		{"", "sim/cli", true},
		{"nacelle", "sim", true}, // a prefix is not a folder
	} {
		if why := forbidden(tt.from, tt.to); (why == "") != tt.allowed {
			t.Errorf("%s importing %s: %q, want allowed=%v", tt.from, tt.to, why, tt.allowed)
		}
	}
	f := snippet(t, "nac/x.go", "package nac\nimport (\n\"fmt\"\n\"nacsim/fakeap\"\n)\nvar _ = fmt.Sprint(fakeap.X)\n")
	if bad := badImports(f); len(bad) != 1 || !strings.HasPrefix(bad[0], "nac/x.go:4: ") {
		t.Errorf("found %q, want the import in line 4", bad)
	}
}
