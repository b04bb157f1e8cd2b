package invariant_test

import (
	"log/slog"
	"slices"
	"strings"
	"testing"
	"time"

	"nacsim/fakegraph/fault"
	"nacsim/sim/invariant"
	"nacsim/sim/play"
	"nacsim/sim/scenario"
	"nacsim/sim/trace"
)

// played is the trace of a scenario.
func played(t *testing.T, f *scenario.File) []trace.Record {
	t.Helper()
	var records []trace.Record
	r, err := play.Run(f, play.Options{Subscribe: []func(trace.Record){func(r trace.Record) { records = append(records, r) }}})
	if err != nil {
		t.Fatal(err)
	}
	if r.Failure != nil {
		t.Fatal(r.Failure)
	}
	return records
}

func catalogue(t *testing.T, name string) *scenario.File {
	t.Helper()
	f, err := scenario.Parse("../../scenarios/" + name + ".yaml")
	if err != nil {
		t.Fatal(err)
	}
	return f
}

// check holds a trace against the invariants and returns the names of those that it breaks.
func check(f *scenario.File, records []trace.Record) (broken []string, first string) {
	c := invariant.New(f, f.Seed)
	for _, r := range records {
		c.Record(r)
	}
	for _, v := range c.Violations() {
		if first == "" {
			first = v.Error()
		}
		if !slices.Contains(broken, v.Invariant) {
			broken = append(broken, v.Invariant)
		}
	}
	return broken, first
}

// with is a record with a field changed; where names "field=value" pairs that it must have, or else it stays as it is.
func with(r trace.Record, kind, where, field, value string) trace.Record {
	if r.Kind != kind {
		return r
	}
	for pair := range strings.FieldsSeq(where) {
		name, want, _ := strings.Cut(pair, "=")
		if r.Field(name) != want {
			return r
		}
	}
	r.Fields = slices.Clone(r.Fields)
	for i := range r.Fields {
		if r.Fields[i].Key == field {
			r.Fields[i] = slog.String(field, value)
			return r
		}
	}
	r.Fields = append(r.Fields, slog.String(field, value))
	return r
}

// TestCheckerFails holds that each lie in a trace is found: the scenario's antivirus goes off and on again, and with it the VLAN.
func TestCheckerFails(t *testing.T) {
	f := catalogue(t, "antivirus-off-and-on-wired")
	records := played(t, f)
	if broken, first := check(f, records); broken != nil {
		t.Fatal(first)
	}
	const device = "2a71d529-fb8a-85e9-b78a-6191b3e575d2"
	change := func(kind, where, field, value string) func(trace.Record) (trace.Record, bool) {
		return func(r trace.Record) (trace.Record, bool) { return with(r, kind, where, field, value), true }
	}
	without := func(kinds ...string) func(trace.Record) (trace.Record, bool) {
		return func(r trace.Record) (trace.Record, bool) { return r, !slices.Contains(kinds, r.Kind) }
	}
	for _, test := range []struct {
		name   string
		mutate func(trace.Record) (trace.Record, bool)
		max    time.Duration // MaxAge
		want   []string
	}{
		{"Intune never had it compliant", change("check_in", "complianceState=compliant", "complianceState", "noncompliant"), 0, []string{invariant.Recorded, invariant.Reported}},
		{"Intune had it noncompliant at the time", change("decision", "mdm=noncompliant", "mdm", "compliant"), 0, []string{invariant.Reported}},
		{"and the NAC takes the word for another", func(r trace.Record) (trace.Record, bool) {
			return with(with(r, "decision", "mdm=noncompliant", "standing", "compliant"), "decision", "standing=compliant", "mdm", "compliant"), true
		}, 0, []string{invariant.Reported}},
		{"the device is another's", func(r trace.Record) (trace.Record, bool) {
			for field, value := range map[string]string{"ethernetMacAddress": "001CB3FFFFFF", "id": "2a71d529-ffff-ffff-ffff-ffffffffffff", "device": "OTHER", "azureADDeviceId": ""} {
				r = with(with(r, "device", "", field, value), "check_in", "", field, value)
			}
			return r, r.Kind != "ddb"
		}, 0, []string{invariant.Reported}},
		{"the record is of another id", change("ddb", "compliance=compliant", "id", "00000000-0000-4000-8000-000000000001"), 0, []string{invariant.Recorded}},
		{"the device had gone", func(r trace.Record) (trace.Record, bool) {
			return with(r, "check_in", "id="+device, "change", "removed"), r.Kind != "ddb"
		}, 0, []string{invariant.Reported}},
		{"the NAC has never asked", without("poll", "lookup"), 0, []string{invariant.Reported}},
		{"the NAC has not asked for too long", func(r trace.Record) (trace.Record, bool) {
			return r, r.Kind != "poll" && (r.Kind != "lookup" || r.At < time.Minute)
		}, time.Hour, []string{invariant.Reported}},
		{"an outdated record counts", change("decision", "standing=compliant", "standing", "outdated"), 0, []string{invariant.Reported}},
		{"a port is open for nothing", change("port", "vlan=1", "vlan", "750"), 0, []string{invariant.Decided}},
		{"a port is open after a refusal", change("decision", "vlan=750", "result", "reject"), 0, []string{invariant.Decided}},
	} {
		t.Run(test.name, func(t *testing.T) {
			var mutated []trace.Record
			for _, r := range records {
				if r, stays := test.mutate(r); stays {
					mutated = append(mutated, r)
				}
			}
			g := *f
			g.Settings.MaxAge = test.max
			broken, first := check(&g, mutated)
			if !slices.Equal(broken, test.want) {
				t.Errorf("it breaks %q, want %q: %s", broken, test.want, first)
			}
		})
	}
}

// TestCheckerFailsInTruth plays a world in which Graph says what Intune never had on record, and a NAC believes it.
func TestCheckerFailsInTruth(t *testing.T) {
	f := catalogue(t, "noncompliant-wired")
	lie := scenario.Step{Graph: &scenario.Graph{Fault: fault.Fault{Name: "unknown_member", Value: "compliant"}}, Index: 1}
	f.Steps = append([]scenario.Step{lie}, f.Steps[:1]...)
	f.Steps = append(f.Steps, scenario.Step{After: time.Minute, Sync: &scenario.Sync{Device: "laptop-1"}, Index: 3})
	broken, first := check(f, played(t, f))
	if !slices.Equal(broken, []string{invariant.Recorded, invariant.Reported}) {
		t.Errorf("it breaks %q: %s", broken, first)
	}
}
