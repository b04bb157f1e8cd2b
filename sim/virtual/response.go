package virtual

import (
	"bytes"
	"io"
	"net/http"
	"strconv"
	"syscall"
)

// recorder collects a handler's response.
type recorder struct {
	header http.Header
	sent   http.Header
	status int
	body   bytes.Buffer
	reset  bool // the connection
}

// serve runs the handler and reports whether it ended the connection.
func (r *recorder) serve(h http.Handler, request *http.Request) (aborted bool) {
	defer func() {
		if e := recover(); e == http.ErrAbortHandler {
			aborted = true
		} else if e != nil {
			panic(e)
		}
	}()
	h.ServeHTTP(r, request)
	return false
}

func (r *recorder) Header() http.Header { return r.header }

func (r *recorder) WriteHeader(status int) {
	if r.status == 0 && status >= 200 {
		r.status = status
		r.sent = r.header.Clone()
	}
}

// Write refuses what is beyond the Content-Length, as net/http does.
func (r *recorder) Write(b []byte) (int, error) {
	r.WriteHeader(http.StatusOK)
	if promised, ok := r.promised(); ok && r.body.Len()+len(b) > promised {
		return 0, http.ErrContentLength
	}
	return r.body.Write(b)
}

// Flush does nothing: a client of this world sees whole responses only.
func (r *recorder) Flush() { r.WriteHeader(http.StatusOK) }

// promised is the length of the body that the header tells, if it does.
func (r *recorder) promised() (int, bool) {
	n, err := strconv.Atoi(r.sent.Get("Content-Length"))
	return n, err == nil
}

// outcome is what the client gets.
func (r *recorder) outcome(request *http.Request, aborted bool) (*http.Response, error) {
	switch {
	case r.reset:
		return nil, syscall.ECONNRESET
	case aborted && r.status == 0:
		return nil, io.EOF
	case aborted:
		return nil, io.ErrUnexpectedEOF
	}
	r.WriteHeader(http.StatusOK)
	if promised, ok := r.promised(); ok && r.body.Len() < promised && request.Method != http.MethodHead && r.status != http.StatusNotModified {
		return nil, io.ErrUnexpectedEOF
	}
	return r.response(request), nil
}

func (r *recorder) response(req *http.Request) *http.Response {
	if r.sent.Get("Content-Type") == "" && r.body.Len() > 0 {
		r.sent.Set("Content-Type", http.DetectContentType(r.body.Bytes()))
	}
	return &http.Response{
		Status:        strconv.Itoa(r.status) + " " + http.StatusText(r.status),
		StatusCode:    r.status,
		Proto:         "HTTP/1.1",
		ProtoMajor:    1,
		ProtoMinor:    1,
		Header:        r.sent,
		Body:          io.NopCloser(bytes.NewReader(r.body.Bytes())),
		ContentLength: int64(r.body.Len()),
		Request:       req,
	}
}
