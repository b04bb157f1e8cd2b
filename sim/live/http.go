package live

import (
	"bytes"
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"io"
	"log"
	"log/slog"
	"net"
	"net/http"
	"net/netip"
	"net/url"
	"strings"
	"sync"
	"time"

	"nacsim/internal/host"
)

// Bounds of HTTP exchanges. A server's write timeout leaves room for handlers that answer late on purpose.
const (
	headerTimeout  = 10 * time.Second
	requestTimeout = time.Minute
	handlerTimeout = 10 * time.Minute
	idleTimeout    = time.Minute
	headerMax      = 64 << 10
	requestMax     = 16 << 20
	connectionsMax = 1024

	timeoutHTTP = 30 * time.Second
	bodyMax     = 64 << 20
)

// httpServer is a running ServeHTTP.
type httpServer struct {
	n      *node
	at     netip.AddrPort
	server *http.Server
	once   sync.Once
	ended  chan struct{}
}

func (n *node) ServeHTTP(at netip.AddrPort, h http.Handler, config *tls.Config) (host.HTTPServer, error) {
	l, err := n.listen(at)
	if err != nil {
		return nil, err
	}
	s := &httpServer{n: n, at: l.at, ended: make(chan struct{})}
	s.server = &http.Server{
		Handler:           http.MaxBytesHandler(n.handler(h), requestMax),
		ReadHeaderTimeout: headerTimeout,
		ReadTimeout:       requestTimeout,
		WriteTimeout:      handlerTimeout,
		IdleTimeout:       idleTimeout,
		MaxHeaderBytes:    headerMax,
		ErrorLog:          log.New(httpLog{n}, "", 0),
		ConnContext:       resettable,
	}
	limited := &limitedListener{listener: l, free: make(chan struct{}, connectionsMax), shut: make(chan struct{})}
	if config != nil {
		s.server.TLSConfig = config.Clone()
		s.server.TLSConfig.Time = n.Now
	}
	go func() {
		defer close(s.ended)
		// Both return when the listener is closed, which is the only way to end.
		if config != nil {
			_ = s.server.ServeTLS(limited, "", "")
		} else {
			_ = s.server.Serve(limited)
		}
	}()
	if err := n.own(s); err != nil {
		s.Close()
		return nil, err
	}
	return s, nil
}

func (s *httpServer) Addr() netip.AddrPort { return s.at }

func (s *httpServer) Close() error {
	s.once.Do(func() {
		s.n.disown(s)
		_ = s.server.Close()
		<-s.ended
	})
	return nil
}

func (s *httpServer) abort() { s.Close() }

// handler runs each request as a task.
func (n *node) handler(h http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		name := "http " + r.Method + " " + r.URL.Path
		t := n.begin(name)
		if t == nil {
			panic(http.ErrAbortHandler)
		}
		defer n.end(t)
		aborted := false
		err := n.guard(name, func() error {
			defer func() {
				if e := recover(); e == http.ErrAbortHandler {
					aborted = true
				} else if e != nil {
					panic(e)
				}
			}()
			h.ServeHTTP(w, r)
			return nil
		})
		if err != nil || aborted || n.down.Load() {
			panic(http.ErrAbortHandler)
		}
	})
}

// httpLog writes what net/http reports about clients, such as a failed TLS handshake, to the trace.
type httpLog struct{ n *node }

func (l httpLog) Write(b []byte) (int, error) {
	l.n.Trace("drop", slog.String("reason", strings.TrimSpace(string(b))))
	return len(b), nil
}

// limitedListener bounds the connections of a server; more wait in the operating system's queue.
type limitedListener struct {
	*listener
	free chan struct{}
	once sync.Once
	shut chan struct{}
}

func (l *limitedListener) Accept() (net.Conn, error) {
	select {
	case l.free <- struct{}{}:
	case <-l.shut:
		return nil, host.ErrDown
	}
	c, err := l.accept()
	if err != nil {
		<-l.free
		return nil, err
	}
	return &limitedConn{conn: c, free: l.free}, nil
}

func (l *limitedListener) Close() error {
	l.once.Do(func() { close(l.shut) })
	return l.listener.Close()
}

// resettable lets the requests of a connection reset it.
func resettable(ctx context.Context, c net.Conn) context.Context {
	return host.WithReset(ctx, func() {
		if t, ok := c.(*tls.Conn); ok {
			c = t.NetConn()
		}
		if l, ok := c.(*limitedConn); ok {
			_ = l.tcp.SetLinger(0) // a closed socket needs no reset
			l.Close()
		}
	})
}

type limitedConn struct {
	*conn
	once sync.Once
	free chan struct{}
}

func (c *limitedConn) Close() error {
	err := c.conn.Close()
	c.once.Do(func() { <-c.free })
	return err
}

