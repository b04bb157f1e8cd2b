package trace

import (
	"bytes"
	"crypto/sha256"
	"encoding/json"
	"errors"
	"io"
	"log/slog"
	"math"
	"net"
	"net/netip"
	"strings"
	"testing"
	"time"
	"unicode/utf8"
)

func TestAppendJSON(t *testing.T) {
	tests := []struct {
		name   string
		fields []slog.Attr
		want   string
	}{
		{"none", nil, ``},
		{"numbers", []slog.Attr{slog.Int("i", -1), slog.Uint64("u", math.MaxUint64), slog.Float64("f", 0.5), slog.Bool("b", true)},
			`,"i":-1,"u":18446744073709551615,"f":0.5,"b":true`},
		{"no number", []slog.Attr{slog.Float64("nan", math.NaN()), slog.Float64("inf", math.Inf(-1))}, `,"nan":"NaN","inf":"-Inf"`},
		{"duration", []slog.Attr{slog.Duration("took", 2*time.Hour)}, `,"took":"2h0m0s"`},
		{"time", []slog.Attr{slog.Time("not_after", start.Add(1))}, `,"not_after":"2026-01-05T08:00:00.000000001Z"`},
		{"group", []slog.Attr{slog.Group("rule", slog.String("name", "Corp"), slog.Group("vlan", slog.Int("id", 750)))},
			`,"rule":{"name":"Corp","vlan":{"id":750}}`},
		{"lists", []slog.Attr{
			slog.Any("s", []string{"a", "b"}), slog.Any("none", []string(nil)),
			slog.Any("v", []slog.Value{slog.IntValue(1), slog.GroupValue(slog.Bool("ok", false))}),
			slog.Any("any", []any{"x", 1, nil}), slog.Any("attrs", []slog.Attr{slog.Int("z", 1), slog.Int("a", 2)}),
		}, `,"s":["a","b"],"none":[],"v":[1,{"ok":false}],"any":["x",1,null],"attrs":{"z":1,"a":2}`},
		{"addresses", []slog.Attr{
			slog.Any("ip", netip.MustParseAddr("10.0.0.1")), slog.Any("ap", netip.MustParseAddrPort("[2001:db8::1]:1812")),
			slog.Any("net", netip.MustParsePrefix("10.0.0.0/8")), slog.Any("mac", net.HardwareAddr{0, 0x1c, 0xb3, 9, 0x85, 0x15}),
		}, `,"ip":"10.0.0.1","ap":"[2001:db8::1]:1812","net":"10.0.0.0/8","mac":"00:1c:b3:09:85:15"`},
		{"octets", []slog.Attr{slog.Any("state", []byte{0xde, 0xad})}, `,"state":"dead"`},
		{"error", []slog.Attr{slog.Any("error", errors.New("no \"route\"")), slog.Any("nil", nil)}, `,"error":"no \"route\"","nil":null`},
		{"stringer", []slog.Attr{slog.Any("zone", time.UTC)}, `,"zone":"UTC"`},
		{"map keys are sorted", []slog.Attr{slog.Any("m", map[string]int{"b": 2, "a": 1, "c": 3})}, `,"m":{"a":1,"b":2,"c":3}`},
		{"what JSON cannot say", []slog.Attr{slog.Any("f", func() {})}, `,"f":"unprintable: json: unsupported type: func()"`},
		{"reserved names", []slog.Attr{slog.String("kind", "ap"), slog.String("t", "x")}, `,"kind_":"ap","t_":"x"`},
		{"escapes", []slog.Attr{slog.String("s", "\"\\\n\r\t\x00\x1f\x7f é 漢 \U0001f600")},
			`,"s":"\"\\\n\r\t\u0000\u001f\u007f é 漢 😀"`},
		{"no UTF-8", []slog.Attr{slog.String("s", "a\xffb\xc3"), slog.String("k\xff", "")}, ",\"s\":\"a\ufffdb\ufffd\",\"k\ufffd\":\"\""},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			r := Record{Seq: 7, Time: start.Add(2*time.Hour + time.Millisecond), At: 2*time.Hour + time.Millisecond, Actor: "nac", Kind: "decision", Fields: tt.fields}
			got := string(AppendJSON(nil, r))
			want := `{"seq":7,"t":"2026-01-05T10:00:00.001000000Z","at":"2h0m0.001s","actor":"nac","kind":"decision"` + tt.want + `}`
			if got != want {
				t.Errorf("line\n%s\nwant\n%s", got, want)
			}
			if !json.Valid([]byte(got)) || !utf8.ValidString(got) {
				t.Errorf("line is not valid JSON in UTF-8: %s", got)
			}
		})
	}
}

