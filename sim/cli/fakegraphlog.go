package cli

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"os"
	"strings"
	"sync"
	"unicode"

	"nacsim/fakegraph/requestlog"
)

// maxUnwritten bounds what waits for a terminal that is slower than the clients.
const maxUnwritten = 1 << 20

// fakegraphLog prints the requests to fakegraph, and writes them to a file.
type fakegraphLog struct {
	form   logFlag
	stdout io.Writer
	file   *os.File // nil without one

	mu           sync.Mutex // guards what follows
	lines        bytes.Buffer
	held         int // requests that were not printed
	records      bytes.Buffer
	heldFromFile int
}

// openFakegraphLog opens the file, unless its name is empty.
func openFakegraphLog(form logFlag, stdout io.Writer, path string) (*fakegraphLog, error) {
	l := &fakegraphLog{form: form, stdout: stdout}
	if path == "" {
		return l, nil
	}
	var err error
	l.file, err = os.OpenFile(path, os.O_CREATE|os.O_APPEND|os.O_WRONLY, 0o600)
	if err != nil {
		return nil, badInput("nacsim fakegraph: --log-file %s cannot be written: %v", path, reason(err))
	}
	return l, nil
}

// add takes in a request. It does not wait for anything.
func (l *fakegraphLog) add(e requestlog.Entry) {
	if l.form == logOff && l.file == nil {
		return
	}
	record, err := json.Marshal(e)
	if err != nil {
		return // an entry always marshals
	}
	record = append(record, '\n')
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.file != nil {
		if l.records.Len() > maxUnwritten {
			l.heldFromFile++
		} else {
			l.records.Write(record)
		}
	}
	switch {
	case l.form == logOff:
	case l.lines.Len() > maxUnwritten:
		l.held++
	case l.form == logJSON:
		l.lines.Write(record)
	default:
		l.lines.WriteString(requestLine(&e))
	}
}

// note prints a line among the requests.
func (l *fakegraphLog) note(format string, args ...any) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.form == logLine && l.lines.Len() <= maxUnwritten {
		fmt.Fprintf(&l.lines, format+"\n", args...)
	}
}

// flush writes what has come in.
func (l *fakegraphLog) flush() error {
	l.mu.Lock()
	lines, records := bytes.Clone(l.lines.Bytes()), bytes.Clone(l.records.Bytes())
	if l.held > 0 && l.form == logLine {
		lines = fmt.Appendf(lines, "… and %d requests more\n", l.held)
	}
	if l.heldFromFile > 0 {
		records = fmt.Appendf(records, "{\"left_out\":%d}\n", l.heldFromFile)
	}
	l.lines.Reset()
	l.records.Reset()
	l.held, l.heldFromFile = 0, 0
	l.mu.Unlock()
	if len(lines) > 0 {
		_, _ = l.stdout.Write(lines)
	}
	if len(records) == 0 {
		return nil
	}
	_, err := l.file.Write(records)
	return err
}

// close writes the rest.
func (l *fakegraphLog) close() error {
	err := l.flush()
	if l.file != nil {
		if late := l.file.Close(); err == nil {
			err = late
		}
	}
	if err != nil {
		return badInput("nacsim fakegraph: %s cannot be written: %v", l.file.Name(), reason(err))
	}
	return nil
}

// requestLine puts a request into a line, and those inside of a $batch into lines below it.
func requestLine(e *requestlog.Entry) string {
	var b strings.Builder
	fmt.Fprintf(&b, "%s %s %-7s %s", e.Time.Format("15:04:05"), statusText(e.Status), fmt.Sprintf("%.0f ms", e.Milliseconds), what(e))
	b.WriteByte('\n')
	for i := range e.Batch {
		fmt.Fprintf(&b, "         %s         %s\n", statusText(e.Batch[i].Status), what(&e.Batch[i]))
	}
	return b.String()
}

// statusText is the status of a reply, if there was one.
func statusText(status int) string {
	if status == 0 {
		return "---"
	}
	return fmt.Sprint(status)
}

// what tells a request in words: what was asked for, by whom, and what is worth knowing about the reply.
func what(e *requestlog.Entry) string {
	mark := " "
	if e.Unmatched {
		mark = "!"
	}
	parts := []string{mark + printable(e.Method), printable(e.Path)}
	if e.App != "" {
		parts = append(parts, "by "+printable(e.App))
	}
	if e.User != "" {
		parts = append(parts, "for "+printable(e.User))
	}
	if e.Rows > 0 {
		parts = append(parts, fmt.Sprintf("%d rows", e.Rows))
	}
	for _, more := range []struct{ name, text string }{{"limit", e.Throttle}, {"fault", e.Fault}, {"because", e.Text}} {
		if more.text != "" {
			parts = append(parts, more.name+": "+printable(more.text)+";")
		}
	}
	return strings.TrimSuffix(strings.Join(parts, " "), ";")
}

// printable leaves out what could make a terminal do something, or show a text other than it is.
func printable(s string) string {
	return strings.Map(func(r rune) rune {
		if !unicode.IsPrint(r) {
			return '\uFFFD'
		}
		return r
	}, s)
}
