package radiusd

import (
	"errors"
	"fmt"
	"log/slog"
	"net/netip"
	"sync"
	"time"

	"nacsim/internal/host"
	"nacsim/internal/radius"
)

// A Server is an Engine on the two sockets of a host. It writes a `drop` line to the trace for what it does not
// answer: the first hundred for each reason, then every time the count doubles, so that a flood does not flood the
// trace too.
type Server struct {
	host   host.Host
	engine *Engine
	auth   host.PacketConn
	acct   host.PacketConn
	radsec *radSecServer // nil without RadSec

	mu      sync.Mutex
	readers int
	timer   bool // the sweep is pending
}

// Start opens the sockets and starts as many readers on each as the host has use for. The server stops when the
// host goes down or when it is closed.
func Start(h host.Host, config Config, handler Handler) (*Server, error) {
	s := &Server{host: h}
	engine, err := NewEngine(config, Env{Now: h.Now, TLS: h.TLS, Rand: h.Rand("radius"), Unsigned: s.warnUnsigned}, handler)
	if err != nil {
		return nil, err
	}
	s.engine = engine
	if s.auth, err = h.ListenPacket(config.AuthAddr); err != nil {
		return nil, fmt.Errorf("radiusd: authentication socket %s: %w", config.AuthAddr, err)
	}
	if s.acct, err = h.ListenPacket(config.AcctAddr); err != nil {
		s.auth.Close()
		return nil, fmt.Errorf("radiusd: accounting socket %s: %w", config.AcctAddr, err)
	}
	if err := s.startRadSec(); err != nil {
		s.auth.Close()
		s.acct.Close()
		return nil, err
	}
	n := h.Parallelism()
	s.readers = 2 * n
	for range n {
		h.Go("radius auth", func() { s.serve(s.auth, Auth) })
		h.Go("radius acct", func() { s.serve(s.acct, Acct) })
	}
	return s, nil
}

// AuthAddr is where the server takes Access-Requests.
func (s *Server) AuthAddr() netip.AddrPort { return s.auth.LocalAddr() }

// AcctAddr is where the server takes Accounting-Requests.
func (s *Server) AcctAddr() netip.AddrPort { return s.acct.LocalAddr() }

// Engine is what the server runs, for its counters.
func (s *Server) Engine() *Engine { return s.engine }

// Reload takes up another configuration, except for the addresses and the bounds: see Engine.Reload. RadSec connections of
// those who may no longer connect are closed.
func (s *Server) Reload(config Config) error {
	if err := s.engine.Reload(config); err != nil {
		return err
	}
	if s.radsec != nil {
		s.radsec.reloaded()
	}
	return nil
}

// Close stops the server and ends its conversations.
func (s *Server) Close() error {
	err := errors.Join(s.auth.Close(), s.acct.Close())
	if s.radsec != nil {
		err = errors.Join(err, s.radsec.close())
	}
	return err
}

// retryDelay is the pause after an error of a socket that is not its end.
const retryDelay = 100 * time.Millisecond

// serve answers what comes in on one socket until the machine or the socket is down.
func (s *Server) serve(conn host.PacketConn, service Service) {
	defer s.done()
	buf := make([]byte, radius.MaxLength) // whatever is beyond is padding
	answer := func(to Source, reply []byte, drop DropReason) {
		if drop != "" {
			s.traceDrop(to.Addr, drop)
			return
		}
		_ = conn.WriteTo(reply, to.Addr) // a socket that is down says so to the reader
	}
	for {
		n, from, err := conn.ReadFrom(buf, time.Time{})
		if errors.Is(err, host.ErrDown) {
			return
		}
		if err != nil {
			if s.host.Sleep(retryDelay) != nil {
				return
			}
			continue
		}
		s.engine.Handle(s.host.Now(), service, Source{Addr: from}, buf[:n], answer)
		s.armSweep()
	}
}

// done is the end of a reader. The last one releases the conversations.
func (s *Server) done() {
	s.mu.Lock()
	s.readers--
	last := s.readers == 0
	s.mu.Unlock()
	if last {
		s.engine.Close()
	}
}

// loudDrops is how many drops for one reason are traced one by one.
const loudDrops = 100

func (s *Server) traceDrop(from netip.AddrPort, reason DropReason) {
	s.trace("drop", from, string(reason), s.engine.Drops(reason))
}

// warnUnsigned tells of a client that need not sign its requests and does not.
func (s *Server) warnUnsigned(from Source, count uint64) {
	s.trace("warning", from.Addr, "Access-Request without Message-Authenticator is taken: replies to it can be forged", count)
}

// trace writes the first lines of a kind, and then one every time the count doubles.
func (s *Server) trace(kind string, from netip.AddrPort, reason string, count uint64) {
	if count > loudDrops && count&(count-1) != 0 {
		return
	}
	s.host.Trace(kind, slog.String("from", from.String()), slog.String("reason", reason), slog.Uint64("count", count))
}

// armSweep sees to it that idle conversations end even when nothing comes in any more.
func (s *Server) armSweep() {
	if s.engine.Conversations() == 0 {
		return
	}
	s.mu.Lock()
	armed := s.timer
	s.timer = true
	s.mu.Unlock()
	if !armed {
		s.host.AfterFunc(s.engine.conversations.ttl, s.sweep)
	}
}

func (s *Server) sweep() {
	s.mu.Lock()
	s.timer = false
	closed := s.readers == 0
	s.mu.Unlock()
	if closed {
		s.engine.Close()
		return
	}
	s.engine.Sweep(s.host.Now())
	s.armSweep()
}
