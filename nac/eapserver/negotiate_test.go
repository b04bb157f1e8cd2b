package eapserver

import (
	"crypto/md5"
	"crypto/tls"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"

	"nacsim/internal/eap"
	"nacsim/internal/eap/eaptest"
	"nacsim/nac/credential"
)

// TestNegotiation has the methods that a server proposes to a client that refuses all of them in turn.
func TestNegotiation(t *testing.T) {
	all := []eap.Type{eap.TypeTLS, eap.TypeTTLS, eap.TypePEAP}
	for _, c := range []struct {
		name    string
		methods []eap.Type
		users   bool
		naks    [][]byte
		want    []eap.Type
		text    string
	}{
		{"default without users", nil, false, [][]byte{{21, 25}}, []eap.Type{eap.TypeTLS}, "client refuses EAP-TLS and wants EAP-TTLS, PEAP"},
		{"default with users", nil, true, [][]byte{{25, 21}, {25}}, []eap.Type{eap.TypeTLS, eap.TypeTTLS}, "client refuses EAP-TTLS and wants PEAP"},
		{"in the client's order", all, true, [][]byte{{25, 21}, {21, 13}, {13}}, []eap.Type{eap.TypeTLS, eap.TypePEAP, eap.TypeTTLS}, "client refuses EAP-TTLS and wants EAP-TLS"},
		{"in the server's order first", []eap.Type{eap.TypePEAP, eap.TypeTLS}, true, [][]byte{{13}, {0}}, []eap.Type{eap.TypePEAP, eap.TypeTLS}, "proposes nothing"},
		{"never EAP-MD5 for a user", all, true, [][]byte{{4}}, []eap.Type{eap.TypeTLS}, "wants MD5-Challenge"},
		{"Expanded in a NAK", all, true, [][]byte{{254, 21}, {254}}, []eap.Type{eap.TypeTLS, eap.TypeTTLS}, "wants Expanded"},
	} {
		t.Run(c.name, func(t *testing.T) {
			config := Config{Methods: c.methods}
			if c.users {
				config.Directory = directory(t)
			}
			s := New(config)
			defer s.Close()
			r := s.Handle(eaptest.Now, identity(1, "x"))
			var got []eap.Type
			for _, n := range c.naks {
				got = append(got, eap.Type(r.EAP[4]))
				r = s.Handle(eaptest.Now, eap.Packet{Code: eap.Response, ID: r.EAP[1], Type: eap.TypeLegacyNAK, Data: n}.Append(nil))
			}
			if !slices.Equal(got, c.want) || r.Kind != Failed || r.Failure.Reason != NoMethod || !strings.Contains(r.Failure.Text, c.text) {
				t.Errorf("proposed %v, then %v %v; want %v and %q", got, r.Kind, r.Failure, c.want, c.text)
			}
		})
	}
}

// TestExpandedNAK is RFC 3748 section 5.3.2, sent where it should not be.
func TestExpandedNAK(t *testing.T) {
	entry := func(vendor byte, typ ...byte) []byte { return append([]byte{254, 0, 0, vendor}, typ...) }
	for _, c := range []struct {
		name string
		data []byte
		kind Kind
		want eap.Type
	}{
		{"EAP-TTLS", slices.Concat([]byte{0, 0, 0, 0, 0, 0, 3}, entry(9, 0, 0, 0, 1), entry(0, 0, 0, 0, 21)), Challenge, eap.TypeTTLS},
		{"nothing of the IETF", slices.Concat([]byte{0, 0, 0, 0, 0, 0, 3}, entry(9, 0, 0, 0, 21)), Failed, 0},
		{"no alternative", []byte{0, 0, 0, 0, 0, 0, 3}, Failed, 0},
		{"another expanded type", []byte{0, 0, 9, 0, 0, 0, 3}, Ignored, 0},
		{"short", []byte{0, 0, 0, 0}, Ignored, 0},
		{"part of an entry", slices.Concat([]byte{0, 0, 0, 0, 0, 0, 3}, entry(0)), Ignored, 0},
	} {
		s := New(Config{Directory: directory(t)})
		first := s.Handle(eaptest.Now, identity(1, "x"))
		r := s.Handle(eaptest.Now, eap.Packet{Code: eap.Response, ID: first.EAP[1], Type: eap.TypeExpanded, Data: c.data}.Append(nil))
		if r.Kind != c.kind || c.kind == Challenge && eap.Type(r.EAP[4]) != c.want {
			t.Errorf("%s: %v %x", c.name, r.Kind, r.EAP)
		}
		s.Close()
	}
}

