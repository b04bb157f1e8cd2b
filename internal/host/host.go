// Package host describes the machine that a nacsim program runs on.
//
// The NAC, the network edge and the fake Microsoft are written against [Host] and nothing else: they read
// the time, sleep, start tasks, open sockets, draw random bytes and store state only through it. Package sim
// gives them one of two machines. The virtual one is a coroutine on one event loop with a virtual clock and
// seeded randomness; the live one is goroutines, real sockets and the wall clock. A program cannot tell which.
//
// # Contract for programs
//
//   - A task is an ordinary sequential function started with [Host.Go] (or run by [Host.AfterFunc], by
//     [Host.ServeHTTP], or as the boot function of the machine). Only tasks call blocking methods.
//   - A blocking method returns [ErrDown] once the machine is crashing or shutting down. A task that sees
//     ErrDown returns at once; every later call returns ErrDown again and changes nothing.
//   - Tasks of one machine may run in parallel on a live host, so shared state needs a mutex. A task never
//     calls a blocking method while it holds one: in the virtual world nobody else could run.
//   - Nothing else in a program may start goroutines, read clocks or random sources, or open sockets.
package host

import (
	"crypto/tls"
	"crypto/x509"
	"errors"
	"io"
	"log/slog"
	"net"
	"net/http"
	"net/netip"
	"os"
	"time"
)

// ErrDown is returned by every blocking or storing method of a machine that has crashed or is shutting down,
// or of a socket that has been closed. The task should return.
var ErrDown = errors.New("host: machine or socket is down")

// ErrTimeout is returned when a deadline passes before the operation completes. It is
// [os.ErrDeadlineExceeded], so net.Conn implementations can return it as they must.
var ErrTimeout = os.ErrDeadlineExceeded

// ErrNoCarrier is returned once by [Port.ReadFrame] when the last peer on a cable goes away (unplugged,
// crashed, shut down). The next ReadFrame waits for frames as before.
var ErrNoCarrier = errors.New("host: no carrier")

// A Host is one machine. All methods may be called from any task of that machine.
type Host interface {
	// Name is the machine's name in the scenario, for example "ap-1". It is the actor in the trace.
	Name() string

	// Addr is the machine's own IP address. Live machines see the same address as virtual ones: the live
	// world maps it to loopback sockets.
	Addr() netip.Addr

	// Now is the time on this machine's clock.
	Now() time.Time

	// Sleep blocks the task for d. A non-positive d yields to the tasks that are ready now.
	Sleep(d time.Duration) error

	// AfterFunc runs f as a task of its own after d. Stop on the timer prevents a run that has not started.
	AfterFunc(d time.Duration, f func()) Timer

	// Go starts f as a task. The name appears in reports of tasks that never come to rest.
	Go(name string, f func())

	// NewSignal returns a wake-up for tasks that wait for something other than a socket or the clock.
	NewSignal() Signal

	// Parallelism is how many tasks the machine can run at the same time: 1 in the virtual world, the number
	// of cores in the live one. Servers start that many readers on a socket.
	Parallelism() int

	// ListenPacket opens a UDP socket. Port 0 picks a free port; an unspecified address means Addr.
	ListenPacket(at netip.AddrPort) (PacketConn, error)

	// Listen opens a TCP listener. The connections honour deadlines on the machine's clock.
	Listen(at netip.AddrPort) (net.Listener, error)

	// Dial opens a TCP connection to "host:port", where host is a name or an address.
	Dial(to string, timeout time.Duration) (net.Conn, error)

	// ServeHTTP serves h at an address until the closer is closed or the machine goes down. Each request is
	// handled in a task. A non-nil config makes it HTTPS; the virtual world carries HTTPS without the records
	// of TLS but checks that client and server agree on the scheme. A handler that panics with http.ErrAbortHandler ends the
	// connection without the rest of the response, and so does one that writes less than its Content-Length; see
	// [ResetConnection] for one without an orderly end.
	ServeHTTP(at netip.AddrPort, h http.Handler, config *tls.Config) (HTTPServer, error)

	// RoundTrip makes one HTTP request and blocks until the response, with its whole body in memory, is
	// there or the timeout has passed. It follows no redirects. The request's context is not consulted.
	RoundTrip(req *http.Request, o HTTPOptions) (*http.Response, error)

	// Attach plugs the machine into a link-layer medium with the given MAC address.
	Attach(m Medium, mac net.HardwareAddr) (Port, error)

	// Rand returns the named stream of random bytes. In the virtual world it is derived from the world's
	// seed, the machine's name, its boot count and the stream's name, so that a new stream shifts no other; a second call
	// with the same name continues the stream. In the live world every stream is crypto/rand. Tasks may share one.
	Rand(stream string) io.Reader

	// TLS prepares a TLS configuration for one connection and returns the copy to use. In the virtual world
	// it makes the handshake repeatable; in both worlds it makes certificates be checked on the machine's
	// clock and hands session secrets to the capture, if there is one. The label names the connection
	// uniquely among those of this machine, for example "eap/02-00-00-00-00-01/7".
	TLS(label string, c *tls.Config) *tls.Config

	// Store opens the named durable key-value store of this machine. It survives a crash.
	Store(name string) (Store, error)

	// Trace writes one line to the trace: what happened (kind, for example "decision"), and its fields in the
	// order given. It never blocks.
	Trace(kind string, fields ...slog.Attr)

	// Tracing reports whether anybody reads lines of the kind. A busy program asks before it makes up one that is a
	// lot of work; Trace may be called in any case.
	Tracing(kind string) bool
}

