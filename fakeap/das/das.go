// Package das is a dynamic authorization server, the NAS's side of RFC 5176, as an engine: a datagram, the time and
// the sessions in; a reply and what to do with the client out.
//
//	o := engine.Receive(now, from, datagram, sessions)
//	if o.Reply != nil { send it to from }
//	switch o.Command {
//	case das.Reauthenticate: // start 802.1X again for o.Client
//	case das.Disconnect:     // end the session of o.Client
//	}
//
// It supports Disconnect-Request, and CoA-Request with the Cisco-AVPair subscriber:command=reauthenticate; every
// other change of authorization is refused with the Error-Cause that says why. What is not authentic, or not recent,
// is dropped without an answer (RFC 5176 sections 2.3 and 6.3).
package das

import (
	"errors"
	"iter"
	"net/netip"
	"slices"
	"sync"
	"time"

	lr "layeh.com/radius"

	"nacsim/fakeap/ether"
	"nacsim/internal/radius"
)

// Port is the UDP port of dynamic authorization (RFC 5176 section 2.3).
const Port = 3799

// DefaultWindow is how far an Event-Timestamp may be from the clock (RFC 5176 section 6.3).
const DefaultWindow = 300 * time.Second

const (
	cacheSize = 1024
	cacheTTL  = 30 * time.Second
)

// Config describes a dynamic authorization server.
type Config struct {
	// Secret is shared with the clients that may send requests.
	Secret []byte
	// Clients are the addresses requests may come from; empty means any, since the secret proves the sender.
	Clients []netip.Prefix
	// Addr and Identifier are what NAS-IP-Address (or NAS-IPv6-Address) and NAS-Identifier must say, where a
	// request has them.
	Addr       netip.Addr
	Identifier string
	// Window is how far an Event-Timestamp may be from the clock; zero means DefaultWindow, negative any time.
	Window time.Duration
	// RequireEventTimestamp and RequireMessageAuthenticator drop requests without the attribute.
	RequireEventTimestamp       bool
	RequireMessageAuthenticator bool
}

// Session is what a request can identify a session by.
type Session struct {
	Client ether.Addr
	// ID is the Acct-Session-Id, User the User-Name sent in accounting, Called the Called-Station-Id.
	ID, User, Called string
	// Port and PortID are NAS-Port and NAS-Port-Id.
	Port   uint32
	PortID string
}

// Command is what a request that was acknowledged asks for.
type Command uint8

// Commands.
const (
	None Command = iota
	Reauthenticate
	Disconnect
)

// Outcome is the result of one datagram. Exactly one of Reply and Dropped is set.
type Outcome struct {
	Reply []byte
	// Dropped is why there is no reply.
	Dropped string
	// Repeated marks a retransmission, answered with the reply of the first time. Nothing else is to be done.
	Repeated bool
	// Request is the name of the request's code; empty when the datagram is no RADIUS packet.
	Request string
	// Cause is the Error-Cause of a NAK, zero for an ACK.
	Cause radius.ErrorCause
	// Command is to be carried out on Client.
	Command Command
	Client  ether.Addr
}

// ACK reports whether the reply grants the request.
func (o Outcome) ACK() bool { return o.Reply != nil && o.Cause == 0 }

// Engine is a dynamic authorization server. It may be used from several goroutines.
type Engine struct {
	cfg   Config
	cache *radius.DuplicateCache

	mu      sync.Mutex
	refuse  radius.ErrorCause
	refuses int
}

// New returns an engine. An empty secret is an error.
func New(cfg Config) (*Engine, error) {
	if len(cfg.Secret) == 0 {
		return nil, errors.New("das: the shared secret is empty")
	}
	if cfg.Window == 0 {
		cfg.Window = DefaultWindow
	}
	return &Engine{cfg: cfg, cache: radius.NewDuplicateCache(cacheSize, cacheTTL)}, nil
}

// Refuse makes the engine answer the next count requests that it would otherwise look at with a NAK of the given
// cause. Retransmissions of one request count once.
func (e *Engine) Refuse(cause radius.ErrorCause, count int) {
	e.mu.Lock()
	defer e.mu.Unlock()
	e.refuse, e.refuses = cause, count
}

