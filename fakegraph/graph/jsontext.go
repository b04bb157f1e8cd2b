package graph

import (
	"encoding/json"
	"time"
)

// appendJSONString appends s as a JSON string. Device properties are nearly always plain ASCII, which is
// copied; anything else goes through encoding/json.
func appendJSONString(b []byte, s string) []byte {
	if !isPlain(s) {
		quoted, err := json.Marshal(s)
		if err != nil {
			return append(b, `""`...)
		}
		return append(b, quoted...)
	}
	b = append(b, '"')
	b = append(b, s...)
	return append(b, '"')
}

// isPlain reports whether a text stands for itself in a JSON string.
func isPlain[T string | []byte](s T) bool {
	for i := range len(s) {
		if c := s[i]; c < 0x20 || c > 0x7e || c == '"' || c == '\\' {
			return false
		}
	}
	return true
}

// appendJSONTime appends t with second precision as Intune does (facts 1.3). The zero time is
// 0001-01-01T00:00:00Z, which is what Intune shows for "never".
func appendJSONTime(b []byte, t time.Time) []byte {
	year, month, day := t.UTC().Date()
	hour, minute, second := t.UTC().Clock()
	b = append(b, '"')
	b = appendDigits(b, year/100)
	b = appendDigits(b, year%100)
	b = appendDigits(append(b, '-'), int(month))
	b = appendDigits(append(b, '-'), day)
	b = appendDigits(append(b, 'T'), hour)
	b = appendDigits(append(b, ':'), minute)
	b = appendDigits(append(b, ':'), second)
	return append(b, 'Z', '"')
}

// appendDigits appends a number of two digits.
func appendDigits(b []byte, n int) []byte { return append(b, byte('0'+n/10), byte('0'+n%10)) }

func appendJSONBool(b []byte, v bool) []byte {
	if v {
		return append(b, "true"...)
	}
	return append(b, "false"...)
}
