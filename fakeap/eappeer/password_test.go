package eappeer

import (
	"bytes"
	"crypto/md5"
	"crypto/tls"
	"testing"

	"nacsim/internal/eap"
)

// RFC 3748 section 5.4, RFC 1994 section 4.1.
func TestMD5(t *testing.T) {
	s := newServer(t, "md5", tls.VersionTLS12)
	if a := s.receive(request(1, eap.TypeTLS, "\x20")); !bytes.Equal(a.Response, []byte{2, 1, 0, 6, 3, 4}) {
		t.Errorf("EAP-TLS is answered by %x, want NAK", a.Response)
	}
	for _, bad := range []string{"", "\x00", "\x05abcd"} {
		if a := s.receive(request(2, eap.TypeMD5, bad)); a.Response != nil {
			t.Errorf("challenge %q is answered by %x", bad, a.Response)
		}
	}
	if a := s.receive(success(2)); a.Outcome != Undecided {
		t.Error("believes in EAP-Success before the method")
	}
	a := s.receive(request(3, eap.TypeMD5, "\x04abcdserver"))
	want := md5.Sum([]byte("\x03clientPassabcd"))
	if p, err := eap.Parse(a.Response); err != nil || !bytes.Equal(p.Data, append([]byte{16}, want[:]...)) {
		t.Errorf("%x, want %x", a.Response, want)
	}
	if a := s.receive(success(3)); a.Outcome != Succeeded || a.MSK != nil || a.TLS != 0 || a.Method != eap.TypeMD5 {
		t.Errorf("%+v, want success without keys", a)
	}
}

func TestGTC(t *testing.T) {
	s := newServer(t, "gtc", tls.VersionTLS12)
	s.peer.SetPassword("changed")
	a := s.receive(request(3, eap.TypeGTC, "Password:"))
	if p, err := eap.Parse(a.Response); err != nil || string(p.Data) != "changed" {
		t.Errorf("%x", a.Response)
	}
	if a := s.receive(success(3)); a.Outcome != Succeeded {
		t.Errorf("%+v, want success", a)
	}
}
