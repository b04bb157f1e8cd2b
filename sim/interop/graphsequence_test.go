package interop

import (
	"encoding/json"
	"fmt"
	"maps"
	"net/http"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/goccy/go-yaml"
)

// A graphSequence is what a program that cannot run here sends, as recorded or read in its source, and what it needs
// to be told: a file in testdata/graph. Texts in braces are variables. Expected texts are regular expressions for
// the whole value.
type graphSequence struct {
	Title  string      `yaml:"title"`
	Source string      `yaml:"source"`
	Steps  []graphStep `yaml:"steps"`
}

type graphStep struct {
	Name      string   `yaml:"name"`
	Method    string   `yaml:"method"` // GET if empty
	URL       string   `yaml:"url"`
	Header    []string `yaml:"header"`    // "Name: value"
	Form      []string `yaml:"form"`      // "name=value", URL-encoded on the wire
	Multipart []string `yaml:"multipart"` // "name=value"
	// Follow points to the URL of the next request like this one in a reply; the step ends when there is none.
	Follow string     `yaml:"follow"`
	Fault  graphFault `yaml:"fault"` // strikes this step
	// Advance is what passes on the fake's clock before the step.
	Advance string           `yaml:"advance"`
	Expect  graphExpectation `yaml:"expect"`
}

type graphExpectation struct {
	Status int               `yaml:"status"`
	Header map[string]string `yaml:"header"`
	JSON   map[string]string `yaml:"json"`  // pointer to text; "absent" and "null" are what they say
	Body   []string          `yaml:"body"`  // what is found in it
	Not    []string          `yaml:"not"`   // what is not
	Pages  int               `yaml:"pages"` // requests of a step that follows
	Keep   map[string]string `yaml:"keep"`  // variable to pointer
}

// A graphReply is what a transport brings back.
type graphReply struct {
	status int
	header http.Header
	body   []byte
}

// A graphTransport sends a request of a sequence to the fake, whatever host its URL names.
type graphTransport func(t *testing.T, f *graphFake, s graphStep) graphReply

func testGraphSequences(t *testing.T, send graphTransport) {
	files, err := filepath.Glob("testdata/graph/*.yaml")
	if err != nil || len(files) == 0 {
		t.Fatalf("no sequences: %v", err)
	}
	for _, file := range files {
		t.Run(strings.TrimSuffix(filepath.Base(file), ".yaml"), func(t *testing.T) {
			t.Parallel()
			data, err := os.ReadFile(file)
			if err != nil {
				t.Fatal(err)
			}
			var s graphSequence
			if err := yaml.UnmarshalWithOptions(data, &s, yaml.Strict()); err != nil {
				t.Fatalf("%s: %v", file, err)
			}
			p := &graphPlayer{fake: startGraph(t, "page_size: 1000", "page_size: 2"), send: send, variables: map[string]string{
				"tenant": graphTenant, "client": graphClient, "secret": graphSecret, "password": graphPassword,
			}}
			p.sign(t)
			for _, step := range s.Steps {
				p.play(t, step)
			}
		})
	}
}

// A graphPlayer plays a sequence.
type graphPlayer struct {
	fake      *graphFake
	send      graphTransport
	variables map[string]string
}

// sign makes an assertion for the time that it is for the fake.
func (p *graphPlayer) sign(t *testing.T) {
	t.Helper()
	var clock struct{ Now time.Time }
	p.fake.control(t, http.MethodGet, "/clock", nil, &clock)
	p.variables["assertion"] = p.fake.app.assertion(t, graphClient, "https://login.microsoftonline.com/"+graphTenant+"/oauth2/token", clock.Now)
}

func (p *graphPlayer) play(t *testing.T, s graphStep) {
	t.Helper()
	if s.Advance != "" {
		p.fake.control(t, http.MethodPost, "/clock", map[string]string{"advance": s.Advance}, nil)
		p.sign(t)
	}
	if s.Fault != nil {
		p.fake.fault(t, s.Fault)
		defer p.fake.control(t, http.MethodDelete, "/faults", nil, nil)
	}
	s = p.filledIn(t, s)
	var all []any // the JSON of each page
	pages := 0
	for next := s.URL; next != ""; pages++ {
		if pages == 100 {
			t.Fatalf("%s: there is no end of pages", s.Name)
		}
		s.URL = next
		reply := p.send(t, p.fake, s)
		document := s.Expect.check(t, s.Name, reply)
		all = append(all, document)
		if next = ""; s.Follow != "" {
			next, _ = point(document, s.Follow).(string)
		}
	}
	if s.Expect.Pages != 0 && pages != s.Expect.Pages {
		t.Errorf("%s: there are %d pages, not %d", s.Name, pages, s.Expect.Pages)
	}
	p.keep(t, s, merged(all))
}

