package fakeap_test

import (
	"crypto/tls"
	"crypto/x509"
	"net/netip"
	"slices"
	"testing"
	"time"

	lr "layeh.com/radius"
	"layeh.com/radius/rfc2865"
	"layeh.com/radius/rfc2866"
	"layeh.com/radius/rfc2869"

	"nacsim/fakeap"
	"nacsim/fakeap/dot11"
	"nacsim/fakeap/eappeer"
	"nacsim/fakeap/ether"
	"nacsim/fakeap/supplicant"
	"nacsim/internal/eap"
	"nacsim/internal/host"
	"nacsim/internal/radius"
)

var (
	bssid  = ether.Addr{0x5c, 0x5b, 0x35, 0, 0, 1}
	laptop = ether.Addr{0x00, 0x1c, 0xb3, 0x09, 0x85, 0x15}
)

// edge is a NAS, a server and one station.
type edge struct {
	*world
	ca      *authority
	server  *server
	nas     *machine
	ap      *fakeap.AP
	sw      *fakeap.Switch
	station *supplicant.Supplicant
	link    supplicant.Link
}

func settings() fakeap.Settings {
	return fakeap.Settings{RADIUS: fakeap.RADIUSConfig{Auth: authAddr, Acct: acctAddr, Secret: secret}}
}

func (e *edge) startStation(change func(*supplicant.Config)) {
	e.t.Helper()
	cfg := supplicant.Config{
		MAC: laptop,
		Config: eappeer.Config{
			Identity: "host/LAPTOP-1", RootCAs: e.ca.pool(), ServerName: "radius.corp.example",
			Certificate: e.ca.issue(e.t, "LAPTOP-1", x509.ExtKeyUsageClientAuth, future),
		},
	}
	if change != nil {
		change(&cfg)
	}
	var err error
	if e.station, err = supplicant.Start(e.machine("laptop-1", ""), cfg); err != nil {
		e.t.Fatal(err)
	}
}

func (e *edge) startAP(change func(*fakeap.APConfig)) {
	e.t.Helper()
	cfg := fakeap.APConfig{Settings: settings(), BSSID: bssid, SSID: "corp", Firmware: "0.14.29411"}
	if change != nil {
		change(&cfg)
	}
	e.nas = e.machine("ap-1", "10.0.1.1")
	var err error
	if e.ap, err = fakeap.StartAP(e.nas, cfg); err != nil {
		e.t.Fatal(err)
	}
}

func (e *edge) startSwitch(change func(*fakeap.SwitchConfig)) {
	e.t.Helper()
	cfg := fakeap.SwitchConfig{Settings: settings(), MAC: ether.Addr{0x5c, 0x5b, 0x35, 1, 0, 0}, Ports: 4}
	if change != nil {
		change(&cfg)
	}
	e.nas = e.machine("sw-1", "10.0.1.1")
	var err error
	if e.sw, err = fakeap.StartSwitch(e.nas, cfg); err != nil {
		e.t.Fatal(err)
	}
}

func newEdge(t testing.TB) *edge {
	t.Helper()
	e := &edge{world: newWorld(t), ca: newAuthority(t, "corp")}
	e.server = newServer(e.world, e.ca.serverConfig(t))
	return e
}

func wireless(t testing.TB) *edge {
	t.Helper()
	e := newEdge(t)
	e.startAP(nil)
	e.startStation(nil)
	e.link = supplicant.Link{Medium: host.Medium{Kind: host.Radio, Name: "corp"}, SSID: "corp", Name: "ap-1"}
	return e
}

func wired(t testing.TB) *edge {
	t.Helper()
	e := newEdge(t)
	e.startSwitch(nil)
	e.startStation(nil)
	e.link = supplicant.Link{Medium: host.Medium{Kind: host.Cable, Name: "sw-1/3"}}
	return e
}

func (e *edge) connect() {
	e.t.Helper()
	if err := e.station.Connect(e.link); err != nil {
		e.t.Fatal(err)
	}
}

func (e *edge) clients() []fakeap.ClientState {
	if e.ap != nil {
		return e.ap.Clients()
	}
	return e.sw.Clients()
}

