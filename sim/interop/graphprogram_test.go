package interop

import (
	"bytes"
	"encoding/json"
	"flag"
	"fmt"
	"maps"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"
)

// The programs in clients use Microsoft's own libraries. They are built once in a run, in the background from its
// beginning with what the other tests leave of the computer: msgraph-sdk-go is 24 MB of Go.

// buildPatience bounds the wait for the programs.
const buildPatience = 6 * time.Minute

// A graphProgram is one of the programs, or why there is none.
type graphProgram struct {
	name  string
	build func(dir string) ([]string, error)

	begun   sync.Once
	built   chan struct{} // closed in the end
	command []string      // how it is started
	err     error         // a missingError if tests are to be skipped
}

// A missingError says what the build needed and did not find: a tool, or the network.
type missingError string

func (e missingError) Error() string { return string(e) }

var graphPrograms = map[string]*graphProgram{
	"go":   {name: "go", build: buildGraphGo, built: make(chan struct{})},
	"node": {name: "node", build: buildGraphNode, built: make(chan struct{})},
}

// graphBuilds are the builds that have begun, and graphBuildDir what they leave.
var (
	graphBuilds   sync.WaitGroup
	graphBuildDir = sync.OnceValues(func() (string, error) { return os.MkdirTemp("", "nacsim-interop-") })
)

// buildGraphPrograms begins the builds before the first test, if the flags of go test select those that need them.
func buildGraphPrograms() {
	if selected("TestInteropGraphClients") {
		for _, p := range graphPrograms {
			p.begin()
		}
	}
}

// removeGraphPrograms waits for the builds that have begun and cleans up.
func removeGraphPrograms() {
	graphBuilds.Wait()
	if dir, err := graphBuildDir(); err == nil {
		os.RemoveAll(dir)
	}
}

// begin builds the program in the background, once.
func (p *graphProgram) begin() {
	p.begun.Do(func() {
		graphBuilds.Go(func() {
			defer close(p.built)
			dir, err := graphBuildDir()
			if err != nil {
				p.err = err
				return
			}
			p.command, p.err = p.build(dir)
		})
	})
}

// selected reports whether the flags of go test select a top-level test.
func selected(name string) bool {
	if !flag.Parsed() {
		flag.Parse()
	}
	first := func(flagName string) string {
		pattern, _, _ := strings.Cut(flag.Lookup(flagName).Value.String(), "/")
		return pattern
	}
	run, skip := first("test.run"), first("test.skip")
	matches := func(pattern string) bool {
		ok, err := regexp.MatchString(pattern, name)
		return ok && err == nil
	}
	return matches(run) && (skip == "" || !matches(skip)) && flag.Lookup("test.list").Value.String() == ""
}

// buildGraphGo compiles quickly rather than well: half the time of a default build.
func buildGraphGo(dir string) ([]string, error) {
	file := filepath.Join(dir, "graphclient")
	cmd := nicely("go", "build", "-gcflags=github.com/microsoftgraph/...=-N -l -dwarf=false", "-o", file, ".")
	cmd.Dir = filepath.Join("clients", "go")
	cmd.Env = append(os.Environ(), "GOWORK=off", "GOGC=200")
	if out, err := cmd.CombinedOutput(); err != nil {
		return nil, fetching(err, out)
	}
	return []string{file}, nil
}

// oldestNode is what Debian 12 has. msal-node asks for 20 but does not need it.
const oldestNode = 18

func buildGraphNode(dir string) ([]string, error) {
	version, err := exec.Command("node", "--version").Output()
	if err != nil {
		return nil, missingError("node is not installed")
	}
	major, _, _ := strings.Cut(strings.TrimPrefix(string(version), "v"), ".")
	if n, err := strconv.Atoi(major); err != nil || n < oldestNode {
		return nil, missingError(fmt.Sprintf("node is %s, which is older than %d", bytes.TrimSpace(version), oldestNode))
	}
	if _, err := exec.LookPath("npm"); err != nil {
		return nil, missingError("npm is not installed")
	}
	dir = filepath.Join(dir, "node")
	if err := os.CopyFS(dir, os.DirFS(filepath.Join("clients", "node"))); err != nil {
		return nil, err
	}
	cmd := nicely("npm", "ci", "--ignore-scripts", "--no-audit", "--no-fund", "--no-update-notifier")
	cmd.Dir = dir
	if out, err := cmd.CombinedOutput(); err != nil {
		return nil, fetching(err, out)
	}
	return []string{"node", filepath.Join(dir, "main.mjs")}, nil
}

// nicely is a command that leaves the computer to others.
func nicely(name string, args ...string) *exec.Cmd {
	if _, err := exec.LookPath("nice"); err != nil {
		return exec.Command(name, args...)
	}
	return exec.Command("nice", append([]string{name}, args...)...)
}

