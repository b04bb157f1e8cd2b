package graph

import (
	"log/slog"
	"net/http"
	"strings"
)

// graphSegments are the segments that Graph knows below each path, as it spells them. The path is canonical, with
// "{id}" for the key of an entity.
var graphSegments = map[string][]string{
	"":                                 {"deviceManagement"},
	"/devicemanagement":                {"managedDevices"},
	"/devicemanagement/manageddevices": {"{id}"},
}

// serveUnknown answers what no route matches: a wrong path, or a wrong method on a path that exists.
func (a *API) serveUnknown(w http.ResponseWriter, r *http.Request) {
	a.h.Trace("drop", slog.String("from", r.RemoteAddr), slog.String("reason", "no such route"),
		slog.String("method", r.Method), slog.String("path", r.RequestURI))
	version, rest, _ := strings.Cut(strings.TrimPrefix(r.URL.Path, "/"), "/")
	if version != "v1.0" && version != "beta" {
		a.graphError(w, http.StatusNotFound, "ResourceNotFound", "Invalid version: "+version)
		return
	}
	unknown, near := unknownSegment(rest)
	if unknown == "" && r.Method != http.MethodGet && r.Method != http.MethodHead {
		w.Header().Set("Allow", "GET, HEAD")
		a.graphError(w, http.StatusMethodNotAllowed, "Request_BadRequest", "Method "+r.Method+" is not supported here.")
		return
	}
	message := "Resource not found for the segment '" + originalSegment(r.RequestURI, unknown) + "'."
	if len(near) > 0 {
		message += " Known here: " + strings.Join(near, ", ") + "."
	}
	a.graphError(w, http.StatusBadRequest, "BadRequest", message)
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