func (e *Engine) refused() (cause radius.ErrorCause, ok bool) {
	e.mu.Lock()
	defer e.mu.Unlock()
	if e.refuses <= 0 {
		return 0, false
	}
	e.refuses--
	return e.refuse, true
}

// Sessions gives the sessions in force, in any order: those of one client, or of all for the zero address. It may
// give more than asked for.
type Sessions func(client ether.Addr) iter.Seq[Session]

// Receive takes a datagram. The engine does not keep the sessions.
func (e *Engine) Receive(now time.Time, from netip.AddrPort, datagram []byte, sessions Sessions) Outcome {
	request, dropped := e.authenticate(now, from, datagram)
	if dropped != "" {
		return Outcome{Dropped: dropped, Request: requestName(datagram)}
	}
	name := radius.CodeName(request.Code)
	switch status, reply := e.cache.Begin(now, from, datagram); status {
	case radius.InProgress:
		return Outcome{Dropped: "retransmission of a request in progress", Request: name, Repeated: true}
	case radius.Answered:
		return Outcome{Reply: reply, Request: name, Repeated: true, Cause: causeOf(reply)}
	}
	o := e.decide(request, sessions)
	o.Request = name
	reply, err := encode(request, o.Cause)
	e.cache.Finish(from, datagram, reply)
	if err != nil {
		return Outcome{Dropped: err.Error(), Request: name}
	}
	o.Reply = reply
	return o
}

// causeOf returns the Error-Cause of a reply made by encode.
func causeOf(reply []byte) radius.ErrorCause {
	p, err := radius.Parse(reply, nil)
	if err != nil {
		return 0
	}
	cause, _ := radius.GetErrorCause(p.Attributes)
	return cause
}

// requestName names the code of a datagram that was dropped.
func requestName(datagram []byte) string {
	if len(datagram) < radius.MinLength {
		return ""
	}
	return radius.CodeName(lr.Code(datagram[0]))
}

// authenticate verifies what must hold before anything in the request is believed.
func (e *Engine) authenticate(now time.Time, from netip.AddrPort, datagram []byte) (request *lr.Packet, dropped string) {
	if !e.allowed(from.Addr()) {
		return nil, "unknown client"
	}
	request, err := radius.ParseRequest(datagram, e.cfg.Secret, e.cfg.RequireMessageAuthenticator)
	switch {
	case errors.Is(err, radius.ErrMalformed):
		return nil, "malformed packet"
	case errors.Is(err, radius.ErrBadAuthenticator):
		return nil, "wrong authenticator"
	case errors.Is(err, radius.ErrBadMessageAuthenticator):
		return nil, "wrong Message-Authenticator"
	case errors.Is(err, radius.ErrNoMessageAuthenticator):
		return nil, "no Message-Authenticator"
	case err != nil || request.Code != lr.CodeCoARequest && request.Code != lr.CodeDisconnectRequest:
		return nil, "unexpected code"
	}
	if dropped := e.checkTime(now, request.Attributes); dropped != "" {
		return nil, dropped
	}
	return request, ""
}

func (e *Engine) allowed(a netip.Addr) bool {
	return len(e.cfg.Clients) == 0 || slices.ContainsFunc(e.cfg.Clients, func(p netip.Prefix) bool { return p.Contains(a.Unmap()) })
}

// checkTime guards against replays (RFC 5176 section 6.3).
func (e *Engine) checkTime(now time.Time, attrs lr.Attributes) (dropped string) {
	at, ok := radius.EventTimestamp(attrs)
	switch {
	case !ok && e.cfg.RequireEventTimestamp:
		return "no Event-Timestamp"
	case ok && e.cfg.Window > 0 && now.Sub(at).Abs() > e.cfg.Window:
		return "Event-Timestamp outside the window"
	}
	return ""
}

func encode(request *lr.Packet, cause radius.ErrorCause) ([]byte, error) {
	code := lr.CodeCoAACK
	switch {
	case request.Code == lr.CodeDisconnectRequest && cause == 0:
		code = lr.CodeDisconnectACK
	case request.Code == lr.CodeDisconnectRequest:
		code = lr.CodeDisconnectNAK
	case cause != 0:
		code = lr.CodeCoANAK
	}
	reply := radius.NewReply(request, code)
	if cause != 0 {
		radius.SetErrorCause(reply, cause)
	}
	return radius.EncodeReply(reply)
}
