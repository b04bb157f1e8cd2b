package radsec

import (
	"bytes"
	"crypto/tls"
	"errors"
	"fmt"
	"net"
	"net/netip"
	"slices"
	"strings"
	"testing"
	"time"

	"nacsim/internal/eap/eaptest"
	"nacsim/internal/host"
	"nacsim/internal/host/testhost"
	"nacsim/internal/radius"

	lr "layeh.com/radius"
	"layeh.com/radius/rfc2865"
	"layeh.com/radius/rfc2868"
	"layeh.com/radius/rfc2869"
)

func netAddr(s string) netip.AddrPort { return netip.MustParseAddrPort(s) }

// TestExchange: what is hidden in RADIUS/1.0 comes out the same at the other end in either version.
func TestExchange(t *testing.T) {
	eachVersion(t, func(t *testing.T, p *pair) {
		msk := bytes.Repeat([]byte("0123456789abcdef"), 4)
		var password string
		p.handlers[serverEnd] = func(request []byte, reply func([]byte)) error {
			reply(accept(t, request, func(a, r *lr.Packet) {
				password = rfc2865.UserPassword_GetString(r)
				if got := rfc2865.ProxyState_GetString(r); got != "p" {
					t.Errorf("Proxy-State %q", got)
				}
				if err := radius.AddMPPEKeys(a, msk, p.nac.Rand("keys")); err != nil {
					t.Error(err)
				}
				if err := rfc2868.TunnelPassword_AddString(a, 3, "tunnel"); err != nil {
					t.Error(err)
				}
			}))
			return nil
		}
		p.connected()
		p.nas.Do(func() {
			request := p.access()
			if err := first(rfc2865.UserPassword_SetString(request, "secret of 20 octets."), rfc2865.ProxyState_SetString(request, "p")); err != nil {
				t.Error(err)
			}
			reply, err := p.client.Exchange(request, p.nas.Now().Add(time.Second))
			if err != nil {
				t.Error(err)
				return
			}
			recv, send, err := radius.MPPEKeys(reply.Attributes, request)
			if err != nil || !bytes.Equal(append(recv, send...), msk) {
				t.Errorf("keys %x %x, %v", recv, send, err)
			}
			a := reply.Get(rfc2868.TunnelPassword_Type)
			tunnel, _, err := lr.TunnelPassword(lr.Attribute(a[1:]), []byte(Secret), request.Authenticator[:])
			if err != nil || a[0] != 3 || string(tunnel) != "tunnel" {
				t.Errorf("Tunnel-Password %q with tag %d, %v", tunnel, a[0], err)
			}
			if got := rfc2865.ProxyState_GetString(reply); got != "p" {
				t.Errorf("Proxy-State %q", got)
			}
			_, signed := reply.Lookup(rfc2869.MessageAuthenticator_Type)
			if signed == p.client.v11 {
				t.Errorf("reply of RADIUS/%s has Message-Authenticator: %t", p.client.Version(), signed)
			}
		})
		if password != "secret of 20 octets." {
			t.Errorf("password arrives as %q", password)
		}
		if !p.client.Answered() || p.server.Chain()[0].Subject.CommonName != "ap-1" || p.server.RemoteAddr().Addr() != p.nas.Addr() {
			t.Error("the ends do not know each other")
		}
	})
}

func first(errs ...error) error {
	for _, err := range errs {
		if err != nil {
			return err
		}
	}
	return nil
}

// TestOutOfOrder: replies may come in any order and later, and the server may ask in between (RFC 6614 section 2.5).
func TestOutOfOrder(t *testing.T) {
	eachVersion(t, func(t *testing.T, p *pair) {
		type waiting struct {
			request []byte
			reply   func([]byte)
		}
		var late []waiting
		p.handlers[serverEnd] = func(request []byte, reply func([]byte)) error {
			late = append(late, waiting{bytes.Clone(request), reply})
			return nil
		}
		p.handlers[clientEnd] = func(request []byte, reply func([]byte)) error {
			reply(accept(t, request))
			return nil
		}
		p.connected()
		var done []string
		for i := range 5 {
			p.nas.Go("ask", func() {
				request := p.access()
				name := fmt.Sprint(i)
				_ = rfc2865.UserName_SetString(request, name)
				reply, err := p.client.Exchange(request, time.Time{})
				if err != nil || rfc2865.UserName_GetString(reply) != name {
					t.Errorf("request %s: %v", name, err)
				}
				done = append(done, name)
			})
		}
		p.world.Advance(time.Second)
		p.nac.Do(func() {
			reply, err := p.server.Exchange(p.request(lr.CodeCoARequest), p.nac.Now().Add(time.Second))
			if err != nil || reply.Code != lr.CodeCoAACK {
				t.Errorf("CoA-Request: %v", err)
			}
		})
		slices.Reverse(late)
		for _, w := range late {
			w.reply(accept(t, w.request, func(a, r *lr.Packet) { _ = rfc2865.UserName_Set(a, rfc2865.UserName_Get(r)) }))
			p.world.Advance(time.Millisecond)
		}
		if got := strings.Join(done, ""); got != "43210" {
			t.Errorf("requests are answered in the order %s", got)
		}
	})
}

