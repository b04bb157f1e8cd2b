package requestlog

import (
	"net/http"
	"net/netip"
	"net/url"
	"slices"
	"strings"
	"time"
	"unicode/utf8"

	"nacsim/fakegraph/wire"
)

// An Entry is one request. Its texts are bounded, and show no secret.
type Entry struct {
	// Number counts the requests since the start, from 1.
	Number uint64 `json:"number"`
	// Time is when the request came, on the machine's clock, and Milliseconds how long the reply took.
	Time         time.Time `json:"time"`
	Milliseconds float64   `json:"ms"`
	// From is the address of the client, Host the name that it asked for, and Method and Path what it sent, with the
	// query.
	From   string `json:"from,omitempty"`
	Host   string `json:"host,omitempty"`
	Method string `json:"method"`
	Path   string `json:"path"`
	// Route is the one that matched; see wire.Note, also for the others.
	Route string `json:"route,omitempty"`
	// Unmatched says that no route matched; Text then says what is near.
	Unmatched bool   `json:"unmatched,omitempty"`
	App       string `json:"app,omitempty"`
	User      string `json:"user,omitempty"`
	Tenant    string `json:"tenant,omitempty"`
	// Status is that of the reply, 0 when the connection was cut instead, and Bytes the length of its body.
	Status int   `json:"status"`
	Bytes  int64 `json:"bytes"`
	Rows   int   `json:"rows,omitempty"`
	// ClientRequestID and RequestID are the headers of the reply.
	ClientRequestID string `json:"client_request_id,omitempty"`
	RequestID       string `json:"request_id,omitempty"`
	Throttle        string `json:"throttle,omitempty"`
	Fault           string `json:"fault,omitempty"`
	Text            string `json:"text,omitempty"`
	// Batch are the requests inside of a $batch.
	Batch []Entry `json:"batch,omitempty"`
}

// entryOctets is about how much room an entry takes without its texts.
const entryOctets = 400

// octets is about how much room an entry takes.
func (e *Entry) octets() int {
	n := entryOctets
	for _, text := range []string{e.From, e.Host, e.Method, e.Path, e.Route, e.App, e.User, e.Tenant, e.ClientRequestID, e.RequestID, e.Throttle, e.Fault, e.Text} {
		n += len(text)
	}
	for i := range e.Batch {
		n += e.Batch[i].octets()
	}
	return n
}

// Bounds of an entry, in octets.
const (
	maxPath = 1024
	maxText = 512
	maxName = 128
)

// NewEntry makes the entry of a request whose reply is complete, from its note and what went over the wire.
func NewEntry(r *http.Request, n *wire.Note, header http.Header, began time.Time, took time.Duration) Entry {
	e := of(n)
	e.Time, e.Milliseconds = began.UTC(), milliseconds(took)
	e.Host = clip(r.Host, maxName)
	if from, err := netip.ParseAddrPort(r.RemoteAddr); err == nil {
		e.From = from.Addr().Unmap().String()
	}
	e.ClientRequestID, e.RequestID = clip(header.Get(wire.ClientRequestID), maxName), clip(header.Get(wire.RequestID), maxName)
	return e
}

// milliseconds are whole microseconds.
func milliseconds(d time.Duration) float64 { return float64(d.Microseconds()) / 1000 }

// of is the part of an entry that is in a note.
func of(n *wire.Note) Entry {
	e := Entry{
		Method: clip(n.Method, maxName), Path: clip(redact(n.Path), maxPath), Route: clip(n.Route, maxText), Unmatched: n.Route == "" && n.Fault == "",
		App: clip(n.App, maxName), User: clip(n.User, maxName), Tenant: clip(n.Tenant, maxName),
		Status: n.Status, Rows: n.Rows, Throttle: clip(n.Throttle, maxName), Fault: clip(n.Fault, maxText), Text: clip(n.Text, maxText),
	}
	for _, below := range n.Batch {
		e.Batch = append(e.Batch, of(below))
	}
	return e
}

// clip bounds a text, which a client may have made.
func clip(s string, max int) string {
	if len(s) > max {
		s = s[:max] + "…"
	}
	if !utf8.ValidString(s) {
		s = strings.ToValidUTF8(s, "\uFFFD")
	}
	return strings.Clone(s) // the whole request is not kept for a part of it
}

// secrets are the parameters of a query that nobody should read who may read the log.
var secrets = []string{"client_secret", "client_assertion", "password", "code", "code_verifier", "refresh_token", "access_token", "id_token", "assertion"}

// redact hides secrets in the query of a path. They belong into bodies, and clients put them there nevertheless.
func redact(path string) string {
	before, query, found := strings.Cut(path, "?")
	if !found {
		return path
	}
	parts := strings.Split(query, "&")
	for i, part := range parts {
		name, _, _ := strings.Cut(part, "=")
		plain, err := url.QueryUnescape(name)
		if err == nil && slices.Contains(secrets, strings.ToLower(plain)) {
			parts[i] = name + "=*****"
		}
	}
	return before + "?" + strings.Join(parts, "&")
}
