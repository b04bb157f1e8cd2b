package play

import (
	"log/slog"
	"strings"
	"testing"

	"nacsim/sim/scenario"
	"nacsim/sim/trace"
)

const mac = "00:1c:b3:09:85:15"

// rec is a record with fields written "key=value".
func rec(actor, kind string, fields ...string) trace.Record {
	r := trace.Record{Actor: actor, Kind: kind}
	for _, f := range fields {
		k, v, _ := strings.Cut(f, "=")
		r.Fields = append(r.Fields, slog.String(k, v))
	}
	return r
}

// feed gives a judge of one expectation a trace.
func feed(e *scenario.Expect, records ...trace.Record) *judge {
	v := newView()
	v.add("laptop-1", []string{mac}, []string{"9c0f7a4e-0000-4000-8000-000000000001", "LAPTOP-1"})
	v.add("laptop-2", []string{"00:1c:b3:09:85:16"}, nil)
	j := newJudge(&scenario.File{Steps: []scenario.Step{{Expect: e}}}, v)
	for _, r := range records {
		j.record(r)
	}
	return j
}

var (
	associating = rec("laptop-1", "supplicant", "client="+mac, "state=associating", "to=ap-1")
	accepted    = rec("nac", "decision", "client="+mac, "result=accept", "rule=First Connect", "vlan=1")
	rejected    = rec("nac", "decision", "client="+mac, "result=reject")
	open1       = rec("ap-1", "port", "client="+mac, "port=ap-1/corp", "state=authorized", "vlan=1")
	closed      = rec("ap-1", "port", "client="+mac, "port=ap-1/corp", "state=unauthorized")
	left        = rec("laptop-1", "supplicant", "client="+mac, "state=disconnected")
	found       = rec("nac", "lookup", "client="+mac, "key=mac", "result=found", "compliance=compliant")
)

func TestStates(t *testing.T) {
	for _, tt := range []struct {
		name    string
		records []trace.Record
		want    scenario.Expect
	}{
		{"nothing yet", nil, scenario.Expect{State: scenario.StateDisconnected, Compliance: "none"}},
		{"associated", []trace.Record{associating}, scenario.Expect{State: scenario.StateUnauthorized}},
		{"authorized", []trace.Record{associating, accepted, open1}, scenario.Expect{State: scenario.StateAuthorized, VLAN: "1", Rule: "First Connect", NAS: "ap-1"}},
		{"accepted, but the port is not open", []trace.Record{associating, accepted}, scenario.Expect{State: scenario.StateUnauthorized}},
		{"rejected", []trace.Record{associating, rejected, closed}, scenario.Expect{State: scenario.StateRejected}},
		{"rejected while the port is still open", []trace.Record{associating, open1, rejected}, scenario.Expect{State: scenario.StateAuthorized}},
		{"left", []trace.Record{associating, open1, left, closed}, scenario.Expect{State: scenario.StateDisconnected}},
		{"rejected, then left", []trace.Record{associating, rejected, left}, scenario.Expect{State: scenario.StateDisconnected}},
		{"the access point crashed", []trace.Record{associating, open1, rec("ap-1", "crash")}, scenario.Expect{State: scenario.StateUnauthorized}},
		{"another access point crashed", []trace.Record{associating, open1, rec("ap-2", "crash")}, scenario.Expect{State: scenario.StateAuthorized, VLAN: "1"}},
		{"the device crashed", []trace.Record{associating, open1, rec("laptop-1", "crash")}, scenario.Expect{State: scenario.StateDisconnected}},
		{"roamed, and the old access point notices late", []trace.Record{associating, open1,
			rec("ap-2", "port", "client="+mac, "port=ap-2/corp", "state=authorized", "vlan=750"), closed},
			scenario.Expect{State: scenario.StateAuthorized, VLAN: "750", NAS: "ap-2"}},
		{"on a switch port", []trace.Record{rec("sw-1", "port", "client="+mac, "port=sw-1/3", "state=authorized", "vlan=750")},
			scenario.Expect{NAS: "sw-1", Port: 3, VLAN: "750"}},
		{"with a role", []trace.Record{associating, rec("ap-1", "port", "client="+mac, "state=authorized", "vlan=750", "role=staff")},
			scenario.Expect{State: scenario.StateAuthorized, Role: "staff"}},
		{"known to the NAC", []trace.Record{found}, scenario.Expect{Compliance: "compliant"}},
		{"changed by a poll, by the device's ID", []trace.Record{found, rec("nac", "ddb", "device=X", "id=9c0f7a4e-0000-4000-8000-000000000001", "compliance=noncompliant")},
			scenario.Expect{Compliance: "noncompliant"}},
		{"gone from Intune", []trace.Record{found, rec("nac", "ddb", "device=LAPTOP-1", "compliance=none")}, scenario.Expect{Compliance: "none"}},
		{"somebody else", []trace.Record{rec("ap-1", "port", "client=00:1c:b3:09:85:16", "state=authorized", "vlan=9")}, scenario.Expect{State: scenario.StateDisconnected}},
	} {
		e := tt.want
		e.Client = "laptop-1"
		j := feed(&e, tt.records...)
		if !j.holds(&e) {
			t.Errorf("%s: expected %s, there was %s", tt.name, wanted(&e), j.found(&e))
		}
		e.Not = true
		if j.holds(&e) {
			t.Errorf("%s: the opposite holds too", tt.name)
		}
	}
}

