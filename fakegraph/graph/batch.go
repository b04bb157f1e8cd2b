package graph

import (
	"bytes"
	"encoding/json"
	"errors"
	"io"
	"net/http"
	"net/url"
	"strings"

	"nacsim/fakegraph/wire"
)

// maxBatch is how many requests a batch may have (facts 2.4).
const maxBatch = 20

// batchRoutes has the one address at which several requests are made at once.
var batchRoutes = []route{{http.MethodPost, "$batch", nil, ofGraph, false, (*API).serveBatch}}

// A batchItem is one request in a batch.
type batchItem struct {
	ID        string            `json:"id"`
	Method    string            `json:"method"`
	URL       string            `json:"url"`
	Headers   map[string]string `json:"headers"`
	Body      json.RawMessage   `json:"body"`
	DependsOn []string          `json:"dependsOn"`
}

// A batchReply is the reply to one.
type batchReply struct {
	ID      string            `json:"id"`
	Status  int               `json:"status"`
	Headers map[string]string `json:"headers"`
	Body    json.RawMessage   `json:"body,omitempty"`
}

// batchItems are the requests of a batch. What is beyond one too many is not read: it would take more memory than its text.
type batchItems []batchItem

// UnmarshalJSON reads an array of valid JSON.
func (l *batchItems) UnmarshalJSON(text []byte) error {
	*l = nil
	d := json.NewDecoder(bytes.NewReader(text))
	if first, err := d.Token(); err != nil || first == nil {
		return err
	} else if first != json.Delim('[') {
		return errors.New("the requests are no array")
	}
	for d.More() && len(*l) <= maxBatch {
		var item batchItem
		if err := d.Decode(&item); err != nil {
			return err
		}
		*l = append(*l, item)
	}
	return nil
}

// serveBatch answers POST /$batch (facts 2.4). The replies come in an order that is drawn, as no order is promised.
func (a *API) serveBatch(w http.ResponseWriter, r *request) error {
	items, err := readBatch(r)
	if err != nil {
		return err
	}
	replies := make([]batchReply, 0, len(items))
	status := map[string]int{}
	for len(replies) < len(items) {
		ran := len(replies)
		for i := range items {
			item := &items[i]
			if _, done := status[fold(item.ID)]; done || !ready(item, status) {
				continue
			}
			reply := a.runItem(w, r, item, status)
			status[fold(item.ID)] = reply.Status
			replies = append(replies, reply)
		}
		if len(replies) == ran {
			return badRequest("The dependencies of the requests in the batch are circular.")
		}
	}
	a.shuffle(replies)
	body, err := json.Marshal(struct {
		Responses []batchReply `json:"responses"`
	}{replies})
	if err != nil {
		return err
	}
	a.write(w, r, http.StatusOK, body)
	return nil
}

// fold is how ids compare: without regard to case.
func fold(id string) string { return strings.ToLower(id) }

// readBatch reads a batch and checks its form: what is wrong with it spoils all of it.
func readBatch(r *request) ([]batchItem, error) {
	var batch struct {
		Requests batchItems `json:"requests"`
	}
	body, err := requestBody(r.Request)
	if err != nil {
		return nil, err
	}
	if err := json.Unmarshal(body, &batch); err != nil {
		return nil, badRequest("Invalid batch payload format.")
	}
	switch n := len(batch.Requests); {
	case n == 0:
		return nil, badRequest("The batch has no requests.")
	case n > maxBatch:
		return nil, badRequest("Number of batch request steps exceeds the maximum value of 20.")
	}
	known := map[string]bool{}
	for _, item := range batch.Requests {
		switch {
		case item.ID == "":
			return nil, badRequest("A request in the batch has no id.")
		case known[fold(item.ID)]:
			return nil, badRequest("Request Id : '" + item.ID + "' is not unique in the batch.")
		case item.Method == "" || item.URL == "":
			return nil, badRequest("Request Id : '" + item.ID + "' must have a method and a url.")
		}
		known[fold(item.ID)] = true
	}
	for _, item := range batch.Requests {
		if len(item.DependsOn) > maxBatch {
			return nil, badRequest("Request Id : '" + item.ID + "' depends on more requests than a batch can have.")
		}
		for _, id := range item.DependsOn {
			if !known[fold(id)] {
				return nil, badRequest("Request Id : '" + item.ID + "' depends on '" + id + "', which is not in the batch.")
			}
		}
	}
	return batch.Requests, nil
}

// ready reports whether all requests that an item depends on have been answered.
func ready(item *batchItem, status map[string]int) bool {
	for _, id := range item.DependsOn {
		if status[fold(id)] == 0 {
			return false
		}
	}
	return true
}

