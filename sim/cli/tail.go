package cli

import (
	"bytes"
	"io"
	"regexp"
)

// Limits of what a report repeats of the timeline.
const (
	tailLines = 40
	tailSize  = 32 << 10
)

// tail passes on what is written and remembers the end of it.
type tail struct {
	w    io.Writer
	kept []byte
}

func (t *tail) Write(b []byte) (int, error) {
	t.kept = append(t.kept, b...)
	if len(t.kept) > 2*tailSize {
		t.kept = append(t.kept[:0], t.kept[len(t.kept)-tailSize:]...)
	}
	return t.w.Write(b)
}

var colours = regexp.MustCompile(`\x1b\[[0-9;]*[A-Za-z]`)

// text is the last lines, without colours.
func (t *tail) text() string {
	lines := bytes.Split(bytes.TrimRight(t.kept, "\n"), []byte("\n"))
	if len(lines) > tailLines {
		lines = lines[len(lines)-tailLines:]
	}
	return colours.ReplaceAllString(string(bytes.Join(lines, []byte("\n"))), "")
}