func TestRecords(t *testing.T) {
	two := 2
	permit := rec("nac", "event", "type=NAC_CLIENT_PERMIT", "mac=001cb3098515", "vlan=1")
	nak := trace.Record{Actor: "ap-1", Kind: trace.KindPacket, Fields: []slog.Attr{slog.String("from", "ap-1"), slog.String("to", "nac"), slog.String("name", "CoA-NAK"),
		slog.Group("attributes", slog.String("Error-Cause", "503"))}}
	for _, tt := range []struct {
		name    string
		expect  scenario.Expect
		records []trace.Record
		want    bool
	}{
		{"an event of the client", scenario.Expect{Record: "event", Value: "NAC_CLIENT_PERMIT", Client: "laptop-1", AtLeast: 1}, []trace.Record{permit}, true},
		{"an event of another client", scenario.Expect{Record: "event", Value: "NAC_CLIENT_PERMIT", Client: "laptop-2", AtLeast: 1}, []trace.Record{permit}, false},
		{"another event", scenario.Expect{Record: "event", Value: "NAC_CLIENT_DENY", AtLeast: 1}, []trace.Record{permit}, false},
		{"a packet in its direction", scenario.Expect{Record: "packet", Value: "CoA-NAK", From: "ap-1", To: "nac", AtLeast: 1}, []trace.Record{nak}, true},
		{"a packet in the other direction", scenario.Expect{Record: "packet", Value: "CoA-NAK", From: "nac", AtLeast: 1}, []trace.Record{nak}, false},
		{"a field in a group", scenario.Expect{Record: "packet", Where: []scenario.Field{{Name: "attributes.Error-Cause", Value: "50*"}}, AtLeast: 1}, []trace.Record{nak}, true},
		{"exactly twice, once", scenario.Expect{Record: "lookup", Value: "found", Count: &two}, []trace.Record{found}, false},
		{"exactly twice", scenario.Expect{Record: "lookup", Value: "found", Key: "mac", Count: &two}, []trace.Record{found, found}, true},
		{"exactly twice, three times", scenario.Expect{Record: "lookup", Count: &two}, []trace.Record{found, found, found}, false},
		{"never", scenario.Expect{Record: "lookup", Value: "error", Not: true}, []trace.Record{found}, true},
		{"never, once", scenario.Expect{Record: "lookup", Value: "found", Not: true}, []trace.Record{found}, false},
	} {
		e := tt.expect
		if got := feed(&e, tt.records...).holds(&e); got != tt.want {
			t.Errorf("%s: holds is %v, want %v", tt.name, got, tt.want)
		}
	}
}

