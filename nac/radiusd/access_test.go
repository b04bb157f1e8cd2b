package radiusd

import (
	"bytes"
	"crypto/tls"
	"crypto/x509"
	"fmt"
	"net/netip"
	"runtime"
	"testing"
	"time"

	"nacsim/internal/eap"
	"nacsim/internal/eap/eaptest"
	"nacsim/internal/radius"
	"nacsim/nac/eapserver"

	lr "layeh.com/radius"
	"layeh.com/radius/rfc2865"
	"layeh.com/radius/rfc2869"
)

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
		if a.Identity != "host/laptop" || a.Method != "eap-tls" || a.TLSVersion != version || a.Chain[0].Subject.CommonName != "laptop" {
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
				if a := b.handler.rejected[0]; a.Identity != "host/laptop" || a.Method != "eap-tls" || a.Chain[0].Subject.CommonName != "laptop" {
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
		b.now = b.now.Add(2 * time.Second)
		again, drop := b.handle(Auth, n.from, n.sent)
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

// TestIdleConversations: they end 30 s after their last use and leave no coroutine, and while there is no room for
// another the ones under way go on.
func TestIdleConversations(t *testing.T) {
	before := runtime.NumGoroutine()
	b := newBench(t, func(c *Config) { c.MaxConversations, c.MaxPerNAS = 50, 50 })
	begun := func(seed uint32) *nas {
		n := b.nas(tls.VersionTLS13, seed)
		response := identity("x")
		for range 4 { // the ClientHello may take two packets
			response = n.peer.Respond(n.exchange(response))
		}
		return n
	}
	first := begun(0)
	for i := range 49 {
		begun(uint32(i + 1)).peer.Close()
	}
	if runtime.NumGoroutine() < before+50 {
		t.Error("conversations hold no coroutines, so this test proves nothing")
	}
	late := b.nas(tls.VersionTLS13, 99)
	if _, drop := b.handle(Auth, late.from, late.access(identity("x"))); drop != DropConversationsFull {
		t.Errorf("conversation 51 of 50: %q", drop)
	}
	b.now = b.now.Add(7 * time.Second) // less than a quarter of their time
	response := first.last
	if _, drop := b.handle(Auth, first.from, first.access(nil)); drop != DropConversationsFull {
		t.Errorf("EAP-Start at 50 of 50: %q", drop)
	}
	first.exchange(response)
	b.engine.Sweep(b.now.Add(23*time.Second - 1))
	if n := b.engine.Conversations(); n != 50 {
		t.Errorf("%d conversations before their time", n)
	}
	b.engine.Sweep(b.now.Add(23 * time.Second))
	if n := b.engine.Conversations(); n != 1 {
		t.Errorf("%d conversations after the time of all but one", n)
	}
	first.peer.Close()
	b.engine.Sweep(b.now.Add(DefaultConversationTTL))
	if after := runtime.NumGoroutine(); b.engine.Conversations() != 0 || after > before {
		t.Errorf("%d conversations, %d goroutines, %d before", b.engine.Conversations(), after, before)
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
	reply, drop := b.handle(Auth, apAddr, wire)
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

func TestUnexpectedEAPIsDropped(t *testing.T) {
	b := newBench(t)
	n := b.nas(tls.VersionTLS13, 1)
	request := n.exchange(identity("x"))
	stale := eap.Packet{Code: eap.Response, ID: request[1] + 7, Type: eap.TypeTLS, Data: []byte{0}}.Append(nil)
	if _, drop := b.handle(Auth, n.from, n.access(stale)); drop != DropUnexpectedEAP {
		t.Errorf("got %q", drop)
	}
	for response := n.peer.Respond(request); response != nil; { // and the conversation goes on
		response = n.peer.Respond(n.exchange(response))
	}
	if n.peer.Code != eap.Success {
		t.Errorf("peer gets %v", n.peer.Code)
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
		reply, drop := b.handle(Auth, n.from, n.access(response))
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
