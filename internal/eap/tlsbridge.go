package eap

import (
	"bytes"
	"crypto/tls"
	"errors"
	"fmt"
	"io"
	"iter"
	"net"
	"runtime"
	"time"
)

// maxAppData bounds the decrypted application data that waits for [TLS.AppData], in octets.
const maxAppData = 64 << 10

// Errors of the methods of a [TLS].
var (
	ErrClosed = errors.New("eap: TLS engine is closed")
	ErrPaused = errors.New("eap: TLS handshake is paused")
)

// A TLS is one end of a TLS connection without a transport: octets of the other side go in, octets for it come
// out. Inside, crypto/tls runs in a coroutine that is suspended whenever it wants to read more than there is.
//
// Its methods may be called from different goroutines, one at a time. Every TLS must be closed: one that has
// not finished holds a suspended coroutine.
//
// The configuration's Time and Rand decide what clock and what randomness the connection uses; see
// host.Host.TLS. A server whose configuration has session tickets and a client with a ClientSessionCache resume.
//
// # Verification that takes time
//
// A callback of the configuration (VerifyPeerCertificate, VerifyConnection) that has to ask somebody calls
// [TLS.Pause], which suspends the handshake: the Step under way returns, and [TLS.Paused] is true until
// [TLS.Continue] lets the callback go on. A callback that refuses returns a [Refusal] to choose the alert.
type TLS struct {
	conn   *tls.Conn
	wire   wire
	server bool
	resume func() (struct{}, bool)
	stop   func()

	complete bool  // Handshake returned nil
	err      error // why the coroutine ended
	closed   bool
	paused   bool   // a callback waits in Pause
	app      []byte // decrypted application data not yet fetched
	firstApp []byte // its first two octets ever, for SuccessIndicated
	secrets  secretTap
}

// NewTLSServer returns the server's end. The configuration is cloned.
func NewTLSServer(config *tls.Config) *TLS {
	t := &TLS{server: true}
	t.conn = tls.Server(&t.wire, t.tap(config, serverSecrets))
	t.start()
	return t
}

// NewTLSClient returns the client's end. The configuration is cloned. As in crypto/tls, it needs a ServerName
// or InsecureSkipVerify with a verification of its own.
func NewTLSClient(config *tls.Config) *TLS {
	t := &TLS{}
	t.conn = tls.Client(&t.wire, t.tap(config, clientSecrets))
	t.start()
	return t
}

// tap returns a copy of the configuration whose key log is read along.
func (t *TLS) tap(config *tls.Config, prefix []byte) *tls.Config {
	c := config.Clone()
	t.secrets = secretTap{next: c.KeyLogWriter, prefix: prefix}
	c.KeyLogWriter = &t.secrets
	return c
}

func (t *TLS) start() {
	t.resume, t.stop = iter.Pull(func(yield func(struct{}) bool) {
		growStack()
		t.wire.suspend = func() bool { return yield(struct{}{}) }
		t.err = t.converse()
	})
}

// growStack makes the coroutine's stack as large as a handshake needs while there is nothing on it to copy. Else it
// would be doubled three times in the middle of crypto/tls, which costs a twentieth of the handshake.
//
//go:noinline
func growStack() {
	var room [12 << 10]byte
	runtime.KeepAlive(&room)
}

// converse is the coroutine: the handshake, then everything the other side says until it stops.
func (t *TLS) converse() (err error) {
	defer func() {
		// crypto/tls parses what a stranger sent; should it panic, this connection has failed and no other.
		if r := recover(); r != nil {
			err = fmt.Errorf("eap: TLS engine panicked: %v", r)
		}
	}()
	// Not HandshakeContext: a context that can be cancelled would be watched from another goroutine.
	if err := t.conn.Handshake(); err != nil {
		return err
	}
	t.complete = true
	var buf [2048]byte
	for {
		n, err := t.conn.Read(buf[:])
		if missing := 2 - len(t.firstApp); missing > 0 {
			t.firstApp = append(t.firstApp, buf[:min(n, missing)]...)
		}
		t.app = append(t.app, buf[:n]...)
		if err != nil {
			return err
		}
		if len(t.app) > maxAppData {
			return fmt.Errorf("eap: more than %d octets of application data", maxAppData)
		}
	}
}

// Step feeds in, which may be empty, and runs until the connection needs more input, pauses or has ended. Out is
// what to send: handshake messages, or the alert that tells the other side why this one failed. The error is that
// of crypto/tls once the connection has ended, in this and every later call: io.EOF after the other side's
// close_notify, otherwise see [RemoteAlert], [LocalAlert] and tls.CertificateVerificationError. Out may be
// non-empty together with an error. Step keeps neither slice. While the connection is paused it returns [ErrPaused].
//
// A server takes an unencrypted alert during the handshake for what it says. OpenSSL clients that do not like the
// server's certificate send it so even with TLS 1.3, where crypto/tls would see a record that it cannot decrypt.
func (t *TLS) Step(in []byte) (out []byte, err error) {
	switch {
	case t.closed:
		return nil, ErrClosed
	case t.paused:
		return nil, ErrPaused
	}
	if a, ok := PlainAlert(in); ok && t.err == nil && t.server && !t.complete && len(in) == alertLen {
		t.stop()
		t.wire.take()
		t.err = &net.OpError{Op: remoteError, Err: tls.AlertError(a)}
	}
	if t.err == nil {
		t.wire.in = in
		return t.run()
	}
	return nil, t.err
}

