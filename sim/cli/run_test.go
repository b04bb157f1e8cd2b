package cli

import (
	"bytes"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"runtime/debug"
	"slices"
	"strings"
	"syscall"
	"testing"
	"time"

	"nacsim/sim/scenario"
)

func TestRunnerErrorsBecomeExitCodes(t *testing.T) {
	for _, c := range []struct {
		err  error
		want int
	}{
		{errors.New("anything"), ExitFault},
		{fmt.Errorf("wrapped: %w", os.NewSyscallError("bind", syscall.EADDRINUSE)), ExitBadInput},
		{fmt.Errorf("wrapped: %w", syscall.ENOSPC), ExitBadInput},
		{&fs.PathError{Op: "open", Path: "x", Err: syscall.EACCES}, ExitBadInput},
		{fmt.Errorf("wrapped: %w", BadInput(errors.New("bad"))), ExitBadInput},
		{errors.Join(errors.New("x"), syscall.EADDRINUSE), ExitBadInput},
	} {
		if got := runnerCode(c.err); got != c.want {
			t.Errorf("%v gives exit code %d, want %d", c.err, got, c.want)
		}
	}
	if BadInput(nil) != nil {
		t.Error("no error became one")
	}
}

func TestPacer(t *testing.T) {
	var slept time.Duration
	sleep := func(d time.Duration) { slept += d }
	pacer(60, sleep)(time.Minute)
	pacer(0.5, sleep)(time.Second)
	if slept != 3*time.Second {
		t.Errorf("a minute at 60x and a second at 0.5x took %v, want 3s", slept)
	}
	if pacer(0, sleep) != nil {
		t.Error("without a speed there must be no pacing")
	}
}

func TestOutputNames(t *testing.T) {
	var files []*scenario.File
	for _, name := range []string{"a", "b", "a", "A", "", "..", "junit.xml"} {
		files = append(files, &scenario.File{Name: name})
	}
	want := []string{"a", "b", "a-2", "A-3", "scenario", "scenario-2", "junit.xml-2"}
	if got := outputNames(files); !slices.Equal(got, want) {
		t.Errorf("folders are %q, want %q", got, want)
	}
}

func TestTailKeepsTheEndWithoutColours(t *testing.T) {
	var out bytes.Buffer
	w := &tail{w: &out}
	for i := range 5000 {
		fmt.Fprintf(w, "\x1b[32mline\x1b[0m %d\n", i)
	}
	lines := strings.Split(w.text(), "\n")
	if len(lines) != tailLines || lines[0] != "line 4960" || lines[tailLines-1] != "line 4999" {
		t.Errorf("%d lines from %q to %q", len(lines), lines[0], lines[len(lines)-1])
	}
	if len(w.kept) > 3*tailSize {
		t.Errorf("it keeps %d octets", len(w.kept))
	}
	if strings.Count(out.String(), "\n") != 5000 {
		t.Error("not everything was passed on")
	}
}

func TestVersion(t *testing.T) {
	info := func(version string, settings ...debug.BuildSetting) *debug.BuildInfo {
		return &debug.BuildInfo{Main: debug.Module{Version: version}, Settings: settings}
	}
	revision := debug.BuildSetting{Key: "vcs.revision", Value: "0123456789abcdef0123456789abcdef01234567"}
	for _, c := range []struct {
		info *debug.BuildInfo
		want string
	}{
		{info("v1.2.3", revision), "v1.2.3"},
		{info("(devel)", revision), "0123456789ab"},
		{info("", revision, debug.BuildSetting{Key: "vcs.modified", Value: "true"}), "0123456789ab+changes"},
		{info("(devel)"), "(devel)"},
	} {
		if got := versionOf(c.info); got != c.want {
			t.Errorf("version is %q, want %q", got, c.want)
		}
	}
}

// TestLiveFlagsLeaveTheFileAlone: a scenario is adapted in a copy.
func TestLiveFlagsLeaveTheFileAlone(t *testing.T) {
	f := &scenario.File{NAS: []scenario.NAS{{Name: "ap-1", Reauth: time.Hour}}, Steps: []scenario.Step{{After: time.Hour}}}
	flags := &runFlags{live: true, overrides: newOverrides()}
	second := time.Second
	flags.longest.value = &second
	for i := range flags.overrides {
		flags.overrides[i].value.value = &second
	}
	g := flags.adapt(f)
	if g.Settings.Poll != second || g.Settings.CheckIn != second || g.NAS[0].Reauth != second || g.Settings.CoABackoff != second || g.Settings.LookupRetry != second || g.Steps[0].After != second {
		t.Errorf("adapted to %+v", g)
	}
	if f.Settings.Poll != 0 || f.NAS[0].Reauth != time.Hour || f.Steps[0].After != time.Hour {
		t.Errorf("the file itself has changed: %+v", f)
	}
}
