package fault

import (
	"bytes"
	"compress/gzip"
	"net/http"
	"net/url"
	"strconv"

	"nacsim/internal/host"
)

// reset ends the connection without an answer.
func (s *strike) reset() {
	s.note()
	host.ResetConnection(s.r)
}

// begin sends a reply's header for a body of length octets and the first part of it.
func (s *strike) begin(p *reply, length int, part []byte) {
	p.Header().Set("Content-Length", strconv.Itoa(length))
	s.w.WriteHeader(p.status)
	_, _ = s.w.Write(part) // the client has gone if this fails
	_ = http.NewResponseController(s.w).Flush()
}

// halfBody ends the connection in the middle of the body.
func (s *strike) halfBody() {
	s.note()
	p := s.answer(s.r)
	body := p.body.Bytes()
	s.begin(p, len(body), body[:len(body)/2])
	panic(http.ErrAbortHandler) // which ends the connection without the rest
}

// stall stops in the middle of the body for a while.
func (s *strike) stall() {
	s.note()
	p := s.answer(s.r)
	body := p.body.Bytes()
	half := len(body) / 2
	s.begin(p, len(body), body[:half])
	if !s.wait() {
		panic(http.ErrAbortHandler) // the machine is down, and with it the connection
	}
	_, _ = s.w.Write(body[half:])
}

// corruptGzip compresses the body and damages it in the middle.
func (s *strike) corruptGzip() {
	s.note()
	p := s.answer(s.r)
	var packed bytes.Buffer
	z := gzip.NewWriter(&packed)
	_, _ = z.Write(p.body.Bytes()) // a Buffer takes everything
	_ = z.Close()
	b := packed.Bytes()
	b[len(b)/2] ^= 0x55
	b[len(b)-5] ^= 0x55 // the checksum (RFC 1952 section 2.3.1), lest the middle means the same
	p.Header().Set("Content-Encoding", "gzip")
	p.send(b)
}

// redirect leads elsewhere.
func (s *strike) redirect() {
	s.note()
	to := url.URL{Path: s.r.RequestURI, RawQuery: s.r.URL.RawQuery}
	s.w.Header().Set("Location", s.f.To+to.String())
	s.w.Header().Set("Content-Length", "0")
	s.w.WriteHeader(s.f.Status)
}

// goAway ends the connection behind a good answer. In HTTP/2, net/http makes a GOAWAY of it.
func (s *strike) goAway() {
	s.note()
	s.w.Header().Set("Connection", "close")
	s.to.Next.ServeHTTP(s.w, s.r)
}

// wrongLength sends another Content-Length than the body has.
func (s *strike) wrongLength() {
	s.note()
	p := s.answer(s.r)
	body := p.body.Bytes()
	length := max(0, len(body)+s.f.Octets)
	s.begin(p, length, body[:min(length, len(body))])
}
