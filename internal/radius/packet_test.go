package radius

import (
	"bytes"
	"errors"
	"reflect"
	"slices"
	"testing"

	lr "layeh.com/radius"
)

func TestTrim(t *testing.T) {
	whole := unhex(t, rfc2865_7_1Request)
	for _, padding := range []int{0, 1, 4096} { // RFC 2865 section 3
		b, err := Trim(append(bytes.Clone(whole), make([]byte, padding)...))
		if err != nil || !bytes.Equal(b, whole) {
			t.Errorf("%d octets of padding: %d octets left of %d, error %v", padding, len(b), len(whole), err)
		}
	}
}

func TestMalformed(t *testing.T) {
	for _, c := range []struct{ name, wire string }{
		{"nothing", ""},
		{"19 octets", "01000013 000000000000000000000000000000"},
		{"length 19", "01000013 00000000000000000000000000000000"},
		{"length 0", "01000000 00000000000000000000000000000000"},
		{"length 4097", "01001001 00000000000000000000000000000000"},
		{"length beyond the datagram", "01000015 00000000000000000000000000000000"},
		{"attribute length 0", "01000016 00000000000000000000000000000000 0100"},
		{"attribute length 1", "01000016 00000000000000000000000000000000 0101"},
		{"attribute beyond the packet", "01000016 00000000000000000000000000000000 0103"},
		{"half an attribute header", "01000015 00000000000000000000000000000000 01"},
		{"Message-Authenticator of 15 octets", "01000025 00000000000000000000000000000000 5011 000000000000000000000000000000"},
		{"two Message-Authenticators", "01000038 00000000000000000000000000000000 5012 00000000000000000000000000000000 5012 00000000000000000000000000000000"},
	} {
		if _, err := ParseRequest(unhex(t, c.wire), secret, false); !errors.Is(err, ErrMalformed) {
			t.Errorf("%s: got %v, want %v", c.name, err, ErrMalformed)
		}
	}
}

func TestCodeName(t *testing.T) {
	for code, want := range map[lr.Code]string{1: "Access-Request", 11: "Access-Challenge", 45: "CoA-NAK", 40: "Disconnect-Request", 99: "Code(99)"} {
		if got := CodeName(code); got != want {
			t.Errorf("code %d is %q, want %q", int(code), got, want)
		}
	}
}

func FuzzParse(f *testing.F) {
	for _, s := range []string{rfc2865_7_1Request, rfc2865_7_2Reply, rfc5997_6_1Request} {
		f.Add(unhex(f, s))
	}
	for _, c := range exchanges {
		_, request, reply := exchange(f, c.request, c.reply)
		f.Add(request)
		f.Add(reply)
	}
	f.Fuzz(func(t *testing.T, b []byte) {
		p, err := Parse(b, secret)
		same := func(a, b *lr.AVP) bool { return reflect.DeepEqual(a, b) }
		if trimmed, malformed := Trim(b); malformed == nil {
			theirs, refused := lr.Parse(trimmed, secret)
			if (refused == nil) != (err == nil) || err == nil && !slices.EqualFunc(p.Attributes, theirs.Attributes, same) {
				t.Fatalf("%v, %v; layeh reads %v, %v", p, err, theirs, refused)
			}
		}
		if err != nil {
			if !errors.Is(err, ErrMalformed) {
				t.Fatalf("unexpected error %v", err)
			}
			return
		}
		Describe(p.Attributes)
		EAPMessage(p.Attributes)
		VLAN(p.Attributes)
		Firmware(p.Attributes)
		CiscoAVPairs(p.Attributes)
		EventTimestamp(p.Attributes)
		GetErrorCause(p.Attributes)
		MPPEKeys(p.Attributes, p)
		ParseReply(b, p, true)
		if _, err := ParseRequest(b, secret, true); err == nil {
			return
		}
		if wire, err := p.MarshalBinary(); err != nil || !bytes.Equal(wire, b[:len(wire)]) {
			t.Fatalf("%x is written as %x, error %v", b, wire, err)
		}
	})
}
