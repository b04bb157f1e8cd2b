package eapserver

import (
	"crypto/tls"
	"crypto/x509"
	"time"

	"nacsim/internal/eap"
)

// A tlsCore is what the methods over TLS have in common: it puts fragments together and cuts messages into them,
// does the handshake, and tells a client that it refuses by an alert before EAP-Failure. The method on top learns
// of the established tunnel and of what comes through it.
type tlsCore struct {
	config *Config
	method eap.Type
	auth   tls.ClientAuthType // whether the client shows a certificate
	upper  upper

	maxVersion uint16 // of TLS; zero means that the configuration decides

	framer *eap.Framer
	engine *eap.TLS // nil until the client's first message
	taken  int      // octets of the client's handshake
	roots  *x509.CertPool
	chain  []*x509.Certificate // of the client, verified
	now    time.Time
	done   bool     // upper knows that the handshake is complete
	held   []byte   // records to send once the engine no longer pauses
	unsent []byte   // records of TLS 1.3 to go with the next message through the tunnel: tickets, KeyUpdate
	denial *Failure // an alert is under way; EAP-Failure follows whatever the client says

	resumption
	inquiry *inquiry // the engine pauses for it
}

// maxHandshake bounds what a client may send before the handshake is complete, in octets: whole messages, of which
// crypto/tls would keep more.
const maxHandshake = eap.DefaultMaxMessage

// An upper is the method on top of a tlsCore.
type upper interface {
	// established is told once that the handshake is complete. Out is what the server still has to say of it: its
	// Finished with TLS 1.2, perhaps a ticket with TLS 1.3. With TLS 1.3 the client's data may have come along.
	established(out []byte) outcome
	// received takes a message after the handshake: what came through the tunnel, or nothing at all, which
	// acknowledges the server's last message.
	received(data []byte, acknowledged bool) outcome
	// resumed goes on after a Waiting outcome of the method on top.
	resumed() outcome
}

func newTLSCore(config *Config, method eap.Type, auth tls.ClientAuthType, u upper) tlsCore {
	return tlsCore{config: config, method: method, auth: auth, upper: u, framer: eap.NewFramer(config.fragment()),
		resumption: resumption{store: config.Sessions, method: method}}
}

func (c *tlsCore) typ() eap.Type { return c.method }
func (c *tlsCore) begin() []byte { return c.framer.Start() }

func (c *tlsCore) close() {
	if c.engine != nil {
		c.engine.Close()
	}
}

// newEngine makes the TLS server. It waits for the first message, so that an idle conversation costs little.
func (c *tlsCore) newEngine() *eap.TLS {
	config := c.config.TLS().Clone()
	config.ClientAuth = min(c.auth, tls.RequestClientCert) // verify judges what comes, and refuses a client without one
	if config.ClientCAs == nil {
		config.ClientCAs = x509.NewCertPool() // nil would mean the CAs of the operating system
	}
	config.MinVersion = max(config.MinVersion, tls.VersionTLS12)
	if c.maxVersion != 0 {
		config.MaxVersion = c.maxVersion
	}
	config.Time = func() time.Time { return c.now }
	config.VerifyConnection = c.verify
	c.roots = config.ClientCAs
	c.resumption.configure(config, func(sent []*x509.Certificate) bool {
		_, err := c.trust(sent)
		return err == nil
	})
	return eap.NewTLSServer(config)
}

func (c *tlsCore) handle(now time.Time, data []byte) outcome {
	c.now = now
	message, complete, err := c.framer.Receive(data)
	switch {
	case err != nil:
		return protocolError(err.Error())
	case !complete:
		return outcome{kind: Challenge, data: c.framer.Ack()}
	case len(message) == 0 && c.framer.Pending():
		return c.next()
	case c.denial != nil:
		return outcome{kind: Failed, failure: c.denial}
	case !c.done:
		return c.handshake(message)
	case len(message) == 0:
		return c.upper.received(nil, true)
	}
	out, err := c.engine.Step(message)
	if err != nil {
		return c.broken(err, out)
	}
	c.unsent = append(c.unsent, out...) // the answer to a KeyUpdate: what follows has the new key
	return c.upper.received(c.engine.AppData(), false)
}

