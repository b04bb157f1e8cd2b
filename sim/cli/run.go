package cli

import (
	"fmt"
	"io"
	"os"
	"path/filepath"
	"runtime/debug"
	"time"

	"github.com/spf13/cobra"

	"nacsim/sim/report"
	"nacsim/sim/scenario"
	"nacsim/sim/timeline"
	"nacsim/sim/trace"
)

const runHelp = `Plays scenarios and judges them. A folder stands for the files *.yaml directly in it. All files are read and
checked before the first one is played.

One scenario is played with a timeline of what happens; of several, each is a line, and the ones that fail
show what led to it. With -v every packet and every record is shown.

What a run leaves is in the folder whose name is printed last (--out chooses it):
  NAME/trace.jsonl     every packet, decision, lookup, event, fault, step and expectation ("nacsim help records")
  NAME/capture.pcapng  the packets, with the TLS secrets, for Wireshark
  junit.xml            the results, for CI systems
In a folder that is there already, the results of the same scenarios are replaced; others are left, with a warning.

In the virtual world the same file and seed give the same trace and capture, byte for byte. With --live, the same file is played on loopback
sockets in real time, which takes as long as the file says; the flags below "live" shorten the intervals.

Exit codes: 0 all passed, 1 an expectation failed, 2 bad input or usage, 3 a fault of nacsim itself.`

const runExamples = `  nacsim run scenarios/onboarding-wireless.yaml
  nacsim run scenarios --out results              a whole folder, results in ./results
  nacsim run onboarding.yaml --seed 42            another run of the same scenario
  nacsim run onboarding.yaml --speed 60x          a minute of the world each second, for a demonstration
  nacsim run onboarding.yaml --live --longest-wait 10s
  nacsim run antivirus.yaml --live --check-in 20s --poll 10s --longest-wait 30s
  nacsim run onboarding.yaml --live --bind nac:1812=127.0.0.1:11812    to watch with tcpdump`

// runFlags are the flags of run as given.
type runFlags struct {
	seed    seedFlag
	live    bool
	out     string
	speed   speedFlag
	verbose bool
	// For live runs: real addresses of sockets, the longest wait of a step, and settings to replace.
	bind      bindFlag
	longest   durationFlag
	overrides []override
}

// An override is a flag that replaces an interval of the scenario in a live run.
type override struct {
	name  string
	doc   string
	zero  bool // whether 0 is allowed: never
	whole bool // whether it is counted in whole seconds
	value durationFlag
	apply func(f *scenario.File, d time.Duration)
}

func newOverrides() []override {
	return []override{
		{name: "poll", doc: "poll Intune that often", whole: true, apply: func(f *scenario.File, d time.Duration) { f.Settings.Poll = d }},
		{name: "check-in", doc: "let devices check in with Intune that often", whole: true, apply: func(f *scenario.File, d time.Duration) { f.Settings.CheckIn = d }},
		{name: "reauth", doc: "let access points and switches re-authenticate clients that often; 0s never", zero: true, whole: true, apply: func(f *scenario.File, d time.Duration) {
			f.Settings.Reauth = d
			for i := range f.NAS {
				f.NAS[i].Reauth = d
			}
		}},
		{name: "coa-backoff", doc: "wait that long after a CoA that failed", apply: func(f *scenario.File, d time.Duration) { f.Settings.CoABackoff = d }},
		{name: "lookup-retry", doc: "wait that long after an MDM lookup that failed", apply: func(f *scenario.File, d time.Duration) { f.Settings.LookupRetry = d }},
	}
}

func newRun(runner Runner) *cobra.Command {
	flags := &runFlags{overrides: newOverrides()}
	c := &cobra.Command{
		Use:               "run FILE|FOLDER...",
		Short:             "Play scenarios and judge them",
		Long:              runHelp,
		Example:           runExamples,
		ValidArgsFunction: completeFiles,
		RunE: func(c *cobra.Command, args []string) error {
			if err := flags.check(); err != nil {
				return err
			}
			if flags.out == "" && c.Flags().Changed("out") {
				return badInput("nacsim run: --out is empty; name a folder, or leave it out for a new one")
			}
			r := &run{flags: flags, runner: runner, stdout: c.OutOrStdout(), stderr: c.ErrOrStderr()}
			return r.all(args)
		},
	}
	f := c.Flags()
	f.SortFlags = false
	f.Var(&flags.seed, "seed", "seed of the virtual world (default that of the scenario, which is 1 by default)")
	f.StringVar(&flags.out, "out", "", "folder for the results (default a new one named nacsim-run-DATE-TIME)")
	f.BoolVarP(&flags.verbose, "verbose", "v", false, "show every packet and every record")
	f.Var(&flags.speed, "speed", "pace the virtual clock: 60x plays a minute each second (default as fast as possible)")
	f.BoolVar(&flags.live, "live", false, "play on real sockets in real time")
	f.Var(&flags.bind, "bind", "live: open the socket of a machine at this address instead of a free port of 127.0.0.1")
	f.Var(&flags.longest, "longest-wait", "live: let no step wait or hold longer than this")
	for i := range flags.overrides {
		o := &flags.overrides[i]
		f.Var(&o.value, o.name, "live: "+o.doc)
	}
	return c
}

