package radiusd

import (
	"crypto/tls"
	"errors"
	"io"
	"sync"
	"sync/atomic"
	"time"

	"nacsim/internal/radius"

	lr "layeh.com/radius"
)

// A Service is what a socket is for.
type Service uint8

const (
	Auth Service = iota // Access-Request and Status-Server, port 1812
	Acct                // Accounting-Request and Status-Server, port 1813
)

// A DropReason says why a datagram was not answered.
type DropReason string

// The reasons; the empty one means that there is a reply.
const (
	DropUnknownClient          DropReason = "unknown_client"
	DropMalformed              DropReason = "malformed"
	DropUnknownCode            DropReason = "unknown_code"
	DropBadAuthenticator       DropReason = "bad_authenticator" // most often a wrong secret
	DropNoMessageAuthenticator DropReason = "no_message_authenticator"
	DropDuplicate              DropReason = "duplicate"  // of a request that is still being worked on
	DropSuperseded             DropReason = "superseded" // by a later one with the same EAP-Response, while it waited
	DropAbandoned              DropReason = "abandoned"  // what it waited for did not come in time
	DropWaitingFull            DropReason = "waiting_full"
	DropMalformedEAP           DropReason = "malformed_eap"
	DropRepeatedAttribute      DropReason = "repeated_attribute"   // one that may occur once
	DropManyCredentials        DropReason = "several_credentials"  // passwords, or a password and EAP
	DropUnsignedProxyState     DropReason = "unsigned_proxy_state" // without Message-Authenticator
	DropNoNAS                  DropReason = "no_nas"               // neither NAS-Identifier nor an address
	DropNotRecorded            DropReason = "not_recorded"         // the handler could not keep an accounting record
	DropUnexpectedEAP          DropReason = "unexpected_eap"
	DropConversationsFull      DropReason = "conversations_full"
	DropReplyTooLong           DropReason = "reply_too_long"
	DropNoRandomness           DropReason = "no_randomness"
)

// An Env is what an Engine needs of its surroundings; a host.Host has all of it.
type Env struct {
	// Now is the time at which an answer comes that was waited for.
	Now func() time.Time

	// TLS prepares the configuration of one connection: see host.Host.TLS.
	TLS func(label string, c *tls.Config) *tls.Config
	// Rand is the source of State values and key salts. The engine serializes reads.
	Rand io.Reader
	// Unsigned, unless nil, is told of each Access-Request that is taken without Message-Authenticator because its
	// client need not send it, and how many there have been.
	Unsigned func(from Source, count uint64)
}

// An Engine is a RADIUS server without sockets and clock. Its methods may be called from several goroutines; a
// conversation is worked on by one of them at a time, different ones in parallel.
type Engine struct {
	settings atomic.Pointer[settings]
	env      Env
	handler  Handler

	duplicates    [2]*radius.DuplicateCache // by Service
	conversations conversationTable
	waiting       atomic.Int64
	rand          *serialReader

	countMu sync.Mutex
	counts  Counters
}

// NewEngine returns an engine, or what is wrong with the configuration.
func NewEngine(config Config, env Env, handler Handler) (*Engine, error) {
	s, err := newSettings(config)
	if err != nil {
		return nil, err
	}
	e := &Engine{
		env:     env,
		handler: handler,
		rand:    &serialReader{r: env.Rand},
		counts:  Counters{Drops: make(map[DropReason]uint64)},
	}
	for service := range e.duplicates {
		e.duplicates[service] = radius.NewDuplicateCache(s.MaxDuplicates, s.DuplicateTTL)
	}
	e.settings.Store(s)
	e.conversations.init(s.MaxConversations, s.MaxPerNAS, s.ConversationTTL)
	return e, nil
}

// Handle takes one datagram. The answer is given exactly once: before Handle returns, or later, by the task that
// brings what the request has been waiting for, by Sweep, or by Close. A retransmission gets the octets of the first
// reply, or nothing while that is awaited. The datagram is not kept.
func (e *Engine) Handle(now time.Time, service Service, from Source, datagram []byte, answer Answer) {
	e.Sweep(now)
	x, reply, drop := e.take(now, service, from, datagram, answer)
	e.countMu.Lock()
	e.counts.Requests++
	switch {
	case drop != "":
		e.counts.Drops[drop]++
	case x == nil:
		e.counts.Repeats++
	}
	e.countMu.Unlock()
	if x == nil {
		answer(from, reply, drop)
		return
	}
	switch x.packet.Code {
	case lr.CodeStatusServer:
		reply, drop = e.encode(radius.NewReply(x.packet, service.alive()))
	case lr.CodeAccountingRequest:
		reply, drop = e.accounting(x.request, x.packet)
	default:
		e.access(x)
		return
	}
	e.finish(x, reply, drop)
}

// Reload takes up another configuration: clients, ways to authenticate, MAB. Conversations under way keep what they began
// with. The addresses and the bounds of what is kept stay as they are.
func (e *Engine) Reload(config Config) error {
	s, err := newSettings(config)
	if err != nil {
		return err
	}
	e.settings.Store(s)
	return nil
}

// takes reports whether a request belongs on the service's port.
func (s Service) takes(code lr.Code) bool {
	switch code {
	case lr.CodeStatusServer:
		return true
	case lr.CodeAccessRequest:
		return s == Auth
	case lr.CodeAccountingRequest:
		return s == Acct
	}
	return false
}

// dropReason maps the errors of radius.ParseRequest.
func dropReason(err error) DropReason {
	switch {
	case errors.Is(err, radius.ErrNoMessageAuthenticator):
		return DropNoMessageAuthenticator
	case errors.Is(err, radius.ErrBadMessageAuthenticator), errors.Is(err, radius.ErrBadAuthenticator):
		return DropBadAuthenticator
	case errors.Is(err, radius.ErrCode):
		return DropUnknownCode
	}
	return DropMalformed
}

// alive is the answer to Status-Server (RFC 5997 section 4.1).
func (s Service) alive() lr.Code {
	if s == Acct {
		return lr.CodeAccountingResponse
	}
	return lr.CodeAccessAccept
}

func (e *Engine) encode(reply *lr.Packet) ([]byte, DropReason) {
	b, err := radius.EncodeReply(reply)
	if err != nil {
		return nil, DropReplyTooLong
	}
	return b, ""
}

// Sweep ends the conversations that have been idle for too long. Handle does it too; it needs calling only so that
// the last ones do not stay when nothing comes in any more.
func (e *Engine) Sweep(now time.Time) {
	for c := e.conversations.popExpired(now); c != nil; c = e.conversations.popExpired(now) {
		e.end(c, DropAbandoned)
	}
}

// Close ends all conversations and gives up the requests that wait in them. Datagrams that come later start new ones.
func (e *Engine) Close() {
	for c := e.conversations.pop(); c != nil; c = e.conversations.pop() {
		e.end(c, DropAbandoned)
	}
}

// serialReader lets several goroutines draw from a source of randomness that need not allow it.
type serialReader struct {
	mu sync.Mutex
	r  io.Reader
}

func (s *serialReader) Read(b []byte) (int, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	return io.ReadFull(s.r, b)
}
