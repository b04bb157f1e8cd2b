package radiusd

import (
	"crypto/tls"
	"net/netip"
	"strings"
	"testing"

	"nacsim/internal/eap"
	"nacsim/nac/eapserver"

	lr "layeh.com/radius"
)

// TestOtherIdentity: whether a User-Name that is not the EAP identity is refused is a setting (RFC 3579 section 3).
func TestOtherIdentity(t *testing.T) {
	for _, c := range []struct {
		userName string
		reject   bool
		want     lr.Code
	}{
		{"host/laptop", true, lr.CodeAccessChallenge},
		{"other", false, lr.CodeAccessChallenge},
		{"other", true, lr.CodeAccessReject},
		{"", true, lr.CodeAccessReject},
	} {
		b := newBench(t, func(config *Config) { config.RejectOtherIdentity = c.reject })
		n := b.nas(tls.VersionTLS13, 1)
		n.extra[0] = text(1, c.userName)
		out := n.exchange(identity("host/laptop"))
		if n.reply.Code != c.want {
			t.Errorf("User-Name %q, rejected %v: got %v", c.userName, c.reject, n.reply.Code)
		}
		if c.want != lr.CodeAccessReject {
			continue
		}
		if p, err := eap.Parse(out); err != nil || p.Code != eap.Failure || p.ID != 1 {
			t.Errorf("the client gets %x", out)
		}
		if f := b.handler.failures; len(f) != 1 || f[0].Reason != eapserver.Protocol || !strings.Contains(f[0].Text, `the EAP identity is "host/laptop"`) {
			t.Errorf("handler is told of %v", f)
		}
	}
}

// TestRequireNAS: a request has to name its NAS where that is wanted (RFC 2865 section 4.1, RFC 2866 section 4.1).
func TestRequireNAS(t *testing.T) {
	for _, c := range []struct {
		name  string
		attrs []byte
		drop  DropReason
	}{
		{"none", nil, DropNoNAS},
		{"NAS-Identifier", words(32, "ap-1"), ""},
		{"NAS-IP-Address", attr(4, 10, 0, 1, 1), ""},
		{"NAS-IPv6-Address", attr(95, make([]byte, 16)...), ""},
	} {
		b := newBench(t, func(config *Config) { config.RequireNAS = true })
		if _, drop := b.handle(Auth, apAddr, access(hello, c.attrs).wire(1)); drop != c.drop {
			t.Errorf("%s: Access-Request gets %q, want %q", c.name, drop, c.drop)
		}
		if _, drop := b.handle(Acct, apAddr, account(started, sessionID, c.attrs).wire(1)); drop != c.drop {
			t.Errorf("%s: Accounting-Request gets %q, want %q", c.name, drop, c.drop)
		}
		if _, drop := b.handle(Auth, apAddr, raw{code: 12, attrs: signature}.wire(2)); drop != "" {
			t.Errorf("%s: Status-Server gets %q", c.name, drop)
		}
	}
}

// TestBlastRADIUS has what a client without Message-Authenticator may send (CVE-2024-3596): nothing, unless its settings
// say so; then each is told of, and none may have Proxy-State, which the attack hides its collision in.
func TestBlastRADIUS(t *testing.T) {
	password := attr(2, make([]byte, 16)...)
	for _, c := range []struct {
		name    string
		client  Client
		request raw
		drop    DropReason
		warned  uint64
	}{
		{"required", Client{}, unsigned(name, password), DropNoMessageAuthenticator, 0},
		{"required and there", Client{}, access(name, password), "", 0},
		{"optional", Client{OptionalMessageAuthenticator: true}, unsigned(name, password), "", 1},
		{"optional and there", Client{OptionalMessageAuthenticator: true}, access(name, password), "", 0},
		{"optional, wrong", Client{OptionalMessageAuthenticator: true}, access(name, password).with(func(r *raw) { r.sum = long[:16] }), DropBadAuthenticator, 0},
		{"optional, with EAP", Client{OptionalMessageAuthenticator: true}, unsigned(name, hello), DropNoMessageAuthenticator, 0},
		{"optional, Proxy-State", Client{OptionalMessageAuthenticator: true}, unsigned(name, password, attr(33, 1)), DropUnsignedProxyState, 0},
		{"optional, Proxy-State, signed", Client{OptionalMessageAuthenticator: true}, access(name, password, attr(33, 1)), "", 0},
		{"optional, Proxy-State of a proxy that needs it", Client{OptionalMessageAuthenticator: true, UnsignedProxyState: true}, unsigned(name, password, attr(33, 1)), "", 1},
	} {
		b := newBench(t, func(config *Config) {
			c.client.Prefix, c.client.Secret = config.Clients[0].Prefix, secret
			config.Clients[0] = c.client
		})
		var warned uint64
		b.engine.env.Unsigned = func(from Source, count uint64) {
			if warned = count; from.Addr != apAddr {
				t.Errorf("%s: warning about %v", c.name, from)
			}
		}
		reply, drop := b.handle(Auth, apAddr, c.request.wire(1))
		if drop != c.drop || warned != c.warned || b.engine.Counters().Unsigned != c.warned {
			t.Errorf("%s: got drop %q and warning %d, want %q and %d", c.name, drop, warned, c.drop, c.warned)
		}
		if drop == "" && (lr.Code(reply[0]) != lr.CodeAccessReject || reply[20] != 80) {
			t.Errorf("%s: reply is %x", c.name, reply)
		}
	}
}

