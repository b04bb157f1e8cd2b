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

	"nacsim/fakeap"
	"nacsim/fakeap/supplicant"
	"nacsim/internal/host"
	"nacsim/internal/radius"
	"nacsim/internal/radsec"
)

// tunnelled is an access point that reaches its server by RadSec.
type tunnelled struct {
	*edge
	versions radsec.Versions
	conns    []*radsec.Conn // that the server has, or had
	mute     bool           // the server answers nothing
}

func newTunnelled(t testing.TB, change func(*fakeap.APConfig)) *tunnelled {
	t.Helper()
	e := &tunnelled{edge: newEdge(t)}
	e.startAP(func(c *fakeap.APConfig) {
		c.RADIUS = fakeap.RADIUSConfig{RadSec: &fakeap.RadSecConfig{Server: "nac", TLS: &tls.Config{
			ServerName: "radius.corp.example", RootCAs: e.ca.pool(),
			Certificates: []tls.Certificate{e.ca.issue(t, "ap-1", x509.ExtKeyUsageClientAuth, future)},
		}}}
		if change != nil {
			change(c)
		}
	})
	e.startStation(nil)
	e.link = supplicant.Link{Medium: host.Medium{Kind: host.Radio, Name: "corp"}, SSID: "corp", Name: "ap-1"}
	return e
}

// listen has the server take connections.
func (e *tunnelled) listen() {
	l, err := e.server.h.Listen(authAddr2083)
	if err != nil {
		e.t.Fatal(err)
	}
	e.server.h.Go("accept", func() {
		for {
			stream, err := l.Accept()
			if err != nil {
				return
			}
			e.server.h.Go("radsec", func() {
				conn, err := radsec.Server(e.server.h, "radsec", stream, radsec.Settings{TLS: e.server.config, Versions: e.versions})
				if err == nil {
					e.conns = append(e.conns, conn)
					_ = conn.Serve(e.answer)
				}
			})
		}
	})
}

var authAddr2083 = netip.MustParseAddrPort("10.0.0.1:2083")

func (e *tunnelled) answer(b []byte, reply func([]byte)) error {
	request, err := radius.ParseRequest(b, []byte(radsec.Secret), true)
	if err != nil {
		e.t.Errorf("server got a bad request: %v", err)
		return nil
	}
	if e.mute {
		return nil
	}
	p := radius.NewReply(request, lr.CodeAccessAccept)
	if request.Code != lr.CodeStatusServer {
		p = e.server.answer(request)
	}
	if p != nil {
		b, err := radius.EncodeReply(p)
		if err != nil {
			e.t.Error(err)
		}
		reply(b)
	}
	return nil
}

// ask has the server ask for a change of authorization on its last connection.
func (e *tunnelled) ask(code lr.Code) (reply *lr.Packet) {
	request, _ := radius.NewRequest(code, 0, []byte(radsec.Secret), nil)
	if calling(request); code == lr.CodeCoARequest {
		coa(request)
	}
	e.server.h.Do(func() {
		var err error
		if reply, err = e.conns[len(e.conns)-1].Exchange(request, e.Now().Add(time.Second)); err != nil {
			e.t.Error(err)
		}
	})
	return reply
}

// TestTunnel: access, accounting and changes of authorization share one connection, in both versions of RADIUS.
func TestTunnel(t *testing.T) {
	for _, versions := range []radsec.Versions{radsec.Forbid11, radsec.Require11} {
		e := newTunnelled(t, func(c *fakeap.APConfig) { c.RADIUS.RadSec.Versions = versions })
		e.versions = versions
		e.listen()
		e.connect()
		e.Advance(5 * time.Second)
		session := e.connected("750")
		e.server.vlan = "1"
		if reply := e.ask(lr.CodeCoARequest); reply.Code != lr.CodeCoAACK {
			t.Errorf("CoA-Request gets %v", reply.Code)
		}
		e.Advance(5 * time.Second)
		if e.connected("1").SessionID != session.SessionID {
			t.Error("the re-authentication has begun a new session")
		}
		if reply := e.ask(lr.CodeDisconnectRequest); reply.Code != lr.CodeDisconnectACK {
			t.Errorf("Disconnect-Request gets %v", reply.Code)
		}
		e.Advance(time.Second)
		if got, want := e.server.reports(), []rfc2866.AcctStatusType{7, 1, 2}; len(got) < 3 || !slices.Equal(got[:3], want) {
			t.Errorf("accounting %v, want Accounting-On, Start, Stop", got)
		}
		e.must(1, "radsec", "to=nac:2083", "state=open")
		e.must(0, "radsec", "state=closed")
		e.must(2, "das", "from=10.0.0.1:2083", "result=ack")
		if len(e.udp) != 2 || len(e.conns) != 1 {
			t.Errorf("sockets %v and %d connections: all is to go over one", e.udp, len(e.conns))
		}
	}
}

