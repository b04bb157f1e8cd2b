package scenario

import (
	"strings"
	"unicode/utf8"
)

// An Error is one thing wrong with a scenario file.
type Error struct {
	Pos
	// Msg names what is wrong and, where that helps, what could have been written.
	Msg string
	// Source is the offending line, and Width the number of characters from Col on that are meant.
	Source string
	Width  int
}

// Error returns "file:line:col: message", without the source line.
func (e *Error) Error() string { return e.Pos.String() + ": " + e.Msg }

// Detail returns the error followed by the offending line and a line with a caret under what is meant.
func (e *Error) Detail() string {
	var b strings.Builder
	b.WriteString(e.Error())
	if strings.TrimSpace(e.Source) == "" {
		return b.String()
	}
	line, col := excerpt(e.Source, e.Col)
	b.WriteString("\n    ")
	b.WriteString(line)
	b.WriteString("\n    ")
	for i, r := range line {
		if utf8.RuneCountInString(line[:i]) >= col-1 {
			break
		}
		if r == '\t' { // keeps the caret aligned whatever a tab is worth
			b.WriteByte('\t')
		} else {
			b.WriteByte(' ')
		}
	}
	width := min(e.Width, utf8.RuneCountInString(line)-col+1)
	b.WriteString(strings.Repeat("^", max(width, 1)))
	return b.String()
}

// excerptWidth is how many characters of a long line an error shows.
const excerptWidth = 120

// excerpt returns the part of a line to show and the column in it that col has become. Control characters,
// which could confuse a terminal, are shown as "·".
func excerpt(line string, col int) (string, int) {
	rs := []rune(line)
	for i, r := range rs {
		if r != '\t' && (r < ' ' || r == 0x7f || r >= 0x80 && r < 0xa0 || r == utf8.RuneError) {
			rs[i] = '·'
		}
	}
	col = max(1, min(col, len(rs)+1))
	if len(rs) <= excerptWidth {
		return string(rs), col
	}
	from := max(0, min(col-1-excerptWidth/3, len(rs)-excerptWidth))
	return string(rs[from : from+excerptWidth]), col - from
}

// Errors are all that is wrong with a scenario file, in the order of the file, at most [MaxErrors].
type Errors []*Error

// Error returns the errors in detail, one after the other.
func (es Errors) Error() string {
	parts := make([]string, len(es))
	for i, e := range es {
		parts[i] = e.Detail()
	}
	return strings.Join(parts, "\n")
}
