package coa

import (
	"errors"
	"io"
	"log/slog"
	"net/netip"
	"reflect"
	"strings"
	"testing"
	"time"

	"nacsim/internal/host"
	"nacsim/internal/radius"
	"nacsim/nac/event"
	"nacsim/nac/policy"

	lr "layeh.com/radius"
)

// machine is a host with sockets to one NAS. The NAS answers at once or not at all, so that time passes only
// while the sender waits in vain.
type machine struct {
	host.Host
	now   time.Time
	lines []string
	// answer returns the datagrams that come back for one that was sent.
	answer  func(b []byte) []datagram
	sent    [][]byte
	sentAt  []time.Duration
	open    int
	down    bool
	noPorts bool
}

type datagram struct {
	from netip.AddrPort
	b    []byte
}

func (m *machine) Now() time.Time        { return m.now }
func (m *machine) Addr() netip.Addr      { return netip.MustParseAddr("10.0.0.1") }
func (m *machine) Rand(string) io.Reader { return strings.NewReader("\xfe") }
func (m *machine) Tracing(string) bool   { return true }

func (m *machine) Trace(kind string, fields ...slog.Attr) {
	for _, f := range fields {
		kind += " " + f.String()
	}
	m.lines = append(m.lines, kind)
}

func (m *machine) ListenPacket(at netip.AddrPort) (host.PacketConn, error) {
	switch {
	case m.down:
		return nil, host.ErrDown
	case m.noPorts:
		return nil, errors.New("no ports left")
	}
	m.open++
	return &conn{m: m}, nil
}

type conn struct {
	m     *machine
	queue []datagram
}

func (c *conn) ReadFrom(b []byte, deadline time.Time) (int, netip.AddrPort, error) {
	if c.m.down {
		return 0, netip.AddrPort{}, host.ErrDown
	}
	if len(c.queue) == 0 {
		c.m.now = deadline
		return 0, netip.AddrPort{}, host.ErrTimeout
	}
	d := c.queue[0]
	c.queue = c.queue[1:]
	return copy(b, d.b), d.from, nil
}

func (c *conn) WriteTo(b []byte, to netip.AddrPort) error {
	c.m.sent = append(c.m.sent, append([]byte{}, b...))
	c.m.sentAt = append(c.m.sentAt, c.m.now.Sub(epoch))
	if to == nas {
		c.queue = append(c.queue, c.m.answer(b)...)
	}
	return nil
}

func (c *conn) LocalAddr() netip.AddrPort { return netip.AddrPort{} }

func (c *conn) Close() error {
	c.m.open--
	return nil
}

// says makes a NAS that answers a request with a code and an Error-Cause.
func says(t *testing.T, code lr.Code, cause radius.ErrorCause) func(b []byte) []datagram {
	return func(b []byte) []datagram {
		request, err := radius.ParseRequest(b, secret, true)
		if err != nil {
			t.Errorf("the request does not verify: %v", err)
			return nil
		}
		p := radius.NewReply(request, code)
		if cause != 0 {
			radius.SetErrorCause(p, cause)
		}
		answer, err := radius.EncodeReply(p)
		if err != nil {
			t.Fatal(err)
		}
		return []datagram{{nas, answer}}
	}
}

func silent([]byte) []datagram { return nil }

// each uses one answer for each datagram that arrives, and the last one from then on.
func each(answers ...func(b []byte) []datagram) func(b []byte) []datagram {
	return func(b []byte) []datagram {
		f := answers[0]
		if len(answers) > 1 {
			answers = answers[1:]
		}
		return f(b)
	}
}

func order() Order {
	return Order{Session: *laptop(), Kind: Reauth, Cause: "device record changed", Wanted: policy.Authorization{VLAN: "750"}, Attempt: 1}
}