// connected fails the test unless the station is connected and in the VLAN.
func (e *edge) connected(vlan string) fakeap.ClientState {
	e.t.Helper()
	if s := e.station.State(); s != supplicant.Connected {
		e.t.Fatalf("station is %s, want connected", s)
	}
	c := e.clients()
	if len(c) != 1 || c[0].MAC != laptop || c[0].State != fakeap.Authorized || c[0].VLAN != vlan {
		e.t.Fatalf("clients %+v, want one authorized in VLAN %s", c, vlan)
	}
	return c[0]
}

// both runs a test on either link.
func both(t *testing.T, f func(*testing.T, *edge)) {
	t.Run("wireless", func(t *testing.T) { f(t, wireless(t)) })
	t.Run("wired", func(t *testing.T) { f(t, wired(t)) })
}

func TestAuthenticate(t *testing.T) {
	for _, version := range []uint16{tls.VersionTLS12, tls.VersionTLS13} {
		for _, fragment := range []int{64, 1398} {
			both(t, func(t *testing.T, e *edge) {
				e.startStation(func(c *supplicant.Config) { c.MinTLS, c.MaxTLS, c.FragmentSize = version, version, fragment })
				e.connect()
				e.Advance(2 * time.Second)
				c := e.connected("750")
				e.must(1, "port", "client=00:1c:b3:09:85:15", "state=authorized", "vlan=750")
				e.must(1, "supplicant", "state=connected")
				e.must(0, "drop")
				if got, want := e.server.reports(), []rfc2866.AcctStatusType{7, 1}; !slices.Equal(got, want) {
					t.Errorf("accounting %v, want Accounting-On and Start", got)
				}
				start := e.server.last(rfc2866.AcctStatusType_Value_Start)
				if id := rfc2866.AcctSessionID_GetString(start); id != c.SessionID || len(id) != 16 {
					t.Errorf("Acct-Session-Id %q in accounting, %q in force", id, c.SessionID)
				}
				if class := rfc2865.Class_GetString(start); class != "class-1" {
					t.Errorf("Class %q is not echoed", class)
				}
			})
		}
	}
}

// RFC 3580 section 3: what a NAS says about the client, and Message-Authenticator before all else.
func TestAccessRequest(t *testing.T) {
	type attributes struct {
		portType, port                            int
		portID, called, calling, user, identifier string
		ip                                        string
	}
	want := map[string]attributes{
		"wireless": {19, 1, "ap-1/corp", "5C-5B-35-00-00-01:corp", "00-1C-B3-09-85-15", "host/LAPTOP-1", "ap-1", "10.0.1.1"},
		"wired":    {15, 3, "sw-1/3", "5C-5B-35-01-00-03", "00-1C-B3-09-85-15", "host/LAPTOP-1", "sw-1", "10.0.1.1"},
	}
	both(t, func(t *testing.T, e *edge) {
		e.connect()
		e.Advance(time.Second)
		name := "wired"
		if e.ap != nil {
			name = "wireless"
		}
		for i, p := range e.server.requests {
			got := attributes{
				int(rfc2865.NASPortType_Get(p)), int(rfc2865.NASPort_Get(p)), rfc2869.NASPortID_GetString(p), rfc2865.CalledStationID_GetString(p),
				rfc2865.CallingStationID_GetString(p), rfc2865.UserName_GetString(p), rfc2865.NASIdentifier_GetString(p), rfc2865.NASIPAddress_Get(p).String(),
			}
			if got != want[name] {
				t.Errorf("request %d: %+v, want %+v", i, got, want[name])
			}
			if p.Attributes[0].Type != rfc2869.MessageAuthenticator_Type {
				t.Error("Message-Authenticator is not the first attribute")
			}
			if mtu, service := rfc2865.FramedMTU_Get(p), rfc2865.ServiceType_Get(p); mtu != 1400 || service != rfc2865.ServiceType_Value_FramedUser {
				t.Errorf("Framed-MTU %d, Service-Type %v", mtu, service)
			}
			if len(rfc2866.AcctSessionID_Get(p)) != 16 || rfc2869.ConnectInfo_GetString(p) == "" {
				t.Errorf("Acct-Session-Id %q, Connect-Info %q", rfc2866.AcctSessionID_Get(p), rfc2869.ConnectInfo_GetString(p))
			}
			if firmware, _ := radius.Firmware(p.Attributes); (name == "wireless") != (firmware == "0.14.29411") {
				t.Errorf("firmware %q", firmware)
			}
		}
	})
}