// Deadlines of net/http are on the wall clock.

func (c *limitedConn) SetDeadline(t time.Time) error {
	return c.conn.SetDeadline(c.n.m.w.clock.world(t))
}
func (c *limitedConn) SetReadDeadline(t time.Time) error {
	return c.conn.SetReadDeadline(c.n.m.w.clock.world(t))
}
func (c *limitedConn) SetWriteDeadline(t time.Time) error {
	return c.conn.SetWriteDeadline(c.n.m.w.clock.world(t))
}

// httpClient keeps the connections of a machine to HTTP servers: a pool for each set of root certificates,
// since a connection verified with one must not serve requests that ask for another.
type httpClient struct {
	mu    sync.Mutex
	pools []*pool // the most recently made last
}

// poolsMax bounds the sets of root certificates whose connections are kept.
const poolsMax = 8

type pool struct {
	roots     *x509.CertPool
	transport *http.Transport
}

func (n *node) transport(roots *x509.CertPool) *http.Transport {
	if roots == nil {
		roots = n.m.w.cfg.RootCAs
	}
	c := &n.client
	c.mu.Lock()
	defer c.mu.Unlock()
	for _, p := range c.pools {
		if p.roots == roots {
			return p.transport
		}
	}
	t := &http.Transport{
		Proxy: n.m.w.proxy,
		DialContext: func(ctx context.Context, _, to string) (net.Conn, error) {
			return n.dial(ctx, to)
		},
		TLSClientConfig:        &tls.Config{RootCAs: roots, Time: n.Now, MinVersion: tls.VersionTLS12},
		TLSHandshakeTimeout:    timeoutHTTP,
		DisableCompression:     true, // bodies are the same in both worlds
		MaxIdleConnsPerHost:    16,
		IdleConnTimeout:        idleTimeout / 2, // shorter than the server's, so that it is the client who closes
		MaxResponseHeaderBytes: 4 * headerMax,
	}
	if len(c.pools) == poolsMax {
		c.pools[0].transport.CloseIdleConnections()
		c.pools = c.pools[1:]
	}
	c.pools = append(c.pools, &pool{roots, t})
	return t
}

func (c *httpClient) close() {
	c.mu.Lock()
	defer c.mu.Unlock()
	for _, p := range c.pools {
		p.transport.CloseIdleConnections()
	}
}

// proxy is that of the environment, for servers outside of the world only.
func (w *World) proxy(r *http.Request) (*url.URL, error) {
	if !w.cfg.AllowExternal {
		return nil, nil
	}
	if _, outside, err := w.resolve(net.JoinHostPort(r.URL.Hostname(), "0")); err != nil || !outside {
		return nil, err
	}
	return http.ProxyFromEnvironment(r)
}

func (n *node) RoundTrip(r *http.Request, o host.HTTPOptions) (*http.Response, error) {
	if n.down.Load() {
		return nil, host.ErrDown
	}
	begun := n.Now()
	resp, err := n.exchange(r, o)
	if !errors.Is(err, host.ErrDown) {
		n.traceHTTP(r, resp, err, n.Now().Sub(begun))
	}
	if err != nil {
		return nil, fmt.Errorf("%s %s: %w", r.Method, r.URL.Redacted(), err)
	}
	return resp, nil
}

// exchange sends the request and reads the whole response.
func (n *node) exchange(r *http.Request, o host.HTTPOptions) (*http.Response, error) {
	timeout, limit := o.Timeout, o.MaxBody
	if timeout == 0 {
		timeout = timeoutHTTP
	}
	if limit == 0 {
		limit = bodyMax
	}
	ctx, cancel := context.WithTimeout(n.ctx, timeout)
	defer cancel()
	resp, err := n.transport(o.RootCAs).RoundTrip(r.Clone(ctx))
	if err != nil {
		return nil, n.cause(ctx, err)
	}
	defer resp.Body.Close()
	body, err := io.ReadAll(io.LimitReader(resp.Body, limit+1))
	if err != nil {
		return nil, n.cause(ctx, fmt.Errorf("read response: %w", err))
	}
	if int64(len(body)) > limit {
		return nil, fmt.Errorf("response body exceeds %d octets", limit)
	}
	resp.Body = io.NopCloser(bytes.NewReader(body))
	resp.ContentLength = int64(len(body))
	resp.Request = r
	return resp, nil
}

func (n *node) traceHTTP(r *http.Request, resp *http.Response, err error, took time.Duration) {
	fields := []slog.Attr{slog.String("method", r.Method), slog.String("url", r.URL.Redacted())}
	if err != nil {
		fields = append(fields, slog.String("error", err.Error()))
	} else {
		fields = append(fields, slog.Int("status", resp.StatusCode))
	}
	n.Trace("http", append(fields, slog.String("took", took.String()))...)
}
