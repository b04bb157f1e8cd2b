package cli

import (
	"bytes"
	"encoding/json"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

// command runs one command of nacsim.
func command(args ...string) (code int, stdout, stderr string) {
	var out, err bytes.Buffer
	code = Execute(New(nil), args, &out, &err)
	return code, out.String(), err.String()
}

// TestLiveNACAccount asks a running NAC, which nobody has linked an account to, by HTTPS.
func TestLiveNACAccount(t *testing.T) {
	const listen = `api: {listen: "127.0.0.1:0"`
	r := startNACProgram(t, func(dir string) {
		file := filepath.Join(dir, "nac.yaml")
		text := contents(t, file) + "\nintune: {client_id: c, secret: s, secret_expires: '2026-01-01', link: {redirect_uri: 'https://nac.example/link/callback'}}\n" +
			listen + ", token: a-token-of-24-characters, certificate: {chain: server.pem, key: server.key}}\n"
		if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	})
	at := r.stdout.await(t, `^listening on tcp (\S+) for the HTTP API$`)
	r.stderr.await(t, `^warning: intune: the client secret has expired at`)
	r.stdout.await(t, `warning  the credential of the app registration has ended`)
	edit(t, r.dir, "nac.yaml", listen, `api: {listen: "`+at+`"`)
	config := filepath.Join(r.dir, "nac.yaml")
	token := filepath.Join(r.dir, "token")
	if err := os.WriteFile(token, []byte("a-token-of-24-characters\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	ca := filepath.Join(r.dir, "ca.pem")
	for _, c := range []struct {
		name   string
		args   []string
		code   int
		stdout string // empty means that nothing is printed
		stderr string
	}{
		{"status", []string{"status", "--config", config}, 1, "none is linked", ""},
		{"status in JSON", []string{"status", "--config", config, "--json"}, 1, `"linked": false`, ""},
		{"link", []string{"link", "--config", config}, 0, "https://login.microsoftonline.com/organizations/v2.0/adminconsent?client_id=c&redirect_uri=https%3A%2F%2Fnac.example%2Flink%2Fcallback&scope=", ""},
		{"unlink", []string{"unlink", "--config", config}, 2, "", "nacsim nac unlink: no Intune account is linked; POST"},
		{"by address", []string{"status", "--url", "https://" + at, "--token-file", token, "--ca", ca}, 2, "", "cannot be asked: tls: failed to verify certificate: x509:"},
		{"in clear", []string{"status", "--url", "http://" + at, "--token-file", token}, 2, "", "answers 400"},
		{"with another token", []string{"status", "--url", "https://" + at, "--token-file", ca, "--ca", ca}, 2, "", "cannot be asked"},
		{"nobody there", []string{"status", "--url", "http://127.0.0.1:1", "--token-file", token}, 2, "", "is the NAC running?"},
		{"nothing named", []string{"status"}, 2, "", "name the NAC's configuration with --config FILE"},
		{"both named", []string{"status", "--config", config, "--url", "http://x"}, 2, "", "name the NAC's configuration"},
		{"no token", []string{"link", "--url", "http://x"}, 2, "", "--token-file"},
		{"no address", []string{"link", "--url", "nac.example", "--token-file", token}, 2, "", "want an address such as"},
		{"an argument", []string{"unlink", "now"}, 2, "", `unexpected argument "now"`},
	} {
		code, stdout, stderr := command(append([]string{"nac"}, c.args...)...)
		if code != c.code || !strings.Contains(stdout, c.stdout) || !strings.Contains(stderr, c.stderr) || (stdout == "") != (c.stdout == "") || strings.Count(stderr, "\n") > 1 {
			t.Errorf("%s: exit code %d\n%s\n%s", c.name, code, stdout, stderr)
		}
	}
	r.stdout.await(t, `api      127.0.0.1:\d+ POST /api/v1/account/link$`)
	if text := r.stdout.String(); strings.Contains(text, "a-token-of") || strings.Contains(text, "state=") {
		t.Errorf("the NAC prints secrets:\n%s", text)
	}
}

// TestNACAPIPin holds that the token is shown to nobody but the NAC of the configuration.
func TestNACAPIPin(t *testing.T) {
	with := func(dir string) string {
		file := filepath.Join(dir, "nac.yaml")
		text := contents(t, file) + `api: {listen: "127.0.0.1:0", token: a-token-of-24-characters, certificate: {chain: server.pem, key: server.key}}` + "\n"
		if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
		return file
	}
	r := startNACProgram(t, func(dir string) { with(dir) })
	at := r.stdout.await(t, `^listening on tcp (\S+) for the HTTP API$`)
	other := filepath.Join(t.TempDir(), "other")
	if err := initNAC(other, time.Now(), newScreen()); err != nil {
		t.Fatal(err)
	}
	config := with(other)
	edit(t, other, "nac.yaml", `"127.0.0.1:0"`, `"`+at+`"`)
	if code, _, stderr := command("nac", "status", "--config", config); code != 2 || !strings.Contains(stderr, "does not have the certificate of the configuration") {
		t.Errorf("exit code %d, %s", code, stderr)
	}
}

// TestNACAccountText holds what is shown of an account.
func TestNACAccountText(t *testing.T) {
	now := time.Date(2026, 1, 5, 8, 0, 0, 0, time.UTC)
	var a nacAccount
	const body = `{"linked": true, "tenant": "t", "linked_at": "2026-01-01T00:00:00Z", "health": "unhealthy", "last_sync": "2026-01-05T06:00:00Z",
		"last_error": {"text": "token:\u202e \u001b[2J401", "at": "2026-01-05T07:00:00Z", "refused": true}, "circuit_open_until": "2026-01-05T08:01:00Z",
		"credential": {"expires": "2026-01-17T09:00:00Z", "days_left": 12, "expired": false}, "devices": {"listed": 3, "records": 2, "clients": 1}}`
	if err := json.Unmarshal([]byte(body), &a); err != nil {
		t.Fatal(err)
	}
	var out bytes.Buffer
	if err := a.write(&out, now); err != nil {
		t.Fatal(err)
	}
	for _, want := range []string{"account          tenant t, linked ", "health           unhealthy\n", "token:\uFFFD \uFFFD[2J401; waiting does not help\n", "12 days left\n", "not asked until  ", "3 in Intune, 2 known, 1 clients\n"} {
		if !strings.Contains(out.String(), want) {
			t.Errorf("no %q in\n%s", want, &out)
		}
	}
	if strings.Contains(out.String(), "next sync") {
		t.Errorf("there is a next sync in\n%s", &out)
	}
}