// TestIdentifiersRunOut: the 257th request waits for an identifier (RFC 6613 section 2.6.5).
func TestIdentifiersRunOut(t *testing.T) {
	p := newPair(t)
	p.settings[clientEnd].Versions = Forbid11
	var late []func()
	used := map[byte]bool{}
	p.handlers[serverEnd] = func(request []byte, reply func([]byte)) error {
		if used[request[1]] {
			t.Errorf("identifier %d is used twice", request[1])
		}
		used[request[1]] = true
		b := accept(t, request)
		late = append(late, func() { delete(used, b[1]); reply(b) })
		return nil
	}
	p.connected()
	answered := 0
	for range 300 {
		p.nas.Go("ask", func() {
			if _, err := p.client.Exchange(p.access(), time.Time{}); err != nil {
				t.Error(err)
			}
			answered++
		})
	}
	p.world.Advance(time.Second)
	if len(late) != maxCalls10 {
		t.Fatalf("%d requests are under way, want %d", len(late), maxCalls10)
	}
	for len(late) > 0 {
		late[0]()
		late = late[1:]
		p.world.Advance(time.Millisecond)
	}
	if answered != 300 {
		t.Errorf("%d requests are answered", answered)
	}
}

// TestTimeout: the reply to a request that was given up belongs to no other request.
func TestTimeout(t *testing.T) {
	p := newPair(t)
	p.settings[clientEnd].Versions = Forbid11
	var first func()
	p.handlers[serverEnd] = func(request []byte, reply func([]byte)) error {
		b := accept(t, request)
		if first == nil {
			first = func() { reply(b) }
			return nil
		}
		first()
		reply(b)
		return nil
	}
	p.connected()
	p.nas.Do(func() {
		if _, err := p.client.Exchange(p.access(), p.nas.Now().Add(time.Second)); !errors.Is(err, host.ErrTimeout) {
			t.Errorf("got %v, want a time-out", err)
		}
		p.client.calls.next = 0
		if _, err := p.client.Exchange(p.access(), p.nas.Now().Add(time.Second)); err != nil {
			t.Error(err)
		}
	})
	if p.ends[clientEnd] != nil || len(p.client.calls.pending) != 0 {
		t.Errorf("connection ended: %v; %d requests are pending", p.ends[clientEnd], len(p.client.calls.pending))
	}
}

// TestGivenUp: a peer that answers none of the requests that an Identifier can tell apart is as good as dead.
func TestGivenUp(t *testing.T) {
	p := newPair(t)
	p.settings[clientEnd].Versions = Forbid11
	p.handlers[serverEnd] = func([]byte, func([]byte)) error { return nil }
	p.connected()
	for range maxCalls10 {
		p.nas.Go("ask", func() { _, _ = p.client.Exchange(p.access(), p.nas.Now().Add(time.Second)) })
	}
	p.world.Advance(time.Minute)
	if ReasonOf(p.ends[clientEnd]) != Silent || ReasonOf(p.ends[serverEnd]) != ClosedByPeer {
		t.Errorf("ended with %v", p.ends)
	}
}

// TestEnd: those who wait learn of the end of the connection, whoever brought it about, and later requests too.
func TestEnd(t *testing.T) {
	for _, c := range []struct {
		name string
		end  func(p *pair)
		want Reason
	}{
		{"close", func(p *pair) { p.client.Close(Closed) }, Closed},
		{"close by the peer", func(p *pair) { p.server.Close(Closed) }, ClosedByPeer},
		{"crash of the peer", func(p *pair) { p.nac.Crash() }, ClosedByPeer},
		{"cut", func(p *pair) { p.wires[serverEnd].Close() }, ClosedByPeer},
	} {
		t.Run(c.name, func(t *testing.T) {
			p := newPair(t)
			p.handlers[serverEnd] = func([]byte, func([]byte)) error { return nil }
			p.connected()
			var errs []error
			for range 3 {
				p.nas.Go("ask", func() {
					_, err := p.client.Exchange(p.access(), time.Time{})
					errs = append(errs, err)
				})
			}
			p.world.Advance(time.Second)
			p.world.After(0, func() { c.end(p) })
			p.world.Advance(time.Second)
			p.nas.Do(func() {
				_, err := p.client.Exchange(p.access(), time.Time{})
				errs = append(errs, err)
			})
			for _, err := range append(errs, p.ends[clientEnd]) {
				if err == nil || ReasonOf(err) != c.want || errors.Is(err, host.ErrDown) && c.want != Closed {
					t.Errorf("got %v, want %s", err, c.want)
				}
			}
			if len(errs) != 4 {
				t.Errorf("%d requests have ended", len(errs))
			}
		})
	}
}

