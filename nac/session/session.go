// Package session keeps the sessions that are authorized on the network: who is where, on what facts the
// decision was made, and what authorization is in force.
//
// The [Table] is durable: each session is one record in the machine's store under "session/", so that after a
// crash the NAC knows again what the network has been told. It follows RADIUS accounting (RFC 2866), and
// distrusts it: accounting creates no session, and a late or repeated record of an older session ends no newer
// one.
//
// A client has one session at most. When it turns up at another NAS, the older session has ended, whether or
// not the older NAS has said so.
package session

import (
	"net/netip"
	"time"

	"nacsim/nac/identity"
	"nacsim/nac/policy"
)

// A Key names a session: the NAS by its name and by the address that its packets come from, the client by its MAC
// address as in "00:1c:b3:09:85:15". A name alone is only a claim: a NAS that calls itself like another must not
// end the other's sessions. An address alone can be that of a proxy with many NASes behind it.
type Key struct {
	NAS     string
	Address netip.Addr
	Client  string
}

// String returns "client at NAS".
func (k Key) String() string { return k.Client + " at " + k.NAS }

// A Session is one client that is authorized at one port or association.
type Session struct {
	// Request has the facts of the latest decision; with MDM brought up to date it can be decided again.
	Request policy.Request `json:"request"`
	// CoA is where the NAS takes CoA-Requests and Disconnect-Requests.
	CoA netip.AddrPort `json:"coa"`
	// RadSec says that the NAS takes them on the connection over which it sends its own requests.
	RadSec bool `json:"radsec,omitempty"`
	// NASClient is the name of the RADIUS client with RadSec, by which the connection of the NAS is known.
	NASClient string `json:"nas_client,omitempty"`
	// NASIdentifier and NASIPAddress are the attributes by which the NAS names itself, for requests to it.
	NASIdentifier string     `json:"nas_identifier,omitempty"`
	NASIPAddress  netip.Addr `json:"nas_ip_address"`
	// CallingStation and CalledStation are the attributes as the NAS writes them.
	CallingStation string `json:"calling_station,omitempty"`
	CalledStation  string `json:"called_station,omitempty"`
	// Port is the NAS-Port-Id.
	Port string `json:"port,omitempty"`
	// AcctSessionID is the Acct-Session-Id, empty until the NAS has told it.
	AcctSessionID string `json:"acct_session_id,omitempty"`
	// Class is the attribute that the NAC has given the NAS to return in accounting.
	Class string `json:"class,omitempty"`
	// Firmware is the version that the NAS states, empty where it states none.
	Firmware string `json:"firmware,omitempty"`
	// InForce is the authorization that the NAS has been told, and Rule the rule that gave it.
	InForce policy.Authorization `json:"in_force"`
	Rule    string               `json:"rule,omitempty"`
	// AuthorizedAt is when it was told. Each authorization of a session has another.
	AuthorizedAt time.Time `json:"authorized_at"`
	// StartedAt is when accounting started; zero before that.
	StartedAt time.Time `json:"started_at"`

	// Usage is what accounting last said. It is not durable.
	Usage Usage `json:"-"`
}

// Usage is the traffic of a session as the NAS counts it (RFC 2866 section 5).
type Usage struct {
	InOctets, OutOctets, InPackets, OutPackets uint64
	// Time is the Acct-Session-Time.
	Time time.Duration
	// At is when this was reported.
	At time.Time
}

// Key returns the key of the session.
func (s *Session) Key() Key {
	return Key{NAS: s.Request.NAS, Address: s.Request.NASIP, Client: s.Request.MAC}
}

// Keys returns the names by which the client's device may be known to mobile device management.
func (s *Session) Keys() []identity.Key {
	return identity.Extract(s.Request.AuthType, parseMAC(s.Request.MAC), s.Request.DeviceCertificate())
}

// parseMAC reads an address in the form of [Key].
func parseMAC(s string) []byte {
	if len(s) != 17 {
		return nil
	}
	mac := make([]byte, 6)
	for i := range mac {
		hi, lo := nibble(s[3*i]), nibble(s[3*i+1])
		if hi > 15 || lo > 15 || i < 5 && s[3*i+2] != ':' {
			return nil
		}
		mac[i] = hi<<4 | lo
	}
	return mac
}

func nibble(c byte) byte {
	switch {
	case c >= '0' && c <= '9':
		return c - '0'
	case c >= 'a' && c <= 'f':
		return c - 'a' + 10
	}
	return 255
}
