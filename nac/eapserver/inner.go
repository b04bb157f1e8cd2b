package eapserver

import (
	"bytes"
	"crypto/x509"
	"fmt"
	"slices"

	"nacsim/internal/eap"
	"nacsim/internal/eap/teap"
	"nacsim/nac/credential"
)

// An Inner is a way to authenticate inside a tunnel.
type Inner string

// The ways that EAP-TTLS knows; PEAP has those that begin with "eap-".
const (
	PAP         Inner = "pap"
	CHAP        Inner = "chap"
	MSCHAP      Inner = "mschap"
	MSCHAPv2    Inner = "mschapv2"
	EAPMSCHAPv2 Inner = "eap-mschapv2"
	EAPGTC      Inner = "eap-gtc"
	EAPMD5      Inner = "eap-md5"
)

// The defaults of Config.TTLSInner and Config.PEAPInner.
var (
	DefaultTTLSInner = []Inner{PAP, EAPMSCHAPv2, EAPGTC, MSCHAPv2, MSCHAP, CHAP, EAPMD5}
	DefaultPEAPInner = []Inner{EAPMSCHAPv2, EAPGTC}
)

// typ is the EAP method, or zero where it is none.
func (i Inner) typ() eap.Type {
	switch i {
	case EAPMSCHAPv2:
		return eap.TypeMSCHAPv2
	case EAPGTC:
		return eap.TypeGTC
	case EAPMD5:
		return eap.TypeMD5
	case EAPTLS:
		return eap.TypeTLS
	}
	return 0
}

// An innerMethod is an EAP method in a tunnel. It proves a user's password, or in TEAP a certificate.
type innerMethod interface {
	// begin returns the type-data of the first request.
	begin() []byte
	// handle takes the type-data of the response to the request with identifier id.
	handle(id uint8, data []byte) innerStep
	// answered takes the directory's answer to the proof of the last step.
	answered(a credential.Answer, refusal *Failure) innerStep
}

// An innerStep is what an EAP method in a tunnel wants: to send a request (data), to have a proof checked, or to be
// over, with success or with a failure. A request may go with a failure of which it tells the client.
type innerStep struct {
	data    []byte
	proof   credential.Proof
	user    string // with proof, if it names one
	done    bool
	failure *Failure

	// Of TEAP alone: somebody has to answer first, and with done the keys and the certificate of the method.
	wait      func(done func())
	msk, emsk []byte
	chain     []*x509.Certificate
}

func innerFailure(r Reason, text string) innerStep {
	return innerStep{failure: &Failure{Reason: r, Text: text}}
}

// An innerEAP is the EAP conversation in a tunnel: the identity, then a method.
type innerEAP struct {
	allowed  []Inner // those that are EAP methods, the first is proposed first
	random   func() [16]byte
	tls      func() innerMethod // makes EAP-TLS, where it is allowed
	id       uint8              // of the outstanding request
	user     string
	inner    Inner // under way
	method   innerMethod
	tried    []eap.Type
	answered bool // the client has taken part in the method
}

// newInnerEAP allows those of the ways that are EAP methods. Random gives the challenges.
func newInnerEAP(allowed []Inner, random func() [16]byte) *innerEAP {
	e := &innerEAP{random: random}
	for _, i := range allowed {
		if i.typ() != 0 {
			e.allowed = append(e.allowed, i)
		}
	}
	return e
}

// handle takes a response. Its identifier has been checked where there is one.
func (e *innerEAP) handle(p eap.Packet) innerStep {
	switch {
	case p.Code != eap.Response:
		return innerFailure(Protocol, "client sends an EAP "+p.Code.String()+" in the tunnel")
	case e.method == nil && p.Type == eap.TypeIdentity:
		name, _, _ := bytes.Cut(p.Data, []byte{0})
		if len(name) > maxIdentity {
			return innerFailure(Protocol, "identity in the tunnel is too long")
		}
		e.user = string(name)
		return e.propose(nil)
	case e.method != nil && !e.answered && p.Type == eap.TypeLegacyNAK:
		return e.propose(p.Data)
	case e.method == nil || p.Type != e.inner.typ():
		return innerFailure(Protocol, "client sends "+p.Type.String()+" in the tunnel, which is not due")
	}
	e.answered = true
	return e.method.handle(p.ID, p.Data)
}

// propose begins the first allowed method, or the first that the client wants.
func (e *innerEAP) propose(wanted []byte) innerStep {
	for _, i := range e.allowed {
		t := i.typ()
		if slices.Contains(e.tried, t) || wanted != nil && !slices.Contains(wanted, byte(t)) {
			continue
		}
		e.tried = append(e.tried, t)
		e.inner, e.method = i, e.newMethod(i)
		return innerStep{data: e.method.begin()}
	}
	if wanted == nil {
		return innerFailure(InnerMethod, "no EAP method is allowed in the tunnel")
	}
	return innerFailure(InnerMethod, nakText("client refuses the EAP methods of the tunnel", wanted))
}

func (e *innerEAP) newMethod(i Inner) innerMethod {
	switch i {
	case EAPMSCHAPv2:
		return &innerMSCHAPv2{challenge: e.random()}
	case EAPGTC:
		return innerGTC{}
	case EAPTLS:
		return e.tls()
	}
	return &innerMD5{challenge: e.random()}
}

// request is the packet with a request of the method under way.
func (e *innerEAP) request(data []byte) eap.Packet {
	e.id++
	return eap.Packet{Code: eap.Request, ID: e.id, Type: e.inner.typ(), Data: data}
}

// question is what to ask the directory about the proof of a step.
func (e *innerEAP) question(s innerStep, outer string) credential.Question {
	if s.user != "" {
		e.user = s.user
	}
	return credential.Question{User: e.user, Outer: outer, Proof: s.proof}
}

// nakText says what a client that refuses would rather have.
func nakText(text string, wanted []byte) string {
	for i, t := range wanted {
		switch {
		case i == 8:
			return text + " and others"
		case t == 0 && len(wanted) == 1:
			return text + " and proposes nothing"
		case i == 0:
			text += " and wants "
		default:
			text += ", "
		}
		text += eap.Type(t).String()
	}
	return text
}

// checkTEAP reports what TEAP cannot do.
func checkTEAP(t *TEAP) error {
	for _, i := range t.Inner {
		switch {
		case i == Password && len(t.Inner) > 1:
			return fmt.Errorf("%q cannot be used beside others", i)
		case i != Password && i != EAPTLS && i != EAPMSCHAPv2 && i != EAPGTC:
			return fmt.Errorf("%q cannot be used inside", i)
		}
	}
	if len(t.Identities) > 2 || len(t.Identities) == 2 && t.Identities[0] == t.Identities[1] {
		return fmt.Errorf("identities %v, want machine, user or both", t.Identities)
	}
	for _, i := range t.Identities {
		if i != teap.User && i != teap.Machine {
			return fmt.Errorf("identity %d, want machine or user", i)
		}
	}
	return nil
}

// checkInner reports the first of the ways that is not known.
func checkInner(ways []Inner, eapOnly bool) error {
	for _, i := range ways {
		if !slices.Contains(DefaultTTLSInner, i) || eapOnly && i != EAPMSCHAPv2 && i != EAPGTC {
			return fmt.Errorf("%q cannot be used inside", i)
		}
	}
	return nil
}
