package radiusd

import (
	"crypto/md5"
	"crypto/subtle"
	"strings"

	"nacsim/internal/radius"
	"nacsim/nac/credential"
	"nacsim/nac/eapserver"
)

// MAB says how devices that cannot do 802.1X are let in by their MAC address (MAC authentication bypass). A request is
// one of those when its User-Name is the MAC address of its Calling-Station-Id, in whatever notation, with Service-Type
// Call-Check or not. What is proven is nothing; the policy decides by lists of addresses.
type MAB struct {
	// PAP, CHAP and EAPMD5 are the forms that are taken: User-Password, CHAP-Password, and EAP-MD5 (RFC 3748 section
	// 5.4), which the NAS does in the device's place.
	PAP, CHAP, EAPMD5 bool
	// Password is what the NAS has to know; empty means the MAC address, in the notation of User-Name or, with PAP, any
	// other.
	Password string
}

// isMAB reports whether the request is for a device by its MAC address.
func (r *Request) isMAB() bool {
	if r.ClientMAC == nil || len(r.UserName) < 2*len(r.ClientMAC) {
		return false
	}
	mac, err := radius.CanonicalMAC(r.UserName)
	return err == nil && string(mac) == string(r.ClientMAC)
}

// mab lets a device in by its MAC address if the form is taken, the password is right, and the handler agrees.
func (e *Engine) mab(x *exchange, a Access, proof credential.Proof) {
	a.Method, a.Inner = "mab", proof.Name()
	if !e.config.MAB.takes(proof) {
		e.refuse(x, a, &eapserver.Failure{Reason: eapserver.NoMethod, Text: "MAC authentication bypass by " + a.Inner + " is not taken"})
		return
	}
	if !e.config.MAB.knows(x.request, proof) {
		e.refuse(x, a, &eapserver.Failure{Reason: eapserver.Reason(credential.WrongPassword), Text: "wrong password for MAC authentication bypass"})
		return
	}
	e.authorize(x, a)
}

func (m *MAB) takes(proof credential.Proof) bool {
	switch proof.(type) {
	case credential.PAP:
		return m.PAP
	case credential.CHAP:
		return m.CHAP
	}
	return false
}

// knows reports whether the NAS knows the password.
func (m *MAB) knows(r *Request, proof credential.Proof) bool {
	switch p := proof.(type) {
	case credential.PAP:
		if m.Password != "" {
			return subtle.ConstantTimeCompare(p.Password, []byte(m.Password)) == 1
		}
		mac, err := radius.CanonicalMAC(string(p.Password))
		return err == nil && string(mac) == string(r.ClientMAC)
	case credential.CHAP:
		for _, password := range m.passwords(r.UserName) {
			if proves(&p, password) {
				return true
			}
		}
	}
	return false
}

// passwords are those that a device may have.
func (m *MAB) passwords(userName string) []string {
	if m.Password != "" {
		return []string{m.Password}
	}
	return []string{userName, strings.ToLower(userName), strings.ToUpper(userName)}
}

// proves reports whether a response of CHAP was made with the password (RFC 1994 section 4.1).
func proves(p *credential.CHAP, password string) bool {
	var room [256]byte
	b := append(append(append(room[:0], p.ID), password...), p.Challenge...)
	sum := md5.Sum(b)
	return subtle.ConstantTimeCompare(sum[:], p.Response[:]) == 1
}
