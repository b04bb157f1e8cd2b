package interop

import (
	"bufio"
	"bytes"
	"crypto/tls"
	"crypto/x509"
	"io"
	"net"
	"net/netip"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"text/template"
	"time"
)

// freeRADIUS is a FreeRADIUS server with the configuration testdata/radiusd.conf.
type freeRADIUS struct {
	Version       string // of TLS, "1.2" or "1.3"
	Fragment      int    // the longest EAP-TLS packet, in octets
	IncludeLength bool   // each fragment says how long the message is, and not the first only

	Resumes bool // TLS sessions are kept for resumption

	User, Password string // the one user with a password

	server tls.Certificate
	root   *x509.Certificate // the CA of client certificates

	Dir, Secret     string
	Auth, Acct, CoA netip.AddrPort
	RadSec          netip.AddrPort // where it takes RADIUS over TLS, with RadSecToo
	RadSecToo       bool
	*output
}

// start runs the server until the test is over. Another program may take a port between its choice and its use; then
// others are chosen.
func (f *freeRADIUS) start(t *testing.T) {
	t.Helper()
	path := program(t, "freeradius")
	for range 5 {
		if f.attempt(t, path) {
			return
		}
	}
	t.Fatalf("FreeRADIUS finds no free ports:\n%s", f.output)
}

func (f *freeRADIUS) attempt(t *testing.T, path string) bool {
	t.Helper()
	f.Dir, f.Secret = t.TempDir(), secret
	writeCertificate(t, f.Dir, "server", f.server)
	writeRoot(t, f.Dir, "ca", f.root)
	if err := os.Mkdir(filepath.Join(f.Dir, "sessions"), 0o700); err != nil {
		t.Fatal(err)
	}
	ports := freePorts(t, 4)
	f.Auth, f.Acct, f.CoA = ports[0], ports[1], ports[2]
	if f.RadSecToo {
		f.RadSec = ports[3]
	}
	var configuration bytes.Buffer
	if err := template.Must(template.ParseFiles("testdata/radiusd.conf")).Execute(&configuration, f); err != nil {
		t.Fatal(err)
	}
	writeFile(t, f.Dir, "radiusd.conf", configuration.Bytes())
	args := []string{"-X", "-d", f.Dir}
	if f.RadSecToo { // which -X, having no threads, does not do
		args = []string{"-fxx", "-l", "stdout", "-d", f.Dir}
	}
	cmd := exec.Command(path, args...)
	f.output = newOutput()
	cmd.Stdout, cmd.Stderr = f.output.writer, f.output.writer
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	ended := make(chan struct{})
	go func() {
		cmd.Wait() // a server that is killed has no exit code
		f.output.writer.Close()
		close(ended)
	}()
	ready := f.output.await("Ready to process requests", 1)
	stop := func() {
		cmd.Process.Kill() // it may have ended by itself
		<-ended
	}
	if !ready && f.output.count("Failed binding") > 0 {
		stop()
		return false
	}
	t.Cleanup(func() {
		stop()
		if t.Failed() {
			t.Logf("FreeRADIUS:\n%s", f.output)
		}
	})
	if !ready {
		t.Fatal("FreeRADIUS does not start")
	}
	return true
}

// freePorts returns UDP ports of loopback that are free now.
func freePorts(t *testing.T, n int) []netip.AddrPort {
	t.Helper()
	ports := make([]netip.AddrPort, n)
	for i := range ports {
		c, err := net.ListenUDP("udp", net.UDPAddrFromAddrPort(anyPort))
		if err != nil {
			t.Fatal(err)
		}
		defer c.Close()
		ports[i] = c.LocalAddr().(*net.UDPAddr).AddrPort()
	}
	return ports
}

// output is what a server prints while it runs.
type output struct {
	writer *io.PipeWriter

	mu    sync.Mutex
	lines []string
	ended bool
	grown chan struct{} // closed and replaced when there is more
}

func newOutput() *output {
	r, w := io.Pipe()
	o := &output{writer: w, grown: make(chan struct{})}
	go o.read(r)
	return o
}

func (o *output) read(r *io.PipeReader) {
	lines := bufio.NewScanner(r)
	lines.Buffer(nil, 1<<20)
	for lines.Scan() {
		o.add(lines.Text(), false)
	}
	r.CloseWithError(os.ErrClosed) // a line too long must not block the program
	o.add("", true)
}

func (o *output) add(line string, end bool) {
	o.mu.Lock()
	defer o.mu.Unlock()
	if end {
		o.ended = true
	} else {
		o.lines = append(o.lines, line)
	}
	close(o.grown)
	o.grown = make(chan struct{})
}

// count is the number of lines with the text.
func (o *output) count(text string) int {
	o.mu.Lock()
	defer o.mu.Unlock()
	return o.counted(text)
}

func (o *output) counted(text string) int {
	n := 0
	for _, line := range o.lines {
		if strings.Contains(line, text) {
			n++
		}
	}
	return n
}

// await waits for n lines with the text, and reports whether they came before the program ended or patience did.
func (o *output) await(text string, n int) bool {
	deadline := time.After(patience)
	for {
		o.mu.Lock()
		grown, ended, found := o.grown, o.ended, o.counted(text) >= n
		o.mu.Unlock()
		if found || ended {
			return found
		}
		select {
		case <-grown:
		case <-deadline:
			return false
		}
	}
}

// String is all that was printed.
func (o *output) String() string {
	o.mu.Lock()
	defer o.mu.Unlock()
	return strings.Join(o.lines, "\n")
}

// attributes returns, for each packet that -X shows as received under a name, the lines of its attributes.
func (o *output) attributes(packet string) [][]string {
	o.mu.Lock()
	defer o.mu.Unlock()
	var all [][]string
	inside := false
	for _, line := range o.lines {
		_, line, _ = strings.Cut(line, ") ") // the number of the request
		switch attribute, indented := strings.CutPrefix(line, "  "); {
		case strings.HasPrefix(line, "Received "+packet+" "):
			all, inside = append(all, nil), true
		case inside && indented && strings.Contains(attribute, " = "):
			all[len(all)-1] = append(all[len(all)-1], attribute)
		default:
			inside = false
		}
	}
	return all
}