func coa(p *lr.Packet) {
	rfc2865.CallingStationID_SetString(p, laptop.Station())
	_ = radius.AddCiscoAVPair(p, "subscriber:command=reauthenticate")
}

func calling(p *lr.Packet) { rfc2865.CallingStationID_SetString(p, laptop.Station()) }

func TestCoAReauthenticates(t *testing.T) {
	both(t, func(t *testing.T, e *edge) {
		e.server.vlan = "1"
		e.connect()
		e.Advance(5 * time.Second)
		before := e.connected("1")
		e.server.vlan = "750"
		e.server.send("10.0.1.1:3799", lr.CodeCoARequest, coa)
		e.Advance(3 * time.Millisecond)
		if c := e.clients(); len(c) != 1 || c[0].State != fakeap.Authorized || c[0].VLAN != "1" {
			t.Errorf("clients %+v: the old authorization must stay until the result", c)
		}
		e.Advance(5 * time.Second)
		after := e.connected("750")
		if before.SessionID != after.SessionID {
			t.Error("the re-authentication has begun a new session")
		}
		e.must(1, "das", "request=CoA-Request", "result=ack")
		e.must(1, "port", "state=authorized", "vlan=750", "reason=re-authenticated")
		if got := e.server.reports(); !slices.Equal(got, []rfc2866.AcctStatusType{7, 1}) {
			t.Errorf("accounting %v, want no new session", got)
		}
	})
}

// A server that is quick with its CoA-Request finds the session although the 4-way handshake is not over.
func TestCoADuringHandshake(t *testing.T) {
	e := wireless(t)
	e.server.vlan = "1"
	e.server.decide = func(*lr.Packet) bool {
		if e.server.vlan == "1" {
			e.server.vlan = "750"
			e.server.h.Go("coa", func() {
				e.server.h.Sleep(2 * time.Millisecond)
				e.server.send("10.0.1.1:3799", lr.CodeCoARequest, coa)
			})
		}
		return true
	}
	e.connect()
	e.Advance(5 * time.Second)
	e.must(1, "das", "result=ack")
	e.connected("750")
}

func TestDisconnectRequest(t *testing.T) {
	both(t, func(t *testing.T, e *edge) {
		e.connect()
		e.Advance(5 * time.Second)
		e.connected("750")
		e.server.vlan = "1"
		e.server.send("10.0.1.1:3799", lr.CodeDisconnectRequest, calling)
		e.Advance(10 * time.Second)
		e.must(1, "port", "state=unauthorized", "reason=Disconnect-Request")
		stop := e.server.last(rfc2866.AcctStatusType_Value_Stop)
		if cause := rfc2866.AcctTerminateCause_Get(stop); cause != rfc2866.AcctTerminateCause_Value_AdminReset {
			t.Errorf("Acct-Terminate-Cause %v, want Admin-Reset", cause)
		}
		if n := rfc2866.AcctSessionTime_Get(stop); n != 4 {
			t.Errorf("Acct-Session-Time %d, want 4", n)
		}
		e.connected("1") // it has come back by itself
	})
}

func TestAnswerCoA(t *testing.T) {
	e := wireless(t)
	e.connect()
	e.Advance(time.Second)
	e.ap.AnswerCoA(503, 1)
	for range 2 {
		e.server.send("10.0.1.1:3799", lr.CodeCoARequest, coa)
		e.Advance(time.Second)
	}
	e.must(1, "das", "result=nak", "error_cause=503")
	e.must(1, "das", "result=ack")
}

// "You need to be running firmware version 0.14 or later" (guide to the Intune integration): below, there is
// nobody to take a CoA-Request.
func TestOldFirmware(t *testing.T) {
	e := wireless(t)
	e.nas.crash()
	e.startAP(func(c *fakeap.APConfig) { c.Firmware = "0.12.27139" })
	e.connect()
	e.Advance(5 * time.Second)
	e.connected("750")
	reply := e.server.send("10.0.1.1:3799", lr.CodeCoARequest, coa)
	e.Advance(time.Second)
	e.must(0, "das")
	if len(reply.items) != 0 {
		t.Error("CoA-Request is answered")
	}
}

