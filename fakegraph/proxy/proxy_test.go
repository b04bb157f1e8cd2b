package proxy_test

import (
	"bufio"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/netip"
	"strings"
	"testing"
	"time"

	"nacsim/fakegraph/proxy"
	"nacsim/internal/host"
	"nacsim/internal/host/testhost"
)

var (
	at     = netip.MustParseAddrPort("10.0.0.2:8080")
	server = netip.MustParseAddrPort("10.0.0.2:443")
)

// newProxy starts a proxy in front of a server that returns what it is sent in capitals, after the end, and a client's machine.
func newProxy(t *testing.T) (client *testhost.Machine, refused *[]string) {
	t.Helper()
	world := testhost.New(t)
	h, client := world.Machine("graph", "10.0.0.2"), world.Machine("client", "10.0.0.3")
	refused = new([]string)
	err := proxy.Start(h, proxy.Config{Addr: at, Server: server, Known: func(name string) bool { return name == "graph.microsoft.com" },
		Refused: func(what string) { *refused = append(*refused, what) }})
	if err != nil {
		t.Fatal(err)
	}
	l, err := h.Listen(server)
	if err != nil {
		t.Fatal(err)
	}
	h.Go("server", func() {
		for {
			c, err := l.Accept()
			if err != nil {
				return
			}
			h.Go("connection", func() {
				defer c.Close()
				line, err := bufio.NewReader(c).ReadString('\n')
				if err == nil {
					fmt.Fprint(c, strings.ToUpper(line))
				}
			})
		}
	})
	return client, refused
}

// ask sends what a client does in one piece, and returns all that comes back.
func ask(t *testing.T, client *testhost.Machine, request string) string {
	t.Helper()
	var reply []byte
	client.Do(func() {
		c, err := client.Dial(at.String(), time.Second)
		if err != nil {
			t.Error(err)
			return
		}
		defer c.Close()
		if _, err := io.WriteString(c, request); err != nil {
			t.Error(err)
		}
		if reply, err = io.ReadAll(c); err != nil && err != host.ErrDown {
			t.Logf("read: %v", err)
		}
	})
	return string(reply)
}

func TestLeadsToTheServer(t *testing.T) {
	client, refused := newProxy(t)
	for _, name := range []string{"graph.microsoft.com:443", "GRAPH.microsoft.com.:443", "graph.microsoft.com:8443"} {
		// What follows the header at once belongs to the tunnel.
		got := ask(t, client, "CONNECT "+name+" HTTP/1.1\r\nHost: "+name+"\r\n\r\nhello\n")
		if got != "HTTP/1.1 200 Connection established\r\n\r\nHELLO\n" {
			t.Errorf("%s: %q", name, got)
		}
	}
	if len(*refused) != 0 {
		t.Errorf("refused %q", *refused)
	}
}

func TestRefuses(t *testing.T) {
	client, refused := newProxy(t)
	for _, c := range []struct {
		request string
		status  int
		hint    string
	}{
		{"CONNECT example.com:443 HTTP/1.1\r\nHost: example.com:443\r\n\r\n", http.StatusForbidden, "put others into NO_PROXY"},
		{"CONNECT graph.microsoft.com.example:443 HTTP/1.1\r\nHost: x\r\n\r\n", http.StatusForbidden, "fakegraph only"},
		{"CONNECT graph.microsoft.com HTTP/1.1\r\nHost: x\r\n\r\n", http.StatusBadRequest, "want HOST:PORT"},
		{"GET http://graph.microsoft.com/ HTTP/1.1\r\nHost: graph.microsoft.com\r\n\r\n", http.StatusMethodNotAllowed, "set HTTPS_PROXY and not HTTP_PROXY"},
		{"\x16\x03\x01\r\n\r\n", http.StatusBadRequest, "no HTTP request"},
		{"CONNECT graph.microsoft.com:443 HTTP/1.1\r\nX: " + strings.Repeat("x", 20<<10), http.StatusRequestHeaderFieldsTooLarge, "too long"},
	} {
		got := ask(t, client, c.request)
		resp, err := http.ReadResponse(bufio.NewReader(strings.NewReader(got)), &http.Request{Method: "GET"})
		if err != nil {
			t.Errorf("%.60q: %v in %q", c.request, err, got)
			continue
		}
		body, _ := io.ReadAll(resp.Body)
		if resp.StatusCode != c.status || !strings.Contains(string(body), c.hint) {
			t.Errorf("%.60q: %d %s, want %d and %q", c.request, resp.StatusCode, body, c.status, c.hint)
		}
	}
	if len(*refused) != 4 {
		t.Errorf("%d refusals were told, want 4: %q", len(*refused), *refused)
	}
}

// TestSilentClientIsDropped holds that who says nothing does not stay.
func TestSilentClientIsDropped(t *testing.T) {
	client, _ := newProxy(t)
	var c net.Conn
	var err error
	client.Do(func() {
		if c, err = client.Dial(at.String(), time.Second); err != nil {
			return
		}
		began := client.Now()
		_, err = io.ReadAll(c)
		if took := client.Now().Sub(began); took < 9*time.Second || took > 11*time.Second {
			t.Errorf("the connection was closed after %v, want 10s", took)
		}
	})
	if err != nil {
		t.Error(err)
	}
}

// TestClientThatStaysIsDropped holds that who does not end a tunnel that the server has ended does not keep its place.
func TestClientThatStaysIsDropped(t *testing.T) {
	client, _ := newProxy(t)
	const places = 512
	var staying []net.Conn
	client.Do(func() {
		for range places {
			c, err := client.Dial(at.String(), time.Second)
			if err != nil {
				t.Error(err)
				return
			}
			staying = append(staying, c)
			if _, err := io.WriteString(c, "CONNECT graph.microsoft.com:443 HTTP/1.1\r\nHost: graph.microsoft.com:443\r\n\r\nhello\n"); err != nil {
				t.Error(err)
			}
			if got, err := io.ReadAll(c); err != nil || !strings.HasSuffix(string(got), "HELLO\n") {
				t.Errorf("%q %v", got, err)
			}
		}
		if err := client.Sleep(11 * time.Second); err != nil {
			t.Error(err)
		}
	})
	if got := ask(t, client, "CONNECT graph.microsoft.com:443 HTTP/1.1\r\nHost: x\r\n\r\nhello\n"); !strings.HasSuffix(got, "HELLO\n") {
		t.Errorf("the next client gets %q", got)
	}
	for _, c := range staying {
		c.Close()
	}
}

// FuzzConnect holds that whatever a client says, it is led to fakegraph or told in HTTP why not.
func FuzzConnect(f *testing.F) {
	f.Add("CONNECT graph.microsoft.com:443 HTTP/1.1\r\nHost: x\r\n\r\nhello\n")
	f.Add("CONNECT [::1]:443 HTTP/1.0\r\nContent-Length: 5\r\n\r\nhello\n")
	f.Add("GET / HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n")
	f.Fuzz(func(t *testing.T, request string) {
		client, _ := newProxy(t)
		got := ask(t, client, request)
		if got != "" && !strings.HasPrefix(got, "HTTP/1.1 ") {
			t.Errorf("%q: %q", request, got)
		}
		r, err := http.ReadRequest(bufio.NewReader(strings.NewReader(request)))
		led := strings.HasPrefix(got, "HTTP/1.1 200 ")
		if led && (err != nil || r.Method != http.MethodConnect || !strings.HasPrefix(strings.ToLower(r.Host), "graph.microsoft.com")) {
			t.Errorf("%q was led to fakegraph", request)
		}
	})
}
