package live

import (
	"encoding/binary"
	"fmt"
	"net"
	"net/netip"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"nacsim/internal/host"
)

// TestAnswersFromWhereItWasAsked has clients ask a server on all addresses at several of them, and take an answer from there
// only, as RADIUS clients do (RFC 2865 section 3).
func TestAnswersFromWhereItWasAsked(t *testing.T) {
	for _, c := range []struct {
		bind string
		at   []string
	}{
		{"0.0.0.0:0", []string{"127.0.0.1", "127.0.0.2", "127.77.0.3"}},
		{"[::]:0", []string{"127.0.0.1", "127.0.0.2", "::1"}},
		{"127.0.0.2:0", []string{"127.0.0.2"}},
	} {
		t.Run(c.bind, func(t *testing.T) {
			port := echo(t, netip.MustParseAddrPort(c.bind))
			for range 2 {
				for _, at := range c.at {
					asked := netip.AddrPortFrom(netip.MustParseAddr(at), port)
					conn, err := net.DialUDP("udp", nil, net.UDPAddrFromAddrPort(asked)) // takes datagrams from there only
					if err != nil {
						t.Fatal(err)
					}
					ask(t, conn, func(b []byte) error { _, err := conn.Write(b); return err }, at)
					conn.Close()
				}
			}
		})
	}
}

// TestOneClientAtTwoAddresses holds that a client that turns to another address of the server from the same port gets its
// answers from there.
func TestOneClientAtTwoAddresses(t *testing.T) {
	port := echo(t, netip.MustParseAddrPort("0.0.0.0:0"))
	conn, err := net.ListenUDP("udp4", &net.UDPAddr{IP: net.IPv4(127, 0, 0, 9)})
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	for _, at := range []string{"127.0.0.1", "127.0.0.2", "127.0.0.1"} {
		to := netip.AddrPortFrom(netip.MustParseAddr(at), port)
		if from := ask(t, conn, func(b []byte) error { _, err := conn.WriteToUDPAddrPort(b, to); return err }, at); from != to {
			t.Errorf("asked %s, answered by %s", to, from)
		}
	}
}

// ask sends a text and waits for it to come back.
func ask(t *testing.T, conn *net.UDPConn, send func([]byte) error, text string) netip.AddrPort {
	t.Helper()
	if err := send([]byte(text)); err != nil {
		t.Fatal(err)
	}
	_ = conn.SetReadDeadline(time.Now().Add(10 * time.Second))
	b := make([]byte, 99)
	n, from, err := conn.ReadFromUDPAddrPort(b)
	if err != nil || string(b[:n]) != text {
		t.Fatalf("%s: answer %q, %v", text, b[:n], err)
	}
	return canonical(from)
}

// echo returns the port of a machine that sends back what it gets.
func echo(t testing.TB, bind netip.AddrPort) uint16 {
	t.Helper()
	own := netip.MustParseAddrPort("192.0.0.8:1812")
	w := New(Config{AllowExternal: true, Bind: map[netip.AddrPort]netip.AddrPort{own: bind}})
	t.Cleanup(func() {
		if err := w.Close(); err != nil {
			t.Error(err)
		}
	})
	err := w.AddHost("echo", own.Addr(), func(h host.Host) error {
		c, err := h.ListenPacket(own)
		if err != nil {
			return err
		}
		h.Go("echo", func() {
			for b := make([]byte, 99); ; {
				n, from, err := c.ReadFrom(b, time.Time{})
				if err != nil {
					return
				}
				_ = c.WriteTo(b[:n], from)
			}
		})
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	at, _ := w.UDPAddr(own)
	return at.Port()
}

// TestSourcesAreBounded holds that strangers cannot fill the memory, and that who asks is remembered for some thousands of
// others.
func TestSourcesAreBounded(t *testing.T) {
	var s sources
	here := local{addr: netip.MustParseAddr("127.0.0.2")}
	peer := func(n int) netip.AddrPort {
		var a [4]byte
		binary.BigEndian.PutUint32(a[:], uint32(0x0a000000+n))
		return netip.AddrPortFrom(netip.AddrFrom4(a), 1812)
	}
	for n := range 5 * sourcesMax {
		s.arrived(peer(n), here)
		if got := len(s.recent) + len(s.before); got > 2*sourcesMax {
			t.Fatalf("%d peers are remembered", got)
		}
		if n >= sourcesMax && s.toward(peer(n-sourcesMax+1)) == nil {
			t.Fatalf("peer %d is forgotten when there have been %d", n-sourcesMax+1, n)
		}
	}
	if s.toward(peer(0)) != nil {
		t.Error("nobody is forgotten")
	}
}

// TestLocalOf reads control messages, and ignores what is cut off or of another kind.
func TestLocalOf(t *testing.T) {
	v4 := local{addr: netip.MustParseAddr("127.0.0.2")}
	v6 := local{addr: netip.MustParseAddr("2001:db8::2")}
	link := local{addr: netip.MustParseAddr("fe80::2"), iface: 3}
	other := unix.UnixRights(0)
	for _, c := range []struct {
		control []byte
		want    local
		ok      bool
	}{
		{v4.control(), v4, true},
		{v6.control(), v6, true},
		{link.control(), link, true},
		{append(other[:unix.CmsgSpace(4):unix.CmsgSpace(4)], v4.control()...), v4, true},
		{local{addr: netip.MustParseAddr("ff02::1")}.control(), local{}, false},
		{other, local{}, false},
		{v4.control()[:20], local{}, false},
		{nil, local{}, false},
	} {
		if got, ok := localOf(c.control); ok != c.ok || ok && got != c.want {
			t.Errorf("%x: %v, %v; want %v, %v", c.control, got, ok, c.want, c.ok)
		}
	}
}

// BenchmarkEcho compares a socket on all addresses with one on a single one.
func BenchmarkEcho(b *testing.B) {
	for _, bind := range []string{"127.0.0.1:0", "0.0.0.0:0", "[::]:0"} {
		b.Run(fmt.Sprintf("bind=%s", bind), func(b *testing.B) {
			to := netip.AddrPortFrom(loopback, echo(b, netip.MustParseAddrPort(bind)))
			conn, err := net.DialUDP("udp4", nil, net.UDPAddrFromAddrPort(to))
			if err != nil {
				b.Fatal(err)
			}
			defer conn.Close()
			buf := make([]byte, 99)
			b.ReportAllocs()
			for b.Loop() {
				_, _ = conn.Write(buf[:50])
				if _, err := conn.Read(buf); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}
