package radsec

import (
	"bufio"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"io"
	"net"
	"net/netip"
	"slices"
	"sync"
	"time"

	"nacsim/internal/host"
	"nacsim/internal/radius"

	lr "layeh.com/radius"
)

// A Conn is one connection, after its handshake. Serve reads from it, in one task; everything else may be called from
// any task.
type Conn struct {
	h        host.Host
	settings Settings
	out      *outbox
	tls      *tls.Conn
	state    tls.ConnectionState
	v11      bool
	remote   netip.AddrPort
	nonces   nonces
	tap      host.Tap // nil where nobody listens

	// Of Serve:
	frames   *frames
	watchdog *watchdog // of a client, unless it is off
	rand     io.Reader // for Status-Server
	heard    time.Time // when the last packet came

	free host.Signal // set when an identifier is free again

	mu       sync.Mutex
	calls    calls
	end      error // once the connection has ended
	answered bool  // a reply has come
}

// Client makes a connection of a stream that was dialed, by a TLS handshake. The label names it uniquely on this
// machine: see host.Host.TLS. It closes the stream on failure.
func Client(h host.Host, label string, stream net.Conn, s Settings) (*Conn, error) {
	return newConn(h, label, stream, s, false)
}

// Server makes a connection of a stream that was accepted, by a TLS handshake in which the other end must present a
// certificate. It closes the stream on failure.
func Server(h host.Host, label string, stream net.Conn, s Settings) (*Conn, error) {
	return newConn(h, label, stream, s, true)
}

func newConn(h host.Host, label string, stream net.Conn, s Settings, server bool) (*Conn, error) {
	s, err := s.withDefaults()
	if err != nil {
		stream.Close()
		return nil, err
	}
	c := &Conn{h: h, settings: s, out: newOutbox(h, stream, s), free: h.NewSignal(), remote: addrPort(stream.RemoteAddr())}
	c.tap, _ = stream.(host.Tap)
	if server {
		c.tls = tls.Server(c.out, serverTLS(h, label, s))
	} else {
		c.tls = tls.Client(c.out, clientTLS(h, label, s))
	}
	if err := c.handshake(); err != nil {
		c.out.Close()
		return nil, &Error{HandshakeFailed, err}
	}
	c.heard = h.Now()
	c.frames = newFrames(bufio.NewReaderSize(c.tls, frameRoom))
	c.calls.init(c.v11)
	c.nonces = newNonces(label)
	if !server && s.Watchdog > 0 {
		c.rand = h.Rand("radsec/nonce")
		c.watchdog = &watchdog{interval: s.Watchdog, jitter: jitter(h.Rand("radsec/jitter"))}
		c.watchdog.heard(c.heard)
	}
	return c, nil
}

// handshake shakes hands within the time for it.
func (c *Conn) handshake() error {
	_ = c.out.SetReadDeadline(c.h.Now().Add(c.settings.HandshakeTimeout))
	if err := c.tls.Handshake(); err != nil {
		if cause := c.out.failure(); cause != nil {
			return cause // the outbox has closed the stream, which is all that reading tells
		}
		return err
	}
	c.state = c.tls.ConnectionState()
	c.v11 = c.state.NegotiatedProtocol == alpn11
	switch {
	case c.v11 && c.state.Version < tls.VersionTLS13:
		return fmt.Errorf("RADIUS/1.1 over %s", tls.VersionName(c.state.Version)) // RFC 9765 section 3.3
	case !c.v11 && c.settings.Versions == Require11:
		return errors.New("the other end has no RADIUS/1.1")
	}
	return nil
}

func serverTLS(h host.Host, label string, s Settings) *tls.Config {
	config := h.TLS(label, baseTLS(s))
	config.ClientAuth = tls.RequireAndVerifyClientCert
	if config.ClientCAs == nil {
		config.ClientCAs = x509.NewCertPool() // nil would mean the CAs of the operating system
	}
	if s.Versions == Allow11 {
		config.GetConfigForClient = func(hello *tls.ClientHelloInfo) (*tls.Config, error) {
			if slices.Contains(hello.SupportedVersions, tls.VersionTLS13) {
				return nil, nil
			}
			old := config.Clone()
			old.NextProtos = []string{alpn10}
			return old, nil
		}
	}
	return config
}