// completeFiles offers scenario files and folders to shells.
func completeFiles(*cobra.Command, []string, string) ([]string, cobra.ShellCompDirective) {
	return []string{"yaml", "yml"}, cobra.ShellCompDirectiveFilterFileExt
}

// check refuses flags that contradict each other.
func (f *runFlags) check() error {
	if f.live && f.speed != 0 {
		return badInput("nacsim run: --speed paces the virtual clock; with --live, time is real")
	}
	if len(f.bind.binds) > 0 && !f.live {
		return badInput("nacsim run: --bind needs --live; the virtual world uses no sockets of this machine")
	}
	if f.longest.value != nil && !f.live {
		return badInput("nacsim run: --longest-wait needs --live; in the virtual world waiting takes no time")
	}
	for i := range f.overrides {
		o := &f.overrides[i]
		switch {
		case o.value.value == nil:
		case !f.live:
			return badInput("nacsim run: --%s needs --live; in the virtual world write settings into the scenario", o.name)
		case o.whole && *o.value.value%time.Second != 0:
			return badInput("nacsim run: --%s: want whole seconds", o.name)
		case *o.value.value == 0 && !o.zero:
			return badInput("nacsim run: --%s 0s: it must be longer", o.name)
		}
	}
	return nil
}

// adapt returns the scenario as a live run plays it.
func (f *runFlags) adapt(file *scenario.File) *scenario.File {
	if !f.live {
		return file
	}
	adapted := *file
	adapted.NAS = append([]scenario.NAS(nil), file.NAS...)
	for i := range f.overrides {
		if o := &f.overrides[i]; o.value.value != nil {
			o.apply(&adapted, *o.value.value)
		}
	}
	if f.longest.value != nil {
		return adapted.Hurry(*f.longest.value)
	}
	return &adapted
}

// run is one run of nacsim run.
type run struct {
	flags  *runFlags
	runner Runner
	stdout io.Writer
	stderr io.Writer
	many   bool // more than one scenario
}

// all plays the scenarios that the arguments name, one after the other.
func (r *run) all(args []string) error {
	paths, err := findFiles("nacsim run", args)
	if err != nil {
		return err
	}
	files, bad := parseAll(paths, r.stderr)
	if bad > 0 {
		return &exitError{code: ExitBadInput}
	}
	began := time.Now()
	out, err := outputFolder(r.flags.out, began)
	if err != nil {
		return err
	}
	r.many = len(files) > 1
	for i := range files {
		files[i] = r.flags.adapt(files[i])
	}
	r.announce(files)
	results := &report.Run{Version: version()}
	code := ExitOK
	progress := newProgress(r.stderr, len(files))
	names := outputNames(files)
	if err := r.clear(out, names); err != nil {
		return err
	}
	for i, name := range names {
		progress.show(i+1, name)
		s, c, err := r.one(files[i], out, name, progress)
		if err != nil {
			return err
		}
		results.Scenarios = append(results.Scenarios, s)
		code = worse(code, c)
	}
	results.Took = time.Since(began)
	if err := writeReport(out, results); err != nil {
		return err
	}
	r.summarize(results, out)
	if code != ExitOK {
		return &exitError{code: code}
	}
	return nil
}

// worse is the exit code of a run of which two parts have these. A fault outweighs bad surroundings, and these
// outweigh a failed expectation, because they leave open what would have been.
func worse(a, b int) int { return max(a, b) }

// announce says how long a live run will take.
func (r *run) announce(files []*scenario.File) {
	if !r.flags.live {
		return
	}
	var least, most time.Duration
	for _, f := range files {
		l, m := f.Span()
		least, most = least+l, most+m
	}
	what := filepath.Base(files[0].Path)
	if r.many {
		what = fmt.Sprintf("%d scenarios", len(files))
	}
	fmt.Fprintf(r.stdout, "live: %s will take from %s to %s of real time", what, scenario.FormatDuration(roundUp(least)), scenario.FormatDuration(roundUp(most)))
	if least > time.Minute {
		fmt.Fprint(r.stdout, "; --longest-wait, --check-in and --poll shorten it")
	}
	fmt.Fprintln(r.stdout)
}

// roundUp drops what is too fine for an estimate.
func roundUp(d time.Duration) time.Duration {
	return (d + time.Second - 1).Truncate(time.Second)
}

