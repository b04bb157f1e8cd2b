package guid

import (
	"strings"
	"testing"
)

func TestValid(t *testing.T) {
	for s, want := range map[string]bool{
		"f81d4fae-7dec-11d0-a765-00a0c91e6bf6":   true, // RFC 9562 section 4
		"F81D4FAE-7DEC-11D0-A765-00A0C91E6BF6":   true,
		"f81d4fae7dec11d0a76500a0c91e6bf6":       false,
		"{f81d4fae-7dec-11d0-a765-00a0c91e6bf6}": false,
		"f81d4fae-7dec-11d0-a765-00a0c91e6bg6":   false,
		"f81d4fae-7dec-11d0a-765-00a0c91e6bf6":   false,
		"":                                       false,
	} {
		if got := Valid(s); got != want {
			t.Errorf("Valid(%q) = %v, want %v", s, got, want)
		}
	}
}

// The octets of the example of RFC 9562 appendix A.3 (version 4) and, made by the same rule, version 8.
func TestFormat(t *testing.T) {
	octets := "\x91\x91\x08\xf7\x52\xd1\x03\x20\x1b\xac\xf8\x47\xdb\x41\x48\xa8"
	if got, want := New(strings.NewReader(octets)), "919108f7-52d1-4320-9bac-f847db4148a8"; got != want {
		t.Errorf("New() = %s, want %s", got, want)
	}
	if got, want := Format([16]byte([]byte(octets)), Custom), "919108f7-52d1-8320-9bac-f847db4148a8"; got != want {
		t.Errorf("Format() = %s, want %s", got, want)
	}
}
