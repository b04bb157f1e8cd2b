package config

import (
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
		{"intune", func(c *Config) { c.NAC.MDM.ClientSecret = "other" }},
		{"intune", func(c *Config) { c.NAC.MDM = nil }},
		{"intune", func(c *Config) { c.NAC.Link.Tenants = []string{"t"} }},
		{"intune", func(c *Config) { c.NAC.CredentialAlarm = time.Hour }},
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
