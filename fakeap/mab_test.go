package fakeap_test

import (
	"crypto/md5"
	"slices"
	"strings"
	"testing"
	"time"

	lr "layeh.com/radius"
	"layeh.com/radius/rfc2865"
	"layeh.com/radius/rfc2866"

	"nacsim/fakeap"
	"nacsim/fakeap/device"
	"nacsim/fakeap/ether"
	"nacsim/fakeap/supplicant"
	"nacsim/internal/eap"
	"nacsim/internal/host"
	"nacsim/internal/radius"
)

const laptopName = "001cb3098515"

// md5State marks a conversation of EAP-MD5.
const md5State = "md5"

var md5Challenge = []byte("0123456789abcdef")

// byMAC answers a request of MAC authentication as a server does that knows the laptop.
func (s *server) byMAC(request *lr.Packet) *lr.Packet {
	name := rfc2865.UserName_GetString(request)
	mac, err := radius.CanonicalMAC(name)
	calling, _ := radius.CanonicalMAC(rfc2865.CallingStationID_GetString(request))
	if err != nil || mac.String() != calling.String() {
		s.t.Errorf("User-Name %q of the station %v", name, calling)
	}
	known := !s.unknownMAC
	var id byte
	if b, ok := radius.EAPMessage(request.Attributes); ok {
		p, err := eap.Parse(b)
		if err != nil {
			s.t.Errorf("EAP of the switch: %v", err)
			return nil
		}
		if p.Type == eap.TypeIdentity {
			c := &serverConversation{id: p.ID}
			return s.challenge(request, c, md5State, eap.TypeMD5, append([]byte{byte(len(md5Challenge))}, md5Challenge...))
		}
		want := md5.Sum(slices.Concat([]byte{p.ID}, []byte(name), md5Challenge))
		known = known && p.Type == eap.TypeMD5 && string(p.Data) == "\x10"+string(want[:]) && rfc2865.State_GetString(request) == md5State
		id = p.ID
	} else if chap := rfc2865.CHAPPassword_Get(request); chap != nil {
		want := md5.Sum(slices.Concat(chap[:1], []byte(name), rfc2865.CHAPChallenge_Get(request)))
		known = known && string(chap[1:]) == string(want[:])
	} else {
		known = known && rfc2865.UserPassword_GetString(request) == name
	}
	reply := radius.NewReply(request, lr.CodeAccessReject)
	if known {
		reply.Code = lr.CodeAccessAccept
		radius.SetVLAN(reply, 0, s.vlan)
	}
	if id != 0 {
		code := eap.Failure
		if known {
			code = eap.Success
		}
		radius.AddEAPMessage(reply, eap.Packet{Code: code, ID: id}.Append(nil))
	}
	return reply
}

// printer is an edge whose station has no supplicant.
type printer struct {
	*edge
	device   *device.Device
	outcomes []fakeap.Outcome
}

func newPrinter(t *testing.T, change func(*fakeap.SwitchConfig)) *printer {
	t.Helper()
	p := &printer{edge: newEdge(t)}
	p.startSwitch(func(c *fakeap.SwitchConfig) {
		c.Outcome = func(o fakeap.Outcome) { p.outcomes = append(p.outcomes, o) }
		change(c)
	})
	var err error
	if p.device, err = device.Start(p.machine("printer", ""), laptop); err != nil {
		t.Fatal(err)
	}
	p.link = supplicant.Link{Medium: host.Medium{Kind: host.Cable, Name: "sw-1/3"}}
	return p
}

func (p *printer) plug() {
	p.t.Helper()
	if err := p.device.Connect(p.link); err != nil {
		p.t.Fatal(err)
	}
}

func (p *printer) in(state fakeap.PortState, vlan string) fakeap.ClientState {
	p.t.Helper()
	c := p.clients()
	if len(c) != 1 || c[0].State != state || c[0].VLAN != vlan {
		p.t.Fatalf("clients %+v, want one %s in VLAN %q", c, state, vlan)
	}
	return c[0]
}

