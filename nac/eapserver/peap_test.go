package eapserver

import (
	"bytes"
	"crypto/tls"
	"math/rand/v2"
	"testing"

	"nacsim/internal/eap"
	"nacsim/internal/eap/eaptest"
	"nacsim/internal/eap/peap"
)

// TestPEAPRules breaks the rules of PEAP in the tunnel.
func TestPEAPRules(t *testing.T) {
	result := func(data []byte) func(*tunnelPeer, []byte) []byte {
		return func(p *tunnelPeer, in []byte) []byte {
			if r, err := peap.Unwrap(eap.Request, 0, in); err == nil && r.Type == peap.TypeExtensions {
				if data == nil {
					return nil
				}
				return peap.Wrap(eap.Packet{Code: eap.Response, ID: r.ID, Type: peap.TypeExtensions, Data: data})
			}
			return inPEAP(gtc)(p, in)
		}
	}
	identity := func(data []byte) func(*tunnelPeer, []byte) []byte {
		return func(_ *tunnelPeer, in []byte) []byte {
			if len(in) == 0 {
				return nil
			}
			return data
		}
	}
	whole := func(p *tunnelPeer, in []byte) []byte { // peers that leave the header on
		if len(in) == 0 {
			return nil
		}
		r, err := peap.Unwrap(eap.Request, 9, in)
		if err != nil {
			t.Fatal(err)
		}
		return p.answer(gtc, r).Append(nil)
	}
	for _, c := range []struct {
		name   string
		inside func(*tunnelPeer, []byte) []byte
		want   Reason // "" for success
	}{
		{"whole packets", whole, ""},
		{"client says failure", result(peap.Result(false).Append(nil)), Protocol},
		{"client says no result", result([]byte{}), Protocol},
		{"malformed result", result([]byte{0x80, 3, 0}), Protocol},
		{"no answer to the result", result(nil), Protocol},
		{"another method at the end", func(p *tunnelPeer, in []byte) []byte {
			if b := result(peap.Result(true).Append(nil))(p, in); len(b) == 0 || b[0] != 2 {
				return b
			}
			return []byte{6, 'x'}
		}, Protocol},
		{"result where the identity is due", identity(peap.Wrap(eap.Packet{Code: eap.Response, Type: peap.TypeExtensions, Data: peap.Result(true).Append(nil)})), Protocol},
		{"method where the identity is due", identity([]byte{26, 3}), Protocol},
		{"long identity", identity(append([]byte{1}, bytes.Repeat([]byte("a"), 254)...)), Protocol},
		{"EAP-Success", identity([]byte{3, 0, 0, 4}), Protocol},
	} {
		t.Run(c.name, func(t *testing.T) {
			eachVersion(t, func(t *testing.T, version uint16) {
				r := newTunnelRun(t, eap.TypePEAP, version, c.inside).play(t)
				got := Reason("")
				if r.failure != nil {
					got = r.failure.Reason
				}
				if got != c.want || (r.peer.code == eap.Success) != (c.want == "") {
					t.Errorf("peer gets %v, server has %v, want %q", r.peer.code, r.failure, c.want)
				}
			})
		})
	}
}