// send carries out an order on a machine with the given NAS.
func send(t *testing.T, m *machine, c Config, o Order) Result {
	t.Helper()
	m.now = epoch
	if c.Secret == nil {
		c.Secret = func(a netip.Addr) ([]byte, bool) { return secret, a == nas.Addr() }
	}
	c.Events = event.NewLog(m)
	r, err := NewSender(m, c).Send(o)
	if err != nil {
		t.Fatal(err)
	}
	if m.open != 0 {
		t.Errorf("%d sockets are left open", m.open)
	}
	return r
}

// coaLines are the `coa` lines of the trace from the request on, without what is the same in all.
func coaLines(m *machine) []string {
	var out []string
	for _, l := range m.lines {
		if rest, ok := strings.CutPrefix(l, "coa client=00:1c:b3:09:85:15 session=0123456789ABCDEF nas=ap-1 "); ok {
			out = append(out, strings.TrimSuffix(rest, " cause=device record changed wanted_vlan=750 have_vlan=1"))
		}
	}
	return out
}

func TestSend(t *testing.T) {
	stranger := func(b []byte) []datagram {
		return append([]datagram{{netip.MustParseAddrPort("10.9.9.9:3799"), b}, {nas, []byte("noise")}}, says(t, lr.CodeCoAACK, 0)(b)...)
	}
	cases := []struct {
		name   string
		config Config
		change func(o *Order)
		answer func(b []byte) []datagram
		want   Result
		lines  []string
		events string
	}{
		{"acknowledged", Config{}, nil, says(t, lr.CodeCoAACK, 0), Result{Outcome: Acked, Kind: Reauth, Transmissions: 1},
			[]string{"request=CoA-Request result=sent attempt=1", "request=CoA-Request result=ack attempt=1 transmissions=1"}, "NAC_CLIENT_COA_REAUTH"},
		{"lost twice", Config{}, nil, each(silent, silent, says(t, lr.CodeCoAACK, 0)), Result{Outcome: Acked, Kind: Reauth, Transmissions: 3},
			[]string{"request=CoA-Request result=sent attempt=1", "request=CoA-Request result=ack attempt=1 transmissions=3"}, "NAC_CLIENT_COA_REAUTH"},
		{"no answer", Config{}, nil, silent, Result{Outcome: TimedOut, Kind: Reauth, Transmissions: 3},
			[]string{"request=CoA-Request result=sent attempt=1", "request=CoA-Request result=timeout attempt=1 transmissions=3"}, "NAC_CLIENT_COA_REAUTH"},
		{"refused", Config{}, nil, says(t, lr.CodeCoANAK, 506), Result{Outcome: Nacked, Kind: Reauth, ErrorCause: 506, Transmissions: 1},
			[]string{"request=CoA-Request result=sent attempt=1", "request=CoA-Request result=nak attempt=1 transmissions=1 error_cause=Resources-Unavailable (506)"}, "NAC_CLIENT_COA_REAUTH"},
		{"no such session", Config{}, nil, says(t, lr.CodeCoANAK, 503), Result{Outcome: Nacked, Kind: Reauth, ErrorCause: 503, Transmissions: 1},
			[]string{"request=CoA-Request result=sent attempt=1", "request=CoA-Request result=nak attempt=1 transmissions=1 error_cause=Session-Context-Not-Found (503)"}, "NAC_CLIENT_COA_REAUTH"},
		{"not understood, then disconnected", Config{}, nil, each(says(t, lr.CodeCoANAK, 405), says(t, lr.CodeDisconnectACK, 0)), Result{Outcome: Acked, Kind: Disconnect, Transmissions: 1},
			[]string{"request=CoA-Request result=sent attempt=1", "request=CoA-Request result=nak attempt=1 transmissions=1 error_cause=Unsupported-Service (405)",
				"request=Disconnect-Request result=sent attempt=1", "request=Disconnect-Request result=ack attempt=1 transmissions=1"}, "NAC_CLIENT_COA_REAUTH NAC_CLIENT_COA_DISCONNECT"},
		{"not understood, no fallback", Config{NoFallback: true}, nil, says(t, lr.CodeCoANAK, 402), Result{Outcome: Nacked, Kind: Reauth, ErrorCause: 402, Transmissions: 1},
			[]string{"request=CoA-Request result=sent attempt=1", "request=CoA-Request result=nak attempt=1 transmissions=1 error_cause=Missing-Attribute (402)"}, "NAC_CLIENT_COA_REAUTH"},
		{"disconnect not understood", Config{}, func(o *Order) { o.Kind = Disconnect }, says(t, lr.CodeDisconnectNAK, 405), Result{Outcome: Nacked, Kind: Disconnect, ErrorCause: 405, Transmissions: 1},
			[]string{"request=Disconnect-Request result=sent attempt=1", "request=Disconnect-Request result=nak attempt=1 transmissions=1 error_cause=Unsupported-Service (405)"}, "NAC_CLIENT_COA_DISCONNECT"},
		{"strangers", Config{}, nil, stranger, Result{Outcome: Acked, Kind: Reauth, Transmissions: 1},
			[]string{"request=CoA-Request result=sent attempt=1", "request=CoA-Request result=ack attempt=1 transmissions=1"}, "NAC_CLIENT_COA_REAUTH"},
		{"old firmware", Config{}, func(o *Order) { o.Session.Firmware = "0.12.27139" }, silent, Result{Outcome: Skipped, Kind: Reauth, Reason: "firmware 0.12.27139 is below 0.14"},
			[]string{"request=CoA-Request result=skipped attempt=1 reason=firmware 0.12.27139 is below 0.14"}, ""},
		{"old firmware allowed", Config{MinFirmware: "0.12"}, func(o *Order) { o.Session.Firmware = "0.12.27139" }, says(t, lr.CodeCoAACK, 0), Result{Outcome: Acked, Kind: Reauth, Transmissions: 1},
			[]string{"request=CoA-Request result=sent attempt=1", "request=CoA-Request result=ack attempt=1 transmissions=1"}, "NAC_CLIENT_COA_REAUTH"},
		{"no address", Config{}, func(o *Order) { o.Session.CoA = netip.AddrPort{} }, silent, Result{Outcome: Skipped, Kind: Reauth, Reason: "the NAS has no address for dynamic authorization"},
			[]string{"request=CoA-Request result=skipped attempt=1 reason=the NAS has no address for dynamic authorization"}, ""},
		{"no secret", Config{Secret: func(netip.Addr) ([]byte, bool) { return nil, false }}, nil, silent, Result{Outcome: Skipped, Kind: Reauth, Reason: "no secret is shared with 10.0.1.1"},
			[]string{"request=CoA-Request result=skipped attempt=1 reason=no secret is shared with 10.0.1.1"}, ""},
		{"cannot be written", Config{}, func(o *Order) { o.Session.NASIdentifier = strings.Repeat("x", 254) }, silent, Result{Outcome: TimedOut, Kind: Reauth, Reason: "coa: value too long"}, nil, ""},
	}
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			m := &machine{answer: c.answer}
			o := order()
			if c.change != nil {
				c.change(&o)
			}
			r := send(t, m, c.config, o)
			if c.lines == nil {
				r.Reason, c.want.Reason = "", ""
			}
			if r != c.want {
				t.Errorf("result is %+v, want %+v", r, c.want)
			}
			if got := coaLines(m); c.lines != nil && !reflect.DeepEqual(got, c.lines) {
				t.Errorf("trace is\n%s\nwant\n%s", strings.Join(got, "\n"), strings.Join(c.lines, "\n"))
			}
			var events []string
			for _, l := range m.lines {
				if rest, ok := strings.CutPrefix(l, "event type="); ok {
					events = append(events, strings.Fields(rest)[0])
				}
			}
			if got := strings.Join(events, " "); got != c.events {
				t.Errorf("events are %q, want %q", got, c.events)
			}
		})
	}
}