func mab(mode fakeap.MABMode, protocol fakeap.MABProtocol) func(*fakeap.SwitchConfig) {
	return func(c *fakeap.SwitchConfig) { c.MAB.Mode, c.MAB.Protocol = mode, protocol }
}

// RFC 2865 section 5.6 (Call Check), and the three ways in which switches put the address to the server.
func TestMACAuthentication(t *testing.T) {
	for _, protocol := range []fakeap.MABProtocol{"", fakeap.MABPAP, fakeap.MABCHAP, fakeap.MABEAPMD5} {
		for _, mode := range []fakeap.MABMode{fakeap.MABFallback, fakeap.MABFirst, fakeap.MABOnly} {
			p := newPrinter(t, mab(mode, protocol))
			p.plug()
			p.Advance(25 * time.Second)
			c := p.in(fakeap.Authorized, "750")
			if c.User != laptopName {
				t.Errorf("%s %s: user %q", mode, protocol, c.User)
			}
			rounds := 1
			if protocol == fakeap.MABEAPMD5 {
				rounds = 2
			}
			o := p.outcomes[len(p.outcomes)-1]
			if o.Result != fakeap.Accepted || !o.ByMAC || o.VLAN != "750" || o.RoundTrips != rounds || o.SessionID != c.SessionID {
				t.Errorf("%s %s: outcome %+v", mode, protocol, o)
			}
			p.must(1, "port", "state=authorized", "method=mab")
			start := p.server.last(rfc2866.AcctStatusType_Value_Start)
			if start == nil || rfc2866.AcctAuthentic_Get(start) != rfc2866.AcctAuthentic_Value_RADIUS {
				t.Errorf("%s %s: accounting %v", mode, protocol, start)
			}
			p.must(0, "drop")
		}
	}
}

func TestFallbackWaits(t *testing.T) {
	for _, tt := range []struct{ wait, want time.Duration }{{0, 21 * time.Second}, {5 * time.Second, 5 * time.Second}} {
		p := newPrinter(t, func(c *fakeap.SwitchConfig) { c.MAB.Mode, c.MAB.Wait = fakeap.MABFallback, tt.wait })
		p.plug()
		p.Advance(tt.want - 100*time.Millisecond)
		if n := len(p.server.requests); n != 0 {
			t.Errorf("wait %v: the server is asked before", tt.wait)
		}
		p.Advance(200 * time.Millisecond)
		p.in(fakeap.Authorized, "750")
	}
}

func TestUnknownMAC(t *testing.T) {
	p := newPrinter(t, mab(fakeap.MABOnly, ""))
	p.server.unknownMAC = true
	p.plug()
	p.Advance(time.Second)
	p.in(fakeap.Held, "")
	if o := p.outcomes[0]; o.Result != fakeap.Rejected || o.Reason != "Access-Reject" {
		t.Errorf("outcome %+v", o)
	}
	p.server.unknownMAC = false
	p.Advance(50 * time.Second) // DHCPDISCOVER at 4, 12 and 28 s does not end the quiet period
	p.in(fakeap.Held, "")
	p.Advance(30 * time.Second) // the next at 60 s does not either, and the one at 124 s comes after it
	p.Advance(60 * time.Second)
	p.in(fakeap.Authorized, "750")
}

// A client that is refused by its address is asked to do 802.1X in the mode "first", and one that starts 802.1X by
// itself is heard in the modes that have it.
func TestMACAndSupplicant(t *testing.T) {
	for _, tt := range []struct {
		mode    fakeap.MABMode
		unknown bool
		method  string
	}{
		{fakeap.MABFirst, true, "802.1X"},
		{fakeap.MABFirst, false, "802.1X"}, // the station's second EAPOL-Start comes after
		{fakeap.MABFallback, false, "802.1X"},
		{fakeap.MABOnly, false, "mab"},
	} {
		e := newEdge(t)
		e.startSwitch(mab(tt.mode, ""))
		e.server.unknownMAC = tt.unknown
		e.startStation(nil)
		e.link = supplicant.Link{Medium: host.Medium{Kind: host.Cable, Name: "sw-1/3"}}
		e.connect()
		e.Advance(40 * time.Second)
		c := e.clients()
		if len(c) != 1 || c[0].State != fakeap.Authorized {
			t.Errorf("%+v: clients %+v", tt, c)
			continue
		}
		method := "802.1X"
		if c[0].User == laptopName {
			method = "mab"
		}
		if method != tt.method {
			t.Errorf("%+v: authorized by %s", tt, method)
		}
	}
}

