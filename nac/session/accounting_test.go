package session

import (
	"net/netip"
	"testing"
	"time"
)

// TestLostStart holds that an interim update starts a session whose Start has been lost, from when it says that it has
// lasted, and that later ones do not start it again.
func TestLostStart(t *testing.T) {
	key := place("ap-1", laptop)
	for _, c := range []struct {
		name, authorized string
		record           Accounting
	}{
		{"the same Acct-Session-Id", "A1", Accounting{Key: key, AcctSessionID: "A1"}},
		{"no Acct-Session-Id when it was authorized", "", Accounting{Key: key, AcctSessionID: "A1"}},
		{"another Acct-Session-Id in accounting", "X1", Accounting{Key: key, AcctSessionID: "A1", Class: "c1"}},
		{"no client in the record", "A1", Accounting{Key: place("ap-1", ""), AcctSessionID: "A1"}},
		{"no client in the record, and no Acct-Session-Id when it was authorized", "", Accounting{Key: place("ap-1", ""), AcctSessionID: "A1", Class: "c1"}},
	} {
		m := newMachine(t)
		table := open(t, m, Config{})
		authorize(t, table, at("ap-1", laptop, c.authorized))
		other := at("ap-1", printer, "P1")
		other.Class = "c2"
		authorize(t, table, other)
		m.Advance(10 * time.Minute)
		m.taken("session")
		c.record.Usage.Time, c.record.Usage.InOctets, c.record.Delay = 9*time.Minute, 1<<33, 2*time.Second
		if known, err := table.Update(c.record); !known || err != nil {
			t.Fatalf("%s: Update returns %v, %v", c.name, known, err)
		}
		wantLines(t, m.taken("session"), "client="+laptop+" session=A1 nas=ap-1 state=started vlan=1 reason=")
		if s, _ := table.Get(key); !s.StartedAt.Equal(m.Now().Add(-9*time.Minute-2*time.Second)) || s.Usage.InOctets != 1<<33 || s.AcctSessionID != "A1" {
			t.Errorf("%s: session is %+v", c.name, s)
		}
		if known, _ := table.Update(c.record); !known || len(m.taken("session")) != 0 {
			t.Errorf("%s: the second update starts it again", c.name)
		}
		table = open(t, m, Config{}) // the start is durable
		if s, _ := table.Get(key); s.StartedAt.IsZero() {
			t.Errorf("%s: forgotten in a restart", c.name)
		}
		if !table.Stop(c.record) || table.Len() != 1 {
			t.Errorf("%s: Stop does not end it", c.name)
		}
	}
}

// TestStopWithoutStart holds that a Stop ends a session of which accounting has never been heard, if it is about that.
func TestStopWithoutStart(t *testing.T) {
	key := place("ap-1", laptop)
	for _, c := range []struct {
		name, authorized string
		record           Accounting
		want             bool
	}{
		{"no Acct-Session-Id known", "", Accounting{Key: key, AcctSessionID: "A1"}, true},
		{"no Acct-Session-Id known, the Class of an earlier authorization", "", Accounting{Key: key, AcctSessionID: "A1", Class: "c0"}, false},
		{"no Acct-Session-Id known, made before the authorization", "", Accounting{Key: key, AcctSessionID: "A1", Delay: time.Hour}, false},
		{"another Acct-Session-Id and the Class", "X1", Accounting{Key: key, AcctSessionID: "A1", Class: "c1"}, true},
		{"another Acct-Session-Id without a Class", "X1", Accounting{Key: key, AcctSessionID: "A1"}, false},
		{"no Acct-Session-Id in the record, the Class", "X1", Accounting{Key: key, Class: "c1"}, true},
		{"no Acct-Session-Id in the record, no Class", "X1", Accounting{Key: key}, false},
		{"no client, the Acct-Session-Id", "X1", Accounting{Key: place("ap-1", ""), AcctSessionID: "X1"}, true},
		{"no client, another Acct-Session-Id", "X1", Accounting{Key: place("ap-1", ""), AcctSessionID: "A1"}, false},
		{"no client, nothing at all", "", Accounting{Key: place("ap-1", "")}, false},
		{"no client, from another address", "X1", Accounting{Key: Key{"ap-1", netip.MustParseAddr("10.0.1.2"), ""}, AcctSessionID: "X1"}, false},
	} {
		m := newMachine(t)
		table := open(t, m, Config{})
		authorize(t, table, at("ap-1", laptop, c.authorized))
		m.Advance(time.Minute)
		if got := table.Stop(c.record); got != c.want {
			t.Errorf("%s: ended is %v, want %v", c.name, got, c.want)
		}
	}
}

// TestAmbiguousRecord holds that a record without a client ends none of two sessions that it may be about.
func TestAmbiguousRecord(t *testing.T) {
	m := newMachine(t)
	table := open(t, m, Config{})
	authorize(t, table, at("ap-1", laptop, "A1"))
	authorize(t, table, at("ap-1", printer, "A1"))
	if table.Stop(Accounting{Key: place("ap-1", ""), AcctSessionID: "A1"}) || table.Len() != 2 {
		t.Error("one of them has ended")
	}
}
