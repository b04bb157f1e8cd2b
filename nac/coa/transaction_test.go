package coa

import (
	"bytes"
	"net/netip"
	"reflect"
	"strconv"
	"strings"
	"testing"
	"time"

	"nacsim/internal/radius"
	"nacsim/nac/policy"
	"nacsim/nac/session"

	lr "layeh.com/radius"
)

var (
	epoch  = time.Date(2026, 1, 5, 8, 0, 0, 0, time.UTC)
	secret = []byte("testing123")
	nas    = netip.MustParseAddrPort("10.0.1.1:3799")
)

// laptop is a session at an access point that names itself in both ways.
func laptop() *session.Session {
	return &session.Session{
		Request: policy.Request{MAC: "00:1c:b3:09:85:15", NAS: "ap-1", NASIP: nas.Addr(), UserName: "host/LAPTOP-1"},
		CoA:     nas, NASIdentifier: "ap-1", NASIPAddress: nas.Addr(), CallingStation: "00-1C-B3-09-85-15",
		AcctSessionID: "0123456789ABCDEF", InForce: policy.Authorization{VLAN: "1"},
	}
}

func transaction(t testing.TB, s *session.Session, kind Kind) *Transaction {
	t.Helper()
	x, err := NewTransaction(epoch, s, kind, 7, secret, Timers{})
	if err != nil {
		t.Fatal(err)
	}
	return x
}

// TestRequest pins the attributes of both requests in their order, and that they verify (RFC 5176 sections 2.3,
// 3.4 and 3.6).
func TestRequest(t *testing.T) {
	const head = "Message-Authenticator Event-Timestamp=2026-01-05T08:00:00Z "
	cases := []struct {
		name   string
		kind   Kind
		change func(s *session.Session)
		code   lr.Code
		want   string
	}{
		{"reauth", Reauth, nil, lr.CodeCoARequest,
			"NAS-IP-Address NAS-Identifier Calling-Station-Id=00-1C-B3-09-85-15 Acct-Session-Id Cisco-AVPair=subscriber:command=reauthenticate"},
		{"disconnect", Disconnect, nil, lr.CodeDisconnectRequest,
			"NAS-IP-Address NAS-Identifier Calling-Station-Id=00-1C-B3-09-85-15 Acct-Session-Id"},
		{"NAS with an identifier only", Disconnect, func(s *session.Session) { s.NASIPAddress = netip.Addr{} }, lr.CodeDisconnectRequest,
			"NAS-Identifier Calling-Station-Id=00-1C-B3-09-85-15 Acct-Session-Id"},
		{"NAS that has not named itself", Disconnect, func(s *session.Session) { s.NASIPAddress, s.NASIdentifier = netip.Addr{}, "" }, lr.CodeDisconnectRequest,
			"NAS-IP-Address Calling-Station-Id=00-1C-B3-09-85-15 Acct-Session-Id"},
		{"IPv6", Disconnect, func(s *session.Session) { s.NASIPAddress = netip.MustParseAddr("2001:db8::1") }, lr.CodeDisconnectRequest,
			"NAS-IPv6-Address NAS-Identifier Calling-Station-Id=00-1C-B3-09-85-15 Acct-Session-Id"},
		{"without Acct-Session-Id", Disconnect, func(s *session.Session) { s.AcctSessionID, s.CallingStation = "", "" }, lr.CodeDisconnectRequest,
			"NAS-IP-Address NAS-Identifier Calling-Station-Id=00:1c:b3:09:85:15 User-Name"},
	}
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			s := laptop()
			if c.change != nil {
				c.change(s)
			}
			x := transaction(t, s, c.kind)
			p, err := radius.ParseRequest(x.Datagram(), secret, true)
			if err != nil {
				t.Fatalf("the request does not verify: %v", err)
			}
			if p.Code != c.code || p.Identifier != 7 {
				t.Errorf("code %v, identifier %d", p.Code, p.Identifier)
			}
			if got := describe(p); got != head+c.want {
				t.Errorf("attributes are\n%s\nwant\n%s", got, head+c.want)
			}
		})
	}
}

// describe names the attributes of a packet, with the values that a test looks at.
func describe(p *lr.Packet) string {
	var out []string
	for _, a := range p.Attributes {
		name := radius.AttributeName(a.Type)
		switch name {
		case "Calling-Station-Id":
			name += "=" + string(a.Attribute)
		case "Event-Timestamp":
			at, _ := radius.EventTimestamp(p.Attributes)
			name += "=" + at.UTC().Format(time.RFC3339)
		case "Attr-26":
			name = "Cisco-AVPair=" + strings.Join(radius.CiscoAVPairs(p.Attributes), ";")
		}
		out = append(out, name)
	}
	return strings.Join(out, " ")
}