func TestReject(t *testing.T) {
	both(t, func(t *testing.T, e *edge) {
		e.server.decide = func(*lr.Packet) bool { return false }
		e.connect()
		e.Advance(10 * time.Second)
		if s := e.station.State(); s != supplicant.Failed {
			t.Errorf("station is %s, want failed", s)
		}
		e.must(1, "supplicant", "state=failed")
		if e.ap != nil {
			e.must(1, "port", "state=unauthorized", "reason=Access-Reject")
		} else {
			e.must(1, "port", "state=held", "reason=Access-Reject")
		}
		e.Advance(time.Hour)
		e.must(3, "supplicant", "state=failed")
		e.must(1, "supplicant", "state=failed", "giving up")
		if n := len(e.server.reports()); n != 1 {
			t.Errorf("%d accounting records, want only Accounting-On", n)
		}
	})
}

func TestRejectOfLiveSession(t *testing.T) {
	both(t, func(t *testing.T, e *edge) {
		e.connect()
		e.Advance(5 * time.Second)
		e.connected("750")
		e.server.decide = func(*lr.Packet) bool { return false }
		e.server.send("10.0.1.1:3799", lr.CodeCoARequest, coa)
		e.Advance(5 * time.Second)
		stop := e.server.last(rfc2866.AcctStatusType_Value_Stop)
		if cause := rfc2866.AcctTerminateCause_Get(stop); cause != 20 {
			t.Errorf("Acct-Terminate-Cause %v, want Reauthentication-Failure (20)", cause)
		}
		for _, c := range e.clients() {
			if c.VLAN != "" {
				t.Errorf("client %+v is still in a VLAN", c)
			}
		}
	})
}

// A PMK that differs from the station's must not let it in, and nothing but the MIC may tell.
func TestWrongKeyFailsHandshake(t *testing.T) {
	e := wireless(t)
	e.server.corruptKey = true
	e.connect()
	e.Advance(6 * time.Second)
	e.must(0, "port", "state=authorized")
	if e.count("port", "state=unauthorized", "4-way handshake") == 0 || e.count("supplicant", "deauthenticated: 4-way handshake timeout") == 0 {
		t.Error("the handshake has not failed with reason 15")
	}
}

func TestServerCertificate(t *testing.T) {
	tests := []struct {
		name   string
		change func(e *edge, c *supplicant.Config)
		reason string
	}{
		{"foreign authority", func(e *edge, c *supplicant.Config) { c.RootCAs = newAuthority(e.t, "foreign").pool() }, "server certificate refused: x509: certificate signed by unknown authority"},
		{"no authority", func(_ *edge, c *supplicant.Config) { c.RootCAs = nil }, "server certificate refused"},
		{"other name", func(_ *edge, c *supplicant.Config) { c.ServerName = "radius.evil.example" }, "server certificate refused: x509: certificate is valid for radius.corp.example"},
		{"any name, foreign authority", func(e *edge, c *supplicant.Config) {
			c.ServerName, c.RootCAs = "", newAuthority(e.t, "foreign").pool()
		}, "server certificate refused"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			e := wireless(t)
			e.startStation(func(c *supplicant.Config) { tt.change(e, c) })
			e.connect()
			e.Advance(10 * time.Second)
			e.must(1, "supplicant", "state=failed", tt.reason)
		})
	}
	t.Run("any name", func(t *testing.T) {
		e := wireless(t)
		e.startStation(func(c *supplicant.Config) { c.ServerName = "" })
		e.connect()
		e.Advance(10 * time.Second)
		e.connected("750")
	})
}

func TestClientCertificate(t *testing.T) {
	past := time.Date(2025, 1, 1, 0, 0, 0, 0, time.UTC)
	tests := []struct {
		name, reason string
		certificate  func(*edge) tls.Certificate
	}{
		{"expired", "expired certificate", func(e *edge) tls.Certificate { return e.ca.issue(e.t, "L", x509.ExtKeyUsageClientAuth, past) }},
		{"foreign", "unknown certificate authority", func(e *edge) tls.Certificate {
			return newAuthority(e.t, "foreign").issue(e.t, "L", x509.ExtKeyUsageClientAuth, future)
		}},
		{"none", "server sent TLS alert", func(*edge) tls.Certificate { return tls.Certificate{} }},
	}
	for _, version := range []uint16{tls.VersionTLS12, tls.VersionTLS13} {
		for _, tt := range tests {
			t.Run(tt.name+" "+tls.VersionName(version), func(t *testing.T) {
				e := wired(t)
				e.startStation(func(c *supplicant.Config) { c.Certificate, c.MaxTLS, c.MinTLS = tt.certificate(e), version, version })
				e.connect()
				e.Advance(10 * time.Second)
				e.must(1, "supplicant", "state=failed", tt.reason)
			})
		}
	}
}

