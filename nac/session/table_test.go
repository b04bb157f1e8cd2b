package session

import (
	"errors"
	"fmt"
	"net/netip"
	"reflect"
	"strings"
	"testing"
	"time"

	"nacsim/internal/host"
	"nacsim/nac/event"
	"nacsim/nac/identity"
	"nacsim/nac/policy"
)

const (
	laptop  = "00:1c:b3:09:85:15"
	printer = "00:1c:b3:00:00:02"
	guid    = "6f4d2a1e-0000-4000-8000-000000000001"
)

var address = netip.MustParseAddr("10.0.1.1")

// place is the key of a session from at.
func place(nas, client string) Key { return Key{nas, address, client} }

// at returns a session of a client at a NAS with quarantine VLAN 1.
func at(nas, client, id string) Session {
	return Session{
		Request: policy.Request{
			AuthType: "eap-tls", PortType: "wireless", MAC: client, NAS: nas, NASIP: address,
			Certificate: &identity.Certificate{CN: "Laptop-1.corp.example", SANDNS: []string{guid}},
		},
		CoA: netip.MustParseAddrPort("10.0.1.1:3799"), AcctSessionID: id,
		InForce: policy.Authorization{VLAN: "1"}, Rule: "First Connect", Class: "c1",
	}
}

func open(t *testing.T, m *machine, c Config) *Table {
	t.Helper()
	table, err := Open(m, c)
	if err != nil {
		t.Fatal(err)
	}
	return table
}

func authorize(t *testing.T, table *Table, s Session) {
	t.Helper()
	if err := table.Authorize(s); err != nil {
		t.Fatal(err)
	}
}

func wantLines(t *testing.T, got []string, want ...string) {
	t.Helper()
	if !reflect.DeepEqual(got, want) {
		t.Errorf("trace is\n%s\nwant\n%s", strings.Join(got, "\n"), strings.Join(want, "\n"))
	}
}

func TestLifeOfASession(t *testing.T) {
	m := newMachine(t)
	table := open(t, m, Config{Events: event.NewLog(m)})
	key := place("ap-1", laptop)

	authorize(t, table, at("ap-1", laptop, "A1"))
	wantLines(t, m.taken("session"), "client="+laptop+" session=A1 nas=ap-1 state=authorized vlan=1 reason=")

	m.Advance(time.Second)
	if known, err := table.Start(Accounting{Key: key, AcctSessionID: "A1"}); !known || err != nil {
		t.Fatalf("Start returns %v, %v", known, err)
	}
	wantLines(t, m.taken("session"), "client="+laptop+" session=A1 nas=ap-1 state=started vlan=1 reason=")
	if known, _ := table.Start(Accounting{Key: key, AcctSessionID: "A1"}); !known {
		t.Error("a repeated Start is not recognized")
	}
	wantLines(t, m.taken("session"))

	m.Advance(time.Minute)
	again := at("ap-1", laptop, "A1")
	again.InForce.VLAN = "750"
	authorize(t, table, again)
	wantLines(t, m.taken("session"), "client="+laptop+" session=A1 nas=ap-1 state=authorized vlan=750 reason=")
	s, _ := table.Get(key)
	if !s.StartedAt.Equal(m.Now().Add(-time.Minute)) || !s.AuthorizedAt.Equal(m.Now()) {
		t.Errorf("after a re-authentication started at %v, authorized at %v", s.StartedAt, s.AuthorizedAt)
	}

	m.Advance(time.Hour)
	if known, err := table.Update(Accounting{Key: key, AcctSessionID: "A1", Usage: Usage{InOctets: 7}}); !known || err != nil {
		t.Error("an interim update is not recognized")
	}
	if s, _ := table.Get(key); s.Usage.InOctets != 7 || !s.Usage.At.Equal(m.Now()) {
		t.Errorf("usage is %+v", s.Usage)
	}
	if !table.Stop(Accounting{Key: key, AcctSessionID: "A1", TerminateCause: "User-Request"}) {
		t.Error("Stop does not end the session")
	}
	lines := fmt.Sprint(m.Lines)
	wantLines(t, m.taken("session"), "client="+laptop+" session=A1 nas=ap-1 state=ended vlan=750 reason=User-Request")
	if !strings.Contains(lines, "type=NAC_SESSION_ENDED") || !strings.Contains(lines, "type=NAC_ACCOUNTING_STOP") {
		t.Errorf("events are missing in\n%s", lines)
	}
	if table.Len() != 0 || m.records() != 0 {
		t.Errorf("%d sessions and %d records are left", table.Len(), m.records())
	}
}

