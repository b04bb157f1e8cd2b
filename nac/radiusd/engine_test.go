package radiusd

import (
	"bytes"
	"crypto/tls"
	"io"
	"net/netip"
	"sync"
	"testing"
	"time"

	"nacsim/internal/eap"
	"nacsim/internal/eap/eaptest"
	"nacsim/internal/radius"
	"nacsim/nac/eapserver"

	lr "layeh.com/radius"
	"layeh.com/radius/rfc2865"
	"layeh.com/radius/rfc2866"
	"layeh.com/radius/rfc2869"
)

// TestDrops has a datagram for every reason not to answer.
func TestDrops(t *testing.T) {
	b := newBench(t, func(c *Config) {
		c.Clients = append(c.Clients, Client{Prefix: netip.MustParsePrefix("10.0.9.0/24"), Secret: secret, OptionalMessageAuthenticator: true})
	})
	n := b.nas(tls.VersionTLS13, 1)
	good := func() []byte { return n.access(identity("x")) }
	bare := func(code lr.Code, s []byte, attrs ...*lr.AVP) []byte {
		wire, err := (&lr.Packet{Code: code, Secret: s, Attributes: attrs}).Encode()
		if err != nil {
			t.Fatal(err)
		}
		return wire
	}
	flip := func(wire []byte, i int) []byte { wire = bytes.Clone(wire); wire[i] ^= 1; return wire }
	signed := func(code lr.Code, attrs ...*lr.AVP) []byte {
		p, _ := radius.NewRequest(code, 1, secret, n.rand)
		p.Attributes = attrs
		wire, err := radius.EncodeRequest(p)
		if err != nil {
			t.Fatal(err)
		}
		return wire
	}
	eapMessage := func(b ...byte) *lr.AVP { return &lr.AVP{Type: rfc2869.EAPMessage_Type, Attribute: b} }
	start := &lr.AVP{Type: rfc2866.AcctStatusType_Type, Attribute: lr.NewInteger(1)}
	other := netip.MustParseAddrPort("10.0.2.1:40000")
	lax := netip.MustParseAddrPort("10.0.9.1:40000")
	for _, c := range []struct {
		name    string
		service Service
		from    netip.AddrPort
		wire    []byte
		want    DropReason
	}{
		{"unknown client", Auth, other, good(), DropUnknownClient},
		{"nothing", Auth, apAddr, nil, DropMalformed},
		{"cut", Auth, apAddr, good()[:50], DropMalformed},
		{"attribute of length 0", Auth, apAddr, []byte("\x01\x00\x00\x160123456789abcdef\x01\x00"), DropMalformed},
		{"wrong Message-Authenticator", Auth, apAddr, flip(good(), 30), DropBadAuthenticator},
		{"wrong secret", Auth, apAddr, func() []byte {
			p, _ := radius.NewRequest(lr.CodeAccessRequest, 1, []byte("x"), n.rand)
			wire, _ := radius.EncodeRequest(p)
			return wire
		}(), DropBadAuthenticator},
		{"wrong secret in accounting", Acct, apAddr, bare(lr.CodeAccountingRequest, []byte("x"), start), DropBadAuthenticator},
		{"EAP without Message-Authenticator", Auth, lax, bare(lr.CodeAccessRequest, secret, eapMessage(identity("x")...)), DropNoMessageAuthenticator},
		{"Access-Request without Message-Authenticator", Auth, apAddr, bare(lr.CodeAccessRequest, secret), DropNoMessageAuthenticator},
		{"Status-Server without Message-Authenticator", Auth, apAddr, bare(lr.CodeStatusServer, secret), DropNoMessageAuthenticator},
		{"a reply", Auth, apAddr, bare(lr.CodeAccessAccept, secret), DropUnknownCode},
		{"code 200", Auth, apAddr, flip(append([]byte{201}, good()[1:]...), 0), DropUnknownCode},
		{"accounting on the authentication port", Auth, apAddr, bare(lr.CodeAccountingRequest, secret, start), DropUnknownCode},
		{"authentication on the accounting port", Acct, apAddr, good(), DropUnknownCode},
		{"CoA-Request", Auth, apAddr, signed(lr.CodeCoARequest), DropUnknownCode},
		{"accounting without a status", Acct, apAddr, bare(lr.CodeAccountingRequest, secret), DropMalformed},
		{"accounting with a short status", Acct, apAddr, bare(lr.CodeAccountingRequest, secret, &lr.AVP{Type: 40, Attribute: lr.Attribute{1}}), DropMalformed},
		{"malformed EAP", Auth, apAddr, signed(lr.CodeAccessRequest, eapMessage(2, 1, 0, 99, 1)), DropMalformedEAP},
	} {
		before := b.engine.Drops(c.want)
		reply, drop := b.handle(c.service, c.from, c.wire)
		if drop != c.want || reply != nil {
			t.Errorf("%s: got %q and %d octets, want %q", c.name, drop, len(reply), c.want)
		}
		if b.engine.Drops(c.want) != before+1 {
			t.Errorf("%s: not counted", c.name)
		}
	}
	if len(b.handler.accesses)+len(b.handler.failures)+len(b.handler.records) != 0 || b.engine.Conversations() != 0 {
		t.Error("a dropped datagram had an effect")
	}
	password := &lr.AVP{Type: rfc2865.UserPassword_Type, Attribute: make(lr.Attribute, 16)}
	if reply, drop := b.handle(Auth, lax, bare(lr.CodeAccessRequest, secret, password)); drop != "" || reply[0] != byte(lr.CodeAccessReject) {
		t.Errorf("client with optional Message-Authenticator: %q", drop)
	}
}

