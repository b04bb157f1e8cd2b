package virtual

import (
	"bytes"
	"crypto/tls"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"net/netip"
	"syscall"
	"time"

	"nacsim/internal/host"
)

// httpServer is a running ServeHTTP.
type httpServer struct {
	n       *node
	at      netip.AddrPort
	handler http.Handler
	tls     bool
}

func (n *node) ServeHTTP(at netip.AddrPort, h http.Handler, config *tls.Config) (host.HTTPServer, error) {
	if n.down {
		return nil, host.ErrDown
	}
	port, err := n.bind(at, n.tcpTaken)
	if err != nil {
		return nil, err
	}
	s := &httpServer{n: n, at: netip.AddrPortFrom(n.m.addr, port), handler: h, tls: config != nil}
	n.servers[port] = s
	return s, nil
}

func (s *httpServer) Addr() netip.AddrPort { return s.at }

func (s *httpServer) Close() error {
	if !s.n.down {
		delete(s.n.servers, s.at.Port())
	}
	return nil
}

// Bounds of a request as net/http's server has them.
const (
	requestMax  = 16 << 20
	timeoutHTTP = 30 * time.Second
	bodyMax     = 64 << 20
)

// exchange is one request and its response.
type exchange struct {
	client  *node
	request *http.Request
	body    []byte
	waiting waiters
	done    bool
	reply   *http.Response
	size    int64
	err     error
}

func (x *exchange) finish(reply *http.Response, err error) {
	if !x.done {
		x.done, x.reply, x.err = true, reply, err
		x.waiting.wakeAll()
	}
}

func (n *node) RoundTrip(r *http.Request, o host.HTTPOptions) (*http.Response, error) {
	if n.down {
		return nil, host.ErrDown
	}
	begun := n.Now()
	x := &exchange{client: n, request: r}
	err := x.exchange(o)
	status := 0
	if err == nil {
		status = x.reply.StatusCode
	}
	if !errors.Is(err, host.ErrDown) {
		n.traceHTTP(r, status, err, n.Now().Sub(begun))
	}
	if err != nil {
		return nil, fmt.Errorf("%s %s: %w", r.Method, r.URL.Redacted(), err)
	}
	return x.reply, nil
}

func (n *node) traceHTTP(r *http.Request, status int, err error, took time.Duration) {
	fields := []slog.Attr{slog.String("method", r.Method), slog.String("url", r.URL.Redacted())}
	if err != nil {
		fields = append(fields, slog.String("error", err.Error()))
	} else {
		fields = append(fields, slog.Int("status", status))
	}
	n.Trace("http", append(fields, slog.String("took", took.String()))...)
}

// exchange sends the request and waits for the response.
func (x *exchange) exchange(o host.HTTPOptions) error {
	n, w := x.client, x.client.m.w
	if x.request.Body != nil {
		var err error
		if x.body, err = io.ReadAll(io.LimitReader(x.request.Body, requestMax+1)); err != nil {
			return err
		}
		if len(x.body) > requestMax {
			return fmt.Errorf("request body exceeds %d octets", requestMax)
		}
		x.request.Body.Close()
	}
	to, secure, err := w.serverOf(x.request)
	if err != nil {
		return err
	}
	limit := o.MaxBody
	if limit == 0 {
		limit = bodyMax
	}
	timeout := o.Timeout
	if timeout == 0 {
		timeout = timeoutHTTP
	}
	target := w.byAddr[to.Addr()]
	w.travel(n.m.name, nameOf(target), func() { x.arrive(target, to, secure) })
	deadline := n.Now().Add(timeout)
	for !x.done {
		if err := x.waiting.wait(n, "waiting for "+x.request.URL.Host, nil, deadline); err != nil {
			x.done = true
			return err
		}
	}
	if x.err == nil && x.size > limit {
		x.err = fmt.Errorf("response body exceeds %d octets", limit)
	}
	return x.err
}

// serverOf is the address a request goes to and whether it is HTTPS.
func (w *World) serverOf(r *http.Request) (netip.AddrPort, bool, error) {
	port := r.URL.Port()
	switch r.URL.Scheme {
	case "https":
		if port == "" {
			port = "443"
		}
	case "http":
		if port == "" {
			port = "80"
		}
	default:
		return netip.AddrPort{}, false, fmt.Errorf("unsupported scheme %q", r.URL.Scheme)
	}
	at, err := w.resolve(r.URL.Hostname() + ":" + port)
	return at, r.URL.Scheme == "https", err
}

// arrive is the request's arrival at the machine that has the address.
func (x *exchange) arrive(target *machine, at netip.AddrPort, secure bool) {
	w := x.client.m.w
	if target == nil || target.node == nil || x.done {
		return // nobody answers; the client's timeout runs
	}
	back := func(reply *http.Response, err error) {
		w.travel(target.name, x.client.m.name, func() { x.finish(reply, err) })
	}
	s := target.node.servers[at.Port()]
	switch {
	case s == nil:
		back(nil, syscall.ECONNREFUSED)
	case s.tls && !secure:
		back(nil, errors.New("the server speaks HTTPS, the request is HTTP"))
	case !s.tls && secure:
		back(nil, errors.New("the server speaks HTTP, the request is HTTPS"))
	default:
		t := s.n.newTask("http "+x.request.Method+" "+x.request.URL.Path, func() {
			rec := &recorder{header: http.Header{}}
			ended := false
			defer func() {
				if !ended || s.n.down {
					back(nil, syscall.ECONNRESET) // the machine crashed in the middle of it
				}
			}()
			aborted := rec.serve(s.handler, x.serverSide(secure, rec))
			ended = true
			if s.n.down {
				return
			}
			x.size = int64(rec.body.Len())
			back(rec.outcome(x.request, aborted))
		})
		w.resume(t)
	}
}

// serverSide is the request as the server sees it.
func (x *exchange) serverSide(secure bool, rec *recorder) *http.Request {
	r := x.request.Clone(host.WithReset(x.request.Context(), func() { rec.reset = true }))
	r.Body = io.NopCloser(bytes.NewReader(x.body))
	r.ContentLength = int64(len(x.body))
	r.RequestURI = r.URL.RequestURI()
	if r.Host == "" {
		r.Host = r.URL.Host
	}
	u := *r.URL
	u.Scheme, u.Host, u.User = "", "", nil
	r.URL = &u
	r.RemoteAddr = x.client.m.addr.String() + ":49152"
	r.Proto, r.ProtoMajor, r.ProtoMinor = "HTTP/1.1", 1, 1
	if secure {
		r.TLS = &tls.ConnectionState{Version: tls.VersionTLS13, HandshakeComplete: true, ServerName: x.request.URL.Hostname()}
	}
	return r
}
