package wire

import (
	"context"
	"net/http"
)

// A Note is what the log of requests says about one request beyond what went over the wire. The server's front makes one
// for each request, and whoever answers it fills in what it knows.
type Note struct {
	// Method, Path and Status are set by the front, or for a request inside of a $batch by whoever answers the batch. Path is
	// with the query, as the client sent it.
	Method, Path string
	Status       int

	// Route is the one that matched, such as "GET /deviceManagement/managedDevices/{id}". It is empty when none did.
	Route string
	// App is the client id of the app that asked, User the user principal name in a delegated token, and Tenant the segment
	// of the path or the tid of the token.
	App, User, Tenant string
	// Throttle is how much of a limit has been used, in words, such as "137 of 2000 in 20s".
	Throttle string
	// Fault is the injected fault that struck, in words.
	Fault string
	// Text says why the request was refused, or what to do instead.
	Text string
	// Rows is the number of entities in the reply.
	Rows int
	// Batch are the requests inside of a $batch.
	Batch []*Note
}

// noteKey is the key of the note in a request's context.
type noteKey struct{}

// WithNote returns the request with a note of its own. The path is r.URL before anything has been made canonical in it.
func WithNote(r *http.Request) (*http.Request, *Note) {
	n := &Note{Method: r.Method, Path: r.URL.RequestURI()}
	return r.WithContext(context.WithValue(r.Context(), noteKey{}, n)), n
}

// Below is WithNote for a request inside of a $batch, whose note goes below that of outer.
func Below(outer, r *http.Request) (*http.Request, *Note) {
	r, n := WithNote(r)
	above := NoteOf(outer)
	above.Batch = append(above.Batch, n)
	return r, n
}

// NoteOf is the note of a request. It is never nil: a request that came past the front has one that nobody reads.
func NoteOf(r *http.Request) *Note {
	if n, ok := r.Context().Value(noteKey{}).(*Note); ok {
		return n
	}
	return &Note{}
}
