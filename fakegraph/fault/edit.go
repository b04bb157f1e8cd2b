package fault

import (
	"bytes"
	"encoding/json"
	"errors"
	"net/http"
	"net/url"
	"strconv"
	"strings"

	"nacsim/fakegraph/wire"
)

// An object is a JSON object whose members keep their order.
type object struct {
	members []member
}

type member struct {
	name  string
	value json.RawMessage
}

var errNoObject = errors.New("no JSON object")

func parseObject(text []byte) (*object, error) {
	d := json.NewDecoder(bytes.NewReader(text))
	if t, err := d.Token(); err != nil || t != json.Delim('{') {
		return nil, errNoObject
	}
	o := &object{}
	for d.More() {
		t, err := d.Token()
		name, ok := t.(string)
		if err != nil || !ok {
			return nil, errNoObject
		}
		m := member{name: name}
		if err := d.Decode(&m.value); err != nil {
			return nil, err
		}
		o.members = append(o.members, m)
	}
	return o, nil
}

// append writes the object.
func (o *object) append(b []byte) []byte {
	b = append(b, '{')
	for i, m := range o.members {
		if i > 0 {
			b = append(b, ',')
		}
		b = append(b, quote(m.name)...)
		b = append(b, ':')
		b = append(b, m.value...)
	}
	return append(b, '}')
}

// quote is text as a JSON string.
func quote(text string) json.RawMessage {
	b, err := json.Marshal(text)
	if err != nil {
		return json.RawMessage(`""`)
	}
	return b
}

// at is the member of that name, or nil.
func (o *object) at(name string) *member {
	for i := range o.members {
		if strings.EqualFold(o.members[i].name, name) {
			return &o.members[i]
		}
	}
	return nil
}

// set changes a member that is there and reports whether it is.
func (o *object) set(name string, value json.RawMessage) bool {
	m := o.at(name)
	if m != nil {
		m.value = value
	}
	return m != nil
}

func (o *object) remove(name string) bool {
	for i := range o.members {
		if o.members[i].name == name {
			o.members = append(o.members[:i], o.members[i+1:]...)
			return true
		}
	}
	return false
}

// text is the value of a string, or "".
func (m *member) text() string {
	var s string
	if m == nil || json.Unmarshal(m.value, &s) != nil {
		return ""
	}
	return s
}

// Edits of token replies and discovery.

func tokenSeconds(s *strike, o *object) bool {
	changed := false
	for _, name := range []string{"expires_in", "ext_expires_in"} {
		m := o.at(name)
		if m == nil {
			continue
		}
		text := strconv.Itoa(s.f.Seconds)
		if bytes.HasPrefix(m.value, []byte(`"`)) {
			m.value, changed = quote(text), true
		} else {
			m.value, changed = json.RawMessage(text), true
		}
	}
	o.remove("expires_on") // which would contradict
	return changed
}

func tokenWithoutExpiry(_ *strike, o *object) bool {
	removed := o.remove("expires_in")
	o.remove("expires_on")
	return removed
}

func tokenNumbersAsText(_ *strike, o *object) bool {
	changed := false
	for i := range o.members {
		if v := o.members[i].value; len(v) > 0 && v[0] >= '0' && v[0] <= '9' {
			o.members[i].value, changed = quote(string(v)), true
		}
	}
	return changed
}

func wrongIssuer(s *strike, o *object) bool {
	was := o.at("issuer").text()
	at, err := url.Parse(was)
	return err == nil && o.set("issuer", quote(s.f.To+at.Path))
}

func wrongAliases(s *strike, o *object) bool {
	return o.eachOf("metadata", func(entry *object) bool { return entry.set("aliases", json.RawMessage("["+string(quote(s.f.To))+"]")) })
}

// moveService names the new origin, and has nothing at the old one.
func (s *strike) moveService() {
	switch {
	case isDiscovery(s.r.URL.Path):
		s.edit(s.r, moveEndpoints)
	case wire.Origin(s.r) == s.f.To:
		s.spare()
		s.to.Next.ServeHTTP(s.w, s.r)
	default:
		s.fail()
	}
}

func moveEndpoints(s *strike, o *object) bool {
	return o.eachOf("value", func(entry *object) bool {
		at, err := url.Parse(entry.at("uri").text())
		return err == nil && at.Host != "" && entry.set("uri", quote(s.f.To+at.RequestURI()))
	})
}

// eachOf edits the objects in an array and reports whether any changed.
func (o *object) eachOf(name string, edit func(*object) bool) bool {
	list := o.at(name)
	var entries []json.RawMessage
	if list == nil || json.Unmarshal(list.value, &entries) != nil {
		return false
	}
	changed := false
	for i := range entries {
		if entry, err := parseObject(entries[i]); err == nil && edit(entry) {
			entries[i], changed = entry.append(nil), true
		}
	}
	list.value = joined(entries)
	return changed
}

func joined(rows []json.RawMessage) json.RawMessage {
	b := []byte{'['}
	for i, row := range rows {
		if i > 0 {
			b = append(b, ',')
		}
		b = append(b, row...)
	}
	return append(b, ']')
}

// Edits of devices, in lists and alone.

// rowEditor is a strike that changes devices.
func rowEditor(edit func(*strike, *object) bool) func(*strike) {
	return editor(func(s *strike, o *object) bool {
		if o.at("value") == nil {
			return edit(s, o)
		}
		edited := 0
		return o.eachOf("value", func(row *object) bool {
			if s.f.Rows > 0 && edited == s.f.Rows || !edit(s, row) {
				return false
			}
			edited++
			return true
		})
	})
}

func unknownMember(s *strike, o *object) bool { return o.set(s.f.Property, quote(s.f.Value)) }

func nullValue(s *strike, o *object) bool { return o.set(s.f.Property, json.RawMessage("null")) }

func extraFields(_ *strike, o *object) bool {
	o.members = append(o.members,
		member{"@odata.type", json.RawMessage(`"#microsoft.graph.windowsManagedDevice"`)},
		member{"previewState", json.RawMessage(`{"complianceState":"compliant","nested":[[{"id":null,"list":[1,2.5,-3e2,true,[]]}]]}`)},
		member{"complianceStateNext", json.RawMessage(`"compliant"`)})
	return true
}

// decoded is a query as a person reads it.
func decoded(query string) string {
	if text, err := url.QueryUnescape(query); err == nil {
		return text
	}
	return query
}

// self is the address that a request came for.
func self(r *http.Request) string {
	at := url.URL{Path: r.RequestURI}
	link := wire.Origin(r) + at.EscapedPath()
	if r.URL.RawQuery != "" {
		link += "?" + r.URL.RawQuery
	}
	return link
}
