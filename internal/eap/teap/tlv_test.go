package teap

import (
	"bytes"
	"encoding/hex"
	"errors"
	"reflect"
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

func TestDecode(t *testing.T) {
	prompt := ""
	for _, c := range []struct {
		name, wire string
		want       Message
	}{
		{"nothing", "", Message{}},
		{"result", "8003 0002 0001", Message{Result: Success}},
		{"intermediate result and failure", "800a 0002 0001 8003 0002 0002", Message{Intermediate: Success, Result: Failure}},
		{"EAP with identity type", "8009 0005 0201000501 0002 0002 0002", Message{EAP: []byte{2, 1, 0, 5, 1}, Identity: Machine}},
		{"prompt", "800d 0000", Message{Ask: &prompt}},
		{"password", "800e 0006 02 616e 02 7077", Message{Password: &Password{[]byte("an"), []byte("pw")}}},
		{"error", "8005 0004 000003e9", Message{Error: InnerMethodError}},
		{"NAK", "8004 0006 00000000 000c", Message{Refused: CryptoBinding}},
		{"action", "8008 0002 0101", Message{Action: []byte{1, 1}}},
		{"unknown", "0063 0001 00", Message{}},
		{"unknown and mandatory", "8063 0001 00", Message{Unknown: 99}},
		{"intermediate result with a TLV in it", "800a 0008 0001 0007 0002 0000", Message{Intermediate: Success}},
	} {
		t.Run(c.name, func(t *testing.T) {
			wire := unhex(t, c.wire)
			m, err := Decode(wire)
			if err != nil || !reflect.DeepEqual(m, c.want) {
				t.Fatalf("got %+v, %v", m, err)
			}
			if again, err := Decode(m.Append(nil)); m.Unknown == 0 && (err != nil || !reflect.DeepEqual(again, m)) {
				t.Errorf("again %+v, %v", again, err)
			}
		})
	}
}

func TestMalformed(t *testing.T) {
	for _, wire := range []string{
		"80", "8003 00", "8003 0002 00", "8003 0001 01", "8003 0002 0003", "8003 0002 0000", "800a 0000", "0002 0001 00", "8005 0003 000000",
		"8004 0005 0000000000", "800c 004b" + strings.Repeat("00", 75), "800c 004d" + strings.Repeat("00", 77), "800e 0000", "800e 0002 0161",
		"800e 0002 0161", "800e 0003 016105", "800e 0004 00 00 0000", "8003 0002 0001 8003 0002 0001", strings.Repeat("0063 0000", 65),
	} {
		if m, err := Decode(unhex(t, wire)); !errors.Is(err, ErrMalformed) {
			t.Errorf("%.40s is taken as %+v, %v", wire, m, err)
		}
	}
}

func FuzzDecode(f *testing.F) {
	for _, s := range []string{"800300020001", "800900050201000501000200020002", "800e000602616e027077", "800c004c" + strings.Repeat("01", 76)} {
		f.Add(unhex(f, s))
	}
	f.Fuzz(func(t *testing.T, wire []byte) {
		m, err := Decode(wire)
		if err != nil {
			return
		}
		if again, err := Decode(m.Append(nil)); m.Unknown == 0 && (err != nil || again.Result != m.Result || !bytes.Equal(again.EAP, m.EAP)) {
			t.Errorf("%+v becomes %+v, %v", m, again, err)
		}
	})
}
