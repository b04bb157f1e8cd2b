package fault

import (
	"bytes"
	"context"
	"log/slog"
	"net/http"
	"slices"
	"strconv"
	"time"

	"nacsim/fakegraph/wire"
)

// A Front is what a set of faults stands in front of: one service.
type Front struct {
	// Graph says which one.
	Graph bool
	// InBatch says that requests are those inside of a $batch, which have no connection of their own to break.
	InBatch bool
	// App tells the client id of the app that makes a request, as far as it can be told from it, or "".
	App func(*http.Request) string
	// Route tells which of the service's routes matches a request, or "". It is for the log of requests.
	Route func(*http.Request) string
	// Next answers requests.
	Next http.Handler
	// Fail answers with what the service says for a status, or for a number of Entra ID's errors when it is not 0.
	Fail func(w http.ResponseWriter, r *http.Request, status, aadsts int)
}

// Serve answers a request, by the service or as the fault that strikes it has it. The path is canonical and RequestURI the path
// as the client wrote it.
func (s *Set) Serve(to *Front, w http.ResponseWriter, r *http.Request) {
	if !s.watching.Load() {
		to.Next.ServeHTTP(w, r)
		return
	}
	s.serve(to, w, r)
}

func (s *Set) serve(to *Front, w http.ResponseWriter, r *http.Request) {
	q := Request{Graph: to.Graph, InBatch: to.InBatch, Method: r.Method, Path: r.URL.Path, Query: decoded(r.URL.RawQuery)}
	if to.App != nil {
		q.App = func() string { return to.App(r) }
	}
	f := s.take(&q)
	if f == nil {
		s.pass(to, w, r, &q)
		return
	}
	r = r.WithContext(context.WithValue(r.Context(), struckKey{}, &f.Fault))
	f.kind.strike(&strike{set: s, f: f, q: &q, w: w, r: r, to: to})
}

// pass lets the service answer what no fault strikes, and remembers rows that one may repeat.
func (s *Set) pass(to *Front, w http.ResponseWriter, r *http.Request, q *Request) {
	s.mu.Lock()
	watches := isDeviceList(q) && slices.ContainsFunc(s.active, repeats)
	s.mu.Unlock()
	if !watches {
		to.Next.ServeHTTP(w, r)
		return
	}
	quiet := &strike{set: s, f: &activeFault{}, q: q, w: w, r: r, to: to}
	p := quiet.answer(r)
	if o, err := parseObject(p.body.Bytes()); err == nil && p.status == http.StatusOK {
		editPage(quiet, o, func(s *strike, p *page) { s.keepTail(p.rows) })
	}
	p.send(p.body.Bytes())
}

// struckKey is the key of the fault in a request's context.
type struckKey struct{}

// Struck is the fault that has struck a request, or nil. What a service has to do about it itself is in the methods of [Fault],
// which work on nil too.
func Struck(r *http.Request) *Fault {
	f, _ := r.Context().Value(struckKey{}).(*Fault)
	return f
}

// ClockSkew is how much the authority's clock is ahead.
func (f *Fault) ClockSkew() time.Duration {
	if f == nil || f.Name != "clock_skew" {
		return 0
	}
	return f.Skew
}

// WithoutRoles says that a token is issued without roles.
func (f *Fault) WithoutRoles() bool { return f != nil && f.Name == "roles_missing" }

// A strike is a fault about to answer one request.
type strike struct {
	set *Set
	f   *activeFault
	q   *Request
	w   http.ResponseWriter
	r   *http.Request
	to  *Front
}

