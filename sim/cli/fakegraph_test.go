package cli

import (
	"bytes"
	"crypto/tls"
	"crypto/x509"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/netip"
	"net/url"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"nacsim/fakegraph/requestlog"
)

// A graphProgram is nacsim fakegraph in this process.
type graphProgram struct {
	t              *testing.T
	state          string
	base           string
	stdout, stderr *screen
	signals        chan os.Signal
	ended          chan error
	client         *http.Client
}

// startFakegraph runs the program with free ports and a folder of its own.
func startFakegraph(t *testing.T, change func(*fakegraphFlags)) *graphProgram {
	t.Helper()
	free := addressFlag{netip.MustParseAddrPort("127.0.0.1:0")}
	flags := &fakegraphFlags{listen: free, state: filepath.Join(t.TempDir(), "state"), control: "on", log: logLine}
	if change != nil {
		change(flags)
	}
	p := &graphProgram{t: t, state: flags.state, stdout: newScreen(), stderr: newScreen(), signals: make(chan os.Signal, 1), ended: make(chan error, 1)}
	r := &fakegraphRun{flags: flags, stdout: p.stdout, stderr: p.stderr}
	go func() { p.ended <- r.until(p.signals) }()
	t.Cleanup(p.end)
	p.stdout.await(t, `^ready`)
	p.base = p.stdout.await(t, `^listening on (\S+)$`)
	p.client = p.trusting(nil)
	return p
}

// end ends the program as Ctrl-C does. It may be called more than once.
func (p *graphProgram) end() {
	p.t.Helper()
	if p.signals == nil {
		return
	}
	p.signals <- os.Interrupt
	p.signals = nil
	if err := <-p.ended; err != nil {
		p.t.Error(err)
	}
}

// trusting is a client that trusts the CA whose path the program has printed, through a proxy if there is one.
func (p *graphProgram) trusting(proxy *url.URL) *http.Client {
	p.t.Helper()
	roots := x509.NewCertPool()
	if !roots.AppendCertsFromPEM([]byte(contents(p.t, p.stdout.await(p.t, `^CA certificate (\S+)$`)))) {
		p.t.Fatal("no CA certificate")
	}
	return &http.Client{Timeout: 20 * time.Second, Transport: &http.Transport{Proxy: http.ProxyURL(proxy), TLSClientConfig: &tls.Config{RootCAs: roots}}}
}

// ask makes a request and returns the status and the body of the reply.
func (p *graphProgram) ask(client *http.Client, method, address, contentType, body string, header ...string) (int, string) {
	p.t.Helper()
	r, err := http.NewRequest(method, address, strings.NewReader(body))
	if err != nil {
		p.t.Fatal(err)
	}
	if contentType != "" {
		r.Header.Set("Content-Type", contentType)
	}
	for i := 0; i < len(header); i += 2 {
		r.Header.Set(header[i], header[i+1])
	}
	resp, err := client.Do(r)
	if err != nil {
		p.t.Fatal(err)
	}
	defer resp.Body.Close()
	data, err := io.ReadAll(resp.Body)
	if err != nil {
		p.t.Fatal(err)
	}
	return resp.StatusCode, string(data)
}

var printedVariable = regexp.MustCompile(`(AZURE_\w+)=(\S+)`)

// list gets a token with what the program has printed to paste, and lists the devices.
func (p *graphProgram) list(client *http.Client, authority, graph string) (int, string) {
	p.t.Helper()
	printed := map[string]string{}
	for _, m := range printedVariable.FindAllStringSubmatch(p.stdout.String(), -1) {
		printed[m[1]] = m[2]
	}
	form := url.Values{"grant_type": {"client_credentials"}, "client_id": {printed["AZURE_CLIENT_ID"]}, "client_secret": {printed["AZURE_CLIENT_SECRET"]},
		"scope": {"https://graph.microsoft.com/.default"}}
	status, body := p.ask(client, "POST", authority+"/"+printed["AZURE_TENANT_ID"]+"/oauth2/v2.0/token", "application/x-www-form-urlencoded", form.Encode())
	var token struct {
		AccessToken string `json:"access_token"`
	}
	if err := json.Unmarshal([]byte(body), &token); err != nil || status != 200 {
		p.t.Fatalf("token: %d %s", status, body)
	}
	return p.ask(client, "GET", graph+"/v1.0/deviceManagement/managedDevices", "", "", "Authorization", "Bearer "+token.AccessToken)
}

