package eapol

import (
	"bytes"
	"encoding/hex"
	"errors"
	"testing"
)

func TestParse(t *testing.T) {
	tests := []struct {
		name string
		in   string
		want PDU
		err  error
	}{
		{"EAPOL-Start padded to the Ethernet minimum", "02010000" + "00000000000000000000", PDU{Version: 2, Type: TypeStart}, nil},
		{"EAPOL-Logoff of 802.1X-2001", "01020000", PDU{Version: 1, Type: TypeLogoff}, nil},
		{"EAP-Success, version 3, padded", "0300000403050004" + "000000", PDU{Version: 3, Body: []byte{3, 5, 0, 4}}, nil},
		{"empty", "", PDU{}, ErrShort},
		{"header cut", "020000", PDU{}, ErrShort},
		{"body cut", "0200000403", PDU{}, ErrTruncated},
		{"body absurd", "0200ffff", PDU{}, ErrLong},
	}
	for _, tt := range tests {
		in, err := hex.DecodeString(tt.in)
		if err != nil {
			t.Fatal(err)
		}
		got, err := Parse(in)
		if !errors.Is(err, tt.err) {
			t.Errorf("%s: error %v, want %v", tt.name, err, tt.err)
			continue
		}
		if got.Version != tt.want.Version || got.Type != tt.want.Type || !bytes.Equal(got.Body, tt.want.Body) {
			t.Errorf("%s: got %+v, want %+v", tt.name, got, tt.want)
		}
	}
}

func TestKeyRoundTrip(t *testing.T) {
	k := Key{Descriptor: DescriptorRSN, Info: KeyVersionAES | KeyPairwise | KeyAck, Length: 16, ReplayCounter: 0x0102030405060708, Data: []byte{0xdd, 0}}
	for i := range k.Nonce {
		k.Nonce[i] = byte(i)
	}
	pdu := PDU{Type: TypeKey, Body: k.Append(nil)}.Append(nil)
	copy(KeyMICField(pdu), "0123456789abcdef")
	p, err := Parse(pdu)
	if err != nil {
		t.Fatal(err)
	}
	got, err := ParseKey(p.Body)
	if err != nil {
		t.Fatal(err)
	}
	if string(got.MIC[:]) != "0123456789abcdef" {
		t.Errorf("KeyMICField does not alias the MIC: %q", got.MIC)
	}
	if got.Info != k.Info || got.ReplayCounter != k.ReplayCounter || got.Nonce != k.Nonce || !bytes.Equal(got.Data, k.Data) || got.Length != 16 {
		t.Errorf("ParseKey(Append) = %+v, want %+v", got, k)
	}
}

func TestParseKeyRefuses(t *testing.T) {
	good := Key{Descriptor: DescriptorRSN, Data: []byte{1, 2, 3}}.Append(nil)
	wpa1 := bytes.Clone(good)
	wpa1[0] = 254
	tests := []struct {
		name string
		in   []byte
		want error
	}{
		{"fixed part cut", good[:94], ErrKeyShort},
		{"WPA1 descriptor", wpa1, ErrKeyDescriptor},
		{"data cut", good[:len(good)-1], ErrKeyData},
		{"data too long", append(bytes.Clone(good), 0), ErrKeyData},
	}
	for _, tt := range tests {
		if _, err := ParseKey(tt.in); !errors.Is(err, tt.want) {
			t.Errorf("%s: error %v, want %v", tt.name, err, tt.want)
		}
	}
	if KeyMICField(make([]byte, 98)) != nil {
		t.Error("KeyMICField of a short PDU is not nil")
	}
}

func TestTypeNames(t *testing.T) {
	for typ, want := range map[Type]string{TypeEAP: "EAP-Packet", TypeStart: "EAPOL-Start", TypeLogoff: "EAPOL-Logoff", TypeKey: "EAPOL-Key", 9: "EAPOL type 9"} {
		if got := typ.String(); got != want {
			t.Errorf("Type(%d) = %q, want %q", uint8(typ), got, want)
		}
	}
}

func FuzzParse(f *testing.F) {
	f.Add([]byte{2, 1, 0, 0})
	f.Add(PDU{Type: TypeKey, Body: Key{Descriptor: DescriptorRSN, Data: []byte{1}}.Append(nil)}.Append(nil))
	f.Fuzz(func(t *testing.T, b []byte) {
		p, err := Parse(b)
		if err != nil {
			return
		}
		if p.Version != 0 && !bytes.HasPrefix(b, p.Append(nil)) {
			t.Errorf("Append(Parse(%x)) = %x", b, p.Append(nil))
		}
		k, err := ParseKey(p.Body)
		if err != nil {
			return
		}
		again, err := ParseKey(k.Append(nil))
		if err != nil || again.Info != k.Info || !bytes.Equal(again.Data, k.Data) {
			t.Errorf("ParseKey(Append(%+v)) = %+v, %v", k, again, err)
		}
	})
}
