package play_test

import (
	"fmt"
	"strings"
	"time"

	"nacsim/sim/scenario"
	"nacsim/sim/trace"
)

const (
	// forever is longer than any plan.
	forever = 10 * 365 * 24 * time.Hour
	// underWay is how long an authentication may take in which the proof has been checked already.
	underWay = time.Minute
)

// An account is what the directory has of a user, and what the device of that user types in.
type account struct {
	password, typed string
	disabled        bool
}

func (a *account) opens() bool { return !a.disabled && a.password == a.typed }

// account sets down the state of a user at the start.
func (k *clientFacts) account(f *scenario.File, at time.Duration) {
	u := f.User(k.device.Supplicant.User)
	k.accounts = append(k.accounts, timed[account]{at, account{u.Password, k.device.Supplicant.Password, u.Disabled}})
}

// thing reports whether the device has no supplicant, and known whether policies know its MAC address.
func (k *clientFacts) thing() bool { return k.device.Supplicant.Method == scenario.PeerNone }
func (k *clientFacts) known() bool {
	return strings.HasPrefix(strings.ReplaceAll(k.mac, ":", ""), thingsKnown)
}

// proofChecks is what the NAC has been told of certificates that are revoked.
type proofChecks struct {
	lists   map[string][]*clientCert      // of each issuer, the certificates that it has revoked, in order
	told    map[*clientCert]time.Duration // until when the NAC knows that the certificate is revoked
	asked   map[string]time.Duration      // until when it believes what a responder said of a serial number
	serials map[string]*clientCert        // of those that a responder has called revoked
}

// forget is what a crash of the NAC does to what it knows.
func (p *proofChecks) forget() { p.told, p.asked = nil, nil }

// credential follows steps that change what a client is believed by.
func (c *checker) credential(r *trace.Record, s *scenario.Step) {
	for _, k := range c.order {
		now := account{}
		if n := len(k.accounts); n > 0 {
			now = k.accounts[n-1].v
		}
		switch {
		case s.User != nil && len(k.accounts) > 0 && strings.EqualFold(k.device.Supplicant.User, s.User.Name):
			if s.User.Password != nil {
				now.password = *s.User.Password
			}
			if s.User.Disabled != nil {
				now.disabled = *s.User.Disabled
			}
		case s.Password != nil && s.Password.Device == k.device.Name:
			now.typed = s.Password.Password
		case s.Revoke != nil && s.Revoke.Device == k.device.Name:
			c.revoke(k)
			continue
		default:
			continue
		}
		k.accounts = append(k.accounts, timed[account]{r.At, now})
	}
}

// revoke notes that the certificate which a client has now is on its issuer's list.
func (c *checker) revoke(k *clientFacts) {
	cert := &k.certs[len(k.certs)-1]
	if cert.v.revoked {
		return
	}
	cert.v.revoked = true
	if c.proofs.lists == nil {
		c.proofs.lists, c.proofs.serials = map[string][]*clientCert{}, map[string]*clientCert{}
	}
	if cert.v.Issuer != scenario.CAForeign {
		c.proofs.lists[cert.v.Issuer] = append(c.proofs.lists[cert.v.Issuer], cert.v)
	}
}

// learn follows what the NAC reads in lists, and what responders tell it.
func (c *checker) learn(r *trace.Record) {
	c.marks["revocation: "+r.Field("result")+" "+r.Field("status")]++
	if r.Field("result") != "ok" {
		return
	}
	p := &c.proofs
	if p.told == nil {
		p.told, p.asked = map[*clientCert]time.Duration{}, map[string]time.Duration{}
	}
	if serial := r.Field("serial"); serial != "" {
		if r.Field("status") == "revoked" {
			p.asked[serial] = r.At + c.file.Authentication.Revocation.Valid - 2*time.Second // it is dated in whole seconds
		}
		return
	}
	issuer := scenario.CACorp
	if strings.Contains(r.Field("source"), "/"+scenario.CAIntermediate+"/") {
		issuer = scenario.CAIntermediate
	}
	var n int
	fmt.Sscan(r.Field("entries"), &n)
	if n > len(p.lists[issuer]) {
		c.fail(r, "a list has what was revoked", "%d entries of %s, %d were revoked", n, issuer, len(p.lists[issuer]))
	} else {
		for _, cert := range p.lists[issuer][:n] {
			p.told[cert] = forever // an expired list still names them
		}
	}
}

