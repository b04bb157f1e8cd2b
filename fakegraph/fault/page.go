package fault

import (
	"encoding/json"
	"slices"
	"strconv"
	"strings"
)

// A page is one of a list of devices, about to be changed.
type page struct {
	*object
	rows    []json.RawMessage
	changed bool
}

const nextLink = "@odata.nextLink"

// pageEditor is a strike that changes a page.
func pageEditor(edit func(*strike, *page)) func(*strike) {
	return editor(func(s *strike, o *object) bool { return editPage(s, o, edit) })
}

func editPage(s *strike, o *object, edit func(*strike, *page)) bool {
	p := &page{object: o}
	value := o.at("value")
	if value == nil || json.Unmarshal(value.value, &p.rows) != nil {
		return false
	}
	edit(s, p)
	return p.changed
}

// link is the address of the next page, or "".
func (p *page) link() string { return p.at(nextLink).text() }

// setLink changes where the next page is, or adds that there is one.
func (p *page) setLink(link string) {
	if p.changed = true; p.set(nextLink, quote(link)) {
		return
	}
	last := len(p.members) - 1 // before the rows, as Graph has it
	p.members = append(p.members[:last:last], member{nextLink, quote(link)}, p.members[last])
}

// setRows changes the rows, and their number with them.
func (p *page) setRows(rows []json.RawMessage) {
	p.rows, p.changed = rows, true
	p.set("value", joined(rows))
	p.set("@odata.count", json.RawMessage(strconv.Itoa(len(rows))))
}

func linkLoop(s *strike, p *page) { p.setLink(self(s.r)) }

func linkDropped(_ *strike, p *page) { p.changed = p.remove(nextLink) }

// linkForeign leads to another origin; a list that is over goes on there.
func linkForeign(s *strike, p *page) {
	link := p.link()
	if link == "" {
		link = self(s.r)
	}
	p.setLink(s.f.To + strings.TrimPrefix(link, origin(link)))
}

// origin is the beginning of an address up to the path.
func origin(link string) string {
	_, rest, _ := strings.Cut(link, "://")
	if slash := strings.IndexByte(rest, '/'); slash >= 0 {
		return link[:len(link)-len(rest)+slash]
	}
	return link
}

// maxTail is how many rows of a page are remembered.
const maxTail = 100

// keepTail remembers the last rows of a page, and returns those of the page before in the same list.
func (s *strike) keepTail(rows []json.RawMessage) (before []json.RawMessage) {
	list := strings.Join(queryOptions(s.r.URL.RawQuery).without("$skiptoken"), "&")
	key := s.q.app() + " " + s.r.URL.Path + "?" + list
	s.set.mu.Lock()
	defer s.set.mu.Unlock()
	if !s.isFirst() {
		before = s.set.tails[key]
	}
	if s.set.tails == nil || len(s.set.tails) >= maxScans {
		s.set.tails = map[string][]json.RawMessage{}
	}
	s.set.tails[key] = slices.Clone(rows[max(0, len(rows)-maxTail):])
	return before
}

// isFirst reports whether the page is the first of its list.
func (s *strike) isFirst() bool { return queryOptions(s.r.URL.RawQuery).value("$skiptoken") == "" }

func rowsRepeated(s *strike, p *page) {
	last := func(rows []json.RawMessage) []json.RawMessage {
		return slices.Clone(rows[max(0, len(rows)-s.f.Rows):])
	}
	before := last(s.keepTail(p.rows))
	switch {
	case s.isFirst() && len(p.rows) > 0:
		p.setRows(append(slices.Clone(p.rows), last(p.rows)...))
	case len(before) > 0:
		p.setRows(append(before, p.rows...))
	}
}

func rowsMissing(s *strike, p *page) {
	if len(p.rows) > 0 {
		p.setRows(p.rows[:max(0, len(p.rows)-s.f.Rows)])
	}
}

// emptyPage names this page as the next one, at an address that differs in an option that means nothing.
func emptyPage(s *strike, p *page) {
	link := self(s.r)
	if !strings.Contains(link, "$skip=0") {
		if s.r.URL.RawQuery == "" {
			link += "?$skip=0"
		} else {
			link += "&$skip=0"
		}
	}
	p.setRows(nil)
	p.setLink(link)
}

func listTruncated(s *strike, p *page) {
	if len(p.rows) > s.f.Rows {
		p.setRows(p.rows[:s.f.Rows])
	}
	if p.remove(nextLink) {
		p.changed = true
	}
}

func wrongCount(s *strike, p *page) {
	n, err := strconv.Atoi(s.f.Value)
	p.changed = err == nil && n != len(p.rows) && p.set("@odata.count", json.RawMessage(strconv.Itoa(n)))
}

// shortPage asks for fewer rows than the client did.
func (s *strike) shortPage() {
	options := queryOptions(s.r.URL.RawQuery)
	if top, err := strconv.Atoi(options.value("$top")); err == nil && top <= s.f.Rows {
		s.spare()
		s.to.Next.ServeHTTP(s.w, s.r)
		return
	}
	s.askedOtherwise(append(options.without("$top"), "$top="+strconv.Itoa(s.f.Rows)), "$top")
}

// ignoreFilter asks without the client's filter.
func (s *strike) ignoreFilter() {
	s.askedOtherwise(queryOptions(s.r.URL.RawQuery).without("$filter"), "$filter")
}

// askedOtherwise answers as if the client had asked something else. The link to the next page has the option as the client
// wrote it.
func (s *strike) askedOtherwise(asked options, option string) {
	r := *s.r
	u := *s.r.URL
	u.RawQuery = strings.Join(asked, "&")
	r.URL = &u
	written := queryOptions(s.r.URL.RawQuery).only(option)
	s.edit(&r, func(_ *strike, o *object) bool {
		link := o.at(nextLink).text()
		if at, query, ok := strings.Cut(link, "?"); ok {
			o.set(nextLink, quote(at+"?"+strings.Join(append(written, queryOptions(query).without(option)...), "&")))
		}
		return true
	})
}

// options are the parts of a query as the client wrote them.
type options []string

func queryOptions(query string) options {
	if query == "" {
		return nil
	}
	return strings.Split(query, "&")
}

// named reports whether a part is the option of that name, whose dollar sign may be missing (OData 4.01 part 2, section 5.1).
func named(part, option string) bool {
	name, _, _ := strings.Cut(part, "=")
	name = decoded(name)
	return strings.EqualFold(name, option) || strings.EqualFold("$"+name, option)
}

func (o options) value(option string) string {
	for _, part := range o {
		if named(part, option) {
			_, value, _ := strings.Cut(part, "=")
			return decoded(value)
		}
	}
	return ""
}

func (o options) only(option string) options {
	var some options
	for _, part := range o {
		if named(part, option) {
			some = append(some, part)
		}
	}
	return some
}

func (o options) without(option string) options {
	var some options
	for _, part := range o {
		if !named(part, option) {
			some = append(some, part)
		}
	}
	return some
}
