package eappeer

import (
	"fmt"
	"slices"

	"nacsim/internal/eap"
	"nacsim/internal/eap/teap"
)

// teapInside is what TEAP says in its tunnel (RFC 7170, as RFC 9930 has corrected it): methods one after the other,
// for the machine and the user, each bound to the tunnel before anything is believed. The server speaks first.
type teapInside struct {
	peer     *Peer
	tls      *eap.TLS
	outer    []byte // the server's outer TLVs
	compound *teap.Keys
	eap      exchange
	passed   bool // a password has been sent since the last binding
	bound    bool // the last method has been bound
	agreed   bool
	reason   string
}

func newTEAP(p *Peer, tls *eap.TLS) *teapInside { return &teapInside{peer: p, tls: tls} }

// start takes the server's first message, whose outer TLVs the binding covers.
func (i *teapInside) start(data []byte) error {
	_, outer, version, err := teap.SplitOuter(data)
	if err == nil && version < teap.Version {
		err = fmt.Errorf("server offers version %d of TEAP", version)
	}
	i.outer = append([]byte(nil), outer...)
	return err
}

func (i *teapInside) begin() ([]byte, error) { return nil, nil }

func (i *teapInside) receive(_ uint8, data []byte) ([]byte, error) {
	if i.compound == nil {
		seed, err := i.tls.TEAPSeed()
		if err == nil {
			i.compound, err = teap.NewKeys(i.tls.State().CipherSuite, seed, i.outer, nil)
		}
		if err != nil {
			return nil, err
		}
	}
	msg, err := teap.Decode(data)
	if err != nil {
		return nil, err
	}
	reply, err := i.answer(msg)
	if err != nil {
		return nil, err
	}
	if data = reply.Append(nil); len(data) == 0 {
		return nil, nil
	}
	return data, nil
}

// answer is the reply to a message. What the server claims without binding is answered with failure.
func (i *teapInside) answer(msg teap.Message) (reply teap.Message, err error) {
	switch {
	case msg.Unknown != 0:
		return teap.Message{Refused: msg.Unknown}, nil
	case msg.Result == teap.Failure:
		if i.reason == "" {
			i.reason = teapReason(msg.Error)
		}
		return teap.Message{Result: teap.Failure}, nil
	case msg.Intermediate == teap.Failure:
		i.reason = teapReason(msg.Error)
		reply.Intermediate = teap.Failure
	case msg.Binding != nil:
		if reply, err = i.bind(msg); err != nil {
			i.reason = err.Error()
			return teap.Message{Result: teap.Failure, Error: teap.TunnelCompromise}, nil
		}
	}
	if msg.Result == teap.Success {
		if i.agreed = i.bound; !i.agreed {
			i.reason = "server claims success without binding it to the tunnel"
			return teap.Message{Result: teap.Failure, Error: teap.UnexpectedTLVs}, nil
		}
		reply.Result = teap.Success
	}
	return reply, i.inside(msg, &reply)
}

// bind verifies a Crypto-Binding and answers it.
func (i *teapInside) bind(msg teap.Message) (reply teap.Message, err error) {
	switch {
	case i.eap.succeeded():
		msk, emsk, err := i.eap.method.keys()
		if err != nil {
			return reply, err
		}
		if m, ok := i.eap.method.(*mschapv2Method); ok {
			// TEAP is deployed with the keys in the order of EAP-FAST-MSCHAPv2 (RFC 5422): the server's key to send
			// comes first.
			msk = slices.Concat(m.key[16:32], m.key[:16])
		}
		i.compound.Inner(msk, emsk)
	case i.passed:
		i.compound.Inner(nil, nil)
	default:
		return reply, errNotProven
	}
	i.eap.close()
	i.passed = false
	if err := i.compound.Check(msg.Binding); err != nil {
		return reply, err
	}
	reply.Intermediate = msg.Intermediate
	reply.Binding = i.compound.Bind(msg.Binding.Answer(msg.Binding.Flags & i.compound.Flags()))
	i.compound.Select(reply.Binding)
	i.bound = true
	return reply, nil
}

// inside answers what the method under way says.
func (i *teapInside) inside(msg teap.Message, reply *teap.Message) error {
	who, as := i.credentials(msg.Identity)
	if msg.Ask != nil {
		if who.inner != Password {
			reply.Refused = teap.PasswordRequest // the password is for methods that do not show it
			return nil
		}
		reply.Identity, reply.Password = as, &teap.Password{User: []byte(who.user), Password: []byte(who.password)}
		i.passed, i.bound = true, false
		return nil
	}
	if msg.EAP == nil {
		return nil
	}
	q, err := eap.Parse(msg.EAP)
	if err != nil || q.Code != eap.Request {
		return err
	}
	if q.Type == eap.TypeIdentity || i.eap.begin == nil {
		i.eap.close()
		i.eap = i.peer.innerExchange(who)
		reply.Identity = as
	}
	typ, data, ok := i.eap.respond(q)
	if !ok {
		return i.eap.aborted()
	}
	i.bound = i.bound && !i.eap.engaged // once the method has begun, it has to be bound too
	reply.EAP = eap.Packet{Code: eap.Response, ID: q.ID, Type: typ, Data: data}.Append(nil)
	return nil
}

// credentials are those asked for, or the others where there are none, and whose they are (RFC 7170 section 4.2.3).
func (i *teapInside) credentials(asked teap.Identity) (credentials, teap.Identity) {
	who, as := i.peer.cfg.credentials(), teap.User
	if machine := i.peer.cfg.Machine; machine != nil && (asked == teap.Machine || i.peer.cfg.NoUser) {
		who, as = machine.credentials(), teap.Machine
	}
	if asked == teap.Any {
		as = teap.Any
	}
	return who, as
}

func teapReason(code uint32) string {
	switch code {
	case teap.ErrorUserPassword, teap.ErrorMachinePassword:
		return "server refuses the password inside the tunnel"
	case 0:
		return "server refuses the user inside the tunnel"
	}
	return fmt.Sprintf("server refuses the user inside the tunnel: TEAP error %d", code)
}

func (i *teapInside) succeeded() bool { return i.agreed }

func (i *teapInside) failure() string {
	if reason, _ := i.eap.failure(); reason != "" {
		return reason
	}
	return i.reason
}

func (i *teapInside) keys() (msk, emsk []byte) { return i.compound.Session() }

func (i *teapInside) close() { i.eap.close() }
