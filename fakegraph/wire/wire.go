// Package wire is what the services of fakegraph have in common on the wire: the names that lead to a request in a
// support case, the origin of absolute URLs, and paths as forgiving as the real services read them.
package wire

import (
	"encoding/json"
	"net/http"
	"slices"
	"strconv"
	"strings"
)

// Headers of each reply (facts: graph-and-entra 3.1).
const (
	RequestID       = "Request-Id"
	ClientRequestID = "Client-Request-Id"
)

// maxClientRequestID bounds the id that a client gives a request, in octets; a longer one is none.
const maxClientRequestID = 128

// GivenClientRequestID is the id that the client has given the request, or "".
func GivenClientRequestID(r *http.Request) string {
	if id := r.Header.Get(ClientRequestID); len(id) <= maxClientRequestID {
		return id
	}
	return ""
}

// Origin is what absolute URLs in the reply to r begin with: the scheme and the Host that the client used, so that a client that
// reaches the server under any name is led back to it. The port that a scheme has anyway is left out, as the real services do.
func Origin(r *http.Request) string {
	if r.URL.Scheme == "http" {
		return "http://" + strings.TrimSuffix(r.Host, ":80")
	}
	return "https://" + strings.TrimSuffix(r.Host, ":443")
}

// WriteJSON writes v as the whole reply. Values that reach it always marshal.
func WriteJSON(w http.ResponseWriter, status int, v any) {
	body, err := json.Marshal(v)
	if err != nil {
		http.Error(w, err.Error(), http.StatusInternalServerError)
		return
	}
	WriteBody(w, status, "application/json", body)
}

// WriteBody writes a whole reply.
func WriteBody(w http.ResponseWriter, status int, contentType string, body []byte) {
	w.Header().Set("Content-Type", contentType)
	w.Header().Set("Content-Length", strconv.Itoa(len(body)))
	w.WriteHeader(status)
	_, _ = w.Write(body) // the client has gone if this fails
}

// maxPath bounds the path of a request, in octets; what is longer is no route.
const maxPath = 2048

// CanonicalPath forgives what clients of the real services rely on being forgiven (facts: graph-and-entra 2.1, 2.5):
// doubled and trailing slashes and the case of segments.
func CanonicalPath(path string) string {
	if len(path) > maxPath {
		path = path[:maxPath]
	}
	var b strings.Builder
	b.Grow(len(path))
	for segment := range strings.SplitSeq(path, "/") {
		if segment != "" {
			b.WriteByte('/')
			b.WriteString(strings.ToLower(segment))
		}
	}
	if b.Len() == 0 {
		return "/"
	}
	return b.String()
}

// IsGraph reports whether a request is for Graph and not for Entra ID, whose paths begin with a tenant: by its canonical
// path, or else by the name that it came in under if that is Graph's alone.
func IsGraph(r *http.Request, canonical string) bool {
	first, _, _ := strings.Cut(strings.TrimPrefix(canonical, "/"), "/")
	return first == "beta" || isVersion(first) || slices.Contains(graphRoots, first) || strings.HasPrefix(strings.ToLower(r.Host), "graph.microsoft.")
}

// graphRoots begin the paths of clients that have forgotten the version. No tenant is named so: its name would be a GUID or have a dot.
var graphRoots = []string{"$batch", "$metadata", "devicemanagement", "devices", "groups", "me", "organization", "serviceprincipals", "users"}

// isVersion reports whether a segment is a version of Graph, one that there is or another.
func isVersion(segment string) bool {
	digits, ok := strings.CutPrefix(segment, "v")
	return ok && digits != "" && strings.Trim(digits, "0123456789.") == ""
}

// AuthorityOrigin is where a reply of Graph to r sends for a token: as Origin, unless the client knows Graph by the name that is Graph's alone.
func AuthorityOrigin(r *http.Request) string {
	return strings.Replace(Origin(r), "://graph.microsoft.com", "://login.microsoftonline.com", 1)
}
