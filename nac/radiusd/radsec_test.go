package radiusd

import (
	"crypto/sha256"
	"crypto/tls"
	"crypto/x509"
	"fmt"
	"net/netip"
	"net/url"
	"slices"
	"strings"
	"testing"
	"time"

	"nacsim/internal/eap/eaptest"
	"nacsim/internal/host"
	"nacsim/internal/host/testhost"
	"nacsim/internal/radius"
	"nacsim/internal/radsec"
	"nacsim/nac/credential"
	"nacsim/nac/eapserver"

	lr "layeh.com/radius"
	"layeh.com/radius/rfc2865"
	"layeh.com/radius/rfc2866"
)

// A socketless machine has UDP sockets that nothing ever comes to.
type socketless struct{ *testhost.Machine }

type silentSocket struct {
	at   netip.AddrPort
	down host.Signal
}

func (m socketless) ListenPacket(at netip.AddrPort) (host.PacketConn, error) {
	return &silentSocket{at, m.NewSignal()}, nil
}
func (s *silentSocket) ReadFrom([]byte, time.Time) (int, netip.AddrPort, error) {
	_ = s.down.Wait(time.Time{})
	return 0, netip.AddrPort{}, host.ErrDown
}
func (s *silentSocket) WriteTo([]byte, netip.AddrPort) error { return nil }
func (s *silentSocket) LocalAddr() netip.AddrPort            { return s.at }
func (s *silentSocket) Close() error                         { s.down.Set(); return nil }

// A tlsBench is a server with RadSec and the machines that connect to it.
type tlsBench struct {
	t       *testing.T
	ca      *eaptest.CA
	world   *testhost.World
	nac     *testhost.Machine
	server  *Server
	handler *recorder
	late    []func() // answers of the directory about the user "late"
}

// Ask makes the bench a directory that knows everybody.
func (b *tlsBench) Ask(q credential.Question, answer func(credential.Answer)) {
	if q.User != "late" {
		answer(credential.Answer{OK: true})
		return
	}
	b.late = append(b.late, func() { answer(credential.Answer{OK: true}) })
}

// answerLate answers what is asked about the user "late", and lets what follows happen.
func (b *tlsBench) answerLate() {
	late := b.late
	b.late = nil
	b.nac.Do(func() {
		for _, answer := range late {
			answer()
		}
	})
	b.world.Advance(time.Second)
}

func newTLSBench(t *testing.T, change ...func(*RadSecConfig)) *tlsBench {
	t.Helper()
	w := testhost.New(t)
	b := &tlsBench{t: t, ca: eaptest.NewCA(t, "corp"), world: w, nac: w.Machine("nac", "10.0.0.1"), handler: &recorder{verdict: Verdict{Accept: true}}}
	config := Config{
		Clients:        []Client{{Prefix: netip.MustParsePrefix("10.0.1.0/24"), Name: "aps", Secret: secret}},
		EAP:            eapserver.Config{TLS: func() *tls.Config { return eaptest.ServerTLS(b.ca) }},
		PlainPasswords: b,
		RadSec:         RadSecConfig{Addr: netip.MustParseAddrPort("10.0.0.1:2083"), TLS: func() *tls.Config { return eaptest.ServerTLS(b.ca) }},
	}
	for _, f := range change {
		f(&config.RadSec)
	}
	var err error
	if b.server, err = Start(socketless{b.nac}, config, b.handler); err != nil {
		t.Fatal(err)
	}
	return b
}

// A tlsNAS is one that keeps a connection.
type tlsNAS struct {
	b     *tlsBench
	m     *testhost.Machine
	conn  *radsec.Conn
	end   error
	asked []lr.Code // by the server
}

// dial connects from a machine with a certificate for name. Conn is nil when it does not come to a connection.
func (b *tlsBench) dial(addr, name string, settings radsec.Settings) *tlsNAS {
	b.t.Helper()
	n := &tlsNAS{b: b, m: b.world.Machine(name, addr)}
	if settings.TLS == nil {
		settings.TLS = eaptest.ClientTLS(b.ca, tls.VersionTLS13, b.ca.Issue(name))
	}
	settings.Watchdog = -1
	n.m.Go("radsec", func() {
		stream, err := n.m.Dial("nac:2083", time.Second)
		if err != nil {
			b.t.Error(err)
			return
		}
		if n.conn, n.end = radsec.Client(n.m, "radsec", stream, settings); n.end == nil {
			n.end = n.conn.Serve(n.ack)
		}
	})
	b.world.Advance(time.Second)
	return n
}

