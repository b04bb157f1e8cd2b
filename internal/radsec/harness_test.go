package radsec

import (
	"crypto/tls"
	"net"
	"testing"
	"time"

	"nacsim/internal/eap/eaptest"
	"nacsim/internal/host/testhost"
	"nacsim/internal/radius"

	lr "layeh.com/radius"
)

// A pair is a NAS and a server with a connection between them.
type pair struct {
	t              *testing.T
	ca             *eaptest.CA
	world          *testhost.World
	nas, nac       *testhost.Machine
	client, server *Conn
	ends           [2]error // of Serve, by client and server
	handshakes     [2]error
	wires          [2]net.Conn
	settings       [2]Settings
	handlers       [2]Handler
}

const (
	clientEnd = iota
	serverEnd
)

func newPair(t *testing.T) *pair {
	w := testhost.New(t)
	p := &pair{t: t, ca: eaptest.NewCA(t, "corp"), world: w, nas: w.Machine("ap-1", "10.0.1.1"), nac: w.Machine("nac", "10.0.0.1")}
	p.settings[clientEnd] = Settings{TLS: eaptest.ClientTLS(p.ca, 0, p.ca.Issue("ap-1")), Watchdog: -1}
	p.settings[serverEnd] = Settings{TLS: eaptest.ServerTLS(p.ca)}
	p.handlers[clientEnd] = func([]byte, func([]byte)) error { return nil }
	p.handlers[serverEnd] = func(request []byte, reply func([]byte)) error {
		reply(accept(p.t, request))
		return nil
	}
	return p
}

// connect dials, shakes hands and serves on both ends.
func (p *pair) connect() {
	p.t.Helper()
	l, err := p.nac.Listen(netAddr("10.0.0.1:2083"))
	if err != nil {
		p.t.Fatal(err)
	}
	p.nac.Go("accept", func() {
		p.wires[serverEnd], _ = l.Accept()
		p.server, p.handshakes[serverEnd] = Server(p.nac, "radsec/1", p.wires[serverEnd], p.settings[serverEnd])
		if p.server != nil {
			p.ends[serverEnd] = p.server.Serve(p.handlers[serverEnd])
		}
	})
	p.nas.Go("dial", func() {
		p.wires[clientEnd], _ = p.nas.Dial("nac:2083", time.Second)
		p.client, p.handshakes[clientEnd] = Client(p.nas, "radsec/1", p.wires[clientEnd], p.settings[clientEnd])
		if p.client != nil {
			p.ends[clientEnd] = p.client.Serve(p.handlers[clientEnd])
		}
	})
	p.world.Advance(time.Second)
}

func (p *pair) connected() {
	p.t.Helper()
	p.connect()
	if p.client == nil || p.server == nil {
		p.t.Fatalf("handshakes failed: %v", p.handshakes)
	}
}

// access is an Access-Request without attributes.
func (p *pair) access() *lr.Packet { return p.request(lr.CodeAccessRequest) }

func (p *pair) request(code lr.Code) *lr.Packet {
	r, err := radius.NewRequest(code, 0, []byte(Secret), p.nas.Rand("test"))
	if err != nil {
		p.t.Fatal(err)
	}
	return r
}

// accept answers any request with the code that says yes.
func accept(t *testing.T, request []byte, change ...func(reply, request *lr.Packet)) []byte {
	r, err := radius.ParseRequest(request, []byte(Secret), false)
	if err != nil {
		t.Errorf("request %x: %v", request, err)
		return nil
	}
	code := lr.CodeAccessAccept
	switch r.Code {
	case lr.CodeAccountingRequest:
		code = lr.CodeAccountingResponse
	case lr.CodeCoARequest:
		code = lr.CodeCoAACK
	}
	reply := radius.NewReply(r, code)
	for _, f := range change {
		f(reply, r)
	}
	b, err := radius.EncodeReply(reply)
	if err != nil {
		t.Error(err)
	}
	return b
}

func eachVersion(t *testing.T, f func(t *testing.T, p *pair)) {
	for _, v := range []struct {
		name     string
		tls      uint16
		versions Versions
		want     string
	}{{"TLS 1.2", tls.VersionTLS12, Allow11, "1.0"}, {"TLS 1.3", tls.VersionTLS13, Forbid11, "1.0"}, {"RADIUS 1.1", tls.VersionTLS13, Require11, "1.1"}} {
		t.Run(v.name, func(t *testing.T) {
			p := newPair(t)
			for i := range p.settings {
				p.settings[i].Versions = v.versions
				p.settings[i].TLS.MinVersion, p.settings[i].TLS.MaxVersion = v.tls, v.tls
			}
			f(t, p)
			if p.client.Version() != v.want || p.server.Version() != v.want || p.server.TLSVersion() != v.tls {
				t.Errorf("RADIUS/%s and RADIUS/%s over %s, want %s", p.client.Version(), p.server.Version(), tls.VersionName(p.server.TLSVersion()), v.want)
			}
		})
	}
}
