package radiusd

import (
	"net/netip"
	"slices"
	"sync"
	"time"

	"nacsim/internal/host"
	"nacsim/internal/radius"
	"nacsim/internal/radsec"

	lr "layeh.com/radius"
	"layeh.com/radius/rfc2865"
)

// maxCarried bounds the NASes behind one connection that are remembered.
const maxCarried = 256

// A connection is one of a client, after its handshake.
type connection struct {
	server *radSecServer
	conn   *radsec.Conn
	room   host.Signal // set when fewer requests wait for their answers

	mu       sync.Mutex
	source   Source // its Client changes with the configuration
	closed   bool
	inFlight int
	carried  []string // NAS-Identifiers, the one seen last at the end
	used     bool     // a request has come
}

func newConnection(r *radSecServer, conn *radsec.Conn, from netip.AddrPort) *connection {
	return &connection{server: r, conn: conn, room: r.s.host.NewSignal(), source: Source{Addr: from, Transport: RadSec}}
}

// belongs says whose connection it is.
func (c *connection) belongs(client *Client) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.source.Client = client
}

func (c *connection) from() Source {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.source
}

// close ends the connection, also while its task waits for room.
func (c *connection) close(reason radsec.Reason) {
	c.mu.Lock()
	c.closed = true
	c.mu.Unlock()
	c.conn.Close(reason)
	c.room.Set()
}

// take is the radsec.Handler: one request of the client.
func (c *connection) take(request []byte, reply func([]byte)) error {
	service := Auth
	switch lr.Code(request[0]) {
	case lr.CodeAccountingRequest:
		service = Acct
	case lr.CodeCoARequest, lr.CodeDisconnectRequest:
		nak, err := radsec.Refuse(request)
		if nak != nil {
			reply(nak)
		}
		return err
	}
	c.note(request)
	if err := c.wait(); err != nil {
		return err
	}
	s := c.server.s
	s.engine.Handle(s.host.Now(), service, c.from(), request, func(_ Source, b []byte, drop DropReason) { c.answered(reply, b, drop) })
	s.armSweep()
	return nil
}

// answered passes an answer on. A packet that is not authentic ends the connection (RFC 6613 section 2.6.4).
func (c *connection) answered(reply func([]byte), b []byte, drop DropReason) {
	c.mu.Lock()
	c.inFlight--
	c.mu.Unlock()
	c.room.Set()
	if drop == "" {
		reply(b)
		return
	}
	c.server.s.traceDrop(c.from().Addr, drop)
	if drop == DropBadAuthenticator {
		c.close(radsec.BadAuthenticator)
	}
}

// wait counts a request in, when there is room for it.
func (c *connection) wait() error {
	for {
		c.mu.Lock()
		ok, closed := c.inFlight < c.server.config().MaxInFlight, c.closed
		if ok {
			c.inFlight++
		}
		c.mu.Unlock()
		switch {
		case ok:
			return nil
		case closed:
			return &radsec.Error{Reason: radsec.Closed}
		}
		if err := c.room.Wait(time.Time{}); err != nil {
			return err
		}
	}
}

// note remembers which NAS a request is of. The attributes are well-formed.
func (c *connection) note(request []byte) {
	name := ""
	for b := request[radius.MinLength:]; len(b) > 0; b = b[b[1]:] {
		if lr.Type(b[0]) == rfc2865.NASIdentifier_Type {
			name = string(b[2:b[1]])
			break
		}
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	c.used = c.used || lr.Code(request[0]) != lr.CodeStatusServer
	if name == "" || len(c.carried) > 0 && c.carried[len(c.carried)-1] == name {
		return
	}
	if i := slices.Index(c.carried, name); i >= 0 {
		c.carried = slices.Delete(c.carried, i, i+1)
	}
	if len(c.carried) >= maxCarried {
		c.carried = slices.Delete(c.carried, 0, 1)
	}
	c.carried = append(c.carried, name)
}

// carries reports whether a NAS has sent something over the connection, or whether nobody has yet. A NAS without a name
// has one of its own.
func (c *connection) carries(identifier string) (carried, fresh bool) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if identifier == "" {
		return c.used && len(c.carried) == 0, !c.used
	}
	return slices.Contains(c.carried, identifier), !c.used
}