// TestMachineDown: tasks end with host.ErrDown.
func TestMachineDown(t *testing.T) {
	p := newPair(t)
	p.connected()
	p.nas.Crash()
	p.world.Advance(time.Second)
	if !errors.Is(p.ends[clientEnd], host.ErrDown) {
		t.Errorf("got %v", p.ends[clientEnd])
	}
}

// TestBrokenPackets: what RFC 6613 section 2.6.4 lists ends the connection, a code that nobody knows and a reply that
// nobody awaits do not.
func TestBrokenPackets(t *testing.T) {
	packet := func(code byte, length int, attributes ...byte) []byte {
		b := make([]byte, 20, 64)
		b[0], b[2], b[3] = code, byte(length>>8), byte(length)
		return append(b, attributes...)
	}
	for _, c := range []struct {
		name string
		b    []byte
		want Reason
	}{
		{"length 0", packet(2, 0), Malformed},
		{"length 19", packet(2, 19), Malformed},
		{"length 4097", packet(2, 4097), Malformed},
		{"length 65535", packet(2, 65535), Malformed},
		{"attribute of length 0", packet(2, 22, 1, 0), Malformed},
		{"attribute of length 1", packet(2, 22, 1, 1), Malformed},
		{"attribute beyond the end", packet(2, 23, 1, 4, 9), Malformed},
		{"half an attribute", packet(2, 21, 1), Malformed},
		{"HTTP", []byte("GET / HTTP/1.1\r\nHost: nac\r\n\r\n"), Malformed},
		{"reply with a wrong authenticator", packet(2, 20), BadAuthenticator},
		{"unknown code", packet(77, 20), ""},
		{"reply that is not awaited", append(packet(2, 20)[:1], append([]byte{9}, packet(2, 20)[2:]...)...), ""},
		{"reply of the wrong kind", packet(5, 20), ""},
	} {
		t.Run(c.name, func(t *testing.T) {
			p := newPair(t)
			p.settings[serverEnd].Versions = Forbid11
			p.handlers[serverEnd] = func([]byte, func([]byte)) error { return nil }
			p.connected()
			p.nas.Go("ask", func() { _, _ = p.client.Exchange(p.access(), time.Time{}) }) // Identifier 0
			p.world.Advance(time.Second)
			p.server.write(c.b)
			p.world.Advance(time.Second)
			if c.want == "" && p.ends[clientEnd] != nil || c.want != "" && ReasonOf(p.ends[clientEnd]) != c.want {
				t.Errorf("ended with %v, want %s", p.ends[clientEnd], c.want)
			}
		})
	}
}

// TestHandlerError: what the handler finds out ends the connection too.
func TestHandlerError(t *testing.T) {
	p := newPair(t)
	p.handlers[serverEnd] = func([]byte, func([]byte)) error { return &Error{BadAuthenticator, nil} }
	p.connected()
	p.nas.Do(func() {
		if _, err := p.client.Exchange(p.access(), time.Time{}); ReasonOf(err) != ClosedByPeer {
			t.Errorf("got %v", err)
		}
	})
	if ReasonOf(p.ends[serverEnd]) != BadAuthenticator {
		t.Errorf("ended with %v", p.ends[serverEnd])
	}
}

