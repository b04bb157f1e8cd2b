package report

import (
	"encoding/xml"
	"errors"
	"strings"
	"testing"
	"time"
)

func sampleRun() *Run {
	return &Run{
		Version: "v1.2.3",
		Took:    1500 * time.Millisecond,
		Scenarios: []Scenario{
			{Name: "a", File: "scenarios/a.yaml", Title: `A & B "quoted"`, Seed: 18446744073709551615, Steps: 3,
				Lasted: 2 * time.Hour, Took: 12 * time.Millisecond, Dir: "out/a", Sum: "00ff"},
			{Name: "b", File: "b.yaml", Title: "B", Outcome: Failed, Message: "step 2: expected VLAN 750",
				Detail: "line one\n  <line> two ]]> end\nbad \x01 byte\n"},
			{Name: "c", File: "c.yaml", Title: "C", Outcome: Fault, Live: true, Message: "panic", Detail: "stack"},
		},
	}
}

func TestJUnitIsWellFormedAndComplete(t *testing.T) {
	var b strings.Builder
	if err := WriteJUnit(&b, sampleRun()); err != nil {
		t.Fatal(err)
	}
	if !strings.Contains(b.String(), "line one\n  <line> two") {
		t.Errorf("the lines of the failure cannot be read in the file itself:\n%s", b.String())
	}
	var got testSuites
	if err := xml.Unmarshal([]byte(b.String()), &got); err != nil {
		t.Fatalf("the report is not XML: %v\n%s", err, b.String())
	}
	if got.Tests != 3 || got.Failures != 1 || got.Errors != 1 || got.Time != "1.500" {
		t.Errorf("totals are %d tests, %d failures, %d errors, %s s; want 3, 1, 1, 1.500", got.Tests, got.Failures, got.Errors, got.Time)
	}
	cases := got.Suite.Cases
	if len(cases) != 3 {
		t.Fatalf("%d test cases, want 3", len(cases))
	}
	if cases[0].Name != `A & B "quoted"` || cases[0].Class != "a" || cases[0].Time != "0.012" || cases[0].Failure != nil || cases[0].Error != nil {
		t.Errorf("the passed case is %+v", cases[0])
	}
	if f := cases[1].Failure; f == nil || f.Message != "step 2: expected VLAN 750" || !strings.Contains(f.Text, "line one\n  <line> two ]]> end\nbad \ufffd byte\n") {
		t.Errorf("the failure has lost its lines: %+v", f)
	}
	if e := cases[2].Error; e == nil || e.Type != "fault" || cases[2].Failure != nil {
		t.Errorf("a fault must be an error and not a failure: %+v", cases[2])
	}
}

func TestJUnitProperties(t *testing.T) {
	var b strings.Builder
	if err := WriteJUnit(&b, sampleRun()); err != nil {
		t.Fatal(err)
	}
	for _, want := range []string{
		`<property name="seed" value="18446744073709551615"></property>`,
		`<property name="lasted" value="2h0m0s"></property>`,
		`<property name="output" value="out/a"></property>`,
		`<property name="trace_sha256" value="00ff"></property>`,
		`<property name="world" value="live"></property>`,
		`<property name="version" value="v1.2.3"></property>`,
	} {
		if !strings.Contains(b.String(), want) {
			t.Errorf("no %s in\n%s", want, b.String())
		}
	}
}

type fullDisk struct{}

func (fullDisk) Write([]byte) (int, error) { return 0, errors.New("no space left on device") }

func TestJUnitReportsWriteErrors(t *testing.T) {
	if err := WriteJUnit(fullDisk{}, sampleRun()); err == nil {
		t.Error("a write error was lost")
	}
}
