// Package eapserver is the authentication server's side of EAP (RFC 3748, behind a RADIUS pass-through
// authenticator as in RFC 3579): Identity, then a method. That is EAP-TLS with TLS 1.2 (RFC 5216) or TLS 1.3 (RFC 9190);
// EAP-TTLS (RFC 5281) or PEAP ([MS-PEAP]) with a password that a credential.Directory checks, with TLS 1.3 as in RFC
// 9427; TEAP (RFC 7170) with passwords and certificates of a machine and its user; or EAP-MD5 for devices without a user.
//
// A [Conversation] is one authentication of one client. It does no I/O: responses and the time go in, results
// come out. Whether an authenticated client is let in is not decided here; the result Authenticated asks the
// caller, who answers with Authorize before anything that commits the server has been sent:
//
//	c := eapserver.New(config)
//	defer c.Close()
//	for each EAP-Response from the NAS {
//		r := c.Handle(now, response)
//		if r.Kind == eapserver.Waiting {
//			r.Wait(func() { wake up })
//			// at some time later:
//			r = c.Resume(now)
//		}
//		if r.Kind == eapserver.Authenticated {
//			r = c.Authorize(policyAccepts(r.Peer))
//		}
//		switch r.Kind {
//		case eapserver.Ignored:   // no answer
//		case eapserver.Challenge: // Access-Challenge with r.EAP
//		case eapserver.Success:   // Access-Accept with r.EAP and r.Peer.MSK
//		case eapserver.Failed:    // Access-Reject with r.EAP
//		}
//	}
//
// # Adding a method
//
// A method is a type with the method interface of method.go and a line in newMethod. One over TLS is an upper on a tlsCore,
// and one with users inside embeds a tunnel; an EAP method inside is an innerMethod.
package eapserver

import (
	"bytes"
	"crypto/tls"
	"crypto/x509"
	"io"
	"time"

	"nacsim/internal/eap"
	"nacsim/internal/eap/teap"
	"nacsim/nac/credential"
	"nacsim/nac/revocation"
)

// DefaultMaxRounds is the default of Config.MaxRounds. EAP-TLS takes about 5 with usual certificates, and 64
// octet fragments some 60.
const DefaultMaxRounds = 100

// Limits on the size of what is sent, in octets.
const (
	// DefaultFragment is the default of Config.Fragment.
	DefaultFragment = 1398
	// MaxFragment keeps an Access-Challenge below the 4096 octets of a RADIUS packet.
	MaxFragment = 3000
	// defaultMTU is the EAP packet size every link must carry (RFC 3748 section 3.1), used without Framed-MTU.
	defaultMTU = 1020
	// linkOverhead is what IEEE 802.1X adds to an EAP packet inside Framed-MTU (RFC 3580 section 3.10).
	linkOverhead = 4
)

// maxIdentity is the longest identity taken: it becomes a User-Name attribute.
const maxIdentity = 253

// Config is what a conversation is made from.
type Config struct {
	// TLS returns the configuration of one TLS connection: server certificate, ClientCAs, MinVersion, MaxVersion,
	// Rand, KeyLogWriter. It is called once for each TLS connection of a conversation. Client authentication, its verification, the clock
	// and session tickets are set here.
	TLS func() *tls.Config
	// Fragment is how much TLS data goes into one EAP packet at most, in octets; zero means DefaultFragment.
	Fragment int
	// FramedMTU is that of the NAS (RFC 3579 section 2.4) and lowers Fragment; zero means unknown.
	FramedMTU int
	// Sessions has clients resume TLS sessions; nil means that each handshake is a full one.
	Sessions *Sessions
	// Chains remembers the chains of certificates that were verified. Nil means that each is verified anew.
	Chains *eap.Chains
	// Revocation says which certificates of clients have been revoked; nil means that nobody is asked.
	Revocation revocation.Checker
	// Methods are the EAP methods on offer, the one that is proposed first in front: EAP-TLS, EAP-TTLS, PEAP and TEAP. Nil
	// means EAP-TLS and EAP-TTLS. Those that ask for a password need a Directory and are left out without.
	Methods []eap.Type
	// TTLSInner and PEAPInner are the ways to authenticate in the tunnel; of the EAP methods among them the first is
	// proposed first. Nil means [DefaultTTLSInner] and [DefaultPEAPInner].
	TTLSInner, PEAPInner []Inner
	// TEAP says what TEAP does inside its tunnel.
	TEAP TEAP
	// TunnelClientCertificate has EAP-TTLS and PEAP ask for a certificate too. A client need not have one, but one that
	// it shows is checked.
	TunnelClientCertificate bool
	// CryptoBinding has PEAP send the Crypto-Binding TLV, which lets a client make sure that nobody has carried its proof
	// from another tunnel into this one. Clients that do not know it ignore it. wpa_supplicant 2.10 fails with it where
	// it sends fragments of less than 93 octets.
	CryptoBinding bool
	// Directory knows the passwords.
	Directory credential.Directory
	// MAB says whether an identity is a MAC address whose device is authenticated by EAP-MD5, with a Question whose User
	// is the identity to Devices, or to the Directory where that is nil. Nil means that none is. It needs Rand.
	MAB     func(identity string) bool
	Devices credential.Directory
	// Rand is where the challenges of EAP-MD5 come from.
	Rand io.Reader
	// MaxRounds bounds the requests of a conversation; zero means DefaultMaxRounds.
	MaxRounds int
}

