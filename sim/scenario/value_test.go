package scenario

import (
	"testing"
	"time"
)

func TestParseDuration(t *testing.T) {
	for _, c := range []struct {
		text string
		want time.Duration
		back string // what FormatDuration makes of it, if not text
	}{
		{"0s", 0, ""},
		{"8h", 8 * time.Hour, ""},
		{"1h30m", 90 * time.Minute, ""},
		{"90m", 90 * time.Minute, "1h30m"},
		{"2d", 48 * time.Hour, ""},
		{"1d12h", 36 * time.Hour, ""},
		{"365d", 365 * 24 * time.Hour, ""},
		{"1.5d", 36 * time.Hour, "1d12h"},
		{"-1h", -time.Hour, ""},
		{"-2d3h", -51 * time.Hour, ""},
		{"500ms", 500 * time.Millisecond, ""},
		{"1h0m5s", time.Hour + 5*time.Second, "1h5s"},
		{"2d1ms", 48*time.Hour + time.Millisecond, ""},
		{"10us", 10 * time.Microsecond, "10µs"},
	} {
		got, err := ParseDuration(c.text)
		if err != nil || got != c.want {
			t.Errorf("ParseDuration(%q) = %v, %v; want %v", c.text, got, err, c.want)
		}
		back := c.back
		if back == "" {
			back = c.text
		}
		if s := FormatDuration(got); s != back {
			t.Errorf("FormatDuration(%v) = %q, want %q", got, s, back)
		}
	}
	for _, text := range []string{"", "5", "h", "5 s", "5S", "+5s", "1h 30m", "1h2d", "1d2d", "1e3s", "0x1s", "99999999999d", "9999999h", "-", "s5", "5s-"} {
		if d, err := ParseDuration(text); err == nil {
			t.Errorf("ParseDuration(%q) = %v, want an error", text, d)
		}
	}
}

func TestClosest(t *testing.T) {
	names := []string{"connect", "disconnect", "certificate", "coa_answer", "crash"}
	for got, want := range map[string]string{
		"conect": "connect", "CONNECT": "connect", "disconect": "disconnect", "certificat": "certificate",
		"coaanswer": "coa_answer", "carsh": "crash", "x": "", "router": "", "": "",
	} {
		if best := Closest(got, names); best != want {
			t.Errorf("the closest to %q is %q, want %q", got, best, want)
		}
	}
}

func TestGlob(t *testing.T) {
	for _, c := range []struct {
		pattern, text string
		want          bool
	}{
		{"750", "750", true}, {"750", "75", false}, {"", "", true}, {"", "x", false},
		{"*", "", true}, {"*", "anything", true}, {"ADAS*", "ADAS-LAPTOP", true}, {"ADAS*", "XADAS", false},
		{"*implicit deny*", "No policy rules are hit, rejected by implicit deny", true},
		{"a*b*c", "aXbYc", true}, {"a*b*c", "aXcYb", false}, {"*.example", "a.example.example", true},
		{"**", "x", true}, {"a*a*a*a*a*a*a*a*b", "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa", false},
	} {
		if got := glob(c.pattern, c.text); got != c.want {
			t.Errorf("glob(%q, %q) = %v", c.pattern, c.text, got)
		}
	}
}
