package eappeer

import (
	"bytes"
	"errors"
	"fmt"
	"io"

	"nacsim/internal/eap"
	"nacsim/internal/eap/ttls"
	"nacsim/internal/mschap"
)

// ttlsInside is the second phase of EAP-TTLS (RFC 5281 section 11). The client speaks first.
type ttlsInside struct {
	user, password string
	inner          Inner
	rand           io.Reader
	tls            *eap.TLS

	v2     mschapv2
	ident  byte
	eap    exchange // with an EAP method
	sent   bool     // the password, or a proof of it
	reason string
}

func newTTLS(p *Peer, tls *eap.TLS) *ttlsInside {
	t := &ttlsInside{user: p.cfg.User, password: p.cfg.Password, inner: p.cfg.Inner, rand: p.cfg.Rand, tls: tls}
	t.v2 = mschapv2{user: t.user, password: t.password}
	t.eap = p.innerExchange(p.cfg.credentials())
	return t
}

func (t *ttlsInside) begin() ([]byte, error) {
	if t.inner.eapType() != 0 {
		// RFC 5281 section 11.2.1: as if the server had asked for the identity.
		packet := eap.Packet{Code: eap.Response, Type: eap.TypeIdentity, Data: []byte(t.user)}.Append(nil)
		return avp(nil, 0, ttls.EAPMessage, packet), nil
	}
	t.sent = true
	out := avp(nil, 0, ttls.UserName, []byte(t.user))
	switch t.inner {
	case CHAP:
		return t.chap(out)
	case MSCHAP:
		return t.mschap(out)
	case MSCHAPv2:
		return t.mschapv2(out)
	}
	return avp(out, 0, ttls.UserPassword, padded(t.password)), nil
}

// avp appends a mandatory AVP.
func avp(b []byte, vendor, code uint32, data []byte) []byte {
	return ttls.AVP{Code: code, Vendor: vendor, Mandatory: true, Data: data}.Append(b)
}

// padded hides the length of a password (RFC 5281 section 11.2.5).
func padded(password string) []byte {
	const block = 16
	n := max(block, (len(password)+block-1)/block*block)
	return append([]byte(password), make([]byte, n-len(password))...)
}

func (t *ttlsInside) chap(out []byte) ([]byte, error) {
	c, err := ttls.Challenge(t.tls.State(), 16+1)
	if err != nil {
		return nil, err
	}
	out = avp(out, 0, ttls.CHAPChallenge, c[:16])
	return avp(out, 0, ttls.CHAPPassword, append([]byte{c[16]}, chapResponse(c[16], t.password, c[:16])...)), nil
}

func (t *ttlsInside) mschap(out []byte) ([]byte, error) {
	c, err := ttls.Challenge(t.tls.State(), 8+1)
	if err != nil {
		return nil, err
	}
	const useNT = 1
	response := mschap.Response([8]byte(c), mschap.NTHash([]byte(t.password)))
	data := append([]byte{c[8], useNT}, make([]byte, 24)...) // no LM response
	out = avp(out, ttls.Microsoft, ttls.MSCHAPChallenge, c[:8])
	return avp(out, ttls.Microsoft, ttls.MSCHAPResponse, append(data, response[:]...)), nil
}

func (t *ttlsInside) mschapv2(out []byte) ([]byte, error) {
	c, err := ttls.Challenge(t.tls.State(), 16+1)
	if err != nil {
		return nil, err
	}
	challenge, response, err := t.v2.respond([16]byte(c), t.rand)
	if err != nil {
		return nil, fmt.Errorf("no randomness for MS-CHAP-V2: %w", err)
	}
	t.ident = c[16]
	data := append([]byte{t.ident, 0}, challenge[:]...)
	data = append(data, make([]byte, 8)...) // reserved
	out = avp(out, ttls.Microsoft, ttls.MSCHAPChallenge, c[:16])
	return avp(out, ttls.Microsoft, ttls.MSCHAP2Response, append(data, response[:]...)), nil
}

var errPhase2 = errors.New("server says something unexpected inside the tunnel")

func (t *ttlsInside) receive(_ uint8, data []byte) ([]byte, error) {
	avps, err := ttls.Parse(data)
	if err != nil {
		return nil, err
	}
	var message []byte
	for _, a := range avps {
		switch {
		case a.Is(0, ttls.EAPMessage):
			message = append(message, a.Data...)
		case a.Is(ttls.Microsoft, ttls.MSCHAP2Success) && t.inner == MSCHAPv2:
			if len(a.Data) == 0 || a.Data[0] != t.ident {
				return nil, errNotProven
			}
			if err := t.v2.verify(string(a.Data[1:])); err != nil {
				return nil, err
			}
		case a.Is(ttls.Microsoft, ttls.MSCHAPError):
			t.reason = refusal(string(bytes.TrimPrefix(a.Data, a.Data[:min(1, len(a.Data))])))
		case a.Is(0, ttls.ReplyMessage):
		case a.Mandatory:
			return nil, fmt.Errorf("%w: mandatory AVP %d of vendor %d", errPhase2, a.Code, a.Vendor)
		}
	}
	if message == nil {
		return nil, nil
	}
	return t.receiveEAP(message)
}

func (t *ttlsInside) receiveEAP(message []byte) ([]byte, error) {
	q, err := eap.Parse(message)
	if err != nil {
		return nil, err
	}
	if t.inner.eapType() == 0 || q.Code != eap.Request {
		return nil, nil
	}
	typ, data, ok := t.eap.respond(q)
	if !ok {
		return nil, t.eap.aborted()
	}
	packet := eap.Packet{Code: eap.Response, ID: q.ID, Type: typ, Data: data}.Append(nil)
	return avp(nil, 0, ttls.EAPMessage, packet), nil
}

func (t *ttlsInside) succeeded() bool {
	switch {
	case t.inner.eapType() != 0:
		return t.eap.succeeded()
	case t.inner == MSCHAPv2:
		return t.v2.proven
	}
	return t.sent
}

func (t *ttlsInside) keys() (msk, emsk []byte) { return nil, nil }

func (t *ttlsInside) failure() string {
	if t.reason != "" {
		return t.reason
	}
	reason, _ := t.eap.failure()
	return reason
}

func (t *ttlsInside) close() { t.eap.close() }
