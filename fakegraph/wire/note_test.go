package wire_test

import (
	"net/http/httptest"
	"testing"

	"nacsim/fakegraph/wire"
)

func TestNote(t *testing.T) {
	bare := httptest.NewRequest("GET", "/v1.0/users?$top=1", nil)
	wire.NoteOf(bare).App = "lost" // nobody reads it, and nothing breaks

	outer, note := wire.WithNote(bare)
	if note.Method != "GET" || note.Path != "/v1.0/users?$top=1" {
		t.Errorf("note begins as %+v", note)
	}
	if wire.NoteOf(outer) != note {
		t.Error("NoteOf returns another note than WithNote made")
	}
	inner, below := wire.Below(outer, httptest.NewRequest("POST", "/v1.0/me", nil))
	wire.NoteOf(inner).Route = "GET /me"
	if len(note.Batch) != 1 || note.Batch[0] != below || below.Route != "GET /me" || below.Method != "POST" {
		t.Errorf("note of the batch: %+v", note)
	}
	if note.Route != "" {
		t.Error("a request inside of a batch wrote into the note of the batch")
	}
}