// RFC 3748 section 5.3.1: a method that is not wanted is refused with the one that is.
func TestNAK(t *testing.T) {
	e := wired(t)
	e.server.method = eap.TypeMD5
	e.connect()
	e.Advance(5 * time.Second)
	if len(e.server.requests) < 2 {
		t.Fatal("no answer to MD5-Challenge")
	}
	b, _ := radius.EAPMessage(e.server.requests[1].Attributes)
	p, err := eap.Parse(b)
	if err != nil || p.Type != eap.TypeLegacyNAK || !slices.Equal(p.Data, []byte{byte(eap.TypeTLS)}) {
		t.Errorf("answer %v %v, want a NAK that names EAP-TLS", p, err)
	}
}

func TestServerSilent(t *testing.T) {
	both(t, func(t *testing.T, e *edge) {
		e.server.silent = true
		e.connect()
		e.Advance(29 * time.Second)
		sent := 0
		for _, p := range e.seen {
			if p.to == authAddr {
				sent++
			}
		}
		if sent != 4 { // at 0, 2, 6 and 14 seconds (RFC 5080 section 2.2.1)
			t.Errorf("%d transmissions, want 4", sent)
		}
		e.Advance(10 * time.Second)
		if e.count("port", "reason=RADIUS server does not answer") != 1 {
			t.Error("the NAS has not given up")
		}
		e.server.silent = false
		e.Advance(5 * time.Minute)
		e.connected("750")
	})
}

func TestLossAndDuplication(t *testing.T) {
	both(t, func(t *testing.T, e *edge) {
		n := 0
		e.filter = func(packet) int {
			n++
			return [...]int{1, 1, 2, 1, 0, 1, 1, 3, 1, 1, 1}[n%11]
		}
		e.connect()
		e.Advance(10 * time.Minute)
		e.connected("750")
		e.server.vlan = "1"
		for range 3 {
			e.server.send("10.0.1.1:3799", lr.CodeCoARequest, coa)
			e.Advance(10 * time.Minute)
		}
		e.connected("1")
	})
}

func TestNASReboots(t *testing.T) {
	both(t, func(t *testing.T, e *edge) {
		e.connect()
		e.Advance(5 * time.Second)
		e.connected("750")
		e.nas.crash()
		e.Advance(10 * time.Minute)
		if e.ap != nil {
			e.startAP(nil)
		} else {
			e.startSwitch(nil)
		}
		e.Advance(time.Minute)
		e.connected("750")
		if got := e.server.reports(); !slices.Equal(got, []rfc2866.AcctStatusType{7, 1, 7, 1}) {
			t.Errorf("accounting %v, want On, Start, On, Start", got)
		}
	})
}

// A station that has not heard the Deauthentication of an access point that rebooted learns it from the answer
// to its next frame.
func TestClass3Frame(t *testing.T) {
	e := wireless(t)
	e.connect()
	e.Advance(5 * time.Second)
	e.nas.crash()
	e.filter = func(packet) int { return 0 }
	e.startAP(nil)
	e.Advance(time.Second)
	e.filter = nil
	if s := e.station.State(); s != supplicant.Connected {
		t.Fatalf("station is %s, want it to believe itself connected", s)
	}
	port, err := e.machine("spoofer", "").Attach(e.link.Medium, laptop.Hardware())
	if err != nil {
		t.Fatal(err)
	}
	port.WriteFrame(dot11.NewEAPOLToDS(laptop, bssid, []byte{2, 1, 0, 0}))
	e.Advance(10 * time.Second)
	e.must(1, "supplicant", "class 3 frame")
	e.connected("750")
}

