package das

import (
	"bytes"
	"encoding/binary"
	"iter"
	"net/netip"
	"slices"
	"testing"
	"time"

	lr "layeh.com/radius"
	"layeh.com/radius/rfc2865"
	"layeh.com/radius/rfc2866"
	"layeh.com/radius/rfc2869"
	"layeh.com/radius/rfc3162"

	"nacsim/fakeap/ether"
	"nacsim/internal/radius"
)

var (
	now    = time.Date(2026, 1, 5, 8, 0, 0, 0, time.UTC)
	from   = netip.MustParseAddrPort("10.0.0.1:50000")
	secret = []byte("testing123")
	laptop = ether.Addr{0x00, 0x1c, 0xb3, 0x09, 0x85, 0x15}
	phone  = ether.Addr{0x00, 0x1c, 0xb3, 0x09, 0x85, 0x16}
	table  = []Session{
		{Client: laptop, ID: "00000000000000A1", User: "host/laptop", Called: "5C-5B-35-00-00-01:corp", Port: 1, PortID: "ap-1/corp"},
		{Client: phone, ID: "00000000000000A2", User: "host/phone", Called: "5C-5B-35-00-00-01:corp", Port: 2, PortID: "ap-1/corp"},
	}
)

func engine(t testing.TB, change func(*Config)) *Engine {
	t.Helper()
	cfg := Config{Secret: secret, Addr: netip.MustParseAddr("10.0.1.1"), Identifier: "ap-1"}
	if change != nil {
		change(&cfg)
	}
	e, err := New(cfg)
	if err != nil {
		t.Fatal(err)
	}
	return e
}

// request builds a signed datagram; steps add attributes.
func request(t testing.TB, code lr.Code, steps ...func(*lr.Packet)) []byte {
	t.Helper()
	p, err := radius.NewRequest(code, 7, secret, nil)
	if err != nil {
		t.Fatal(err)
	}
	for _, step := range steps {
		step(p)
	}
	b, err := radius.EncodeRequest(p)
	if err != nil {
		t.Fatal(err)
	}
	return b
}

func set(typ lr.Type, value string) func(*lr.Packet) {
	return func(p *lr.Packet) { p.Add(typ, lr.Attribute(value)) }
}

func number(typ lr.Type, n uint32) func(*lr.Packet) {
	return func(p *lr.Packet) { p.Add(typ, binary.BigEndian.AppendUint32(nil, n)) }
}

func pair(v string) func(*lr.Packet) {
	return func(p *lr.Packet) {
		if err := radius.AddCiscoAVPair(p, v); err != nil {
			panic(err)
		}
	}
}

func stamp(at time.Time) func(*lr.Packet) {
	return func(p *lr.Packet) { radius.SetEventTimestamp(p, at) }
}

var (
	calling = set(rfc2865.CallingStationID_Type, laptop.Station())
	reauth  = pair("subscriber:command=reauthenticate")
)

