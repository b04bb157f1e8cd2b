package eappeer

import (
	"encoding/binary"
	"errors"

	"nacsim/internal/eap"
)

// An exchange is EAP above packets and below methods (RFC 3748 section 5): it answers Identity and Notification, and
// refuses every method but its own. The conversation with the authenticator is one, and so is that inside a tunnel.
type exchange struct {
	identity string
	want     eap.Type
	expanded bool // refuse expanded types with an expanded NAK
	begin    func() method

	method  method // nil before its first request
	engaged bool   // it has answered, and has not been asked for the identity since
}

// A method is one run of an authentication method, as the client plays it.
type method interface {
	// respond answers the data of a request. Without ok the request is silently discarded.
	respond(id uint8, data []byte) (response []byte, ok bool)
	// succeeded reports whether the method may be believed to have succeeded once the server says so.
	succeeded() bool
	// keys are the Master Session Key and its extension after success, or nil what the method does not make.
	keys() (msk, emsk []byte, err error)
	// failure says why the method has failed, as far as this side knows. Final tells that there is no use in
	// waiting for the server's verdict.
	failure() (reason string, final bool)
	close()
}

// starts reports whether a request begins its method anew.
func starts(typ eap.Type, data []byte) bool {
	switch typ {
	case eap.TypeTLS, eap.TypeTTLS, eap.TypePEAP, eap.TypeTEAP:
		_, start := eap.IsStart(data)
		return start
	case eap.TypeMSCHAPv2:
		return len(data) > 0 && data[0] == 1 // Challenge
	}
	return true
}

// respond answers a request. Without ok it is silently discarded.
func (e *exchange) respond(q eap.Packet) (typ eap.Type, data []byte, ok bool) {
	switch q.Type {
	case 0: // reserved, and no method that is wanted
		return 0, nil, false
	case eap.TypeIdentity:
		e.engaged = false
		return eap.TypeIdentity, []byte(e.identity), true
	case eap.TypeNotification:
		return eap.TypeNotification, nil, true
	case e.want:
		if starts(q.Type, q.Data) {
			e.close()
			e.method = e.begin()
		}
		if e.method == nil {
			return 0, nil, false
		}
		data, ok = e.method.respond(q.ID, q.Data)
		e.engaged = e.engaged || ok
		return q.Type, data, ok
	}
	if e.engaged {
		return 0, nil, false // RFC 3748 section 2.1: one method, to its end
	}
	return e.refuse(q.Type)
}

// refuse is the NAK that names the method wanted (RFC 3748 sections 5.3.1 and 5.3.2).
func (e *exchange) refuse(typ eap.Type) (eap.Type, []byte, bool) {
	if typ != eap.TypeExpanded || !e.expanded {
		return eap.TypeLegacyNAK, []byte{byte(e.want)}, true
	}
	nak := []byte{0, 0, 0, 0, 0, 0, byte(eap.TypeLegacyNAK)} // vendor IETF, type
	nak = append(nak, byte(eap.TypeExpanded), 0, 0, 0)
	return eap.TypeExpanded, binary.BigEndian.AppendUint32(nak, uint32(e.want)), true
}

func (e *exchange) succeeded() bool { return e.method != nil && e.method.succeeded() }

func (e *exchange) failure() (reason string, final bool) {
	if e.method == nil {
		return "", false
	}
	return e.method.failure()
}

// aborted is the error with which the method has given up, or nil.
func (e *exchange) aborted() error {
	if reason, final := e.failure(); final {
		return errors.New(reason)
	}
	return nil
}

func (e *exchange) close() {
	if e.method != nil {
		e.method.close()
	}
	e.method, e.engaged = nil, false
}