// TestHandshake: which ends come together, and with which version (RFC 6614 section 2.3, RFC 9765 section 3.3).
func TestHandshake(t *testing.T) {
	foreign := eaptest.NewCA(t, "foreign")
	for _, c := range []struct {
		name           string
		client, server func(p *pair, s *Settings)
		want           string // version, or "" for none
	}{
		{name: "defaults", want: "1.1"},
		{name: "client without 1.1", client: func(_ *pair, s *Settings) { s.Versions = Forbid11 }, want: "1.0"},
		{name: "server without 1.1", server: func(_ *pair, s *Settings) { s.Versions = Forbid11 }, want: "1.0"},
		{name: "server requires 1.1 of a client without", client: func(_ *pair, s *Settings) { s.Versions = Forbid11 }, server: func(_ *pair, s *Settings) { s.Versions = Require11 }},
		{name: "client requires 1.1 of a server without", client: func(_ *pair, s *Settings) { s.Versions = Require11 }, server: func(_ *pair, s *Settings) { s.Versions = Forbid11 }},
		{name: "1.1 needs TLS 1.3, client has 1.2", client: func(_ *pair, s *Settings) { s.TLS.MaxVersion = tls.VersionTLS12 }, want: "1.0"},
		{name: "1.1 needs TLS 1.3, server has 1.2", server: func(_ *pair, s *Settings) { s.TLS.MaxVersion = tls.VersionTLS12 }, want: "1.0"},
		{name: "client without a certificate", client: func(_ *pair, s *Settings) { s.TLS.Certificates = nil }},
		{name: "client of another CA", client: func(_ *pair, s *Settings) { s.TLS.Certificates = []tls.Certificate{foreign.Issue("ap-1")} }},
		{name: "server of another CA", server: func(_ *pair, s *Settings) {
			s.TLS.Certificates = []tls.Certificate{foreign.Issue("radius.corp.example")}
		}},
		{name: "server of another name", client: func(_ *pair, s *Settings) { s.TLS.ServerName = "other.example" }},
		{name: "server that asks for no certificate", client: func(_ *pair, s *Settings) { s.TLS.Certificates = nil }, server: func(_ *pair, s *Settings) { s.TLS.ClientAuth = tls.NoClientCert }},
	} {
		t.Run(c.name, func(t *testing.T) {
			p := newPair(t)
			if c.client != nil {
				c.client(p, &p.settings[clientEnd])
			}
			if c.server != nil {
				c.server(p, &p.settings[serverEnd])
			}
			p.connect()
			if c.want != "" {
				if p.client == nil || p.server == nil || p.client.Version() != c.want || p.server.Version() != c.want {
					t.Errorf("connections %v and %v, errors %v, want RADIUS/%s", p.client, p.server, p.handshakes, c.want)
				}
				return
			}
			// In TLS 1.3 a client may be done before the server refuses it.
			if p.server != nil && p.ends[serverEnd] == nil || p.client != nil && p.ends[clientEnd] == nil {
				t.Error("the connection works")
			}
			if p.server == nil && ReasonOf(p.handshakes[serverEnd]) != HandshakeFailed {
				t.Errorf("server's reason is %v", p.handshakes[serverEnd])
			}
		})
	}
}

// TestNoCAs: without CAs nobody may connect; crypto/tls would take the certificates of whoever the operating system trusts.
func TestNoCAs(t *testing.T) {
	p := newPair(t)
	p.settings[serverEnd].TLS.ClientCAs = nil
	if serverTLS(p.nac, "x", p.settings[serverEnd]).ClientCAs == nil {
		t.Error("the server trusts the CAs of the operating system")
	}
}

// TestHandshakeTimeout: a stranger who connects and says nothing does not stay.
func TestHandshakeTimeout(t *testing.T) {
	p := newPair(t)
	l, _ := p.nac.Listen(netAddr("10.0.0.1:2083"))
	p.nas.Do(func() { p.wires[clientEnd], _ = p.nas.Dial("nac:2083", time.Second) })
	p.nac.Do(func() {
		c, _ := l.Accept()
		start := p.nac.Now()
		_, err := Server(p.nac, "radsec/1", c, p.settings[serverEnd])
		if ReasonOf(err) != HandshakeFailed || !errors.Is(err, host.ErrTimeout) || p.nac.Now().Sub(start) != DefaultHandshakeTimeout {
			t.Errorf("got %v after %v", err, p.nac.Now().Sub(start))
		}
	})
	p.nas.Do(func() {
		if _, err := p.wires[clientEnd].Read(make([]byte, 1)); err == nil {
			t.Error("the stream is still open")
		}
	})
}

func TestIdle(t *testing.T) {
	p := newPair(t)
	p.settings[serverEnd].Idle = time.Minute
	p.connected()
	p.world.Advance(50 * time.Second)
	p.nas.Do(func() {
		if _, err := p.client.Exchange(p.access(), time.Time{}); err != nil {
			t.Error(err)
		}
	})
	p.world.Advance(59 * time.Second)
	if p.ends[serverEnd] != nil {
		t.Fatalf("ended early: %v", p.ends[serverEnd])
	}
	p.world.Advance(2 * time.Second)
	if ReasonOf(p.ends[serverEnd]) != Idle || ReasonOf(p.ends[clientEnd]) != ClosedByPeer {
		t.Errorf("ended with %v", p.ends)
	}
}

