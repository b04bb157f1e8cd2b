package radiusd

import (
	"crypto/x509"
	"time"

	"nacsim/internal/eap/teap"
	"nacsim/nac/eapserver"

	lr "layeh.com/radius"
)

// A Handler decides. Its methods are called from the tasks that read the sockets, and from those that bring what a
// conversation has been waiting for, several at the same time in the live world, and must not block.
type Handler interface {
	// Authorize is called once for each conversation, when the client has proven who it is and nothing that
	// commits the server has been sent. With TLS 1.3 the NAS is told only when the client has acknowledged, which a
	// client that goes away never does: what is to follow from the verdict belongs into its Sent.
	Authorize(a Access) Verdict
	// Rejected is called once for each conversation that fails in another way than by the verdict.
	Rejected(a Access, f eapserver.Failure)
	// Accounting is called once for each accounting request; retransmissions are recognized. The record must not
	// be changed. After an error the request is not acknowledged, so that the NAS sends it again.
	Accounting(rec AccountingRecord) error
}

// An Access is an attempt to get network access.
type Access struct {
	// Request is the one that made the matter decidable, the last but one or two of the conversation.
	Request *Request
	// Identity is what the client called itself (EAP-Response/Identity); a claim.
	Identity string
	// Method is how it authenticated, in the words of policies: "eap-tls", "eap-ttls" and so on; empty when it did not
	// come to that.
	Method string
	// User is whose password the client has proven to know inside a tunnel, Inner how, for example "mschapv2", and
	// Groups what the directory has the user in.
	User, Inner string
	Groups      []string
	// Chain is the client's certificate, first, and what leads to the trusted CA. With Rejected it is what the
	// client sent, not verified, if anything.
	Chain []*x509.Certificate
	// As, Machine and MachineChain are as in eapserver.Peer: with TEAP, whose User and Chain are, and the machine, which
	// proves itself beside its user. With Rejected they are those of eapserver.Failure.
	As           teap.Identity
	Machine      string
	MachineChain []*x509.Certificate
	// Resumed says that the client was authenticated earlier and has resumed the TLS session.
	Resumed bool
	// TLSVersion is that of crypto/tls, for example tls.VersionTLS13.
	TLSVersion uint16
}

// A Verdict is the authorization of an authenticated client.
type Verdict struct {
	// Accept lets the client in; the rest is then what the NAS is told.
	Accept bool
	// UserName is the name the NAS uses in accounting (RFC 2865 section 5.1); "" means the EAP identity.
	UserName string
	// VLAN is the number or name for Tunnel-Private-Group-Id; "" leaves it to the NAS.
	VLAN string
	// Role is sent as Filter-Id, unless "".
	Role string
	// SessionTimeout is when the client must authenticate again, with Termination-Action RADIUS-Request so that
	// it keeps its connection meanwhile; zero means never.
	SessionTimeout time.Duration
	// InterimInterval is how often the NAS is to send Interim-Update; zero leaves it to the NAS.
	InterimInterval time.Duration
	// Class comes back in accounting, unless nil.
	Class []byte
	// Attributes are sent as they are, after all others.
	Attributes lr.Attributes
	// Sent, unless nil, is called once, when the NAS is about to be told: just before the Access-Accept, or the
	// Access-Reject if Accept is false. After an error the client that was accepted is rejected.
	Sent func() error
}
