package coa

import (
	"errors"
	"io"
	"log/slog"
	"net/netip"
	"sync"

	"nacsim/internal/host"
	"nacsim/internal/radius"
	"nacsim/nac/event"
	"nacsim/nac/policy"
	"nacsim/nac/session"
)

// Config is how a [Sender] works.
type Config struct {
	// Secret returns the secret shared with the NAS at an address.
	Secret func(nas netip.Addr) (secret []byte, ok bool)
	// Connection returns the connection on which to reach the NAS of a session that came by RadSec, or nil where there is
	// none now. Without this function there never is.
	Connection func(*session.Session) Connection
	Timers     Timers
	// MinFirmware is the version from which on an access point takes part in changes of authorization after a
	// posture check; one that states an older version is skipped. A NAS that states none takes part. The
	// default is "0.14" (facts: seed, "you need to be running firmware version 0.14 or later").
	MinFirmware string
	// NoFallback keeps the sender from trying Disconnect when the NAS refuses Reauth as something it does not
	// understand.
	NoFallback bool
	// Events takes NAC_CLIENT_COA_REAUTH and NAC_CLIENT_COA_DISCONNECT; it may be nil.
	Events *event.Log
}

// An Order is one change of authorization that is due.
type Order struct {
	Session session.Session
	Kind    Kind
	// Cause says why it is due, for the trace and the events.
	Cause string
	// Wanted is what the session should have; Reject says that it should not be there.
	Wanted policy.Authorization
	Reject bool
	// Attempt counts the orders about the same difference, from 1.
	Attempt int
}

// An Outcome is how an order ended. Its value is the `result` field of `coa` traces.
type Outcome string

const (
	// Sent is the trace of the first transmission, not an outcome of [Sender.Send].
	Sent Outcome = "sent"
	// Acked means that the NAS has promised to do it.
	Acked Outcome = "ack"
	// Nacked means that the NAS refuses.
	Nacked Outcome = "nak"
	// TimedOut means that the NAS has not answered.
	TimedOut Outcome = "timeout"
	// Skipped means that nothing was sent.
	Skipped Outcome = "skipped"
)

// A Result is what has become of an order.
type Result struct {
	Outcome Outcome
	// Kind is what was asked for last: Disconnect after a fallback.
	Kind Kind
	// ErrorCause is why the NAS refused, zero where it did not say.
	ErrorCause radius.ErrorCause
	// Transmissions is how often the last request was sent.
	Transmissions int
	// Reason says why an order was skipped.
	Reason string
}

// A Sender sends requests and waits for their answers. Its methods may be called from several tasks at once.
type Sender struct {
	h   host.Host
	c   Config
	ids identifiers
}

// NewSender returns a sender on the machine h.
func NewSender(h host.Host, c Config) *Sender {
	if c.MinFirmware == "" {
		c.MinFirmware = "0.14"
	}
	s := &Sender{h: h, c: c}
	// Where to begin is random, so that after a restart of the NAC no NAS takes a new request for an old one.
	var first [1]byte
	if _, err := io.ReadFull(h.Rand("coa/identifier"), first[:]); err == nil {
		s.ids.next = first[0]
	}
	return s
}

// Send carries out an order and blocks until it is known what has become of it. A request to re-authenticate
// that the NAS does not understand is followed by a Disconnect-Request, unless Config forbids it. The error is
// that of the machine going down.
func (s *Sender) Send(o Order) (Result, error) {
	transact, reason := s.way(&o.Session)
	if reason != "" {
		r := Result{Outcome: Skipped, Kind: o.Kind, Reason: reason}
		s.trace(&o, &r)
		return r, nil
	}
	r, err := transact(&o)
	if err != nil || o.Kind != Reauth || s.c.NoFallback || r.Outcome != Nacked || !notUnderstood(r.ErrorCause) {
		return r, err
	}
	o.Kind = Disconnect
	return transact(&o)
}

// notUnderstood tells the refusals of a NAS that lacks a command from those of one that has it: 401 Unsupported
// Attribute, 402 Missing Attribute, 404 Invalid Request, 405 Unsupported Service, 406 Unsupported Extension.
func notUnderstood(c radius.ErrorCause) bool {
	switch c {
	case radius.UnsupportedAttribute, radius.MissingAttribute, radius.InvalidRequest, radius.UnsupportedService, radius.UnsupportedExtension:
		return true
	}
	return false
}

// way returns how to ask the NAS of a session, or why it cannot be asked.
func (s *Sender) way(to *session.Session) (transact func(*Order) (Result, error), reason string) {
	if to.Firmware != "" && Older(to.Firmware, s.c.MinFirmware) {
		return nil, "firmware " + to.Firmware + " is below " + s.c.MinFirmware
	}
	if to.RadSec {
		return s.converse, ""
	}
	if !to.CoA.IsValid() {
		return nil, "the NAS has no address for dynamic authorization"
	}
	secret, ok := s.c.Secret(to.CoA.Addr())
	if !ok || len(secret) == 0 {
		return nil, "no secret is shared with " + to.CoA.Addr().String()
	}
	return func(o *Order) (Result, error) { return s.transact(o, secret) }, ""
}

