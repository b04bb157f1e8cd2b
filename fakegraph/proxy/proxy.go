// Package proxy is an HTTP proxy for clients that cannot be told where fakegraph is: they are told of a proxy instead, as by
// HTTPS_PROXY, and ask it to CONNECT them to Microsoft (RFC 9110 section 9.3.6). Wherever they want to go, they are led to fakegraph, which has certificates
// for those names. Nobody is connected to anything else.
package proxy

import (
	"bufio"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http"
	"net/netip"
	"strings"
	"sync"
	"time"

	"nacsim/internal/host"
)

// A Config describes a proxy.
type Config struct {
	// Addr is where it listens.
	Addr netip.AddrPort
	// Server is where fakegraph listens.
	Server netip.AddrPort
	// Known reports whether a name is one that fakegraph answers for.
	Known func(name string) bool
	// Refused is told what a client has asked for in vain. It may be nil, and must not block.
	Refused func(what string)
}

// Bounds of what strangers can take.
const (
	maxClients    = 512
	maxHeader     = 16 << 10
	headerTimeout = 10 * time.Second
	dialTimeout   = 10 * time.Second
	// lingering is how long a client may keep the connection when the server has ended it.
	lingering = 10 * time.Second
)

// A proxy is one that listens.
type proxy struct {
	h        host.Host
	cfg      Config
	listener net.Listener

	mu      sync.Mutex // guards what follows
	clients int
}

// Start listens until the machine goes down.
func Start(h host.Host, cfg Config) error {
	l, err := h.Listen(cfg.Addr)
	if err != nil {
		return fmt.Errorf("proxy: listen at %v: %w", cfg.Addr, err)
	}
	p := &proxy{h: h, cfg: cfg, listener: l}
	h.Go("proxy", p.accept)
	return nil
}

// acceptPause is how long the proxy waits after an error that is not its end, such as too many open files.
const acceptPause = 100 * time.Millisecond

func (p *proxy) accept() {
	for {
		c, err := p.listener.Accept()
		switch {
		case errors.Is(err, host.ErrDown) || errors.Is(err, net.ErrClosed):
			return
		case err != nil:
			if p.h.Sleep(acceptPause) != nil {
				return
			}
		case !p.admit():
			c.Close()
		default:
			p.h.Go("proxy client", func() {
				defer p.forget(c)
				p.serve(c)
			})
		}
	}
}

func (p *proxy) admit() bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.clients == maxClients {
		return false
	}
	p.clients++
	return true
}

func (p *proxy) forget(c net.Conn) {
	c.Close()
	p.mu.Lock()
	defer p.mu.Unlock()
	p.clients--
}

// serve answers the first request of a client, and is a tunnel from then on.
func (p *proxy) serve(c net.Conn) {
	if c.SetDeadline(p.h.Now().Add(headerTimeout)) != nil {
		return
	}
	limited := &io.LimitedReader{R: c, N: maxHeader}
	in := bufio.NewReader(limited)
	r, err := http.ReadRequest(in)
	if err != nil {
		if limited.N <= 0 {
			refuse(c, http.StatusRequestHeaderFieldsTooLarge, "the header is too long")
		} else if !errors.Is(err, io.EOF) {
			refuse(c, http.StatusBadRequest, "this is no HTTP request")
		}
		return
	}
	status, why := p.judge(r)
	if why != "" {
		p.h.Trace("drop", slog.String("from", c.RemoteAddr().String()), slog.String("reason", why))
		if p.cfg.Refused != nil {
			p.cfg.Refused(why)
		}
		refuse(c, status, why)
		return
	}
	server, err := p.h.Dial(p.cfg.Server.String(), dialTimeout)
	if err != nil {
		refuse(c, http.StatusBadGateway, "fakegraph is not there")
		return
	}
	defer server.Close()
	if _, err := io.WriteString(c, "HTTP/1.1 200 Connection established\r\n\r\n"); err != nil || c.SetDeadline(time.Time{}) != nil {
		return
	}
	limited.N = 1<<63 - 1 // what follows is not a header
	p.join(c, in, server)
}

// maxName bounds what of a request is repeated.
const maxName = 100

// judge says why a request is refused, or "".
func (p *proxy) judge(r *http.Request) (status int, why string) {
	what := r.Host
	if len(what) > maxName {
		what = what[:maxName] + "…"
	}
	if r.Method != http.MethodConnect {
		return http.StatusMethodNotAllowed, fmt.Sprintf("%.10s to %q through the proxy: only HTTPS, that is CONNECT, is possible; set HTTPS_PROXY and not HTTP_PROXY", r.Method, what)
	}
	name, _, err := net.SplitHostPort(r.Host)
	if err != nil {
		return http.StatusBadRequest, fmt.Sprintf("CONNECT to %q: want HOST:PORT", what)
	}
	if !p.cfg.Known(strings.ToLower(strings.TrimSuffix(name, "."))) {
		return http.StatusForbidden, fmt.Sprintf("CONNECT to %q: this proxy leads to fakegraph only, for the names of Microsoft Entra ID, Graph and Intune; put others into NO_PROXY", what)
	}
	return 0, ""
}

// refuse answers with an error. The client has gone if that fails.
func refuse(c net.Conn, status int, why string) {
	_, _ = fmt.Fprintf(c, "HTTP/1.1 %d %s\r\nContent-Type: text/plain; charset=utf-8\r\nContent-Length: %d\r\nConnection: close\r\n\r\n%s\n",
		status, http.StatusText(status), len(why)+1, why)
}

// join carries octets in both directions until both have ended, or one has failed, or the server has ended and the client does
// not.
func (p *proxy) join(client net.Conn, in io.Reader, server net.Conn) {
	back := p.h.NewSignal()
	p.h.Go("proxy reply", func() {
		carry(client, server)
		_ = client.SetReadDeadline(p.h.Now().Add(lingering)) // it fails on one that is closed
		back.Set()
	})
	carry(server, in)
	_ = back.Wait(time.Time{}) // it fails when the machine goes down, and then all is over
}

// carry copies until the end, and passes the end on. After an error nothing more can come of either.
func carry(to net.Conn, from io.Reader) {
	_, err := io.Copy(struct{ io.Writer }{to}, from)
	half, ok := to.(interface{ CloseWrite() error })
	if err != nil || !ok || half.CloseWrite() != nil {
		to.Close()
	}
}
