package eap

import (
	"bytes"
	"encoding/hex"
	"errors"
	"strings"
	"testing"
)

func unhex(t testing.TB, s string) []byte {
	t.Helper()
	b, err := hex.DecodeString(strings.ReplaceAll(s, " ", ""))
	if err != nil {
		t.Fatal(err)
	}
	return b
}

// TestPacketVectors has packets laid out by RFC 3748 section 4 and the examples of RFC 3579 section 4.
func TestPacketVectors(t *testing.T) {
	for _, c := range []struct {
		name, wire string
		packet     Packet
		text       string
	}{
		{"Request/Identity without a prompt", "01 01 0005 01", Packet{Code: Request, ID: 1, Type: TypeIdentity}, "Request id=1 Identity"},
		{"Response/Identity", "02 01 0008 01 616263", Packet{Code: Response, ID: 1, Type: TypeIdentity, Data: []byte("abc")}, "Response id=1 Identity abc"},
		{"NAK that wants PEAP and TTLS", "02 02 0007 03 1915", Packet{Code: Response, ID: 2, Type: TypeLegacyNAK, Data: []byte{25, 21}}, "Response id=2 NAK PEAP EAP-TTLS"},
		{"EAP-TLS Start (RFC 5216 3.1)", "01 02 0006 0d 20", Packet{Code: Request, ID: 2, Type: TypeTLS, Data: []byte{0x20}}, "Request id=2 EAP-TLS S 0"},
		{"EAP-TLS first fragment", "01 03 000c 0d c0 00000900 1603", Packet{Code: Request, ID: 3, Type: TypeTLS, Data: []byte{0xc0, 0, 0, 9, 0, 0x16, 3}}, "Request id=3 EAP-TLS LM 2/2304"},
		{"EAP-TLS acknowledgement", "02 03 0006 0d 00", Packet{Code: Response, ID: 3, Type: TypeTLS, Data: []byte{0}}, "Response id=3 EAP-TLS ack"},
		{"Success", "03 09 0004", Packet{Code: Success, ID: 9}, "Success id=9"},
		{"Failure", "04 ff 0004", Packet{Code: Failure, ID: 255}, "Failure id=255"},
	} {
		t.Run(c.name, func(t *testing.T) {
			wire := unhex(t, c.wire)
			got, err := Parse(append(bytes.Clone(wire), 0xee, 0xee)) // with padding (RFC 3748 section 4.1)
			if err != nil {
				t.Fatal(err)
			}
			if got.Code != c.packet.Code || got.ID != c.packet.ID || got.Type != c.packet.Type || !bytes.Equal(got.Data, c.packet.Data) {
				t.Errorf("got %+v, want %+v", got, c.packet)
			}
			if b := c.packet.Append(nil); !bytes.Equal(b, wire) {
				t.Errorf("Append gives %x, want %x", b, wire)
			}
			if c.packet.Len() != len(wire) {
				t.Errorf("Len is %d, want %d", c.packet.Len(), len(wire))
			}
			if got.String() != c.text {
				t.Errorf("String is %q, want %q", got.String(), c.text)
			}
		})
	}
}

func TestParseErrors(t *testing.T) {
	for _, c := range []struct {
		name, wire string
		want       error
	}{
		{"nothing", "", ErrShort},
		{"three octets", "010100", ErrShort},
		{"length beyond the buffer", "0101000601", ErrLength},
		{"length below the header", "0101000301", ErrLength},
		{"length zero", "0101000001", ErrLength},
		{"Request without a type", "01010004", ErrLength},
		{"Response without a type", "0201000401", ErrLength},
		{"Success with data", "0301000501", ErrLength},
		{"Failure shorter than itself", "04010003", ErrLength},
		{"code 0", "0001000401", ErrCode},
		{"ERP Initiate (RFC 6696)", "0501000401", ErrCode},
	} {
		if _, err := Parse(unhex(t, c.wire)); !errors.Is(err, c.want) {
			t.Errorf("%s: got %v, want %v", c.name, err, c.want)
		}
	}
}

func TestNames(t *testing.T) {
	for got, want := range map[string]string{
		Type(99).String():     "Type(99)",
		TypeMSCHAPv2.String(): "EAP-MSCHAPv2",
		Code(7).String():      "Code(7)",
		Packet{Code: Response, Type: TypeTLS}.String():                            "Response id=0 EAP-TLS malformed",
		Packet{Code: Response, Type: TypeMD5, Data: []byte{1}}.String():           "Response id=0 MD5-Challenge 1 octets",
		Packet{Code: Response, Type: TypeIdentity, Data: []byte("a\nb")}.String(): `Response id=0 Identity "a\nb"`,
		AlertUnknownCA.String(): "unknown certificate authority",
	} {
		if got != want {
			t.Errorf("got %q, want %q", got, want)
		}
	}
}

func FuzzParse(f *testing.F) {
	for _, s := range []string{"0101000501", "020100080161626330", "010200060d20", "03090004", "0202000703191500", "0101000401", "02010008fe000000"} {
		f.Add(unhex(f, s))
	}
	f.Fuzz(func(t *testing.T, b []byte) {
		p, err := Parse(b)
		if err != nil {
			return
		}
		_ = p.String()
		wire := p.Append(nil)
		if !bytes.Equal(wire, b[:len(wire)]) {
			t.Fatalf("%x is written as %x", b, wire)
		}
	})
}
