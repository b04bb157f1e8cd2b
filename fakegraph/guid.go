package fakegraph

import (
	"encoding/hex"
	"io"
	"sync"
)

// A guidSource draws random GUIDs (RFC 9562 section 5.4).
type guidSource struct {
	mu sync.Mutex
	r  io.Reader
}

func (g *guidSource) next() string {
	g.mu.Lock()
	defer g.mu.Unlock()
	return newGUID(g.r)
}

// newGUID reads one GUID. A source that fails yields what it gave so far; the machine's random streams do not.
func newGUID(r io.Reader) string {
	var b [16]byte
	_, _ = io.ReadFull(r, b[:])
	return formatGUID(b)
}

// formatGUID marks b as a version 4 GUID and writes it in lower case.
func formatGUID(b [16]byte) string {
	b[6] = b[6]&0x0f | 0x40
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

// isGUID reports whether s is a GUID in the form 8-4-4-4-12, in either case.
func isGUID(s string) bool {
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
