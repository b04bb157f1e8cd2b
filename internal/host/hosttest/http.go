package hosttest

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/netip"
	"strings"
	"syscall"
	"time"

	"nacsim/internal/host"
)

var httpTests = []test{
	{"a request arrives whole, and so does the response", func(s *stage) {
		s.web(nil, func(h host.Host, w http.ResponseWriter, r *http.Request) {
			body, err := io.ReadAll(r.Body)
			w.Header().Set("Content-Type", "text/x-test")
			w.Header().Add("X-Two", "1")
			w.Header().Add("X-Two", "2")
			w.WriteHeader(http.StatusTeapot)
			fmt.Fprintf(w, "%s %s host=%s auth=%s body=%s %v", r.Method, r.URL, r.Host, r.Header.Get("Authorization"), body, err)
		})
		s.w.Name("graph.example.com", ip(1))
		s.client(func(h host.Host) error {
			req, err := http.NewRequest("POST", "http://graph.example.com:8080/v1.0/devices?$top=5&x=%20", strings.NewReader("question"))
			if err != nil {
				return err
			}
			req.Header.Set("Authorization", "Bearer abc")
			resp, err := h.RoundTrip(req, host.HTTPOptions{})
			if err != nil {
				return err
			}
			defer resp.Body.Close()
			body, err := io.ReadAll(resp.Body)
			want := "POST /v1.0/devices?$top=5&x=%20 host=graph.example.com:8080 auth=Bearer abc body=question <nil>"
			if err != nil || string(body) != want {
				return fmt.Errorf("body %q, %v; want %q", body, err, want)
			}
			if resp.StatusCode != http.StatusTeapot || resp.Header.Get("Content-Type") != "text/x-test" ||
				strings.Join(resp.Header["X-Two"], ",") != "1,2" {
				return fmt.Errorf("status %d, header %v", resp.StatusCode, resp.Header)
			}
			return nil
		})
	}},
	{"a handler that writes nothing answers 200 with an empty body", func(s *stage) {
		s.web(nil, func(host.Host, http.ResponseWriter, *http.Request) {})
		s.client(func(h host.Host) error {
			return wantBody(h, "http://10.9.0.1:8080/", host.HTTPOptions{}, "")
		})
	}},
	{"HTTPS verifies the name on the machine's clock", func(s *stage) {
		var pool *x509.CertPool
		s.host("server", func(h host.Host) error {
			ca := newAuthority(h.Now())
			pool = ca.pool()
			cert := ca.issue("login.example.com", h.Now(), time.Hour)
			_, err := h.ServeHTTP(at(1, 443), say("secret"), &tls.Config{Certificates: []tls.Certificate{cert}})
			return err
		})
		s.w.Name("login.example.com", ip(1))
		s.client(func(h host.Host) error {
			for range 2 {
				if err := wantBody(h, "https://login.example.com/token", host.HTTPOptions{RootCAs: pool}, "secret"); err != nil {
					return err
				}
			}
			return nil
		})
	}},
	{"client and server must agree on the scheme", func(s *stage) {
		s.host("server", func(h host.Host) error {
			cert := newAuthority(h.Now()).issue("server", h.Now(), time.Hour)
			_, err := h.ServeHTTP(at(1, 443), say("secret"), &tls.Config{Certificates: []tls.Certificate{cert}})
			if err == nil {
				_, err = h.ServeHTTP(at(1, 80), say("plain"), nil)
			}
			return err
		})
		s.client(func(h host.Host) error {
			for _, url := range []string{"http://10.9.0.1:443/", "https://10.9.0.1:80/"} {
				body, status, err := get(h, url, host.HTTPOptions{Timeout: 5 * time.Second})
				// A real HTTPS server answers an HTTP request with 400.
				if err == nil && status != http.StatusBadRequest {
					return fmt.Errorf("GET %s = %d %q", url, status, body)
				}
			}
			return nil
		})
	}},
	{"the timeout ends the exchange", func(s *stage) {
		s.web(nil, func(h host.Host, w http.ResponseWriter, r *http.Request) {
			_ = h.Sleep(300 * time.Millisecond)
			io.WriteString(w, "late")
		})
		s.client(func(h host.Host) error {
			start := h.Now()
			_, _, err := get(h, "http://10.9.0.1:8080/", host.HTTPOptions{Timeout: 20 * time.Millisecond})
			if err := first(expect("RoundTrip", err, host.ErrTimeout), s.took(h, start, 20*time.Millisecond)); err != nil {
				return err
			}
			// A handler may sleep, and a patient client gets its answer.
			return wantBody(h, "http://10.9.0.1:8080/", host.HTTPOptions{Timeout: patience}, "late")
		})
	}},
	{"requests are handled at the same time", func(s *stage) {
		const clients = 4
		var arrived host.Signal
		open := make([]host.Signal, 0, clients)
		s.host("server", func(h host.Host) error {
			arrived = h.NewSignal()
			for range clients {
				open = append(open, h.NewSignal())
			}
			_, err := h.ServeHTTP(at(1, 8080), http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
				s.note("arrived")
				arrived.Set()
				n := r.URL.Path[1] - '0'
				if err := open[n].Wait(h.Now().Add(patience)); err != nil {
					http.Error(w, err.Error(), http.StatusInternalServerError)
					return
				}
				io.WriteString(w, "done")
			}), nil)
			// No handler may return before all requests are there.
			s.task(h, "gate", func() error {
				for len(s.noted()) < clients {
					if err := arrived.Wait(h.Now().Add(patience)); err != nil {
						return fmt.Errorf("%d requests have arrived: %w", len(s.noted()), err)
					}
				}
				for _, o := range open {
					o.Set()
				}
				return nil
			})
			return err
		})
		s.host("clients", func(h host.Host) error {
			for n := range clients {
				s.task(h, "client", func() error {
					return wantBody(h, fmt.Sprintf("http://10.9.0.1:8080/%d", n), host.HTTPOptions{Timeout: patience}, "done")
				})
			}
			return nil
		})
		s.finish()
	}},
	{"a body over the limit is an error, one of the limit is not", func(s *stage) {
		s.web(nil, func(h host.Host, w http.ResponseWriter, r *http.Request) {
			io.WriteString(w, strings.Repeat("x", 100))
		})
		s.client(func(h host.Host) error {
			if _, _, err := get(h, "http://10.9.0.1:8080/", host.HTTPOptions{MaxBody: 99}); err == nil {
				return errors.New("a body of 100 octets passes a limit of 99")
			}
			return wantBody(h, "http://10.9.0.1:8080/", host.HTTPOptions{MaxBody: 100}, strings.Repeat("x", 100))
		})
	}},
	{"redirects are not followed", func(s *stage) {
		s.web(nil, func(h host.Host, w http.ResponseWriter, r *http.Request) {
			s.note("%s", r.URL.Path)
			http.Redirect(w, r, "/elsewhere", http.StatusFound)
		})
		s.client(func(h host.Host) error {
			_, status, err := get(h, "http://10.9.0.1:8080/", host.HTTPOptions{})
			if err != nil || status != http.StatusFound || len(s.noted()) != 1 {
				return fmt.Errorf("status %d, %v; requests %q", status, err, s.noted())
			}
			return nil
		})
	}},
	{"the request's context is not consulted, and the request is not changed", func(s *stage) {
		s.web(nil, func(h host.Host, w http.ResponseWriter, r *http.Request) { io.WriteString(w, "ok") })
		s.client(func(h host.Host) error {
			ctx, cancel := context.WithCancel(context.Background())
			cancel()
			req, err := http.NewRequestWithContext(ctx, "GET", "http://10.9.0.1:8080/a", nil)
			if err != nil {
				return err
			}
			resp, err := h.RoundTrip(req, host.HTTPOptions{})
			if err != nil {
				return err
			}
			if req.URL.String() != "http://10.9.0.1:8080/a" || len(req.Header) != 0 {
				return fmt.Errorf("the request became %v %v", req.URL, req.Header)
			}
			return resp.Body.Close()
		})
	}},
	{"a server that is not there is an error", func(s *stage) {
		s.host("server", func(h host.Host) error {
			srv, err := h.ServeHTTP(at(1, 8080), say("never"), nil)
			if err != nil {
				return err
			}
			return srv.Close()
		})
		s.client(func(h host.Host) error {
			for _, url := range []string{"http://10.9.0.1:8080/", "http://10.9.0.99/", "http://nobody.example.com/", "https://10.9.0.1/"} {
				if _, status, err := get(h, url, host.HTTPOptions{Timeout: 50 * time.Millisecond}); err == nil {
					return fmt.Errorf("GET %s = %d", url, status)
				}
			}
			return nil
		})
	}},
	{"a request that makes no sense is an error", func(s *stage) {
		s.client(func(h host.Host) error {
			for _, url := range []string{"ftp://10.9.0.1/", "/relative", "http:///nohost", "http://10.9.0.1:port/"} {
				req, err := http.NewRequest("GET", url, nil)
				if err != nil {
					continue
				}
				if resp, err := h.RoundTrip(req, host.HTTPOptions{Timeout: time.Second}); err == nil {
					return fmt.Errorf("GET %q = %d", url, resp.StatusCode)
				}
			}
			return nil
		})
	}},
	{"Close ends the server and frees its address", func(s *stage) {
		s.host("server", func(h host.Host) error {
			for n := range 3 {
				srv, err := h.ServeHTTP(at(1, 8080), say(fmt.Sprint(n)), nil)
				if err != nil {
					return err
				}
				if srv.Addr() != at(1, 8080) {
					return fmt.Errorf("Addr = %v", srv.Addr())
				}
				if _, err := h.ServeHTTP(at(1, 8080), say("second"), nil); err == nil {
					return errors.New("ServeHTTP on an address in use works")
				}
				if n == 2 {
					return nil
				}
				if err := srv.Close(); err != nil {
					return err
				}
			}
			return nil
		})
		s.client(func(h host.Host) error {
			return wantBody(h, "http://10.9.0.1:8080/", host.HTTPOptions{}, "2")
		})
	}},
	{"port 0 picks a free port", func(s *stage) {
		var addr netip.AddrPort
		s.host("server", func(h host.Host) error {
			srv, err := h.ServeHTTP(netip.AddrPort{}, say("here"), nil)
			if err == nil {
				addr = srv.Addr()
			}
			return err
		})
		if addr.Addr() != ip(1) || addr.Port() == 0 {
			s.t.Fatalf("Addr = %v", addr)
		}
		s.client(func(h host.Host) error {
			return wantBody(h, "http://"+addr.String()+"/", host.HTTPOptions{}, "here")
		})
	}},
	{"a handler can break off, and promise more or less than it writes", func(s *stage) {
		s.web(nil, func(h host.Host, w http.ResponseWriter, r *http.Request) {
			switch r.URL.Path {
			case "/reset":
				host.ResetConnection(r)
			case "/nothing":
				panic(http.ErrAbortHandler)
			case "/half":
				w.Header().Set("Content-Length", "8")
				_, _ = io.WriteString(w, "half")
				_ = http.NewResponseController(w).Flush()
				panic(http.ErrAbortHandler)
			case "/less":
				w.Header().Set("Content-Length", "8")
				_, _ = io.WriteString(w, "less")
			case "/more":
				w.Header().Set("Content-Length", "4")
				_, _ = io.WriteString(w, "more")
				if _, err := io.WriteString(w, "over"); !errors.Is(err, http.ErrContentLength) {
					s.t.Errorf("Write beyond Content-Length: %v", err)
				}
			}
		})
		s.client(func(h host.Host) error {
			for _, broken := range []struct {
				path string
				want error
			}{{"reset", syscall.ECONNRESET}, {"nothing", io.EOF}, {"half", io.ErrUnexpectedEOF}, {"less", io.ErrUnexpectedEOF}} {
				body, status, err := get(h, "http://10.9.0.1:8080/"+broken.path, host.HTTPOptions{})
				if !errors.Is(err, broken.want) {
					return fmt.Errorf("GET /%s = %d %q, %v; want %v", broken.path, status, body, err, broken.want)
				}
			}
			return wantBody(h, "http://10.9.0.1:8080/more", host.HTTPOptions{}, "more")
		})
	}},
	{"a handler that panics is a fault of the run", func(s *stage) {
		s.faulty = true
		s.web(nil, func(host.Host, http.ResponseWriter, *http.Request) { panicInTask() })
		s.host("client", func(h host.Host) error {
			h.Go("get", func() { _, _, _ = get(h, "http://10.9.0.1:8080/", host.HTTPOptions{}) })
			return nil
		})
		s.wantFault(s.w.RunUntil(func() bool { return false }, patience), "the third wheel came off", "panicInTask")
	}},
}

// web adds a machine that serves HTTP on 10.9.0.1:8080.
func (s *stage) web(config *tls.Config, f func(h host.Host, w http.ResponseWriter, r *http.Request)) {
	s.t.Helper()
	s.host("server", func(h host.Host) error {
		_, err := h.ServeHTTP(at(1, 8080), http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			f(h, w, r)
		}), config)
		return err
	})
}

func say(text string) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) { io.WriteString(w, text) })
}

func get(h host.Host, url string, o host.HTTPOptions) (body string, status int, err error) {
	req, err := http.NewRequest("GET", url, nil)
	if err != nil {
		return "", 0, err
	}
	resp, err := h.RoundTrip(req, o)
	if err != nil {
		return "", 0, err
	}
	defer resp.Body.Close()
	b, err := io.ReadAll(resp.Body)
	return string(b), resp.StatusCode, err
}

func wantBody(h host.Host, url string, o host.HTTPOptions, want string) error {
	got, status, err := get(h, url, o)
	if err != nil || status != http.StatusOK || got != want {
		return fmt.Errorf("GET %s = %d %q, %v; want 200 %q", url, status, got, err, want)
	}
	return nil
}
