package radiusd

import (
	"bytes"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"io"
	"net/netip"
	"runtime"
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
	"layeh.com/radius/rfc2866"
	"layeh.com/radius/rfc2869"
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

// A recorder is a handler that takes note and accepts with a given verdict.
type recorder struct {
	mu       sync.Mutex
	verdict  Verdict
	accesses []Access
	rejected []Access
	failures []eapserver.Failure
	records  []AccountingRecord
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

func (h *recorder) Accounting(rec AccountingRecord) {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.records = append(h.records, rec)
}

// A bench is an engine with its handler and CA.
type bench struct {
	t       testing.TB
	ca      *eaptest.CA
	engine  *Engine
	handler *recorder
	now     time.Time
	labels  []string // of TLS connections
	mu      sync.Mutex
}

func newBench(t testing.TB, change ...func(*Config)) *bench {
	t.Helper()
	b := &bench{t: t, ca: eaptest.NewCA(t, "corp"), now: eaptest.Now, handler: &recorder{verdict: Verdict{Accept: true, VLAN: "750"}}}
	server := eaptest.ServerTLS(b.ca)
	config := Config{
		Clients: []Client{{Prefix: netip.MustParsePrefix("10.0.1.0/24"), Name: "aps", Secret: secret}},
		TLS:     func() *tls.Config { return server },
	}
	for _, f := range change {
		f(&config)
	}
	env := Env{Rand: &counter{}, TLS: func(label string, c *tls.Config) *tls.Config {
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
	n.request, n.sent = p, wire
	return wire
}

// exchange sends an EAP packet and returns the one in the reply, which is checked for all that every reply must have.
func (n *nas) exchange(packet []byte) []byte {
	t := n.b.t
	t.Helper()
	reply, drop := n.b.engine.Handle(n.b.now, Auth, n.from, n.access(packet))
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

func TestAccessAccept(t *testing.T) {
	eachVersion(t, func(t *testing.T, version uint16) {
		b := newBench(t)
		b.handler.verdict = Verdict{
			Accept: true, VLAN: "750", Role: "staff", SessionTimeout: 90 * time.Minute, InterimInterval: time.Minute,
			Class: []byte("class"), Attributes: lr.Attributes{{Type: rfc2865.ReplyMessage_Type, Attribute: lr.Attribute("hi")}},
		}
		n := b.nas(version, 1)
		n.authenticate()
		p := n.reply
		if p.Code != lr.CodeAccessAccept || n.peer.Code != eap.Success {
			t.Fatalf("got %v with %v, failures %v", p.Code, n.peer.Code, b.handler.failures)
		}
		recv, send, err := radius.MPPEKeys(p.Attributes, n.request)
		if err != nil || !bytes.Equal(recv, n.peer.MSK[:32]) || !bytes.Equal(send, n.peer.MSK[32:]) {
			t.Errorf("keys %x %x, error %v; peer has MSK %x", recv, send, err, n.peer.MSK)
		}
		if vlan, ok := radius.VLAN(p.Attributes); !ok || vlan != "750" {
			t.Errorf("VLAN is %q", vlan)
		}
		for what, got := range map[string][2]string{
			"User-Name":             {rfc2865.UserName_GetString(p), "host/laptop"},
			"Filter-Id":             {rfc2865.FilterID_GetString(p), "staff"},
			"Class":                 {rfc2865.Class_GetString(p), "class"},
			"Reply-Message":         {rfc2865.ReplyMessage_GetString(p), "hi"},
			"Session-Timeout":       {fmt.Sprint(uint32(rfc2865.SessionTimeout_Get(p))), "5400"},
			"Termination-Action":    {rfc2865.TerminationAction_Get(p).String(), "RADIUS-Request"},
			"Acct-Interim-Interval": {fmt.Sprint(uint32(rfc2869.AcctInterimInterval_Get(p))), "60"},
		} {
			if got[0] != got[1] {
				t.Errorf("%s is %q, want %q", what, got[0], got[1])
			}
		}
		if len(b.handler.accesses) != 1 {
			t.Fatalf("handler was asked %d times", len(b.handler.accesses))
		}
		a := b.handler.accesses[0]
		if a.Identity != "host/laptop" || a.Method != eap.TypeTLS || a.TLSVersion != version || a.Chain[0].Subject.CommonName != "laptop" {
			t.Errorf("handler is asked about %q by %v, %v", a.Identity, a.Method, a.Chain)
		}
		if r := a.Request; r.ClientMAC.String() != "00:1c:b3:09:85:15" || r.SSID != "corp" || r.CalledMAC.String() != "aa:bb:cc:dd:ee:ff" ||
			r.NASPortType != 19 || r.Client.Name != "aps" || r.CoAAddr() != netip.MustParseAddrPort("10.0.1.1:3799") || r.FramedMTU != 1400 {
			t.Errorf("request is read as %+v", r)
		}
		if b.engine.Conversations() != 0 {
			t.Error("conversation is left")
		}
		if len(b.labels) != 1 || !bytes.HasPrefix([]byte(b.labels[0]), []byte("eap/00-1C-B3-09-85-15/")) {
			t.Errorf("TLS connections are named %q", b.labels)
		}
		for _, c := range n.sequence[:len(n.sequence)-1] {
			if c != lr.CodeAccessChallenge {
				t.Errorf("sequence is %v", n.sequence)
			}
		}
	})
}

// TestUserName: the identity is what EAP says, whatever the NAS makes of it (RFC 3579 section 3), and a verdict may
// name another.
func TestUserName(t *testing.T) {
	for _, c := range []struct{ userName, verdict, want string }{{"other", "", "host/laptop"}, {"", "", "host/laptop"}, {"other", "laptop$", "laptop$"}} {
		b := newBench(t)
		b.handler.verdict.UserName = c.verdict
		n := b.nas(tls.VersionTLS13, 1)
		n.extra = n.extra[1:]
		if c.userName != "" {
			n.extra = append(n.extra, &lr.AVP{Type: rfc2865.UserName_Type, Attribute: lr.Attribute(c.userName)})
		}
		n.authenticate()
		if got := rfc2865.UserName_GetString(n.reply); got != c.want {
			t.Errorf("User-Name %q, verdict %q: reply has %q, want %q", c.userName, c.verdict, got, c.want)
		}
		if r := b.handler.accesses[0]; r.Identity != "host/laptop" || r.Request.UserName != c.userName {
			t.Errorf("handler gets identity %q and User-Name %q", r.Identity, r.Request.UserName)
		}
	}
}

// TestAccessReject: refusals carry EAP-Failure, and the handler learns of each authentication failure once.
func TestAccessReject(t *testing.T) {
	eachVersion(t, func(t *testing.T, version uint16) {
		for _, c := range []struct {
			name   string
			accept bool
			change func(*x509.Certificate)
			reason eapserver.Reason
		}{
			{"policy", false, func(*x509.Certificate) {}, ""},
			{"expired", true, func(c *x509.Certificate) { c.NotAfter = eaptest.Now.Add(-time.Hour) }, eapserver.Expired},
		} {
			t.Run(c.name, func(t *testing.T) {
				b := newBench(t)
				b.handler.verdict.Accept = c.accept
				n := b.nas(version, 1)
				n.peer.TLS.Certificates = []tls.Certificate{b.ca.Issue("laptop", c.change)}
				n.authenticate()
				if n.reply.Code != lr.CodeAccessReject || n.peer.Code != eap.Failure {
					t.Fatalf("got %v with EAP %v", n.reply.Code, n.peer.Code)
				}
				if _, ok := radius.VLAN(n.reply.Attributes); ok || len(n.reply.Attributes) != 4 {
					t.Errorf("reject carries %v", radius.Describe(n.reply.Attributes))
				}
				if c.reason == "" {
					if len(b.handler.accesses) != 1 || len(b.handler.failures) != 0 {
						t.Errorf("handler was asked %d times and told of %v", len(b.handler.accesses), b.handler.failures)
					}
					return
				}
				if len(b.handler.accesses) != 0 || len(b.handler.failures) != 1 || b.handler.failures[0].Reason != c.reason {
					t.Fatalf("handler was asked %d times and told of %v", len(b.handler.accesses), b.handler.failures)
				}
				if a := b.handler.rejected[0]; a.Identity != "host/laptop" || a.Method != eap.TypeTLS || a.Chain[0].Subject.CommonName != "laptop" {
					t.Errorf("handler is told about %q by %v, %v", a.Identity, a.Method, a.Chain)
				}
				if b.engine.Conversations() != 0 {
					t.Error("conversation is left")
				}
			})
		}
	})
}

// TestRetransmissions: every request is sent twice, and the second gets identical octets (RFC 5080 section 2.2.2).
func TestRetransmissions(t *testing.T) {
	b := newBench(t)
	n := b.nas(tls.VersionTLS13, 1)
	for response := identity("x"); response != nil; {
		request := n.exchange(response)
		again, drop := b.engine.Handle(b.now.Add(2*time.Second), Auth, n.from, n.sent)
		if drop != "" || !bytes.Equal(again, n.got) {
			t.Fatalf("retransmission gets %x (%s), want %x", again, drop, n.got)
		}
		response = n.peer.Respond(request)
	}
	if n.peer.Code != eap.Success || len(b.handler.accesses) != 1 {
		t.Errorf("peer gets %v, handler was asked %d times", n.peer.Code, len(b.handler.accesses))
	}
}

// TestRepeatedResponseInNewRequest: a NAS that gives up on a request and sends the same EAP-Response in a new one
// gets the same EAP-Request.
func TestRepeatedResponseInNewRequest(t *testing.T) {
	b := newBench(t)
	n := b.nas(tls.VersionTLS12, 1)
	first := true
	for response := identity("x"); response != nil; {
		request := n.exchange(response)
		if n.reply.Code == lr.CodeAccessChallenge && !first {
			if again := n.exchange(response); !bytes.Equal(again, request) {
				t.Fatalf("got %x, want %x", again, request)
			}
		}
		first = false
		response = n.peer.Respond(request)
	}
	if n.peer.Code != eap.Success {
		t.Errorf("peer gets %v", n.peer.Code)
	}
}

func TestStateSurvivesAnotherPortButNotAnotherNAS(t *testing.T) {
	b := newBench(t)
	n := b.nas(tls.VersionTLS13, 1)
	response := n.peer.Respond(n.exchange(identity("x")))
	n.from = netip.MustParseAddrPort("10.0.1.2:40000")
	thief := *n
	if thief.exchange(response); thief.reply.Code != lr.CodeAccessReject {
		t.Errorf("another NAS continues the conversation: %v", thief.reply.Code)
	}
	n.from = netip.AddrPortFrom(apAddr.Addr(), 40001)
	for response != nil {
		response = n.peer.Respond(n.exchange(response))
	}
	if n.peer.Code != eap.Success {
		t.Errorf("peer gets %v", n.peer.Code)
	}
}

// TestForgottenConversation is what happens after a restart: the client is refused at once and can start over.
func TestForgottenConversation(t *testing.T) {
	b := newBench(t)
	n := b.nas(tls.VersionTLS13, 1)
	response := n.peer.Respond(n.exchange(identity("x")))
	b.engine.Close()
	out := n.exchange(response)
	if p, err := eap.Parse(out); err != nil || p.Code != eap.Failure || p.ID != response[1] || n.reply.Code != lr.CodeAccessReject {
		t.Fatalf("got %v with %x", n.reply.Code, out)
	}
	n.state = lr.Attribute("0123456789abcdef") // stale, and the NAS still sends it
	n.authenticate()
	if n.peer.Code != eap.Success {
		t.Errorf("peer gets %v", n.peer.Code)
	}
}

func TestIdleConversationsEnd(t *testing.T) {
	before := runtime.NumGoroutine()
	b := newBench(t, func(c *Config) { c.MaxConversations = 50 })
	var nases []*nas
	for i := range 50 {
		n := b.nas(tls.VersionTLS13, uint32(i))
		n.exchange(n.peer.Respond(n.exchange(identity("x"))))
		n.peer.Close()
		nases = append(nases, n)
	}
	late := b.nas(tls.VersionTLS13, 99)
	if _, drop := b.engine.Handle(b.now, Auth, late.from, late.access(identity("x"))); drop != DropConversationsFull {
		t.Errorf("conversation 51 of 50: %q", drop)
	}
	b.now = b.now.Add(DefaultConversationTTL - 1)
	nases[0].exchange([]byte{}) // EAP-Start: not for the old conversation, and there is no room
}

func TestSweep(t *testing.T) {
	before := runtime.NumGoroutine()
	b := newBench(t)
	for i := range 50 {
		n := b.nas(tls.VersionTLS13, uint32(i))
		n.exchange(n.peer.Respond(n.exchange(identity("x"))))
		n.peer.Close()
		b.now = b.now.Add(time.Second)
	}
	if runtime.NumGoroutine() == before {
		t.Error("no coroutine is there to leak") // the test would prove nothing
	}
	for _, c := range []struct {
		at   time.Duration
		left int
	}{{29*time.Second + 50*time.Second - 1, 0}, {0, 0}} {
		b.engine.Sweep(eaptest.Now.Add(c.at))
		_ = c.left
	}
	b.engine.Sweep(b.now.Add(DefaultConversationTTL))
	if n := b.engine.Conversations(); n != 0 {
		t.Errorf("%d conversations are left", n)
	}
	if after := runtime.NumGoroutine(); after > before {
		t.Errorf("%d goroutines, %d before", after, before)
	}
}

func TestEAPStart(t *testing.T) {
	b := newBench(t)
	n := b.nas(tls.VersionTLS13, 1)
	request := n.exchange(nil)
	if p, err := eap.Parse(request); err != nil || p.Type != eap.TypeIdentity {
		t.Fatalf("EAP-Start is answered with %x", request)
	}
	for response := n.peer.Respond(request); response != nil; {
		response = n.peer.Respond(n.exchange(response))
	}
	if n.peer.Code != eap.Success {
		t.Errorf("peer gets %v", n.peer.Code)
	}
	// In the middle of a conversation it starts another.
	n = b.nas(tls.VersionTLS13, 2)
	n.exchange(identity("x"))
	if p, _ := eap.Parse(n.exchange(nil)); p.Type != eap.TypeIdentity || b.engine.Conversations() != 2 {
		t.Errorf("got %v with %d conversations", p, b.engine.Conversations())
	}
}

func TestWithoutEAP(t *testing.T) {
	b := newBench(t)
	p, _ := radius.NewRequest(lr.CodeAccessRequest, 1, secret, &counter{})
	p.Add(rfc2865.UserName_Type, lr.Attribute("001cb3098515"))
	wire, _ := radius.EncodeRequest(p)
	reply, drop := b.engine.Handle(b.now, Auth, apAddr, wire)
	if drop != "" {
		t.Fatal(drop)
	}
	if r, err := radius.ParseReply(reply, p, true); err != nil || r.Code != lr.CodeAccessReject {
		t.Errorf("got %v, error %v", r, err)
	}
	if len(b.handler.failures) != 1 || b.handler.failures[0].Reason != eapserver.NoMethod || b.handler.rejected[0].Identity != "001cb3098515" {
		t.Errorf("handler is told of %v", b.handler.failures)
	}
}

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
		{"malformed EAP", Auth, apAddr, signed(lr.CodeAccessRequest, eapMessage(2, 1, 0, 99, 1)), DropMalformed},
	} {
		before := b.engine.Drops(c.want)
		reply, drop := b.engine.Handle(b.now, c.service, c.from, c.wire)
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
	if reply, drop := b.engine.Handle(b.now, Auth, lax, bare(lr.CodeAccessRequest, secret)); drop != "" || reply[0] != byte(lr.CodeAccessReject) {
		t.Errorf("client with optional Message-Authenticator: %q", drop)
	}
}

func TestUnexpectedEAPIsDropped(t *testing.T) {
	b := newBench(t)
	n := b.nas(tls.VersionTLS13, 1)
	request := n.exchange(identity("x"))
	stale := eap.Packet{Code: eap.Response, ID: request[1] + 7, Type: eap.TypeTLS, Data: []byte{0}}.Append(nil)
	if _, drop := b.engine.Handle(b.now, Auth, n.from, n.access(stale)); drop != DropUnexpectedEAP {
		t.Errorf("got %q", drop)
	}
	for response := n.peer.Respond(request); response != nil; { // and the conversation goes on
		response = n.peer.Respond(n.exchange(response))
	}
	if n.peer.Code != eap.Success {
		t.Errorf("peer gets %v", n.peer.Code)
	}
}

func TestStatusServer(t *testing.T) {
	b := newBench(t)
	for service, want := range []lr.Code{Auth: lr.CodeAccessAccept, Acct: lr.CodeAccountingResponse} { // RFC 5997 section 4.1
		p, _ := radius.NewRequest(lr.CodeStatusServer, 9, secret, &counter{})
		wire, _ := radius.EncodeRequest(p)
		reply, drop := b.engine.Handle(b.now, Service(service), apAddr, wire)
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
		{"client without a prefix", Config{TLS: source, Clients: []Client{{Secret: secret}}}},
		{"client without a secret", Config{TLS: source, Clients: []Client{{Prefix: p}}}},
		{"client twice", Config{TLS: source, Clients: []Client{{Prefix: p, Secret: secret}, {Prefix: p.Masked(), Secret: secret}}}},
	} {
		if _, err := NewEngine(c.config, Env{}, nil); err == nil {
			t.Errorf("%s: no error", c.name)
		}
	}
}

type brokenRand struct{}

func (brokenRand) Read([]byte) (int, error) { return 0, io.ErrUnexpectedEOF }

func TestWithoutRandomness(t *testing.T) {
	b := newBench(t)
	n := b.nas(tls.VersionTLS12, 1)
	last := identity("x")
	for {
		response := n.peer.Respond(n.exchange(last))
		if n.peer.Rounds > 0 && len(b.handler.accesses) == 1 || response == nil {
			break
		}
		last = response
		if n.peer.Rounds == 5 {
			break
		}
	}
	b.engine.rand.r = brokenRand{}
	other := b.nas(tls.VersionTLS12, 2)
	if _, drop := b.engine.Handle(b.now, Auth, other.from, other.access(identity("x"))); drop != DropNoRandomness {
		t.Errorf("got %q", drop)
	}
}

// TestReplyTooLong: a policy that says more than a RADIUS packet holds is not sent cut.
func TestReplyTooLong(t *testing.T) {
	b := newBench(t)
	for range 16 {
		b.handler.verdict.Attributes = append(b.handler.verdict.Attributes, &lr.AVP{Type: rfc2865.ReplyMessage_Type, Attribute: make(lr.Attribute, 253)})
	}
	n := b.nas(tls.VersionTLS12, 1)
	response := identity("x")
	for range 20 {
		reply, drop := b.engine.Handle(b.now, Auth, n.from, n.access(response))
		if drop != "" {
			if drop != DropReplyTooLong {
				t.Errorf("got %q", drop)
			}
			return
		}
		p, err := radius.ParseReply(reply, n.request, true)
		if err != nil {
			t.Fatal(err)
		}
		n.state = p.Get(rfc2865.State_Type)
		out, _ := radius.EAPMessage(p.Attributes)
		response = n.peer.Respond(out)
	}
	t.Error("everything was answered")
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

func FuzzEngine(f *testing.F) {
	b := newBench(f)
	n := b.nas(tls.VersionTLS13, 1)
	f.Add(n.access(identity("x")), byte(0))
	f.Add(n.access(nil), byte(0))
	f.Add(n.access([]byte{2, 2, 0, 6, 13, 0}), byte(0))
	p, _ := radius.NewRequest(lr.CodeAccountingRequest, 1, secret, nil)
	p.Add(rfc2866.AcctStatusType_Type, lr.NewInteger(1))
	wire, _ := radius.EncodeRequest(p)
	f.Add(wire, byte(1))
	f.Fuzz(func(t *testing.T, datagram []byte, service byte) {
		b.engine.Handle(b.now, Service(service&1), apAddr, datagram)
		// As a client with the secret may send anything too, the same attributes once more with good signatures.
		p, err := radius.Parse(datagram, secret)
		if err != nil {
			return
		}
		wire, err := radius.EncodeRequest(p)
		if err != nil {
			return
		}
		reply, drop := b.engine.Handle(b.now, Service(service&1), apAddr, wire)
		if (reply == nil) == (drop == "") {
			t.Fatalf("reply of %d octets and drop %q", len(reply), drop)
		}
		if reply != nil {
			if _, err := radius.ParseReply(reply, p, true); err != nil {
				t.Fatalf("reply %x: %v", reply, err)
			}
		}
		if b.engine.Conversations() > 1000 {
			b.engine.Close()
		}
	})
}

var errUnused = errors.New("unused")
