package radiusd

import (
	"encoding/binary"
	"net/netip"
	"testing"
	"time"
)

// TestShares holds that a NAS that floods the server with first packets makes room for itself only, that conversations
// which have gone on are never replaced, and that a full table takes from those that were begun longest ago.
func TestShares(t *testing.T) {
	var table conversationTable
	table.init(10, 4, time.Minute)
	now, made := time.Unix(0, 0), uint32(0)
	// Two behind one address, with certificates of their own, are two.
	a, b, c := nasID{netip.MustParseAddr("10.0.1.1"), "a"}, nasID{netip.MustParseAddr("10.0.1.1"), "b"}, nasID{addr: netip.MustParseAddr("2001:db8::1")}
	add := func(nas nasID) (added, replaced *conversation, ok bool) {
		t.Helper()
		now, made = now.Add(time.Second), made+1
		added = &conversation{nas: nas}
		binary.BigEndian.PutUint32(added.state[:], made)
		replaced, ok = table.add(now, added)
		return added, replaced, ok
	}
	want := func(what string, replaced, expected *conversation, ok, room bool) {
		t.Helper()
		if replaced != expected || ok != room {
			t.Errorf("%s: room %v, replaced %v", what, ok, replaced)
		}
	}
	var ofA [4]*conversation
	for i := range ofA {
		ofA[i], _, _ = add(a)
	}
	table.find(now, ofA[0].state, a)
	_, replaced, ok := add(a)
	want("the share of a NAS is used up", replaced, ofA[1], ok, true)
	table.find(now, ofA[2].state, a)
	table.find(now, ofA[3].state, a)
	last, replaced, ok := add(a)
	if want("the last that has not gone on", replaced, replaced, ok, true); replaced == ofA[0] || replaced == ofA[2] || replaced == nil {
		t.Error("a conversation that has gone on is replaced")
	}
	table.find(now, last.state, a)
	_, replaced, ok = add(a)
	want("all of the NAS have gone on", replaced, nil, ok, false)
	now = now.Add(11 * time.Second)
	idle, replaced, ok := add(a)
	if want("one of them has been idle", replaced, replaced, ok, true); replaced == nil || !replaced.proven || now.Sub(replaced.used) < 15*time.Second {
		t.Errorf("%v is replaced", replaced)
	}
	table.find(now, idle.state, a)

	firstB, _, _ := add(b)
	for range 3 {
		add(b)
	}
	add(c)
	add(c)
	if table.len() != 10 {
		t.Fatalf("%d conversations", table.len())
	}
	_, replaced, ok = add(c)
	want("the table is full", replaced, firstB, ok, true)
	for n := 10; n > 0; n-- {
		if table.len() != n || table.pop() == nil {
			t.Fatalf("%d conversations, want %d", table.len(), n)
		}
	}
	if table.pop() != nil || len(table.nases) != 0 || table.begun.newest != nil || table.proven.newest != nil {
		t.Error("something is left")
	}
}

// TestLifeIsLimited: a conversation that is continued without end makes room all the same.
func TestLifeIsLimited(t *testing.T) {
	var table conversationTable
	table.init(10, 10, time.Minute)
	at, nas := time.Unix(0, 0), nasID{addr: netip.MustParseAddr("10.0.1.1")}
	one := &conversation{nas: nas, state: state{1}}
	table.add(at, one)
	last := at
	for ; last.Before(at.Add(time.Hour)) && table.find(last, one.state, nas) != nil; last = last.Add(30 * time.Second) {
	}
	if last != at.Add(maxLife*time.Minute) || table.popExpired(last) != nil || table.popExpired(last.Add(time.Minute)) != one {
		t.Errorf("it is continued until %v after its beginning", last.Sub(at))
	}
}

// TestExpiryOfBoth holds that a conversation ends after its time whether it has gone on or not.
func TestExpiryOfBoth(t *testing.T) {
	var table conversationTable
	table.init(10, 10, time.Minute)
	at, nas := time.Unix(0, 0), nasID{addr: netip.MustParseAddr("10.0.1.1")}
	one, two := &conversation{nas: nas, state: state{1}}, &conversation{nas: nas, state: state{2}}
	table.add(at, one)
	table.add(at, two)
	table.find(at.Add(30*time.Second), two.state, nas)
	if c := table.popExpired(at.Add(time.Minute - 1)); c != nil {
		t.Error("ended too early")
	}
	if c := table.popExpired(at.Add(time.Minute)); c != one {
		t.Error("the one that was begun does not end")
	}
	if c := table.popExpired(at.Add(time.Minute)); c != nil {
		t.Error("the one that has gone on ends too early")
	}
	if c := table.popExpired(at.Add(90 * time.Second)); c != two || table.len() != 0 {
		t.Error("the one that has gone on does not end")
	}
}
