package config

import (
	"net/netip"
	"strings"
	"testing"
	"time"
)

// TestAccountWarnings holds what the operator is told about the account and the API, and that nothing is told of what is
// as it should be.
func TestAccountWarnings(t *testing.T) {
	f := newFiles(t)
	now := load(t, f, minimal).Certificates[0].Leaf.NotBefore
	date := func(d time.Duration) string { return now.Add(d).UTC().Format(time.RFC3339) }
	const day = 24 * time.Hour
	for _, c := range []struct{ name, text, want string }{
		{"all well", "intune: {tenant: t, client_id: c, secret: s, secret_expires: '" + date(40*day) + "'}", ""},
		{"expires soon", "intune: {tenant: t, client_id: c, secret: s, secret_expires: '" + date(29*day) + "'}", "intune: the client secret expires in 29 days"},
		{"expires soon, but later than the alarm", "intune: {tenant: t, client_id: c, secret: s, credential_alarm: 10d, secret_expires: '" + date(29*day) + "'}", ""},
		{"expired", "intune: {tenant: t, client_id: c, secret: s, secret_expires: '" + date(-day) + "'}", "intune: the client secret has expired"},
		{"forgets too soon", "intune: {tenant: t, client_id: c, secret: s, max_age: 3h}", "intune.max_age is less than two polls"},
		{"never forgets", "intune: {tenant: t, client_id: c, secret: s, max_age: 0s, poll: 3h}", ""},
		{"nothing to link with", "intune: {client_id: c, secret: s}", "intune names no tenant, and there is no api"},
		{"nowhere to come back to", "intune: {client_id: c, secret: s}\napi: {listen: '0.0.0.0:8443', token: a-token-of-24-characters, certificate: {chain: server.pem, key: server.key}}", "intune names no tenant, and intune.link.redirect_uri is missing"},
		{"linked later", "intune: {client_id: c, secret: s}\napi: {listen: '127.0.0.1:8443', token: a-token-of-24-characters}", ""},
		{"token in clear", "api: {listen: '192.0.2.1:80', token: a-token-of-24-characters}", "api: 192.0.2.1:80 is served by HTTP"},
		{"token in TLS", "api: {listen: '192.0.2.1:443', token: a-token-of-24-characters, certificate: {chain: server.pem, key: server.key}}", ""},
		{"not found is compliant", "compliance: {not_found: compliant}", "compliance.not_found is compliant"},
	} {
		got := load(t, f, minimal+c.text+"\n").Warnings(now)
		if c.want == "" && len(got) > 0 || c.want != "" && (len(got) != 1 || !strings.HasPrefix(got[0], c.want)) {
			t.Errorf("%s: %q, want %q", c.name, got, c.want)
		}
	}
	c := load(t, f, minimal+"api: {listen: '127.0.0.1:8444', token: a-token-of-24-characters}\n")
	c.NAC.API.Addr = netip.MustParseAddrPort("192.0.0.8:8444") // where it is served in the world that the NAC runs in
	if got := c.Warnings(now); len(got) != 0 {
		t.Errorf("of an API on this computer only: %q", got)
	}
}

// TestRedirect holds where a browser is sent back to without redirect_uri.
func TestRedirect(t *testing.T) {
	for _, c := range []struct{ api, want string }{
		{"{listen: '127.0.0.1:8443', token: a-token-of-24-characters}", "http://localhost:8443/link/callback"},
		{"{listen: '192.0.2.1:8443', token: a-token-of-24-characters, certificate: {chain: server.pem, key: server.key}}", "https://192.0.2.1:8443/link/callback"},
		{"{listen: '0.0.0.0:8443', token: a-token-of-24-characters, certificate: {chain: server.pem, key: server.key}}", ""},
		{"{listen: '192.0.2.1:8443', token: a-token-of-24-characters}", ""},
	} {
		l := load(t, newFiles(t), minimal+"intune: {client_id: c, secret: s}\napi: "+c.api+"\n").NAC.Link
		got := ""
		if l != nil {
			got = l.RedirectURI
		}
		if got != c.want {
			t.Errorf("%s: %q, want %q", c.api, got, c.want)
		}
	}
}
