package house

import (
	"go/ast"
	"slices"
	"strings"
	"testing"
)

// realWorld are the packages that touch the real world, with the reason.
var realWorld = map[string]string{
	"":               "starts the program",
	"sim/live":       "is the live world: wall clock, goroutines, sockets",
	"sim/cli":        "paces the virtual clock and watches for signals",
	"internal/house": "reads the sources",
	"scenarios":      "is the suite that runs the catalogue",
	"interop":        "runs programs that others wrote",
}

// A ban is what must not be used, and what to use instead.
type ban struct {
	names   []string // of the package; empty means all but the exceptions
	except  []string
	instead string
}

// bans by import path.
var bans = map[string]ban{
	"time": {
		names:   []string{"Now", "Since", "Until", "Sleep", "After", "AfterFunc", "Tick", "NewTimer", "NewTicker"},
		instead: "host.Host's Now, Sleep or AfterFunc, or the time as an argument",
	},
	"math/rand":    {instead: "a named stream, host.Host.Rand"},
	"math/rand/v2": {except: []string{"New", "NewChaCha8", "NewPCG", "Rand", "Source", "ChaCha8", "PCG"}, instead: "a named stream, host.Host.Rand"},
	"crypto/rand":  {instead: "a named stream, host.Host.Rand, or an io.Reader argument"},
	"context": {
		names:   []string{"WithTimeout", "WithTimeoutCause", "WithDeadline", "WithDeadlineCause"},
		instead: "a deadline of the host's operation",
	},
	"net": {
		names: []string{
			"Dial", "DialTimeout", "DialUDP", "DialTCP", "DialIP", "DialUnix", "Dialer", "Listen", "ListenPacket", "ListenUDP", "ListenTCP",
			"ListenConfig", "LookupHost", "LookupIP", "LookupAddr", "Resolver", "DefaultResolver", "Interfaces", "InterfaceAddrs",
		},
		instead: "host.Host's Dial, Listen or ListenPacket",
	},
	"net/http": {
		names: []string{
			"Get", "Head", "Post", "PostForm", "Client", "DefaultClient", "Transport", "DefaultTransport", "Server", "ListenAndServe",
			"ListenAndServeTLS", "Serve", "ServeTLS",
		},
		instead: "host.Host's RoundTrip or ServeHTTP",
	},
	"runtime": {names: []string{"NumCPU", "GOMAXPROCS", "NumGoroutine", "Gosched"}, instead: "host.Host.Parallelism"},
	"sync":    {names: []string{"WaitGroup", "Cond", "Map"}, instead: "host.Host's Go and NewSignal, or a map with a mutex"},
}

// inVirtualWorld reports whether the package's code runs in the virtual world. Packages for tests only, like
// internal/host/hosttest, are as free as test files.
func inVirtualWorld(dir string) bool {
	if strings.HasSuffix(dir, "test") {
		return false
	}
	for folder := range realWorld {
		if dir == folder || folder != "" && under(dir, folder) {
			return false
		}
	}
	return true
}

// mayMark reports whether the package may claim the real world for a line.
func mayMark(dir string) bool { return under(dir, "sim") }

// bannedUses names what a file of the virtual world uses past the host.
func bannedUses(f *file) []string {
	var bad []string
	imports := f.imports()
	report := func(n ast.Node, what, instead string) {
		if !mayMark(f.dir()) || !f.marked(n, "real-world") {
			bad = append(bad, f.at(n)+": "+what+" is banned in the virtual world, use "+instead)
		}
	}
	ast.Inspect(f.ast, func(n ast.Node) bool {
		switch n := n.(type) {
		case *ast.GoStmt:
			report(n, "the go statement", "host.Host.Go")
		case *ast.SelectStmt:
			report(n, "select", "host.Host.NewSignal with a deadline")
		case *ast.SelectorExpr:
			x, ok := n.X.(*ast.Ident)
			if !ok {
				return true
			}
			if b, ok := bans[imports[x.Name]]; ok && b.covers(n.Sel.Name) {
				report(n, imports[x.Name]+"."+n.Sel.Name, b.instead)
			}
		}
		return true
	})
	return bad
}

func (b ban) covers(name string) bool {
	if len(b.names) > 0 {
		return slices.Contains(b.names, name)
	}
	return !slices.Contains(b.except, name)
}

func TestVirtualWorldGoesThroughTheHost(t *testing.T) {
	for _, f := range load(t) {
		if f.test || !inVirtualWorld(f.dir()) {
			continue
		}
		for _, bad := range bannedUses(f) {
			t.Error(bad)
		}
	}
}

// sleeps names the calls by which a test waits for time to pass.
func sleeps(f *file) []string {
	var bad []string
	imports := f.imports()
	ast.Inspect(f.ast, func(n ast.Node) bool {
		if s, ok := n.(*ast.SelectorExpr); ok && s.Sel.Name == "Sleep" {
			if x, ok := s.X.(*ast.Ident); ok && imports[x.Name] == "time" {
				bad = append(bad, f.at(n)+": a test sleeps; wait for the condition instead")
			}
		}
		return true
	})
	return bad
}

func TestTestsDoNotSleep(t *testing.T) {
	for _, f := range load(t) {
		if !f.test || under(f.dir(), "interop") {
			continue
		}
		for _, bad := range sleeps(f) {
			t.Error(bad)
		}
	}
}

func TestBannedUses(t *testing.T) {
	const source = `package x
import (
	"time"
	clock "time"
	"math/rand/v2"
	crand "crypto/rand"
	"net"
)
var a = time.Now()
var b = clock.Since(a)
var c = rand.N(3)
var d = rand.New(rand.NewChaCha8([32]byte{}))
var e = crand.Reader
var f = net.ParseIP("10.0.0.1")
var g net.Dialer
func h() { go h(); select {} }
var i = time.Now() // real-world: measures how long the run took
var j = time.Second
// real-world:
var k = time.Now()
`
	lines := func(name string) string {
		var numbers []string
		for _, bad := range bannedUses(snippet(t, name, source)) {
			numbers = append(numbers, strings.Split(bad, ":")[1])
		}
		return strings.Join(numbers, " ")
	}
	if got, want := lines("sim/play/x.go"), "9 10 11 13 15 16 16 20"; got != want {
		t.Errorf("in sim: banned uses in lines %s, want %s", got, want)
	}
	if got, want := lines("nac/x.go"), "9 10 11 13 15 16 16 17 20"; got != want {
		t.Errorf("in a program, which cannot claim the real world: lines %s, want %s", got, want)
	}
	if got := sleeps(snippet(t, "nac/x_test.go", "package x\nimport \"time\"\nfunc f() { time.Sleep(1); h.Sleep(1) }\n")); len(got) != 1 {
		t.Errorf("sleeps found %q, want one", got)
	}
	for dir, want := range map[string]bool{"nac/policy": true, "sim/live": false, "sim/liver": true, "sim/play": true, "": false, "internal/host": true} {
		if got := inVirtualWorld(dir); got != want {
			t.Errorf("inVirtualWorld(%q) = %v, want %v", dir, got, want)
		}
	}
}
