package play

import (
	"net/http"
	"net/netip"

	"nacsim/internal/host"
	"nacsim/nac/revocation"
	"nacsim/sim/pki"
	"nacsim/sim/scenario"
)

// pkiName is where the CAs publish what they have revoked.
const pkiName = "pki.corp.example"

// folders are where on the site each CA that publishes does so, and publishers are those CAs in order.
var (
	folders    = map[string]string{scenario.CACorp: "", scenario.CAIntermediate: "/intermediate"}
	publishers = []string{scenario.CACorp, scenario.CAIntermediate}
)

func crlURL(folder string) string       { return "http://" + pkiName + folder + "/crl" }
func responderURL(folder string) string { return "http://" + pkiName + folder + "/ocsp" }

var pkiAddr = netip.MustParseAddr("10.0.0.3")

// publishes reports whether the scenario has a host that does.
func (p *player) publishes() bool {
	return p.file.Authentication.Revocation.By != scenario.RevocationNone
}

// announceRevocation makes the certificates of a CA name where their revocation can be learnt.
func (p *player) announceRevocation(c *credentials, issuer string) {
	if !p.publishes() {
		return
	}
	if c.revocations == nil {
		c.revocations = map[string]*pki.Revocations{}
	}
	authority := c.authority(issuer)
	c.revocations[issuer] = authority.Revocations()
	if p.file.Authentication.Revocation.By == scenario.RevocationCRL {
		authority.Publish(crlURL(folders[issuer]), "")
	} else {
		authority.Publish("", responderURL(folders[issuer]))
	}
}

// bootPKI starts the publisher. What it has revoked is not lost in a crash.
func (p *player) bootPKI(h host.Host) error {
	site := http.NewServeMux()
	for issuer, r := range p.credentials.revocations { // order-free: each has a folder of its own
		folder := folders[issuer]
		site.Handle(folder+"/", http.StripPrefix(folder, r.Handler(h.Now, p.file.Authentication.Revocation.Valid)))
	}
	_, err := h.ServeHTTP(netip.AddrPortFrom(h.Addr(), 80), site, nil)
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
		for _, issuer := range publishers {
			if p.credentials.revocations[issuer] != nil {
				cfg.CRL = append(cfg.CRL, crlURL(folders[issuer]))
			}
		}
	} else {
		cfg.OCSP.Ask = true
	}
	return cfg
}

// revoke ends the certificate that a device has now. What other CAs revoke the NAC does not ask about.
func (p *player) revoke(h host.Host, r *scenario.Revoke) error {
	d := p.devices[r.Device]
	if list := p.credentials.revocations[d.issuer]; list != nil {
		list.Revoke(pki.Revocation{Serial: d.certificate.Leaf.SerialNumber, At: h.Now(), Reason: r.Reason})
	}
	return nil
}