// TestIdleIsOfPackets: octets that make no packet are no sign of life.
func TestIdleIsOfPackets(t *testing.T) {
	p := newPair(t)
	p.settings[serverEnd].Idle = time.Minute
	p.connected()
	for range 100 {
		p.client.write([]byte{1})
		p.world.Advance(time.Second)
	}
	if p.ends[serverEnd] == nil {
		t.Error("the connection lives")
	}
}

// TestWatchdog: RFC 3539 section 3.4.1 with the Status-Server of RFC 5997.
func TestWatchdog(t *testing.T) {
	p := newPair(t)
	p.settings[clientEnd].Watchdog = 30 * time.Second
	probes, answer := 0, true
	p.handlers[serverEnd] = func(request []byte, reply func([]byte)) error {
		if lr.Code(request[0]) == lr.CodeStatusServer {
			probes++
		}
		if answer {
			reply(accept(t, request))
		}
		return nil
	}
	p.connected()
	p.world.Advance(10 * time.Minute)
	if p.ends[clientEnd] != nil || probes < 17 || probes > 21 || !p.client.Answered() {
		t.Fatalf("%d probes in 10 minutes, ended with %v", probes, p.ends[clientEnd])
	}
	answer, probes = false, 0
	p.world.Advance(2 * time.Minute)
	if ReasonOf(p.ends[clientEnd]) != Silent || probes != 1 {
		t.Errorf("after %d probes ended with %v", probes, p.ends[clientEnd])
	}
}

// A wall is a stream that takes nothing.
type wall struct {
	net.Conn
	h        host.Host
	deadline time.Time
}

func (w *wall) SetWriteDeadline(t time.Time) error { w.deadline = t; return nil }
func (w *wall) Write([]byte) (int, error)          { return 0, w.h.NewSignal().Wait(w.deadline) }

// TestSlowReader: a peer that does not read costs a bounded amount of memory and time.
func TestSlowReader(t *testing.T) {
	for _, c := range []struct {
		name    string
		packets int
	}{{"too much waits", 10}, {"too long", 1}} {
		t.Run(c.name, func(t *testing.T) {
			p := newPair(t)
			p.settings[serverEnd].Queue, p.settings[serverEnd].WriteTimeout = 4096, time.Minute
			p.connected()
			p.server.out.Conn = &wall{p.server.out.Conn, p.nac, time.Time{}}
			start := p.nac.Now()
			for range c.packets {
				p.server.write(make([]byte, 1000))
			}
			p.world.Advance(2 * time.Minute)
			if ReasonOf(p.ends[serverEnd]) != Slow {
				t.Errorf("after %v ended with %v", p.nac.Now().Sub(start), p.ends[serverEnd])
			}
		})
	}
}

// A slow stream takes a second for what it is given to send.
type slowStream struct {
	net.Conn
	h    host.Host
	sent []byte
}

func (s *slowStream) Write(b []byte) (int, error) {
	_ = s.h.Sleep(time.Second)
	s.sent = append(s.sent, b...)
	return len(b), nil
}
func (s *slowStream) SetWriteDeadline(time.Time) error { return nil }
func (s *slowStream) Close() error                     { return nil }

// TestOutbox: what is written while something is being sent does not touch it.
func TestOutbox(t *testing.T) {
	m := testhost.New(t).Machine("nac", "10.0.0.1")
	s := &slowStream{h: m}
	o := newOutbox(m, s, Settings{Queue: 1000, WriteTimeout: time.Minute})
	want := ""
	for i := range 20 {
		m.Advance(time.Duration(i%4) * 700 * time.Millisecond)
		text := fmt.Sprintf("<%d>", i)
		want += text
		if _, err := o.Write([]byte(text)); err != nil {
			t.Fatal(err)
		}
	}
	o.Close()
	m.Advance(time.Minute)
	if string(s.sent) != want {
		t.Errorf("sent %s, want %s", s.sent, want)
	}
}

func TestSettings(t *testing.T) {
	for _, s := range []Settings{{}, {TLS: &tls.Config{MaxVersion: tls.VersionTLS12}, Versions: Require11}} {
		if _, err := s.withDefaults(); err == nil {
			t.Errorf("%+v: no error", s)
		}
	}
	if err := error(&Error{Malformed, errors.New("x")}); err.Error() != "radsec: connection ended: malformed: x" {
		t.Errorf("error reads %q", err)
	}
}