// resume goes on after a Waiting outcome.
func (c *tlsCore) resume(now time.Time) outcome {
	c.now = now
	if c.inquiry != nil {
		return c.stepped(c.engine.Continue())
	}
	return c.upper.resumed()
}

// next sends the next fragment.
func (c *tlsCore) next() outcome {
	data, _ := c.framer.Next()
	return outcome{kind: Challenge, data: data, failure: c.denial}
}

// send begins a message. An empty one is an acknowledgement, which lets the client go on.
func (c *tlsCore) send(out []byte) outcome {
	c.framer.Send(out)
	return c.next()
}

// seal sends data through the tunnel, after what is unsent.
func (c *tlsCore) seal(data []byte) outcome {
	out, err := c.engine.WriteApp(data)
	if err != nil {
		return outcome{kind: Failed, failure: &Failure{Reason: TLSFailure, Text: err.Error()}}
	}
	out, c.unsent = append(c.unsent, out...), nil
	return c.send(out)
}

// handshake gives a TLS message to the engine.
func (c *tlsCore) handshake(message []byte) outcome {
	if len(message) == 0 {
		return protocolError("client acknowledges where a TLS message is due")
	}
	if c.taken += len(message); c.taken > maxHandshake {
		return protocolError("client's handshake has more than 64 KiB")
	}
	if c.engine == nil {
		c.engine = c.newEngine()
	}
	return c.stepped(c.engine.Step(message))
}

// stepped takes what the engine says to a message of the handshake.
func (c *tlsCore) stepped(out []byte, err error) outcome {
	for c.engine.Paused() {
		c.held = append(c.held, out...)
		q := c.inquiry
		q.ask(c)
		if _, answered := q.verdict(); !answered {
			return outcome{kind: Waiting, wait: q.wait}
		}
		out, err = c.engine.Continue()
	}
	out, c.held = append(c.held, out...), nil
	switch {
	case err != nil:
		return c.broken(err, out)
	case !c.engine.Done():
		return c.send(out) // nothing, if it was a part of a record
	}
	c.done = true
	return c.upper.established(out)
}

// broken ends a connection that failed: with an alert for the client, if the engine wrote one, and with
// EAP-Failure in answer to its acknowledgement (RFC 5216 section 2.1.3).
func (c *tlsCore) broken(err error, out []byte) outcome {
	f := classify(err, c.engine, out, c.now)
	if f.FromPeer || len(out) == 0 {
		return outcome{kind: Failed, failure: f}
	}
	return c.refuse(f, out)
}

// refuse sends an alert and lets EAP-Failure follow.
func (c *tlsCore) refuse(f *Failure, alert []byte) outcome {
	c.denial = f
	return c.send(alert)
}

// denied is the failure of an authenticated client whom the caller does not let in.
func (c *tlsCore) denied() *Failure {
	return &Failure{Reason: Denied, Text: "not authorized", Chain: c.engine.State().PeerCertificates}
}

// deny refuses an authenticated client whom the caller does not let in: inside the tunnel with TLS 1.3, where
// access_denied takes the place of the success indication (RFC 9190 section 2.1.3), after what is unsent. With TLS 1.2
// the handshake has said all there is.
func (c *tlsCore) deny(f *Failure) outcome {
	if !c.tls13() {
		return outcome{kind: Failed, failure: f}
	}
	records, alert, err := c.engine.Deny()
	if err != nil {
		return outcome{kind: Failed, failure: f}
	}
	f.Alert, f.HasAlert = alert, true
	records, c.unsent = append(c.unsent, records...), nil
	return c.refuse(f, records)
}

func (c *tlsCore) tls13() bool { return c.engine.State().Version >= tls.VersionTLS13 }

// client describes who is at the other end of the TLS connection.
func (c *tlsCore) client() *Peer {
	state := c.engine.State()
	p := &Peer{Method: c.method, Chain: state.PeerCertificates, TLS: state, Resumed: state.DidResume}
	if p.Resumed {
		p.User, p.Inner, p.Groups = c.used.user, c.used.inner, c.used.groups
	}
	if c.chain != nil {
		p.Chain = c.chain
	}
	return p
}

func protocolError(text string) outcome {
	return outcome{kind: Failed, failure: &Failure{Reason: Protocol, Text: text}}
}
