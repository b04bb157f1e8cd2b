package fakeap_test

import (
	"bytes"
	"crypto/sha256"
	"crypto/tls"
	"errors"
	"fmt"
	"io"
	"iter"
	"log/slog"
	"math/rand/v2"
	"net"
	"net/http"
	"net/netip"
	"slices"
	"sort"
	"strings"
	"testing"
	"time"

	"nacsim/internal/host"
)

// world is a small virtual world for the tests of this package: tasks are coroutines, events are ordered by time,
// frames and datagrams take a millisecond. It has what the edge uses of host.Host and no more.
type world struct {
	t      testing.TB
	now    time.Time
	seq    int
	events []event
	udp    map[netip.AddrPort]*socket
	links  map[host.Medium][]*linkPort
	lines  []line
	// filter decides how often a frame or datagram arrives; nil means once.
	filter func(p packet) int
	seen   []packet
}

type event struct {
	at  time.Time
	seq int
	run func()
}

// packet is a frame or a datagram on its way.
type packet struct {
	radio, cable bool
	to           netip.AddrPort
	data         []byte
}

// line is one line of the trace.
type line struct {
	at   time.Time
	host string
	kind string
	text string
}

func newWorld(t testing.TB) *world {
	w := &world{
		t: t, now: time.Date(2026, 1, 5, 8, 0, 0, 0, time.UTC),
		udp: map[netip.AddrPort]*socket{}, links: map[host.Medium][]*linkPort{},
	}
	t.Cleanup(func() {
		if t.Failed() {
			for _, l := range w.lines {
				t.Logf("%12v %-8s %-10s %s", l.at.Sub(time.Date(2026, 1, 5, 8, 0, 0, 0, time.UTC)), l.host, l.kind, l.text)
			}
		}
	})
	return w
}

func (w *world) after(d time.Duration, f func()) *event {
	w.seq++
	e := event{at: w.now.Add(max(d, 0)), seq: w.seq, run: f}
	i := sort.Search(len(w.events), func(i int) bool { return w.events[i].at.After(e.at) })
	w.events = slices.Insert(w.events, i, e)
	return &e
}

// run lets the world go on for d.
func (w *world) run(d time.Duration) {
	end := w.now.Add(d)
	for len(w.events) > 0 && !w.events[0].at.After(end) {
		e := w.events[0]
		w.events = w.events[1:]
		w.now = e.at
		e.run()
	}
	w.now = end
}

func (w *world) deliver(p packet, f func()) {
	w.seen = append(w.seen, packet{p.radio, p.cable, p.to, bytes.Clone(p.data)})
	n := 1
	if w.filter != nil {
		n = w.filter(p)
	}
	for range n {
		w.after(time.Millisecond, f)
	}
}

// count is the number of lines of a kind that contain all of the texts.
func (w *world) count(kind string, texts ...string) int {
	n := 0
	for _, l := range w.lines {
		if l.kind == kind && !slices.ContainsFunc(texts, func(s string) bool { return !strings.Contains(l.text, s) }) {
			n++
		}
	}
	return n
}

// must fails the test unless there are exactly n lines of a kind that contain all of the texts.
func (w *world) must(n int, kind string, texts ...string) {
	w.t.Helper()
	if got := w.count(kind, texts...); got != n {
		w.t.Errorf("%d lines %s %q in the trace, want %d", got, kind, texts, n)
	}
}

// task is a coroutine.
type task struct {
	resume func() (struct{}, bool)
	stop   func()
	park   func(struct{}) bool
	parked int // counts the times it was parked, so that stale wake-ups are known
	m      *machine
}

// machine implements host.Host.
type machine struct {
	w       *world
	name    string
	addr    netip.Addr
	down    bool
	tasks   []*task
	current *task
	ports   []*linkPort
	sockets []*socket
	streams map[string]*rand.ChaCha8
	next    uint16
}

var _ host.Host = (*machine)(nil)