// ack says yes to changes of authorization.
func (n *tlsNAS) ack(request []byte, reply func([]byte)) error {
	p, err := radius.ParseRequest(request, []byte(radsec.Secret), true)
	if err != nil {
		n.b.t.Error(err)
		return nil
	}
	n.asked = append(n.asked, p.Code)
	b, err := radius.EncodeReply(radius.NewReply(p, p.Code+1))
	if err != nil {
		n.b.t.Error(err)
	}
	reply(b)
	return nil
}

func (n *tlsNAS) request(code lr.Code, attrs ...*lr.AVP) *lr.Packet {
	p, err := radius.NewRequest(code, 0, []byte(radsec.Secret), n.m.Rand("requests"))
	if err != nil {
		n.b.t.Fatal(err)
	}
	p.Attributes = attrs
	return p
}

func (n *tlsNAS) ask(p *lr.Packet) (reply *lr.Packet, err error) {
	n.m.Do(func() { reply, err = n.conn.Exchange(p, n.m.Now().Add(time.Second)) })
	return reply, err
}

// password is an Access-Request that the bench accepts.
func (n *tlsNAS) password(nas string) *lr.Packet {
	p := n.request(lr.CodeAccessRequest, textAttr(rfc2865.UserName_Type, "anna"), textAttr(rfc2865.NASIdentifier_Type, nas))
	_ = rfc2865.UserPassword_SetString(p, "secret")
	return p
}

func textAttr(t lr.Type, value string) *lr.AVP {
	return &lr.AVP{Type: t, Attribute: lr.Attribute(value)}
}

// TestRadSec: everything comes over the one connection, in both versions of RADIUS (RFC 6614 section 2.1), and the
// shared secret of the address is of no meaning there (section 2.3).
func TestRadSec(t *testing.T) {
	for _, versions := range []radsec.Versions{radsec.Forbid11, radsec.Require11} {
		b := newTLSBench(t)
		n := b.dial("10.0.1.1", "ap-1", radsec.Settings{Versions: versions})
		for _, c := range []struct {
			request *lr.Packet
			want    lr.Code
		}{
			{n.password("ap-1"), lr.CodeAccessAccept},
			{n.request(lr.CodeStatusServer), lr.CodeAccessAccept},
			{n.request(lr.CodeAccountingRequest, &lr.AVP{Type: rfc2866.AcctStatusType_Type, Attribute: lr.NewInteger(1)}, textAttr(rfc2866.AcctSessionID_Type, "1")), lr.CodeAccountingResponse},
			{n.request(lr.CodeCoARequest), lr.CodeCoANAK},
			{n.request(lr.CodeDisconnectRequest), lr.CodeDisconnectNAK},
		} {
			reply, err := n.ask(c.request)
			if err != nil || reply.Code != c.want {
				t.Fatalf("%v: %v, %v", c.request.Code, reply, err)
			}
			if cause, ok := radius.GetErrorCause(reply.Attributes); ok != (c.request.Code >= lr.CodeDisconnectRequest) || ok && cause != radius.UnsupportedExtension {
				t.Errorf("%v gets Error-Cause %v", c.request.Code, cause)
			}
		}
		if len(b.handler.accesses) != 1 || len(b.handler.records) != 1 {
			t.Fatalf("handler was asked %d times and has %d records", len(b.handler.accesses), len(b.handler.records))
		}
		if r := b.handler.accesses[0].Request; r.Transport != RadSec || r.Client.Name != "aps" || r.NAS() != n.m.Addr() {
			t.Errorf("request is %+v", r)
		}
		if b.server.Connections() != 1 || b.world.Traced("radsec", "state=open", "from=10.0.1.1:", "nas=aps", "radius="+n.conn.Version()) != 1 {
			t.Error("the connection is not told of")
		}
		if b.world.Traced("warning") != 0 {
			t.Error("a request without Message-Authenticator is warned of, which TLS signs")
		}
	}
}

