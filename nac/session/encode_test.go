package session

import (
	"encoding/json"
	"math/rand/v2"
	"net/netip"
	"reflect"
	"testing"
	"time"
)

// TestEncodingIsThatOfEncodingJSON holds it for sessions of random content, whatever fields a session gets: they are
// found by reflection.
func TestEncodingIsThatOfEncodingJSON(t *testing.T) {
	random := rand.New(rand.NewPCG(1, 2))
	for range 2000 {
		var s Session
		fill(random, reflect.ValueOf(&s).Elem())
		want, wrong := json.Marshal(&s)
		got, err := s.appendJSON(nil)
		if (err == nil) != (wrong == nil) {
			t.Fatalf("error %v, that of encoding/json is %v", err, wrong)
		}
		if err == nil && string(got) != string(want) {
			t.Fatalf("has appendJSON every field, in its place? got\n%s\nwant\n%s", got, want)
		}
	}
}

// fill gives a value a random content, and leaves one in four as it is.
func fill(random *rand.Rand, v reflect.Value) {
	texts := []string{"a", "LAPTOP-1", `quote " and \ `, "<b>&amp;</b>", "M\u00fcller\u2028", "\xff\x00\n\x7f"}
	times := []time.Time{time.Unix(0, 0).UTC(), time.Date(2026, 1, 5, 8, 0, 0, 123_000_000, time.FixedZone("", 3600)), time.Date(10000, 1, 1, 0, 0, 0, 0, time.UTC)}
	addrs := []netip.Addr{netip.MustParseAddr("10.0.0.1"), netip.MustParseAddr("2001:db8::1"), netip.MustParseAddr("::ffff:10.0.0.1"), netip.MustParseAddr("fe80::1").WithZone(`"<`)}
	if random.IntN(4) == 0 {
		return
	}
	switch v.Interface().(type) {
	case time.Time:
		n := len(times) - 1
		if random.IntN(100) == 0 {
			n++ // a year that has no text
		}
		v.Set(reflect.ValueOf(times[random.IntN(n)]))
		return
	case netip.Addr:
		v.Set(reflect.ValueOf(addrs[random.IntN(len(addrs))]))
		return
	case netip.AddrPort:
		v.Set(reflect.ValueOf(netip.AddrPortFrom(addrs[random.IntN(len(addrs))], uint16(random.Uint32()))))
		return
	}
	switch v.Kind() {
	case reflect.Struct:
		for i := range v.NumField() {
			fill(random, v.Field(i))
		}
	case reflect.Pointer:
		v.Set(reflect.New(v.Type().Elem()))
		fill(random, v.Elem())
	case reflect.Slice:
		v.Set(reflect.MakeSlice(v.Type(), random.IntN(3), 3))
		for i := range v.Len() {
			fill(random, v.Index(i))
		}
	case reflect.String:
		v.SetString(texts[random.IntN(len(texts))])
	case reflect.Bool:
		v.SetBool(true)
	case reflect.Int64:
		v.SetInt(random.Int64())
	case reflect.Uint64:
		v.SetUint(random.Uint64())
	default:
		panic("a field of type " + v.Type().String())
	}
}

func BenchmarkEncode(b *testing.B) {
	s := Session{CoA: netip.MustParseAddrPort("10.0.0.1:3799"), CallingStation: "00-1c-b3-00-00-01", CalledStation: "aa-bb-cc-00-00-01:corp", AcctSessionID: "0123456789ABCDEF",
		Class: "0123456789abcdef", AuthorizedAt: time.Unix(1767600000, 0).UTC()}
	s.Request.MAC, s.Request.NAS, s.Request.AuthType, s.InForce.VLAN = "00:1c:b3:00:00:01", "ap-1", "mab", "750"
	room := make([]byte, 0, 1024)
	b.ReportAllocs()
	for b.Loop() {
		if _, err := s.appendJSON(room); err != nil {
			b.Fatal(err)
		}
	}
}
