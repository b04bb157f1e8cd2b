package radiusd

import (
	"crypto/tls"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/netip"
	"slices"
	"sync"

	"nacsim/internal/host"
	"nacsim/internal/radsec"
)

// radSecServer takes connections and has an engine answer what comes over them. It writes a `radsec` line to the trace
// for each connection that opens, and for each that ends or is refused.
type radSecServer struct {
	s        *Server
	listener net.Listener

	mu      sync.Mutex
	serial  int                // of the last connection
	streams map[netip.Addr]int // open, by where they come from
	total   int
	open    []*connection // after their handshake, oldest first
	ends    map[radsec.Reason]uint64
	closed  bool
}

// startRadSec opens the listener, if there is to be one.
func (s *Server) startRadSec() error {
	c := s.engine.settings.Load().RadSec
	if !c.Addr.IsValid() {
		return nil
	}
	l, err := s.host.Listen(c.Addr)
	if err != nil {
		return fmt.Errorf("radiusd: RadSec socket %s: %w", c.Addr, err)
	}
	s.radsec = &radSecServer{s: s, listener: l, streams: map[netip.Addr]int{}, ends: map[radsec.Reason]uint64{}}
	s.host.Go("radsec accept", s.radsec.accept)
	return nil
}

// RadSecAddr is where the server takes connections; invalid where it does not.
func (s *Server) RadSecAddr() netip.AddrPort {
	if s.radsec == nil {
		return netip.AddrPort{}
	}
	return s.radsec.listener.Addr().(*net.TCPAddr).AddrPort()
}

// Connections is the number of RadSec connections.
func (s *Server) Connections() int {
	if s.radsec == nil {
		return 0
	}
	s.radsec.mu.Lock()
	defer s.radsec.mu.Unlock()
	return len(s.radsec.open)
}

// RadSecEnds returns how many connections have ended, or were refused, for a reason.
func (s *Server) RadSecEnds(reason radsec.Reason) uint64 {
	if s.radsec == nil {
		return 0
	}
	s.radsec.mu.Lock()
	defer s.radsec.mu.Unlock()
	return s.radsec.ends[reason]
}

// config is the one in force.
func (r *radSecServer) config() *RadSecConfig { return &r.s.engine.settings.Load().RadSec }

func (r *radSecServer) accept() {
	for {
		stream, err := r.listener.Accept()
		switch {
		case errors.Is(err, host.ErrDown):
			return
		case err != nil:
			if r.s.host.Sleep(retryDelay) != nil {
				return
			}
			continue
		}
		r.take(stream)
	}
}

// take begins with a connection, unless there are too many or nobody who may connect has the address.
func (r *radSecServer) take(stream net.Conn) {
	from := stream.RemoteAddr().(*net.TCPAddr).AddrPort()
	from = netip.AddrPortFrom(from.Addr().Unmap(), from.Port())
	config := r.config()
	r.mu.Lock()
	var why radsec.Reason
	switch {
	case r.closed || r.total >= config.MaxConnections || r.streams[from.Addr()] >= config.MaxPerAddress:
		why = radsec.TooMany
	case !config.mayConnect(r.s.engine, from.Addr()):
		why = radsec.UnknownClient
	default:
		r.total++
		r.streams[from.Addr()]++
		r.serial++
	}
	label := fmt.Sprintf("radsec/%s/%d", from.Addr(), r.serial)
	r.mu.Unlock()
	if why != "" {
		stream.Close()
		r.refused(from, &radsec.Error{Reason: why})
		return
	}
	r.s.host.Go("radsec", func() {
		defer r.release(from.Addr())
		r.serve(stream, from, label, config) // the one that let it in: a later one may have no RadSec
	})
}

func (r *radSecServer) release(from netip.Addr) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.total--
	if r.streams[from]--; r.streams[from] == 0 {
		delete(r.streams, from)
	}
}

