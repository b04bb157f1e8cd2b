package timeline

import (
	"strconv"
	"strings"
	"time"
	"unicode"
	"unicode/utf8"
)

const (
	actorWidth = 12
	timeWidth  = len("00:00:00.000")
)

// colours are the ANSI codes of each look.
var colours = map[look]string{good: "\x1b[32m", bad: "\x1b[31m", fault: "\x1b[33m", heading: "\x1b[1m", detail: "\x1b[2m"}

const colourOff = "\x1b[0m"

func (t *Timeline) paint(b []byte, l look) []byte {
	if t.o.Color {
		b = append(b, colours[l]...)
	}
	return b
}

func (t *Timeline) unpaint(b []byte, l look) []byte {
	if t.o.Color && colours[l] != "" {
		b = append(b, colourOff...)
	}
	return b
}

// appendLine appends the line in columns: time, actor, text.
func (t *Timeline) appendLine(b []byte, l line) []byte {
	b = t.paint(b, l.look)
	if l.at >= 0 {
		b = appendOffset(b, l.at)
	} else {
		b = append(b, strings.Repeat(" ", timeWidth)...)
	}
	b = append(b, "  "...)
	actor := clean(l.actor)
	b = append(b, actor...)
	for n := utf8.RuneCountInString(actor); n < actorWidth; n++ {
		b = append(b, ' ')
	}
	b = append(b, clean(l.text)...)
	b = t.unpaint(b, l.look)
	b = append(b, '\n')
	for _, more := range l.more {
		b = t.paint(b, detail)
		b = append(b, strings.Repeat(" ", timeWidth+2+actorWidth+2)...)
		b = append(b, clean(more)...)
		b = t.unpaint(b, detail)
		b = append(b, '\n')
	}
	return b
}

// appendOffset writes an offset as hours, minutes, seconds and milliseconds. From the first day on, the days stand in
// front and the milliseconds are left out, which takes the same width.
func appendOffset(b []byte, d time.Duration) []byte {
	ms := d.Milliseconds()
	const day = 24 * 3600 * 1000
	days := ms / day
	if days > 0 {
		if days < 10 {
			b = append(b, ' ')
		}
		b = append(strconv.AppendInt(b, days, 10), "d "...)
		ms %= day
	}
	two := func(n int64) { b = append(b, byte('0'+n/10), byte('0'+n%10)) }
	two(ms / 3600000)
	b = append(b, ':')
	two(ms / 60000 % 60)
	b = append(b, ':')
	two(ms / 1000 % 60)
	if days > 0 {
		return b
	}
	b = append(b, '.', byte('0'+ms/100%10))
	two(ms % 100)
	return b
}

// clean replaces what could disturb a terminal: names and reasons may come from strangers.
func clean(s string) string {
	if strings.IndexFunc(s, disturbs) < 0 && utf8.ValidString(s) {
		return s
	}
	return strings.Map(func(c rune) rune {
		if disturbs(c) {
			return '\ufffd'
		}
		return c
	}, s)
}

func disturbs(c rune) bool { return unicode.IsControl(c) || unicode.Is(unicode.Bidi_Control, c) }

func appendIndented(b []byte, text string) []byte {
	for s := range strings.Lines(text) {
		b = append(b, "  "...)
		b = append(b, clean(strings.TrimRight(s, "\r\n"))...)
		b = append(b, '\n')
	}
	return b
}

func plural(n int, one, many string) string {
	if n == 1 {
		return "1 " + one
	}
	return strconv.Itoa(n) + " " + many
}

// A ring keeps the last lines.
type ring struct {
	max     int
	kept    []string
	next    int
	dropped int
}

func (r *ring) add(s string) {
	if len(r.kept) < r.max {
		r.kept = append(r.kept, s)
		return
	}
	r.kept[r.next] = s
	r.next = (r.next + 1) % r.max
	r.dropped++
}

func (r *ring) lines() []string {
	return append(append([]string(nil), r.kept[r.next:]...), r.kept[:r.next]...)
}