// TestKeysMeanFields holds that each key of an expectation is compared with the field that the kind of record has for it.
func TestKeysMeanFields(t *testing.T) {
	permit := rec("nac", "event", "type=NAC_CLIENT_PERMIT", "mac=001cb3098515", "ap=ap-1", "nacrule_name=Corp", "vlan=750", "group_role=staff", "mdm_compliance=compliant")
	coa := rec("nac", "coa", "client="+mac, "nas=ap-1", "result=sent", "wanted_vlan=750", "have_vlan=1")
	das := rec("ap-1", "das", "client="+mac, "result=ack")
	missed := rec("nac", "lookup", "client="+mac, "key=san_dns,cn", "result=not_found")
	answer := trace.Record{Actor: "nac", Kind: trace.KindPacket, Fields: []slog.Attr{slog.String("name", "Access-Accept"),
		slog.String("from", "nac"), slog.String("to", "ap-1"), slog.String("client", mac), slog.String("id", "7"), slog.String("vlan", "750")}}
	for _, tt := range []struct {
		name   string
		record trace.Record
		expect scenario.Expect
		want   bool
	}{
		{"rule of an event", permit, scenario.Expect{Rule: "Corp"}, true},
		{"another rule of an event", permit, scenario.Expect{Rule: "Other"}, false},
		{"NAS of an event", permit, scenario.Expect{NAS: "ap-1"}, true},
		{"another NAS of an event", permit, scenario.Expect{NAS: "ap-2"}, false},
		{"compliance of an event", permit, scenario.Expect{Compliance: "compliant"}, true},
		{"other compliance of an event", permit, scenario.Expect{Compliance: "noncompliant"}, false},
		{"role of an event", permit, scenario.Expect{Role: "staff"}, true},
		{"compliance of a decision", rec("nac", "decision", "result=accept", "mdm=unknown"), scenario.Expect{Compliance: "unknown"}, true},
		{"VLAN that a CoA is for", coa, scenario.Expect{VLAN: "750"}, true},
		{"VLAN that a CoA is to end", coa, scenario.Expect{VLAN: "1"}, false},
		{"NAS of a CoA", coa, scenario.Expect{NAS: "ap-1"}, true},
		{"NAS that answers", das, scenario.Expect{NAS: "ap-1"}, true},
		{"another NAS that answers", das, scenario.Expect{NAS: "ap-2"}, false},
		{"one of the keys looked up", missed, scenario.Expect{Key: "cn"}, true},
		{"a key not looked up", missed, scenario.Expect{Key: "mac"}, false},
		{"VLAN of a packet", answer, scenario.Expect{Value: "Access-Accept", VLAN: "750"}, true},
		{"client of an answer", answer, scenario.Expect{Value: "Access-Accept", Client: "laptop-1"}, true},
		{"another client of an answer", answer, scenario.Expect{Value: "Access-Accept", Client: "laptop-2"}, false},
		{"host that crashed", rec("laptop-1", "crash"), scenario.Expect{Client: "laptop-1"}, true},
		{"actor", rec("nac", "crash"), scenario.Expect{Where: []scenario.Field{{Name: "actor", Value: "nac"}}}, true},
		{"another actor", rec("nac", "crash"), scenario.Expect{Where: []scenario.Field{{Name: "actor", Value: "graph"}}}, false},
	} {
		e := tt.expect
		e.Record, e.AtLeast = tt.record.Kind, 1
		if got := feed(&e, tt.record).holds(&e); got != tt.want {
			t.Errorf("%s: holds is %v, want %v", tt.name, got, tt.want)
		}
	}
}

func TestActionsBeginANewCount(t *testing.T) {
	e := &scenario.Expect{Record: "lookup", Value: "found", AtLeast: 1}
	j := feed(e, found)
	j.act()
	if j.holds(e) {
		t.Error("a record from before the last action counts")
	}
	e.SinceStart = true
	if !j.holds(e) {
		t.Error("a record from before the last action does not count since the start")
	}
}

func TestRecentIsBoundedAndOfTheClient(t *testing.T) {
	e := &scenario.Expect{Client: "laptop-1", State: scenario.StateAuthorized}
	j := feed(e)
	for range 50 {
		j.record(found)
		j.record(rec("ap-1", "port", "client=00:1c:b3:09:85:16", "state=authenticating"))
		j.record(trace.Record{Kind: trace.KindPacket})
	}
	for _, r := range j.recent.of("laptop-1") {
		if r.Kind != "lookup" {
			t.Errorf("a record of kind %s about somebody else is kept", r.Kind)
		}
	}
	if n := len(j.recent.of("laptop-1")); n != recentKept {
		t.Errorf("%d records are kept, want %d", n, recentKept)
	}
}