// TestAccountingOfOlderSessions holds that what a NAS says late about an earlier session changes nothing.
func TestAccountingOfOlderSessions(t *testing.T) {
	key := place("ap-1", laptop)
	cases := []struct {
		name string
		do   func(table *Table) bool
		want bool
	}{
		{"Stop with another Acct-Session-Id", func(t *Table) bool { return t.Stop(Accounting{Key: key, AcctSessionID: "OLD"}) }, false},
		{"Stop made before the authorization", func(t *Table) bool {
			return t.Stop(Accounting{Key: key, AcctSessionID: "A1", Delay: 10 * time.Second})
		}, false},
		{"Stop of another client", func(t *Table) bool { return t.Stop(Accounting{Key: place("ap-1", printer), AcctSessionID: "A1"}) }, false},
		{"Stop from another NAS", func(t *Table) bool { return t.Stop(Accounting{Key: place("ap-2", laptop), AcctSessionID: "A1"}) }, false},
		{"Update with another Acct-Session-Id", func(t *Table) bool {
			known, _ := t.Update(Accounting{Key: key, AcctSessionID: "OLD"})
			return known
		}, false},
		{"Update with another Acct-Session-Id and another Class", func(t *Table) bool {
			known, _ := t.Update(Accounting{Key: key, AcctSessionID: "OLD", Class: "c0"})
			return known
		}, false},
		{"Start made before the authorization with another Acct-Session-Id", func(t *Table) bool {
			known, _ := t.Start(Accounting{Key: key, AcctSessionID: "OLD", Delay: 10 * time.Second})
			return known
		}, false},
		{"Start made in the second of the authorization with another Acct-Session-Id", func(t *Table) bool {
			known, _ := t.Start(Accounting{Key: key, AcctSessionID: "OLD", Delay: 5 * time.Second})
			return known
		}, false},
		{"Start with another Acct-Session-Id and another Class", func(t *Table) bool {
			known, _ := t.Start(Accounting{Key: key, AcctSessionID: "OLD", Class: "c0"})
			return known
		}, false},
		{"Start with another Acct-Session-Id and the Class of the session", func(t *Table) bool {
			known, _ := t.Start(Accounting{Key: key, AcctSessionID: "A2", Class: "c1", Delay: 5 * time.Second})
			s, _ := t.Get(key)
			return known && s.AcctSessionID == "A2"
		}, true},
		{"Start without Acct-Session-Id", func(t *Table) bool {
			known, _ := t.Start(Accounting{Key: key})
			s, _ := t.Get(key)
			return known && s.AcctSessionID == "A1"
		}, true},
		{"Start of an unknown client", func(t *Table) bool {
			known, _ := t.Start(Accounting{Key: place("ap-1", printer), AcctSessionID: "B1"})
			return known
		}, false},
		{"Accounting-On made before the authorization", func(t *Table) bool { return t.NASRestarted("ap-1", address, 10*time.Second, "on") > 0 }, false},
		{"Accounting-On made in the second of the authorization and sent again", func(t *Table) bool {
			return t.NASRestarted("ap-1", address, 5*time.Second, "on") > 0
		}, false},
		{"Accounting-On made after the authorization and sent again", func(t *Table) bool {
			return t.NASRestarted("ap-1", address, 4*time.Second, "on") > 0
		}, true},
		{"Accounting-On of another NAS", func(t *Table) bool { return t.NASRestarted("ap-2", address, 0, "on") > 0 }, false},
		{"Stop from another address that claims the name of the NAS", func(t *Table) bool {
			return t.Stop(Accounting{Key: Key{"ap-1", netip.MustParseAddr("10.0.1.2"), laptop}, AcctSessionID: "A1"})
		}, false},
		{"Start from another address that claims the name of the NAS", func(t *Table) bool {
			known, _ := t.Start(Accounting{Key: Key{"ap-1", netip.MustParseAddr("10.0.1.2"), laptop}, AcctSessionID: "A2"})
			return known
		}, false},
		{"Accounting-On from another address that claims the name of the NAS", func(t *Table) bool {
			return t.NASRestarted("ap-1", netip.MustParseAddr("10.0.1.2"), 0, "on") > 0
		}, false},
		{"refusal of another Acct-Session-Id", func(t *Table) bool { t.End(key, "A2", "rejected"); return t.Len() == 0 }, false},
		{"refusal of the same Acct-Session-Id", func(t *Table) bool { t.End(key, "A1", "rejected"); return t.Len() == 0 }, true},
		{"refusal without Acct-Session-Id", func(t *Table) bool { t.End(key, "", "rejected"); return t.Len() == 0 }, true},
		{"Stop whose time is cut to the second", func(t *Table) bool {
			return t.Stop(Accounting{Key: key, AcctSessionID: "A1", Delay: 5*time.Second + 999*time.Millisecond})
		}, true},
		{"Stop a second before", func(t *Table) bool {
			return t.Stop(Accounting{Key: key, AcctSessionID: "A1", Delay: 6 * time.Second})
		}, false},
		{"Stop now", func(t *Table) bool { return t.Stop(Accounting{Key: key, AcctSessionID: "A1"}) }, true},
		{"Accounting-On now", func(t *Table) bool { return t.NASRestarted("ap-1", address, 0, "on") > 0 }, true},
		{"Start with another Acct-Session-Id now", func(t *Table) bool {
			known, _ := t.Start(Accounting{Key: key, AcctSessionID: "A2"})
			s, _ := t.Get(key)
			return known && s.AcctSessionID == "A2"
		}, true},
	}
	for _, c := range cases {
		m := newMachine(t)
		table := open(t, m, Config{})
		authorize(t, table, at("ap-1", laptop, "A1"))
		m.Advance(5 * time.Second)
		if got := c.do(table); got != c.want {
			t.Errorf("%s: got %v, want %v", c.name, got, c.want)
		}
	}
}