// RFC 5176 section 3.5: every Error-Cause this NAS can give, and the requests it grants.
func TestDecisions(t *testing.T) {
	coa, disconnect := lr.CodeCoARequest, lr.CodeDisconnectRequest
	tests := []struct {
		name    string
		code    lr.Code
		steps   []func(*lr.Packet)
		cause   radius.ErrorCause
		command Command
	}{
		{"re-authenticate by MAC", coa, []func(*lr.Packet){calling, reauth}, 0, Reauthenticate},
		{"re-authenticate, type last", coa, []func(*lr.Packet){calling, reauth, pair("subscriber:reauthenticate-type=last")}, 0, Reauthenticate},
		{"MAC in another notation", coa, []func(*lr.Packet){set(rfc2865.CallingStationID_Type, "001cb3098515"), reauth}, 0, Reauthenticate},
		{"all identification matches", coa, []func(*lr.Packet){calling, reauth, set(rfc2865.UserName_Type, "host/laptop"),
			set(rfc2866.AcctSessionID_Type, "00000000000000A1"), number(rfc2865.NASPort_Type, 1), set(rfc2869.NASPortID_Type, "ap-1/corp"),
			set(rfc2865.NASIPAddress_Type, "\x0a\x00\x01\x01"), set(rfc2865.NASIdentifier_Type, "ap-1"),
			set(rfc2865.CalledStationID_Type, "5c-5b-35-00-00-01:CORP"), stamp(now)}, 0, Reauthenticate},
		{"disconnect by session", disconnect, []func(*lr.Packet){set(rfc2866.AcctSessionID_Type, "00000000000000A1")}, 0, Disconnect},
		{"disconnect by user", disconnect, []func(*lr.Packet){set(rfc2865.UserName_Type, "host/laptop")}, 0, Disconnect},
		{"disconnect by port", disconnect, []func(*lr.Packet){number(rfc2865.NASPort_Type, 1)}, 0, Disconnect},
		{"filter to be applied", coa, []func(*lr.Packet){calling, reauth, set(rfc2865.FilterID_Type, "guest")}, radius.UnsupportedAttribute, None},
		{"VSA in Disconnect-Request", disconnect, []func(*lr.Packet){calling, reauth}, radius.UnsupportedAttribute, None},
		{"foreign VSA", coa, []func(*lr.Packet){calling, reauth, func(p *lr.Packet) { _ = radius.AddVSA(p, 14823, 1, []byte("role")) }}, radius.UnsupportedAttribute, None},
		{"malformed VSA", coa, []func(*lr.Packet){calling, reauth, set(rfc2865.VendorSpecific_Type, "\x00\x00\x00\x09\x01")}, radius.UnsupportedAttribute, None},
		{"unknown AVPair", coa, []func(*lr.Packet){calling, reauth, pair("url-redirect=http://portal")}, radius.UnsupportedAttribute, None},
		{"no session identification", disconnect, []func(*lr.Packet){set(rfc2865.NASIdentifier_Type, "ap-1")}, radius.MissingAttribute, None},
		{"no command", coa, []func(*lr.Packet){calling}, radius.MissingAttribute, None},
		{"other address", coa, []func(*lr.Packet){calling, reauth, set(rfc2865.NASIPAddress_Type, "\x0a\x00\x01\x02")}, radius.NASIdentificationMismatch, None},
		{"other IPv6 address", coa, []func(*lr.Packet){calling, reauth, set(rfc3162.NASIPv6Address_Type, "0123456789abcdef")}, radius.NASIdentificationMismatch, None},
		{"malformed address", coa, []func(*lr.Packet){calling, reauth, set(rfc2865.NASIPAddress_Type, "\x0a")}, radius.NASIdentificationMismatch, None},
		{"other identifier", coa, []func(*lr.Packet){calling, reauth, set(rfc2865.NASIdentifier_Type, "ap-2")}, radius.NASIdentificationMismatch, None},
		{"authorize only", coa, []func(*lr.Packet){calling, number(rfc2865.ServiceType_Type, 17), set(rfc2865.State_Type, "x")}, radius.UnsupportedService, None},
		{"port bounce", coa, []func(*lr.Packet){calling, pair("subscriber:command=bounce-host-port")}, radius.UnsupportedExtension, None},
		{"MAC malformed", coa, []func(*lr.Packet){set(rfc2865.CallingStationID_Type, "laptop"), reauth}, radius.InvalidAttributeValue, None},
		{"port malformed", disconnect, []func(*lr.Packet){set(rfc2865.NASPort_Type, "1")}, radius.InvalidAttributeValue, None},
		{"unknown client", coa, []func(*lr.Packet){set(rfc2865.CallingStationID_Type, "02-00-00-00-00-01"), reauth}, radius.SessionContextNotFound, None},
		{"one of two identifiers differs", disconnect, []func(*lr.Packet){calling, set(rfc2866.AcctSessionID_Type, "00000000000000A2")}, radius.SessionContextNotFound, None},
		{"several sessions", disconnect, []func(*lr.Packet){set(rfc2869.NASPortID_Type, "ap-1/corp")}, radius.MultipleSessionSelection, None},
	}
	for _, tt := range tests {
		o := engine(t, nil).Receive(now, from, request(t, tt.code, tt.steps...), all(table))
		if o.Cause != tt.cause || o.Command != tt.command || o.Dropped != "" {
			t.Errorf("%s: cause %v, command %d, dropped %q; want %v, %d", tt.name, o.Cause, o.Command, o.Dropped, tt.cause, tt.command)
		}
		if o.ACK() != (tt.cause == 0) || tt.command != None && o.Client != laptop {
			t.Errorf("%s: ACK %v, client %v", tt.name, o.ACK(), o.Client)
		}
	}
}