// TestStrangersAreTracedOnce holds that datagrams that are no answer leave one line, however many there are.
func TestStrangersAreTracedOnce(t *testing.T) {
	flood := func(b []byte) (out []datagram) {
		for range 1000 {
			out = append(out, datagram{netip.MustParseAddrPort("10.9.9.9:3799"), b})
		}
		return append(out, says(t, lr.CodeCoAACK, 0)(b)...)
	}
	m := &machine{answer: flood}
	send(t, m, Config{}, order())
	want := "drop from=10.9.9.9:3799 reason=coa: answer from 10.9.9.9:3799 to a request to 10.0.1.1:3799 count=1000"
	n := 0
	for _, l := range m.lines {
		if strings.HasPrefix(l, "drop ") {
			n++
			if l != want {
				t.Errorf("got %q, want %q", l, want)
			}
		}
	}
	if n != 1 {
		t.Errorf("%d drop lines", n)
	}
}

func TestRetransmissionTimes(t *testing.T) {
	m := &machine{answer: silent}
	send(t, m, Config{Timers: Timers{Initial: time.Second, Tries: 4}}, order())
	if want := []time.Duration{0, time.Second, 3 * time.Second, 7 * time.Second}; !reflect.DeepEqual(m.sentAt, want) {
		t.Errorf("sent at %v, want %v", m.sentAt, want)
	}
	for _, b := range m.sent {
		if !reflect.DeepEqual(b, m.sent[0]) {
			t.Error("a retransmission differs")
		}
	}
}

