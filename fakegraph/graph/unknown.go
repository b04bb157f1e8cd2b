package graph

import (
	"log/slog"
	"net/http"
	"slices"
	"strings"
)

// unknown answers what no route matches: a wrong path, or a wrong method on a path that exists. It says what was near, which the
// real service does not.
func (a *API) unknown(w http.ResponseWriter, r *http.Request, m match) error {
	a.h.Trace("drop", slog.String("from", r.RemoteAddr), slog.String("reason", "no such route"),
		slog.String("method", r.Method), slog.String("path", r.RequestURI))
	if m.unknown == "" && len(m.node.methods) > 0 {
		allowed := m.node.allowed()
		w.Header().Set("Allow", strings.Join(allowed, ", "))
		return &failure{status: http.StatusMethodNotAllowed, code: "Request_BadRequest",
			message: "Method " + r.Method + " is not supported here. Supported: " + strings.Join(allowed, ", ") + "."}
	}
	if len(m.node.methods) > 0 && strings.HasSuffix(m.node.methods[0].path, "users/{id}/managedDevices") {
		// What is below that collection has no route of its own (facts 2.1).
		return &failure{status: http.StatusBadRequest, code: "No method match route template",
			message: "No OData route exists that match template " + r.Method + " " + r.RequestURI + "."}
	}
	message := "Resource not found for the segment '" + originalSegment(r.RequestURI, m.unknown) + "'."
	near := m.node.spelled
	if best := nearest(m.unknown, near); best != "" {
		message += " Did you mean " + best + "?"
	}
	if len(near) > 0 {
		message += " Known here: " + strings.Join(near, ", ") + "."
	}
	return &failure{status: http.StatusBadRequest, code: "BadRequest", message: message}
}

// originalSegment finds the canonical segment in path as the client wrote it. Without one it is the last.
func originalSegment(path, segment string) string {
	last := ""
	for original := range strings.SplitSeq(path, "/") {
		if segment != "" && strings.EqualFold(original, segment) {
			return original
		}
		if original != "" {
			last = original
		}
	}
	return last
}

// nearest is the name that a word was likely meant to be, or "".
func nearest(word string, names []string) string {
	word, _, _ = strings.Cut(strings.ToLower(word), "(")
	best, least := "", len(word)/3+1
	if len(word) > maxSuggested {
		return ""
	}
	for _, n := range names {
		if d := editDistance(word, strings.ToLower(n)); n != keySegment && d <= least {
			best, least = n, d-1
		}
	}
	return best
}

// maxSuggested bounds the words for which a suggestion is looked for.
const maxSuggested = 64

// editDistance counts the insertions, deletions and replacements of one octet that make b of a (Levenshtein).
func editDistance(a, b string) int {
	row := make([]int, len(b)+1)
	for j := range row {
		row[j] = j
	}
	for i := range len(a) {
		diagonal := row[0]
		row[0] = i + 1
		for j := range len(b) {
			cost := 1
			if a[i] == b[j] {
				cost = 0
			}
			diagonal, row[j+1] = row[j+1], slices.Min([]int{row[j] + 1, row[j+1] + 1, diagonal + cost})
		}
	}
	return row[len(b)]
}