// one plays one scenario.
func (r *run) one(f *scenario.File, out, name string, p *progress) (report.Scenario, int, error) {
	s := report.Scenario{Name: name, File: f.Path, Title: f.Title, Seed: f.Seed, Live: r.flags.live, Steps: len(f.Steps)}
	if r.flags.seed.value != nil {
		s.Seed = *r.flags.seed.value
	}
	dir, err := scenarioFolder(out, name)
	if err != nil {
		return s, 0, err
	}
	s.Dir = dir
	if !r.many {
		fmt.Fprintf(r.stdout, "%s\n%s, seed %d\n\n", f.Title, f.Path, s.Seed)
	}
	shown := &tail{w: &wiping{r.stdout, p}}
	tl := timeline.New(shown, timeline.Options{Verbose: r.flags.verbose, Color: color(r.stdout), Fold: r.many && !r.flags.verbose})
	began := time.Now()
	result, err := r.guarded(f, Options{
		Seed: s.Seed, Live: r.flags.live, Bind: r.flags.bind.binds, Dir: dir, Pace: pacer(float64(r.flags.speed), time.Sleep),
		Subscribe: []func(trace.Record){tl.Record},
	}, dir)
	code := r.judge(&s, result, err, time.Since(began))
	why := s.Detail
	if s.Outcome == report.Failed {
		why += "\nplay it again: " + again(&s)
	}
	err = tl.Finish(timeline.Outcome{Name: name, Passed: s.Outcome == report.Passed, Lasted: s.Lasted, Took: s.Took, Reason: why})
	if s.Outcome != report.Passed {
		s.Detail = shown.text() // the last lines of the timeline, and the reason
	}
	if err != nil {
		return s, code, badInput("nacsim run: cannot print the timeline: %v", reason(err))
	}
	return s, code, nil
}

// again is the command that repeats a run.
func again(s *report.Scenario) string {
	return fmt.Sprintf("nacsim run %s --seed %d", s.File, s.Seed)
}

// judge puts the runner's answer into the result, and returns the exit code.
func (r *run) judge(s *report.Scenario, result *Result, err error, took time.Duration) int {
	switch {
	case err != nil:
		s.Outcome, s.Took = report.Fault, took
		s.Message = oneLine(err.Error())
		s.Detail = err.Error()
		code := runnerCode(err)
		what := "fault of nacsim"
		if code == ExitBadInput {
			what = "cannot run"
		}
		fmt.Fprintf(r.stderr, "nacsim run: %s: %s: %s\n", s.File, what, s.Message)
		return code
	case result.Failure != "":
		s.Outcome, s.Message, s.Detail = report.Failed, result.Failure, result.Detail
		if s.Detail == "" {
			s.Detail = result.Failure
		}
	}
	s.Lasted, s.Took, s.Sum = result.Lasted, result.Took, result.Sum
	if s.Outcome == report.Failed {
		return ExitFailed
	}
	return ExitOK
}

// guarded runs a scenario and turns a panic into a fault, with the stack in a file beside the trace.
func (r *run) guarded(f *scenario.File, o Options, dir string) (result *Result, err error) {
	defer func() {
		v := recover()
		if v == nil {
			return
		}
		stack := fmt.Sprintf("panic: %v\n\n%s", v, debug.Stack())
		where := filepath.Join(dir, panicFile)
		if os.WriteFile(where, []byte(stack), 0o644) != nil {
			where = "standard error"
			fmt.Fprint(r.stderr, stack)
		}
		err = &exitError{ExitFault, fmt.Errorf("panic: %v (stack in %s)", v, where)}
	}()
	return r.runner.Run(f, o)
}

// pacer returns a function that waits so that the clock goes at the given speed, or nil for speed 0.
func pacer(speed float64, sleep func(time.Duration)) func(time.Duration) {
	if speed == 0 {
		return nil
	}
	return func(d time.Duration) { sleep(time.Duration(float64(d) / speed)) }
}

// summarize prints the totals, and the folder last.
func (r *run) summarize(results *report.Run, out string) {
	fmt.Fprintln(r.stdout)
	if r.many {
		passed, failed, faults := results.Count(report.Passed), results.Count(report.Failed), results.Count(report.Fault)
		fmt.Fprintf(r.stdout, "%d scenarios: %d passed, %d failed", len(results.Scenarios), passed, failed)
		if faults > 0 {
			fmt.Fprintf(r.stdout, ", %d not decided", faults)
		}
		fmt.Fprintf(r.stdout, ", in %s\n", results.Took.Round(time.Millisecond))
	} else if s := results.Scenarios[0]; s.Sum != "" {
		fmt.Fprintf(r.stdout, "seed %d, trace %s\n", s.Seed, s.Sum)
	}
	fmt.Fprintln(r.stdout, out)
}

// wiping clears the progress line before it writes.
type wiping struct {
	w io.Writer
	p *progress
}

func (w *wiping) Write(b []byte) (int, error) {
	w.p.wipe()
	return w.w.Write(b)
}

// color reports whether a writer is a terminal with colours.
func color(w io.Writer) bool {
	f, ok := w.(*os.File)
	return ok && timeline.Color(f)
}