// TestRadSecAnswersLater: a request that waits for a directory holds up no other, and the answer comes all the same.
func TestRadSecAnswersLater(t *testing.T) {
	b := newTLSBench(t, func(c *RadSecConfig) { c.MaxInFlight = 2 })
	n := b.dial("10.0.1.1", "ap-1", radsec.Settings{})
	var order []string
	for _, user := range []string{"late", "anna"} {
		n.m.Go("ask", func() {
			p := n.request(lr.CodeAccessRequest, textAttr(rfc2865.UserName_Type, user))
			_ = rfc2865.UserPassword_SetString(p, "secret")
			if reply, err := n.conn.Exchange(p, time.Time{}); err != nil || reply.Code != lr.CodeAccessAccept {
				t.Errorf("%s: %v, %v", user, reply, err)
			}
			order = append(order, user)
		})
	}
	b.world.Advance(time.Second)
	if strings.Join(order, " ") != "anna" {
		t.Fatalf("answered are %q", order)
	}
	b.answerLate()
	if strings.Join(order, " ") != "anna late" {
		t.Errorf("answered are %q", order)
	}
}

// TestRadSecInFlight: a client that has enough requests under way is not read from.
func TestRadSecInFlight(t *testing.T) {
	b := newTLSBench(t, func(c *RadSecConfig) { c.MaxInFlight = 2 })
	n := b.dial("10.0.1.1", "ap-1", radsec.Settings{})
	answered := 0
	for range 5 {
		n.m.Go("ask", func() {
			p := n.request(lr.CodeAccessRequest, textAttr(rfc2865.UserName_Type, "late"))
			_ = rfc2865.UserPassword_SetString(p, "secret")
			if _, err := n.conn.Exchange(p, time.Time{}); err != nil {
				t.Error(err)
			}
			answered++
		})
	}
	b.world.Advance(time.Second)
	for _, want := range []int{2, 2, 1} {
		if got := b.server.Engine().Waiting(); got != want {
			t.Fatalf("%d requests wait, want %d", got, want)
		}
		b.answerLate()
	}
	if answered != 5 {
		t.Errorf("%d requests are answered", answered)
	}
}

// TestRadSecEnds: connections that are refused or ended, and what is counted.
func TestRadSecEnds(t *testing.T) {
	for _, c := range []struct {
		name   string
		change func(*RadSecConfig)
		addr   string
		tls    func(b *tlsBench, c *tls.Config)
		then   func(n *tlsNAS)
		want   radsec.Reason
	}{
		{name: "address of no client", addr: "10.7.7.7", want: radsec.UnknownClient},
		{name: "certificate of no client", change: func(c *RadSecConfig) { c.Peers = []Peer{{Names: []string{"ap-2"}}} }, want: radsec.UnknownClient},
		{name: "no certificate", tls: func(_ *tlsBench, c *tls.Config) { c.Certificates = nil }, want: radsec.HandshakeFailed},
		{name: "too many from one address", change: func(c *RadSecConfig) { c.MaxPerAddress = 1 }, then: (*tlsNAS).again, want: radsec.TooMany},
		{name: "too many", change: func(c *RadSecConfig) { c.MaxConnections = 1 }, then: (*tlsNAS).again, want: radsec.TooMany},
		{name: "wrong authenticator", then: (*tlsNAS).forge, want: radsec.BadAuthenticator},
		{name: "idle", change: func(c *RadSecConfig) { c.Idle = time.Minute }, then: func(n *tlsNAS) { n.b.world.Advance(2 * time.Minute) }, want: radsec.Idle},
		{name: "end of the client", then: func(n *tlsNAS) { n.conn.Close(radsec.Closed); n.b.world.Advance(time.Second) }, want: radsec.ClosedByPeer},
		{name: "end of the server", then: func(n *tlsNAS) { n.b.nac.Do(func() { _ = n.b.server.Close() }); n.b.world.Advance(time.Second) }, want: radsec.Closed},
	} {
		t.Run(c.name, func(t *testing.T) {
			b := newTLSBench(t, func(config *RadSecConfig) {
				if c.change != nil {
					c.change(config)
				}
			})
			config := eaptest.ClientTLS(b.ca, tls.VersionTLS13, b.ca.Issue("ap-1"))
			if c.tls != nil {
				c.tls(b, config)
			}
			addr := c.addr
			if addr == "" {
				addr = "10.0.1.1"
			}
			n := b.dial(addr, "ap-1", radsec.Settings{TLS: config, Versions: radsec.Forbid11})
			if c.then != nil {
				if n.conn == nil || n.end != nil {
					t.Fatalf("no connection: %v", n.end)
				}
				c.then(n)
			}
			if got := b.server.RadSecEnds(c.want); got != 1 {
				t.Errorf("%d connections ended with %s: %v", got, c.want, b.server.radsec.ends)
			}
			if b.world.Traced("radsec", "reason="+string(c.want), "count=1") != 1 {
				t.Errorf("%s is not told of", c.want)
			}
			if c.want != radsec.TooMany && b.server.Connections() != 0 {
				t.Errorf("%d connections are left", b.server.Connections())
			}
		})
	}
}

