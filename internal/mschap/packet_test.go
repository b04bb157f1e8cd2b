package mschap

import (
	"bytes"
	"testing"
)

func TestPackets(t *testing.T) {
	for _, p := range []Packet{
		{Op: OpChallenge, ID: 7, Challenge: [16]byte{1, 2, 3}, Name: "nac"},
		{Op: OpResponse, ID: 7, Challenge: [16]byte{4, 5}, Response: [24]byte{6, 23: 7}, Name: `CORP\anna`},
		{Op: OpSuccess, ID: 7, Message: "S=00 M=OK"},
		{Op: OpFailure, ID: 7, Message: "E=691"},
		{Op: OpSuccess, Answer: true},
		{Op: OpFailure, Answer: true},
	} {
		b := p.Append([]byte{0xff})
		if got, err := ParsePacket(b[1:]); err != nil || got != p {
			t.Errorf("%+v comes back as %+v, %v", p, got, err)
		}
	}
	response := Packet{Op: OpResponse, ID: 1, Name: "u"}.Append(nil)
	if len(response) != 55 || response[3] != 55 || response[4] != 49 {
		t.Errorf("Response is %x", response)
	}
}

func TestMalformedPackets(t *testing.T) {
	good := Packet{Op: OpResponse, ID: 7, Name: "anna"}.Append(nil)
	change := func(i int, v byte) []byte { b := bytes.Clone(good); b[i] = v; return b }
	for name, b := range map[string][]byte{
		"nothing":           {},
		"short":             {2, 7, 0},
		"longer than said":  append(bytes.Clone(good), 0),
		"shorter than said": good[:len(good)-1],
		"short value":       change(4, 48),
		"no value":          {2, 7, 0, 4},
		"unknown operation": change(0, 9),
		"change password":   change(0, 7),
		"long name":         Packet{Op: OpResponse, Name: string(make([]byte, 254))}.Append(nil),
	} {
		if p, err := ParsePacket(b); err == nil {
			t.Errorf("%s: %+v", name, p)
		}
	}
}

func FuzzParsePacket(f *testing.F) {
	f.Add(Packet{Op: OpChallenge, ID: 7, Name: "nac"}.Append(nil))
	f.Add(Packet{Op: OpResponse, ID: 7, Name: "anna"}.Append(nil))
	f.Add([]byte{3})
	f.Add([]byte("\x04\x07\x00\x0dE=691 R=0"))
	f.Fuzz(func(t *testing.T, b []byte) {
		p, err := ParsePacket(b)
		if err != nil {
			return
		}
		if again, err := ParsePacket(p.Append(nil)); err != nil || again != p {
			t.Errorf("%x is %+v and then %+v, %v", b, p, again, err)
		}
		_, _ = ParseRefusal(p.Message)
	})
}
