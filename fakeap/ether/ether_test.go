package ether

import (
	"bytes"
	"errors"
	"net"
	"testing"
)

func TestAddrForms(t *testing.T) {
	a := Addr{0x00, 0x1c, 0xb3, 0x09, 0x85, 0xff}
	if got, want := a.String(), "00:1c:b3:09:85:ff"; got != want {
		t.Errorf("String() = %q, want %q", got, want)
	}
	if got, want := a.Station(), "00-1C-B3-09-85-FF"; got != want {
		t.Errorf("Station() = %q, want %q (RFC 3580 3.20)", got, want)
	}
	back, ok := FromHardware(a.Hardware())
	if !ok || back != a {
		t.Errorf("FromHardware(Hardware()) = %v, %v, want %v", back, ok, a)
	}
	if _, ok := FromHardware(net.HardwareAddr{1, 2, 3, 4, 5, 6, 7, 8}); ok {
		t.Error("FromHardware took an EUI-64")
	}
	if a.IsGroup() || !Broadcast.IsGroup() || !PAEGroup.IsGroup() {
		t.Error("IsGroup does not follow the I/G bit")
	}
	if a.Compare(Broadcast) >= 0 || Broadcast.Compare(a) <= 0 || a.Compare(a) != 0 {
		t.Error("Compare does not order by value")
	}
}

func TestFrame(t *testing.T) {
	f := Frame{Dst: PAEGroup, Src: Addr{2, 0, 0, 0, 0, 1}, Type: TypeEAPOL, Payload: []byte{2, 1, 0, 0}}
	b := f.Append(nil)
	if len(b) != MinFrame {
		t.Fatalf("frame has %d octets, want it padded to %d", len(b), MinFrame)
	}
	g, err := Parse(b)
	if err != nil {
		t.Fatal(err)
	}
	if g.Dst != f.Dst || g.Src != f.Src || g.Type != f.Type || !bytes.HasPrefix(g.Payload, f.Payload) {
		t.Errorf("Parse(Append) = %+v, want %+v", g, f)
	}
}

func TestParseRefuses(t *testing.T) {
	tests := []struct {
		name string
		in   []byte
		want error
	}{
		{"empty", nil, ErrShort},
		{"header cut", make([]byte, 13), ErrShort},
		{"jumbo", make([]byte, MaxFrame+1), ErrLong},
		{"LLC length", make([]byte, 60), ErrLength},
	}
	for _, tt := range tests {
		if _, err := Parse(tt.in); !errors.Is(err, tt.want) {
			t.Errorf("%s: error %v, want %v", tt.name, err, tt.want)
		}
	}
}

func FuzzParse(f *testing.F) {
	f.Add(Frame{Dst: PAEGroup, Type: TypeEAPOL, Payload: []byte{2, 1, 0, 0}}.Append(nil))
	f.Fuzz(func(t *testing.T, b []byte) {
		frame, err := Parse(b)
		if err != nil {
			return
		}
		if again := frame.Append(nil); !bytes.HasPrefix(again, b) {
			t.Errorf("Append(Parse(%x)) = %x", b, again)
		}
	})
}
