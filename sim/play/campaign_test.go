// A campaign plays random scenarios with every kind of fault and holds what happened against invariants.
//
//	go test ./sim/play -run TestCampaign                                  the few that every test run plays
//	go test ./sim/play -run TestCampaign -campaign.plans 5000             more
//	go test ./sim/play -run TestCampaign -campaign.first 17 -campaign.plans 1   one of them
//
// A plan that fails is shortened to the steps that it takes, and left as a scenario that can be run by hand.
package play_test

import (
	"bytes"
	"errors"
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"runtime"
	"runtime/debug"
	"slices"
	"sort"
	"sync"
	"testing"
	"time"

	"nacsim/sim/invariant"
	"nacsim/sim/play"
	"nacsim/sim/scenario"
	"nacsim/sim/trace"
)

var (
	campaignPlans  = flag.Int("campaign.plans", 30, "how many random scenarios to play")
	campaignFirst  = flag.Uint64("campaign.first", 1, "the number of the first")
	campaignFor    = flag.Duration("campaign.for", 0, "begin no further one after so long; 0 means no limit")
	campaignOut    = flag.String("campaign.out", "", "folder for scenarios that fail; by default one of the test")
	campaignShrink = flag.Bool("campaign.shrink", true, "shorten plans that fail")
)

// secret is what the runner gives to the NAC and to every access server.
var campaignSecret = []byte("nacsim-radius-secret")

func TestCampaign(t *testing.T) {
	out := *campaignOut
	if out == "" {
		out = t.TempDir()
	}
	began := time.Now()
	var mu sync.Mutex
	next, played, failed := *campaignFirst, 0, 0
	var lasted time.Duration
	marks := map[string]int{}
	take := func() (uint64, bool) {
		mu.Lock()
		defer mu.Unlock()
		if next-*campaignFirst >= uint64(*campaignPlans) || *campaignFor > 0 && time.Since(began) > *campaignFor || failed >= 20 {
			return 0, false
		}
		next++
		return next - 1, true
	}
	var group sync.WaitGroup
	for worker := range runtime.GOMAXPROCS(0) {
		dir := filepath.Join(out, fmt.Sprintf("worker-%d", worker))
		group.Go(func() {
			for {
				seed, ok := take()
				if !ok {
					return
				}
				p := newPlan(seed)
				o := p.play(t, dir, p.all())
				mu.Lock()
				played++
				lasted += o.lasted
				for mark, n := range o.marks {
					marks[mark] += n
				}
				mu.Unlock()
				if o.err != nil {
					mu.Lock()
					failed++
					mu.Unlock()
					p.report(t, out, dir, o)
				}
			}
		})
	}
	group.Wait()
	t.Logf("%d plans, %v of virtual time in %v, %d failed", played, lasted, time.Since(began).Round(time.Second), failed)
	if testing.Verbose() {
		names := make([]string, 0, len(marks))
		for name := range marks {
			names = append(names, name)
		}
		sort.Strings(names)
		for _, name := range names {
			t.Logf("%8d %s", marks[name], name)
		}
	}
	for _, mark := range []string{"coa: ack", "coa: nak", "coa: timeout", "crash: nac", "crash: graph", "decision: accept 750", "decision: reject "} {
		if played >= 25 && marks[mark] == 0 {
			t.Errorf("a campaign in which %q never happens shows little", mark)
		}
	}
}

func (p *plan) all() []int {
	keep := make([]int, len(p.steps))
	for i := range keep {
		keep[i] = i
	}
	return keep
}

// outcome is what came of playing a plan.
type outcome struct {
	err     error // a violation, or a fault of nacsim
	invalid bool  // the steps that were left make no scenario
	lasted  time.Duration
	marks   map[string]int
}

// invariant is the name of what was violated.
func (o *outcome) invariant() string {
	var v *violation
	if errors.As(o.err, &v) {
		return v.invariant
	}
	if o.err != nil {
		return "a run has no fault"
	}
	return ""
}