// note records that the fault strikes, and whom: a service that is not asked cannot tell.
func (s *strike) note() {
	f := &s.f.Fault
	n := wire.NoteOf(s.r)
	n.Fault = f.Name
	if n.Route == "" && s.to.Route != nil {
		n.Route = s.to.Route(s.r)
	}
	if n.App == "" && s.to.App != nil {
		n.App = s.to.App(s.r)
	}
	fields := []slog.Attr{slog.String("fault", f.Name), slog.String("path", s.r.URL.Path)}
	if f.Status != 0 {
		fields = append(fields, slog.Int("status", f.Status))
	}
	if after := f.retryAfter(s.set.h.Now()); after != "" {
		fields = append(fields, slog.String("retry_after", after))
	}
	if f.Delay != 0 {
		fields = append(fields, slog.String("delay", f.Delay.String()))
	}
	s.set.h.Trace("fault", fields...)
}

// spare takes back that the fault has struck: there was nothing to spoil in the reply.
func (s *strike) spare() {
	f := s.f
	s.set.mu.Lock()
	defer s.set.mu.Unlock()
	f.struck--
	if f.Count == 0 {
		return
	}
	if f.left++; f.left > 1 {
		return
	}
	at, _ := slices.BinarySearchFunc(s.set.active, f.number, func(a *activeFault, number int) int { return a.number - number })
	s.set.active = slices.Insert(s.set.active, at, f)
	s.set.changed()
}

// pass lets the service answer, which asks what the fault is.
func (s *strike) pass() {
	s.note()
	s.to.Next.ServeHTTP(s.w, s.r)
}

// fail answers with an error.
func (s *strike) fail() {
	s.note()
	if !s.wait() {
		return
	}
	f := &s.f.Fault
	if after := f.retryAfter(s.set.h.Now()); after != "" {
		s.w.Header().Set("Retry-After", after)
	}
	if f.Body == "" {
		s.to.Fail(s.w, s.r, f.Status, f.AADSTS)
		return
	}
	contentType := f.ContentType
	if contentType == "" {
		contentType = "text/html"
	}
	wire.WriteBody(s.w, f.Status, contentType, []byte(f.Body))
}

// wait lets the fault's delay pass and reports whether the machine is still up.
func (s *strike) wait() bool { return s.f.Delay == 0 || s.set.h.Sleep(s.f.Delay) == nil }

// slow answers late.
func (s *strike) slow() {
	s.note()
	if s.wait() {
		s.to.Next.ServeHTTP(s.w, s.r)
	}
}

// A reply is what a service wants to answer. Its header is that of the real reply, which the front has begun.
type reply struct {
	w      http.ResponseWriter
	status int
	body   bytes.Buffer
}

// Header is that of the real reply.
func (p *reply) Header() http.Header { return p.w.Header() }

// WriteHeader keeps the status.
func (p *reply) WriteHeader(status int) {
	if p.status == 0 {
		p.status = status
	}
}

// Write keeps the body.
func (p *reply) Write(b []byte) (int, error) {
	p.WriteHeader(http.StatusOK)
	return p.body.Write(b)
}

// answer lets the service answer without sending it. The client's wish for compression is kept from it.
func (s *strike) answer(r *http.Request) *reply {
	if r.Header.Get("Accept-Encoding") != "" {
		r = r.Clone(r.Context())
		r.Header.Del("Accept-Encoding")
	}
	p := &reply{w: s.w}
	s.to.Next.ServeHTTP(p, r)
	p.WriteHeader(http.StatusOK)
	return p
}

// send sends a reply with that body.
func (p *reply) send(body []byte) {
	p.Header().Set("Content-Length", strconv.Itoa(len(body)))
	p.w.WriteHeader(p.status)
	_, _ = p.w.Write(body) // the client has gone if this fails
}

// editor is a strike that changes a JSON object in a good reply. The edit reports whether it changed anything.
func editor(edit func(*strike, *object) bool) func(*strike) {
	return func(s *strike) { s.edit(s.r, edit) }
}

// edit answers r with what the service says, changed.
func (s *strike) edit(r *http.Request, edit func(*strike, *object) bool) {
	p := s.answer(r)
	body := p.body.Bytes()
	if p.status == http.StatusOK {
		if o, err := parseObject(body); err == nil && edit(s, o) {
			s.note()
			p.send(o.append(nil))
			return
		}
	}
	s.spare()
	p.send(body)
}
