package fakeap_test

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"math/big"
	"net/netip"
	"slices"
	"testing"
	"time"

	lr "layeh.com/radius"
	"layeh.com/radius/rfc2865"
	"layeh.com/radius/rfc2866"

	"nacsim/internal/eap"
	"nacsim/internal/host"
	"nacsim/internal/radius"
)

var (
	secret   = []byte("testing123")
	authAddr = netip.MustParseAddrPort("10.0.0.1:1812")
	acctAddr = netip.MustParseAddrPort("10.0.0.1:1813")
)

// server is a RADIUS server with EAP-TLS, just enough for a NAS and a supplicant to be tested with.
type server struct {
	t      testing.TB
	h      *machine
	config *tls.Config
	conns  [2]host.PacketConn

	// vlan is assigned; decide may refuse or change an Access-Accept; corruptKey breaks MS-MPPE-Recv-Key.
	vlan       string
	decide     func(accept *lr.Packet) (ok bool)
	corruptKey bool
	// method replaces EAP-TLS by another one, which the peer must refuse.
	method eap.Type
	silent bool
	// unknownMAC makes the server refuse every MAC address.
	unknownMAC bool

	conversations map[string]*serverConversation
	next          byte
	requests      []*lr.Packet // every Access-Request
	accounting    []*lr.Packet // every new Accounting-Request
}

type serverConversation struct {
	id     byte
	tls    *eap.TLS
	framer *eap.Framer
	sent0  bool // TLS 1.3 success indication
	failed bool
}

// newServer starts the server on a machine at 10.0.0.1.
func newServer(w *world, config *tls.Config) *server {
	s := &server{t: w.t, h: w.machine("nac", "10.0.0.1"), config: config, vlan: "750", conversations: map[string]*serverConversation{}}
	for i, at := range []netip.AddrPort{authAddr, acctAddr} {
		conn, err := s.h.ListenPacket(at)
		if err != nil {
			w.t.Fatal(err)
		}
		s.conns[i] = conn
		s.h.Go("server", func() { s.serve(conn) })
	}
	return s
}

func (s *server) serve(conn host.PacketConn) {
	buf := make([]byte, radius.MaxLength)
	for {
		n, from, err := conn.ReadFrom(buf, time.Time{})
		if err != nil {
			return
		}
		request, err := radius.ParseRequest(buf[:n], secret, true)
		if err != nil {
			s.t.Errorf("server got a bad request: %v", err)
			continue
		}
		if s.silent {
			continue
		}
		if reply := s.answer(request); reply != nil {
			b, err := radius.EncodeReply(reply)
			if err != nil {
				s.t.Errorf("reply: %v", err)
				continue
			}
			conn.WriteTo(b, from)
		}
	}
}

func (s *server) answer(request *lr.Packet) *lr.Packet {
	if request.Code == lr.CodeAccountingRequest {
		s.accounting = append(s.accounting, request)
		return radius.NewReply(request, lr.CodeAccountingResponse)
	}
	s.requests = append(s.requests, request)
	if rfc2865.ServiceType_Get(request) == rfc2865.ServiceType_Value_CallCheck {
		return s.byMAC(request)
	}
	b, _ := radius.EAPMessage(request.Attributes)
	p, err := eap.Parse(b)
	if err != nil {
		s.t.Errorf("server got bad EAP: %v", err)
		return nil
	}
	if p.Type == eap.TypeIdentity {
		s.next++
		framer := eap.NewFramer(1024)
		c := &serverConversation{id: p.ID, framer: framer, tls: eap.NewTLSServer(s.h.TLS("", s.config))}
		s.conversations[string(s.next)] = c
		if s.method != 0 {
			return s.challenge(request, c, string(s.next), s.method, make([]byte, 17))
		}
		return s.challenge(request, c, string(s.next), eap.TypeTLS, framer.Start())
	}
	state := string(rfc2865.State_Get(request))
	c := s.conversations[state]
	if c == nil || p.ID != c.id {
		return nil
	}
	if p.Type != eap.TypeTLS {
		return s.reject(request, c)
	}
	return s.tls(request, c, state, p.Data)
}

func (s *server) challenge(request *lr.Packet, c *serverConversation, state string, typ eap.Type, data []byte) *lr.Packet {
	c.id++
	reply := radius.NewReply(request, lr.CodeAccessChallenge)
	reply.Add(rfc2865.State_Type, lr.Attribute(state))
	radius.AddEAPMessage(reply, eap.Packet{Code: eap.Request, ID: c.id, Type: typ, Data: data}.Append(nil))
	return reply
}

func (s *server) reject(request *lr.Packet, c *serverConversation) *lr.Packet {
	c.tls.Close()
	reply := radius.NewReply(request, lr.CodeAccessReject)
	radius.AddEAPMessage(reply, eap.Packet{Code: eap.Failure, ID: c.id}.Append(nil))
	return reply
}

