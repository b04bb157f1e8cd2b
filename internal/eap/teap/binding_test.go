package teap

import (
	"bytes"
	"crypto/tls"
	"errors"
	"testing"
)

// sides are two ends that have the same seed.
func sides(t *testing.T, suite uint16) (server, peer *Keys) {
	t.Helper()
	seed, outer := bytes.Repeat([]byte{5}, SeedLen), Outer([]byte("nac"))
	server, err := NewKeys(suite, seed, outer, nil)
	if err != nil {
		t.Fatal(err)
	}
	if peer, err = NewKeys(suite, seed, outer, nil); err != nil {
		t.Fatal(err)
	}
	return server, peer
}

// exchange is one of Crypto-Bindings, over the wire.
func exchange(t *testing.T, server, peer *Keys, answerFlags byte) error {
	t.Helper()
	request := NewBinding(1, [NonceLen]byte{1, 2, 31: 0xff})
	request.Flags = server.Flags()
	m, err := Decode(Message{Binding: server.Bind(request)}.Append(nil))
	if err != nil {
		t.Fatal(err)
	}
	if err := peer.Check(m.Binding); err != nil {
		return err
	}
	m, err = Decode(Message{Binding: peer.Bind(m.Binding.Answer(answerFlags))}.Append(nil))
	if err != nil {
		t.Fatal(err)
	}
	if err := server.CheckAnswer(&request, m.Binding); err != nil {
		return err
	}
	server.Select(m.Binding)
	peer.Select(m.Binding)
	return nil
}

func TestCompoundKeys(t *testing.T) {
	msk, emsk := bytes.Repeat([]byte{1}, 64), bytes.Repeat([]byte{2}, 64)
	seen := map[string]string{}
	for _, suite := range []uint16{tls.TLS_ECDHE_ECDSA_WITH_AES_128_GCM_SHA256, tls.TLS_ECDHE_RSA_WITH_AES_256_GCM_SHA384} {
		for name, run := range map[string]func(server, peer *Keys) error{
			"password": func(s, p *Keys) error { s.Inner(nil, nil); p.Inner(nil, nil); return exchange(t, s, p, WithMSK) },
			"EAP-MSCHAPv2": func(s, p *Keys) error {
				s.Inner(msk[:32], nil)
				p.Inner(msk[:32], nil)
				return exchange(t, s, p, WithMSK)
			},
			"EAP-TLS":          func(s, p *Keys) error { s.Inner(msk, emsk); p.Inner(msk, emsk); return exchange(t, s, p, WithBoth) },
			"peer has no EMSK": func(s, p *Keys) error { s.Inner(msk, emsk); p.Inner(msk, nil); return exchange(t, s, p, WithMSK) },
			"two methods": func(s, p *Keys) error {
				for range 2 {
					s.Inner(msk, emsk)
					p.Inner(msk, emsk)
					if err := exchange(t, s, p, WithBoth); err != nil {
						return err
					}
				}
				return nil
			},
		} {
			server, peer := sides(t, suite)
			if err := run(server, peer); err != nil {
				t.Errorf("%s: %v", name, err)
				continue
			}
			a, ae := server.Session()
			b, be := peer.Session()
			if !bytes.Equal(a, b) || !bytes.Equal(ae, be) || len(a) != KeyLen || len(ae) != KeyLen || bytes.Equal(a, ae) {
				t.Errorf("%s: server has %x %x, peer %x %x", name, a, ae, b, be)
			}
			if other, dup := seen[string(a)]; dup && !(name == "peer has no EMSK" || other == "peer has no EMSK") {
				t.Errorf("%s and %s have the same keys", name, other)
			}
			seen[string(a)] = name
		}
	}
}

// TestMiddleman: whoever relays a method from elsewhere lacks its key, the tunnel's seed or the outer TLVs.
func TestMiddleman(t *testing.T) {
	msk := bytes.Repeat([]byte{1}, 64)
	suite := uint16(tls.TLS_ECDHE_RSA_WITH_AES_128_GCM_SHA256)
	server, peer := sides(t, suite)
	server.Inner(msk, nil)
	peer.Inner(bytes.Repeat([]byte{9}, 64), nil)
	if err := exchange(t, server, peer, WithMSK); !errors.Is(err, ErrBinding) {
		t.Errorf("another key inside: %v", err)
	}
	other, _ := NewKeys(suite, bytes.Repeat([]byte{6}, SeedLen), Outer([]byte("nac")), nil)
	other.Inner(msk, nil)
	if err := exchange(t, server, other, WithMSK); !errors.Is(err, ErrBinding) {
		t.Errorf("another tunnel: %v", err)
	}
	other, _ = NewKeys(suite, bytes.Repeat([]byte{5}, SeedLen), Outer([]byte("other")), nil)
	other.Inner(msk, nil)
	if err := exchange(t, server, other, WithMSK); !errors.Is(err, ErrBinding) {
		t.Errorf("other outer TLVs: %v", err)
	}
	if _, err := NewKeys(suite, []byte("short"), nil, nil); err == nil {
		t.Error("a short seed is taken")
	}
}

func TestAnswersThatAreNone(t *testing.T) {
	server, _ := sides(t, tls.TLS_ECDHE_RSA_WITH_AES_128_GCM_SHA256)
	server.Inner(nil, nil)
	request := NewBinding(1, [NonceLen]byte{1})
	for name, change := range map[string]func(*Binding){
		"the request":     func(b *Binding) { *b = request; b.Flags = WithMSK },
		"another nonce":   func(b *Binding) { b.Nonce[0]++ },
		"no MAC":          func(b *Binding) { b.Flags = 0 },
		"EMSK alone":      func(b *Binding) { b.Flags = WithEMSK },
		"unknown flags":   func(b *Binding) { b.Flags = 4 | WithMSK },
		"another version": func(b *Binding) { b.Version = 2 },
		"downgraded":      func(b *Binding) { b.Received = 2 },
	} {
		b := request.Answer(WithMSK)
		b.Received = 1
		change(&b)
		if err := server.CheckAnswer(&request, server.Bind(b)); !errors.Is(err, ErrBinding) {
			t.Errorf("%s: %v", name, err)
		}
	}
	wrong := *server.Bind(request.Answer(WithMSK))
	wrong.mskMAC[0]++
	if err := server.CheckAnswer(&request, &wrong); !errors.Is(err, ErrBinding) {
		t.Errorf("wrong MAC: %v", err)
	}
}

// TestPRF is a known answer of TLS 1.2's PRF with SHA-256, published on the TLS working group's list in 2009.
func TestPRF(t *testing.T) {
	k, err := NewKeys(tls.TLS_ECDHE_RSA_WITH_AES_128_GCM_SHA256, make([]byte, SeedLen), nil, nil)
	if err != nil {
		t.Fatal(err)
	}
	got := k.prf(unhex(t, "9bbe436ba940f017b17652849a71db35"), "test label", unhex(t, "a0ba9f936cda311827a6f796ffd5198c"), 100)
	want := unhex(t, "e3f229ba727be17b8d122620557cd453c2aab21d07c3d495329b52d4e61edb5a6b301791e90d35c9c9a46b4e14baf9af0fa022f7077def17abfd3797c0564bab4fbc91666e9def9b97fce34f796789baa48082d122ee42c5a72e5a5110fff70187347b66")
	if !bytes.Equal(got, want) {
		t.Errorf("got %x", got)
	}
}
