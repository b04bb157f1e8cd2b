package fakegraph

import (
	"net"
	"net/http"
	"strings"

	"nacsim/fakegraph/nacservice"
	"nacsim/fakegraph/requestlog"
	"nacsim/fakegraph/wire"
)

// ServeHTTP answers one request to Entra ID or Graph, to the control API or for the page. It can be used without Start.
func (s *Server) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	path := wire.CanonicalPath(r.URL.Path)
	switch first, _, _ := strings.Cut(strings.TrimPrefix(path, "/"), "/"); first {
	case "control":
		s.control.ServeHTTP(w, r)
	case "", "favicon.ico":
		s.page.ServeHTTP(w, s.canonical(r, path))
	default:
		s.serveLogged(w, r, path)
	}
}

// serveLogged answers a request to one of the services and writes it into the log, also when a fault cuts the connection, for
// which it panics.
func (s *Server) serveLogged(w http.ResponseWriter, r *http.Request, path string) {
	began := s.h.Now()
	r, note := wire.WithNote(r)
	reply := &reply{ResponseWriter: w}
	defer func() {
		note.Status = reply.status
		e := requestlog.NewEntry(r, note, w.Header(), began, s.h.Now().Sub(began))
		e.Bytes = reply.bytes
		s.log.Add(e)
	}()
	s.serve(reply, r, path)
	reply.begin(http.StatusOK) // what net/http does for a handler that has written nothing
}

// serve answers a request to one of the services.
func (s *Server) serve(w http.ResponseWriter, r *http.Request, path string) {
	s.identify(w.Header(), r)
	isGraph := wire.IsGraph(r, path) // by the name that the client used
	r = s.canonical(r, path)
	t := s.tenant.Load()
	switch {
	case nacservice.Owns(path):
		s.faults.Serve(&t.toNAC, w, r)
	case isGraph:
		s.faults.Serve(&t.toGraph, w, r)
	default:
		s.faults.Serve(&t.toEntra, w, r)
	}
}

const agsDiagnostic = `{"ServerInfo":{"DataCenter":"West Europe","Slice":"E","Ring":"5","ScaleUnit":"002","RoleInstance":"AM4PEPF000139A1"}}`

// identify sets the headers that all replies have (facts: graph-and-entra 3.1).
func (s *Server) identify(header http.Header, r *http.Request) {
	id := s.ids.Next()
	clientID := wire.GivenClientRequestID(r)
	if clientID == "" {
		clientID = id
	}
	header.Set(wire.RequestID, id)
	header.Set(wire.ClientRequestID, clientID)
	header.Set("x-ms-ags-diagnostic", agsDiagnostic)
	if !isLocalhost(r.Host) { // a browser would demand HTTPS of all that is developed there
		header.Set("Strict-Transport-Security", "max-age=31536000")
	}
}

// isLocalhost reports whether a Host is a name of the client's own computer (RFC 6761 section 6.3).
func isLocalhost(hostPort string) bool {
	name, _, err := net.SplitHostPort(hostPort)
	if err != nil {
		name = hostPort
	}
	name = strings.ToLower(strings.TrimSuffix(name, "."))
	return name == "localhost" || strings.HasSuffix(name, ".localhost")
}

// canonical is the request with its canonical path, the scheme and the Host that absolute URLs begin with, and in RequestURI the path as the
// client wrote it, for links and error messages.
func (s *Server) canonical(r *http.Request, path string) *http.Request {
	c := *r
	u := *r.URL
	u.Path, u.RawPath, u.Scheme = path, "", "https"
	if s.cfg.TLS == nil && r.TLS == nil {
		u.Scheme = "http"
	}
	switch public := s.cfg.PublicURL; {
	case public != nil:
		u.Scheme, c.Host = public.Scheme, public.Host
	case c.Host == "": // HTTP/1.0 has none
		c.Host = s.Addr().String()
	}
	c.URL, c.RequestURI = &u, r.URL.Path
	return &c
}

// reply notices what goes out.
type reply struct {
	http.ResponseWriter
	status int // 0 while nothing has gone out
	bytes  int64
}

func (r *reply) begin(status int) {
	if r.status == 0 {
		r.status = status
	}
}

func (r *reply) WriteHeader(status int) {
	if status >= 200 { // the others announce that there is more to come
		r.begin(status)
	}
	r.ResponseWriter.WriteHeader(status)
}

func (r *reply) Write(b []byte) (int, error) {
	r.begin(http.StatusOK)
	n, err := r.ResponseWriter.Write(b)
	r.bytes += int64(n)
	return n, err
}

// Unwrap is for http.ResponseController.
func (r *reply) Unwrap() http.ResponseWriter { return r.ResponseWriter }
