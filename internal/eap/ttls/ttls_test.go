package ttls

import (
	"bytes"
	"crypto/tls"
	"reflect"
	"strings"
	"testing"
)

// TestWireFormat is RFC 5281 section 10.1.
func TestWireFormat(t *testing.T) {
	for _, c := range []struct {
		avp  AVP
		want []byte
	}{
		{AVP{Code: UserName, Mandatory: true, Data: []byte("anna!")}, []byte("\x00\x00\x00\x01\x40\x00\x00\x0danna!\x00\x00\x00")},
		{AVP{Code: EAPMessage, Data: []byte("1234")}, []byte("\x00\x00\x00\x4f\x00\x00\x00\x0c1234")},
		{AVP{Code: MSCHAPError, Vendor: Microsoft, Mandatory: true, Data: []byte{9}}, []byte("\x00\x00\x00\x02\xc0\x00\x00\x0d\x00\x00\x01\x37\x09\x00\x00\x00")},
		{AVP{Code: 1 << 31, Vendor: 1 << 31, Data: []byte{}}, []byte("\x80\x00\x00\x00\x80\x00\x00\x0c\x80\x00\x00\x00")},
	} {
		got := c.avp.Append(nil)
		if !bytes.Equal(got, c.want) {
			t.Errorf("%+v is %x, want %x", c.avp, got, c.want)
		}
		if back, err := Parse(got); err != nil || len(back) != 1 || !reflect.DeepEqual(back[0], c.avp) {
			t.Errorf("%x is %+v, %v", got, back, err)
		}
	}
}

func TestSeveral(t *testing.T) {
	b := AVP{Code: UserName, Mandatory: true, Data: []byte("x")}.Append(nil)
	b = AVP{Code: UserPassword, Mandatory: true, Data: []byte("secret")}.Append(b)
	for _, message := range [][]byte{b, b[:len(b)-2]} { // with and without the last padding
		avps, err := Parse(message)
		if err != nil || len(avps) != 2 || string(avps[1].Data) != "secret" || !avps[1].Is(0, UserPassword) || avps[1].Is(Microsoft, UserPassword) {
			t.Errorf("%x: %+v, %v", message, avps, err)
		}
	}
	if avps, err := Parse(nil); err != nil || avps != nil {
		t.Errorf("nothing is %v, %v", avps, err)
	}
}

func TestMalformed(t *testing.T) {
	for _, c := range []struct{ name, b string }{
		{"short", "\x00\x00\x00\x01\x40\x00\x00"},
		{"no length", "\x00\x00\x00\x01\x40\x00\x00\x00"},
		{"length within the header", "\x00\x00\x00\x01\x40\x00\x00\x07abcd"},
		{"length beyond the message", "\x00\x00\x00\x01\x40\x00\x00\x0dabcd"},
		{"length within the vendor", "\x00\x00\x00\x01\xc0\x00\x00\x0b\x00\x00\x01\x37"},
		{"vendor beyond the message", "\x00\x00\x00\x01\xc0\x00\x00\x0c\x00\x00"},
		{"rest", "\x00\x00\x00\x01\x40\x00\x00\x09a\x00\x00\x00b"},
		{"too many", strings.Repeat("\x00\x00\x00\x01\x40\x00\x00\x08", 257)},
	} {
		if avps, err := Parse([]byte(c.b)); err == nil {
			t.Errorf("%s: %+v", c.name, avps)
		}
	}
}

func FuzzParse(f *testing.F) {
	f.Add(AVP{Code: EAPMessage, Mandatory: true, Data: []byte{2, 0, 0, 6, 1, 'x'}}.Append(nil))
	f.Add(AVP{Code: MSCHAP2Response, Vendor: Microsoft, Data: make([]byte, 50)}.Append(nil))
	f.Add([]byte("\x00\x00\x00\x01\xff\xff\xff\xff\x00\x00\x01\x37"))
	f.Fuzz(func(t *testing.T, b []byte) {
		avps, err := Parse(b)
		if err != nil {
			return
		}
		var again []byte
		for _, a := range avps {
			again = a.Append(again)
		}
		if len(again) > len(b)+3+4*len(avps) {
			t.Errorf("%d octets became %d", len(b), len(again))
		}
		back, err := Parse(again)
		if err != nil || len(back) != len(avps) {
			t.Errorf("%x is not parsed again: %v", again, err)
		}
	})
}

func TestNoChallengeBeforeTheHandshake(t *testing.T) {
	if c, err := Challenge(tls.ConnectionState{}, 17); err == nil {
		t.Errorf("a challenge %x of no connection", c)
	}
}