// serve is the task of one connection.
func (r *radSecServer) serve(stream net.Conn, from netip.AddrPort, label string, config *RadSecConfig) {
	conn, err := radsec.Server(r.s.host, label, stream, radsec.Settings{
		TLS: config.TLS(), Versions: config.Versions, HandshakeTimeout: config.HandshakeTimeout, Idle: max(config.Idle, 0),
	})
	if err != nil {
		r.refused(from, err)
		return
	}
	c := newConnection(r, conn, from)
	switch reason := r.add(c); reason {
	case "":
	case radsec.UnknownClient:
		conn.Close(reason)
		r.refused(from, &radsec.Error{Reason: reason, Err: fmt.Errorf("certificate of %s", conn.Chain()[0].Subject)})
		return
	default:
		conn.Close(reason)
		return
	}
	r.trace("open", from, c.from().Client, slog.String("tls", tls.VersionName(conn.TLSVersion())), slog.String("radius", conn.Version()),
		slog.String("subject", conn.Chain()[0].Subject.String()))
	err = conn.Serve(c.take)
	r.remove(c)
	if !errors.Is(err, host.ErrDown) {
		reason := radsec.ReasonOf(err)
		r.trace("closed", from, c.from().Client, slog.String("reason", string(reason)), slog.Uint64("count", r.count(reason)))
	}
}

// add takes a connection up, or returns the reason not to. It is done under the mutex, as in reloaded, so that none is
// left with a client of an old configuration.
func (r *radSecServer) add(c *connection) radsec.Reason {
	r.mu.Lock()
	defer r.mu.Unlock()
	client := r.config().identify(r.s.engine, c.source.Addr.Addr(), c.conn.Chain())
	switch {
	case r.closed:
		return radsec.Closed
	case client == nil:
		return radsec.UnknownClient
	}
	c.belongs(client)
	r.open = append(r.open, c)
	return ""
}

// reloaded has the connections belong to those who are their clients in the new configuration.
func (r *radSecServer) reloaded() {
	config := r.config()
	var strangers []*connection
	r.mu.Lock()
	for _, c := range r.open {
		client := config.identify(r.s.engine, c.source.Addr.Addr(), c.conn.Chain())
		if client == nil || !config.trusts(c.conn.Chain(), r.s.host.Now()) {
			strangers = append(strangers, c)
			continue
		}
		c.belongs(client)
	}
	r.mu.Unlock()
	for _, c := range strangers {
		c.close(radsec.UnknownClient)
	}
}

func (r *radSecServer) remove(c *connection) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.open = slices.DeleteFunc(r.open, func(other *connection) bool { return other == c })
}

func (r *radSecServer) count(reason radsec.Reason) uint64 {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.ends[reason]++
	return r.ends[reason]
}

// refused tells of a connection that came to nothing: as with drops, of the first ones and then ever more rarely.
func (r *radSecServer) refused(from netip.AddrPort, err error) {
	if errors.Is(err, host.ErrDown) {
		return
	}
	reason := radsec.ReasonOf(err)
	n := r.count(reason)
	if n > loudDrops && n&(n-1) != 0 {
		return
	}
	fields := []slog.Attr{slog.String("reason", string(reason))}
	var e *radsec.Error
	if errors.As(err, &e) && e.Err != nil {
		fields = append(fields, slog.String("error", e.Err.Error()))
	}
	r.trace("refused", from, nil, append(fields, slog.Uint64("count", n))...)
}

func (r *radSecServer) trace(state string, from netip.AddrPort, client *Client, more ...slog.Attr) {
	fields := append(make([]slog.Attr, 0, 8), slog.String("from", from.String()))
	if client != nil && client.Name != "" {
		fields = append(fields, slog.String("nas", client.Name))
	}
	r.s.host.Trace("radsec", append(append(fields, slog.String("state", state)), more...)...)
}

func (r *radSecServer) close() error {
	r.mu.Lock()
	r.closed = true
	open := slices.Clone(r.open)
	r.mu.Unlock()
	err := r.listener.Close()
	for _, c := range open {
		c.close(radsec.Closed)
	}
	return err
}

// Connection is the connection on which to reach a NAS, by its address, NAS-Identifier and the name of its client, which
// is any if empty: the newest of those over which it has sent something, or else the newest that nobody has sent anything
// over. It is nil where there is none.
func (s *Server) Connection(nas netip.Addr, identifier, client string) *radsec.Conn {
	if s.radsec == nil {
		return nil
	}
	s.radsec.mu.Lock()
	open := slices.Clone(s.radsec.open)
	s.radsec.mu.Unlock()
	var fallback *radsec.Conn
	for _, c := range slices.Backward(open) {
		source := c.from()
		if source.Addr.Addr() != nas.Unmap() || client != "" && source.Client.Name != client {
			continue
		}
		carried, fresh := c.carries(identifier)
		if carried {
			return c.conn
		}
		if fresh && fallback == nil {
			fallback = c.conn
		}
	}
	return fallback
}
