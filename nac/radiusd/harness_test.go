package radiusd

import (
	"crypto/tls"
	"errors"
	"net/netip"
	"slices"
	"sync"
	"testing"
	"time"

	"nacsim/internal/eap"
	"nacsim/internal/eap/eaptest"
	"nacsim/internal/radius"
	"nacsim/nac/eapserver"

	lr "layeh.com/radius"
	"layeh.com/radius/rfc2865"
)

var (
	secret = []byte("a shared secret")
	apAddr = netip.MustParseAddrPort("10.0.1.1:40000")
)

// counter is a source of "randomness" for tests.
type counter struct{ n uint32 }

func (c *counter) Read(b []byte) (int, error) {
	for i := range b {
		c.n++
		b[i] = byte(c.n >> (8 * (i % 4)))
	}
	return len(b), nil
}

var errLost = errors.New("lost")

// A recorder is a handler that takes note and accepts with a given verdict.
type recorder struct {
	mu       sync.Mutex
	verdict  Verdict
	accesses []Access
	rejected []Access
	failures []eapserver.Failure
	records  []AccountingRecord
	lost     error // what Accounting says
}

func (h *recorder) Authorize(a Access) Verdict {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.accesses = append(h.accesses, a)
	return h.verdict
}

func (h *recorder) Rejected(a Access, f eapserver.Failure) {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.rejected = append(h.rejected, a)
	h.failures = append(h.failures, f)
}

func (h *recorder) Accounting(rec AccountingRecord) error {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.records = append(h.records, rec)
	return h.lost
}

// A bench is an engine with its handler and CA.
type bench struct {
	t        testing.TB
	ca       *eaptest.CA
	engine   *Engine
	handler  *recorder
	now      time.Time
	labels   []string // of TLS connections
	requests int      // made by request
	mu       sync.Mutex
}

func newBench(t testing.TB, change ...func(*Config)) *bench {
	t.Helper()
	b := &bench{t: t, ca: eaptest.NewCA(t, "corp"), now: eaptest.Now, handler: &recorder{verdict: Verdict{Accept: true, VLAN: "750"}}}
	server := eaptest.ServerTLS(b.ca)
	config := Config{
		Clients: []Client{{Prefix: netip.MustParsePrefix("10.0.1.0/24"), Name: "aps", Secret: secret}},
		EAP:     eapserver.Config{TLS: func() *tls.Config { return server }},
	}
	for _, f := range change {
		f(&config)
	}
	env := Env{Now: func() time.Time { return b.now }, Rand: &counter{}, TLS: func(label string, c *tls.Config) *tls.Config {
		b.mu.Lock()
		defer b.mu.Unlock()
		b.labels = append(b.labels, label)
		return c
	}}
	var err error
	if b.engine, err = NewEngine(config, env, b.handler); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(b.engine.Close)
	return b
}

// handle has the engine take a datagram that it answers at once.
func (b *bench) handle(service Service, from netip.AddrPort, datagram []byte) (reply []byte, drop DropReason) {
	b.t.Helper()
	answers := 0
	b.engine.Handle(b.now, service, Source{Addr: from}, datagram, func(to Source, r []byte, d DropReason) {
		if answers++; to.Addr != from || (r == nil) == (d == "") {
			b.t.Errorf("answer to %v: %d octets, drop %q", to, len(r), d)
		}
		reply, drop = r, d
	})
	if answers != 1 {
		b.t.Errorf("%d answers at once", answers)
	}
	return reply, drop
}

// A nas is one port of a NAS with a supplicant behind it.
type nas struct {
	b        *bench
	from     netip.AddrPort
	peer     *eaptest.Peer
	rand     *counter
	id       byte
	state    lr.Attribute
	extra    lr.Attributes // added to every request
	sent     []byte        // last request
	last     []byte        // EAP packet in it
	got      []byte        // last reply as received
	request  *lr.Packet
	reply    *lr.Packet
	sequence []lr.Code
}

