package fakeap

import (
	"crypto/tls"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"slices"
	"strconv"
	"sync"
	"time"

	lr "layeh.com/radius"

	"nacsim/internal/host"
	"nacsim/internal/radsec"
)

// RadSecConfig is how a NAS reaches its server by RADIUS over TLS (RFC 6614).
type RadSecConfig struct {
	// Server is its "host:port"; the port is 2083 by default.
	Server string
	// TLS has the NAS's certificate (Certificates) and the CAs of the server's (RootCAs). ServerName is the host of
	// Server by default.
	TLS *tls.Config
	// Versions says whether RADIUS/1.1 (RFC 9765) is used; by default it is where the server has it.
	Versions radsec.Versions
	// NoAccounting sends no accounting records.
	NoAccounting bool
	// Watchdog is after how much silence the NAS asks the server for a sign of life; 30 s by default, negative for never.
	Watchdog time.Duration
}

const (
	// A NAS that cannot connect, or is disconnected at once, tries again after 1 s, 2 s … 60 s, each up to half longer.
	reconnectMin = time.Second
	reconnectMax = time.Minute
	connectWait  = 10 * time.Second
)

func (c *RadSecConfig) withDefaults() (*RadSecConfig, error) {
	d := *c
	name, _, err := net.SplitHostPort(d.Server)
	if err != nil {
		name = d.Server
		d.Server = net.JoinHostPort(name, strconv.Itoa(radsec.Port))
	}
	switch {
	case name == "":
		return nil, fmt.Errorf("fakeap: RadSec server %q, want host:port", c.Server)
	case d.TLS == nil || len(d.TLS.Certificates) == 0 && d.TLS.GetClientCertificate == nil:
		return nil, errors.New("fakeap: no client certificate for RadSec")
	}
	if d.TLS.ServerName == "" {
		d.TLS = d.TLS.Clone()
		d.TLS.ServerName = name
	}
	return &d, nil
}

// A tunnel is the RadSec connection of a NAS, for all its requests and those of its server, and one after the other
// when it breaks. It is the line of every conversation.
type tunnel struct {
	h       host.Host
	cfg     *RadSecConfig
	handle  radsec.Handler // requests of the server
	jitter  io.Reader
	dialled int

	mu      sync.Mutex
	conn    *radsec.Conn // nil while there is none
	down    bool
	waiting []host.Signal // for a connection
}

func newTunnel(h host.Host, cfg *RadSecConfig, handle func(conn *radsec.Conn) radsec.Handler) *tunnel {
	t := &tunnel{h: h, cfg: cfg, jitter: h.Rand("radsec/reconnect")}
	t.handle = func(request []byte, reply func([]byte)) error { return handle(t.current())(request, reply) }
	return t
}

func (t *tunnel) close() {} // other lines go on

func (t *tunnel) server() string { return t.cfg.Server }

func (t *tunnel) current() *radsec.Conn {
	t.mu.Lock()
	defer t.mu.Unlock()
	return t.conn
}

// run keeps a connection until the machine goes down. Only sleeping tells that: host.ErrDown of a connection may mean that
// the connection is closed.
func (t *tunnel) run() {
	for pause := reconnectMin; ; pause = min(2*pause, reconnectMax) {
		if t.connect() {
			pause = reconnectMin
		}
		if t.h.Sleep(pause+t.more(pause/2)) != nil {
			t.set(nil, true)
			return
		}
	}
}

// more is a random part of d.
func (t *tunnel) more(d time.Duration) time.Duration {
	var b [1]byte
	if _, err := io.ReadFull(t.jitter, b[:]); err != nil {
		return 0
	}
	return d * time.Duration(b[0]) / 256
}

// connect is one connection, from its beginning to its end. Answered says whether it was of any use.
func (t *tunnel) connect() (answered bool) {
	conn, err := t.dial()
	if err != nil {
		if !errors.Is(err, host.ErrDown) {
			t.trace("failed", slog.String("error", err.Error()))
		}
		return false
	}
	t.set(conn, false)
	t.trace("open", slog.String("tls", tls.VersionName(conn.TLSVersion())), slog.String("radius", conn.Version()))
	err = conn.Serve(t.handle)
	t.set(nil, false)
	if !errors.Is(err, host.ErrDown) {
		t.trace("closed", slog.String("reason", string(radsec.ReasonOf(err))), slog.String("error", err.Error()))
	}
	return conn.Answered()
}

func (t *tunnel) dial() (*radsec.Conn, error) {
	stream, err := t.h.Dial(t.cfg.Server, connectWait)
	if err != nil {
		return nil, err
	}
	t.dialled++
	return radsec.Client(t.h, "radsec/"+strconv.Itoa(t.dialled), stream,
		radsec.Settings{TLS: t.cfg.TLS, Versions: t.cfg.Versions, Watchdog: t.cfg.Watchdog})
}

// set takes note of a connection, or of the lack of one, and wakes those who wait.
func (t *tunnel) set(conn *radsec.Conn, down bool) {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.conn, t.down = conn, down
	if conn != nil || down {
		for _, w := range t.waiting {
			w.Set()
		}
		t.waiting = nil
	}
}

// wait blocks until there is a connection other than the given one, which has ended.
func (t *tunnel) wait(ended *radsec.Conn, deadline time.Time) (*radsec.Conn, error) {
	for {
		t.mu.Lock()
		conn, down := t.conn, t.down
		var wake host.Signal
		if !down && (conn == nil || conn == ended) {
			wake = t.h.NewSignal()
			t.waiting = append(t.waiting, wake)
		}
		t.mu.Unlock()
		switch {
		case down:
			return nil, host.ErrDown
		case wake == nil:
			return conn, nil
		}
		if err := wake.Wait(deadline); err != nil {
			t.mu.Lock()
			t.waiting = slices.DeleteFunc(t.waiting, func(w host.Signal) bool { return w == wake })
			t.mu.Unlock()
			return nil, err
		}
	}
}

func (t *tunnel) access(request *lr.Packet) (*lr.Packet, error) {
	return t.exchange(func(time.Time) (*lr.Packet, error) { return request, nil })
}

func (t *tunnel) account(request func(now time.Time) (*lr.Packet, error)) error {
	_, err := t.exchange(request)
	return err
}

// exchange sends a request once on each connection there is until the reply, and gives up when a request over UDP would
// be given up (RFC 6613 section 2.6.1).
func (t *tunnel) exchange(request func(now time.Time) (*lr.Packet, error)) (*lr.Packet, error) {
	deadline := t.h.Now().Add(maxDuration)
	for conn := (*radsec.Conn)(nil); ; {
		var err error
		if conn, err = t.wait(conn, deadline); err != nil {
			return nil, noReply(err)
		}
		p, err := request(t.h.Now())
		if err != nil {
			return nil, err
		}
		reply, err := conn.Exchange(p, deadline)
		var end *radsec.Error
		if !errors.As(err, &end) {
			return reply, noReply(err)
		}
	}
}

func noReply(err error) error {
	if errors.Is(err, host.ErrTimeout) {
		return errNoReply
	}
	return err
}

func (t *tunnel) trace(state string, more ...slog.Attr) {
	fields := append(make([]slog.Attr, 0, 6), slog.String("to", t.cfg.Server), slog.String("state", state))
	t.h.Trace("radsec", append(fields, more...)...)
}
