package config

import (
	"crypto/x509"
	"net/netip"
	"slices"
	"testing"
	"time"

	"nacsim/nac"
	"nacsim/nac/api"
	"nacsim/nac/link"
	"nacsim/nac/mdm"
	"nacsim/nac/policy"
)

func address4(port uint16) netip.AddrPort { return netip.AddrPortFrom(netip.IPv4Unspecified(), port) }

// TestFixed has each key that a running NAC does not take up change alone.
func TestFixed(t *testing.T) {
	file := func() *Config {
		return &Config{State: "state", NAC: nac.Config{MaxSessions: 10, MDM: &mdm.Config{Tenant: "t", ClientSecret: "s"},
			Link: &link.Config{ClientID: "c"}, API: &api.Config{Token: "t"}}}
	}
	for _, c := range []struct {
		key    string
		change func(*Config)
	}{
		{"listen.auth", func(c *Config) { c.Auth = address4(1812) }},
		{"listen.acct", func(c *Config) { c.Acct = address4(1813) }},
		{"radsec.listen", func(c *Config) { c.RadSec = address4(2083) }},
		{"state", func(c *Config) { c.State = "" }},
		{"eap.timeout", func(c *Config) { c.NAC.RADIUS.ConversationTTL = time.Minute }},
		{"limits.sessions", func(c *Config) { c.NAC.MaxSessions = 11 }},
		{"limits.conversations", func(c *Config) { c.NAC.RADIUS.MaxConversations = 1 }},
		{"limits.conversations_per_nas", func(c *Config) { c.NAC.RADIUS.MaxPerNAS = 1 }},
		{"", func(c *Config) { c.NAC.MDM.ClientSecret = "other" }},
		{"", func(c *Config) { c.NAC.MDM.SecretExpires = time.Unix(1, 0) }},
		{"", func(c *Config) { c.NAC.MDM.ClientCertificate.Certificate = [][]byte{{1}} }},
		{"", func(c *Config) { c.NAC.MDM.Signature = "RS256" }},
		{"", func(c *Config) { c.NAC.MDM.MaxAge, c.NAC.MDM.StaleAfter = time.Hour, time.Hour }},
		{"", func(c *Config) { c.NAC.MDM.ShortList, c.NAC.MDM.ShortListAccept = 0.1, 3 }},
		{"intune.tenant", func(c *Config) { c.NAC.MDM.Tenant = "other" }},
		{"intune.client_id", func(c *Config) { c.NAC.MDM.ClientID, c.NAC.Link.ClientID = "other", "other" }},
		{"intune.authority", func(c *Config) {
			c.NAC.MDM.Authority, c.NAC.Link.Authority = "https://login.microsoftonline.us", "https://login.microsoftonline.us"
		}},
		{"intune.graph", func(c *Config) { c.NAC.MDM.Graph = "https://graph.microsoft.us" }},
		{"intune.cas", func(c *Config) { c.NAC.MDM.RootCAs = x509.NewCertPool() }},
		{"intune.poll", func(c *Config) { c.NAC.MDM.PollInterval = time.Hour }},
		{"intune.timeout", func(c *Config) { c.NAC.MDM.Timeout = time.Hour }},
		{"intune.rate", func(c *Config) { c.NAC.MDM.Rate = 1 }},
		{"intune", func(c *Config) { c.NAC.MDM = nil }},
		{"intune.link", func(c *Config) { c.NAC.Link.Tenants = []string{"t"} }},
		{"intune.credential_alarm", func(c *Config) { c.NAC.CredentialAlarm = time.Hour }},
		{"api", func(c *Config) { c.API = address4(8444) }},
		{"api", func(c *Config) { c.NAC.API.Token = "other" }},
		{"api", func(c *Config) { c.NAC.API = nil }},
		{"", func(c *Config) { c.NAC.API.Addr = address4(8444) }}, // where it is served in the world that the NAC runs in
		{"coa", func(c *Config) { c.NAC.CoA.Limits.PerHour = 1 }},
		{"", func(c *Config) { c.NAC.Compliance.InGracePeriod = policy.Noncompliant }},
		{"", func(c *Config) { c.NAC.RADIUS.MaxWaiting = 7 }},
	} {
		next := file()
		c.change(next)
		var want []string
		if c.key != "" {
			want = []string{c.key}
		}
		if got := file().Fixed(next); !slices.Equal(got, want) {
			t.Errorf("changed is %q, fixed are %q", c.key, got)
		}
	}
}
