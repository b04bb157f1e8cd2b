package cli

import (
	"errors"
	"fmt"
	"log/slog"
	"net"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/rogpeppe/go-internal/testscript"

	"nacsim/sim/scenario"
	"nacsim/sim/trace"
)

func TestMain(m *testing.M) {
	testscript.Main(m, map[string]func(){
		"nacsim": func() { os.Exit(Main(RunnerFunc(actor))) },
	})
}

// actor stands in for the real runner: the title of a scenario says what becomes of it.
func actor(f *scenario.File, o Options) (*Result, error) {
	for i, record := range f.Steps {
		for _, tell := range o.Subscribe {
			tell(trace.Record{Seq: uint64(i), At: time.Duration(i) * time.Second, Actor: "scenario", Kind: "step",
				Fields: []slog.Attr{slog.Int("index", record.Index), slog.Int("line", record.Line), slog.String("verb", record.Verb()), slog.String("what", "does "+record.Verb())}})
		}
	}
	if o.Pace != nil {
		o.Pace(10 * time.Second)
	}
	note := fmt.Sprintf("seed=%d live=%v poll=%v check_in=%v reauth=%v/%v after=%v\n", o.Seed, o.Live, f.Settings.Poll, f.Settings.CheckIn, f.Settings.Reauth, nasReauth(f), f.Steps[0].After)
	if err := os.WriteFile(filepath.Join(o.Dir, "note.txt"), []byte(note), 0o644); err != nil {
		return nil, err
	}
	result := &Result{Lasted: time.Hour, Took: time.Millisecond, Sum: "5eed"}
	switch {
	case strings.Contains(f.Title, "fails"):
		result.Failure = f.Steps[0].Pos.String() + ": step 1: expected VLAN 750, there was VLAN 1"
		result.Detail = result.Failure + "\n    " + f.SourceLine(f.Steps[0].Pos)
	case strings.Contains(f.Title, "faults"):
		return nil, errors.New("the world has come apart")
	case strings.Contains(f.Title, "panics"):
		panic("out of cheese")
	case strings.Contains(f.Title, "port"):
		return nil, fmt.Errorf("live: 10.0.0.1:1812: %w", &net.OpError{Op: "listen", Net: "udp", Err: os.NewSyscallError("bind", syscall.EADDRINUSE)})
	case strings.Contains(f.Title, "marked"):
		return nil, BadInput(errors.New("the certificate is from the future"))
	}
	return result, nil
}

func nasReauth(f *scenario.File) time.Duration {
	if len(f.NAS) == 0 {
		return 0
	}
	return f.NAS[0].Reauth
}

func TestScripts(t *testing.T) {
	testscript.Run(t, testscript.Params{
		Dir:                 "testdata/script",
		RequireExplicitExec: true,
		RequireUniqueNames:  true,
		Setup: func(e *testscript.Env) error {
			// What every script can use: good.yaml, and a policy.
			if err := os.MkdirAll(filepath.Join(e.WorkDir, "policies"), 0o755); err != nil {
				return err
			}
			files := map[string]string{
				"good.yaml":       scenarioText("All is well"),
				"policies/p.yaml": policyText,
			}
			for name, text := range files {
				if err := os.WriteFile(filepath.Join(e.WorkDir, name), []byte(text), 0o644); err != nil {
					return err
				}
			}
			return nil
		},
		Cmds: map[string]func(ts *testscript.TestScript, neg bool, args []string){
			"exits":   exits,
			"oneline": oneline,
			"make":    makeScenario,
		},
	})
}

const policyText = "labels:\n  - {name: Corp VLAN, type: vlan, vlan: 750}\nrules:\n  - {name: Corp, action: allow, apply_tags: [Corp VLAN]}\n"

func scenarioText(title string) string {
	return "title: " + title + "\npolicy: policies/p.yaml\nnas: {ap-1: {kind: ap}}\ndevices: {laptop-1: {}}\nsteps:\n" +
		"  - {after: 2h, connect: {device: laptop-1, to: ap-1}}\n  - {expect: {client: laptop-1, vlan: 750}, within: 5s}\n"
}

// exits runs nacsim and checks its exit code: exits CODE ARGS...
func exits(ts *testscript.TestScript, _ bool, args []string) {
	err := ts.Exec("nacsim", args[1:]...)
	got := "0"
	var exit interface{ ExitCode() int }
	if errors.As(err, &exit) {
		got = fmt.Sprint(exit.ExitCode())
	} else if err != nil {
		ts.Fatalf("nacsim: %v", err)
	}
	if got != args[0] {
		ts.Fatalf("nacsim %s: exit code %s, want %s", strings.Join(args[1:], " "), got, args[0])
	}
}

// oneline checks that the last command said exactly one line on standard error, and nothing on standard output.
func oneline(ts *testscript.TestScript, _ bool, _ []string) {
	if out := ts.ReadFile("stdout"); out != "" {
		ts.Fatalf("an error, and yet this on standard output: %q", out)
	}
	if e := ts.ReadFile("stderr"); strings.Count(e, "\n") != 1 || len(e) < 10 {
		ts.Fatalf("want one line, got %q", e)
	}
}

// makeScenario writes a valid scenario: make FILE TITLE...
func makeScenario(ts *testscript.TestScript, _ bool, args []string) {
	ts.Check(os.MkdirAll(filepath.Dir(ts.MkAbs(args[0])), 0o755))
	ts.Check(os.WriteFile(ts.MkAbs(args[0]), []byte(scenarioText(strings.Join(args[1:], " "))), 0o644))
}