// fragment is how much TLS data fits an EAP packet of this conversation.
func (c *Config) fragment() int {
	n := c.Fragment
	if n <= 0 {
		n = DefaultFragment
	}
	mtu := defaultMTU
	if c.FramedMTU > 0 {
		mtu = c.FramedMTU - linkOverhead
	}
	return max(min(n, mtu-eap.FrameOverhead, MaxFragment), eap.MinFragment)
}

// A Kind is what a [Result] asks of the caller.
type Kind uint8

const (
	Ignored       Kind = iota // send nothing: the response does not belong to the outstanding request
	Challenge                 // send EAP, a Request, in an Access-Challenge
	Authenticated             // call Authorize; nothing is to be sent
	Waiting                   // call Wait, and Resume once it is over; nothing is to be sent yet
	Success                   // send EAP, an EAP-Success, in an Access-Accept
	Failed                    // send EAP, an EAP-Failure, in an Access-Reject
)

// A Result is the outcome of one step.
type Result struct {
	Kind Kind
	// EAP is the packet to send with Challenge, Success and Failed. It must not be changed.
	EAP []byte
	// Peer is who was authenticated, with Authenticated and Success.
	Peer *Peer
	// Failure is set with Failed, and with a Challenge that tells the client of its refusal by a TLS alert,
	// before the Failed that ends the conversation.
	Failure *Failure
	// Why says in words what was wrong with an Ignored response.
	Why string
	// Wait is set with Waiting: somebody else has to be asked, a directory or an OCSP responder. It asks and calls
	// done once, before it returns or later, from any task. It must be called without a lock that done takes.
	Wait func(done func())
}

// A Peer is an authenticated client.
type Peer struct {
	Identity string              // from its EAP-Response/Identity; a claim, not proven
	Method   eap.Type            // the method that succeeded
	User     string              // whose password it proved to know inside the tunnel
	Inner    string              // how, for example "pap", "mschapv2", "eap-gtc"
	Groups   []string            // of the user, if the directory told
	Chain    []*x509.Certificate // its certificate, and the chain up to the trusted CA
	// Machine is whose password the machine proved to know with TEAP, and MachineChain its certificate. User and Chain
	// are the user's then, if there is one; Chain is the machine's if the user has none.
	Machine      string
	MachineChain []*x509.Certificate
	// As is whose User and Chain are with TEAP: teap.User, or teap.Machine where no user is logged on; teap.Any where
	// nobody in particular was asked for.
	As teap.Identity

	Resumed bool                // it was authenticated earlier, and has now resumed the TLS session
	TLS     tls.ConnectionState // of the TLS-based methods
	MSK     []byte              // 64 octets; [0:32] is MS-MPPE-Recv-Key
}

type stage uint8

const (
	atIdentity stage = iota
	inMethod
	deciding // an Authenticated result awaits Authorize
	waiting  // a Waiting result awaits Resume
	over
)

// A Conversation is one authentication. It is not safe for concurrent use. It must be closed.
type Conversation struct {
	config   Config
	stage    stage
	id       uint8 // of the outstanding request
	asked    bool  // a request is outstanding
	rounds   int
	now      time.Time
	identity string
	method   method
	proposed []eap.Type
	answer   *answer // that is waited for
	answered bool    // the client has taken part in the method, so it may no longer refuse it

	lastResponse []byte // for retransmissions of the client
	lastResult   Result
}

// New returns a conversation that expects an EAP-Response/Identity.
func New(config Config) *Conversation {
	if config.MaxRounds <= 0 {
		config.MaxRounds = DefaultMaxRounds
	}
	return &Conversation{config: config}
}

// Start begins with a request for the identity, for a NAS that sent EAP-Start instead of asking itself.
func (c *Conversation) Start() Result {
	return c.ask(eap.TypeIdentity, nil)
}

// Identity is what the client called itself, or "".
func (c *Conversation) Identity() string { return c.identity }

// Method is the method under way or done, zero before there is one.
func (c *Conversation) Method() eap.Type {
	if c.method == nil {
		return 0
	}
	return c.method.typ()
}

// Handle takes an EAP-Response. A repetition of the last one gets the last result again; any other that does not
// answer the outstanding request is Ignored (RFC 3748 section 4.1). Certificates are checked as of now.
func (c *Conversation) Handle(now time.Time, response []byte) Result {
	p, err := eap.Parse(response)
	if err != nil {
		return ignore(err.Error())
	}
	if p.Code != eap.Response {
		return ignore("not a Response")
	}
	if c.stage == waiting {
		return ignore("the answer to the last response is being looked for")
	}
	if c.lastResponse != nil && bytes.Equal(response, c.lastResponse) {
		return c.lastResult
	}
	if c.stage == over || c.stage == deciding {
		return ignore("conversation is over")
	}
	if c.asked && p.ID != c.id {
		return ignore("identifier of another request")
	}
	c.now = now
	r := c.handle(p)
	if r.Kind != Ignored {
		c.lastResponse, c.lastResult = bytes.Clone(response), r
	}
	return r
}