func TestRequestErrors(t *testing.T) {
	cases := map[string]func(s *session.Session){
		"no address":                   func(s *session.Session) { s.CoA = netip.AddrPort{} },
		"NAS-Identifier too long":      func(s *session.Session) { s.NASIdentifier = strings.Repeat("x", 254) },
		"Acct-Session-Id too long":     func(s *session.Session) { s.AcctSessionID = strings.Repeat("x", 254) },
		"Calling-Station-Id too long":  func(s *session.Session) { s.CallingStation = strings.Repeat("x", 254) },
		"User-Name for want of others": func(s *session.Session) { s.AcctSessionID, s.Request.UserName = "", strings.Repeat("x", 254) },
	}
	for name, change := range cases {
		s := laptop()
		change(s)
		if _, err := NewTransaction(epoch, s, Reauth, 1, secret, Timers{}); err == nil {
			t.Errorf("%s: no error", name)
		}
	}
	if _, err := NewTransaction(epoch, laptop(), Reauth, 1, nil, Timers{}); err == nil {
		t.Error("no error without a secret")
	}
}

// TestRetransmission pins the times and that every transmission has the same octets (RFC 5176 section 2.3).
func TestRetransmission(t *testing.T) {
	x := transaction(t, laptop(), Reauth)
	first := bytes.Clone(x.Datagram())
	var deadlines []time.Duration
	for {
		deadlines = append(deadlines, x.Deadline().Sub(epoch))
		if !x.Timeout(x.Deadline()) {
			break
		}
		if !bytes.Equal(x.Datagram(), first) {
			t.Error("a retransmission differs")
		}
	}
	if want := []time.Duration{2 * time.Second, 6 * time.Second, 14 * time.Second}; !reflect.DeepEqual(deadlines, want) {
		t.Errorf("deadlines are %v, want %v", deadlines, want)
	}
	if x.Transmissions() != 3 {
		t.Errorf("%d transmissions", x.Transmissions())
	}
	if x.Timeout(epoch.Add(time.Hour)) {
		t.Error("another transmission after giving up")
	}
}

// reply makes a signed answer to a transaction.
func reply(t testing.TB, x *Transaction, code lr.Code, change func(p *lr.Packet)) []byte {
	t.Helper()
	p := radius.NewReply(x.packet, code)
	if change != nil {
		change(p)
	}
	b, err := radius.EncodeReply(p)
	if err != nil {
		t.Fatal(err)
	}
	return b
}

// bare is an answer without Message-Authenticator, as most NASes send it.
func bare(t testing.TB, x *Transaction, code lr.Code) []byte {
	t.Helper()
	p := *x.packet
	p.Attributes = nil
	b, err := p.Response(code).Encode()
	if err != nil {
		t.Fatal(err)
	}
	return b
}

