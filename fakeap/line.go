package fakeap

import (
	"errors"
	"time"

	lr "layeh.com/radius"

	"nacsim/internal/host"
	"nacsim/internal/radius"
)

// A line is a way to the servers, for one conversation or one queue of accounting records. One task uses it at a time.
type line interface {
	// access sends an Access-Request and blocks until the reply. The error is errNoReply, or host.ErrDown when the line
	// has been closed meanwhile.
	access(request *lr.Packet) (*lr.Packet, error)
	// account sends an accounting record and blocks until it is acknowledged. Each transmission is made anew by request,
	// since it says how old the record is.
	account(request func(now time.Time) (*lr.Packet, error)) error
	// server is who keeps the accounts.
	server() string
	close()
}

// dialServer opens a line.
func (n *nas) dialServer() (line, error) {
	if n.tunnel != nil {
		return n.tunnel, nil
	}
	conn, err := n.listen(0)
	if err != nil {
		return nil, err
	}
	return &socketLine{client: &n.radius, conn: conn, buf: make([]byte, radius.MaxLength)}, nil
}

// A socketLine is a UDP socket of its own.
type socketLine struct {
	client     *radiusClient
	conn       host.PacketConn
	identifier byte
	buf        []byte // replies are read into it
}

func (l *socketLine) server() string { return l.client.cfg.Acct.String() }

func (l *socketLine) close() { l.conn.Close() }

func (l *socketLine) access(request *lr.Packet) (*lr.Packet, error) {
	request.Identifier = l.identifier
	l.identifier++
	return l.client.exchange(l.conn, l.client.cfg.Auth, request, l.buf)
}

// account gives each transmission the next identifier (RFC 2866 section 5.2); an acknowledgement of any of them counts.
func (l *socketLine) account(request func(now time.Time) (*lr.Packet, error)) error {
	var sent []*lr.Packet
	for pace := l.client.pace(l.client.h.Now()); ; pace.left-- {
		now := l.client.h.Now()
		p, err := request(now)
		if err != nil {
			return err
		}
		p.Identifier = l.identifier
		l.identifier++
		b, err := radius.EncodeRequest(p)
		if err != nil {
			return err
		}
		sent = append(sent, p)
		if err := l.conn.WriteTo(b, l.client.cfg.Acct); err != nil {
			return err
		}
		until, last := pace.next(now)
		_, err = l.client.await(l.conn, l.client.cfg.Acct, until, l.buf, sent...)
		switch {
		case err == nil:
			return nil
		case !errors.Is(err, host.ErrTimeout):
			return err
		case last:
			return errNoReply
		}
	}
}