// TestTunnelBreaks: a request that was not answered on one connection is sent on the next (RFC 6613 section 2.6.1).
func TestTunnelBreaks(t *testing.T) {
	e := newTunnelled(t, nil)
	e.listen()
	e.Advance(time.Second)
	e.mute = true
	e.connect()
	e.Advance(time.Second)
	e.mute = false
	for range 2 {
		e.conns[len(e.conns)-1].Close(radsec.Closed)
		e.Advance(4 * time.Second)
	}
	e.connected("750")
	if n := len(e.conns); n != 3 {
		t.Errorf("%d connections, want 3", n)
	}
	e.must(2, "radsec", "state=closed", "reason=closed_by_peer")
	requests := 0
	for _, r := range e.server.requests {
		if rfc2865.State_Get(r) == nil {
			requests++
		}
	}
	if requests != 1 {
		t.Errorf("%d conversations, want 1", requests)
	}
}

// TestTunnelLate: a server that is not there yet is called ever more rarely, and a client gives up as over UDP.
func TestTunnelLate(t *testing.T) {
	e := newTunnelled(t, nil)
	e.connect()
	e.Advance(3 * time.Minute)
	if e.count("port", "state=unauthorized", "reason=RADIUS server does not answer") == 0 {
		t.Error("the client waits for ever")
	}
	if n := e.count("radsec", "state=failed", "connection refused"); n < 6 || n > 9 {
		t.Errorf("%d attempts to connect in 3 minutes", n)
	}
	e.listen()
	e.Advance(90 * time.Second)
	e.connect()
	e.Advance(5 * time.Second)
	e.connected("750")
}

// TestTunnelRefused: what the ends think of each other's certificates.
func TestTunnelRefused(t *testing.T) {
	other := newAuthority(t, "other")
	for name, change := range map[string]func(*tls.Config){
		"server of another CA":   func(c *tls.Config) { c.RootCAs = other.pool() },
		"server of another name": func(c *tls.Config) { c.ServerName = "else.example" },
		"NAS of another CA": func(c *tls.Config) {
			c.Certificates = []tls.Certificate{other.issue(t, "ap-1", x509.ExtKeyUsageClientAuth, future)}
		},
	} {
		t.Run(name, func(t *testing.T) {
			e := newTunnelled(t, func(c *fakeap.APConfig) { change(c.RADIUS.RadSec.TLS) })
			e.listen()
			e.Advance(10 * time.Second)
			if n := e.count("radsec", "state=closed") + e.count("radsec", "state=failed"); n < 2 || n > 5 {
				t.Errorf("%d attempts to connect in 10 s", n)
			}
		})
	}
}

// TestTunnelWithoutCoA: an access point without dynamic authorization says so (RFC 6614 section 2.5).
func TestTunnelWithoutCoA(t *testing.T) {
	e := newTunnelled(t, func(c *fakeap.APConfig) { c.Firmware = "0.12.1" })
	e.listen()
	e.connect()
	e.Advance(5 * time.Second)
	e.connected("750")
	reply := e.ask(lr.CodeCoARequest)
	if cause, _ := radius.GetErrorCause(reply.Attributes); reply.Code != lr.CodeCoANAK || cause != radius.UnsupportedExtension {
		t.Errorf("got %v with Error-Cause %v", reply.Code, cause)
	}
}

func TestRadSecConfig(t *testing.T) {
	cert := []tls.Certificate{{}}
	for _, c := range []fakeap.RadSecConfig{
		{}, {Server: "nac"}, {Server: "nac", TLS: &tls.Config{}}, {Server: ":2083", TLS: &tls.Config{Certificates: cert}},
	} {
		config := fakeap.APConfig{Settings: fakeap.Settings{RADIUS: fakeap.RADIUSConfig{RadSec: &c}}, BSSID: bssid, SSID: "corp"}
		if _, err := fakeap.StartAP(newWorld(t).machine("ap-1", "10.0.1.1"), config); err == nil {
			t.Errorf("%+v: no error", c)
		}
	}
}
