package radius

import (
	"fmt"
	"net/netip"
	"sync"
	"testing"
	"time"
)

var (
	nas   = netip.MustParseAddrPort("10.0.1.1:50000")
	start = time.Date(2026, 3, 2, 9, 0, 0, 0, time.UTC)
)

func requestWith(code, id, authenticator byte) []byte {
	b := make([]byte, MinLength)
	b[0], b[1], b[3], b[4] = code, id, MinLength, authenticator
	return b
}

// TestDuplicates goes through RFC 5080 section 2.2.2.
func TestDuplicates(t *testing.T) {
	c := NewDuplicateCache(10, 30*time.Second)
	b := requestWith(1, 7, 1)
	expect := func(what string, now time.Time, from netip.AddrPort, b []byte, want DuplicateStatus, wantReply string) {
		t.Helper()
		if status, reply := c.Begin(now, from, b); status != want || string(reply) != wantReply {
			t.Errorf("%s: status %d, reply %q; want %d, %q", what, status, reply, want, wantReply)
		}
	}
	expect("first", start, nas, b, New, "")
	expect("again, not answered yet", start.Add(2*time.Second), nas, b, InProgress, "")
	c.Finish(nas, b, []byte("reply"))
	expect("again, answered", start.Add(4*time.Second), nas, b, Answered, "reply")
	expect("other identifier", start, nas, requestWith(1, 8, 1), New, "")
	expect("other authenticator", start, nas, requestWith(1, 7, 2), New, "")
	expect("other code", start, nas, requestWith(4, 7, 1), New, "")
	expect("other port", start, netip.AddrPortFrom(nas.Addr(), 50001), b, New, "")
	expect("just before its time", start.Add(30*time.Second-1), nas, b, Answered, "reply")
	expect("after its time", start.Add(30*time.Second), nas, b, New, "")
	c.Finish(nas, b, nil)
	expect("after being dropped", start.Add(31*time.Second), nas, b, New, "")
	expect("too short to have an authenticator", start, nas, b[:19], New, "")
}

func TestDuplicatesAreBounded(t *testing.T) {
	c := NewDuplicateCache(100, time.Minute)
	for i := range 1000 {
		c.Begin(start, nas, requestWith(byte(i>>8), byte(i), 0))
		if c.Len() > 100 {
			t.Fatalf("%d entries against a limit of 100", c.Len())
		}
	}
	if status, _ := c.Begin(start, nas, requestWith(3, 231, 0)); status != InProgress {
		t.Error("the newest is forgotten")
	}
	if status, _ := c.Begin(start, nas, requestWith(0, 0, 0)); status != New {
		t.Error("the oldest is remembered")
	}
	c.Begin(start.Add(time.Hour), nas, requestWith(9, 9, 9))
	if c.Len() != 1 {
		t.Errorf("%d entries after an hour, want 1", c.Len())
	}
}

func TestDuplicatesInParallel(t *testing.T) {
	c := NewDuplicateCache(50, time.Minute)
	var wg sync.WaitGroup
	for g := range 4 {
		wg.Go(func() {
			for i := range 500 {
				b := requestWith(1, byte(i), byte(g))
				if status, reply := c.Begin(start, nas, b); status == Answered && string(reply) != fmt.Sprint(g, byte(i)) {
					t.Errorf("got the reply %q to another request", reply)
				}
				c.Finish(nas, b, fmt.Append(nil, g, byte(i)))
			}
		})
	}
	wg.Wait()
}