func clientTLS(h host.Host, label string, s Settings) *tls.Config { return h.TLS(label, baseTLS(s)) }

// baseTLS is what both ends have in common. There are no tickets: each connection has the certificates checked.
func baseTLS(s Settings) *tls.Config {
	c := s.TLS.Clone()
	c.MinVersion = max(c.MinVersion, tls.VersionTLS12)
	c.SessionTicketsDisabled = true
	c.ClientSessionCache = nil
	c.NextProtos = nil
	tls13 := c.MaxVersion == 0 || c.MaxVersion >= tls.VersionTLS13
	switch {
	case s.Versions == Require11:
		c.MinVersion, c.NextProtos = tls.VersionTLS13, []string{alpn11}
	case s.Versions == Allow11 && tls13:
		c.NextProtos = []string{alpn11, alpn10}
	case s.Versions == Allow11:
		c.NextProtos = []string{alpn10}
	}
	return c
}

func addrPort(a net.Addr) netip.AddrPort {
	if t, ok := a.(*net.TCPAddr); ok {
		p := t.AddrPort()
		return netip.AddrPortFrom(p.Addr().Unmap(), p.Port())
	}
	return netip.AddrPort{}
}

// jitter draws from -2 to +2 seconds (RFC 3539 section 3.4.1).
func jitter(r io.Reader) func() time.Duration {
	return func() time.Duration {
		var b [2]byte
		if _, err := io.ReadFull(r, b[:]); err != nil {
			return 0
		}
		return (time.Duration(b[0])<<8|time.Duration(b[1]))*4*time.Second/65536 - 2*time.Second
	}
}

// RemoteAddr is the address of the other end.
func (c *Conn) RemoteAddr() netip.AddrPort { return c.remote }

// Chain is the verified certificate chain of the other end, its own first.
func (c *Conn) Chain() []*x509.Certificate {
	if len(c.state.VerifiedChains) == 0 {
		return nil
	}
	return c.state.VerifiedChains[0]
}

// TLSVersion is that of crypto/tls.
func (c *Conn) TLSVersion() uint16 { return c.state.Version }

// Version is the version of RADIUS, "1.0" or "1.1".
func (c *Conn) Version() string {
	if c.v11 {
		return "1.1"
	}
	return "1.0"
}

// Answered reports whether the other end has answered anything yet. With TLS 1.3 a client knows only then that the
// server has accepted its certificate.
func (c *Conn) Answered() bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.answered
}

// A Handler takes a request of the other end. The packet is in the format of RADIUS/1.0, signed with [Secret], and
// valid until the handler returns. Reply sends the reply to it, now or later and from any task; without a reply the
// request is dropped. The handler may block: then nothing more is read. After an error, which should be an [Error],
// the connection is closed.
type Handler func(request []byte, reply func(reply []byte)) error

// Serve reads until the connection ends, and returns why: an [Error], or host.ErrDown when the machine goes down.
// Requests are given to handle, and replies to those who wait for them in [Conn.Exchange].
func (c *Conn) Serve(handle Handler) error {
	err := c.serve(handle)
	c.finish(err)
	return err
}

func (c *Conn) serve(handle Handler) error {
	for {
		if err := c.ended(); err != nil {
			return err
		}
		_ = c.out.SetReadDeadline(c.deadline())
		b, err := c.frames.next()
		now := c.h.Now()
		switch {
		case err == nil:
			c.listened(now)
			err = c.receive(b, handle)
		case errors.Is(err, host.ErrTimeout):
			err = c.overdue(now)
		default:
			err = c.explain(err)
		}
		if err != nil {
			return err
		}
	}
}

// deadline is when something is due although nothing has come; zero is never.
func (c *Conn) deadline() time.Time {
	var t time.Time
	if c.settings.Idle > 0 {
		t = c.heard.Add(c.settings.Idle)
	}
	if c.watchdog != nil && (t.IsZero() || c.watchdog.deadline.Before(t)) {
		t = c.watchdog.deadline
	}
	return t
}

func (c *Conn) listened(now time.Time) {
	c.heard = now
	if c.watchdog != nil {
		c.watchdog.heard(now)
	}
}

