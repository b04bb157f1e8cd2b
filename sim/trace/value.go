package trace

import (
	"encoding"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"log/slog"
	"math"
	"net"
	"strconv"
	"time"
	"unicode/utf8"
)

// Text renders a field's value for people: as it stands in the trace, but a string without its quotes.
func Text(v slog.Value) string {
	v = v.Resolve()
	if v.Kind() == slog.KindString {
		return v.String()
	}
	b := appendValue(nil, v)
	if len(b) >= 2 && b[0] == '"' {
		var s string
		if json.Unmarshal(b, &s) == nil {
			return s
		}
	}
	return string(b)
}

// maxDepth bounds the nesting of groups and lists in a value; what lies deeper is written as null.
const maxDepth = 16

func appendAttr(b []byte, a slog.Attr, depth int) []byte {
	b = appendString(b, a.Key)
	b = append(b, ':')
	return appendNested(b, a.Value.Resolve(), depth)
}

func appendValue(b []byte, v slog.Value) []byte { return appendNested(b, v.Resolve(), 0) }

func appendNested(b []byte, v slog.Value, depth int) []byte {
	switch v.Kind() {
	case slog.KindString:
		return appendString(b, v.String())
	case slog.KindInt64:
		return strconv.AppendInt(b, v.Int64(), 10)
	case slog.KindUint64:
		return strconv.AppendUint(b, v.Uint64(), 10)
	case slog.KindBool:
		return strconv.AppendBool(b, v.Bool())
	case slog.KindFloat64:
		return appendFloat(b, v.Float64())
	case slog.KindDuration:
		return appendString(b, v.Duration().String())
	case slog.KindTime:
		return appendTime(b, v.Time())
	case slog.KindGroup:
		return appendObject(b, v.Group(), depth)
	}
	return appendAny(b, v.Any(), depth)
}

func appendObject(b []byte, attrs []slog.Attr, depth int) []byte {
	if depth >= maxDepth {
		return append(b, "null"...)
	}
	b = append(b, '{')
	for i, a := range attrs {
		if i > 0 {
			b = append(b, ',')
		}
		b = appendAttr(b, a, depth+1)
	}
	return append(b, '}')
}

// appendAny writes the values that slog has no kind for. Types that describe themselves as text are written
// as that text; what is left goes through encoding/json, which sorts the keys of maps.
func appendAny(b []byte, x any, depth int) []byte {
	switch x := x.(type) {
	case nil:
		return append(b, "null"...)
	case []string:
		return appendList(b, len(x), depth, func(b []byte, i int) []byte { return appendString(b, x[i]) })
	case []slog.Attr:
		return appendObject(b, x, depth)
	case []slog.Value:
		return appendList(b, len(x), depth, func(b []byte, i int) []byte {
			return appendNested(b, x[i].Resolve(), depth+1)
		})
	case []any:
		return appendList(b, len(x), depth, func(b []byte, i int) []byte {
			return appendNested(b, slog.AnyValue(x[i]).Resolve(), depth+1)
		})
	case []byte:
		return appendString(b, hex.EncodeToString(x))
	case net.HardwareAddr: // lower-case colon form
		return appendString(b, x.String())
	case error:
		return appendString(b, x.Error())
	case json.Marshaler:
		return appendJSON(b, x)
	case encoding.TextMarshaler:
		if text, err := x.MarshalText(); err == nil {
			return appendString(b, string(text))
		}
	case fmt.Stringer:
		return appendString(b, x.String())
	}
	return appendJSON(b, x)
}

func appendList(b []byte, n, depth int, element func(b []byte, i int) []byte) []byte {
	if depth >= maxDepth {
		return append(b, "null"...)
	}
	b = append(b, '[')
	for i := range n {
		if i > 0 {
			b = append(b, ',')
		}
		b = element(b, i)
	}
	return append(b, ']')
}

func appendJSON(b []byte, x any) []byte {
	text, err := json.Marshal(x)
	if err != nil {
		return appendString(b, "unprintable: "+err.Error())
	}
	return append(b, text...)
}

func appendFloat(b []byte, f float64) []byte {
	if math.IsNaN(f) || math.IsInf(f, 0) {
		return appendString(b, strconv.FormatFloat(f, 'g', -1, 64))
	}
	return strconv.AppendFloat(b, f, 'g', -1, 64)
}

// appendTime writes a time in UTC with a fixed width, so that lines sort and align: RFC 3339 with nine digits of a
// second. It is on every line, and time.AppendFormat takes three times as long.
func appendTime(b []byte, t time.Time) []byte {
	t = t.UTC()
	year, month, day := t.Date()
	hour, minute, second := t.Clock()
	b = append(b, '"')
	b = appendDigits(b, year, 4)
	b = append(b, '-')
	b = appendDigits(b, int(month), 2)
	b = append(b, '-')
	b = appendDigits(b, day, 2)
	b = append(b, 'T')
	b = appendDigits(b, hour, 2)
	b = append(b, ':')
	b = appendDigits(b, minute, 2)
	b = append(b, ':')
	b = appendDigits(b, second, 2)
	b = append(b, '.')
	b = appendDigits(b, t.Nanosecond(), 9)
	return append(b, 'Z', '"')
}

// appendDigits writes the last digits of n, of which there are width.
func appendDigits(b []byte, n, width int) []byte {
	at := len(b)
	b = append(b, "000000000"[:width]...)
	for i := at + width - 1; i >= at; i-- {
		b[i] = byte('0' + n%10)
		n /= 10
	}
	return b
}

// plain are the octets that stand for themselves in a JSON string.
var plain = func() (p [256]bool) {
	for c := ' '; c < 0x7f; c++ {
		p[c] = c != '"' && c != '\\'
	}
	return p
}()

const hexDigits = "0123456789abcdef"

// appendString writes s as a JSON string. Octets that are no UTF-8 become U+FFFD, so that every line of a
// trace is valid UTF-8 whatever came over the wire.
func appendString(b []byte, s string) []byte {
	b = append(b, '"')
	from := 0
	for i := 0; i < len(s); {
		c := s[i]
		if plain[c] {
			i++
			continue
		}
		if c >= utf8.RuneSelf {
			r, size := utf8.DecodeRuneInString(s[i:])
			if r == utf8.RuneError && size == 1 {
				b = append(b, s[from:i]...)
				b = append(b, "\ufffd"...)
				from = i + 1
			}
			i += size
			continue
		}
		b = append(b, s[from:i]...)
		b = appendEscape(b, c)
		i++
		from = i
	}
	b = append(b, s[from:]...)
	return append(b, '"')
}

func appendEscape(b []byte, c byte) []byte {
	switch c {
	case '"', '\\':
		return append(b, '\\', c)
	case '\n':
		return append(b, '\\', 'n')
	case '\r':
		return append(b, '\\', 'r')
	case '\t':
		return append(b, '\\', 't')
	}
	return append(b, '\\', 'u', '0', '0', hexDigits[c>>4], hexDigits[c&15])
}
