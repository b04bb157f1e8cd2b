package live

import (
	"net/netip"
	"testing"
	"time"
)

// TestClosedSocketGivesItsAddressBack has the operating system give the port of a closed socket to a program outside
// of the world, which must not pass for the machine that had it before.
func TestClosedSocketGivesItsAddressBack(t *testing.T) {
	var b book
	b.init("udp", nil)
	now := time.Unix(0, 0)
	b.now = func() time.Time { return now }
	logical, real := netip.MustParseAddrPort("10.0.1.1:40000"), netip.MustParseAddrPort("127.0.0.1:40000")
	b.add(logical, real)
	now = now.Add(time.Hour)
	if got, ok := b.toLogical(real); !ok || got != logical {
		t.Errorf("an open socket sends as %v, %v", got, ok)
	}
	b.remove(logical)
	now = now.Add(linger)
	if got, ok := b.toLogical(real); !ok || got != logical {
		t.Errorf("what a closed socket has sent comes from %v, %v", got, ok)
	}
	now = now.Add(time.Nanosecond)
	if got, ok := b.toLogical(real); ok {
		t.Errorf("a stranger at the address of a closed socket passes for %v", got)
	}
	other := netip.MustParseAddrPort("10.0.1.2:3799")
	b.add(other, real)
	if got, ok := b.toLogical(real); !ok || got != other {
		t.Errorf("another socket at the address sends as %v, %v", got, ok)
	}
	// The first socket's entry is gone, so closing it again takes nothing from the second.
	b.remove(logical)
	if got, ok := b.toLogical(real); !ok || got != other {
		t.Errorf("after the first socket was closed again, the second sends as %v, %v", got, ok)
	}
}

// TestConnectionsAreForgotten: the addresses from which connections were dialed do not pile up.
func TestConnectionsAreForgotten(t *testing.T) {
	var b book
	b.init("tcp", nil)
	now := time.Unix(0, 0)
	b.now = func() time.Time { return now }
	for port := range uint16(1000) {
		logical := netip.AddrPortFrom(netip.MustParseAddr("10.0.1.1"), 40000+port)
		real := netip.AddrPortFrom(loopback, 40000+port)
		b.addSource(logical, real)
		if got, ok := b.toLogical(real); !ok || got != logical {
			t.Fatalf("an open connection comes from %v, %v", got, ok)
		}
		b.removeSource(logical, real)
		b.removeSource(logical, real)
		if got, ok := b.toLogical(real); !ok || got != logical {
			t.Fatalf("a connection closed before it was accepted comes from %v, %v", got, ok)
		}
		now = now.Add(linger / 10)
	}
	if len(b.logical) > 12 || len(b.closed) > 12 {
		t.Errorf("%d addresses and %d closings are remembered", len(b.logical), len(b.closed))
	}
	// An address that is in use again is not forgotten with its earlier socket.
	real := netip.AddrPortFrom(loopback, 40999)
	b.addSource(netip.MustParseAddrPort("10.0.1.2:40999"), real)
	now = now.Add(time.Hour)
	other := netip.AddrPortFrom(loopback, 50000)
	b.addSource(other, other)
	b.removeSource(other, other)
	if got, ok := b.toLogical(real); !ok || got.Addr().String() != "10.0.1.2" {
		t.Errorf("a connection comes from %v, %v", got, ok)
	}
}