// again connects once more.
func (n *tlsNAS) again() {
	m := n.b.dial("10.0.1.1", "ap-1b", radsec.Settings{})
	if m.conn != nil || m.end == nil {
		n.b.t.Error("the second connection is taken")
	}
}

// forge sends a request with another secret.
func (n *tlsNAS) forge() {
	p := n.request(lr.CodeAccountingRequest, &lr.AVP{Type: rfc2866.AcctStatusType_Type, Attribute: lr.NewInteger(1)})
	p.Secret = []byte("another")
	if _, err := n.ask(p); radsec.ReasonOf(err) != radsec.ClosedByPeer {
		n.b.t.Errorf("got %v", err)
	}
	if n.b.server.Engine().Drops(DropBadAuthenticator) != 1 {
		n.b.t.Error("not counted as a drop")
	}
}

// TestConnection: a change of authorization goes down the connection over which the NAS has sent its requests.
func TestConnection(t *testing.T) {
	b := newTLSBench(t)
	proxy := b.dial("10.0.1.1", "proxy", radsec.Settings{Versions: radsec.Forbid11})
	for _, name := range []string{"ap-1", "ap-2", "ap-1"} {
		if _, err := proxy.ask(proxy.password(name)); err != nil {
			t.Fatal(err)
		}
	}
	addr := proxy.m.Addr()
	for _, name := range []string{"ap-1", "ap-2"} {
		if b.server.Connection(addr, name, "aps") == nil {
			t.Errorf("no connection to %s", name)
		}
	}
	if b.server.Connection(addr, "ap-3", "aps") != nil || b.server.Connection(addr, "", "aps") != nil || b.server.Connection(netip.MustParseAddr("10.0.1.2"), "ap-1", "aps") != nil {
		t.Error("a connection to a NAS that has none")
	}
	// After a restart of either end nothing has come yet, and the only one to be had serves.
	other := b.dial("10.0.1.2", "ap-9", radsec.Settings{})
	conn := b.server.Connection(other.m.Addr(), "ap-9", "")
	if conn == nil {
		t.Fatal("no connection to ap-9")
	}
	b.nac.Do(func() {
		request, _ := radius.NewRequest(lr.CodeDisconnectRequest, 0, []byte(radsec.Secret), nil)
		reply, err := conn.Exchange(request, b.nac.Now().Add(time.Second))
		if err != nil || reply.Code != lr.CodeDisconnectACK {
			t.Errorf("got %v, %v", reply, err)
		}
	})
	if len(other.asked) != 1 || len(proxy.asked) != 0 {
		t.Errorf("asked are %v and %v", other.asked, proxy.asked)
	}
	for i := range 2 * maxCarried {
		b.server.radsec.open[0].note(append(make([]byte, radius.MinLength), []byte(fmt.Sprintf("\x20\x06%04d", i))...))
	}
	if n := len(b.server.radsec.open[0].carried); n != maxCarried {
		t.Errorf("%d NASes are remembered", n)
	}
}

