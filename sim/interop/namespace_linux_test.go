package interop

import (
	"os"
	"os/exec"
	"strconv"
	"syscall"
	"testing"
)

// namespace is a network of its own, with its own loopback. It lives as long as the processes in it, of which one
// does nothing but wait for the end of the test: nothing is left behind, however the test ends.
type namespace struct{ holder *exec.Cmd }

// newNamespace needs root.
func newNamespace(t *testing.T) *namespace {
	t.Helper()
	if os.Geteuid() != 0 {
		t.Skip("network namespaces need root")
	}
	program(t, "nsenter")
	cmd := exec.Command(program(t, "cat"))
	cmd.SysProcAttr = &syscall.SysProcAttr{Cloneflags: syscall.CLONE_NEWNET}
	standing, err := cmd.StdinPipe() // closed with the test's process at the latest, which ends cat
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Skipf("this machine makes no network namespaces: %v", err)
	}
	t.Cleanup(func() {
		standing.Close()
		cmd.Wait() // nobody asks how cat ends
	})
	n := &namespace{holder: cmd}
	n.ip(t, "link", "set", "lo", "up")
	return n
}

// pid is the process that holds the namespace.
func (n *namespace) pid() string { return strconv.Itoa(n.holder.Process.Pid) }

// inside makes a command one of the namespace. It is killed when the test's process ends.
func (n *namespace) inside(t *testing.T, cmd *exec.Cmd) *exec.Cmd {
	t.Helper()
	path := program(t, "nsenter")
	cmd.Args = append([]string{path, "--target", n.pid(), "--net", "--", cmd.Path}, cmd.Args[1:]...)
	cmd.Path = path
	cmd.SysProcAttr = &syscall.SysProcAttr{Pdeathsig: syscall.SIGKILL}
	return cmd
}

// ip runs the command ip inside the namespace.
func (n *namespace) ip(t *testing.T, args ...string) {
	t.Helper()
	if out, err := n.inside(t, exec.Command(program(t, "ip"), args...)).CombinedOutput(); err != nil {
		t.Fatalf("ip %q: %v\n%s", args, err, out)
	}
}

// cable connects two namespaces. Its ends are called like the peers and have the MAC addresses given.
func cable(t *testing.T, a *namespace, nameA, macA string, b *namespace, nameB, macB string) {
	t.Helper()
	a.ip(t, "link", "add", nameA, "address", macA, "type", "veth", "peer", "name", nameB, "address", macB, "netns", b.pid())
	a.ip(t, "link", "set", nameA, "up")
	b.ip(t, "link", "set", nameB, "up")
}