func (w *world) machine(name, addr string) *machine {
	m := &machine{w: w, name: name, streams: map[string]*rand.ChaCha8{}, next: 50000}
	if addr != "" {
		m.addr = netip.MustParseAddr(addr)
	}
	return m
}

// crash stops a machine for good.
func (m *machine) crash() {
	m.down = true
	for _, p := range slices.Clone(m.ports) {
		p.Close()
	}
	for _, s := range slices.Clone(m.sockets) {
		s.Close()
	}
	for _, t := range m.tasks {
		t.stop()
	}
}

func (m *machine) Name() string     { return m.name }
func (m *machine) Addr() netip.Addr { return m.addr }
func (m *machine) Now() time.Time   { return m.w.now }
func (m *machine) Parallelism() int { return 1 }

func (m *machine) Go(_ string, f func()) {
	t := &task{m: m}
	t.resume, t.stop = iter.Pull(func(yield func(struct{}) bool) {
		t.park = yield
		f()
	})
	m.tasks = append(m.tasks, t)
	m.w.after(0, func() { t.wake(t.parked) })
}

func (t *task) wake(parked int) {
	if t.m.down || t.parked != parked {
		return
	}
	before := t.m.current
	t.m.current = t
	t.parked++
	if _, alive := t.resume(); !alive {
		t.m.tasks = slices.DeleteFunc(t.m.tasks, func(o *task) bool { return o == t })
	}
	t.m.current = before
}

// wait parks the current task until the waker it registers is called, or the deadline.
func (m *machine) wait(register func(wake func()), deadline time.Time) error {
	t := m.current
	if t == nil {
		panic("a blocking method is called outside a task")
	}
	generation := t.parked
	timeout := false
	register(func() { m.w.after(0, func() { t.wake(generation) }) })
	if !deadline.IsZero() {
		m.w.after(deadline.Sub(m.w.now), func() {
			if t.parked == generation {
				timeout = true
				t.wake(generation)
			}
		})
	}
	if !t.park(struct{}{}) || m.down {
		return host.ErrDown
	}
	if timeout {
		return host.ErrTimeout
	}
	return nil
}

func (m *machine) Sleep(d time.Duration) error {
	if err := m.wait(func(func()) {}, m.w.now.Add(d)); !errors.Is(err, host.ErrTimeout) {
		return err
	}
	return nil
}

type timer struct{ stopped, fired bool }

func (t *timer) Stop() bool {
	if t.stopped || t.fired {
		return false
	}
	t.stopped = true
	return true
}

func (m *machine) AfterFunc(d time.Duration, f func()) host.Timer {
	t := &timer{}
	m.w.after(d, func() {
		if !t.stopped && !m.down {
			t.fired = true
			m.Go("timer", f)
		}
	})
	return t
}

func (m *machine) Rand(stream string) io.Reader {
	r := m.streams[stream]
	if r == nil {
		r = rand.NewChaCha8(sha256.Sum256([]byte(m.name + "/" + stream)))
		m.streams[stream] = r
	}
	return r
}

func (m *machine) TLS(_ string, c *tls.Config) *tls.Config {
	c = c.Clone()
	c.Time = m.Now
	return c
}

func (m *machine) Trace(kind string, fields ...slog.Attr) {
	var b strings.Builder
	for _, f := range fields {
		fmt.Fprintf(&b, "%s=%v ", f.Key, f.Value)
	}
	m.w.lines = append(m.w.lines, line{m.w.now, m.name, kind, b.String()})
}

var errNotHere = errors.New("the test world has none of this")

func (m *machine) NewSignal() host.Signal                       { panic(errNotHere) }
func (m *machine) Listen(netip.AddrPort) (net.Listener, error)  { return nil, errNotHere }
func (m *machine) Dial(string, time.Duration) (net.Conn, error) { return nil, errNotHere }
func (m *machine) Store(string) (host.Store, error)             { return nil, errNotHere }
func (m *machine) RoundTrip(*http.Request, host.HTTPOptions) (*http.Response, error) {
	return nil, errNotHere
}
func (m *machine) ServeHTTP(netip.AddrPort, http.Handler, *tls.Config) (host.HTTPServer, error) {
	return nil, errNotHere
}