// TestConnectionOfAnother: who shares an address with a NAS and calls itself like it gets no changes of authorization that
// are for the NAS.
func TestConnectionOfAnother(t *testing.T) {
	b := newTLSBench(t, func(c *RadSecConfig) {
		for _, name := range []string{"ap-1", "ap-2"} {
			c.Peers = append(c.Peers, Peer{Client: Client{Name: name}, Names: []string{name}})
		}
	})
	mine := b.dial("10.0.1.1", "ap-1", radsec.Settings{})
	other := b.dial("10.0.1.1", "ap-2", radsec.Settings{})
	for _, n := range []*tlsNAS{mine, other} {
		if _, err := n.ask(n.password("ap-1")); err != nil {
			t.Fatal(err)
		}
	}
	open := b.server.radsec.open
	if b.server.Connection(mine.m.Addr(), "ap-1", "ap-1") != open[0].conn || b.server.Connection(mine.m.Addr(), "ap-1", "ap-2") != open[1].conn {
		t.Error("the connection is that of another client")
	}
}

// TestReloadRadSec: who may no longer connect is cut off, and who still may is the client of the new configuration.
func TestReloadRadSec(t *testing.T) {
	peers := func(names ...string) func(*testing.T, *Config) {
		return func(_ *testing.T, c *Config) {
			c.RadSec.Peers = []Peer{{Client: Client{Name: "renamed", Vendor: Aruba}, Names: names}}
		}
	}
	for _, c := range []struct {
		name   string
		change func(*testing.T, *Config)
		stays  bool
	}{
		{"same peer with other settings", peers("ap-1"), true},
		{"another peer", peers("ap-2"), false},
		{"another address", func(_ *testing.T, c *Config) {
			c.RadSec.Peers = nil
			c.Clients[0].Prefix = netip.MustParsePrefix("10.0.2.0/24")
		}, false},
		{"another CA", func(t *testing.T, c *Config) {
			ca := eaptest.NewCA(t, "corp")
			c.RadSec.TLS = func() *tls.Config { return eaptest.ServerTLS(ca) }
		}, false},
		{"no CA", func(_ *testing.T, c *Config) { c.RadSec.TLS = func() *tls.Config { return &tls.Config{} } }, false},
		{"no RadSec", func(_ *testing.T, c *Config) { c.RadSec = RadSecConfig{} }, false},
	} {
		t.Run(c.name, func(t *testing.T) {
			b := newTLSBench(t, func(c *RadSecConfig) { c.Peers = []Peer{{Client: Client{Name: "aps"}, Names: []string{"ap-1"}}} })
			n := b.dial("10.0.1.1", "ap-1", radsec.Settings{})
			if _, err := n.ask(n.password("ap-1")); err != nil {
				t.Fatal(err)
			}
			config := b.server.engine.settings.Load().Config
			config.Clients = slices.Clone(config.Clients)
			c.change(t, &config)
			b.nac.Do(func() {
				if err := b.server.Reload(config); err != nil {
					t.Error(err)
				}
			})
			b.world.Advance(time.Second)
			if stays := b.server.Connections() == 1; stays != c.stays || c.stays != (n.end == nil) {
				t.Fatalf("stays is %t, the client has %v", stays, n.end)
			}
			if !c.stays {
				if b.server.RadSecEnds(radsec.UnknownClient) != 1 {
					t.Errorf("ended with %v", b.server.radsec.ends)
				}
				return
			}
			if _, err := n.ask(n.password("ap-1")); err != nil {
				t.Fatal(err)
			}
			if client := b.server.radsec.open[0].from().Client; client.Name != "renamed" || client.Vendor != Aruba {
				t.Errorf("the client is %+v", client)
			}
		})
	}
}

// TestStrangersGetNoHandshake: whose address is that of no client takes no place.
func TestStrangersGetNoHandshake(t *testing.T) {
	b := newTLSBench(t, func(c *RadSecConfig) {
		c.MaxConnections = 1
		c.Peers = []Peer{{Client: Client{Prefix: netip.MustParsePrefix("10.0.1.0/24")}}}
	})
	stranger := b.world.Machine("stranger", "10.7.7.7")
	stranger.Go("flood", func() {
		for range 3 {
			if _, err := stranger.Dial("nac:2083", time.Second); err != nil {
				t.Error(err)
			}
		}
	})
	b.world.Advance(time.Second)
	if n := b.dial("10.0.1.1", "ap-1", radsec.Settings{}); n.conn == nil || n.end != nil {
		t.Errorf("a client finds no room: %v", n.end)
	}
	if n := b.server.RadSecEnds(radsec.UnknownClient); n != 3 {
		t.Errorf("%d connections are refused", n)
	}
}