// keep checks what a step is told in all of its pages, and remembers it.
func (p *graphPlayer) keep(t *testing.T, s graphStep, document any) {
	t.Helper()
	for _, pointer := range slices.Sorted(maps.Keys(s.Expect.JSON)) {
		want := s.Expect.JSON[pointer]
		if got := text(point(document, pointer)); got != want && !whole(t, want).MatchString(got) {
			t.Errorf("%s: %s is %s, not %s", s.Name, pointer, got, want)
		}
	}
	for name, pointer := range s.Expect.Keep {
		value := text(point(document, pointer))
		if value == "absent" {
			t.Fatalf("%s: there is no %s", s.Name, pointer)
		}
		p.variables[name] = value
	}
}

// check checks one reply and returns its JSON, or nil.
func (e graphExpectation) check(t *testing.T, step string, reply graphReply) any {
	t.Helper()
	if reply.status != e.Status {
		t.Fatalf("%s: status %d, not %d: %s", step, reply.status, e.Status, reply.body)
	}
	for name, want := range e.Header {
		if got := reply.header.Get(name); !whole(t, want).MatchString(got) {
			t.Errorf("%s: header %s is %q, not %q", step, name, got, want)
		}
	}
	for _, want := range e.Body {
		if !regexp.MustCompile(want).Match(reply.body) {
			t.Errorf("%s: no %s in %s", step, want, reply.body)
		}
	}
	for _, bad := range e.Not {
		if regexp.MustCompile(bad).Match(reply.body) {
			t.Errorf("%s: %s in %s", step, bad, reply.body)
		}
	}
	var document any
	if err := json.Unmarshal(reply.body, &document); err != nil && len(e.JSON)+len(e.Keep) > 0 {
		t.Fatalf("%s: %v: %s", step, err, reply.body)
	}
	return document
}

func whole(t *testing.T, pattern string) *regexp.Regexp {
	t.Helper()
	re, err := regexp.Compile("^(?s:" + pattern + ")$")
	if err != nil {
		t.Fatal(err)
	}
	return re
}

// filledIn is a step with the values of its variables.
func (p *graphPlayer) filledIn(t *testing.T, s graphStep) graphStep {
	t.Helper()
	fill := func(text string) string {
		return regexp.MustCompile(`\{[a-z]+\}`).ReplaceAllStringFunc(text, func(name string) string {
			value, ok := p.variables[strings.Trim(name, "{}")]
			if !ok {
				t.Fatalf("%s: there is no %s yet", s.Name, name)
			}
			return value
		})
	}
	fillAll := func(texts []string) []string {
		filled := make([]string, len(texts))
		for i, text := range texts {
			filled[i] = fill(text)
		}
		return filled
	}
	s.URL, s.Header, s.Form, s.Multipart = fill(s.URL), fillAll(s.Header), fillAll(s.Form), fillAll(s.Multipart)
	expected := maps.Clone(s.Expect.JSON)
	for pointer, want := range expected {
		if strings.HasPrefix(want, "{") {
			expected[pointer] = regexp.QuoteMeta(fill(want))
		}
	}
	s.Expect.JSON = expected
	if s.Method == "" {
		s.Method = http.MethodGet
	}
	return s
}

// merged is one document for the pages of a list.
func merged(pages []any) any {
	first, ok := pages[0].(map[string]any)
	if !ok || len(pages) == 1 {
		return pages[0]
	}
	var rows []any
	for _, page := range pages {
		value, _ := point(page, "/value").([]any)
		rows = append(rows, value...)
	}
	whole := maps.Clone(first)
	whole["value"] = rows
	return whole
}

// absent stands for what a document does not have.
type absent struct{}

// point is what a JSON pointer (RFC 6901) leads to; a step name=value picks the element of an array with that member.
func point(document any, pointer string) any {
	for _, step := range strings.Split(strings.TrimPrefix(pointer, "/"), "/") {
		switch d := document.(type) {
		case map[string]any:
			value, ok := d[step]
			if !ok {
				return absent{}
			}
			document = value
		case []any:
			document = element(d, step)
		default:
			return absent{}
		}
	}
	return document
}

func element(array []any, step string) any {
	if name, value, ok := strings.Cut(step, "="); ok {
		for _, e := range array {
			if text(point(e, "/"+name)) == value {
				return e
			}
		}
		return absent{}
	}
	n, err := strconv.Atoi(step)
	if err != nil || n < 0 || n >= len(array) {
		return absent{}
	}
	return array[n]
}

// text is a JSON value as files write it.
func text(value any) string {
	switch v := value.(type) {
	case absent:
		return "absent"
	case nil:
		return "null"
	case string:
		return v
	}
	encoded, err := json.Marshal(value)
	if err != nil {
		return fmt.Sprint(value)
	}
	return string(encoded)
}