// run resumes the coroutine until it suspends or ends.
func (t *TLS) run() (out []byte, err error) {
	t.resume()
	if t.paused {
		t.wire.in = bytes.Clone(t.wire.in)
		return t.wire.take(), nil
	}
	t.wire.in = nil
	out = t.wire.take()
	if t.err != nil && !t.complete {
		if a, ok := chosenAlert(t.err); ok {
			t.replaceAlert(out, a)
		}
	}
	return out, t.err
}

// Pause suspends the handshake until [TLS.Continue]. Only a callback of the connection's own configuration may call
// it. It returns false when the connection is closed instead; the callback then returns an error.
func (t *TLS) Pause() bool {
	t.paused = true
	ok := t.wire.suspend()
	t.wire.ended = t.wire.ended || !ok
	return ok
}

// Paused reports whether a callback waits in [TLS.Pause].
func (t *TLS) Paused() bool { return t.paused }

// Continue lets a paused callback go on. It returns what Step would.
func (t *TLS) Continue() (out []byte, err error) {
	switch {
	case t.closed:
		return nil, ErrClosed
	case !t.paused:
		return nil, t.err
	}
	t.paused = false
	return t.run()
}

// Done reports whether the handshake is complete on this side. For a TLS 1.3 client that is too early to
// believe in success, since the server has not judged the client's certificate yet: see [TLS.SuccessIndicated].
func (t *TLS) Done() bool { return t.complete }

// SuccessIndicated reports whether the other side is known to have accepted. With TLS 1.2 that is the
// completion of the handshake. With TLS 1.3 a client must have received the protected success indication,
// a single octet 0x00 of application data (RFC 9190 sections 2.1.1 and 2.5); a server knows at completion.
func (t *TLS) SuccessIndicated() bool {
	if !t.complete || t.err != nil {
		return false
	}
	if t.server || t.State().Version < tls.VersionTLS13 {
		return true
	}
	return len(t.firstApp) == 1 && t.firstApp[0] == 0
}

// State is the state of the connection once the handshake is complete or has failed, and zero before.
func (t *TLS) State() tls.ConnectionState {
	if !t.complete && t.err == nil {
		return tls.ConnectionState{} // crypto/tls would wait for the end of the handshake
	}
	return t.conn.ConnectionState()
}

// AppData returns the application data received since the last call.
func (t *TLS) AppData() []byte {
	b := t.app
	t.app = nil
	return b
}

// WriteApp encrypts b as application data and returns the records to send. The handshake must be complete.
func (t *TLS) WriteApp(b []byte) (out []byte, err error) {
	return t.send(func() error { _, err := t.conn.Write(b); return err })
}

// CloseNotify returns the alert that says that this side has nothing more to send.
func (t *TLS) CloseNotify() (out []byte, err error) { return t.send(t.conn.CloseWrite) }

// send runs a writing operation of crypto/tls. It may run beside the suspended coroutine, which holds only the
// reading half of the connection.
func (t *TLS) send(write func() error) (out []byte, err error) {
	switch {
	case t.closed:
		return nil, ErrClosed
	case t.err != nil:
		return nil, t.err
	case !t.complete:
		return nil, errors.New("eap: TLS handshake is not complete")
	}
	defer func() {
		if r := recover(); r != nil {
			out, err = nil, fmt.Errorf("eap: TLS engine panicked: %v", r)
		}
	}()
	err = write()
	return t.wire.take(), err
}

// Close ends the coroutine. It may be called more than once.
func (t *TLS) Close() {
	if t.closed {
		return
	}
	t.closed = true
	t.stop()
	t.wire.take()
}

// wire is the net.Conn that crypto/tls believes in.
type wire struct {
	in, out []byte
	suspend func() bool // returns false when the coroutine is to end
	ended   bool
}

func (w *wire) Read(b []byte) (int, error) {
	for len(w.in) == 0 {
		if w.ended || !w.suspend() {
			w.ended = true
			return 0, io.ErrClosedPipe
		}
	}
	n := copy(b, w.in)
	w.in = w.in[n:]
	return n, nil
}

func (w *wire) Write(b []byte) (int, error) {
	if w.out == nil {
		w.out = make([]byte, 0, max(len(b), 2048))
	}
	w.out = append(w.out, b...)
	return len(b), nil
}

// take returns what was written and forgets it.
func (w *wire) take() []byte {
	b := w.out
	w.out = nil
	return b
}

func (w *wire) Close() error                     { return nil }
func (w *wire) LocalAddr() net.Addr              { return eapAddr{} }
func (w *wire) RemoteAddr() net.Addr             { return eapAddr{} }
func (w *wire) SetDeadline(time.Time) error      { return nil }
func (w *wire) SetReadDeadline(time.Time) error  { return nil }
func (w *wire) SetWriteDeadline(time.Time) error { return nil }

// eapAddr stands for the other end of an EAP conversation, which has no address.
type eapAddr struct{}

func (eapAddr) Network() string { return "eap" }
func (eapAddr) String() string  { return "eap" }
