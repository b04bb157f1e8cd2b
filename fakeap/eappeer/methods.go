package eappeer

import (
	"crypto/tls"
	"fmt"
	"strings"

	"nacsim/internal/eap"
)

// An Inner is how the user is authenticated inside a tunnel.
type Inner string

// What can be played inside EAP-TTLS, and, if its name begins with "eap-", inside PEAP. TEAP has EAP-MSCHAPv2, EAP-GTC,
// EAP-TLS and Password.
const (
	PAP         Inner = "pap"
	CHAP        Inner = "chap"
	MSCHAP      Inner = "mschap"
	MSCHAPv2    Inner = "mschapv2"
	EAPMSCHAPv2 Inner = "eap-mschapv2"
	EAPGTC      Inner = "eap-gtc"
	EAPMD5      Inner = "eap-md5"
	EAPTLS      Inner = "eap-tls"
	// Password is TEAP's own way to ask for one, Basic-Password-Auth.
	Password Inner = "password"
)

// eapType is the EAP method inside the tunnel, zero for what is none.
func (i Inner) eapType() eap.Type {
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

// names are the combinations that a peer can play.
var names = []struct {
	name   string
	method eap.Type
	inner  Inner
}{
	{"tls", eap.TypeTLS, ""},
	{"ttls-pap", eap.TypeTTLS, PAP},
	{"ttls-chap", eap.TypeTTLS, CHAP},
	{"ttls-mschap", eap.TypeTTLS, MSCHAP},
	{"ttls-mschapv2", eap.TypeTTLS, MSCHAPv2},
	{"ttls-eap-mschapv2", eap.TypeTTLS, EAPMSCHAPv2},
	{"ttls-eap-gtc", eap.TypeTTLS, EAPGTC},
	{"ttls-eap-md5", eap.TypeTTLS, EAPMD5},
	{"ttls-eap-tls", eap.TypeTTLS, EAPTLS},
	{"peap-mschapv2", eap.TypePEAP, EAPMSCHAPv2},
	{"peap-gtc", eap.TypePEAP, EAPGTC},
	{"peap-md5", eap.TypePEAP, EAPMD5},
	{"peap-tls", eap.TypePEAP, EAPTLS},
	{"teap-mschapv2", eap.TypeTEAP, EAPMSCHAPv2},
	{"teap-gtc", eap.TypeTEAP, EAPGTC},
	{"teap-tls", eap.TypeTEAP, EAPTLS},
	{"teap-password", eap.TypeTEAP, Password},
	{"md5", eap.TypeMD5, ""},
	{"gtc", eap.TypeGTC, ""},
	{"mschapv2", eap.TypeMSCHAPv2, ""},
}

// MethodNames are the names of all methods, for example "ttls-pap".
func MethodNames() []string {
	all := make([]string, len(names))
	for i, n := range names {
		all[i] = n.name
	}
	return all
}

// ParseMethod returns the settings Method and Inner that a name stands for.
func ParseMethod(name string) (method eap.Type, inner Inner, err error) {
	for _, n := range names {
		if n.name == name {
			return n.method, n.inner, nil
		}
	}
	return 0, "", fmt.Errorf("method %q is none of %s", name, strings.Join(MethodNames(), ", "))
}

// MethodName is the name of a combination, or "" if a peer does not play it.
func MethodName(method eap.Type, inner Inner) string {
	for _, n := range names {
		if n.method == method && n.inner == inner {
			return n.name
		}
	}
	return ""
}

// credentials are what one method authenticates with.
type credentials struct {
	user, password string
	certificate    tls.Certificate
	inner          Inner // inside a tunnel
}

// newMethod returns one run of an EAP method; tunnelled says that it is inside a tunnel.
func (p *Peer) newMethod(typ eap.Type, who credentials, tunnelled bool) method {
	switch typ {
	case eap.TypeMD5:
		return &md5Method{password: who.password}
	case eap.TypeGTC:
		return &gtcMethod{password: who.password}
	case eap.TypeMSCHAPv2:
		return &mschapv2Method{mschapv2: mschapv2{user: who.user, password: who.password}, rand: p.cfg.Rand}
	}
	return newTunnel(p, typ, who.certificate, tunnelled)
}

// innerExchange is EAP inside a tunnel.
func (p *Peer) innerExchange(who credentials) exchange {
	typ := who.inner.eapType()
	return exchange{
		identity: who.user, want: typ, expanded: p.cfg.ExpandedNAK,
		begin: func() method { return p.newMethod(typ, who, true) },
	}
}