func TestAppendJSONIsBoundedInDepth(t *testing.T) {
	a := slog.Int("leaf", 1)
	for range 100 {
		a = slog.Group("g", a)
	}
	got := AppendJSON(nil, Record{Fields: []slog.Attr{a}})
	if !json.Valid(got) || strings.Contains(string(got), "leaf") || !strings.Contains(string(got), "null") {
		t.Errorf("line %s, want the deep part as null", got)
	}
}

func TestJSONLSum(t *testing.T) {
	var out bytes.Buffer
	sink := NewJSONL(&out)
	r := NewRecorder(start, sink)
	r.Emit(start, "nac", "decision", slog.String("rule", "Corp"))
	r.Secret(start, "CLIENT_RANDOM secret")
	r.Packet(Packet{Time: start, Data: []byte{1}})
	if err := sink.Close(); err != nil {
		t.Fatal(err)
	}
	if n := bytes.Count(out.Bytes(), []byte{'\n'}); n != 2 {
		t.Errorf("%d lines, want 2", n)
	}
	if bytes.Contains(out.Bytes(), []byte("secret")) {
		t.Error("the trace contains a TLS secret")
	}
	if got := sink.Sum(); got != sha256.Sum256(out.Bytes()) {
		t.Errorf("Sum() = %x, which is not the hash of the file", got)
	}
	quiet := NewJSONL(nil)
	quiet.Record(Record{})
	if quiet.Close() != nil || quiet.Sum() == NewJSONL(nil).Sum() {
		t.Error("a sink without a writer must compute the sum")
	}
}

type brokenWriter struct{}

func (brokenWriter) Write([]byte) (int, error) { return 0, io.ErrShortWrite }

func TestJSONLKeepsItsFirstError(t *testing.T) {
	sink := NewJSONL(brokenWriter{})
	for range 2000 {
		sink.Record(Record{Actor: strings.Repeat("x", 100)})
	}
	if err := sink.Close(); !errors.Is(err, io.ErrShortWrite) {
		t.Errorf("Close() = %v, want the error of the write", err)
	}
}

func TestRecordField(t *testing.T) {
	r := Record{Fields: []slog.Attr{
		slog.String("vlan", "750"), slog.Duration("took", time.Minute), slog.Int("n", 3), slog.String("quoted", `"a"`),
		slog.Any("ip", netip.MustParseAddr("10.0.0.1")), slog.Any("list", []string{"a"}),
	}}
	for name, want := range map[string]string{
		"vlan": "750", "took": "1m0s", "n": "3", "quoted": `"a"`, "ip": "10.0.0.1", "list": `["a"]`, "absent": "",
	} {
		if got := r.Field(name); got != want {
			t.Errorf("Field(%q) = %q, want %q", name, got, want)
		}
	}
}

func FuzzAppendJSON(f *testing.F) {
	f.Add("kind", "value", []byte{0xff}, int64(1))
	f.Add("\x00", "a\xffb \u2028", []byte(nil), int64(-1))
	f.Fuzz(func(t *testing.T, key, value string, octets []byte, n int64) {
		line := AppendJSON(nil, Record{Actor: value, Kind: key, At: time.Duration(n), Time: start, Fields: []slog.Attr{
			slog.String(key, value), slog.Any("o", octets), slog.Any("l", []string{value, key}), slog.Group(key, slog.Int64(value, n)),
		}})
		if !json.Valid(line) || !utf8.Valid(line) || bytes.ContainsRune(line, '\n') {
			t.Errorf("not one line of valid JSON: %q", line)
		}
	})
}

// BenchmarkRecord is a line of usual length: it has to stay below 3 us.
func BenchmarkRecord(b *testing.B) {
	sink := NewJSONL(nil)
	r := NewRecorder(start, sink)
	at := start.Add(2*time.Hour + 1234567*time.Nanosecond)
	fields := []slog.Attr{
		slog.String("client", "00:1c:b3:09:85:15"), slog.String("user", "host/LAPTOP-1"), slog.String("auth_type", "EAP-TLS"),
		slog.String("nas", "ap-1"), slog.String("result", "accept"), slog.String("rule", "Corp Compliant"), slog.String("vlan", "750"),
		slog.Group("explanation", slog.String("tried", "Corp Compliant"), slog.Bool("matched", true), slog.Duration("age", time.Minute)),
	}
	b.ReportAllocs()
	for b.Loop() {
		r.Emit(at, "nac", "decision", fields...)
	}
}

// The layout in words of package time is the reference.
func TestTimesHaveAFixedWidth(t *testing.T) {
	for _, at := range []time.Time{
		{}, time.Unix(0, 1), start, time.Date(9999, 12, 31, 23, 59, 59, 999_999_999, time.UTC),
		time.Date(2028, 2, 29, 1, 2, 3, 40_500_000, time.FixedZone("", -7*3600)),
	} {
		want := at.UTC().Format(`"2006-01-02T15:04:05.000000000Z07:00"`)
		if got := string(appendTime(nil, at)); got != want {
			t.Errorf("%s, want %s", got, want)
		}
	}
}