// A Timer is a pending AfterFunc.
type Timer interface {
	// Stop cancels the timer and reports whether it did so before the function was started.
	Stop() bool
}

// A Signal is an auto-reset event: Set wakes one waiting task, or the next one to wait. Setting a set signal
// does nothing, so a waiter must look at all the work there is.
type Signal interface {
	// Set never blocks.
	Set()
	// Wait blocks until the signal is set, and resets it. A zero deadline means no deadline; ErrTimeout is
	// returned when it passes.
	Wait(deadline time.Time) error
}

// A PacketConn is a UDP socket. Several tasks may read from it and write to it at the same time.
type PacketConn interface {
	// ReadFrom waits for one datagram and copies it into b; a longer one is cut. A zero deadline means none.
	ReadFrom(b []byte, deadline time.Time) (n int, from netip.AddrPort, err error)
	// WriteTo sends one datagram. It does not block and does not keep b. Like UDP, it reports no loss.
	WriteTo(b []byte, to netip.AddrPort) error
	// LocalAddr is the address other machines reach this socket at.
	LocalAddr() netip.AddrPort
	Close() error
}

// An HTTPServer is a running ServeHTTP.
type HTTPServer interface {
	// Addr is the address the server is reached at.
	Addr() netip.AddrPort
	Close() error
}

// HTTPOptions are the settings of one round trip.
type HTTPOptions struct {
	// Timeout bounds the whole exchange. Zero means 30 seconds.
	Timeout time.Duration
	// RootCAs verify the server; nil means those of the system (live) or of the world (run by nacsim).
	RootCAs *x509.CertPool
	// MaxBody bounds the response body in octets; a longer one is an error. Zero means 64 MiB.
	MaxBody int64
}

// MediumKind tells a cable from the air.
type MediumKind int

const (
	// Cable is a wired link; frames are Ethernet frames without FCS, and carrier is visible.
	Cable MediumKind = iota
	// Radio is a wireless channel; frames are IEEE 802.11 frames without FCS, and there is no carrier.
	Radio
)

// A Medium names a link-layer segment, for example {Cable, "sw-1/port-3"} or {Radio, "corp"}.
type Medium struct {
	Kind MediumKind
	Name string
}

// A Tap is what the connections of a world may be, so that the trace shows what a program protects. Whoever carries
// packets inside TLS tells the connection under it of each, in clear.
type Tap interface {
	// Carried records one RADIUS packet that is sent to the other end, or has come from there, in the format of RADIUS/1.0.
	// A world records each once.
	// It never blocks and does not keep packet.
	Carried(sent bool, packet []byte)
}

// A Port is a machine's attachment to a medium. A unicast frame reaches the port with its destination MAC
// address; a group-addressed one reaches every other port on the medium.
type Port interface {
	// ReadFrame waits for the next frame. The slice is the caller's to keep.
	ReadFrame(deadline time.Time) ([]byte, error)
	// WriteFrame sends one frame. It does not block and does not keep b.
	WriteFrame(b []byte) error
	// Close detaches from the medium.
	Close() error
}

// A Store is a small ordered key-value store. Each Put and Delete is atomic; writes become durable in the
// order they were made, at once in the virtual world and within a fraction of a second in the live one.
type Store interface {
	// Get returns the value of key, or nil when there is none. The slice is the caller's to keep.
	Get(key string) ([]byte, error)
	// Put does not keep value.
	Put(key string, value []byte) error
	Delete(key string) error
	// Scan calls f for each key with the prefix in ascending order until f returns false.
	Scan(prefix string, f func(key string, value []byte) bool) error
}