// TestReload: what comes later is judged by the new configuration, conversations under way by that they began with.
func TestReload(t *testing.T) {
	b := newBench(t)
	n := b.nas(tls.VersionTLS13, 1)
	response := n.peer.Respond(n.exchange(identity("host/laptop")))
	config := b.engine.settings.Load().Config
	config.MAB.PAP = true
	config.Clients = append(config.Clients, Client{Prefix: netip.MustParsePrefix("10.0.2.0/24"), Secret: secret})
	config.EAP.TLS = func() *tls.Config { t.Error("the new TLS configuration is used"); return nil }
	if err := b.engine.Reload(config); err != nil {
		t.Fatal(err)
	}
	for response != nil {
		response = n.peer.Respond(n.exchange(response))
	}
	if n.peer.Code != eap.Success {
		t.Errorf("a conversation under way ends with %v", n.peer.Code)
	}
	if _, drop := b.handle(Auth, netip.MustParseAddrPort("10.0.2.1:9"), access(hello).wire(1)); drop != "" {
		t.Errorf("a new client gets %q", drop)
	}
	config.Clients[0].Secret = nil
	if err := b.engine.Reload(config); err == nil {
		t.Error("a client without a secret is taken")
	}
	if _, drop := b.handle(Auth, apAddr, access(hello).wire(2)); drop != "" {
		t.Errorf("after a broken configuration: %q", drop)
	}
}

func TestCounters(t *testing.T) {
	b := newBench(t, func(c *Config) { c.MAB.PAP = true })
	n := b.nas(tls.VersionTLS12, 1)
	n.authenticate()
	challenges := uint64(len(n.sequence) - 1)
	b.handle(Auth, apAddr, n.sent)
	b.handle(Auth, apAddr, access(name).wire(200))
	b.handle(Auth, apAddr, unsigned(hello).wire(201))
	b.handle(Auth, apAddr, raw{code: 12, attrs: signature}.wire(202))
	b.handle(Acct, apAddr, account(started, sessionID).wire(203))
	b.handle(Auth, apAddr, access(hello).wire(204))
	c := b.engine.Counters()
	if c.Requests != challenges+7 || c.Accepts != 1 || c.Rejects != 1 || c.Challenges != challenges+1 || c.Accountings != 1 || c.StatusServers != 1 ||
		c.Repeats != 1 || c.Conversations != 1 || c.Waiting != 0 || len(c.Drops) != 1 || c.Drops[DropNoMessageAuthenticator] != 1 {
		t.Errorf("after %d challenges counters are %+v", challenges, c)
	}
}

func TestAccountingNotRecorded(t *testing.T) {
	b := newBench(t)
	b.handler.lost = errLost
	wire := account(started, sessionID).wire(1)
	if _, drop := b.handle(Acct, apAddr, wire); drop != DropNotRecorded {
		t.Errorf("a record that is lost gets %q", drop)
	}
	b.handler.lost = nil
	if _, drop := b.handle(Acct, apAddr, wire); drop != "" || len(b.handler.records) != 2 { // RFC 2866 section 4.1
		t.Errorf("sent again it gets %q, %d records", drop, len(b.handler.records))
	}
}