func TestOneSessionPerClient(t *testing.T) {
	m := newMachine(t)
	var changes []string
	table := open(t, m, Config{Changed: func(c Change) {
		changes = append(changes, c.Session.Request.NAS+" "+c.Session.AcctSessionID+" "+string(c.State)+" "+c.Reason)
	}})
	authorize(t, table, at("ap-1", laptop, "A1"))
	authorize(t, table, at("ap-1", printer, "P1"))
	authorize(t, table, at("ap-2", laptop, "B1")) // roams
	authorize(t, table, at("ap-2", laptop, "B2")) // connects anew; its Stop was lost
	authorize(t, table, at("ap-2", laptop, ""))   // re-authenticates at a NAS that does not state the ID
	want := []string{"ap-1 A1 authorized ", "ap-1 P1 authorized ", "ap-1 A1 ended roamed to ap-2", "ap-2 B1 authorized ",
		"ap-2 B1 ended replaced by session B2", "ap-2 B2 authorized ", "ap-2 B2 authorized "}
	if !reflect.DeepEqual(changes, want) {
		t.Errorf("changes are\n%s\nwant\n%s", strings.Join(changes, "\n"), strings.Join(want, "\n"))
	}
	if got := table.Clients(); !reflect.DeepEqual(got, []string{printer, laptop}) {
		t.Errorf("clients are %v", got)
	}
	if s, ok := table.ByClient(laptop); !ok || s.Request.NAS != "ap-2" || s.AcctSessionID != "B2" {
		t.Errorf("the laptop is at %s with %s", s.Request.NAS, s.AcctSessionID)
	}
	if _, ok := table.Get(place("ap-1", laptop)); ok {
		t.Error("the laptop is still at ap-1")
	}
}

func TestEndAuthorization(t *testing.T) {
	m := newMachine(t)
	table := open(t, m, Config{})
	key := place("ap-1", laptop)
	authorize(t, table, at("ap-1", laptop, "A1"))
	old, _ := table.Get(key)
	m.Advance(time.Second)
	authorize(t, table, at("ap-1", laptop, "A1"))
	authorize(t, table, at("ap-1", laptop, "A1")) // at the same moment
	if s, _ := table.Get(key); !s.AuthorizedAt.Equal(m.Now().Add(1)) {
		t.Errorf("authorized at %v and again at %v", m.Now(), s.AuthorizedAt)
	}
	if table.EndAuthorization(key, old.AuthorizedAt, "CoA-NAK") {
		t.Error("a session that has been authorized again was ended")
	}
	if !table.EndAuthorization(key, m.Now().Add(1), "CoA-NAK") || table.Len() != 0 {
		t.Error("the session was not ended")
	}
	if table.EndAuthorization(key, m.Now().Add(1), "CoA-NAK") {
		t.Error("a session was ended twice")
	}
	table.End(key, "", "rejected") // nothing there
}

// TestClockSetBack holds that an authorization after the clock was set back counts from the new time: one that lay in
// the future would have accounting be taken for old until then.
func TestClockSetBack(t *testing.T) {
	m := newMachine(t)
	table := open(t, m, Config{})
	authorize(t, table, at("ap-1", laptop, "A1"))
	m.Advance(-24 * time.Hour)
	authorize(t, table, at("ap-1", laptop, "A1"))
	m.Advance(time.Minute)
	if !table.Stop(Accounting{Key: place("ap-1", laptop), AcctSessionID: "A1"}) {
		t.Error("Stop does not end the session")
	}
}

