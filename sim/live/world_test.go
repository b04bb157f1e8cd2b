package live_test

import (
	"bytes"
	"errors"
	"io"
	"log/slog"
	"net"
	"net/http"
	"net/netip"
	"strings"
	"sync"
	"testing"
	"time"

	"nacsim/internal/host"
	"nacsim/sim/live"
	"nacsim/sim/network"
	"nacsim/sim/trace"
)

var (
	addrA = netip.MustParseAddr("10.0.0.1")
	addrB = netip.MustParseAddr("10.0.0.2")
)

// newWorld makes a world that is closed, and must close without error, at the end of the test.
func newWorld(t testing.TB, cfg live.Config) *live.World {
	t.Helper()
	w := live.New(cfg)
	t.Cleanup(func() {
		if err := w.Close(); err != nil {
			t.Errorf("Close: %v", err)
		}
	})
	return w
}

// add boots a machine.
func add(t testing.TB, w *live.World, name string, addr netip.Addr, boot func(host.Host) error) {
	t.Helper()
	if err := w.AddHost(name, addr, boot); err != nil {
		t.Fatal(err)
	}
}

// machine boots a machine without tasks and returns it, so that the test can be its task.
func machine(t testing.TB, w *live.World, name string, addr netip.Addr) (h host.Host) {
	t.Helper()
	add(t, w, name, addr, func(m host.Host) error { h = m; return nil })
	return h
}

func listen(t testing.TB, h host.Host, port uint16) host.PacketConn {
	t.Helper()
	c, err := h.ListenPacket(netip.AddrPortFrom(h.Addr(), port))
	if err != nil {
		t.Fatal(err)
	}
	return c
}

func receive(t testing.TB, h host.Host, c host.PacketConn) (string, netip.AddrPort) {
	t.Helper()
	b := make([]byte, 2000)
	n, from, err := c.ReadFrom(b, h.Now().Add(10*time.Second))
	if err != nil {
		t.Fatal(err)
	}
	return string(b[:n]), from
}

func TestCloseNamesTasksThatDoNotEnd(t *testing.T) {
	w := live.New(live.Config{})
	release := make(chan struct{})
	add(t, w, "a", addrA, func(h host.Host) error {
		h.Go("deaf", func() { <-release })
		h.Go("obedient", func() { _ = h.Sleep(time.Hour) })
		return nil
	})
	begun := time.Now()
	err := w.Close()
	if err == nil || !strings.Contains(err.Error(), "a/deaf") || strings.Contains(err.Error(), "obedient") {
		t.Errorf("Close = %v, want the name of the task that still runs", err)
	}
	if d := time.Since(begun); d < 4*time.Second || d > 20*time.Second {
		t.Errorf("Close took %v, want about 5 s", d)
	}
	close(release)
}

func TestCloseIsQuickAndFinal(t *testing.T) {
	w := live.New(live.Config{})
	var h host.Host
	add(t, w, "a", addrA, func(m host.Host) error {
		h = m
		h.Go("sleeper", func() { _ = h.Sleep(time.Hour) })
		return nil
	})
	begun := time.Now()
	if err := errors.Join(w.Close(), w.Close()); err != nil {
		t.Error(err)
	}
	if d := time.Since(begun); d > 4*time.Second {
		t.Errorf("Close took %v", d)
	}
	if err := h.Sleep(0); err != host.ErrDown {
		t.Errorf("Sleep after Close = %v", err)
	}
	if err := w.AddHost("b", addrB, func(host.Host) error { return nil }); err != host.ErrDown {
		t.Errorf("AddHost after Close = %v", err)
	}
	if err := w.Restart("a"); err != host.ErrDown {
		t.Errorf("Restart after Close = %v", err)
	}
}

func TestAFaultIsReportedByEveryone(t *testing.T) {
	w := live.New(live.Config{})
	add(t, w, "a", addrA, func(h host.Host) error {
		h.Go("bad", func() { panic("oops") })
		return nil
	})
	<-w.Failed()
	errs := []error{w.Err(), w.Run("main", func(h host.Host) error { return h.Sleep(time.Hour) }),
		w.RunUntil(func() bool { return true }, 0), w.Close()}
	for i, err := range errs {
		if err == nil || !strings.Contains(err.Error(), "task a/bad panicked: oops") {
			t.Errorf("%d: %v", i, err)
		}
	}
}