func TestMACSessionIsReauthenticated(t *testing.T) {
	p := newPrinter(t, func(c *fakeap.SwitchConfig) { c.MAB.Mode, c.Reauth = fakeap.MABFallback, time.Minute })
	p.plug()
	p.Advance(30 * time.Second)
	before := p.in(fakeap.Authorized, "750")
	p.server.vlan = "1"
	p.Advance(time.Minute)
	if after := p.in(fakeap.Authorized, "1"); after.SessionID != before.SessionID {
		t.Error("the session is another one")
	}
	p.server.vlan = "2"
	p.server.send("10.0.1.1:3799", lr.CodeCoARequest, coa)
	p.Advance(10 * time.Millisecond)
	p.must(1, "das", "result=ack", "request=CoA-Request")
	p.Advance(time.Second)
	p.in(fakeap.Authorized, "2")
	p.server.send("10.0.1.1:3799", lr.CodeDisconnectRequest, calling)
	p.Advance(10 * time.Millisecond)
	p.must(1, "das", "result=ack", "request=Disconnect-Request")
	p.Advance(30 * time.Second) // 802.1X again, then the address
	if again := p.in(fakeap.Authorized, "2"); again.SessionID == before.SessionID {
		t.Error("the session has survived the Disconnect-Request")
	}
}

func TestOpenNetwork(t *testing.T) {
	e := newEdge(t)
	e.startAP(func(c *fakeap.APConfig) {
		c.Open, c.MAB.Mode, c.MAB.Notation = true, fakeap.MABOnly, "AA-BB-CC-DD-EE-FF"
	})
	d, err := device.Start(e.machine("camera", ""), laptop)
	if err != nil {
		t.Fatal(err)
	}
	if err := d.Connect(supplicant.Link{Medium: host.Medium{Kind: host.Radio, Name: "corp"}, SSID: "corp"}); err != nil {
		t.Fatal(err)
	}
	e.Advance(time.Second)
	if c := e.clients(); len(c) != 1 || c[0].VLAN != "750" || c[0].User != "00-1C-B3-09-85-15" {
		t.Fatalf("clients %+v", c)
	}
	e.server.send("10.0.1.1:3799", lr.CodeDisconnectRequest, calling)
	e.Advance(10 * time.Millisecond)
	e.must(1, "das", "result=ack", "request=Disconnect-Request")
	e.Advance(100 * time.Millisecond)
	if c := e.clients(); len(c) != 0 {
		t.Errorf("clients %+v after a Disconnect-Request", c)
	}
	e.Advance(3 * time.Second)
	if c := e.clients(); len(c) != 1 || c[0].State != fakeap.Authorized {
		t.Errorf("clients %+v, want the device back", c)
	}
	d.Disconnect()
	e.Advance(time.Second)
	if c := e.clients(); len(c) != 0 {
		t.Errorf("clients %+v after the device has left", c)
	}
}