// TestLiveFakegraph uses the program as its printed text says: by its address and through the proxy.
func TestLiveFakegraph(t *testing.T) {
	file := filepath.Join(t.TempDir(), "requests.jsonl")
	p := startFakegraph(t, func(f *fakegraphFlags) {
		f.proxy = addressFlag{netip.MustParseAddrPort("127.0.0.1:0")}
		f.logFile = file
	})
	status, body := p.list(p.client, p.base, p.base)
	if status != 200 || !strings.Contains(body, `"@odata.context":"`+p.base+`/v1.0/`) {
		t.Errorf("list: %d %.200s", status, body)
	}
	p.stdout.await(t, `^\d\d:\d\d:\d\d 200 \d+ ms +.GET /v1.0/deviceManagement/managedDevices`)

	proxy, err := url.Parse(p.stdout.await(t, `^proxy on (\S+)$`))
	if err != nil {
		t.Fatal(err)
	}
	through := p.trusting(proxy)
	status, body = p.list(through, "https://login.microsoftonline.com", "https://graph.microsoft.com")
	if status != 200 || !strings.Contains(body, `"@odata.context":"https://graph.microsoft.com/v1.0/`) {
		t.Errorf("list through the proxy: %d %.200s", status, body)
	}
	// The names of Intune's shards are in no certificate that exists before they are asked for.
	if status, body = p.ask(through, "GET", "https://fef.msub01.manage.microsoft.com/control/clock", "", ""); status != 200 {
		t.Errorf("by the name of a shard: %d %s", status, body)
	}
	if _, err := through.Get("https://example.com/"); err == nil || !strings.Contains(err.Error(), "Forbidden") {
		t.Errorf("through the proxy to a stranger: %v", err)
	}
	p.stdout.await(t, `--- proxy +!CONNECT to "example.com:443": this proxy leads to fakegraph only`)
	p.end()

	var last requestlog.Entry
	lines := bytes.Split(bytes.TrimSpace([]byte(contents(t, file))), []byte("\n"))
	if err := json.Unmarshal(lines[len(lines)-1], &last); err != nil || last.Number != uint64(len(lines)) || last.Host != "graph.microsoft.com" || last.Status != 200 {
		t.Errorf("last of %d lines of the log: %s", len(lines), lines[len(lines)-1])
	}
	if strings.Contains(contents(t, file)+p.stdout.String()[strings.Index(p.stdout.String(), "ready"):], "secret") {
		t.Error("the log shows a secret")
	}
}

// TestLiveFakegraphIsControlled moves the clock, begins again, and keeps what was changed over a restart.
func TestLiveFakegraphIsControlled(t *testing.T) {
	state := filepath.Join(t.TempDir(), "kept")
	keep := func(f *fakegraphFlags) { f.keep, f.state, f.control = true, state, "t0ken-t0ken" }
	p := startFakegraph(t, keep)
	control := func(want int, method, path, body string) string {
		t.Helper()
		status, reply := p.ask(p.client, method, p.base+"/control"+path, "application/json", body, "Authorization", "Bearer t0ken-t0ken")
		if status != want {
			t.Fatalf("%s %s: %d %s", method, path, status, reply)
		}
		return reply
	}
	if status, _ := p.ask(p.client, "GET", p.base+"/control/devices", "", ""); status != 401 {
		t.Errorf("without the token: status %d", status)
	}
	control(200, "PATCH", "/devices/LAPTOP-1", `{"firewall": false}`)
	control(200, "POST", "/clock", `{"advance": "2d"}`)
	if reply := control(200, "GET", "/devices/LAPTOP-1", ""); !strings.Contains(reply, `"compliance_state":"noncompliant"`) {
		t.Errorf("after two days: %s", reply)
	}
	p.end()

	p = startFakegraph(t, keep)
	var reply struct{ Now time.Time }
	if err := json.Unmarshal([]byte(control(200, "GET", "/clock", "")), &reply); err != nil || time.Until(reply.Now) < 47*time.Hour {
		t.Errorf("after the restart it is %v", reply.Now)
	}
	if reply := control(200, "GET", "/devices/LAPTOP-1", ""); !strings.Contains(reply, `"firewall":false`) {
		t.Errorf("after the restart: %s", reply)
	}
	p.signals <- syscall.SIGHUP
	p.stdout.await(t, `^begun again$`)
	if reply := control(200, "GET", "/devices/LAPTOP-1", ""); !strings.Contains(reply, `"firewall":true`) {
		t.Errorf("after SIGHUP: %s", reply)
	}
}

