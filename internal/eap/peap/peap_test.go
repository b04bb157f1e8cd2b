package peap

import (
	"bytes"
	"reflect"
	"strings"
	"testing"

	"nacsim/internal/eap"
)

func TestWrap(t *testing.T) {
	for _, c := range []struct {
		packet eap.Packet
		want   []byte
	}{
		{eap.Packet{Code: eap.Request, ID: 9, Type: eap.TypeIdentity, Data: []byte{}}, []byte{1}},
		{eap.Packet{Code: eap.Response, ID: 9, Type: eap.TypeIdentity, Data: []byte("x")}, []byte{1, 'x'}},
		{eap.Packet{Code: eap.Request, ID: 9, Type: TypeExtensions, Data: Result(true).Append(nil)}, []byte{1, 9, 0, 11, 33, 0x80, 3, 0, 2, 0, 1}},
		{eap.Packet{Code: eap.Failure, ID: 9}, []byte{4, 9, 0, 4}},
	} {
		got := Wrap(c.packet)
		if !bytes.Equal(got, c.want) {
			t.Errorf("%v becomes %x, want %x", c.packet, got, c.want)
		}
		code := c.packet.Code
		if code == eap.Failure {
			code = eap.Request
		}
		if back, err := Unwrap(code, 9, got); err != nil || !reflect.DeepEqual(back, c.packet) {
			t.Errorf("%x is %v, %v", got, back, err)
		}
	}
	whole := eap.Packet{Code: eap.Response, ID: 3, Type: eap.TypeIdentity, Data: []byte("x")}
	if got, err := Unwrap(eap.Response, 9, whole.Append(nil)); err != nil || !reflect.DeepEqual(got, whole) {
		t.Errorf("a whole packet is %v, %v", got, err)
	}
	if _, err := Unwrap(eap.Response, 9, nil); err == nil {
		t.Error("nothing is a packet")
	}
}

func TestResult(t *testing.T) {
	for _, success := range []bool{true, false} {
		tlvs, err := ParseTLVs(Result(success).Append(nil))
		got, ok := ResultOf(tlvs)
		if err != nil || !ok || got != success {
			t.Errorf("%v: %v, %v, %v", success, got, ok, err)
		}
	}
	for name, tlvs := range map[string][]TLV{
		"none": nil, "other": {{Type: TLVNAK}}, "short": {{Type: TLVResult, Data: []byte{1}}}, "unknown": {{Type: TLVResult, Data: []byte{0, 3}}},
		"both": {Result(true), Result(false)},
	} {
		if _, ok := ResultOf(tlvs); ok {
			t.Errorf("%s is a result", name)
		}
	}
}

func TestMalformedTLVs(t *testing.T) {
	for _, s := range []string{"\x80", "\x80\x03\x00", "\x80\x03\x00\x03\x00\x01", "\x80\x03\x00\x02\x00\x01\x00", strings.Repeat("\x00\x03\x00\x00", 65)} {
		if tlvs, err := ParseTLVs([]byte(s)); err == nil {
			t.Errorf("%x: %v", s, tlvs)
		}
	}
}

func FuzzTunnel(f *testing.F) {
	f.Add([]byte{1, 'x'})
	f.Add([]byte{2, 9, 0, 11, 33, 0x80, 3, 0, 2, 0, 1})
	f.Add([]byte{3, 9, 0, 4})
	f.Fuzz(func(t *testing.T, b []byte) {
		if p, err := Unwrap(eap.Response, 1, b); err == nil {
			if again, err := Unwrap(eap.Response, p.ID, Wrap(p)); err != nil || again.Type != p.Type {
				t.Errorf("%x is %v and then %v, %v", b, p, again, err)
			}
			b = p.Data
		}
		tlvs, err := ParseTLVs(b)
		if err != nil {
			return
		}
		var again []byte
		for _, v := range tlvs {
			again = v.Append(again)
		}
		if back, err := ParseTLVs(again); err != nil || !reflect.DeepEqual(back, tlvs) {
			t.Errorf("%x is %v and then %v, %v", b, tlvs, back, err)
		}
		_, _ = ResultOf(tlvs)
	})
}