// refusal notes whose certificate it is that a responder has called revoked.
func (c *checker) refusal(r *trace.Record) {
	if r.Field("type") != "NAC_CLIENT_CERT_REVOKED" {
		return
	}
	for _, k := range c.order {
		serial := r.Field("cert_serial")
		until, asked := c.proofs.asked[serial]
		if !asked || strings.ReplaceAll(k.mac, ":", "") != r.Field("mac") {
			continue
		}
		for i := range k.certs { // the latest, if it is the first time
			if c.proofs.serials[serial] == nil && k.certs[len(k.certs)-1-i].v.revoked {
				c.proofs.serials[serial] = k.certs[len(k.certs)-1-i].v
			}
		}
		if cert := c.proofs.serials[serial]; cert != nil {
			c.proofs.told[cert] = until
		}
	}
}

// proof checks that nobody is let in against what the NAC knows.
func (c *checker) proof(r *trace.Record, k *clientFacts) {
	kind := r.Field("auth_type")
	c.marks["proof: "+r.Field("result")+" "+kind]++
	if r.Field("resumed") == "true" {
		c.marks["proof: resumed "+kind+" "+r.Field("result")]++
	}
	if reason := r.Field("reason"); reason != "" {
		c.marks["refused: "+reason]++
	}
	if r.Field("result") != "accept" {
		return
	}
	switch {
	case k.thing():
		c.proofOfThing(r, k)
	case len(k.accounts) > 0:
		c.proofOfUser(r, k)
	default:
		c.proofOfCertificate(r, k)
	}
}

// proofOfThing checks that a rule allows the MAC address.
func (c *checker) proofOfThing(r *trace.Record, k *clientFacts) {
	allowed := false
	for i, p := range c.policies {
		current := i == len(c.policies)-1 || r.At-c.policies[i+1].at < underWay
		allowed = allowed || current && k.known() && campaignPolicies[p.v].thing == r.Field("vlan")
	}
	if !allowed {
		c.fail(r, "a device without a supplicant needs a rule", "%s is let into VLAN %q", k.device.Name, r.Field("vlan"))
	}
}

// proofOfUser checks that the account was open and the password right. A resumed session tells nothing about the password.
func (c *checker) proofOfUser(r *trace.Record, k *clientFacts) {
	resumed, open := r.Field("resumed") == "true", false
	for i := range k.accounts {
		a := &k.accounts[i]
		current := i == len(k.accounts)-1 || r.At-k.accounts[i+1].at < underWay
		open = open || current && (a.v.opens() || resumed && !a.v.disabled)
	}
	if !open {
		c.fail(r, "a user needs an account and its password", "%s is let in (resumed: %v), and its account is %+v", k.device.Name, resumed, k.accounts[len(k.accounts)-1])
	}
}

// proofOfCertificate checks that one of the client's certificates is good as far as the NAC knows.
func (c *checker) proofOfCertificate(r *trace.Record, k *clientFacts) {
	good := false
	for i := range k.certs {
		cert := &k.certs[i]
		believed := cert.v.revoked && r.At < c.proofs.told[cert.v]
		inTime := r.At >= cert.at+cert.v.NotBefore && r.At < cert.at+cert.v.NotAfter+underWay
		good = good || inTime && !believed && cert.v.Issuer != scenario.CAForeign
	}
	if !good {
		c.fail(r, "a certificate counts until it expires or is revoked", "%s is let in (resumed: %s), and none of its %d certificates is good",
			k.device.Name, r.Field("resumed"), len(k.certs))
	}
}

// proves reports whether a client can be let in now by what it has.
func (c *checker) proves(k *clientFacts) bool {
	if n := len(k.accounts); n > 0 {
		return k.accounts[n-1].v.opens()
	}
	return !k.certs[len(k.certs)-1].v.revoked
}
