package eaptest

import (
	"crypto/tls"
	"testing"

	"nacsim/internal/eap"
)

// A Peer is an EAP-TLS peer.
type Peer struct {
	T        testing.TB
	Identity string
	TLS      *tls.Config
	Fragment int        // TLS data in one packet; zero means 1398
	NAK      []eap.Type // refuse the first method and want these

	Code    eap.Code // Success or Failure once the server has said so
	Err     error    // why the TLS connection ended, if it did
	MSK     []byte
	Version uint16 // of TLS
	Rounds  int    // requests answered

	framer *eap.Framer
	engine *eap.TLS
}

// Respond answers a request, or takes note of Success and Failure and returns nil.
func (p *Peer) Respond(b []byte) []byte {
	p.T.Helper()
	r, err := eap.Parse(b)
	if err != nil {
		p.T.Fatalf("peer gets a malformed packet %x: %v", b, err)
	}
	if r.Code == eap.Success || r.Code == eap.Failure {
		p.finish(r.Code)
		return nil
	}
	if r.Code != eap.Request {
		p.T.Fatalf("peer gets %v", r)
	}
	p.Rounds++
	response := eap.Packet{Code: eap.Response, ID: r.ID, Type: r.Type}
	switch {
	case r.Type == eap.TypeIdentity:
		response.Data = []byte(p.Identity)
	case p.NAK != nil:
		response.Type = eap.TypeLegacyNAK
		for _, t := range p.NAK {
			response.Data = append(response.Data, byte(t))
		}
	case r.Type == eap.TypeTLS:
		response.Data = p.exchange(r.Data)
	default:
		p.T.Fatalf("peer gets %v", r)
	}
	return response.Append(nil)
}

// exchange answers the data of an EAP-TLS request.
func (p *Peer) exchange(data []byte) []byte {
	if _, ok := eap.IsStart(data); ok {
		fragment := p.Fragment
		if fragment == 0 {
			fragment = 1398
		}
		p.Close()
		p.framer, p.engine = eap.NewFramer(fragment), eap.NewTLSClient(p.TLS)
	}
	message, complete, err := p.framer.Receive(data)
	if err != nil {
		p.T.Fatalf("peer gets malformed framing: %v", err)
	}
	if !complete {
		return p.framer.Ack()
	}
	if p.framer.Pending() {
		next, _ := p.framer.Next()
		return next
	}
	if p.Err != nil {
		return p.framer.Ack()
	}
	out, err := p.engine.Step(message)
	p.Err = err
	p.framer.Send(out)
	next, _ := p.framer.Next()
	return next
}

func (p *Peer) finish(code eap.Code) {
	p.Code = code
	if code == eap.Success {
		if !p.engine.SuccessIndicated() {
			p.T.Error("peer gets EAP-Success before the server has accepted inside TLS")
		}
		p.Version = p.engine.State().Version
		var err error
		if p.MSK, _, err = p.engine.Keys(eap.TypeTLS); err != nil {
			p.T.Errorf("peer has no keys: %v", err)
		}
	}
	p.Close()
}

// Close ends the TLS engine of a conversation that was abandoned.
func (p *Peer) Close() {
	if p.engine != nil {
		p.engine.Close()
	}
}