// RFC 5176 sections 2.3 and 6.3: silently discarded.
func TestDrops(t *testing.T) {
	good := request(t, lr.CodeCoARequest, calling, reauth, stamp(now))
	tampered := bytes.Clone(good)
	tampered[len(tampered)-1] ^= 1
	wrong, err := New(Config{Secret: []byte("other")})
	if err != nil {
		t.Fatal(err)
	}
	plain := lr.Packet{Code: lr.CodeDisconnectRequest, Identifier: 1, Secret: secret, Attributes: lr.Attributes{{Type: rfc2865.UserName_Type, Attribute: []byte("host/laptop")}}}
	unsigned, err := plain.Encode() // without Message-Authenticator
	if err != nil {
		t.Fatal(err)
	}
	tests := []struct {
		name     string
		engine   *Engine
		datagram []byte
		want     string
	}{
		{"shorter than a header", engine(t, nil), good[:19], "malformed packet"},
		{"cut", engine(t, nil), good[:len(good)-1], "malformed packet"},
		{"one bit changed", engine(t, nil), tampered, "wrong authenticator"},
		{"wrong secret", wrong, good, "wrong authenticator"},
		{"accounting", engine(t, nil), request(t, lr.CodeAccountingRequest, calling), "unexpected code"},
		{"stranger", engine(t, func(c *Config) { c.Clients = []netip.Prefix{netip.MustParsePrefix("10.0.0.2/32")} }), good, "unknown client"},
		{"stale", engine(t, nil), request(t, lr.CodeCoARequest, calling, reauth, stamp(now.Add(-301*time.Second))), "Event-Timestamp outside the window"},
		{"from the future", engine(t, nil), request(t, lr.CodeCoARequest, calling, reauth, stamp(now.Add(301*time.Second))), "Event-Timestamp outside the window"},
		{"no timestamp", engine(t, func(c *Config) { c.RequireEventTimestamp = true }), request(t, lr.CodeCoARequest, calling, reauth), "no Event-Timestamp"},
		{"no Message-Authenticator", engine(t, func(c *Config) { c.RequireMessageAuthenticator = true }), unsigned, "no Message-Authenticator"},
	}
	for _, tt := range tests {
		if o := tt.engine.Receive(now, from, tt.datagram, all(table)); o.Dropped != tt.want || o.Reply != nil || o.Command != None {
			t.Errorf("%s: dropped %q, reply %x; want %q", tt.name, o.Dropped, o.Reply, tt.want)
		}
	}
	if o := engine(t, nil).Receive(now, from, unsigned, all(table)); !o.ACK() {
		t.Errorf("a request without Message-Authenticator is refused although none is required: %+v", o)
	}
	edge := request(t, lr.CodeCoARequest, calling, reauth, stamp(now.Add(-300*time.Second)))
	if o := engine(t, nil).Receive(now, from, edge, all(table)); !o.ACK() {
		t.Errorf("Event-Timestamp at the edge of the window: %+v", o)
	}
	old := request(t, lr.CodeCoARequest, calling, reauth, stamp(now.Add(-time.Hour)))
	if o := engine(t, func(c *Config) { c.Window = -1 }).Receive(now, from, old, all(table)); !o.ACK() {
		t.Errorf("window switched off: %+v", o)
	}
}