func TestConfigCheck(t *testing.T) {
	for _, c := range []struct {
		config Config
		want   string
	}{
		{Config{}, ""}, {Config{Methods: []eap.Type{eap.TypeTLS}}, ""},
		{Config{Methods: []eap.Type{eap.TypeTTLS}, Directory: silent{}, TTLSInner: []Inner{CHAP}, PEAPInner: []Inner{EAPGTC}}, ""},
		{Config{Methods: []eap.Type{eap.TypeTTLS}}, "EAP-TTLS needs a directory"},
		{Config{Methods: []eap.Type{eap.TypeMD5}}, "MD5-Challenge cannot be offered"},
		{Config{TTLSInner: []Inner{"eap-tls"}}, `EAP-TTLS: "eap-tls" cannot be used inside`},
		{Config{PEAPInner: []Inner{PAP}}, `PEAP: "pap" cannot be used inside`},
	} {
		err := c.config.Check()
		if (err == nil) != (c.want == "") || err != nil && !strings.Contains(err.Error(), c.want) {
			t.Errorf("%+v: %v, want %q", c.config, err, c.want)
		}
	}
}

// TestMD5: a device known by its MAC address.
func TestMD5(t *testing.T) {
	const mac = "001122334455"
	users, err := credential.NewUsers(credential.UsersConfig{Users: []credential.User{{Name: mac, Password: mac, Groups: []string{"printers"}}}})
	if err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct {
		identity, password string
		refuse             bool
		data               func([]byte) []byte
		kind               Kind
		reason             Reason
	}{
		{mac, mac, false, nil, Success, ""},
		{mac, "other", false, nil, Failed, BadCredentials},
		{"001122334466", "001122334466", false, nil, Failed, UnknownUser},
		{mac, mac, true, nil, Failed, Denied},
		{mac, mac, false, func(b []byte) []byte { return b[:16] }, Failed, Protocol},
		{mac, mac, false, func([]byte) []byte { return nil }, Failed, Protocol},
	} {
		s := New(Config{Directory: users, Rand: rand.NewChaCha8([32]byte{}), MAB: func(id string) bool { return len(id) == 12 }})
		first := s.Handle(eaptest.Now, identity(7, c.identity))
		p, err := eap.Parse(first.EAP)
		if err != nil || p.Type != eap.TypeMD5 || p.Data[0] != 16 {
			t.Fatalf("server proposes %v, %v", p, err)
		}
		sum := md5.Sum([]byte(string(rune(p.ID)) + c.password + string(p.Data[1:17])))
		data := append([]byte{16}, sum[:]...)
		if c.data != nil {
			data = c.data(data)
		}
		r := s.Handle(eaptest.Now, eap.Packet{Code: eap.Response, ID: p.ID, Type: eap.TypeMD5, Data: data}.Append(nil))
		if r.Kind == Waiting {
			r.Wait(func() {})
			r = s.Resume(eaptest.Now)
		}
		if r.Kind == Authenticated {
			if q := r.Peer; q.User != mac || q.MSK != nil || q.Method != eap.TypeMD5 || !slices.Equal(q.Groups, []string{"printers"}) {
				t.Errorf("peer is %+v", q)
			}
			r = s.Authorize(!c.refuse)
		}
		if r.Kind != c.kind || r.Failure != nil && r.Failure.Reason != c.reason {
			t.Errorf("%s with %s: %v %v, want %v %v", c.identity, c.password, r.Kind, r.Failure, c.kind, c.reason)
		}
		s.Close()
	}
	// A supplicant whose user has the name of a MAC address may want another method.
	s := New(Config{Directory: users, Rand: rand.NewChaCha8([32]byte{}), MAB: func(string) bool { return true }, TLS: func() *tls.Config { return nil }})
	defer s.Close()
	first := s.Handle(eaptest.Now, identity(7, mac))
	if r := s.Handle(eaptest.Now, eap.Packet{Code: eap.Response, ID: first.EAP[1], Type: eap.TypeLegacyNAK, Data: []byte{13}}.Append(nil)); r.Kind != Challenge || r.EAP[4] != 13 {
		t.Errorf("a NAK for EAP-TLS gets %v %x", r.Kind, r.EAP)
	}
}

// everybody is a directory that lets in whoever asks.
type everybody struct{}

func (everybody) Ask(_ credential.Question, answer func(credential.Answer)) {
	answer(credential.Answer{OK: true})
}

// TestTunnelOfADevice: a client that says its MAC address in the clear and refuses EAP-MD5 logs in as a user, and whom the
// directory of devices knows does not count inside of its tunnel.
func TestTunnelOfADevice(t *testing.T) {
	for _, c := range []struct {
		user, password string
		kind           Kind
	}{
		{"anna", "geheim", Success},
		{"anna", "wrong", Failed},
		{"001122334455", "001122334455", Failed},
	} {
		for _, inside := range []func(*tunnelPeer, []byte) []byte{pap, chap} {
			r := newTunnelRun(t, eap.TypeTTLS, tls.VersionTLS13, inside)
			r.server.config.MAB, r.server.config.Devices = func(string) bool { return true }, everybody{}
			r.server.config.Rand = rand.NewChaCha8([32]byte{})
			r.peer.log(c.user, c.password)
			if r.play(t); r.last.Kind != c.kind {
				t.Errorf("%s with %s: %v %v, want %v", c.user, c.password, r.last.Kind, r.failure, c.kind)
			}
		}
	}
}
