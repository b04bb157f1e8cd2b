package eappeer

import (
	"crypto/tls"
	"testing"
	"time"

	"nacsim/internal/eap"
	"nacsim/internal/eap/eaptest"
)

// BenchmarkPeer is a full EAP-TLS authentication, and what of it is the peer's: making it, and the handshake's half.
// BenchmarkClient is the half of crypto/tls alone.
func BenchmarkPeer(b *testing.B) {
	for _, version := range versions {
		b.Run(tls.VersionName(version), func(b *testing.B) {
			ca := eaptest.NewCA(b, "Contoso Root CA")
			server := eaptest.ServerTLS(ca)
			cfg := Config{Identity: "host/LAPTOP-1", RootCAs: ca.Pool(), ServerName: "radius.corp.example", Certificate: ca.Issue("LAPTOP-1"), MinTLS: version, MaxTLS: version}
			b.ReportAllocs()
			var own time.Duration
			for b.Loop() {
				began := time.Now()
				p, err := New(cfg, nil)
				if err != nil {
					b.Fatal(err)
				}
				own += time.Since(began)
				s := &half{tls: eap.NewTLSServer(server), framer: eap.NewFramer(1398)}
				own += s.handshake(b, p)
				s.tls.Close()
				p.Close()
			}
			b.ReportMetric(float64(own.Microseconds())/float64(b.N), "peer-us/op")
		})
	}
}

// half is the server of a benchmark.
type half struct {
	tls    *eap.TLS
	framer *eap.Framer
}

func (s *half) handshake(b *testing.B, p *Peer) (own time.Duration) {
	data := s.framer.Start()
	for id := uint8(2); ; id++ {
		packet := request(id, eap.TypeTLS, string(data))
		began := time.Now()
		a := p.Receive(eaptest.Now, packet)
		own += time.Since(began)
		q, err := eap.Parse(a.Response)
		if err != nil {
			b.Fatal(err)
		}
		message, complete, err := s.framer.Receive(q.Data)
		switch {
		case err != nil:
			b.Fatal(err)
		case !complete:
			data = s.framer.Ack()
			continue
		case !s.framer.Pending():
			out, err := s.tls.Step(message)
			if err != nil {
				b.Fatal(err)
			}
			if len(out) == 0 {
				return own
			}
			s.framer.Send(out)
		}
		data, _ = s.framer.Next()
	}
}

// BenchmarkClient is crypto/tls without EAP.
func BenchmarkClient(b *testing.B) {
	for _, version := range versions {
		b.Run(tls.VersionName(version), func(b *testing.B) {
			ca := eaptest.NewCA(b, "Contoso Root CA")
			server := eaptest.ServerTLS(ca)
			client := eaptest.ClientTLS(ca, version, ca.Issue("LAPTOP-1"))
			client.CurvePreferences = []tls.CurveID{tls.X25519, tls.CurveP256, tls.CurveP384}
			b.ReportAllocs()
			var own time.Duration
			for b.Loop() {
				s, c := eap.NewTLSServer(server), eap.NewTLSClient(client)
				var out []byte
				for !s.Done() || !c.Done() {
					began := time.Now()
					in, err := c.Step(out)
					own += time.Since(began)
					if err != nil {
						b.Fatal(err)
					}
					if out, err = s.Step(in); err != nil {
						b.Fatal(err)
					}
				}
				s.Close()
				c.Close()
			}
			b.ReportMetric(float64(own.Microseconds())/float64(b.N), "client-us/op")
		})
	}
}