// noNetwork matches what go and npm say when they cannot reach what they fetch from.
var noNetwork = regexp.MustCompile(`dial tcp.*|no such host|connection refused|i/o timeout|TLS handshake timeout|lookup disabled.*|: [45][0-9][0-9] [A-Z].*|` +
	`E40[0-9]|E50[0-9]|EAI_AGAIN|ENOTFOUND|ENOTCACHED|ECONNREFUSED|ECONNRESET|ETIMEDOUT|ENETUNREACH`)

// fetching tells a build that could not fetch what it needs from one that failed.
func fetching(err error, output []byte) error {
	if reason := noNetwork.Find(output); reason != nil {
		return missingError("the libraries cannot be fetched: " + string(reason))
	}
	return fmt.Errorf("%w\n%s", err, output)
}

// eachGraphProgram runs a test with each of the programs.
func eachGraphProgram(t *testing.T, test func(t *testing.T, p *graphProgram)) {
	t.Parallel()
	for _, name := range slices.Sorted(maps.Keys(graphPrograms)) {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			test(t, awaitGraphProgram(t, name))
		})
	}
}

// awaitGraphProgram waits until a program is built, and skips the test if it cannot be.
func awaitGraphProgram(t *testing.T, name string) *graphProgram {
	t.Helper()
	p := graphPrograms[name]
	p.begin()
	select {
	case <-p.built:
	case <-time.After(buildPatience):
		t.Fatalf("the program in clients/%s is not built after %v", name, buildPatience)
	}
	if missing, ok := p.err.(missingError); ok {
		t.Skip(missing)
	}
	if p.err != nil {
		t.Fatalf("the program in clients/%s: %v", name, p.err)
	}
	return p
}

// A graphApp is how a program signs in.
type graphApp struct {
	tenant, client, secret string
	certificate            string // file, in place of a secret
}

// A graphReport is a line that a program printed.
type graphReport struct {
	Case   string          `json:"case"`
	Result json.RawMessage `json:"result"`
	Error  *struct {
		Status  int    `json:"status"`
		Code    string `json:"code"`
		Message string `json:"message"`
	} `json:"error"`
	Seconds float64 `json:"seconds"`
}

// ask runs cases in one process, which ends well whatever the cases saw.
func (p *graphProgram) ask(t *testing.T, f *graphFake, app graphApp, cases ...string) []graphReport {
	t.Helper()
	args := []string{"-authority", f.url, "-graph", f.url + "/v1.0"}
	return p.start(t, app, args, []string{"SSL_CERT_FILE=" + f.ca, "NODE_EXTRA_CA_CERTS=" + f.ca}, cases)
}

func (p *graphProgram) start(t *testing.T, app graphApp, args, environment, cases []string) []graphReport {
	t.Helper()
	args = append(slices.Concat(p.command[1:], args), "-tenant", app.tenant, "-client", app.client)
	if app.certificate != "" {
		args = append(args, "-certificate", app.certificate)
	} else {
		args = append(args, "-secret", app.secret)
	}
	cmd := exec.Command(p.command[0], append(args, cases...)...)
	cmd.Env = append(withoutProxy(os.Environ()), environment...)
	done := runCommand(t, cmd, time.Minute)
	if done.code != 0 {
		t.Fatalf("the program ends with exit code %d:\n%s", done.code, done.output)
	}
	var reports []graphReport
	for line := range strings.Lines(done.output) {
		var r graphReport
		if err := json.Unmarshal([]byte(line), &r); err != nil {
			t.Fatalf("the program printed %q: %v", line, err)
		}
		reports = append(reports, r)
	}
	if len(reports) != len(cases) {
		t.Fatalf("%d cases have %d reports:\n%s", len(cases), len(reports), done.output)
	}
	return reports
}

// withoutProxy is an environment in which nothing leads away from the loopback address, nor to another certificate.
func withoutProxy(environment []string) []string {
	return slices.DeleteFunc(environment, func(entry string) bool {
		name, _, _ := strings.Cut(entry, "=")
		return slices.Contains([]string{"HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY", "NO_PROXY", "SSL_CERT_FILE", "SSL_CERT_DIR",
			"CURL_CA_BUNDLE", "NODE_EXTRA_CA_CERTS", "NODE_OPTIONS"}, strings.ToUpper(name))
	})
}

// read decodes what a case that went well has seen.
func (r graphReport) read(t *testing.T, into any) {
	t.Helper()
	if r.Error != nil {
		t.Fatalf("%s fails: %+v", r.Case, *r.Error)
	}
	if err := json.Unmarshal(r.Result, into); err != nil {
		t.Fatalf("%s: result %s: %v", r.Case, r.Result, err)
	}
}

// fails checks the error that a case saw.
func (r graphReport) fails(t *testing.T, status int, code, text string) {
	t.Helper()
	switch {
	case r.Error == nil:
		t.Errorf("%s goes well: %s", r.Case, r.Result)
	case r.Error.Status != status && r.Error.Status != 0 || r.Error.Code != code || !strings.Contains(r.Error.Message, text):
		t.Errorf("%s: the library shows status %d, code %q, message %q; expected status %d, code %q, and %q in the message",
			r.Case, r.Error.Status, r.Error.Code, r.Error.Message, status, code, text)
	}
}
