package scenario

import (
	"cmp"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strings"
)

// maxPolicySize is the size of a policy file in octets.
const maxPolicySize = 1 << 20

// Parse reads the scenario file at path, and the policy files it names. It executes nothing. The error is of
// type [Errors] when the file could be read but says something wrong, and an [*os.PathError] when it could not.
func Parse(path string) (*File, error) {
	data, err := readFile(path, MaxFileSize)
	if err != nil {
		return nil, err
	}
	return parse(path, data, func(path string) ([]byte, error) { return readFile(path, maxPolicySize) })
}

// parse is Parse with the content of the file at hand, and with the way to read others.
func parse(path string, data []byte, read func(path string) ([]byte, error)) (*File, error) {
	p := newParser(path, data)
	p.read = read
	p.file = &File{Path: path, Name: scenarioName(path), lines: p.lines}
	if root := readNode(p, p.data); root != nil {
		fileRule.read(p, root, "the scenario", p.file)
	}
	if len(p.errs) > 0 {
		return nil, p.sorted()
	}
	return p.file, nil
}

// scenarioName is the base name without the extension.
func scenarioName(path string) string {
	base := filepath.Base(path)
	return strings.TrimSuffix(base, filepath.Ext(base))
}

// readFile reads a regular file of at most limit octets.
func readFile(path string, limit int64) ([]byte, error) {
	info, err := os.Stat(path)
	switch {
	case err != nil:
		return nil, err
	case info.IsDir():
		return nil, &os.PathError{Op: "read", Path: path, Err: errors.New("is a folder, not a file")}
	case !info.Mode().IsRegular(): // opening a pipe can wait forever
		return nil, &os.PathError{Op: "read", Path: path, Err: errors.New("is not a regular file")}
	}
	f, err := os.Open(path)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	data, err := io.ReadAll(io.LimitReader(f, limit+1))
	if err != nil {
		return nil, err
	}
	if int64(len(data)) > limit {
		return nil, &os.PathError{Op: "read", Path: path, Err: fmt.Errorf("is larger than %d KiB", limit>>10)}
	}
	return data, nil
}

// A parser reads one file and gathers what is wrong with it.
type parser struct {
	name  string
	data  []byte
	lines []string
	errs  Errors
	read  func(path string) ([]byte, error)

	file *File

	nas, devices names             // what the file defines; see declare
	hosts        map[string]bool   // names taken
	macs         map[string]string // whose a MAC address is
	users        map[string]bool   // names of users, in lower case
	policies     map[string]Policy // the policy files read so far, by path
	rules        []string          // the names of the rules in them
	ruleRefs     []*node           // where a rule is named
	unsure       bool              // a policy could not be read, so rules may be missing

	script script
}

func newParser(name string, data []byte) *parser {
	text := strings.TrimPrefix(string(data), "\ufeff")
	text = strings.ReplaceAll(text, "\r\n", "\n")
	return &parser{
		name:     name,
		data:     []byte(text),
		lines:    strings.Split(text, "\n"),
		hosts:    make(map[string]bool),
		macs:     make(map[string]string),
		users:    make(map[string]bool),
		policies: make(map[string]Policy),
		script:   newScript(),
	}
}

// report adds an error about width characters from pos on.
func (p *parser) report(pos Pos, width int, format string, args ...any) {
	e := &Error{Pos: pos, Msg: fmt.Sprintf(format, args...), Width: width}
	if pos.Line >= 1 && pos.Line <= len(p.lines) {
		e.Source = p.lines[pos.Line-1]
	}
	if len(p.errs) >= MaxErrors || slices.ContainsFunc(p.errs, func(o *Error) bool { return o.Pos == pos && o.Msg == e.Msg }) {
		return // the same value can be read twice through an alias
	}
	p.errs = append(p.errs, e)
}

// wrong reports that n is not what should stand under label.
func (p *parser) wrong(n *node, label, want string, args ...any) {
	p.report(n.pos, n.width, "%s: want %s, got %s", label, fmt.Sprintf(want, args...), n.describe())
}

// sorted returns the errors in the order of the file, and those of other files after them.
func (p *parser) sorted() Errors {
	slices.SortStableFunc(p.errs, func(a, b *Error) int {
		if a.File != b.File {
			switch p.name {
			case a.File:
				return -1
			case b.File:
				return 1
			}
		}
		return cmp.Or(strings.Compare(a.File, b.File), a.Line-b.Line, a.Col-b.Col)
	})
	return p.errs
}
