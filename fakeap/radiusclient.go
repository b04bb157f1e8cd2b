package fakeap

import (
	"errors"
	"log/slog"
	"net/netip"
	"strconv"
	"sync"
	"time"

	lr "layeh.com/radius"

	"nacsim/internal/host"
	"nacsim/internal/radius"
)

// RFC 5080 section 2.2.1: the retransmission time grows up to MRT, and a request is given up after MRD.
const (
	maxRetransmission = 16 * time.Second
	maxDuration       = 30 * time.Second
)

// errNoReply says that the server has not answered any of the transmissions.
var errNoReply = errors.New("RADIUS server does not answer")

// radiusClient sends requests over UDP and waits for the replies. It may be used by several tasks, each with a socket
// of its own.
type radiusClient struct {
	h     host.Host
	cfg   RADIUSConfig
	drops dropCounter
}

// retransmission paces the transmissions of one request.
type retransmission struct {
	interval time.Duration
	left     int
	giveUp   time.Time
}

func (c *radiusClient) pace(now time.Time) retransmission {
	return retransmission{interval: c.cfg.Timeout, left: max(c.cfg.Retries, 0), giveUp: now.Add(maxDuration)}
}

// next returns until when to wait after a transmission made now; ok is false when that was the last one.
func (r *retransmission) next(now time.Time) (until time.Time, last bool) {
	until = now.Add(r.interval)
	r.interval = min(2*r.interval, maxRetransmission)
	if !until.Before(r.giveUp) {
		return r.giveUp, true
	}
	return until, r.left == 0
}

// exchange sends a request and blocks until the reply. Retransmissions are identical. The error is errNoReply, or
// host.ErrDown when the socket has been closed meanwhile. Buf has room for a reply.
func (c *radiusClient) exchange(conn host.PacketConn, server netip.AddrPort, request *lr.Packet, buf []byte) (*lr.Packet, error) {
	b, err := radius.EncodeRequest(request)
	if err != nil {
		return nil, err
	}
	for r := c.pace(c.h.Now()); ; r.left-- {
		if err := conn.WriteTo(b, server); err != nil {
			return nil, err
		}
		until, last := r.next(c.h.Now())
		reply, err := c.await(conn, server, until, buf, request)
		switch {
		case err == nil:
			return reply, nil
		case !errors.Is(err, host.ErrTimeout):
			return nil, err
		case last:
			return nil, errNoReply
		}
	}
}

// await reads until the reply to one of the requests, or a deadline. Everything else is dropped and counted.
func (c *radiusClient) await(conn host.PacketConn, server netip.AddrPort, until time.Time, buf []byte, requests ...*lr.Packet) (*lr.Packet, error) {
	for {
		n, from, err := conn.ReadFrom(buf, until)
		if err != nil {
			return nil, err
		}
		if from != server {
			c.drops.count(c.h, from, "reply from a stranger")
			continue
		}
		reply, err := c.match(buf[:n], requests)
		if err == nil {
			return reply, nil
		}
		c.drops.count(c.h, from, dropReason(err))
	}
}

// match verifies a reply to the request that has its identifier.
func (c *radiusClient) match(b []byte, requests []*lr.Packet) (*lr.Packet, error) {
	request := requests[0]
	for _, r := range requests {
		if len(b) > 1 && r.Identifier == b[1] {
			request = r
		}
	}
	reply, err := radius.ParseReply(b, request, c.cfg.RequireMessageAuthenticator)
	if err == nil && !radius.Answers(request.Code, reply.Code) {
		err = radius.ErrCode
	}
	return reply, err
}

func dropReason(err error) string {
	switch {
	case errors.Is(err, radius.ErrMalformed):
		return "malformed reply"
	case errors.Is(err, radius.ErrNotRequested):
		return "reply to another request"
	case errors.Is(err, radius.ErrBadAuthenticator):
		return "wrong Response Authenticator"
	case errors.Is(err, radius.ErrBadMessageAuthenticator):
		return "wrong Message-Authenticator"
	case errors.Is(err, radius.ErrNoMessageAuthenticator):
		return "no Message-Authenticator"
	}
	return "unexpected code"
}

// dropCounter counts dropped datagrams by reason and traces each.
type dropCounter struct {
	mu     sync.Mutex
	counts map[string]int // by one of the fixed reasons, so bounded
}

func (d *dropCounter) count(h host.Host, from netip.AddrPort, reason string) {
	d.countFrom(h, from.String(), reason)
}

func (d *dropCounter) countFrom(h host.Host, from, reason string) {
	d.mu.Lock()
	if d.counts == nil {
		d.counts = map[string]int{}
	}
	d.counts[reason]++
	n := d.counts[reason]
	d.mu.Unlock()
	h.Trace("drop", slog.String("from", from), slog.String("reason", reason), slog.String("count", strconv.Itoa(n)))
}