// TestLiveFakegraphFollowed holds that the log of requests can be read as they come.
func TestLiveFakegraphFollowed(t *testing.T) {
	p := startFakegraph(t, func(f *fakegraphFlags) { f.log = logJSON })
	resp, err := p.client.Get(p.base + "/control/requests?follow=true")
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	stream := json.NewDecoder(resp.Body)
	for n := range 3 {
		p.ask(p.client, "GET", fmt.Sprintf("%s/v1.0/nothing-%d", p.base, n), "", "")
		var e requestlog.Entry
		if err := stream.Decode(&e); err != nil || e.Path != fmt.Sprintf("/v1.0/nothing-%d", n) || !e.Unmatched || e.Text == "" {
			t.Fatalf("%+v, %v", e, err)
		}
	}
	p.stdout.await(t, `^\{"number":3,.*nothing-2`)
	p.end() // in spite of one who still reads
}

// TestLiveFakegraphReadsItsFileAgain begins with a file, and again with the file as it is by then.
func TestLiveFakegraphReadsItsFileAgain(t *testing.T) {
	dir := t.TempDir()
	path := filepath.Join(dir, "tenant.yaml")
	if err := os.WriteFile(path, []byte("devices: [{name: FIRST}]\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	p := startFakegraph(t, func(f *fakegraphFlags) { f.file, f.devices = path, 20 })
	names := func() string {
		_, reply := p.ask(p.client, "GET", p.base+"/control/devices?top=1&search=ST", "", "")
		return reply
	}
	if got := names(); !strings.Contains(got, `"name":"FIRST"`) {
		t.Errorf("devices %s", got)
	}
	if strings.Contains(p.stdout.String(), "nacsim-secret") {
		t.Error("a secret of the example was printed for another tenant")
	}
	edit(t, dir, "tenant.yaml", "FIRST", "SECOND-ST")
	if status, reply := p.ask(p.client, "POST", p.base+"/control/reset", "", ""); status != 204 {
		t.Fatalf("reset: %d %s", status, reply)
	}
	if got := names(); !strings.Contains(got, `"name":"SECOND-ST"`) {
		t.Errorf("devices after the reset: %s", got)
	}
	edit(t, dir, "tenant.yaml", "devices", "devises")
	p.signals <- syscall.SIGHUP
	p.stderr.await(t, `tenant.yaml:1:1: unknown key "devises"`)
	p.stderr.await(t, `^it goes on with the tenant of before$`)
	if got := names(); !strings.Contains(got, `"name":"SECOND-ST"`) {
		t.Errorf("devices after a mistake: %s", got)
	}
}

// TestLiveFakegraphChangesWhileItIsAsked holds that clients notice nothing of a reset, of a new key and of a clock that moves.
func TestLiveFakegraphChangesWhileItIsAsked(t *testing.T) {
	p := startFakegraph(t, func(f *fakegraphFlags) { f.devices, f.log = 300, logOff })
	stop := make(chan struct{})
	var clients sync.WaitGroup
	for range 3 {
		clients.Go(func() {
			for {
				select {
				case <-stop:
					return
				default:
				}
				if status, body := p.list(p.client, p.base, p.base); status != 200 {
					t.Errorf("list: %d %.300s", status, body)
					return
				}
			}
		})
	}
	for _, c := range [][2]string{{"/clock", `{"advance": "1m"}`}, {"/reset", ""}, {"/devices", `{"name": "NEW"}`}, {"/clock", `{"advance": "1m"}`}, {"/reset", ""}, {"/keys/roll", ""}, {"/clock", `{"advance": "1m"}`}} {
		if status, reply := p.ask(p.client, "POST", p.base+"/control"+c[0], "", c[1]); status >= 300 {
			t.Errorf("%s: %d %s", c[0], status, reply)
		}
		if status, _ := p.ask(p.client, "GET", p.base+"/", "", ""); status != 200 {
			t.Errorf("the page: status %d", status)
		}
	}
	close(stop)
	clients.Wait()
}

var controlCommand = regexp.MustCompile(`\$curl "?\$at([^\s"]*)"?(?: -X (\w+))?(?: -d '([^']*)')?`)

// TestControlExamplesWork holds that what the help and the README say to do with the control API can be done.
func TestControlExamplesWork(t *testing.T) {
	p := startFakegraph(t, nil)
	for source, text := range map[string]string{"help": fakegraphExamples, "README": contents(t, "../../README.md")} {
		commands := controlCommand.FindAllStringSubmatch(text, -1)
		if len(commands) < 4 {
			t.Fatalf("%s has only %d commands", source, len(commands))
		}
		for _, c := range commands {
			method := "GET"
			if c[3] != "" {
				method = "POST"
			}
			if c[2] != "" {
				method = c[2]
			}
			if status, reply := p.ask(p.client, method, p.base+"/control"+c[1], "application/x-www-form-urlencoded", c[3]); status >= 300 {
				t.Errorf("%s: %s: %d %s", source, c[0], status, reply)
			}
		}
	}
}

// TestFakegraphRefusesToStart holds that what the surroundings have wrong is told in one line.
func TestFakegraphRefusesToStart(t *testing.T) {
	p := startFakegraph(t, nil)
	taken := netip.MustParseAddrPort(strings.TrimPrefix(p.base, "https://"))
	write := func(name, text string) func(*fakegraphFlags) {
		return func(f *fakegraphFlags) {
			if err := os.MkdirAll(f.state, 0o700); err != nil {
				t.Fatal(err)
			}
			if err := os.WriteFile(filepath.Join(f.state, name), []byte(text), 0o600); err != nil {
				t.Fatal(err)
			}
		}
	}
	for _, c := range []struct {
		change func(*fakegraphFlags)
		want   string
	}{
		{func(f *fakegraphFlags) { f.listen.value = taken }, "HTTPS cannot be served on tcp " + taken.String() + ": address already in use"},
		{func(f *fakegraphFlags) { f.proxy.value = taken }, "the proxy cannot be served on tcp " + taken.String()},
		{func(f *fakegraphFlags) { f.names = []string{"not a name"} }, `--name "not a name" is neither`},
		{func(f *fakegraphFlags) { f.public = "graph.lab.example" }, "want a scheme and a host"},
		{func(f *fakegraphFlags) { f.public = "https://a/b" }, "want a scheme and a host"},
		{func(f *fakegraphFlags) { f.control = "onn" }, "want on, off, or a token of at least 8 characters"},
		{func(f *fakegraphFlags) { f.logFile = t.TempDir() }, "--log-file"},
		{write(caFile, "nonsense"), `the file has no PEM block "CERTIFICATE"`},
		{write(caKeyFile, contents(t, filepath.Join(p.state, caKeyFile))), "the CA is ca.pem and ca.key together"},
		{write(signingFile, contents(t, filepath.Join(p.state, caKeyFile))), "want RSA"},
		{func(f *fakegraphFlags) { f.keep = true; write(clockFile, "soon")(f) }, `"soon" is not how far the clock is ahead`},
	} {
		flags := &fakegraphFlags{listen: addressFlag{netip.MustParseAddrPort("127.0.0.1:0")}, state: t.TempDir(), control: "on", log: logOff}
		c.change(flags)
		err := (&fakegraphRun{flags: flags, stdout: io.Discard, stderr: io.Discard}).until(nil)
		if err == nil || exitCode(err) != ExitBadInput || !strings.Contains(err.Error(), c.want) {
			t.Errorf("got %v, want %s", err, c.want)
		}
	}
}

// TestFakegraphKeepsItsKeys holds that clients who have trusted the CA once need not do so again.
func TestFakegraphKeepsItsKeys(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "state")
	first, err := openFakegraphKeys(dir, time.Now())
	if err != nil {
		t.Fatal(err)
	}
	for _, name := range []string{caKeyFile, signingFile} {
		if info, err := os.Stat(filepath.Join(dir, name)); err != nil || info.Mode().Perm() != 0o600 {
			t.Errorf("%s: %v %v", name, info.Mode(), err)
		}
	}
	second, err := openFakegraphKeys(dir, time.Now())
	if err != nil {
		t.Fatal(err)
	}
	if !first.signing.Equal(second.signing) || !first.ca.Certificate().Equal(second.ca.Certificate()) {
		t.Error("the keys have changed")
	}
	if _, err := openFakegraphKeys(dir, time.Now().Add(20*365*24*time.Hour)); err == nil || !strings.Contains(err.Error(), "the CA has expired") {
		t.Errorf("after twenty years: %v", err)
	}

	cfg, err := second.serverTLS(serverNames(netip.MustParseAddrPort("192.0.2.7:443"), "lab-1", []string{"graph.lab.example", "192.0.2.9"}), time.Now())
	if err != nil {
		t.Fatal(err)
	}
	for _, name := range []string{"", "localhost", "127.0.0.1", "::1", "192.0.2.7", "192.0.2.9", "lab-1", "graph.lab.example", "login.microsoftonline.com", "graph.microsoft.com",
		"fef.amsua0402.manage.microsoft.com"} {
		c, err := cfg.GetCertificate(&tls.ClientHelloInfo{ServerName: name})
		if err != nil {
			t.Fatal(err)
		}
		if _, err := c.Leaf.Verify(x509.VerifyOptions{DNSName: name, Roots: first.ca.Pool()}); err != nil {
			t.Errorf("%q: %v", name, err)
		}
	}
	for i := range 3 * maxShards { // strangers cannot fill the memory
		if _, err := cfg.GetCertificate(&tls.ClientHelloInfo{ServerName: fmt.Sprintf("fef.%d.manage.microsoft.com", i)}); err != nil {
			t.Fatal(err)
		}
	}
}

func TestRequestLine(t *testing.T) {
	at := time.Date(2026, 11, 23, 8, 0, 1, 0, time.UTC)
	e := requestlog.Entry{Time: at, Method: "POST", Path: "/v1.0/$batch\x1b[2J", Status: 429, Milliseconds: 12.4, App: "app", User: "anna", Rows: 3,
		Throttle: "2001 of 2000 in 20s", Fault: "throttled", Text: "wait", Batch: []requestlog.Entry{{Method: "GET\x1b[2J", Path: "/mee\u202ex", Status: 404, Unmatched: true}}}
	want := "08:00:01 429 12 ms    POST /v1.0/$batch\uFFFD[2J by app for anna 3 rows limit: 2001 of 2000 in 20s; fault: throttled; because: wait\n" +
		"         404         !GET\uFFFD[2J /mee\uFFFDx\n"
	if got := requestLine(&e); got != want {
		t.Errorf("got  %q\nwant %q", got, want)
	}
	if got := requestLine(&requestlog.Entry{Time: at, Method: "GET", Path: "/"}); !strings.HasPrefix(got, "08:00:01 --- 0 ms") {
		t.Errorf("a connection that was cut: %q", got)
	}
}

// TestFakegraphLogDoesNotWait holds that a terminal that does not read stops no request.
func TestFakegraphLogDoesNotWait(t *testing.T) {
	out := newScreen()
	l := &fakegraphLog{form: logLine, stdout: out}
	for range 3 * maxUnwritten / 500 {
		l.add(requestlog.Entry{Path: strings.Repeat("x", 500)})
	}
	if err := l.close(); err != nil {
		t.Fatal(err)
	}
	if got := out.String(); len(got) > 2*maxUnwritten || !regexp.MustCompile(`… and \d+ requests more\n$`).MatchString(got) {
		t.Errorf("%d octets that end with %q", len(got), got[len(got)-100:])
	}
}