// transact runs one transaction on a socket of its own.
func (s *Sender) transact(o *Order, secret []byte) (Result, error) {
	conn, err := s.h.ListenPacket(netip.AddrPortFrom(s.h.Addr(), 0))
	if err != nil {
		return s.failed(o, err)
	}
	defer conn.Close()
	id, ok := s.ids.take(o.Session.CoA)
	if !ok {
		return s.failed(o, errors.New("256 requests to the NAS are pending"))
	}
	defer s.ids.put(o.Session.CoA, id)
	t, err := NewTransaction(s.h.Now(), &o.Session, o.Kind, id, secret, s.c.Timers)
	if err != nil {
		return s.failed(o, err)
	}
	s.announce(o)
	r, err := s.await(conn, t)
	if err != nil {
		return r, err
	}
	r.Kind, r.Transmissions = o.Kind, t.Transmissions()
	s.trace(o, &r)
	return r, nil
}

// failed turns an error from before the first transmission into a result, unless the machine is going down. It
// counts as no answer, so that it is tried again.
func (s *Sender) failed(o *Order, err error) (Result, error) {
	if errors.Is(err, host.ErrDown) {
		return Result{}, err
	}
	r := Result{Outcome: TimedOut, Kind: o.Kind, Reason: err.Error()}
	s.trace(o, &r)
	return r, nil
}

// await sends the request as often as its timers say and returns the answer.
func (s *Sender) await(conn host.PacketConn, t *Transaction) (Result, error) {
	var strangers strangers
	defer func() { strangers.trace(s.h) }()
	buf := make([]byte, radius.MaxLength)
	for {
		if err := conn.WriteTo(t.Datagram(), t.To()); err != nil && errors.Is(err, host.ErrDown) {
			return Result{}, err
		}
		for {
			n, from, err := conn.ReadFrom(buf, t.Deadline())
			if errors.Is(err, host.ErrTimeout) {
				break
			}
			if errors.Is(err, host.ErrDown) {
				return Result{}, err
			}
			if err != nil {
				return Result{Outcome: TimedOut, Reason: err.Error()}, nil
			}
			answer, err := t.Receive(from, buf[:n])
			if err != nil {
				strangers.add(from, err)
				continue
			}
			if answer.Ack {
				return Result{Outcome: Acked}, nil
			}
			return Result{Outcome: Nacked, ErrorCause: answer.ErrorCause}, nil
		}
		if !t.Timeout(s.h.Now()) {
			return Result{Outcome: TimedOut}, nil
		}
	}
}

// announce tells of the first transmission.
func (s *Sender) announce(o *Order) {
	kind := event.CoAReauth
	if o.Kind == Disconnect {
		kind = event.CoADisconnect
	}
	s.c.Events.Emit(event.CoA(kind, &o.Session.Request, o.Session.AcctSessionID, o.Cause))
	s.trace(o, &Result{Outcome: Sent, Kind: o.Kind})
}

// trace writes the `coa` line of an order.
func (s *Sender) trace(o *Order, r *Result) {
	fields := make([]slog.Attr, 0, 12)
	fields = append(fields,
		slog.String("client", o.Session.Request.MAC),
		slog.String("session", o.Session.AcctSessionID),
		slog.String("nas", o.Session.Request.NAS),
		slog.String("request", o.Kind.Request()),
		slog.String("result", string(r.Outcome)),
		slog.Int("attempt", o.Attempt))
	if r.Transmissions > 0 {
		fields = append(fields, slog.Int("transmissions", r.Transmissions))
	}
	if r.ErrorCause != 0 {
		fields = append(fields, slog.String("error_cause", r.ErrorCause.String()))
	}
	if r.Reason != "" {
		fields = append(fields, slog.String("reason", r.Reason))
	}
	wanted := o.Wanted.VLAN
	if o.Reject {
		wanted = "reject"
	}
	s.h.Trace("coa", append(fields,
		slog.String("cause", o.Cause),
		slog.String("wanted_vlan", wanted),
		slog.String("have_vlan", o.Session.InForce.VLAN))...)
}

// strangers are the datagrams that were no answer. They are told of once for each transaction, so that a
// flood of them does not flood the trace.
type strangers struct {
	from   netip.AddrPort
	reason string
	count  int
}

func (x *strangers) add(from netip.AddrPort, err error) {
	if x.count++; x.count == 1 {
		x.from, x.reason = from, err.Error()
	}
}

func (x *strangers) trace(h host.Host) {
	if x.count > 0 {
		h.Trace("drop", slog.String("from", x.from.String()), slog.String("reason", x.reason), slog.Int("count", x.count))
	}
}

// identifiers hands out packet identifiers so that none is used twice at a time towards one NAS.
type identifiers struct {
	mu      sync.Mutex
	next    byte
	pending map[netip.AddrPort]*[256]bool
}

func (x *identifiers) take(to netip.AddrPort) (byte, bool) {
	x.mu.Lock()
	defer x.mu.Unlock()
	used := x.pending[to]
	if used == nil {
		if x.pending == nil {
			x.pending = map[netip.AddrPort]*[256]bool{}
		}
		used = new([256]bool)
		x.pending[to] = used
	}
	for range 256 {
		id := x.next
		x.next++
		if !used[id] {
			used[id] = true
			return id, true
		}
	}
	return 0, false
}

func (x *identifiers) put(to netip.AddrPort, id byte) {
	x.mu.Lock()
	defer x.mu.Unlock()
	used := x.pending[to]
	used[id] = false
	if *used == ([256]bool{}) {
		delete(x.pending, to)
	}
}
