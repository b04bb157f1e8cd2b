// Package supplicant is an 802.1X station: it plugs into a cable or joins a wireless network, authenticates with the
// EAP method it is configured for (package eappeer), plays the 4-way handshake, and tries again as real stations do
// when it loses the link or is refused.
//
// The protocol is in engines without input and output of their own; [Supplicant] drives them on a host.Host.
package supplicant

import (
	"crypto/tls"
	"errors"
	"log/slog"
	"strconv"
	"strings"
	"sync"
	"time"

	"nacsim/fakeap/eappeer"
	"nacsim/internal/host"
)

// Supplicant is a station on a host. Its methods may be called from any task, also of other hosts, and at the
// same time; none of them blocks.
type Supplicant struct {
	h      host.Host
	cfg    Config
	client slog.Attr

	connecting sync.Mutex // held for all of Connect and Disconnect, which must not mix

	mu         sync.Mutex
	connection *connection
	state      State
	handshakes int // TLS configurations made so far, to label them
}

// connection is a link in use. Everything in it is guarded by the supplicant's mutex, except port, which is safe.
type connection struct {
	port    host.Port
	machine *machine
}

// Start checks the configuration and returns a station that is not connected to anything. It writes lines of kind
// "supplicant" to the host's trace.
func Start(h host.Host, cfg Config) (*Supplicant, error) {
	if cfg.Rand == nil {
		cfg.Rand = h.Rand("supplicant/eap")
	}
	cfg, err := cfg.withDefaults()
	if err != nil {
		return nil, err
	}
	return &Supplicant{h: h, cfg: cfg, client: slog.String("client", cfg.MAC.String()), state: Disconnected}, nil
}

// Connect plugs the station into a link, or tunes to it, after leaving the one before, and starts to authenticate.
// The error says that there is no such link or no room on it; everything later shows in State and the trace.
func (s *Supplicant) Connect(link Link) error {
	if err := link.check(); err != nil {
		return err
	}
	if link.Name == "" {
		link.Name = link.Medium.Name
	}
	s.connecting.Lock()
	defer s.connecting.Unlock()
	s.disconnect()
	peer, err := eappeer.New(s.eapConfig(), s.prepare)
	if err != nil {
		return err
	}
	port, err := s.h.Attach(link.Medium, s.cfg.MAC.Hardware())
	if err != nil {
		return err
	}
	m := &machine{cfg: s.cfg, link: link, rand: s.h.Rand("supplicant/nonce"), peer: peer, state: Disconnected}
	c := &connection{port: port, machine: m}
	s.mu.Lock()
	s.connection = c
	m.connect(s.h.Now())
	s.flush(c)
	s.mu.Unlock()
	s.h.Go("supplicant", func() { s.run(c) })
	return nil
}

// Disconnect unplugs the cable, or leaves the wireless network with a Deauthentication frame, and stops trying.
// Without a connection it does nothing.
func (s *Supplicant) Disconnect() {
	s.connecting.Lock()
	defer s.connecting.Unlock()
	s.disconnect()
}

func (s *Supplicant) disconnect() {
	s.mu.Lock()
	c := s.connection
	if c != nil {
		s.connection = nil
		c.machine.disconnect()
		s.flush(c)
	}
	s.mu.Unlock()
	if c != nil {
		c.port.Close() // it reports nothing of use: the port is gone either way
	}
}

// State is what the station's user sees now.
func (s *Supplicant) State() State {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.state
}

// SetCertificate replaces the client certificate; authentications that begin later present it.
func (s *Supplicant) SetCertificate(c tls.Certificate) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.cfg.Certificate = c
	if s.connection != nil {
		s.connection.machine.peer.SetCertificate(c)
	}
}

// SetMachineCertificate replaces that of the machine beside the user; authentications that begin later present it.
func (s *Supplicant) SetMachineCertificate(c tls.Certificate) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.cfg.Machine = s.cfg.Machine.With(c)
	if s.connection != nil {
		s.connection.machine.peer.SetMachineCertificate(c)
	}
}

// SetPassword replaces the user's password; authentications that begin later use it.
func (s *Supplicant) SetPassword(password string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.cfg.Password = password
	if s.connection != nil {
		s.connection.machine.peer.SetPassword(password)
	}
}

func (s *Supplicant) eapConfig() eappeer.Config {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.cfg.Config
}

// prepare prepares one handshake. The machine calls it with the mutex held.
func (s *Supplicant) prepare(c *tls.Config) *tls.Config {
	s.handshakes++
	return s.h.TLS("eap/"+s.cfg.MAC.String()+"/"+strconv.Itoa(s.handshakes), c)
}

// run feeds a connection until its port is closed or the host goes down.
func (s *Supplicant) run(c *connection) {
	defer s.finish(c)
	for {
		frame, err := c.port.ReadFrame(s.deadline(c))
		if errors.Is(err, host.ErrDown) {
			return
		}
		if !s.input(c, frame, err) {
			return
		}
	}
}

func (s *Supplicant) deadline(c *connection) (t time.Time) {
	s.mu.Lock()
	defer s.mu.Unlock()
	return c.machine.deadline
}

// input feeds the machine one event and reports whether the connection is still the current one.
func (s *Supplicant) input(c *connection, frame []byte, err error) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.connection != c {
		return false
	}
	now := s.h.Now()
	switch {
	case err == nil:
		c.machine.receive(frame, now)
	case errors.Is(err, host.ErrTimeout):
		c.machine.expire(now)
	case errors.Is(err, host.ErrNoCarrier):
		c.machine.carrierLost(now)
	default:
		c.machine.lost(now, err.Error())
		c.machine.phase, c.machine.deadline = phaseIdle, time.Time{}
		s.connection = nil
	}
	s.flush(c)
	return true
}

// finish releases the TLS engine of a connection that has ended, also by a crash of the host.
func (s *Supplicant) finish(c *connection) {
	s.mu.Lock()
	defer s.mu.Unlock()
	c.machine.peer.Close()
}

// flush sends and traces what the machine has put out. The caller holds the mutex.
func (s *Supplicant) flush(c *connection) {
	m := c.machine
	for i, ch := range m.changes {
		s.state = ch.state
		s.trace(m.link, ch)
		m.changes[i] = change{}
	}
	for i, frame := range m.out {
		// A frame that cannot be sent is a frame lost: the timers deal with it.
		_ = c.port.WriteFrame(frame)
		m.out[i] = nil
	}
	m.changes, m.out = m.changes[:0], m.out[:0]
}

func (s *Supplicant) trace(link Link, ch change) {
	fields := []slog.Attr{s.client, slog.String("state", string(ch.state)), slog.String("to", link.Name)}
	if a := ch.auth; a.Method != 0 {
		fields = append(fields, slog.String("method", eappeer.MethodName(a.Method, a.Inner)))
		if a.TLS != 0 {
			fields = append(fields, slog.String("tls", strings.TrimPrefix(tls.VersionName(a.TLS), "TLS ")))
		}
		if a.Resumed {
			fields = append(fields, slog.Bool("resumed", true))
		}
	}
	if ch.reason != "" {
		fields = append(fields, slog.String("reason", ch.reason))
	}
	s.h.Trace("supplicant", fields...)
}
