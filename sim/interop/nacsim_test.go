package interop

import (
	"encoding/json"
	"errors"

	"io"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"syscall"
	"testing"
	"time"

	"net/netip"

	"nacsim/sim/cli"
	"nacsim/sim/scenario"
)

// asNacsim is an environment variable that makes the test binary the program nacsim.
const asNacsim = "NACSIM_INTEROP_MAIN"

func TestMain(m *testing.M) {
	if os.Getenv(asNacsim) != "" {
		os.Exit(cli.Main(cli.RunnerFunc(func(*scenario.File, cli.Options) (*cli.Result, error) {
			return nil, errors.New("the test binary plays no scenarios")
		})))
	}
	buildGraphPrograms()
	code := m.Run()
	removeGraphPrograms()
	os.Exit(code)
}

// nacProgram is "nacsim nac" as a process of its own, with a configuration file as a user writes it.
type nacProgram struct {
	*server
	dir        string
	auth, acct netip.AddrPort
}

// nacCommand is the command line of a NAC with the configuration nac.yaml and the trace nac.jsonl in a folder.
func nacCommand(t *testing.T, dir string) *exec.Cmd {
	t.Helper()
	return programCommand(t, dir, "nac", "--config", "nac.yaml", "--trace", "nac.jsonl")
}

// programCommand is nacsim with arguments, in a folder.
func programCommand(t testing.TB, dir string, args ...string) *exec.Cmd {
	t.Helper()
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	cmd := exec.Command(self, args...)
	cmd.Dir = dir
	cmd.Env = append(os.Environ(), asNacsim+"=1")
	return cmd
}

// startProgram starts a NAC in a folder with the configuration given.
func startProgram(t *testing.T, dir, configuration string) *nacProgram {
	t.Helper()
	writeFile(t, dir, "nac.yaml", []byte(configuration))
	n := &nacProgram{server: startCommand(t, nacCommand(t, dir)), dir: dir}
	if !n.await("ready;", 1) {
		t.Fatalf("nacsim nac does not start:\n%s", n)
	}
	n.auth, n.acct = n.listener(t, "authentication"), n.listener(t, "accounting")
	return n
}

// listener is the address that the NAC says it serves something at.
func (n *nacProgram) listener(t *testing.T, what string) netip.AddrPort {
	t.Helper()
	m := regexp.MustCompile(`listening on udp (\S+) for ` + what).FindStringSubmatch(n.String())
	if m == nil {
		t.Fatalf("nacsim nac does not say where it listens for %s:\n%s", what, n)
	}
	addr, err := netip.ParseAddrPort(m[1])
	if err != nil {
		t.Fatal(err)
	}
	return addr
}

// stop ends the NAC as a service manager does, and returns its trace.
func (n *nacProgram) stop(t *testing.T) programTrace {
	t.Helper()
	if err := n.process.Signal(syscall.SIGTERM); err != nil {
		t.Fatal(err)
	}
	select {
	case <-n.ended:
	case <-time.After(patience):
		t.Fatalf("nacsim nac does not end")
	}
	if n.code() != 0 {
		t.Errorf("nacsim nac ends with exit code %d", n.code())
	}
	if !n.await("ended by terminated", 1) {
		t.Error("nacsim nac does not sum up")
	}
	return n.trace(t)
}

// programRecord is a line of the trace, as far as tests look at it.
type programRecord struct {
	Kind        string   `json:"kind"`
	Client      string   `json:"client"`
	MAC         string   `json:"mac"`
	Type        string   `json:"type"`
	Result      string   `json:"result"`
	Request     string   `json:"request"`
	Reason      string   `json:"reason"`
	User        string   `json:"user"`
	AuthType    string   `json:"auth_type"`
	VLAN        string   `json:"vlan"`
	Explanation []string `json:"explanation"`
	CertCN      string   `json:"cert_cn"`
	CertIssuer  string   `json:"cert_issuer"`
	Resumed     bool     `json:"resumed"`
}

// programTrace is what a NAC has written with --trace.
type programTrace []programRecord

func (n *nacProgram) trace(t *testing.T) programTrace {
	t.Helper()
	f, err := os.Open(filepath.Join(n.dir, "nac.jsonl"))
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	return readTrace(t, f)
}

// readTrace reads the decisions, client events and changes of authorization of a trace.
func readTrace(t *testing.T, lines io.Reader) programTrace {
	t.Helper()
	var all programTrace
	for d := json.NewDecoder(lines); ; {
		var line json.RawMessage
		var r programRecord
		var kind struct{ Kind string }
		err := d.Decode(&line)
		if err == io.EOF {
			return all
		}
		if err == nil {
			err = json.Unmarshal(line, &kind)
		}
		if err == nil && slices.Contains([]string{"decision", "event", "coa"}, kind.Kind) {
			err = json.Unmarshal(line, &r)
			all = append(all, r)
		}
		if err != nil {
			t.Fatalf("the trace: %v", err)
		}
	}
}

// decisions are those on a client.
func (p programTrace) decisions(mac string) programTrace {
	var found programTrace
	for _, r := range p {
		if r.Kind == "decision" && r.Client == mac {
			found = append(found, r)
		}
	}
	return found
}

// events are those of a client.
func (p programTrace) events(mac, kind string) programTrace {
	var found programTrace
	for _, r := range p {
		if r.Kind == "event" && r.MAC == strings.ReplaceAll(mac, ":", "") && r.Type == kind {
			found = append(found, r)
		}
	}
	return found
}
