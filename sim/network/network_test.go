package network

import (
	"fmt"
	"log/slog"
	"net/netip"
	"slices"
	"testing"
	"time"

	"nacsim/sim/decode"
)

func send(m *Model, from, to string) []Delivery {
	return m.Plan(decode.Packet{FromHost: from, ToHost: to})
}

func TestPerfectLinkDelivers(t *testing.T) {
	m := New(1, Conditions{Delay: time.Millisecond}, nil)
	if got := send(m, "a", "b"); !slices.Equal(got, []Delivery{{Delay: time.Millisecond}}) {
		t.Fatalf("a perfect link made %v of a packet", got)
	}
}

func TestLinkDownIsPerDirection(t *testing.T) {
	m := New(1, Conditions{}, nil)
	m.Set("a", "b", func(c *Conditions) { c.Down = true })
	if got := send(m, "a", "b"); got != nil {
		t.Errorf("a>b is down but delivered %v", got)
	}
	if got := send(m, "b", "a"); len(got) != 1 {
		t.Errorf("b>a is up but made %v of a packet", got)
	}
}

// outcomes runs many packets and writes down what happened to each.
func outcomes(seed uint64, change func(*Conditions)) []string {
	var faults []string
	m := New(seed, Conditions{Delay: time.Millisecond}, func(_ decode.Packet, f ...slog.Attr) {
		faults = append(faults, f[0].Value.String())
	})
	m.Set("a", "b", change)
	var out []string
	for range 2000 {
		faults = faults[:0]
		out = append(out, fmt.Sprint(send(m, "a", "b"), faults))
	}
	return out
}

func TestChancesAreRepeatableAndNearTheirValue(t *testing.T) {
	change := func(c *Conditions) { c.Loss, c.Duplicate, c.Jitter = 100_000, 50_000, time.Millisecond }
	one, two := outcomes(7, change), outcomes(7, change)
	if !slices.Equal(one, two) {
		t.Fatal("the same seed gave two different networks")
	}
	if slices.Equal(one, outcomes(8, change)) {
		t.Fatal("another seed gave the same network")
	}
	lost := 0
	for _, o := range one {
		if o[:2] == "[]" {
			lost++
		}
	}
	if lost < 140 || lost > 260 {
		t.Errorf("%d of 2000 packets were lost at 10 %%", lost)
	}
}

// A property that is switched on must not shift the draws of another, or no fault could be taken away from a
// run without changing the rest.
func TestStreamsAreIndependent(t *testing.T) {
	losses := func(change func(*Conditions)) (at []int) {
		m := New(7, Conditions{}, nil)
		m.Set("a", "b", change)
		for i := range 2000 {
			if send(m, "a", "b") == nil {
				at = append(at, i)
			}
		}
		return at
	}
	alone := losses(func(c *Conditions) { c.Loss = 50_000 })
	both := losses(func(c *Conditions) { c.Loss, c.Duplicate, c.Reorder = 50_000, 300_000, 300_000 })
	if len(alone) == 0 || !slices.Equal(alone, both) {
		t.Errorf("losses moved when duplication was added: %v, then %v", alone, both)
	}
}

// disconnectRequest is the header of a Disconnect-Request (RFC 5176 2.1): code 40.
var disconnectRequest = append([]byte{40, 1, 0, 20}, make([]byte, 16)...)

func TestNoRuleHelpsOverALinkThatIsDown(t *testing.T) {
	m := New(1, Conditions{}, nil)
	m.Set("a", "b", func(c *Conditions) { c.Down = true })
	m.Add(Rule{Match: "Disconnect-Request", Action: Duplicate, Count: 1})
	p := decode.Packet{FromHost: "a", ToHost: "b", From: udp("10.0.0.1:40000"), To: udp("10.0.1.1:3799"), Data: disconnectRequest}
	if got := m.Plan(p); got != nil {
		t.Errorf("a>b is down but delivered %v", got)
	}
	m.Set("a", "b", func(c *Conditions) { c.Down = false })
	if got := m.Plan(p); len(got) != 2 {
		t.Errorf("the packet that the rule was for made %v", got)
	}
}

func TestRuleIsSpentAfterItsCount(t *testing.T) {
	for _, tt := range []struct {
		rule Rule
		want []int // deliveries of four packets
	}{
		{Rule{Match: "Disconnect-Request", Action: Drop, Count: 2}, []int{0, 0, 1, 1}},
		{Rule{Match: "Disconnect-Request", Action: Drop}, []int{0, 0, 0, 0}},
		{Rule{Match: "Disconnect-Request", Action: Duplicate, Count: 1}, []int{2, 1, 1, 1}},
		{Rule{Match: "CoA-Request", Action: Drop}, []int{1, 1, 1, 1}},
		{Rule{From: "b", Match: "Disconnect-Request", Action: Drop}, []int{1, 1, 1, 1}},
		{Rule{From: "a", To: "b", Match: "Disconnect-Request", Action: Delay, Delay: time.Second, Count: 1}, []int{1, 1, 1, 1}},
	} {
		m := New(1, Conditions{}, nil)
		m.Add(tt.rule)
		var got []int
		for range 4 {
			p := decode.Packet{FromHost: "a", ToHost: "b", Data: disconnectRequest}
			p.From, p.To = udp("10.0.0.1:40000"), udp("10.0.1.1:3799")
			d := m.Plan(p)
			got = append(got, len(d))
			if tt.rule.Action == Delay && len(got) == 1 && d[0].Delay != time.Second {
				t.Errorf("%+v: delayed by %v", tt.rule, d[0].Delay)
			}
		}
		if !slices.Equal(got, tt.want) {
			t.Errorf("%+v: deliveries %v, want %v", tt.rule, got, tt.want)
		}
	}
}

func udp(s string) netip.AddrPort { return netip.MustParseAddrPort(s) }
