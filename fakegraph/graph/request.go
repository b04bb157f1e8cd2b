package graph

import (
	"maps"
	"net/http"
	"net/url"
	"slices"
	"strings"

	"nacsim/fakegraph/entra"
	"nacsim/fakegraph/wire"
)

// A request is one on its way through the API: what it asks for, and who asks.
type request struct {
	*http.Request
	version string // "v1.0" or "beta"
	route   *route
	keys    []string // of the entities in the path, in lower case
	options url.Values
	grant   entra.Grant
	note    *wire.Note
	inBatch bool
}

// key is that of the entity in the path.
func (r *request) key() string {
	if len(r.keys) == 0 {
		return ""
	}
	return r.keys[0]
}

// option returns the value of a query option; its name is not case-sensitive, and the $ may be missing
// (OData 4.01 part 2, section 5.1).
func (r *request) option(name string) string { return option(r.options, name) }

func option(options url.Values, name string) string {
	if v, ok := options[name]; ok {
		return v[0]
	}
	for _, key := range slices.Sorted(maps.Keys(options)) {
		if sameOption(key, name) {
			return options[key][0]
		}
	}
	return ""
}

func sameOption(key, name string) bool {
	return strings.EqualFold(key, name) || strings.EqualFold("$"+key, name)
}

// context is an @odata.context: the address of what a reply describes, below $metadata.
func (r *request) context(fragment string) string {
	return wire.Origin(r.Request) + "/" + r.version + "/$metadata#" + fragment
}

// nextLink is the address of the next page: the same query, as the client wrote it, with a skip token, whose characters are
// escaped in lower case (facts 2.1).
func (r *request) nextLink(token string) string {
	var b strings.Builder
	path := url.URL{Path: r.RequestURI}
	b.WriteString(wire.Origin(r.Request) + path.EscapedPath() + "?")
	for option := range strings.SplitSeq(r.URL.RawQuery, "&") {
		name, value, _ := strings.Cut(option, "=")
		if name = strings.Replace(name, "%24", "$", 1); name == "" || sameOption(name, "$skiptoken") || sameOption(name, "$skip") {
			continue
		}
		b.WriteString(name + "=" + value + "&")
	}
	return b.String() + "$skiptoken=" + lowerEscape(token)
}

// lowerEscape is url.QueryEscape with lower-case digits and %20 for a space.
func lowerEscape(text string) string {
	escaped := []byte(strings.ReplaceAll(url.QueryEscape(text), "+", "%20"))
	for i := 0; i+2 < len(escaped); i++ {
		if escaped[i] == '%' {
			escaped[i+1], escaped[i+2] = lowerDigit(escaped[i+1]), lowerDigit(escaped[i+2])
		}
	}
	return string(escaped)
}

func lowerDigit(c byte) byte {
	if c >= 'A' && c <= 'F' {
		return c + 'a' - 'A'
	}
	return c
}