// RFC 5176 section 2.3: a retransmission gets the same reply, and is not carried out again.
func TestRetransmission(t *testing.T) {
	e := engine(t, nil)
	b := request(t, lr.CodeDisconnectRequest, calling)
	first := e.Receive(now, from, b, all(table))
	again := e.Receive(now.Add(2*time.Second), from, b, all([]Session(nil)))
	if !bytes.Equal(first.Reply, again.Reply) || !again.Repeated || again.Command != None {
		t.Errorf("retransmission: %+v, want the reply %x", again, first.Reply)
	}
	if o := e.Receive(now.Add(time.Minute), from, b, all([]Session(nil))); o.Repeated || o.Cause != radius.SessionContextNotFound {
		t.Errorf("after the cache has expired: %+v, want 503", o)
	}
}

func TestReply(t *testing.T) {
	b := request(t, lr.CodeDisconnectRequest, set(rfc2865.CallingStationID_Type, "02-00-00-00-00-01"), set(rfc2865.ProxyState_Type, "a"), set(rfc2865.ProxyState_Type, "b"))
	o := engine(t, nil).Receive(now, from, b, all(table))
	sent, err := radius.ParseRequest(b, secret, true)
	if err != nil {
		t.Fatal(err)
	}
	reply, err := radius.ParseReply(o.Reply, sent, true)
	if err != nil {
		t.Fatalf("reply does not verify: %v", err)
	}
	if reply.Code != lr.CodeDisconnectNAK {
		t.Errorf("code %v, want Disconnect-NAK", reply.Code)
	}
	if cause, ok := radius.GetErrorCause(reply.Attributes); !ok || cause != radius.SessionContextNotFound {
		t.Errorf("Error-Cause %v %v, want 503", cause, ok)
	}
	var states []string
	for _, a := range reply.Attributes {
		if a.Type == rfc2865.ProxyState_Type {
			states = append(states, string(a.Attribute))
		}
	}
	if !slices.Equal(states, []string{"a", "b"}) {
		t.Errorf("Proxy-State %q, want it echoed in order", states)
	}
	if reply.Attributes[0].Type != rfc2869.MessageAuthenticator_Type {
		t.Error("Message-Authenticator is not the first attribute")
	}
}

func TestRefuse(t *testing.T) {
	e := engine(t, nil)
	e.Refuse(radius.ResourcesUnavailable, 1)
	b := request(t, lr.CodeCoARequest, calling, reauth)
	for range 2 { // the retransmission is refused too
		if o := e.Receive(now, from, b, all(table)); o.ACK() || o.Cause != radius.ResourcesUnavailable {
			t.Fatalf("request granted: %+v", o)
		}
	}
	other := request(t, lr.CodeCoARequest, calling, reauth, stamp(now))
	if o := e.Receive(now, from, other, all(table)); !o.ACK() {
		t.Errorf("second request: %+v, want ACK", o)
	}
}

func TestEmptySecret(t *testing.T) {
	if _, err := New(Config{}); err == nil {
		t.Error("an empty secret is accepted")
	}
}

// all are the sessions of a table, whichever are asked for.
func all(table []Session) Sessions {
	return func(ether.Addr) iter.Seq[Session] { return slices.Values(table) }
}

func FuzzReceive(f *testing.F) {
	f.Add(request(f, lr.CodeCoARequest, calling, reauth, stamp(now)), true)
	f.Add(request(f, lr.CodeDisconnectRequest, set(rfc2865.UserName_Type, "host/laptop")), true)
	f.Add([]byte{43, 0, 0, 20}, false)
	f.Fuzz(func(t *testing.T, b []byte, sign bool) {
		if p, err := radius.Parse(b, secret); err == nil && sign {
			p.Secret = secret
			if signed, err := radius.EncodeRequest(p); err == nil {
				b = signed // so that the fuzzer gets past the authenticator
			}
		}
		o := engine(t, nil).Receive(now, from, b, all(table))
		if (o.Reply == nil) == (o.Dropped == "") {
			t.Errorf("neither or both of reply and drop: %+v", o)
		}
		if o.Command != None && !o.ACK() {
			t.Errorf("command without ACK: %+v", o)
		}
	})
}