// overdue does what is due.
func (c *Conn) overdue(now time.Time) error {
	if c.settings.Idle > 0 && !now.Before(c.heard.Add(c.settings.Idle)) {
		return &Error{Idle, nil}
	}
	if c.watchdog == nil {
		return nil
	}
	switch c.watchdog.expire(now) {
	case probe:
		return c.probe()
	case dead:
		return &Error{Silent, nil}
	}
	return nil
}

// probe sends a Status-Server of which nobody awaits the reply.
func (c *Conn) probe() error {
	request, err := radius.NewRequest(lr.CodeStatusServer, 0, []byte(Secret), c.rand)
	if err != nil {
		return err
	}
	if call, err := c.begin(request); err == nil {
		c.abandon(call)
	}
	return nil // with all identifiers taken, requests enough are there to be answered
}

// ended is why the connection has ended, or nil.
func (c *Conn) ended() error {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.end
}

// explain turns an error of reading into the end of the connection.
func (c *Conn) explain(err error) error {
	end := c.ended()
	switch {
	case end != nil:
		return end // by Close, which is why reading failed
	case errors.Is(err, errMalformed):
		return &Error{Malformed, err}
	case c.out.failure() != nil:
		return sendError(c.out.failure())
	case errors.Is(err, host.ErrDown):
		return host.ErrDown
	case errors.Is(err, io.EOF):
		return &Error{ClosedByPeer, nil}
	}
	return &Error{ClosedByPeer, err}
}

// receive takes one packet.
func (c *Conn) receive(b []byte, handle Handler) error {
	if isReply(lr.Code(b[0])) {
		return c.reply(b)
	}
	if !c.v11 {
		c.carried(false, b)
		return handle(b, func(reply []byte) {
			c.carried(true, reply)
			c.write(reply)
		})
	}
	token := tokenOf(b)
	p, err := decode11(b, c.nonces.nonce(token))
	if err != nil {
		return &Error{Malformed, err}
	}
	p.Identifier = byte(token)
	request, err := radius.EncodeRequest(p)
	if err != nil {
		return nil // a code that is not known: discarded, the connection stays (RFC 6613 section 2.6.4)
	}
	c.carried(false, request)
	return handle(request, func(reply []byte) {
		c.carried(true, reply)
		c.write11(reply, token, p.Authenticator)
	})
}

// carried shows a packet, in the format of RADIUS/1.0, to whoever listens.
func (c *Conn) carried(sent bool, packet []byte) {
	if c.tap != nil {
		c.tap.Carried(sent, packet)
	}
}

// write11 sends a reply in the format of RADIUS/1.1. One that cannot be translated is dropped, as one that cannot be
// encoded is.
func (c *Conn) write11(reply []byte, token uint32, authenticator [16]byte) {
	p, err := radius.Parse(reply, []byte(Secret))
	if err != nil {
		return
	}
	if b, err := encode11(p, token, authenticator); err == nil {
		c.write(b)
	}
}

// write sends a packet. An error shows in Serve.
func (c *Conn) write(b []byte) {
	if _, err := c.tls.Write(b); err != nil {
		c.finish(sendError(err))
	}
}

// sendError turns an error of writing into the end of the connection.
func sendError(err error) error {
	switch {
	case errors.Is(err, errSlow):
		return &Error{Slow, errSlow}
	case errors.Is(err, host.ErrDown):
		return host.ErrDown
	}
	return &Error{ClosedByPeer, err}
}

// isReply tells replies from requests. What is neither is left to the handler, which knows what it takes.
func isReply(code lr.Code) bool {
	switch code {
	case lr.CodeAccessAccept, lr.CodeAccessReject, lr.CodeAccessChallenge, lr.CodeAccountingResponse,
		lr.CodeCoAACK, lr.CodeCoANAK, lr.CodeDisconnectACK, lr.CodeDisconnectNAK:
		return true
	}
	return false
}

// Close ends the connection; what was sent before still goes out.
func (c *Conn) Close(reason Reason) { c.finish(&Error{reason, nil}) }

// finish ends the connection once: those who wait for replies learn of it.
func (c *Conn) finish(err error) {
	c.mu.Lock()
	first := c.end == nil
	if first {
		c.end = err
		c.calls.fail()
	}
	c.mu.Unlock()
	if first {
		c.free.Set()
		_ = c.tls.Close()
		c.out.Close()
	}
}
