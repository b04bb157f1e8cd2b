package eappeer

import (
	"crypto/tls"
	"encoding/binary"
	"errors"
	"io"

	"nacsim/internal/eap"
	"nacsim/internal/eap/teap"
)

// A tunnel is one run of a method over TLS, from its Start on: EAP-TLS (RFC 5216, RFC 9190), which ends with the
// handshake, and EAP-TTLS, PEAP and TEAP, where something else authenticates the user inside. The version is 0, which
// servers of a higher one take, and 1 with TEAP.
type tunnel struct {
	typ     eap.Type
	tls     *eap.TLS
	framer  *eap.Framer
	lengths Lengths
	quiet   bool // says nothing about a server certificate it does not like

	inside phase2 // nil with EAP-TLS
	begun  bool   // something has been said inside

	total  int    // octets of the message being sent
	reason string // why it has failed on this side, or what alert the server sent
	silent bool   // has stopped to answer
	final  bool   // need not wait for the server's verdict
}

// phase2 is what is said inside a tunnel.
type phase2 interface {
	// begin is what the client says unasked, or nil where the server speaks first.
	begin() ([]byte, error)
	// receive takes what the server says and returns the answer. An error ends the authentication.
	receive(id uint8, data []byte) ([]byte, error)
	// succeeded reports whether the server has proved what it has to.
	succeeded() bool
	// keys are those that are bound to what was said inside, or nil where they are those of the tunnel.
	keys() (msk, emsk []byte)
	// failure says why the user has been refused.
	failure() string
	close()
}

func newTunnel(p *Peer, typ eap.Type, certificate tls.Certificate, tunnelled bool) *tunnel {
	fragment := p.cfg.FragmentSize
	if tunnelled {
		fragment = max(fragment-innerOverhead, eap.MinFragment)
	}
	t := &tunnel{
		typ: typ, tls: eap.NewTLSClient(p.prepare(p.tlsConfig(typ, certificate, tunnelled))), framer: eap.NewFramer(fragment),
		lengths: p.cfg.Lengths, quiet: p.cfg.BadServer == StopAnswering,
	}
	switch typ {
	case eap.TypeTTLS:
		t.inside = newTTLS(p, t.tls)
	case eap.TypePEAP:
		t.inside = newPEAP(p, t.tls)
	case eap.TypeTEAP:
		t.inside, t.framer.Version = newTEAP(p, t.tls), teap.Version
	}
	return t
}

// innerOverhead is what a tunnel adds to an EAP packet inside it, at most: EAP and AVP headers and the TLS record.
const innerOverhead = 100

func (t *tunnel) close() {
	t.tls.Close()
	if t.inside != nil {
		t.inside.close()
	}
}

// respond answers the data of a request. What is malformed is discarded.
func (t *tunnel) respond(id uint8, data []byte) (response []byte, ok bool) {
	if _, start := eap.IsStart(data); start {
		if i, ok := t.inside.(*teapInside); ok {
			if err := i.start(data); err != nil {
				t.reason = err.Error()
				return nil, false
			}
		}
		return t.step(id, nil)
	}
	message, complete, err := t.framer.Receive(data)
	switch {
	case err != nil:
		t.reason = err.Error()
		return nil, false
	case !complete:
		return t.framer.Ack(), !t.silent
	case t.framer.Pending():
		return t.next(), !t.silent
	}
	return t.step(id, message)
}

// step gives the TLS engine a message and returns the first fragment of what there is to say, or an acknowledgement.
func (t *tunnel) step(id uint8, message []byte) (response []byte, ok bool) {
	out, err := t.tls.Step(message)
	if err != nil && t.reason == "" {
		t.reason = tlsReason(err)
		t.silent = t.quiet && errors.As(err, new(*tls.CertificateVerificationError))
	}
	if err == nil && t.tls.Done() && t.inside != nil {
		if out, err = t.converse(id, out); err != nil {
			t.reason, t.silent, t.final = err.Error(), true, true
		}
	}
	if t.silent {
		return nil, false
	}
	t.total = len(out)
	t.framer.Send(out)
	return t.next(), true
}

// converse continues inside the tunnel: it appends records to what the handshake has to say.
//
// The client's turn has come when the server has nothing more to say: its last message of the handshake leaves
// nothing to answer (TLS 1.2), or it acknowledges the client's (TLS 1.3).
func (t *tunnel) converse(id uint8, out []byte) ([]byte, error) {
	var data []byte
	var err error
	switch said := t.tls.AppData(); {
	case t.tls.State().Version >= tls.VersionTLS13 && len(said) == 1 && said[0] == 0:
		return out, nil // protected success indication, RFC 9427 section 3
	case len(said) > 0:
		t.begun = true
		data, err = t.inside.receive(id, said)
	case len(out) == 0 && !t.begun:
		data, err = t.inside.begin()
		t.begun = data != nil
	}
	if err != nil || data == nil {
		return out, err
	}
	records, err := t.tls.WriteApp(data)
	return append(out, records...), err
}

// next is the next fragment, with the message length where the framer puts none and this peer's habit does.
func (t *tunnel) next() []byte {
	const lengthIncluded = 0x80
	data, _ := t.framer.Next()
	whole := len(data)-1 == t.total
	if len(data) == 1 || data[0]&lengthIncluded != 0 || t.lengths < OnFirst || t.lengths == OnFirst && !whole {
		return data
	}
	with := binary.BigEndian.AppendUint32([]byte{data[0] | lengthIncluded}, uint32(t.total))
	return append(with, data[1:]...)
}

// succeeded reports whether the method has succeeded on this side. A resumed session needs no more than the
// server's word inside TLS; neither does EAP-TLS. With TLS 1.3 that word is the protected success indication (RFC 9190
// section 2.1.1).
func (t *tunnel) succeeded() bool {
	if t.reason != "" {
		return false
	}
	if t.inside == nil || !t.begun {
		return t.tls.SuccessIndicated() && (t.inside == nil || t.tls.State().DidResume)
	}
	return t.inside.succeeded()
}

func (t *tunnel) keys() (msk, emsk []byte, err error) {
	if t.inside != nil {
		if msk, emsk = t.inside.keys(); msk != nil {
			return msk, emsk, nil
		}
	}
	return t.tls.Keys(t.typ)
}

func (t *tunnel) failure() (reason string, final bool) {
	if t.reason == "" && t.inside != nil {
		return t.inside.failure(), false
	}
	return t.reason, t.final
}

// session is the version of TLS, zero before the handshake is complete, and whether it was resumed.
func (t *tunnel) session() (version uint16, resumed bool) {
	if !t.tls.Done() {
		return 0, false
	}
	s := t.tls.State()
	return s.Version, s.DidResume
}

// tlsReason says whose verdict ended the handshake.
func tlsReason(err error) string {
	var verdict *tls.CertificateVerificationError
	if errors.As(err, &verdict) {
		return "server certificate refused: " + verdict.Err.Error()
	}
	if alert, ok := eap.RemoteAlert(err); ok {
		return "server sent TLS alert: " + alert.String()
	}
	if errors.Is(err, io.EOF) {
		return "server closed the TLS connection"
	}
	return err.Error()
}
