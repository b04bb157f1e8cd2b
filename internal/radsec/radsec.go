// Package radsec carries RADIUS packets over a TLS connection, as RFC 6614 (RADIUS/TLS, "RadSec") on top of RFC 6613
// (RADIUS over TCP) says, for both ends: a NAS or a proxy, which opens the connection, and a server, which accepts it.
//
//	conn, err := radsec.Client(h, label, stream, settings)   // or radsec.Server: the TLS handshake
//	h.Go("radsec", func() { err = conn.Serve(handle) })      // reads until the end of the connection
//	reply, err := conn.Exchange(request, deadline)           // from any task, several at the same time
//
// Either end may ask: a client for access, a server for a change of authorization (RFC 6614 section 2.5). Requests
// are matched with their replies by Identifier, of which each connection has 256 of its own in each direction (RFC
// 6613 section 2.6.5), in whatever order the replies come. Nothing is ever sent twice on a connection (RFC 6613
// section 2.6.1): what is unanswered when a connection ends may be sent again on the next.
//
// What is not RADIUS ends the connection, since nobody can tell where the next packet begins (RFC 6613 section 2.6.4).
//
// # RADIUS/1.1
//
// Where both ends want it, ALPN selects the format of RFC 9765: a Token of 32 bits in place of Identifier and
// Authenticator, and no MD5. [Conn] translates: its callers always see packets of RFC 2865, whose passwords and keys
// are hidden with [Secret].
package radsec

import (
	"crypto/tls"
	"errors"
	"fmt"
	"time"
)

// Port is the TCP port of RADIUS/TLS, for packets of every kind (RFC 6614 section 2.1).
const Port = 2083

// Secret is the shared secret on every connection (RFC 6614 section 2.3). It protects nothing: TLS does.
const Secret = "radsec"

// Versions says which formats of RADIUS may be used (RFC 9765 section 3.3).
type Versions uint8

const (
	// Allow11 prefers RADIUS/1.1 and falls back to RADIUS/1.0.
	Allow11 Versions = iota
	// Forbid11 uses no ALPN, and so RADIUS/1.0.
	Forbid11
	// Require11 refuses peers without RADIUS/1.1.
	Require11
)

// The protocol names of ALPN (RFC 9765 section 3.1).
const (
	alpn10 = "radius/1.0"
	alpn11 = "radius/1.1"
)

// Defaults of [Settings].
const (
	DefaultHandshakeTimeout = 10 * time.Second
	DefaultWriteTimeout     = 30 * time.Second
	DefaultQueue            = 1 << 20
	// DefaultWatchdog is Tw of RFC 3539 section 3.4.1.
	DefaultWatchdog = 30 * time.Second
)

// Settings are those of one end of a connection. Zero values mean the defaults.
type Settings struct {
	// TLS has the certificate of this end, and for the other end: ClientCAs of a server, RootCAs and ServerName of a
	// client. A server always asks for a certificate and verifies it. Versions below 1.2 are never used.
	TLS *tls.Config
	// Versions says whether RADIUS/1.1 is used. It needs TLS 1.3.
	Versions Versions
	// HandshakeTimeout bounds the TLS handshake.
	HandshakeTimeout time.Duration
	// WriteTimeout is how long the other end may take to read something.
	WriteTimeout time.Duration
	// Queue bounds the octets that wait to be sent; an end that lets more than that wait is too slow.
	Queue int
	// Idle is how long the other end may send no packet; zero means for ever.
	Idle time.Duration
	// Watchdog is how long a connection may be silent before a client asks for a sign of life with Status-Server (RFC
	// 3539 section 3.4.1, RFC 6613 section 2.4); negative means never. If two more such times pass without one, the
	// connection is closed.
	Watchdog time.Duration
}

func (s Settings) withDefaults() (Settings, error) {
	if s.TLS == nil {
		return s, errors.New("radsec: no TLS configuration")
	}
	if s.Versions == Require11 && s.TLS.MaxVersion != 0 && s.TLS.MaxVersion < tls.VersionTLS13 {
		return s, fmt.Errorf("radsec: RADIUS/1.1 is required, which needs TLS 1.3, but %s is the most allowed", tls.VersionName(s.TLS.MaxVersion))
	}
	orDefault(&s.HandshakeTimeout, DefaultHandshakeTimeout)
	orDefault(&s.WriteTimeout, DefaultWriteTimeout)
	orDefault(&s.Queue, DefaultQueue)
	if s.Watchdog == 0 {
		s.Watchdog = DefaultWatchdog
	}
	return s, nil
}

func orDefault[T int | time.Duration](p *T, value T) {
	if *p <= 0 {
		*p = value
	}
}

// A Reason says why a connection has ended.
type Reason string

// The reasons.
const (
	Closed           Reason = "closed"            // by this end
	ClosedByPeer     Reason = "closed_by_peer"    // by the other end, or by the network
	HandshakeFailed  Reason = "handshake_failed"  // of TLS
	Malformed        Reason = "malformed"         // what came is not RADIUS (RFC 6613 section 2.6.4)
	BadAuthenticator Reason = "bad_authenticator" // of a reply, or of a request (RFC 6613 section 2.6.4)
	Idle             Reason = "idle"              // see Settings.Idle
	Silent           Reason = "silent"            // see Settings.Watchdog
	Slow             Reason = "slow"              // the other end does not read
	UnknownClient    Reason = "unknown_client"    // the certificate belongs to no client
	TooMany          Reason = "too_many"          // connections
)

// An Error is the end of a connection.
type Error struct {
	Reason Reason
	// Err has the details; it may be nil.
	Err error
}

func (e *Error) Error() string {
	if e.Err == nil {
		return "radsec: connection ended: " + string(e.Reason)
	}
	return "radsec: connection ended: " + string(e.Reason) + ": " + e.Err.Error()
}

func (e *Error) Unwrap() error { return e.Err }

// ReasonOf returns the reason in an error of this package; for any other error it is [ClosedByPeer].
func ReasonOf(err error) Reason {
	var e *Error
	if errors.As(err, &e) {
		return e.Reason
	}
	return ClosedByPeer
}