func TestABootThatFailsToBindSaysWhatToDo(t *testing.T) {
	taken, err := net.ListenUDP("udp", &net.UDPAddr{IP: net.IPv4(127, 0, 0, 1)})
	if err != nil {
		t.Fatal(err)
	}
	defer taken.Close()
	inUse := taken.LocalAddr().(*net.UDPAddr).AddrPort()
	logical := netip.AddrPortFrom(addrA, 1812)
	for _, tt := range []struct {
		real netip.AddrPort
		want []string
	}{
		{inUse, []string{"listen udp " + inUse.String() + " (logical address 10.0.0.1:1812): address already in use", "choose another port"}},
		{netip.MustParseAddrPort("192.0.2.1:1812"), []string{"192.0.2.1:1812", "cannot assign requested address", "this computer has no such address"}},
	} {
		w := newWorld(t, live.Config{Bind: map[netip.AddrPort]netip.AddrPort{logical: tt.real}})
		err := w.AddHost("nac", addrA, func(h host.Host) error {
			_, err := h.ListenPacket(logical)
			return err
		})
		if err == nil {
			t.Fatalf("%v can be bound", tt.real)
		}
		for _, part := range tt.want {
			if !strings.Contains(err.Error(), part) || strings.Contains(err.Error(), "\n") {
				t.Errorf("error %q, want one line with %q", err, part)
			}
		}
	}
}

func TestBindAndExternalPeers(t *testing.T) {
	logical := netip.AddrPortFrom(addrA, 1812)
	w := newWorld(t, live.Config{
		AllowExternal: true,
		Bind:          map[netip.AddrPort]netip.AddrPort{logical: netip.MustParseAddrPort("0.0.0.0:0")},
	})
	h := machine(t, w, "nac", addrA)
	server := listen(t, h, 1812)
	real, ok := w.UDPAddr(logical)
	if !ok || real.Addr() != netip.MustParseAddr("127.0.0.1") || server.LocalAddr() != logical {
		t.Fatalf("UDPAddr = %v, %v; LocalAddr = %v", real, ok, server.LocalAddr())
	}
	outside, err := net.ListenUDP("udp", &net.UDPAddr{IP: net.IPv4(127, 0, 0, 1)})
	if err != nil {
		t.Fatal(err)
	}
	defer outside.Close()
	outsideAt := outside.LocalAddr().(*net.UDPAddr).AddrPort()

	// A peer outside is known by its real address.
	if _, err := outside.WriteToUDPAddrPort([]byte("request"), real); err != nil {
		t.Fatal(err)
	}
	text, from := receive(t, h, server)
	if text != "request" || from != outsideAt {
		t.Fatalf("received %q from %v, want it from %v", text, from, outsideAt)
	}
	// The answer comes from the address the request went to; so does what an ephemeral socket sends.
	b := make([]byte, 100)
	for _, c := range []host.PacketConn{server, listen(t, h, 0)} {
		if err := c.WriteTo([]byte("reply"), from); err != nil {
			t.Fatal(err)
		}
		_ = outside.SetReadDeadline(time.Now().Add(10 * time.Second))
		n, back, err := outside.ReadFromUDPAddrPort(b)
		if err != nil || string(b[:n]) != "reply" || (c == server && back != real) {
			t.Fatalf("the peer received %q from %v, %v", b[:n], back, err)
		}
	}
	// Machines of the world keep their logical addresses.
	peer := machine(t, w, "ap-1", addrB)
	c := listen(t, peer, 0)
	if err := c.WriteTo([]byte("inside"), logical); err != nil {
		t.Fatal(err)
	}
	if text, from := receive(t, h, server); text != "inside" || from != c.LocalAddr() {
		t.Errorf("received %q from %v, want it from %v", text, from, c.LocalAddr())
	}
}

