package graph

import (
	"bytes"
	"compress/gzip"
	"io"
	"net/http"
	"strconv"
	"strings"
	"sync"

	"nacsim/fakegraph/wire"
)

// odataJSON is the content type of successful replies.
const odataJSON = "application/json;odata.metadata=minimal;odata.streaming=true;IEEE754Compatible=false;charset=utf-8"

// worthCompressing is the size of a body from which gzip is worth its time, in octets.
const worthCompressing = 1 << 10

// write answers with a body, compressed if the client takes that.
func (a *API) write(w http.ResponseWriter, r *request, status int, body []byte) {
	header := w.Header()
	header.Set("OData-Version", "4.0")
	header.Set("Cache-Control", "no-cache")
	header.Set("Vary", "Accept-Encoding")
	if r.route.backend == ofDirectory {
		header.Set("x-ms-resource-unit", "1") // facts 3.3
	}
	if len(body) < worthCompressing || r.inBatch || !acceptsGzip(r.Header.Get("Accept-Encoding")) {
		wire.WriteBody(w, status, odataJSON, body)
		return
	}
	c := compressors.Get().(*compressor)
	defer compressors.Put(c)
	c.reply.Reset()
	c.gzip.Reset(&c.reply)
	_, _ = c.gzip.Write(body) // a bytes.Buffer takes all
	_ = c.gzip.Close()
	header.Set("Content-Encoding", "gzip")
	wire.WriteBody(w, status, odataJSON, c.reply.Bytes())
}

// buffers are for the bodies of large replies.
var buffers = sync.Pool{New: func() any { return new([]byte) }}

// noContent answers an action that has nothing to say.
func noContent(w http.ResponseWriter) {
	w.Header().Set("Cache-Control", "no-cache")
	w.WriteHeader(http.StatusNoContent)
}

// acceptsGzip reads an Accept-Encoding header as far as gzip goes (RFC 9110 section 12.5.3).
func acceptsGzip(header string) bool {
	for part := range strings.SplitSeq(header, ",") {
		coding, weight, _ := strings.Cut(part, ";")
		if !strings.EqualFold(strings.TrimSpace(coding), "gzip") {
			continue
		}
		q, ok := strings.CutPrefix(strings.TrimSpace(weight), "q=")
		if !ok {
			return true
		}
		value, err := strconv.ParseFloat(q, 64)
		return err == nil && value > 0
	}
	return false
}

// A compressor compresses one reply at a time.
type compressor struct {
	gzip  *gzip.Writer
	reply bytes.Buffer
}

// compressors are idle ones. The fastest level makes a page of devices twelve times smaller in a quarter of the time that the
// client needs for decoding it.
var compressors = sync.Pool{New: func() any {
	w, err := gzip.NewWriterLevel(io.Discard, gzip.BestSpeed)
	if err != nil {
		panic(err) // the level is one
	}
	return &compressor{gzip: w}
}}

// maxBody bounds the body of a request, in octets, also when it comes compressed.
const maxBody = 4 << 20

// requestBody reads the body of a request, which may come compressed (RFC 9110 section 8.4.1).
func requestBody(r *http.Request) ([]byte, error) {
	if r.Body == nil {
		return nil, nil
	}
	var from io.Reader = io.LimitReader(r.Body, maxBody+1)
	switch strings.ToLower(r.Header.Get("Content-Encoding")) {
	case "", "identity":
	case "gzip":
		z, err := gzip.NewReader(from)
		if err != nil {
			return nil, badRequest("The request body is not gzip: " + err.Error())
		}
		from = io.LimitReader(z, maxBody+1)
	default:
		return nil, &failure{status: http.StatusUnsupportedMediaType, code: "UnsupportedMediaType",
			message: "The content encoding '" + r.Header.Get("Content-Encoding") + "' is not supported."}
	}
	body, err := io.ReadAll(from)
	if err != nil {
		return nil, badRequest("The request body cannot be read: " + err.Error())
	}
	if len(body) > maxBody {
		return nil, &failure{status: http.StatusRequestEntityTooLarge, code: "RequestEntityTooLarge", message: "The request body is too large."}
	}
	return body, nil
}