// TestCryptoBinding: both ends have other keys with it, in a full authentication and in a resumed one; without the
// client's answer they have those of the tunnel.
func TestCryptoBinding(t *testing.T) {
	for _, c := range []struct {
		name          string
		server, binds bool
		forges        bool
		want          Reason
	}{
		{"both", true, true, false, ""}, {"server alone", true, false, false, ""}, {"client alone", false, true, false, ""}, {"forged", true, true, true, Protocol},
	} {
		for _, method := range []func(*tunnelPeer, eap.Packet) eap.Packet{eapMSCHAPv2, gtc} {
			t.Run(c.name, func(t *testing.T) {
				eachVersion(t, func(t *testing.T, version uint16) {
					sessions, cache := NewSessions(rand.NewChaCha8([32]byte{}), SessionLimits{}), tls.NewLRUClientSessionCache(1)
					first := newTunnelRun(t, eap.TypePEAP, version, inPEAP(method))
					for i, r := range []*tunnelRun{first, newTunnelRun(t, eap.TypePEAP, version, inPEAP(method))} {
						r.server.config.TLS, r.server.config.Sessions, r.server.config.CryptoBinding = first.server.config.TLS, sessions, c.server
						r.peer.config = first.peer.config
						r.peer.config.ClientSessionCache = cache
						r.peer.binds, r.peer.forges = c.binds, c.forges
						r.play(t)
						if c.want != "" {
							if r.failure == nil || r.failure.Reason != c.want {
								t.Errorf("server has %v, want %v", r.failure, c.want)
							}
							continue
						}
						if r.peer.code != eap.Success || r.peerWas.Resumed != (i == 1) {
							t.Fatalf("peer gets %v, server has %v %+v", r.peer.code, r.failure, r.peerWas)
						}
						tunnel, _, err := r.server.method.(*peapMethod).engine.Keys(eap.TypePEAP)
						if err != nil || !bytes.Equal(r.peerWas.MSK, r.peer.msk) || bytes.Equal(r.peerWas.MSK, tunnel) == (c.server && c.binds) {
							t.Errorf("server has MSK %x, peer %x, tunnel %x (%v)", r.peerWas.MSK, r.peer.msk, tunnel, err)
						}
					}
				})
			})
		}
	}
}

// TestMSCHAPv2OutOfOrder has clients that skip steps of EAP-MSCHAPv2.
func TestMSCHAPv2OutOfOrder(t *testing.T) {
	for name, data := range map[string][]byte{
		"success before the response": {26, 3}, "failure before the response": {26, 4}, "nothing": {26}, "challenge": {26, 1, 0, 0, 4},
	} {
		t.Run(name, func(t *testing.T) {
			eachVersion(t, func(t *testing.T, version uint16) {
				r := newTunnelRun(t, eap.TypePEAP, version, func(p *tunnelPeer, in []byte) []byte {
					if len(in) > 0 && eap.Type(in[0]) == eap.TypeMSCHAPv2 {
						return data
					}
					return inPEAP(eapMSCHAPv2)(p, in)
				}).play(t)
				if r.peer.code != eap.Failure || r.failure.Reason != Protocol || r.asked != 0 {
					t.Errorf("peer gets %v, server has %v", r.peer.code, r.failure)
				}
			})
		})
	}
}

// FuzzTunnel has a client that says anything in the tunnel, over and over.
func FuzzTunnel(f *testing.F) {
	f.Add(true, uint8(0), []byte("\x00\x00\x00\x01\x40\x00\x00\x0canna\x00\x00\x00\x02\x40\x00\x00\x09x"), []byte{})
	f.Add(true, uint8(1), []byte("\x00\x00\x00\x4f\x40\x00\x00\x0e\x02\x00\x00\x06\x01x\x00\x00"), []byte("\x00\x00\x00\x4f\x40\x00\x00\x0d\x02\x01\x00\x05\x1a\x00\x00\x00"))
	f.Add(false, uint8(0), []byte("\x01anna"), []byte("\x06x"))
	f.Add(false, uint8(1), []byte("\x01anna"), []byte("\x1a\x03"))
	ca := eaptest.NewCA(f, "corp")
	server, client := eaptest.ServerTLS(ca), eaptest.ClientTLS(ca, tls.VersionTLS13)
	f.Fuzz(func(t *testing.T, isTTLS bool, version uint8, a, b []byte) {
		typ := eap.TypePEAP
		if isTTLS {
			typ = eap.TypeTTLS
		}
		config := client.Clone()
		config.MinVersion, config.MaxVersion = tls.VersionTLS12+uint16(version&1), tls.VersionTLS12+uint16(version&1)
		said := 0
		p := &tunnelPeer{t: t, typ: typ, config: config, fragment: 1000, inside: func(*tunnelPeer, []byte) []byte {
			if said++; said&1 == 1 {
				return a
			}
			return b
		}}
		r := &tunnelRun{run: &run{now: eaptest.Now}, peer: p}
		r.server = New(Config{TLS: func() *tls.Config { return server }, Directory: directory(t), Methods: []eap.Type{typ}, MaxRounds: 20})
		defer r.server.Close()
		defer p.close()
		if r.play(t); r.peer.code != eap.Failure || r.failure == nil {
			t.Errorf("peer gets %v, server has %v", r.peer.code, r.failure)
		}
	})
}