// TestPeer: whose certificate it is (RFC 6614 section 2.4).
func TestPeer(t *testing.T) {
	ca := eaptest.NewCA(t, "corp")
	site := ca.Sub("site")
	spiffe, _ := url.Parse("spiffe://corp.example/ap-1")
	leaf := site.Issue("ap-1.corp.example", func(c *x509.Certificate) {
		c.URIs = []*url.URL{spiffe}
		c.IPAddresses = append(c.IPAddresses, netip.MustParseAddr("10.0.1.1").AsSlice(), netip.MustParseAddr("2001:db8::1").AsSlice())
	})
	old := site.Issue("ap-1.corp.example", func(c *x509.Certificate) { c.DNSNames = nil })
	wild := site.Issue("*.corp.example")
	from := netip.MustParseAddr("10.0.1.1")
	print := sha256.Sum256(leaf.Leaf.Raw)
	for _, c := range []struct {
		name string
		peer Peer
		cert tls.Certificate
		want bool
	}{
		{"anything", Peer{}, leaf, true},
		{"name", Peer{Names: []string{"x", "AP-1.Corp.Example."}}, leaf, true},
		{"other name", Peer{Names: []string{"ap-2.corp.example"}}, leaf, false},
		{"any label", Peer{Names: []string{"*.corp.example"}}, leaf, true},
		{"any label is one label", Peer{Names: []string{"*.example"}}, leaf, false},
		{"common name without DNS names", Peer{Names: []string{"ap-1.corp.example"}}, old, true},
		{"common name with another DNS name", Peer{Names: []string{"ap-1.corp.example"}}, wild, false},
		{"wildcard certificate", Peer{Names: []string{"*.corp.example"}}, wild, false},
		{"address", Peer{Names: []string{"10.0.1.1"}}, leaf, true},
		{"IPv6 address", Peer{Names: []string{"2001:DB8:0::1"}}, leaf, true},
		{"other address", Peer{Names: []string{"10.0.1.2"}}, leaf, false},
		{"URI", Peer{Names: []string{"spiffe://corp.example/ap-1"}}, leaf, true},
		{"issuer", Peer{Issuers: []string{"CN=site"}}, leaf, true},
		{"issuer of the issuer", Peer{Issuers: []string{"CN=corp"}}, leaf, true},
		{"other issuer", Peer{Issuers: []string{"CN=else"}}, leaf, false},
		{"fingerprint", Peer{Fingerprints: [][32]byte{print}}, leaf, true},
		{"other fingerprint", Peer{Fingerprints: [][32]byte{print}}, old, false},
		{"prefix", Peer{Client: Client{Prefix: netip.MustParsePrefix("10.0.1.0/24")}}, leaf, true},
		{"other prefix", Peer{Client: Client{Prefix: netip.MustParsePrefix("10.0.2.0/24")}}, leaf, false},
		{"one of two things", Peer{Names: []string{"ap-1.corp.example"}, Issuers: []string{"CN=else"}}, leaf, false},
	} {
		chain := []*x509.Certificate{c.cert.Leaf}
		for _, der := range c.cert.Certificate[1:] {
			parent, err := x509.ParseCertificate(der)
			if err != nil {
				t.Fatal(err)
			}
			chain = append(chain, parent)
		}
		if got := c.peer.fits(from, chain); got != c.want {
			t.Errorf("%s: fits is %t", c.name, got)
		}
	}
	if newTLSBench(t).server.RadSecAddr() != netip.MustParseAddrPort("10.0.0.1:2083") {
		t.Error("address is wrong")
	}
	for _, c := range []RadSecConfig{{}, {TLS: func() *tls.Config { return nil }, Peers: []Peer{{Client: Client{Vendor: "acme"}}}}} {
		c.Addr = netip.MustParseAddrPort("10.0.0.1:2083")
		if _, err := c.withDefaults(); err == nil {
			t.Errorf("%+v: no error", c)
		}
	}
}
