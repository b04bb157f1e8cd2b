package fakegraph

import (
	"log/slog"
	"net/http"
	"strings"
)

// maxPath bounds the path of a request, in octets; what is longer is no route.
const maxPath = 2048

// canonicalPath forgives what clients of the real services rely on being forgiven (facts 2.1, 2.5): doubled and
// trailing slashes and the case of segments.
func canonicalPath(path string) string {
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

// isGraphPath tells Graph's paths from those of Entra ID, which begin with a tenant.
func isGraphPath(canonical string) bool {
	first, _, _ := strings.Cut(strings.TrimPrefix(canonical, "/"), "/")
	return first == "v1.0" || first == "beta"
}

// isGraphRequest reports whether a request is for Graph, by its path or else by the name it came in under.
func isGraphRequest(r *http.Request, canonical string) bool {
	return isGraphPath(canonical) || strings.HasPrefix(strings.ToLower(r.Host), "graph.")
}

// graphSegments are the segments that Graph knows below each path, as it spells them. The path is canonical, with
// "{id}" for the key of an entity.
var graphSegments = map[string][]string{
	"":                                 {"deviceManagement"},
	"/devicemanagement":                {"managedDevices"},
	"/devicemanagement/manageddevices": {"{id}"},
}

// serveUnknown answers what no route matches: a wrong path, or a wrong method on a path that exists.
func (s *Server) serveUnknown(w http.ResponseWriter, r *http.Request) {
	s.h.Trace("drop", slog.String("from", r.RemoteAddr), slog.String("reason", "no such route"),
		slog.String("method", r.Method), slog.String("path", r.RequestURI))
	if !isGraphRequest(r, r.URL.Path) {
		http.NotFound(w, r)
		return
	}
	version, rest, _ := strings.Cut(strings.TrimPrefix(r.URL.Path, "/"), "/")
	if version != "v1.0" && version != "beta" {
		s.graphError(w, http.StatusNotFound, "ResourceNotFound", "Invalid version: "+version)
		return
	}
	unknown, near := unknownSegment(rest)
	if unknown == "" && r.Method != http.MethodGet && r.Method != http.MethodHead {
		w.Header().Set("Allow", "GET, HEAD")
		s.graphError(w, http.StatusMethodNotAllowed, "Request_BadRequest", "Method "+r.Method+" is not supported here.")
		return
	}
	message := "Resource not found for the segment '" + originalSegment(r.RequestURI, unknown) + "'."
	if len(near) > 0 {
		message += " Known here: " + strings.Join(near, ", ") + "."
	}
	s.graphError(w, http.StatusBadRequest, "BadRequest", message)
}

// unknownSegment returns the first segment of a canonical path below the version that Graph does not know, or ""
// when it knows all of them, and what it knows in that place.
func unknownSegment(path string) (unknown string, near []string) {
	parent := ""
	for segment := range strings.SplitSeq(path, "/") {
		if segment == "" {
			break
		}
		near = graphSegments[parent]
		name, _, keyed := strings.Cut(segment, "(")
		child := ""
		for _, n := range near {
			if n == "{id}" || strings.EqualFold(n, name) {
				child = "/" + strings.ToLower(n)
			}
		}
		if child == "" {
			return segment, near
		}
		if parent += child; keyed {
			parent += "/{id}"
		}
	}
	return "", graphSegments[parent]
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

func containsFold(list []string, s string) bool {
	for _, l := range list {
		if strings.EqualFold(l, s) {
			return true
		}
	}
	return false
}