func TestDown(t *testing.T) {
	m := &machine{down: true}
	s := NewSender(m, Config{Secret: func(netip.Addr) ([]byte, bool) { return secret, true }})
	if _, err := s.Send(order()); !errors.Is(err, host.ErrDown) {
		t.Errorf("error is %v", err)
	}
	m = &machine{}
	m.answer = func([]byte) []datagram { m.down = true; return nil }
	s = NewSender(m, Config{Secret: func(netip.Addr) ([]byte, bool) { return secret, true }})
	if _, err := s.Send(order()); !errors.Is(err, host.ErrDown) || m.open != 0 {
		t.Errorf("error is %v, %d sockets are open", err, m.open)
	}
}

func TestNoPorts(t *testing.T) {
	m := &machine{noPorts: true}
	if r := send(t, m, Config{}, order()); r.Outcome != TimedOut || r.Reason != "no ports left" {
		t.Errorf("result is %+v", r)
	}
}

// TestIdentifiers holds that no identifier is in use twice towards one NAS, from a given start and around.
func TestIdentifiers(t *testing.T) {
	x := identifiers{next: 250}
	other := netip.MustParseAddrPort("10.0.1.2:3799")
	seen := map[byte]bool{}
	for range 256 {
		id, ok := x.take(nas)
		if !ok || seen[id] {
			t.Fatalf("identifier %d, %v", id, ok)
		}
		seen[id] = true
	}
	if _, ok := x.take(nas); ok {
		t.Error("a 257th identifier")
	}
	if _, ok := x.take(other); !ok {
		t.Error("no identifier for another NAS")
	}
	x.put(nas, 17)
	if id, ok := x.take(nas); !ok || id != 17 {
		t.Errorf("got %d, %v; 17 is free", id, ok)
	}
	for id := range 256 {
		x.put(nas, byte(id))
	}
	if len(x.pending) != 1 {
		t.Errorf("%d NASes are remembered", len(x.pending))
	}
}

func BenchmarkTransaction(b *testing.B) {
	s := laptop()
	b.ReportAllocs()
	for b.Loop() {
		x, err := NewTransaction(epoch, s, Reauth, 1, secret, Timers{})
		if err != nil {
			b.Fatal(err)
		}
		p := radius.NewReply(x.packet, lr.CodeCoAACK)
		reply, _ := radius.EncodeReply(p)
		if _, err := x.Receive(nas, reply); err != nil {
			b.Fatal(err)
		}
	}
}
