// Package guid reads and makes GUIDs (RFC 9562) in the form in which Microsoft writes them: 36 characters, in groups of
// 8-4-4-4-12 hexadecimal digits.
package guid

import (
	"encoding/hex"
	"io"
)

// Valid reports whether s is a GUID, in either case.
func Valid(s string) bool {
	if len(s) != 36 {
		return false
	}
	for i := range len(s) {
		switch c := s[i]; {
		case i == 8 || i == 13 || i == 18 || i == 23:
			if c != '-' {
				return false
			}
		case c >= '0' && c <= '9', c >= 'a' && c <= 'f', c >= 'A' && c <= 'F':
		default:
			return false
		}
	}
	return true
}

// Versions of RFC 9562: random octets (section 5.4), and octets made by a rule of the application (section 5.8).
const (
	Random = 4
	Custom = 8
)

// New reads a random GUID. A source that fails yields what it gave so far; the random streams of a machine do not.
func New(r io.Reader) string {
	var b [16]byte
	_, _ = io.ReadFull(r, b[:])
	return Format(b, Random)
}

// Format marks b as a GUID of the given version and writes it in lower case.
func Format(b [16]byte, version byte) string {
	b[6] = b[6]&0x0f | version<<4
	b[8] = b[8]&0x3f | 0x80
	var s [36]byte
	hex.Encode(s[0:8], b[0:4])
	hex.Encode(s[9:13], b[4:6])
	hex.Encode(s[14:18], b[6:8])
	hex.Encode(s[19:23], b[8:10])
	hex.Encode(s[24:36], b[10:16])
	s[8], s[13], s[18], s[23] = '-', '-', '-', '-'
	return string(s[:])
}