func (s *server) tls(request *lr.Packet, c *serverConversation, state string, data []byte) *lr.Packet {
	message, complete, err := c.framer.Receive(data)
	switch {
	case err != nil:
		s.t.Errorf("server got bad framing: %v", err)
		return nil
	case !complete:
		return s.challenge(request, c, state, eap.TypeTLS, c.framer.Ack())
	case c.framer.Pending():
		next, _ := c.framer.Next()
		return s.challenge(request, c, state, eap.TypeTLS, next)
	case c.failed:
		return s.reject(request, c)
	case len(message) == 0 && c.tls.Done():
		return s.accept(request, c)
	}
	out, err := c.tls.Step(message)
	c.failed = err != nil
	if c.tls.Done() && err == nil && !c.sent0 && c.tls.State().Version == tls.VersionTLS13 {
		c.sent0 = true
		zero, err := c.tls.WriteApp([]byte{0})
		if err != nil {
			s.t.Errorf("success indication: %v", err)
		}
		out = append(out, zero...)
	}
	if len(out) == 0 && c.failed {
		return s.reject(request, c)
	}
	c.framer.Send(out)
	next, _ := c.framer.Next()
	return s.challenge(request, c, state, eap.TypeTLS, next)
}

func (s *server) accept(request *lr.Packet, c *serverConversation) *lr.Packet {
	reply := radius.NewReply(request, lr.CodeAccessAccept)
	msk, _, err := c.tls.Keys(eap.TypeTLS)
	if err != nil {
		s.t.Errorf("keys: %v", err)
		return nil
	}
	if s.corruptKey {
		msk[5] ^= 1
	}
	radius.AddEAPMessage(reply, eap.Packet{Code: eap.Success, ID: c.id}.Append(nil))
	if err := radius.AddMPPEKeys(reply, msk, s.h.Rand("salt")); err != nil {
		s.t.Errorf("keys: %v", err)
	}
	reply.Add(rfc2865.Class_Type, lr.Attribute("class-1"))
	if s.vlan != "" {
		radius.SetVLAN(reply, 0, s.vlan)
	}
	if s.decide != nil && !s.decide(reply) {
		return s.reject(request, c)
	}
	c.tls.Close()
	return reply
}

// send makes the server a dynamic authorization client for one request and returns the socket it sent it from.
func (s *server) send(to string, code lr.Code, steps ...func(*lr.Packet)) *socket {
	s.next++
	p, err := radius.NewRequest(code, s.next, secret, nil)
	if err != nil {
		s.t.Fatal(err)
	}
	for _, step := range steps {
		step(p)
	}
	radius.SetEventTimestamp(p, s.h.Now())
	b, err := radius.EncodeRequest(p)
	if err != nil {
		s.t.Fatal(err)
	}
	conn, err := s.h.ListenPacket(netip.AddrPort{})
	if err != nil {
		s.t.Fatal(err)
	}
	conn.WriteTo(b, netip.MustParseAddrPort(to))
	return conn.(*socket)
}

// reports returns the accounting status types received in order.
func (s *server) reports() (list []rfc2866.AcctStatusType) {
	for _, p := range s.accounting {
		list = append(list, rfc2866.AcctStatusType_Get(p))
	}
	return list
}

// last returns the last accounting record of a type.
func (s *server) last(status rfc2866.AcctStatusType) *lr.Packet {
	for _, p := range slices.Backward(s.accounting) {
		if rfc2866.AcctStatusType_Get(p) == status {
			return p
		}
	}
	s.t.Fatalf("no accounting record of type %v", status)
	return nil
}

// authority is a certificate authority made for one test run.
type authority struct {
	certificate *x509.Certificate
	key         *ecdsa.PrivateKey
}

func newAuthority(t testing.TB, name string) *authority {
	t.Helper()
	a := &authority{key: newKey(t)}
	template := &x509.Certificate{
		SerialNumber: big.NewInt(1), Subject: pkix.Name{CommonName: name},
		NotBefore: time.Date(2020, 1, 1, 0, 0, 0, 0, time.UTC), NotAfter: time.Date(2040, 1, 1, 0, 0, 0, 0, time.UTC),
		IsCA: true, BasicConstraintsValid: true, KeyUsage: x509.KeyUsageCertSign,
	}
	der, err := x509.CreateCertificate(rand.Reader, template, template, a.key.Public(), a.key)
	if err != nil {
		t.Fatal(err)
	}
	if a.certificate, err = x509.ParseCertificate(der); err != nil {
		t.Fatal(err)
	}
	return a
}

func newKey(t testing.TB) *ecdsa.PrivateKey {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	return key
}

func (a *authority) pool() *x509.CertPool {
	p := x509.NewCertPool()
	p.AddCert(a.certificate)
	return p
}

func (a *authority) issue(t testing.TB, name string, usage x509.ExtKeyUsage, notAfter time.Time) tls.Certificate {
	t.Helper()
	key := newKey(t)
	der, err := x509.CreateCertificate(rand.Reader, &x509.Certificate{
		SerialNumber: big.NewInt(2), Subject: pkix.Name{CommonName: name}, DNSNames: []string{name},
		NotBefore: time.Date(2021, 1, 1, 0, 0, 0, 0, time.UTC), NotAfter: notAfter, ExtKeyUsage: []x509.ExtKeyUsage{usage},
	}, a.certificate, key.Public(), a.key)
	if err != nil {
		t.Fatal(err)
	}
	return tls.Certificate{Certificate: [][]byte{der}, PrivateKey: key}
}

var future = time.Date(2035, 1, 1, 0, 0, 0, 0, time.UTC)

func (a *authority) serverConfig(t testing.TB) *tls.Config {
	return &tls.Config{
		Certificates: []tls.Certificate{a.issue(t, "radius.corp.example", x509.ExtKeyUsageServerAuth, future)},
		ClientAuth:   tls.RequireAndVerifyClientCert,
		ClientCAs:    a.pool(),
	}
}
