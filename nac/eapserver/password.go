package eapserver

import (
	"slices"

	"nacsim/internal/mschap"
	"nacsim/nac/credential"
)

// innerGTC is EAP-GTC (RFC 3748 section 5.6) used to ask for the password.
type innerGTC struct{}

func (innerGTC) begin() []byte { return []byte("Password: ") }

func (innerGTC) handle(_ uint8, data []byte) innerStep {
	return innerStep{proof: credential.PAP{Password: data}}
}

func (innerGTC) answered(a credential.Answer, refusal *Failure) innerStep {
	return innerStep{done: a.OK, failure: refusal}
}

// serverName is what the server calls itself where a method has it say so.
const serverName = "nac"

// innerMD5 is EAP-MD5 (RFC 3748 section 5.4).
type innerMD5 struct{ challenge [16]byte }

func (m *innerMD5) begin() []byte { return md5Challenge(m.challenge) }

func (m *innerMD5) handle(id uint8, data []byte) innerStep {
	proof, ok := md5Proof(id, m.challenge, data)
	if !ok {
		return innerFailure(Protocol, "response of EAP-MD5 is malformed")
	}
	return innerStep{proof: proof}
}

func (m *innerMD5) answered(a credential.Answer, refusal *Failure) innerStep {
	return innerStep{done: a.OK, failure: refusal}
}

// md5Challenge is the type-data of the request: the length of the challenge, the challenge and the server's name.
func md5Challenge(challenge [16]byte) []byte {
	b := append([]byte{byte(len(challenge))}, challenge[:]...)
	return append(b, serverName...)
}

// md5Proof reads the type-data of the response: 16, the hash, perhaps a name.
func md5Proof(id uint8, challenge [16]byte, data []byte) (credential.CHAP, bool) {
	p := credential.CHAP{ID: id, Challenge: challenge[:]}
	if len(data) < 1+len(p.Response) || int(data[0]) != len(p.Response) {
		return p, false
	}
	copy(p.Response[:], data[1:])
	return p, true
}

// innerMSCHAPv2 is EAP-MSCHAPv2 (draft-kamath-pppext-eap-mschapv2).
type innerMSCHAPv2 struct {
	challenge [16]byte
	id        uint8 // MS-CHAPv2-ID
	proof     credential.MSCHAPv2
	telling   mschap.Op // what the client has to acknowledge, Success or Failure
	refusal   *Failure
	msk       []byte // for TEAP
}

func (m *innerMSCHAPv2) begin() []byte {
	m.id = m.challenge[0] ^ m.challenge[8] // any number will do
	return mschap.Packet{Op: mschap.OpChallenge, ID: m.id, Challenge: m.challenge, Name: serverName}.Append(nil)
}

func (m *innerMSCHAPv2) handle(_ uint8, data []byte) innerStep {
	p, err := mschap.ParsePacket(data)
	switch {
	case err != nil:
		return innerFailure(Protocol, err.Error())
	case m.telling == mschap.OpFailure:
		return innerStep{failure: m.refusal}
	case m.telling == mschap.OpSuccess && p.Op == mschap.OpSuccess:
		return innerStep{done: true, msk: m.msk}
	case m.telling == mschap.OpSuccess:
		return innerFailure(BadCredentials, "client does not accept the server's answer to its password")
	case p.Op != mschap.OpResponse || p.ID != m.id:
		return innerFailure(Protocol, "EAP-MSCHAPv2 "+p.Op.String()+" where the Response is due")
	}
	m.proof = credential.MSCHAPv2{UserName: mschap.UserName(p.Name), AuthenticatorChallenge: m.challenge, PeerChallenge: p.Challenge, Response: p.Response}
	return innerStep{proof: m.proof, user: p.Name}
}

func (m *innerMSCHAPv2) answered(a credential.Answer, refusal *Failure) innerStep {
	p := mschap.Packet{Op: mschap.OpSuccess, ID: m.id, Message: authenticatorResponse(m.proof, a) + " M=OK"}
	if !a.OK {
		p.Op, p.Message = mschap.OpFailure, refuseMSCHAP(a, m.challenge)
	}
	if a.OK {
		// TEAP is deployed with the keys in the order of EAP-FAST-MSCHAPv2 (RFC 5422): the server's key to
		// send comes first.
		msk := mschap.MSK(a.NTHash, m.proof.Response)
		m.msk = slices.Concat(msk[16:32], msk[:16])
	}
	m.telling, m.refusal = p.Op, refusal
	return innerStep{data: p.Append(nil), failure: refusal}
}

func authenticatorResponse(p credential.MSCHAPv2, a credential.Answer) string {
	return mschap.AuthenticatorResponse(p.AuthenticatorChallenge, p.PeerChallenge, p.UserName, a.NTHash, p.Response)
}

// refuseMSCHAP is the message of a refusal (RFC 2759 section 6). There is no second attempt in the same conversation:
// the client may begin another. An unknown user looks like a wrong password.
func refuseMSCHAP(a credential.Answer, challenge [16]byte) string {
	code, text := mschap.AuthenticationFailure, "Authentication failed"
	if a.Reason == credential.Disabled {
		code, text = mschap.AccountDisabled, "Account is disabled"
	}
	return mschap.Refusal{Code: code, Challenge: challenge, Version: 3, Message: text}.String()
}
