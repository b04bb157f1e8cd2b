package mdm

import (
	"encoding/json"
	"errors"
	"fmt"
	"unicode/utf8"
)

// A scan reads JSON (RFC 8259) from front to back, without making anything of what nobody asked for. It accepts what
// encoding/json accepts, up to maxDepth. A list of a large tenant has a hundred megabytes of which a hundredth is needed;
// encoding/json would make up all of it, and has no means to leave it out.
type scan struct {
	text []byte
	at   int
}

// maxDepth bounds how deep arrays and objects may be nested; Graph's have five levels.
const maxDepth = 64

var errDepth = errors.New("JSON is nested too deep")

// wrong is an error about where the scan is.
func (s *scan) wrong(want string) error {
	if s.at >= len(s.text) {
		return fmt.Errorf("JSON ends after %d octets, want %s", len(s.text), want)
	}
	return fmt.Errorf("JSON has %q at octet %d, want %s", s.text[s.at], s.at, want)
}

// peek returns the next octet that is not white space, 0 at the end.
func (s *scan) peek() byte {
	for s.at < len(s.text) {
		switch c := s.text[s.at]; c {
		case ' ', '\t', '\r', '\n':
			s.at++
		default:
			return c
		}
	}
	return 0
}

// take passes over the next octet if it is c.
func (s *scan) take(c byte) bool {
	if s.peek() != c || c == 0 {
		return false
	}
	s.at++
	return true
}

// object calls member for each member of an object, with the scan at its value, which member has to pass over.
func (s *scan) object(member func(name []byte) error) error {
	if !s.take('{') {
		return s.wrong("an object")
	}
	if s.take('}') {
		return nil
	}
	for {
		name, err := s.str()
		if err != nil {
			return err
		}
		if !s.take(':') {
			return s.wrong("a colon")
		}
		if err := member(name); err != nil {
			return err
		}
		if s.take('}') {
			return nil
		}
		if !s.take(',') {
			return s.wrong("a comma or the end of the object")
		}
	}
}

// array calls element with the scan at each element, which element has to pass over.
func (s *scan) array(element func() error) error {
	if !s.take('[') {
		return s.wrong("an array")
	}
	if s.take(']') {
		return nil
	}
	for {
		if err := element(); err != nil {
			return err
		}
		if s.take(']') {
			return nil
		}
		if !s.take(',') {
			return s.wrong("a comma or the end of the array")
		}
	}
}

// str reads a string. The result may share memory with the text.
func (s *scan) str() ([]byte, error) {
	start, plain, err := s.quoted()
	if err != nil {
		return nil, err
	}
	inside := s.text[start+1 : s.at-1]
	if plain || utf8.Valid(inside) && !escaped(inside) {
		return inside, nil
	}
	var text string
	if err := json.Unmarshal(s.text[start:s.at], &text); err != nil {
		return nil, err
	}
	return []byte(text), nil
}

func escaped(text []byte) bool {
	for _, c := range text {
		if c == '\\' {
			return true
		}
	}
	return false
}

// quoted passes over a string and returns where it starts, and whether it is plain ASCII without escapes.
func (s *scan) quoted() (start int, plain bool, err error) {
	if s.peek() != '"' {
		return 0, false, s.wrong("a string")
	}
	start, plain = s.at, true
	text := s.text
	for at := start + 1; at < len(text); {
		switch c := text[at]; {
		case c == '"':
			s.at = at + 1
			return start, plain, nil
		case c == '\\':
			plain = false
			s.at = at
			if at = afterEscape(text, at); at < 0 {
				return start, false, s.wrong("an escape of JSON")
			}
		case c < ' ':
			s.at = at
			return start, false, s.wrong("no control character in a string")
		default:
			if c >= utf8.RuneSelf {
				plain = false
			}
			at++
		}
	}
	s.at = len(text)
	return start, false, s.wrong("the end of a string")
}

// afterEscape returns what comes after the escape at a place, or -1 when it is none.
func afterEscape(text []byte, at int) int {
	if at+1 >= len(text) {
		return -1
	}
	switch text[at+1] {
	case '"', '\\', '/', 'b', 'f', 'n', 'r', 't':
		return at + 2
	case 'u':
		if at+6 > len(text) {
			return -1
		}
		for _, c := range text[at+2 : at+6] {
			if hexDigit(c) < 0 {
				return -1
			}
		}
		return at + 6
	}
	return -1
}

// hexDigit is the value of a hexadecimal digit, or -1.
func hexDigit(c byte) int {
	switch {
	case c >= '0' && c <= '9':
		return int(c - '0')
	case c >= 'a' && c <= 'f':
		return int(c-'a') + 10
	case c >= 'A' && c <= 'F':
		return int(c-'A') + 10
	}
	return -1
}

// skip passes over any value.
func (s *scan) skip(depth int) error {
	if depth == 0 {
		return errDepth
	}
	switch c := s.peek(); c {
	case '"':
		_, _, err := s.quoted()
		return err
	case '{':
		return s.object(func([]byte) error { return s.skip(depth - 1) })
	case '[':
		return s.array(func() error { return s.skip(depth - 1) })
	case 't':
		return s.word("true")
	case 'f':
		return s.word("false")
	case 'n':
		return s.word("null")
	default:
		if c == '-' || c >= '0' && c <= '9' {
			return s.number()
		}
	}
	return s.wrong("a value")
}

// word passes over a literal.
func (s *scan) word(word string) error {
	if len(s.text)-s.at < len(word) || string(s.text[s.at:s.at+len(word)]) != word {
		return s.wrong(word)
	}
	s.at += len(word)
	return nil
}

// number passes over a number (RFC 8259 section 6).
func (s *scan) number() error {
	if s.at < len(s.text) && s.text[s.at] == '-' {
		s.at++
	}
	if s.at < len(s.text) && s.text[s.at] == '0' {
		s.at++
	} else if !s.digits() {
		return s.wrong("a digit")
	}
	if s.at < len(s.text) && s.text[s.at] == '.' {
		if s.at++; !s.digits() {
			return s.wrong("a digit")
		}
	}
	if s.at < len(s.text) && s.text[s.at]|0x20 == 'e' {
		s.at++
		if s.at < len(s.text) && (s.text[s.at] == '+' || s.text[s.at] == '-') {
			s.at++
		}
		if !s.digits() {
			return s.wrong("a digit")
		}
	}
	return nil
}

// digits passes over digits and reports whether there were any.
func (s *scan) digits() bool {
	start := s.at
	for s.at < len(s.text) && s.text[s.at] >= '0' && s.text[s.at] <= '9' {
		s.at++
	}
	return s.at > start
}

// end reports what comes after the value, if anything does.
func (s *scan) end() error {
	if s.peek() != 0 || s.at < len(s.text) {
		return s.wrong("nothing more")
	}
	return nil
}
