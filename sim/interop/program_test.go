package interop

import (
	"bytes"
	"errors"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

// patience bounds every wait for something that usually takes milliseconds.
const patience = 20 * time.Second

// program finds a peer, and skips the test without it. Debian keeps servers where not every user's PATH looks.
func program(t *testing.T, name string) string {
	t.Helper()
	for _, file := range []string{name, "/usr/sbin/" + name, "/sbin/" + name} {
		if path, err := exec.LookPath(file); err == nil {
			return path
		}
	}
	t.Skipf("%s is not installed", name)
	return ""
}

// outcome is what a program that has ended left.
type outcome struct {
	output string // standard output and standard error
	code   int    // exit code, -1 if it was ended by a signal
}

// run runs a program to its end, which it must reach within the limit.
func run(t *testing.T, limit time.Duration, stdin, path string, args ...string) outcome {
	t.Helper()
	cmd := exec.Command(path, args...)
	cmd.Stdin = strings.NewReader(stdin)
	return runCommand(t, cmd, limit)
}

func runCommand(t *testing.T, cmd *exec.Cmd, limit time.Duration) outcome {
	t.Helper()
	var out bytes.Buffer
	cmd.Stdout, cmd.Stderr = &out, &out
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	late := time.AfterFunc(limit, func() { cmd.Process.Kill() }) // it may have ended by itself
	err := cmd.Wait()
	var exit *exec.ExitError
	switch {
	case !late.Stop():
		t.Fatalf("%q has not ended after %v:\n%s", cmd.Args, limit, out.String())
	case err != nil && !errors.As(err, &exit):
		t.Fatalf("%s: %v", cmd.Path, err)
	}
	return outcome{out.String(), cmd.ProcessState.ExitCode()}
}

// writeFile writes a file of a test and returns its path.
func writeFile(t *testing.T, dir, name string, content []byte) string {
	t.Helper()
	path := filepath.Join(dir, name)
	if err := os.WriteFile(path, content, 0o600); err != nil {
		t.Fatal(err)
	}
	return path
}

// server is a program that runs until the test is over.
type server struct {
	*output
	process *os.Process
	ended   chan struct{} // closed when it has ended
	state   *os.ProcessState
}

// code is the exit code of a server that has ended.
func (s *server) code() int { return s.state.ExitCode() }

// start starts a program. What it has printed is shown if the test fails.
func start(t testing.TB, path string, args ...string) *server {
	t.Helper()
	return startCommand(t, exec.Command(path, args...))
}

func startCommand(t testing.TB, cmd *exec.Cmd) *server {
	t.Helper()
	s := &server{output: newOutput(), ended: make(chan struct{})}
	cmd.Stdout, cmd.Stderr = s.writer, s.writer
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	s.process = cmd.Process
	go func() {
		cmd.Wait() // the exit code is in the state
		s.state = cmd.ProcessState
		s.writer.Close()
		close(s.ended)
	}()
	t.Cleanup(func() {
		s.process.Kill() // it may have ended by itself
		<-s.ended
		if t.Failed() {
			t.Logf("%s:\n%s", filepath.Base(cmd.Path), s.output)
		}
	})
	return s
}