func TestRemoteGivesAProgramOutsideALogicalAddress(t *testing.T) {
	outside, err := net.ListenUDP("udp", &net.UDPAddr{IP: net.IPv4(127, 0, 0, 1)})
	if err != nil {
		t.Fatal(err)
	}
	defer outside.Close()
	logical := netip.AddrPortFrom(addrA, 1812)
	w := newWorld(t, live.Config{Remote: map[netip.AddrPort]netip.AddrPort{
		logical: outside.LocalAddr().(*net.UDPAddr).AddrPort(),
	}})
	h := machine(t, w, "ap-1", addrB)
	c := listen(t, h, 0)
	if err := c.WriteTo([]byte("to FreeRADIUS"), logical); err != nil {
		t.Fatal(err)
	}
	b := make([]byte, 100)
	_ = outside.SetReadDeadline(time.Now().Add(10 * time.Second))
	n, from, err := outside.ReadFromUDPAddrPort(b)
	if err != nil || string(b[:n]) != "to FreeRADIUS" {
		t.Fatalf("received %q, %v", b[:n], err)
	}
	if _, err := outside.WriteToUDPAddrPort([]byte("from FreeRADIUS"), from); err != nil {
		t.Fatal(err)
	}
	if text, from := receive(t, h, c); text != "from FreeRADIUS" || from != logical {
		t.Errorf("received %q from %v, want it from %v", text, from, logical)
	}
}

// records collects the trace of a world.
type records struct {
	mu   sync.Mutex
	list []trace.Record
}

func record(r *trace.Recorder) *records {
	rs := &records{}
	r.Subscribe(func(rec trace.Record) {
		rs.mu.Lock()
		defer rs.mu.Unlock()
		rs.list = append(rs.list, rec)
	})
	return rs
}

func (rs *records) of(kind string) (found []trace.Record) {
	rs.mu.Lock()
	defer rs.mu.Unlock()
	for _, r := range rs.list {
		if r.Kind == kind {
			found = append(found, r)
		}
	}
	return found
}

func TestStrangersAreDropped(t *testing.T) {
	rec := trace.NewRecorder(time.Now())
	rs := record(rec)
	w := newWorld(t, live.Config{Recorder: rec})
	h := machine(t, w, "nac", addrA)
	c := listen(t, h, 1812)
	l, err := h.Listen(netip.AddrPortFrom(addrA, 2083))
	if err != nil {
		t.Fatal(err)
	}
	go l.Accept() // ends with the world
	udp, _ := w.UDPAddr(netip.AddrPortFrom(addrA, 1812))
	tcp, _ := w.TCPAddr(netip.AddrPortFrom(addrA, 2083))

	stranger, err := net.Dial("udp", udp.String())
	if err != nil {
		t.Fatal(err)
	}
	defer stranger.Close()
	if _, err := stranger.Write([]byte("let me in")); err != nil {
		t.Fatal(err)
	}
	if _, _, err := c.ReadFrom(make([]byte, 99), h.Now().Add(200*time.Millisecond)); err != host.ErrTimeout {
		t.Errorf("ReadFrom = %v", err)
	}
	if len(rs.of("drop")) == 0 {
		t.Fatal("the drop is not traced")
	}
	if d := rs.of("drop")[0]; d.Field("from") != stranger.LocalAddr().String() || d.Field("reason") == "" || d.Actor != "nac" {
		t.Errorf("traced %+v", d)
	}
	conn, err := net.Dial("tcp", tcp.String())
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	_ = conn.SetReadDeadline(time.Now().Add(10 * time.Second))
	if _, err := conn.Read(make([]byte, 1)); err == nil || errors.Is(err, host.ErrTimeout) {
		t.Errorf("a stranger's connection: Read = %v, want it closed", err)
	}
	// Nor does a machine reach outside.
	if err := c.WriteTo([]byte("hello?"), stranger.LocalAddr().(*net.UDPAddr).AddrPort()); err != nil {
		t.Error(err)
	}
	_ = stranger.SetReadDeadline(time.Now().Add(20 * time.Millisecond))
	if n, err := stranger.Read(make([]byte, 99)); err == nil {
		t.Errorf("a stranger received %d octets", n)
	}
}

