package fakeap_test

import (
	"crypto/tls"
	"crypto/x509"
	"testing"
	"time"

	"nacsim/internal/eap"
)

// BenchmarkOnboarding is one wireless EAP-TLS authentication with association, RADIUS and 4-way handshake, both
// ends; BenchmarkHandshake is the TLS handshake in it alone. The difference is the cost of this package, of the
// test's world and of its server.
func BenchmarkOnboarding(b *testing.B) {
	e := wireless(b)
	e.connect()
	e.Advance(time.Minute)
	for b.Loop() {
		e.seen, e.Lines = nil, nil
		e.server.requests, e.server.accounting = nil, nil
		e.station.Disconnect()
		e.connect()
		e.Advance(time.Minute)
		if len(e.clients()) != 1 {
			b.Fatal("not connected")
		}
	}
}

func BenchmarkHandshake(b *testing.B) {
	e := wireless(b)
	certificate := e.ca.issue(b, "LAPTOP-1", x509.ExtKeyUsageClientAuth, future)
	client := &tls.Config{RootCAs: e.ca.pool(), ServerName: "radius.corp.example", Certificates: []tls.Certificate{certificate}, Time: e.nas.Now}
	for b.Loop() {
		c, s := eap.NewTLSClient(client), eap.NewTLSServer(e.nas.TLS("", e.server.config))
		out, err := c.Step(nil)
		for err == nil && len(out) > 0 {
			if out, err = s.Step(out); err == nil {
				out, err = c.Step(out)
			}
		}
		if !c.Done() || !s.Done() {
			b.Fatal(err)
		}
		c.Close()
		s.Close()
	}
}