// write leaves the scenario with the steps kept in a folder.
func (p *plan) write(t *testing.T, dir, name string, keep []int) string {
	t.Helper()
	if err := os.MkdirAll(dir, 0o755); err != nil {
		t.Fatal(err)
	}
	for policy := range campaignPolicies {
		if err := os.WriteFile(filepath.Join(dir, policy), []byte(policyText(policy)), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	path := filepath.Join(dir, name)
	if err := os.WriteFile(path, []byte(p.text(keep)), 0o644); err != nil {
		t.Fatal(err)
	}
	return path
}

// play plays the steps kept of a plan, twice.
func (p *plan) play(t *testing.T, dir string, keep []int) *outcome {
	f, err := scenario.Parse(p.write(t, dir, "plan.yaml", keep))
	if err != nil {
		return &outcome{err: err, invalid: true}
	}
	o, first := once(f, dir)
	if o.err != nil {
		return o
	}
	if again, second := once(f, dir); again.err != nil || !bytes.Equal(first, second) {
		o.err = &violation{"the same plan gives the same bytes", 0, 0, "two runs differ"}
	}
	return o
}

// once plays a scenario and checks it. It returns trace and capture.
func once(f *scenario.File, dir string) (o *outcome, left []byte) {
	c := newChecker(f, f.Seed)
	o = &outcome{marks: c.marks}
	defer func() {
		if r := recover(); r != nil {
			o.err = fmt.Errorf("panic: %v\n%s", r, debug.Stack())
		}
	}()
	holds := invariant.New(f, f.Seed)
	result, err := play.Run(f, play.Options{Dir: dir, Subscribe: []func(trace.Record){c.record, holds.Record}})
	if err != nil {
		var input *play.InputError
		o.err, o.invalid = err, errors.As(err, &input)
		return o, nil
	}
	o.lasted = result.Lasted
	lines, err := os.ReadFile(filepath.Join(dir, play.TraceFile))
	if err != nil {
		o.err = err
		return o, nil
	}
	capture, err := os.ReadFile(filepath.Join(dir, play.CaptureFile))
	if err != nil {
		o.err = err
		return o, nil
	}
	v := c.finish()
	for _, broken := range holds.Violations() {
		if v == nil {
			v = &violation{broken.Invariant, broken.At, broken.Seq, broken.What}
		}
	}
	if v == nil {
		v = checkAnswers(capture, campaignSecret, f.Start, c.lost)
	}
	if v != nil {
		o.err = v
	}
	return o, append(lines, capture...)
}

// report shortens a plan that failed and tells how to play it.
func (p *plan) report(t *testing.T, out, dir string, o *outcome) {
	t.Helper()
	keep := p.all()
	if *campaignShrink && !o.invalid {
		keep, o = p.shrink(t, dir, o)
	}
	path := p.write(t, out, fmt.Sprintf("plan-%d.yaml", p.seed), keep)
	t.Errorf("plan %d, %d of %d steps left:\n%v\n%s\n"+
		"    go run . run --out DIR %s\n    go test ./sim/play -run TestCampaign -campaign.first %d -campaign.plans 1",
		p.seed, len(keep), len(p.steps), o.err, p.text(keep), path, p.seed)
}

// shrink leaves out steps, as many at a time as possible, as long as the same invariant is violated.
func (p *plan) shrink(t *testing.T, dir string, o *outcome) ([]int, *outcome) {
	keep := p.all()
	budget := 150
	for size := max(len(keep)/2, 1); ; size /= 2 {
		for at := 0; at < len(keep) && budget > 0; {
			candidate := slices.Delete(slices.Clone(keep), at, min(at+size, len(keep)))
			budget--
			if c := p.play(t, dir, candidate); !c.invalid && c.invariant() == o.invariant() {
				keep, o = candidate, c
			} else {
				at += size
			}
		}
		if size <= 1 {
			return keep, o
		}
	}
}