func TestTheTraceHasWhatHappened(t *testing.T) {
	rec := trace.NewRecorder(time.Now())
	rs := record(rec)
	w := newWorld(t, live.Config{Recorder: rec})
	w.Name("graph.microsoft.com", addrB)
	a := machine(t, w, "nac", addrA)
	add(t, w, "graph", addrB, func(h host.Host) error {
		_, err := h.ServeHTTP(netip.AddrPortFrom(addrB, 80), http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			w.WriteHeader(http.StatusAccepted)
		}), nil)
		return err
	})
	a.Trace("decision", slog.String("client", "00:1c:b3:09:85:15"))
	c := listen(t, a, 1812)
	if err := c.WriteTo([]byte{1, 2, 3}, netip.AddrPortFrom(addrB, 3799)); err != nil {
		t.Fatal(err)
	}
	p, err := a.Attach(host.Medium{Kind: host.Cable, Name: "sw-1/3"}, net.HardwareAddr{0, 0x1c, 0xb3, 9, 0x85, 0x15})
	if err != nil {
		t.Fatal(err)
	}
	if err := p.WriteFrame(bytes.Repeat([]byte{0xff}, 60)); err != nil {
		t.Fatal(err)
	}
	req, _ := http.NewRequest("GET", "http://graph.microsoft.com/v1.0/x?a=b", nil)
	resp, err := a.RoundTrip(req, host.HTTPOptions{})
	if err != nil {
		t.Fatal(err)
	}
	resp.Body.Close()
	if err := errors.Join(w.Crash("graph"), w.Restart("graph")); err != nil {
		t.Fatal(err)
	}

	if got := rs.of("decision"); len(got) != 1 || got[0].Actor != "nac" || got[0].Field("client") != "00:1c:b3:09:85:15" {
		t.Errorf("decision: %+v", got)
	}
	if got := rs.of("packet"); len(got) != 2 || got[0].Field("link") != "wire:graph/nac" ||
		got[0].Field("from") != "nac" || got[0].Field("to") != "graph" ||
		got[0].Field("src") != "10.0.0.1:1812" || got[0].Field("dst") != "10.0.0.2:3799" || got[1].Field("link") != "cable:sw-1/3" {
		t.Errorf("packet: %+v", got)
	}
	if got := rs.of("http"); len(got) != 1 || got[0].Field("method") != "GET" || got[0].Field("status") != "202" ||
		got[0].Field("url") != "http://graph.microsoft.com/v1.0/x?a=b" || got[0].Field("took") == "" {
		t.Errorf("http: %+v", got)
	}
	for _, kind := range []string{"crash", "restart"} {
		if got := rs.of(kind); len(got) != 1 || got[0].Actor != "graph" {
			t.Errorf("%s: %+v", kind, got)
		}
	}
}

func TestTheNetworkDecides(t *testing.T) {
	model := network.New(1, network.Conditions{Delay: 20 * time.Millisecond}, nil)
	rec := trace.NewRecorder(time.Now())
	rs := record(rec)
	w := newWorld(t, live.Config{Network: model, Recorder: rec})
	a, b := machine(t, w, "a", addrA), machine(t, w, "b", addrB)
	ca, cb := listen(t, a, 0), listen(t, b, 0)
	send := func(text string) {
		t.Helper()
		if err := ca.WriteTo([]byte(text), cb.LocalAddr()); err != nil {
			t.Fatal(err)
		}
	}
	// A delay, in which the order is kept and the buffer is not.
	begun := time.Now()
	buf := []byte("0")
	for i := range byte(20) {
		buf[0] = 'a' + i
		if err := ca.WriteTo(buf, cb.LocalAddr()); err != nil {
			t.Fatal(err)
		}
	}
	for i := range byte(20) {
		if text, _ := receive(t, b, cb); text != string(rune('a'+i)) {
			t.Fatalf("datagram %d is %q", i, text)
		}
	}
	if d := time.Since(begun); d < 20*time.Millisecond {
		t.Errorf("a delay of 20 ms took %v", d)
	}
	// A partition, one way.
	model.Set("a", "b", func(c *network.Conditions) { c.Down = true })
	send("lost")
	model.Set("a", "b", func(c *network.Conditions) { c.Down = false })
	// Duplication.
	model.Set("a", "b", func(c *network.Conditions) { c.Duplicate = 1_000_000 })
	send("twice")
	for range 2 {
		if text, _ := receive(t, b, cb); text != "twice" {
			t.Fatalf("received %q", text)
		}
	}
	packets := rs.of("packet")
	if len(packets) != 22 || packets[20].Field("fate") != "lost" || packets[21].Field("fate") != "duplicated" {
		t.Errorf("%d packets, the last are %+v", len(packets), packets[max(0, len(packets)-2):])
	}
	// What is under way arrives although its sender is gone, and is forgotten when the world is.
	model.Set("a", "b", func(c *network.Conditions) { c.Duplicate = 0 })
	send("farewell")
	ca.Close()
	if text, _ := receive(t, b, cb); text != "farewell" {
		t.Errorf("received %q", text)
	}
	model.Set("b", "a", func(c *network.Conditions) { c.Delay = time.Hour })
	if err := cb.WriteTo([]byte("never"), netip.AddrPortFrom(addrA, 1)); err != nil {
		t.Fatal(err)
	}
	_ = listen(t, a, 1)
	if err := cb.WriteTo([]byte("never"), netip.AddrPortFrom(addrA, 1)); err != nil {
		t.Fatal(err)
	}
}