func TestFixedVLANs(t *testing.T) {
	for name, tt := range map[string]struct {
		change func(*fakeap.SwitchConfig)
		server func(*server)
		vlan   string
	}{
		"guest":       {func(c *fakeap.SwitchConfig) { c.GuestVLAN = "10" }, func(*server) {}, "10"},
		"reject":      {func(c *fakeap.SwitchConfig) { c.MAB.Mode, c.RejectVLAN = fakeap.MABOnly, "11" }, func(s *server) { s.unknownMAC = true }, "11"},
		"server fail": {func(c *fakeap.SwitchConfig) { c.MAB.Mode, c.ServerFailVLAN = fakeap.MABOnly, "12" }, func(s *server) { s.silent = true }, "12"},
	} {
		p := newPrinter(t, tt.change)
		tt.server(p.server)
		p.plug()
		p.Advance(35 * time.Second)
		p.in(fakeap.Authorized, tt.vlan)
		p.server.silent, p.server.unknownMAC = false, false
		if name == "server fail" { // it tries again by itself
			p.Advance(70 * time.Second)
			p.in(fakeap.Authorized, "750")
			continue
		}
		start := p.server.last(rfc2866.AcctStatusType_Value_Start)
		if rfc2866.AcctAuthentic_Get(start) != rfc2866.AcctAuthentic_Value_Local {
			t.Errorf("%s: accounting %v", name, start)
		}
		p.must(0, "port", "method=mab")
	}
}

func TestNotations(t *testing.T) {
	mac := ether.Addr{0x00, 0x1c, 0xb3, 0x09, 0x85, 0xfa}
	for notation, want := range map[string]string{
		"aabbccddeeff": "001cb30985fa", "AABBCCDDEEFF": "001CB30985FA", "aa:bb:cc:dd:ee:ff": "00:1c:b3:09:85:fa",
		"AA-BB-CC-DD-EE-FF": "00-1C-B3-09-85-FA", "aabb.ccdd.eeff": "001c.b309.85fa", "aabbcc-ddeeff": "001cb3-0985fa",
	} {
		if err := fakeap.CheckNotation(notation); err != nil {
			t.Error(err)
		}
		if got := fakeap.FormatMAC(mac, notation); got != want {
			t.Errorf("%s: %s, want %s", notation, got, want)
		}
	}
	for _, bad := range []string{"", "xx", "aabbccddeefg", "AaBbCcDdEeFf", "aa-bb-cc-dd-ee", "001122334455"} {
		if err := fakeap.CheckNotation(bad); err == nil || !strings.Contains(err.Error(), "want the address AA:BB:CC:DD:EE:FF") {
			t.Errorf("%q: error %v", bad, err)
		}
	}
}

// RFC 2866 section 5.1: the end of each session, then Accounting-Off; RFC 2866 section 4.1 asks for no
// Message-Authenticator, and NASes send none.
func TestShutdown(t *testing.T) {
	p := newPrinter(t, mab(fakeap.MABOnly, ""))
	p.plug()
	p.Advance(time.Second)
	p.in(fakeap.Authorized, "750")
	var err error
	done := false
	p.nas.Go("shutdown", func() { err = p.sw.Shutdown(5 * time.Second); done = true })
	p.Advance(time.Second)
	if !done || err != nil {
		t.Fatalf("done %v, error %v", done, err)
	}
	if got, want := p.server.reports(), []rfc2866.AcctStatusType{7, 1, 2, 8}; !slices.Equal(got, want) {
		t.Errorf("accounting %v, want On, Start, Stop and Off", got)
	}
	if stop := p.server.last(rfc2866.AcctStatusType_Value_Stop); rfc2866.AcctTerminateCause_Get(stop) != rfc2866.AcctTerminateCause_Value_AdminReboot {
		t.Errorf("stop %v", stop)
	}
	for _, r := range p.server.accounting {
		if _, ok := r.Lookup(80); ok {
			t.Error("Message-Authenticator in an Accounting-Request")
		}
	}
	if err := p.sw.Shutdown(time.Second); err != nil {
		t.Errorf("again: %v", err)
	}
}

func TestShutdownWithoutServer(t *testing.T) {
	p := newPrinter(t, mab(fakeap.MABOnly, ""))
	p.server.silent = true
	var err error
	p.nas.Go("shutdown", func() { err = p.sw.Shutdown(5 * time.Second) })
	p.Advance(6 * time.Second)
	if err != host.ErrTimeout {
		t.Errorf("error %v, want a timeout", err)
	}
}