func TestLookups(t *testing.T) {
	m := newMachine(t)
	table := open(t, m, Config{})
	s := at("ap-1", laptop, "A1")
	s.Request.MDM.DeviceID = "7A000000-0000-4000-8000-000000000009"
	authorize(t, table, s)
	other := at("sw-1", printer, "P1")
	other.Request.Certificate = nil
	authorize(t, table, other)

	cases := []struct {
		name string
		got  []Session
		want string
	}{
		{"by MAC", table.ByKeys(identity.Key{Kind: identity.MAC, Value: laptop}), laptop},
		{"by name in another case", table.ByKeys(identity.Key{Kind: identity.CN, Value: "LAPTOP-1"}), laptop},
		{"by several keys of one session", table.ByKeys(identity.Key{Kind: identity.CN, Value: "laptop-1"}, identity.Key{Kind: identity.MAC, Value: laptop}), laptop},
		{"by the ID in the certificate", table.ByDevice(guid), laptop},
		{"by the ID of the record", table.ByDevice("7a000000-0000-4000-8000-000000000009"), laptop},
		{"by an unknown ID", table.ByDevice("none"), ""},
		{"by NAS", table.ByNAS("sw-1"), printer},
		{"all", table.All(), printer + " " + laptop},
	}
	for _, c := range cases {
		var macs []string
		for _, s := range c.got {
			macs = append(macs, s.Request.MAC)
		}
		if got := strings.Join(macs, " "); got != c.want {
			t.Errorf("%s: got %q, want %q", c.name, got, c.want)
		}
	}
	table.End(place("ap-1", laptop), "", "gone")
	if got := table.ByDevice(guid); len(got) != 0 {
		t.Errorf("an ended session is found: %v", got)
	}
	if len(table.byName) != 1 || len(table.byNAS) != 1 {
		t.Errorf("indexes keep what has ended: %v, %v", table.byName, table.byNAS)
	}
}

func TestSurvivesRestart(t *testing.T) {
	m := newMachine(t)
	table := open(t, m, Config{})
	s := at("ap-1", laptop, "A1")
	s.Request.Certificate.NotAfter = m.Now().Add(time.Hour)
	s.Firmware, s.Class, s.CallingStation = "0.14.1", "c", "00-1C-B3-09-85-15"
	authorize(t, table, s)
	authorize(t, table, at("sw-1", printer, "P1"))
	want, _ := table.Get(s.Key())

	record, err := m.store.Get(storeKey(s.Key()))
	err = errors.Join(err, m.store.Put("session/garbage", []byte("{")), m.store.Put("session/00:00:00:00:00:00/ap-1", record)) // under the wrong key
	if err != nil {
		t.Fatal(err)
	}
	m.Lines = nil
	table = open(t, m, Config{})
	if got, _ := table.Get(s.Key()); !reflect.DeepEqual(got, want) {
		t.Errorf("got\n%+v\nwant\n%+v", got, want)
	}
	if table.Len() != 2 || m.records() != 2 {
		t.Errorf("%d sessions, %d records", table.Len(), m.records())
	}
	if drops := m.taken("drop"); len(drops) != 2 {
		t.Errorf("drops are %v", drops)
	}
	if got := table.ByDevice(guid); len(got) != 2 {
		t.Errorf("%d sessions found by device", len(got))
	}
}

func TestLimit(t *testing.T) {
	m := newMachine(t)
	table := open(t, m, Config{Limit: 1})
	authorize(t, table, at("ap-1", laptop, "A1"))
	authorize(t, table, at("ap-1", laptop, "A1")) // again is no other session
	authorize(t, table, at("ap-2", laptop, "A2")) // nor is roaming
	if err := table.Authorize(at("ap-1", printer, "P1")); !errors.Is(err, ErrFull) {
		t.Errorf("error is %v", err)
	}
	if table.Len() != 1 {
		t.Errorf("%d sessions", table.Len())
	}
}

func TestDown(t *testing.T) {
	m := newMachine(t)
	table := open(t, m, Config{})
	m.Crash()
	if err := table.Authorize(at("ap-1", laptop, "A1")); !errors.Is(err, host.ErrDown) {
		t.Errorf("error is %v", err)
	}
	if _, err := Open(m, Config{}); !errors.Is(err, host.ErrDown) {
		t.Errorf("error is %v", err)
	}
}

func TestParseMAC(t *testing.T) {
	for in, want := range map[string]int{laptop: 6, "": 0, "001cb3098515": 0, "00-1c-b3-09-85-15": 0, "00:1C:b3:09:85:15": 0} {
		if got := len(parseMAC(in)); got != want {
			t.Errorf("%q: %d octets, want %d", in, got, want)
		}
	}
}

func BenchmarkAuthorize(b *testing.B) {
	m := newMachine(b)
	table, _ := Open(m, Config{})
	s := at("ap-1", laptop, "A1")
	b.ReportAllocs()
	for b.Loop() {
		m.Lines = m.Lines[:0]
		if err := table.Authorize(s); err != nil {
			b.Fatal(err)
		}
	}
}