func TestCarrierIsLostAfterTheFramesUnderWay(t *testing.T) {
	model := network.New(1, network.Conditions{Delay: 20 * time.Millisecond}, nil)
	w := newWorld(t, live.Config{Network: model})
	h := machine(t, w, "a", addrA)
	cable := host.Medium{Kind: host.Cable, Name: "c"}
	a, err := h.Attach(cable, net.HardwareAddr{0, 0, 0, 0, 0, 1})
	if err != nil {
		t.Fatal(err)
	}
	b, err := h.Attach(cable, net.HardwareAddr{0, 0, 0, 0, 0, 2})
	if err != nil {
		t.Fatal(err)
	}
	frame := make([]byte, 60)
	copy(frame, []byte{0, 0, 0, 0, 0, 1})
	if err := errors.Join(b.WriteFrame(frame), b.Close()); err != nil {
		t.Fatal(err)
	}
	if got, err := a.ReadFrame(h.Now().Add(10 * time.Second)); err != nil || !bytes.Equal(got, frame) {
		t.Fatalf("ReadFrame = %x, %v", got, err)
	}
	if _, err := a.ReadFrame(h.Now().Add(10 * time.Second)); err != host.ErrNoCarrier {
		t.Errorf("ReadFrame = %v, want ErrNoCarrier", err)
	}
}

func TestAStreamWaitsForAPartitionToEnd(t *testing.T) {
	model := network.New(1, network.Conditions{}, nil)
	w := newWorld(t, live.Config{Network: model})
	a, b := machine(t, w, "a", addrA), machine(t, w, "b", addrB)
	l, err := b.Listen(netip.AddrPortFrom(addrB, 80))
	if err != nil {
		t.Fatal(err)
	}
	down := func(down bool) {
		model.Set("a", "b", func(c *network.Conditions) { c.Down = down })
	}
	down(true)
	begun := time.Now()
	if _, err := a.Dial("10.0.0.2:80", 30*time.Millisecond); !errors.Is(err, host.ErrTimeout) {
		t.Fatalf("Dial over a partition = %v", err)
	}
	if d := time.Since(begun); d > 5*time.Second {
		t.Fatalf("Dial took %v", d)
	}
	time.AfterFunc(20*time.Millisecond, func() { down(false) })
	c, err := a.Dial("10.0.0.2:80", 10*time.Second)
	if err != nil {
		t.Fatal(err)
	}
	peer, err := l.Accept()
	if err != nil {
		t.Fatal(err)
	}
	down(true)
	_ = c.SetWriteDeadline(time.Now().Add(20 * time.Millisecond))
	if _, err := c.Write([]byte("x")); !errors.Is(err, host.ErrTimeout) {
		t.Fatalf("Write over a partition = %v", err)
	}
	_ = c.SetWriteDeadline(time.Time{})
	time.AfterFunc(20*time.Millisecond, func() { down(false) })
	if _, err := c.Write([]byte("through")); err != nil {
		t.Fatal(err)
	}
	got := make([]byte, 7)
	if _, err := io.ReadFull(peer, got); err != nil || string(got) != "through" {
		t.Fatalf("Read = %q, %v", got, err)
	}
	// Close and a crash end the wait.
	down(true)
	time.AfterFunc(20*time.Millisecond, func() { c.Close() })
	if _, err := c.Write([]byte("x")); err != host.ErrDown {
		t.Errorf("Write on a connection closed meanwhile = %v", err)
	}
}
