package radiusd

import (
	"crypto/md5"

	"nacsim/nac/credential"
	"nacsim/nac/eapserver"

	lr "layeh.com/radius"
	"layeh.com/radius/rfc2865"
)

// plain works on an Access-Request without EAP: MAC authentication bypass, or a password in User-Password or
// CHAP-Password.
func (e *Engine) plain(x *exchange) {
	proof := readProof(x.packet)
	a := Access{Request: x.request, Identity: x.request.UserName}
	switch {
	case proof == nil:
		e.refuse(x, a, &eapserver.Failure{Reason: eapserver.NoMethod, Text: "request without EAP-Message and without a password"})
	case x.request.isMAB():
		e.mab(x, a, proof)
	case x.settings.PlainPasswords == nil:
		e.refuse(x, a, &eapserver.Failure{Reason: eapserver.NoMethod, Text: "passwords without EAP are not taken"})
	default:
		a.Method, a.User = proof.Name(), x.request.UserName
		e.askDirectory(x, a, proof)
	}
}

// readProof reads the password of a request, or what proves it; nil if there is none. A malformed one proves nothing.
func readProof(p *lr.Packet) credential.Proof {
	if v, ok := p.Lookup(rfc2865.CHAPPassword_Type); ok {
		return readCHAP(p, v)
	}
	v, ok := p.Lookup(rfc2865.UserPassword_Type)
	if !ok {
		return nil
	}
	var room [maxPassword]byte
	return credential.PAP{Password: append([]byte(nil), reveal(room[:0], v, p)...)}
}

// readCHAP reads CHAP-Password, one octet of identifier and the response. The challenge is CHAP-Challenge, or else the
// Request Authenticator (RFC 2865 section 5.40).
func readCHAP(p *lr.Packet, v []byte) credential.Proof {
	chap := credential.CHAP{Challenge: p.Authenticator[:]}
	if len(v) != 1+len(chap.Response) {
		return chap
	}
	chap.ID = v[0]
	copy(chap.Response[:], v[1:])
	if challenge, ok := p.Lookup(rfc2865.CHAPChallenge_Type); ok {
		chap.Challenge = challenge
	}
	return chap
}

// maxPassword is the longest User-Password (RFC 2865 section 5.2).
const maxPassword = 128

// reveal appends the password that a User-Password hides (RFC 2865 section 5.2), without the zeros that pad it.
// One of a wrong length reveals nothing.
func reveal(dst, hidden []byte, p *lr.Packet) []byte {
	if len(hidden)%md5.Size != 0 || len(hidden) > maxPassword {
		return dst
	}
	var room [128]byte
	previous := p.Authenticator[:]
	for ; len(hidden) > 0; hidden = hidden[md5.Size:] {
		pad := md5.Sum(append(append(room[:0], p.Secret...), previous...))
		for i, c := range hidden[:md5.Size] {
			dst = append(dst, c^pad[i])
		}
		previous = hidden[:md5.Size]
	}
	for len(dst) > 0 && dst[len(dst)-1] == 0 {
		dst = dst[:len(dst)-1]
	}
	return dst
}

// askDirectory has the directory say whether a user's password is right.
func (e *Engine) askDirectory(x *exchange, a Access, proof credential.Proof) {
	c := &conversation{proven: true}
	if drop := e.register(x, c); drop != "" {
		e.finish(x, nil, drop)
		return
	}
	var said credential.Answer // guarded by the conversation's mutex once done is called
	w := &wait{x, func(w *wait) {
		c.mu.Unlock()
		e.conversations.remove(c)
		e.answered(w.x, a, said)
	}}
	question := credential.Question{User: x.request.UserName, Outer: x.request.UserName, Proof: proof}
	c.mu.Lock()
	e.suspend(c, w, func(done func()) {
		x.settings.PlainPasswords.Ask(question, func(answer credential.Answer) {
			said = answer
			done()
		})
	})
}

// answered goes on with a user's request when the directory has answered.
func (e *Engine) answered(x *exchange, a Access, said credential.Answer) {
	if !said.OK {
		e.refuse(x, a, &eapserver.Failure{Reason: eapserver.ReasonOf(said.Reason), Text: said.Text, User: a.User})
		return
	}
	a.Groups = said.Groups
	e.authorize(x, a)
}

// authorize has the handler decide on a client without EAP.
func (e *Engine) authorize(x *exchange, a Access) {
	v := e.handler.Authorize(a)
	reply, drop := e.settle(x, &v, granted{identity: a.Identity})
	e.finish(x, reply, drop)
}
