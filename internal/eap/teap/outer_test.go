package teap

import (
	"bytes"
	"errors"
	"testing"

	"nacsim/internal/eap"
)

func TestStart(t *testing.T) {
	outer := Outer([]byte("nac"))
	start := Start(outer)
	if version, ok := eap.IsStart(start); !ok || version != Version {
		t.Errorf("%x is no start", start)
	}
	rest, got, version, err := SplitOuter(start)
	if err != nil || !bytes.Equal(got, outer) || version != Version || !bytes.Equal(rest, []byte{flagStart | Version}) {
		t.Errorf("split into %x and %x, version %d, %v", rest, got, version, err)
	}
}

func TestSplitOuter(t *testing.T) {
	for _, c := range []struct{ data, rest, outer string }{
		{"01", "01", ""}, {"01 aabb", "01 aabb", ""}, {"81 00000002 aabb", "81 00000002 aabb", ""},
		{"11 00000004 aabb 00070000", "01 aabb", "00070000"}, {"91 0000000a 00000004 aabb 00070000", "81 00000002 aabb", "00070000"},
		{"11 00000000 aa", "01 aa", ""},
	} {
		rest, outer, version, err := SplitOuter(unhex(t, c.data))
		if err != nil || !bytes.Equal(rest, unhex(t, c.rest)) || !bytes.Equal(outer, unhex(t, c.outer)) || version != 1 {
			t.Errorf("%s: %x and %x, version %d, %v", c.data, rest, outer, version, err)
		}
	}
	for _, data := range []string{"", "11", "11 000000", "91 00000008", "11 00000005 00070000", "11 ffffffff 00", "11 00000004 00070001", "91 00000007 00000004 00070000"} {
		if rest, outer, _, err := SplitOuter(unhex(t, data)); !errors.Is(err, ErrMalformed) {
			t.Errorf("%s: %x and %x, %v", data, rest, outer, err)
		}
	}
}

func FuzzSplitOuter(f *testing.F) {
	for _, s := range []string{"01", "1100000004aabb00070000", "910000000a00000004aabb00070000"} {
		f.Add(unhex(f, s))
	}
	f.Fuzz(func(t *testing.T, data []byte) {
		rest, outer, _, err := SplitOuter(data)
		if err == nil && len(rest)+len(outer) > len(data) {
			t.Errorf("%x becomes %x and %x", data, rest, outer)
		}
	})
}