func TestReceive(t *testing.T) {
	coaRequest, disconnect := transaction(t, laptop(), Reauth), transaction(t, laptop(), Disconnect)
	nak := func(c radius.ErrorCause) func(*lr.Packet) {
		return func(p *lr.Packet) { radius.SetErrorCause(p, c) }
	}
	flip := func(b []byte, at int) []byte {
		b = bytes.Clone(b)
		b[at] ^= 1
		return b
	}
	ack := reply(t, coaRequest, lr.CodeCoAACK, nil)
	cases := []struct {
		name string
		x    *Transaction
		from string
		b    []byte
		want string // the answer, or "" for a datagram to be ignored
	}{
		{"CoA-ACK", coaRequest, "10.0.1.1:3799", ack, "ack"},
		{"CoA-ACK with padding", coaRequest, "10.0.1.1:3799", append(bytes.Clone(ack), 0, 0, 0), "ack"},
		{"CoA-ACK without Message-Authenticator", coaRequest, "10.0.1.1:3799", bare(t, coaRequest, lr.CodeCoAACK), "ack"},
		{"CoA-ACK from a mapped address", coaRequest, "[::ffff:10.0.1.1]:3799", ack, "ack"},
		{"CoA-NAK", coaRequest, "10.0.1.1:3799", reply(t, coaRequest, lr.CodeCoANAK, nak(503)), "nak 503"},
		{"CoA-NAK without Error-Cause", coaRequest, "10.0.1.1:3799", reply(t, coaRequest, lr.CodeCoANAK, nil), "nak 0"},
		{"Disconnect-ACK", disconnect, "10.0.1.1:3799", reply(t, disconnect, lr.CodeDisconnectACK, nil), "ack"},
		{"Disconnect-NAK", disconnect, "10.0.1.1:3799", reply(t, disconnect, lr.CodeDisconnectNAK, nak(402)), "nak 402"},

		{"another address", coaRequest, "10.0.1.2:3799", ack, ""},
		{"another port", coaRequest, "10.0.1.1:1812", ack, ""},
		{"Disconnect-ACK to a CoA-Request", coaRequest, "10.0.1.1:3799", reply(t, coaRequest, lr.CodeDisconnectACK, nil), ""},
		{"CoA-ACK to a Disconnect-Request", disconnect, "10.0.1.1:3799", reply(t, disconnect, lr.CodeCoAACK, nil), ""},
		{"Access-Accept", coaRequest, "10.0.1.1:3799", reply(t, coaRequest, lr.CodeAccessAccept, nil), ""},
		{"another request's ACK", coaRequest, "10.0.1.1:3799", reply(t, disconnect, lr.CodeCoAACK, nil), ""},
		{"another identifier", coaRequest, "10.0.1.1:3799", flip(ack, 1), ""},
		{"wrong Response Authenticator", coaRequest, "10.0.1.1:3799", flip(ack, 4), ""},
		{"wrong Message-Authenticator", coaRequest, "10.0.1.1:3799", flip(ack, 25), ""},
		{"cut", coaRequest, "10.0.1.1:3799", ack[:19], ""},
		{"empty", coaRequest, "10.0.1.1:3799", nil, ""},
		{"the request itself", coaRequest, "10.0.1.1:3799", coaRequest.Datagram(), ""},
	}
	for _, c := range cases {
		a, err := c.x.Receive(netip.MustParseAddrPort(c.from), c.b)
		got := ""
		switch {
		case err != nil && a != Answer{}:
			t.Errorf("%s: both an answer and an error", c.name)
		case err != nil:
		case a.Ack:
			got = "ack"
		default:
			got = "nak " + strconv.Itoa(int(a.ErrorCause))
		}
		if got != c.want {
			t.Errorf("%s: got %q (%v), want %q", c.name, got, err, c.want)
		}
	}
}

// TestReceiveWrongMessageAuthenticator has a Message-Authenticator that is wrong although the Response
// Authenticator over it is right.
func TestReceiveWrongMessageAuthenticator(t *testing.T) {
	x := transaction(t, laptop(), Reauth)
	p := *x.packet
	p.Attributes = nil
	r := p.Response(lr.CodeCoAACK)
	r.Add(80, make([]byte, 16))
	b, err := r.Encode()
	if err != nil {
		t.Fatal(err)
	}
	if a, err := x.Receive(nas, b); err == nil {
		t.Errorf("taken as %+v", a)
	}
}

func TestOlder(t *testing.T) {
	cases := []struct {
		a, b string
		want bool
	}{
		{"0.12.27139", "0.14", true},
		{"0.14.29411", "0.14", false},
		{"0.14", "0.14.0", false},
		{"0.14", "0.14", false},
		{"0.9", "0.14", true},
		{"1.0", "0.14", false},
		{"0.13.99999", "0.14", true},
		{"", "0.14", true},
		{"apfw-0.12", "0.14", true},
		{"0.14-beta", "0.14", false},
		{"0.99999999999999999999999", "0.14", true},
		{"0.14.1", "0.14.2", true},
	}
	for _, c := range cases {
		if got := Older(c.a, c.b); got != c.want {
			t.Errorf("Older(%q, %q) = %v", c.a, c.b, got)
		}
	}
}

func FuzzReceive(f *testing.F) {
	x := transaction(f, laptop(), Reauth)
	f.Add(reply(f, x, lr.CodeCoAACK, nil))
	f.Add(reply(f, x, lr.CodeCoANAK, func(p *lr.Packet) { radius.SetErrorCause(p, 503) }))
	f.Add(bare(f, x, lr.CodeCoANAK))
	f.Add(x.Datagram())
	f.Fuzz(func(t *testing.T, b []byte) {
		a, err := x.Receive(nas, b)
		if err != nil && a != (Answer{}) {
			t.Fatalf("answer %+v with error %v", a, err)
		}
	})
}