func TestStatusServer(t *testing.T) {
	b := newBench(t)
	for service, want := range []lr.Code{Auth: lr.CodeAccessAccept, Acct: lr.CodeAccountingResponse} { // RFC 5997 section 4.1
		p, _ := radius.NewRequest(lr.CodeStatusServer, 9, secret, &counter{})
		wire, _ := radius.EncodeRequest(p)
		reply, drop := b.handle(Service(service), apAddr, wire)
		if drop != "" {
			t.Fatal(drop)
		}
		if r, err := radius.ParseReply(reply, p, true); err != nil || r.Code != want {
			t.Errorf("got %v, error %v", r, err)
		}
	}
	if len(b.handler.accesses)+len(b.handler.failures)+len(b.handler.records) != 0 {
		t.Error("handler was called")
	}
}

func TestClientTable(t *testing.T) {
	prefix := netip.MustParsePrefix
	table := newClientTable([]Client{
		{Name: "all", Prefix: prefix("0.0.0.0/0")}, {Name: "site", Prefix: prefix("10.0.0.0/8")},
		{Name: "ap", Prefix: prefix("10.0.1.1/32"), CoAPort: 1700}, {Name: "six", Prefix: prefix("2001:db8::/32")},
	})
	for addr, want := range map[string]string{
		"10.0.1.1": "ap", "10.0.1.2": "site", "192.0.2.1": "all", "::ffff:10.0.1.1": "ap", "2001:db8::1": "six",
	} {
		if c := table.lookup(netip.MustParseAddr(addr)); c == nil || c.Name != want {
			t.Errorf("%s belongs to %v, want %s", addr, c, want)
		}
	}
	if c := table.lookup(netip.MustParseAddr("2001:db9::1")); c != nil {
		t.Errorf("an unknown address belongs to %s", c.Name)
	}
	if c := table.lookup(netip.MustParseAddr("10.0.1.1")); c.CoAPort != 1700 {
		t.Errorf("CoA port is %d", c.CoAPort)
	}
}