func (c *Conversation) handle(p eap.Packet) Result {
	switch {
	case c.stage == atIdentity:
		if p.Type != eap.TypeIdentity {
			return ignore(p.Type.String() + " where Identity is due")
		}
		return c.identify(p)
	case p.Type == eap.TypeLegacyNAK && !c.answered:
		c.id = p.ID
		return c.renegotiate(p.Data)
	case p.Type == eap.TypeExpanded && !c.answered:
		if wanted, ok := expandedNAK(p.Data); ok {
			c.id = p.ID
			return c.renegotiate(wanted)
		}
		return ignore("Expanded where " + c.method.typ().String() + " is due")
	case p.Type != c.method.typ():
		return ignore(p.Type.String() + " where " + c.method.typ().String() + " is due")
	}
	c.answered = true
	return c.advance(c.method.handle(c.now, p.Data))
}

// identify takes the identity and proposes the first method.
func (c *Conversation) identify(p eap.Packet) Result {
	c.id = p.ID
	// What follows a NUL are options for the peer's own use (RFC 3748 section 5.1).
	name, _, _ := bytes.Cut(p.Data, []byte{0})
	if len(name) > maxIdentity {
		return c.fail(&Failure{Reason: Protocol, Text: "identity is too long"})
	}
	c.identity = string(name)
	c.stage = inMethod
	return c.propose(c.config.preference(c.identity))
}

// Authorize answers an Authenticated result. Accept leads to Success, after one more round trip with TLS 1.3;
// otherwise the client is refused, with reason Denied.
func (c *Conversation) Authorize(accept bool) Result {
	if c.stage != deciding {
		return ignore("nothing to authorize")
	}
	c.stage = inMethod
	c.lastResult = c.advance(c.method.authorize(accept))
	return c.lastResult
}

// Resume goes on after a Waiting result, once its Wait is over.
func (c *Conversation) Resume(now time.Time) Result {
	if c.stage != waiting {
		return ignore("nothing to wait for")
	}
	if !c.answer.there() {
		return ignore("no answer yet")
	}
	c.stage, c.now = inMethod, now
	c.lastResult = c.advance(c.method.resume(now))
	return c.lastResult
}

// await turns a Waiting outcome into its result, which knows when it is over.
func (c *Conversation) await(wait func(done func())) Result {
	c.stage, c.answer = waiting, &answer{}
	a := c.answer
	return Result{Kind: Waiting, Wait: func(done func()) { wait(func() { a.come(); done() }) }}
}

// advance turns the outcome of a method's step into a result.
func (c *Conversation) advance(o outcome) Result {
	switch o.kind {
	case Challenge:
		r := c.ask(c.method.typ(), o.data)
		if r.Kind == Challenge {
			r.Failure = o.failure
		}
		return r
	case Authenticated:
		c.stage = deciding
		return Result{Kind: Authenticated, Peer: c.peer()}
	case Waiting:
		return c.await(o.wait)
	case Success:
		p := c.peer()
		if m, ok := c.method.(resumable); ok {
			m.remember(p, c.now)
		}
		return Result{Kind: Success, EAP: c.finish(eap.Success), Peer: p}
	case Failed:
		return c.fail(o.failure)
	}
	return ignore(o.why)
}

func (c *Conversation) peer() *Peer {
	p := c.method.peer()
	p.Identity = c.identity
	return p
}

// ask sends the next request.
func (c *Conversation) ask(t eap.Type, data []byte) Result {
	if c.rounds++; c.rounds > c.config.MaxRounds {
		return c.fail(&Failure{Reason: TooManyRounds, Text: "no end after the permitted number of requests"})
	}
	c.id++
	c.asked = true
	p := eap.Packet{Code: eap.Request, ID: c.id, Type: t, Data: data}
	return Result{Kind: Challenge, EAP: p.Append(make([]byte, 0, p.Len()))}
}

func (c *Conversation) fail(f *Failure) Result {
	if m, ok := c.method.(resumable); ok && (f.Reason == Denied || f.Reason.AboutClientCertificate() || f.Reason.lostAccount()) {
		m.forget()
	}
	return Result{Kind: Failed, EAP: c.finish(eap.Failure), Failure: f}
}

// finish ends the conversation with a packet that carries the identifier of the last response (RFC 3748 section
// 4.2).
func (c *Conversation) finish(code eap.Code) []byte {
	c.Close()
	return eap.Packet{Code: code, ID: c.id}.Append(nil)
}

// Close ends the conversation and releases what it holds. It may be called more than once.
func (c *Conversation) Close() {
	c.stage = over
	if c.method != nil {
		c.method.close()
	}
}

func ignore(why string) Result { return Result{Kind: Ignored, Why: why} }