func TestUnplug(t *testing.T) {
	both(t, func(t *testing.T, e *edge) {
		e.connect()
		e.Advance(61 * time.Second)
		e.connected("750")
		e.station.Disconnect()
		e.Advance(5 * time.Second)
		stop := e.server.last(rfc2866.AcctStatusType_Value_Stop)
		want := rfc2866.AcctTerminateCause_Value_LostCarrier
		if e.ap != nil {
			want = rfc2866.AcctTerminateCause_Value_UserRequest
		}
		if cause := rfc2866.AcctTerminateCause_Get(stop); cause != want {
			t.Errorf("Acct-Terminate-Cause %v, want %v", cause, want)
		}
		if n := rfc2866.AcctSessionTime_Get(stop); n != 60 || rfc2866.AcctInputOctets_Get(stop) == 0 || rfc2866.AcctOutputPackets_Get(stop) == 0 {
			t.Errorf("Acct-Session-Time %d and counters do not look like a minute", n)
		}
		if len(e.clients()) != 0 || e.station.State() != supplicant.Disconnected {
			t.Errorf("clients %+v after the station has left", e.clients())
		}
		e.connect()
		e.Advance(5 * time.Second)
		e.connected("750")
	})
}

func TestTimeouts(t *testing.T) {
	both(t, func(t *testing.T, e *edge) {
		e.server.decide = func(p *lr.Packet) bool {
			rfc2865.SessionTimeout_Set(p, 3600)
			rfc2865.TerminationAction_Set(p, rfc2865.TerminationAction_Value_RADIUSRequest)
			rfc2869.AcctInterimInterval_Set(p, 600)
			return true
		}
		e.connect()
		e.Advance(3*time.Hour + time.Minute)
		e.connected("750")
		e.must(3, "port", "reason=re-authenticated")
		if n := len(e.server.reports()); n != 2+18 {
			t.Errorf("%d accounting records in three hours, want On, Start and 18 interim updates", n)
		}
		// Without Termination-Action the session ends; the client comes back by itself.
		e.server.decide = func(p *lr.Packet) bool { rfc2865.SessionTimeout_Set(p, 3600); return true }
		e.Advance(2*time.Hour + time.Minute)
		stop := e.server.last(rfc2866.AcctStatusType_Value_Stop)
		if cause := rfc2866.AcctTerminateCause_Get(stop); cause != rfc2866.AcctTerminateCause_Value_SessionTimeout {
			t.Errorf("Acct-Terminate-Cause %v, want Session-Timeout", cause)
		}
		e.connected("750")
	})
}

func TestDefaultVLAN(t *testing.T) {
	e := wireless(t)
	e.server.vlan = ""
	e.connect()
	e.Advance(5 * time.Second)
	e.connected("999")
}

// RFC 2866 section 5.2: each retransmission states its age and has an identifier of its own.
func TestAccountingDelay(t *testing.T) {
	e := wired(t)
	e.connect()
	lost := 0
	e.filter = func(p packet) int {
		if p.to == acctAddr && lost < 2 {
			lost++
			return 0
		}
		return 1
	}
	e.Advance(10 * time.Second)
	start := e.server.last(rfc2866.AcctStatusType_Value_AccountingOn)
	if d := rfc2866.AcctDelayTime_Get(start); d != 6 && d != 2 {
		t.Errorf("Acct-Delay-Time %d, want that of the retransmission", d)
	}
}

func TestReplyFromStranger(t *testing.T) {
	e := wired(t)
	e.server.silent = true
	e.connect()
	e.Advance(time.Second)
	// Whoever guesses the port but not the secret gets nowhere.
	stranger, err := e.machine("stranger", "10.0.0.66").ListenPacket(authAddr)
	if err == nil {
		t.Fatal("the test world lets two sockets have one address")
	}
	stranger, err = e.machine("stranger", "10.0.0.66").ListenPacket(netip.MustParseAddrPort("10.0.0.66:1812"))
	if err != nil {
		t.Fatal(err)
	}
	forged := make([]byte, 20)
	forged[0], forged[3] = 2, 20
	stranger.WriteTo(forged, netip.MustParseAddrPort("10.0.1.1:50002"))
	e.server.conns[0].WriteTo(forged, netip.MustParseAddrPort("10.0.1.1:50002"))
	e.Advance(time.Second)
	e.must(1, "drop", "reply from a stranger")
	e.must(1, "drop", "wrong Response Authenticator")
	e.must(0, "port", "state=authorized")
}
