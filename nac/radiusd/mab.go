package radiusd

import (
	"crypto/md5"
	"crypto/subtle"
	"io"
	"net"
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
	return isMAC(r.UserName, r.ClientMAC)
}

// isMAC reports whether a text is a MAC address in any notation.
func isMAC(text string, mac net.HardwareAddr) bool {
	if mac == nil || len(text) < 2*len(mac) {
		return false
	}
	parsed, err := radius.CanonicalMAC(text)
	return err == nil && string(parsed) == string(mac)
}

// mab lets a device in by its MAC address if the form is taken, the password is right, and the handler agrees.
func (e *Engine) mab(x *exchange, a Access, proof credential.Proof) {
	a.Method, a.Inner = "mab", proof.Name()
	if !x.settings.MAB.takes(proof) {
		e.refuse(x, a, &eapserver.Failure{Reason: eapserver.NoMethod, Text: "MAC authentication bypass by " + a.Inner + " is not taken"})
		return
	}
	if !x.settings.MAB.knows(x.request.UserName, x.request.ClientMAC, proof) {
		e.refuse(x, a, &eapserver.Failure{Reason: eapserver.BadCredentials, Text: "wrong password for MAC authentication bypass"})
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
func (m *MAB) knows(name string, mac net.HardwareAddr, proof credential.Proof) bool {
	switch p := proof.(type) {
	case credential.PAP:
		if m.Password != "" {
			return subtle.ConstantTimeCompare(p.Password, []byte(m.Password)) == 1
		}
		return isMAC(string(p.Password), mac)
	case credential.CHAP:
		for _, password := range m.passwords(name) {
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

// forMAB changes the configuration of a conversation that is for a device by its MAC address: EAP-MD5 is proposed first,
// of a directory that knows the device. A device that has the MAC address for its identity, or says so in the clear
// because it has a tunnel, and authenticates in earnest refuses it and names another method, for which the users count.
func (m *MAB) forMAB(config *eapserver.Config, r *Request, identity string, rand io.Reader) {
	if !m.EAPMD5 || !isMAC(identity, r.ClientMAC) {
		return
	}
	d := device{m, r.ClientMAC}
	config.MAB = func(name string) bool { return isMAC(name, d.mac) }
	config.Devices = d
	config.Rand = rand
}

// device is the directory that knows one device by its MAC address.
type device struct {
	mab *MAB
	mac net.HardwareAddr
}

// Ask answers at once.
func (d device) Ask(q credential.Question, answer func(credential.Answer)) {
	if !d.mab.knows(q.User, d.mac, q.Proof) {
		answer(credential.Answer{Reason: credential.WrongPassword, Text: "wrong password for MAC authentication bypass"})
		return
	}
	answer(credential.Answer{OK: true})
}