func (b *bench) nas(version uint16, seed uint32) *nas {
	n := &nas{b: b, from: apAddr, rand: &counter{n: seed << 16}}
	n.peer = &eaptest.Peer{T: b.t, Identity: "host/laptop", TLS: eaptest.ClientTLS(b.ca, version, b.ca.Issue("laptop"))}
	b.t.Cleanup(n.peer.Close)
	n.extra = lr.Attributes{
		{Type: rfc2865.UserName_Type, Attribute: lr.Attribute("host/laptop")},
		{Type: rfc2865.NASIPAddress_Type, Attribute: lr.Attribute{10, 0, 1, 1}},
		{Type: rfc2865.CalledStationID_Type, Attribute: lr.Attribute("AA-BB-CC-DD-EE-FF:corp")},
		{Type: rfc2865.CallingStationID_Type, Attribute: lr.Attribute("00-1C-B3-09-85-15")},
		{Type: rfc2865.FramedMTU_Type, Attribute: lr.NewInteger(1400)},
		{Type: rfc2865.NASPortType_Type, Attribute: lr.NewInteger(19)},
		{Type: rfc2865.ProxyState_Type, Attribute: lr.Attribute("proxy 1")},
		{Type: rfc2865.ProxyState_Type, Attribute: lr.Attribute("proxy 2")},
	}
	return n
}

// access builds an Access-Request with an EAP packet.
func (n *nas) access(packet []byte) []byte {
	n.b.t.Helper()
	n.id++
	p, err := radius.NewRequest(lr.CodeAccessRequest, n.id, secret, n.rand)
	if err != nil {
		n.b.t.Fatal(err)
	}
	p.Attributes = slices.Clone(n.extra)
	if n.state != nil {
		p.Add(rfc2865.State_Type, n.state)
	}
	radius.AddEAPMessage(p, packet)
	wire, err := radius.EncodeRequest(p)
	if err != nil {
		n.b.t.Fatal(err)
	}
	n.request, n.sent, n.last = p, wire, packet
	return wire
}

// exchange sends an EAP packet and returns the one in the reply, which is checked for all that every reply must have.
func (n *nas) exchange(packet []byte) []byte {
	t := n.b.t
	t.Helper()
	reply, drop := n.b.handle(Auth, n.from, n.access(packet))
	if drop != "" {
		t.Fatalf("server drops EAP %x: %s", packet, drop)
	}
	n.got = reply
	if reply[20] != 80 {
		t.Errorf("first attribute of the reply is %d, not Message-Authenticator", reply[20])
	}
	p, err := radius.ParseReply(reply, n.request, true)
	if err != nil {
		t.Fatalf("reply: %v", err)
	}
	var proxies []string
	for _, a := range p.Attributes {
		if a.Type == rfc2865.ProxyState_Type {
			proxies = append(proxies, string(a.Attribute))
		}
	}
	if !slices.Equal(proxies, []string{"proxy 1", "proxy 2"}) {
		t.Errorf("Proxy-State comes back as %q", proxies)
	}
	n.reply = p
	n.sequence = append(n.sequence, p.Code)
	n.state = p.Get(rfc2865.State_Type)
	out, _ := radius.EAPMessage(p.Attributes)
	return out
}

func identity(name string) []byte {
	return eap.Packet{Code: eap.Response, ID: 1, Type: eap.TypeIdentity, Data: []byte(name)}.Append(nil)
}

// authenticate plays a whole authentication.
func (n *nas) authenticate() {
	n.b.t.Helper()
	for response := identity(n.peer.Identity); response != nil; {
		response = n.peer.Respond(n.exchange(response))
	}
}

func eachVersion(t *testing.T, f func(t *testing.T, version uint16)) {
	t.Run("TLS 1.2", func(t *testing.T) { f(t, tls.VersionTLS12) })
	t.Run("TLS 1.3", func(t *testing.T) { f(t, tls.VersionTLS13) })
}