// runItem answers one request of a batch as if it had come alone, unless one that it depends on has failed.
func (a *API) runItem(w http.ResponseWriter, outer *request, item *batchItem, status map[string]int) batchReply {
	in := newItemWriter(w)
	r, err := outer.item(item)
	note := &wire.Note{}
	if err == nil {
		r, note = wire.Below(outer.Request, r)
		in.setClientRequestID(r)
	}
	switch {
	case err != nil:
		a.fail(in, outer.Request, err)
	case dependencyFailed(item, status):
		a.fail(in, r, &failure{status: http.StatusFailedDependency, code: "FailedDependency",
			message: "The request was not run because one that it depends on has failed."})
	default:
		r.URL.Path = wire.CanonicalPath(r.URL.Path)
		a.item.ServeHTTP(in, r)
	}
	note.Status = in.status
	return in.reply(item.ID)
}

func dependencyFailed(item *batchItem, status map[string]int) bool {
	for _, id := range item.DependsOn {
		if status[fold(id)] >= http.StatusBadRequest {
			return true
		}
	}
	return false
}

// item makes the request of an item: its address is relative to the version under which the batch was sent, and who asks is
// who sent the batch.
func (r *request) item(item *batchItem) (*http.Request, error) {
	u, err := url.Parse("/" + r.version + "/" + strings.TrimLeft(item.URL, "/"))
	if err != nil || strings.Contains(item.URL, "://") {
		return nil, badRequest("The url of a request in a batch must be relative to the version: '" + item.URL + "'.")
	}
	u.Scheme = r.URL.Scheme
	header := http.Header{}
	for name, value := range item.Headers { // order-free: each sets a header of its own
		header.Set(name, value)
	}
	header.Set("Authorization", r.Header.Get("Authorization"))
	if string(item.Body) == "null" { // Microsoft's Go client writes it where there is none
		item.Body = nil
	}
	if len(item.Body) > 0 && header.Get("Content-Type") == "" {
		return nil, badRequest("Write request id : '" + item.ID + "' does not contain Content-Type header or body.")
	}
	inner := (&http.Request{Method: strings.ToUpper(item.Method), URL: u, Host: r.Host, Header: header, RemoteAddr: r.RemoteAddr,
		Proto: r.Proto, ProtoMajor: r.ProtoMajor, ProtoMinor: r.ProtoMinor, RequestURI: u.Path,
		Body: io.NopCloser(bytes.NewReader(item.Body)), ContentLength: int64(len(item.Body))}).WithContext(r.Context())
	return inner, nil
}

// shuffle puts replies into an order that is drawn.
func (a *API) shuffle(replies []batchReply) {
	var drawn [maxBatch]byte
	_, _ = io.ReadFull(a.draw, drawn[:]) // a machine's stream gives what is asked
	for i := len(replies) - 1; i > 0; i-- {
		j := int(drawn[i]) % (i + 1)
		replies[i], replies[j] = replies[j], replies[i]
	}
}

// An itemWriter takes the reply to one request of a batch.
type itemWriter struct {
	header http.Header
	status int
	body   bytes.Buffer
}

// newItemWriter makes one whose reply has the ids of the batch.
func newItemWriter(w http.ResponseWriter) *itemWriter {
	in := &itemWriter{header: http.Header{}}
	for _, name := range []string{wire.RequestID, wire.ClientRequestID} {
		in.header.Set(name, w.Header().Get(name))
	}
	return in
}

// setClientRequestID takes over the id that the client gave the request, if it did.
func (w *itemWriter) setClientRequestID(r *http.Request) {
	if id := wire.GivenClientRequestID(r); id != "" {
		w.header.Set(wire.ClientRequestID, id)
	}
}

// Header implements http.ResponseWriter.
func (w *itemWriter) Header() http.Header { return w.header }

// WriteHeader implements http.ResponseWriter.
func (w *itemWriter) WriteHeader(status int) {
	if w.status == 0 {
		w.status = status
	}
}

func (w *itemWriter) Write(b []byte) (int, error) {
	w.WriteHeader(http.StatusOK)
	return w.body.Write(b)
}

// shownInBatch are the headers that a reply in a batch has.
var shownInBatch = []string{"Content-Type", "Cache-Control", "OData-Version", "Retry-After", "WWW-Authenticate", "Location", "Allow", wire.ClientRequestID}

func (w *itemWriter) reply(id string) batchReply {
	reply := batchReply{ID: id, Status: w.status, Headers: map[string]string{}}
	for _, name := range shownInBatch {
		if v := w.header.Get(name); v != "" {
			reply.Headers[name] = v
		}
	}
	if w.body.Len() == 0 {
		return reply
	}
	if reply.Body = w.body.Bytes(); json.Valid(reply.Body) {
		return reply
	}
	// What is not JSON stands in the batch as base64, which is how encoding/json writes octets.
	if text, err := json.Marshal(w.body.Bytes()); err == nil {
		reply.Body = text
	}
	return reply
}