func TestConfigErrors(t *testing.T) {
	source := func() *tls.Config { return nil }
	p := netip.MustParsePrefix("10.0.0.1/8")
	for _, c := range []struct {
		name   string
		config Config
	}{
		{"no TLS", Config{}},
		{"client without a prefix", Config{EAP: eapserver.Config{TLS: source}, Clients: []Client{{Secret: secret}}}},
		{"client without a secret", Config{EAP: eapserver.Config{TLS: source}, Clients: []Client{{Prefix: p}}}},
		{"client twice", Config{EAP: eapserver.Config{TLS: source}, Clients: []Client{{Prefix: p, Secret: secret}, {Prefix: p.Masked(), Secret: secret}}}},
	} {
		if _, err := NewEngine(c.config, Env{}, nil); err == nil {
			t.Errorf("%s: no error", c.name)
		}
	}
}

// brokenRand is a source that has run dry.
type brokenRand struct{}

func (brokenRand) Read([]byte) (int, error) { return 0, io.ErrUnexpectedEOF }

func TestWithoutRandomness(t *testing.T) {
	b := newBench(t)
	b.engine.rand.r = brokenRand{}
	n := b.nas(tls.VersionTLS12, 1)
	if _, drop := b.handle(Auth, n.from, n.access(identity("x"))); drop != DropNoRandomness {
		t.Errorf("got %q", drop)
	}
}

// TestParallel has many clients at the same time, for the race detector.
func TestParallel(t *testing.T) {
	b := newBench(t)
	cert := b.ca.Issue("laptop")
	var wg sync.WaitGroup
	for i := range 8 {
		n := &nas{b: b, from: netip.AddrPortFrom(apAddr.Addr(), uint16(1000+i)), rand: &counter{n: uint32(i+1) << 16}}
		n.extra = b.nas(tls.VersionTLS13, 0).extra
		n.peer = &eaptest.Peer{T: t, Identity: "x", TLS: eaptest.ClientTLS(b.ca, tls.VersionTLS12+uint16(i%2), cert)}
		wg.Go(func() {
			for range 3 {
				n.state, n.peer.Code = nil, 0
				n.authenticate()
				if n.peer.Code != eap.Success {
					t.Errorf("peer gets %v", n.peer.Code)
				}
			}
		})
	}
	wg.Wait()
	if len(b.handler.accesses) != 24 {
		t.Errorf("handler was asked %d times", len(b.handler.accesses))
	}
}

// FuzzEngine has a client send anything: as it is, and with its signatures put right, and with the State of a conversation
// under way in place of any other.
func FuzzEngine(f *testing.F) {
	b := newBench(f, func(c *Config) {
		c.MAB = MAB{PAP: true, CHAP: true, EAPMD5: true}
		c.PlainPasswords = users(f)
		c.EAP.Directory = c.PlainPasswords
	})
	n := b.nas(tls.VersionTLS13, 1)
	f.Add(n.access(identity("x")), byte(0))
	f.Add(n.access(nil), byte(0))
	n.exchange(identity("x"))
	f.Add(n.access([]byte{2, 2, 0, 6, 13, 0}), byte(0))
	for _, table := range oddities() {
		for _, o := range table {
			f.Add(o.raw.wire(1), byte(o.service))
		}
	}
	f.Fuzz(func(t *testing.T, datagram []byte, service byte) {
		b.t, b.labels = t, nil
		*b.handler = recorder{verdict: b.handler.verdict}
		b.now = b.now.Add(time.Second)
		b.handle(Service(service&1), apAddr, datagram)
		p, err := radius.Parse(datagram, secret)
		if err != nil {
			return
		}
		if a, ok := p.Lookup(rfc2865.State_Type); ok && len(a) > 0 {
			n.b, n.state = b, nil
			n.exchange(identity("x"))
			p.Set(rfc2865.State_Type, n.state)
		}
		wire, err := radius.EncodeRequest(p)
		if err != nil {
			return
		}
		reply, _ := b.handle(Service(service&1), apAddr, wire)
		if reply != nil {
			if _, err := radius.ParseReply(reply, p, true); err != nil {
				t.Fatalf("reply %x: %v", reply, err)
			}
		}
		if b.engine.Waiting() != 0 || b.engine.Conversations() > 100 {
			t.Fatalf("%d waiting, %d conversations", b.engine.Waiting(), b.engine.Conversations())
		}
	})
}
