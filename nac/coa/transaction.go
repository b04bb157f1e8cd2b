package coa

import (
	"errors"
	"fmt"
	"net/netip"
	"time"

	"nacsim/internal/radius"
	"nacsim/nac/session"

	lr "layeh.com/radius"
)

// Timers say how a request is retransmitted (RFC 5080 section 2.2.1 without its jitter, since a NAS gets few
// of them at a time). The zero value is the default.
type Timers struct {
	// Initial is the wait for the answer to the first transmission; it doubles with each. Default 2 s.
	Initial time.Duration
	// Tries is how many times the request is sent at most, the first included. Default 3.
	Tries int
}

func (t Timers) orDefault() Timers {
	if t.Initial <= 0 {
		t.Initial = 2 * time.Second
	}
	if t.Tries <= 0 {
		t.Tries = 3
	}
	return t
}

// patience is how long the answer to a request is awaited in all.
func (t Timers) patience() time.Duration {
	t = t.orDefault()
	return t.Initial * (1<<min(t.Tries, 30) - 1)
}

// An Answer is what the NAS says to a request.
type Answer struct {
	// Ack is true for CoA-ACK and Disconnect-ACK: the NAS will do it. Whether the client follows is another
	// matter.
	Ack bool
	// ErrorCause is why the NAS refuses, zero where it does not say (RFC 5176 section 3.5).
	ErrorCause radius.ErrorCause
}

// A Transaction is one request to one NAS, from its first transmission to its answer. It is not safe for
// concurrent use.
type Transaction struct {
	to       netip.AddrPort
	packet   *lr.Packet
	wire     []byte
	left     int // transmissions
	sent     int
	wait     time.Duration
	deadline time.Time
}

// NewTransaction builds a request about a session, to be sent at now. The identifier must not be in use
// between the same two addresses and ports.
func NewTransaction(now time.Time, s *session.Session, kind Kind, identifier byte, secret []byte, timers Timers) (*Transaction, error) {
	if !s.CoA.IsValid() {
		return nil, errors.New("coa: the NAS has no address for dynamic authorization")
	}
	p, wire, err := newRequest(now, s, kind, identifier, secret)
	if err != nil {
		return nil, err
	}
	timers = timers.orDefault()
	return &Transaction{
		to: s.CoA, packet: p, wire: wire, left: timers.Tries - 1, sent: 1,
		wait: timers.Initial, deadline: now.Add(timers.Initial),
	}, nil
}

// Datagram is the request on the wire. It is the same for each transmission, its Event-Timestamp and its
// identifier included, so that the NAS can tell a retransmission from another request (RFC 5176 section 2.3).
func (t *Transaction) Datagram() []byte { return t.wire }

// To is where the request goes.
func (t *Transaction) To() netip.AddrPort { return t.to }

// Deadline is until when to wait for the answer to the latest transmission.
func (t *Transaction) Deadline() time.Time { return t.deadline }

// Transmissions is how often the request has been sent.
func (t *Transaction) Transmissions() int { return t.sent }

// Timeout tells the transaction that the deadline has passed, and reports whether to send the datagram again.
// When it returns false there is no answer to be had.
func (t *Transaction) Timeout(now time.Time) (resend bool) {
	if t.left == 0 {
		return false
	}
	t.left--
	t.sent++
	t.wait *= 2
	t.deadline = now.Add(t.wait)
	return true
}

// Receive takes a datagram. It returns the answer of the NAS, or an error that says why the datagram is not
// that: it comes from elsewhere, answers another request, or is not authentic. Such a datagram changes nothing.
func (t *Transaction) Receive(from netip.AddrPort, b []byte) (Answer, error) {
	if from.Port() != t.to.Port() || from.Addr().Unmap() != t.to.Addr().Unmap() {
		return Answer{}, fmt.Errorf("coa: answer from %s to a request to %s", from, t.to)
	}
	p, err := radius.ParseReply(b, t.packet, false)
	if err != nil {
		return Answer{}, fmt.Errorf("coa: %w", err)
	}
	return newAnswer(t.packet, p)
}

// newAnswer reads a reply that is authentic.
func newAnswer(request, reply *lr.Packet) (Answer, error) {
	// The codes of request, ACK and NAK follow each other: 40 to 42 and 43 to 45.
	switch reply.Code - request.Code {
	case 1:
		return Answer{Ack: true}, nil
	case 2:
		cause, _ := radius.GetErrorCause(reply.Attributes)
		return Answer{ErrorCause: cause}, nil
	}
	return Answer{}, fmt.Errorf("coa: %s in answer to %s", radius.CodeName(reply.Code), radius.CodeName(request.Code))
}
