package policy

import (
	"net/netip"
	"strings"
	"time"

	"nacsim/nac/identity"
)

// A Request is everything that a decision depends on, except the policy and the time. It is kept with a session
// as JSON, so that the session can be decided again.
type Request struct {
	// AuthType is the authentication method in Mist's words, for example "eap-tls" or "mab".
	AuthType string `json:"auth_type"`
	// PortType is "wired" or "wireless".
	PortType string `json:"port_type"`
	// MAC is the client's address as in "00:1c:b3:09:85:15".
	MAC string `json:"mac"`
	// RandomMAC says that the MAC address is locally administered.
	RandomMAC bool `json:"random_mac,omitempty"`
	// SSID is the wireless network, empty on a wired port.
	SSID string `json:"ssid,omitempty"`
	// UserName is whose password the client has proven to know inside a tunnel, or else the identity that it stated (RFC
	// 3748 section 5.1).
	UserName string `json:"user_name,omitempty"`
	// Inner is how it has proven that, for example "mschapv2"; empty means that no directory was asked.
	Inner string `json:"inner,omitempty"`
	// Groups are those that the directory has the user in.
	Groups []string `json:"groups,omitempty"`
	// NAS is the name of the access point or switch, and NASIP its address.
	NAS   string     `json:"nas,omitempty"`
	NASIP netip.Addr `json:"nas_ip"`
	// Certificate is the client's certificate, nil for methods without one. With TEAP it is the user's, or the machine's
	// where the user has shown none: it is the one that cert_ labels look at.
	Certificate *identity.Certificate `json:"certificate,omitempty"`
	// Machine is the name of the machine that has proven itself with TEAP, and MachineCertificate its certificate, nil if
	// it has shown a password.
	Machine            string                `json:"machine,omitempty"`
	MachineCertificate *identity.Certificate `json:"machine_certificate,omitempty"`
	// MDM is what the device database says about the client's device at the moment.
	MDM MDM `json:"mdm"`
}

// DeviceCertificate is the certificate that names the client's device: the machine's, or else the client's; nil if there
// is neither.
func (r *Request) DeviceCertificate() *identity.Certificate {
	if r.MachineCertificate != nil {
		return r.MachineCertificate
	}
	return r.Certificate
}

// ByPassword reports whether a directory has confirmed the user's password.
func (r *Request) ByPassword() bool {
	switch r.AuthType {
	case "mab":
		return false
	case "pap", "chap": // without EAP
		return true
	}
	return r.Inner != "" && r.Inner != "eap-tls"
}

// Expiry is when the first of the client's certificates expires; false means that the client has none.
func (r *Request) Expiry() (first time.Time, ok bool) {
	for _, c := range []*identity.Certificate{r.Certificate, r.MachineCertificate} {
		if c != nil && !c.NotAfter.IsZero() && (!ok || c.NotAfter.Before(first)) {
			first, ok = c.NotAfter, true
		}
	}
	return first, ok
}

// Realm is the part of the user name behind the last "@" or, in the form DOMAIN\user, before the backslash.
// Without either it is taken from the Common Name in the same way (facts: mist-and-peers 1.2).
func (r *Request) Realm() string {
	if realm := realmOf(r.UserName); realm != "" || r.Certificate == nil {
		return realm
	}
	return realmOf(r.Certificate.CN)
}

func realmOf(name string) string {
	if i := strings.LastIndexByte(name, '@'); i >= 0 {
		return name[i+1:]
	}
	realm, _, found := strings.Cut(name, `\`)
	if !found {
		return ""
	}
	return realm
}
