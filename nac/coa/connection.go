package coa

import (
	"errors"
	"time"

	"nacsim/internal/host"
	"nacsim/internal/radsec"

	lr "layeh.com/radius"
)

// A Connection is one that a NAS keeps to the NAC, and on which it takes requests too (RFC 6614 section 2.5). A
// radsec.Conn is one.
type Connection interface {
	// Exchange sends a request once and blocks until the answer, the deadline or the end of the connection.
	Exchange(request *lr.Packet, deadline time.Time) (reply *lr.Packet, err error)
}

// converse runs one transaction on the connection of the NAS. Without one the order counts as not answered: the NAS is
// going to connect again.
func (s *Sender) converse(o *Order) (Result, error) {
	var conn Connection
	if s.c.Connection != nil {
		conn = s.c.Connection(&o.Session)
	}
	if conn == nil {
		return s.failed(o, errors.New("the NAS has no connection"))
	}
	now := s.h.Now()
	request, err := newPacket(now, &o.Session, o.Kind, 0, []byte(radsec.Secret))
	if err != nil {
		return s.failed(o, err)
	}
	s.announce(o)
	r, err := s.exchange(conn, request, now.Add(s.c.Timers.patience()))
	if err != nil {
		return r, err
	}
	r.Kind, r.Transmissions = o.Kind, 1
	s.trace(o, &r)
	return r, nil
}

func (s *Sender) exchange(conn Connection, request *lr.Packet, deadline time.Time) (Result, error) {
	reply, err := conn.Exchange(request, deadline)
	switch {
	case errors.Is(err, host.ErrTimeout):
		return Result{Outcome: TimedOut}, nil
	case errors.Is(err, host.ErrDown):
		return Result{}, err
	case err != nil:
		return Result{Outcome: TimedOut, Reason: err.Error()}, nil
	}
	answer, err := newAnswer(request, reply)
	switch {
	case err != nil:
		return Result{Outcome: TimedOut, Reason: err.Error()}, nil
	case answer.Ack:
		return Result{Outcome: Acked}, nil
	}
	return Result{Outcome: Nacked, ErrorCause: answer.ErrorCause}, nil
}
