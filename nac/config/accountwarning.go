package config

import (
	"cmp"
	"fmt"
	"time"

	"nacsim/nac/link"
	"nacsim/nac/mdm"
)

// shortAge is below how many polls the last known state of a device outlasts a short outage only.
const shortAge = 2

// aboutAccount says what should be better about the linked account.
func (c *Config) aboutAccount(now time.Time) []string {
	var out []string
	for _, w := range c.NAC.Compliance.Warnings() {
		out = append(out, "compliance."+w)
	}
	m := c.NAC.MDM
	if m == nil {
		return out
	}
	if m.Tenant == "" && c.NAC.Link == nil {
		why := "there is no api to link one with"
		if c.NAC.API != nil {
			why = "intune.link.redirect_uri is missing to link one with"
		}
		out = append(out, "intune names no tenant, and "+why+": no device is known unless one was linked before")
	}
	if m.MaxAge > 0 && m.MaxAge < shortAge*cmp.Or(m.PollInterval, mdm.DefaultPoll) {
		out = append(out, "intune.max_age is less than two polls: when one fails, devices that are compliant cease to be")
	}
	expires, what := m.SecretExpires, "the client secret"
	if leaf := m.ClientCertificate.Leaf; leaf != nil {
		expires, what = leaf.NotAfter, "the client certificate"
	}
	alarm := c.NAC.CredentialAlarm
	if alarm == 0 {
		alarm = link.DefaultSoon
	}
	switch left := expires.Sub(now); {
	case expires.IsZero():
	case left <= 0:
		out = append(out, "intune: "+what+" has expired at "+expires.UTC().Format(time.RFC3339)+": Entra gives no token for it")
	case left < alarm:
		out = append(out, "intune: "+what+" expires in "+link.DaysLeft(left))
	}
	return out
}

// aboutAPI says what should be better about the API.
func (c *Config) aboutAPI(now time.Time) []string {
	a := c.NAC.API
	if a == nil {
		return nil
	}
	if a.TLS == nil {
		if c.API.Addr().IsLoopback() {
			return nil
		}
		return []string{fmt.Sprintf("api: %s is served by HTTP, so whoever is between sees the token; give it a certificate, or listen on 127.0.0.1 only", c.API)}
	}
	var out []string
	for _, certificate := range a.TLS.Certificates {
		if leaf := certificate.Leaf; leaf != nil && leaf.NotAfter.Sub(now) < soon {
			out = append(out, fmt.Sprintf("api: certificate %q ends at %s", name(leaf), leaf.NotAfter.UTC().Format(time.RFC3339)))
		}
	}
	return out
}