// inbox is where frames and datagrams wait.
type inbox[T any] struct {
	m      *machine
	items  []T
	wake   func()
	closed bool
}

func (q *inbox[T]) put(v T) {
	if q.closed {
		return
	}
	q.items = append(q.items, v)
	q.signal()
}

func (q *inbox[T]) signal() {
	if q.wake != nil {
		q.wake()
		q.wake = nil
	}
}

func (q *inbox[T]) get(deadline time.Time) (v T, err error) {
	for {
		if q.closed || q.m.down {
			return v, host.ErrDown
		}
		if len(q.items) > 0 {
			v, q.items = q.items[0], q.items[1:]
			return v, nil
		}
		if err := q.m.wait(func(wake func()) { q.wake = wake }, deadline); err != nil {
			return v, err
		}
	}
}

type datagram struct {
	from netip.AddrPort
	data []byte
}

type socket struct {
	inbox[datagram]
	at netip.AddrPort
}

func (m *machine) ListenPacket(at netip.AddrPort) (host.PacketConn, error) {
	if at.Port() == 0 {
		m.next++
		at = netip.AddrPortFrom(m.addr, m.next)
	}
	if m.w.udp[at] != nil {
		return nil, fmt.Errorf("%v is in use", at)
	}
	s := &socket{inbox: inbox[datagram]{m: m}, at: at}
	m.w.udp[at] = s
	m.sockets = append(m.sockets, s)
	return s, nil
}

func (s *socket) LocalAddr() netip.AddrPort { return s.at }

func (s *socket) ReadFrom(b []byte, deadline time.Time) (int, netip.AddrPort, error) {
	d, err := s.get(deadline)
	return copy(b, d.data), d.from, err
}

func (s *socket) WriteTo(b []byte, to netip.AddrPort) error {
	if s.closed {
		return host.ErrDown
	}
	d := datagram{s.at, bytes.Clone(b)}
	s.m.w.deliver(packet{to: to, data: d.data}, func() {
		if r := s.m.w.udp[to]; r != nil {
			r.put(d)
		}
	})
	return nil
}

func (s *socket) Close() error {
	s.closed = true
	delete(s.m.w.udp, s.at)
	s.signal()
	return nil
}

type linkPort struct {
	inbox[[]byte]
	medium    host.Medium
	mac       net.HardwareAddr
	noCarrier bool
}

func (m *machine) Attach(medium host.Medium, mac net.HardwareAddr) (host.Port, error) {
	p := &linkPort{inbox: inbox[[]byte]{m: m}, medium: medium, mac: mac}
	m.w.links[medium] = append(m.w.links[medium], p)
	m.ports = append(m.ports, p)
	return p, nil
}

func (p *linkPort) ReadFrame(deadline time.Time) ([]byte, error) {
	f, err := p.get(deadline)
	if err == nil && f == nil {
		return nil, host.ErrNoCarrier
	}
	return f, err
}

func (p *linkPort) WriteFrame(b []byte) error {
	if p.closed {
		return host.ErrDown
	}
	at := 0
	if p.medium.Kind == host.Radio {
		at = 4
	}
	to, frame := net.HardwareAddr(b[at:at+6]), bytes.Clone(b)
	for _, q := range p.m.w.links[p.medium] {
		if q != p && (to[0]&1 == 1 || bytes.Equal(q.mac, to)) {
			p.m.w.deliver(packet{radio: at == 4, cable: at == 0, data: frame}, func() { q.put(bytes.Clone(frame)) })
		}
	}
	return nil
}

func (p *linkPort) Close() error {
	if p.closed {
		return nil
	}
	p.closed = true
	p.signal()
	peers := slices.DeleteFunc(p.m.w.links[p.medium], func(q *linkPort) bool { return q == p })
	p.m.w.links[p.medium] = peers
	if p.medium.Kind == host.Cable {
		for _, q := range peers {
			q.put(nil)
		}
	}
	return nil
}
