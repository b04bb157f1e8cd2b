package fakeap

import (
	"iter"
	"log/slog"
	"net/netip"
	"strconv"
	"time"

	"layeh.com/radius/rfc2866"

	"nacsim/fakeap/das"
	"nacsim/fakeap/dot11"
	"nacsim/fakeap/ether"
	"nacsim/internal/host"
	"nacsim/internal/radius"
	"nacsim/internal/radsec"
)

// startDAS opens the dynamic authorization server, if the NAS has one.
func (n *nas) startDAS() error {
	c := n.cfg.DAS
	if c.Disabled {
		return nil
	}
	if n.cfg.RADIUS.RadSec != nil {
		c.Clients = nil // whoever the connection is to
	}
	engine, err := das.New(das.Config{
		Secret: c.Secret, Clients: c.Clients, Addr: n.address, Identifier: n.cfg.Name,
		Window:                      time.Duration(c.WindowSeconds) * time.Second,
		RequireEventTimestamp:       c.RequireEventTimestamp,
		RequireMessageAuthenticator: c.RequireMessageAuthenticator,
	})
	if err != nil {
		return err
	}
	n.das = engine
	if n.cfg.RADIUS.RadSec != nil {
		return nil
	}
	conn, err := n.listen(c.Port)
	if err != nil {
		return err
	}
	n.h.Go("das", func() { n.serveDAS(conn) })
	return nil
}

func (n *nas) serveDAS(conn host.PacketConn) {
	buf := make([]byte, radius.MaxLength)
	for {
		size, from, err := conn.ReadFrom(buf, time.Time{})
		if err != nil {
			return
		}
		// A reply that cannot be sent is a reply lost: the client asks again.
		n.dynamicAuthorization(from, buf[:size], func(reply []byte) { _ = conn.WriteTo(reply, from) })
	}
}

// handler takes the requests that come on a RadSec connection.
func (n *nas) handler(conn *radsec.Conn) radsec.Handler {
	return func(request []byte, reply func([]byte)) error {
		if n.das != nil {
			return n.dynamicAuthorization(conn.RemoteAddr(), request, reply)
		}
		nak, err := radsec.Refuse(request)
		if nak != nil {
			reply(nak)
		}
		return err
	}
}

// dynamicAuthorization answers a request. The error is for a RadSec connection, which a packet ends that is not
// authentic.
func (n *nas) dynamicAuthorization(from netip.AddrPort, datagram []byte, reply func([]byte)) error {
	n.mu.Lock()
	defer n.mu.Unlock()
	now := n.h.Now()
	o := n.das.Receive(now, from, datagram, n.sessions)
	n.traceDAS(from, o)
	if o.Reply == nil {
		n.radius.drops.count(n.h, from, o.Dropped)
		return radsec.Check(datagram)
	}
	reply(o.Reply)
	if o.Command != das.None {
		n.command(o, now)
	}
	return nil
}

// sessions gives the session of a client, or those of all for the zero address.
func (n *nas) sessions(mac ether.Addr) iter.Seq[das.Session] {
	return func(yield func(das.Session) bool) {
		if mac != (ether.Addr{}) {
			if s, ok := n.sessionOf(n.clients[mac]); ok {
				yield(s)
			}
			return
		}
		for _, c := range n.clients { // order-free: a request is for the one session that it matches, or for none
			if s, ok := n.sessionOf(c); ok && !yield(s) {
				return
			}
		}
	}
}

// sessionOf is a client's session in force, or the one that will be when its 4-way handshake is over: a server that
// is quick with its CoA-Request must find the session it has just granted.
func (n *nas) sessionOf(c *client) (s das.Session, ok bool) {
	if c == nil || c.session == nil && c.pending == nil {
		return s, false
	}
	s = das.Session{Client: c.mac, Called: n.link.calledStation(c), Port: c.number, PortID: c.port}
	if c.session != nil {
		s.ID, s.User = c.session.id, c.session.user
	} else {
		s.ID, s.User = c.pending.sessionID, c.pending.user
	}
	return s, true
}

// command carries out a request that has been acknowledged.
func (n *nas) command(o das.Outcome, now time.Time) {
	c := n.clients[o.Client]
	if c == nil {
		return
	}
	switch o.Command {
	case das.Reauthenticate:
		n.reauthenticate(c, now)
	case das.Disconnect:
		n.end(c, now, rfc2866.AcctTerminateCause_Value_AdminReset, dot11.ReasonAuthExpired, "Disconnect-Request")
		if n.clients[o.Client] == c {
			n.reauthenticate(c, now) // the client has not left its cable
		}
	}
	n.arm(c, now)
}

func (n *nas) traceDAS(from netip.AddrPort, o das.Outcome) {
	result := "ack"
	switch {
	case o.Reply == nil:
		result = "dropped"
	case o.Cause != 0:
		result = "nak"
	}
	fields := []slog.Attr{slog.String("from", from.String()), slog.String("request", o.Request), slog.String("result", result)}
	if o.Cause != 0 {
		fields = append(fields, slog.String("error_cause", strconv.Itoa(int(o.Cause))))
	}
	if o.Client != (ether.Addr{}) {
		fields = append(fields, slog.String("client", o.Client.String()))
	}
	if o.Repeated {
		fields = append(fields, slog.Bool("repeated", true))
	}
	if o.Dropped != "" {
		fields = append(fields, slog.String("reason", o.Dropped))
	}
	n.h.Trace("das", fields...)
}

// answerCoA makes the dynamic authorization server refuse the next requests.
func (n *nas) answerCoA(errorCause, count int) {
	if n.das != nil {
		n.das.Refuse(radius.ErrorCause(errorCause), count)
	}
}
