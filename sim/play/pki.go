package play

import (
	"net/netip"

	"nacsim/internal/host"
	"nacsim/nac/revocation"
	"nacsim/sim/pki"
	"nacsim/sim/scenario"
)

// Where the corporate CA publishes what it has revoked.
const (
	pkiName      = "pki.corp.example"
	crlURL       = "http://" + pkiName + "/crl"
	responderURL = "http://" + pkiName + "/ocsp"
)

var pkiAddr = netip.MustParseAddr("10.0.0.3")

// publishes reports whether the scenario has a host that does.
func (p *player) publishes() bool {
	return p.file.Authentication.Revocation.By != scenario.RevocationNone
}

// announceRevocation makes the certificates of the corporate CA name where their revocation can be learnt.
func (p *player) announceRevocation(c *credentials) {
	if !p.publishes() {
		return
	}
	c.revocations = c.corp.Revocations()
	switch p.file.Authentication.Revocation.By {
	case scenario.RevocationCRL:
		c.corp.Publish(crlURL, "")
	case scenario.RevocationOCSP:
		c.corp.Publish("", responderURL)
	}
}

// bootPKI starts the publisher. What it has revoked is not lost in a crash.
func (p *player) bootPKI(h host.Host) error {
	at := netip.AddrPortFrom(h.Addr(), 80)
	_, err := h.ServeHTTP(at, p.credentials.revocations.Handler(h.Now, p.file.Authentication.Revocation.Valid), nil)
	return err
}

// revocation is whom the NAC asks; nil is nobody.
func (p *player) revocation() *revocation.Config {
	if !p.publishes() {
		return nil
	}
	cfg := &revocation.Config{Fail: revocation.Soft}
	if p.file.Authentication.Revocation.Hard {
		cfg.Fail = revocation.Hard
	}
	if p.file.Authentication.Revocation.By == scenario.RevocationCRL {
		cfg.CRL = []string{crlURL}
	} else {
		cfg.OCSP.Ask = true
	}
	return cfg
}

// revoke ends the certificate that a device has now.
func (p *player) revoke(h host.Host, r *scenario.Revoke) error {
	leaf := p.devices[r.Device].certificate.Leaf
	p.credentials.revocations.Revoke(pki.Revocation{Serial: leaf.SerialNumber, At: h.Now(), Reason: r.Reason})
	return nil
}
