// Package coa changes the authorization of a session that is in force: it asks a NAS to have a client
// authenticate again, or to end its session (RFC 5176, Dynamic Authorization).
//
// [Transaction] is one request and its answer, as a state machine without sockets and clocks:
//
//	t, err := coa.NewTransaction(now, session, coa.Reauth, identifier, secret, timers)
//	send t.Datagram() to t.To()
//	for {
//		wait for a datagram until t.Deadline()
//		on a datagram: answer, err := t.Receive(from, b); err == nil is the answer, otherwise ignore the datagram
//		on the deadline: if t.Timeout(now) { send t.Datagram() again } else { give up }
//	}
//
// A NAS that keeps a RadSec connection is asked on that, where nothing is retransmitted: see [Connection].
//
// [Sender] runs transactions on a machine, knows when a NAS takes no part, and tells the trace and the events.
package coa

import (
	"fmt"
	"net"
	"net/netip"
	"strconv"
	"strings"
	"time"

	"nacsim/internal/radius"
	"nacsim/nac/session"

	lr "layeh.com/radius"
	"layeh.com/radius/rfc2865"
	"layeh.com/radius/rfc2866"
	"layeh.com/radius/rfc3162"
)

// A Kind is what is asked of the NAS. The values are those of Mist's setting mdm.coa_type (facts:
// mist-and-peers 1.6).
type Kind string

const (
	// Reauth asks for a re-authentication: a CoA-Request with the Cisco-AVPair
	// "subscriber:command=reauthenticate" (facts: mist-and-peers 4). The session goes on meanwhile.
	Reauth Kind = "reauth"
	// Disconnect ends the session: a Disconnect-Request. The client may connect again.
	Disconnect Kind = "disconnect"
)

// reauthenticate is the command of [Reauth].
const reauthenticate = "subscriber:command=reauthenticate"

// Request returns the name of the packet, "CoA-Request" or "Disconnect-Request".
func (k Kind) Request() string { return radius.CodeName(k.code()) }

func (k Kind) code() lr.Code {
	if k == Disconnect {
		return lr.CodeDisconnectRequest
	}
	return lr.CodeCoARequest
}

// newRequest builds and signs a request about a session. Its attributes are Message-Authenticator, which is the
// first, Event-Timestamp, and what identifies NAS and session in the NAS's own words, so that a NAS that
// compares texts finds it: NAS-IP-Address, NAS-Identifier, Calling-Station-Id and Acct-Session-Id. User-Name
// stands in where the Acct-Session-Id is not known. No other is sent, because there are NASes that refuse a
// request with an attribute they do not expect (facts: radius-lab 3).
func newRequest(now time.Time, s *session.Session, kind Kind, identifier byte, secret []byte) (*lr.Packet, []byte, error) {
	p, err := newPacket(now, s, kind, identifier, secret)
	if err != nil {
		return nil, nil, err
	}
	wire, err := radius.EncodeRequest(p)
	if err != nil {
		return nil, nil, fmt.Errorf("coa: %w", err)
	}
	return p, wire, nil
}

// newPacket is newRequest without the signature.
func newPacket(now time.Time, s *session.Session, kind Kind, identifier byte, secret []byte) (*lr.Packet, error) {
	p, err := radius.NewRequest(kind.code(), identifier, secret, nil)
	if err != nil {
		return nil, fmt.Errorf("coa: %w", err)
	}
	radius.SetEventTimestamp(p, now)
	if err := identify(p, s); err != nil {
		return nil, fmt.Errorf("coa: %w", err)
	}
	if kind == Reauth {
		if err := radius.AddCiscoAVPair(p, reauthenticate); err != nil {
			return nil, fmt.Errorf("coa: %w", err)
		}
	}
	return p, nil
}

func identify(p *lr.Packet, s *session.Session) error {
	ip := s.NASIPAddress
	if !ip.IsValid() && s.NASIdentifier == "" {
		ip = s.Request.NASIP // the NAS has not named itself: RFC 5176 section 3 wants something
	}
	if err := addIP(p, ip); err != nil {
		return err
	}
	if s.NASIdentifier != "" {
		if err := rfc2865.NASIdentifier_SetString(p, s.NASIdentifier); err != nil {
			return err
		}
	}
	station := s.CallingStation
	if station == "" {
		station = s.Request.MAC
	}
	if err := rfc2865.CallingStationID_SetString(p, station); err != nil {
		return err
	}
	if s.AcctSessionID != "" {
		return rfc2866.AcctSessionID_SetString(p, s.AcctSessionID)
	}
	if s.Request.UserName != "" {
		return rfc2865.UserName_SetString(p, s.Request.UserName)
	}
	return nil
}

func addIP(p *lr.Packet, ip netip.Addr) error {
	switch ip = ip.Unmap(); {
	case ip.Is4():
		return rfc2865.NASIPAddress_Set(p, net.IP(ip.AsSlice()))
	case ip.Is6():
		return rfc3162.NASIPv6Address_Set(p, net.IP(ip.AsSlice()))
	}
	return nil
}

// Older reports whether firmware version a, for example "0.12.27139", is below b, for example "0.14". Versions
// are compared part by part as numbers; what is no number counts as 0, and so does a part that is missing.
func Older(a, b string) bool {
	for a != "" || b != "" {
		var x, y string
		x, a, _ = strings.Cut(a, ".")
		y, b, _ = strings.Cut(b, ".")
		if m, n := part(x), part(y); m != n {
			return m < n
		}
	}
	return false
}

// part reads the digits at the start of one part of a version.
func part(s string) uint64 {
	i := 0
	for i < len(s) && s[i] >= '0' && s[i] <= '9' {
		i++
	}
	n, err := strconv.ParseUint(s[:i], 10, 64)
	if err != nil {
		return 0
	}
	return n
}
