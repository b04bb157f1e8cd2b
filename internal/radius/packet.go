// Package radius adds to layeh.com/radius what a server, a NAS and a dynamic-authorization client need and it
// lacks: datagrams with padding, Message-Authenticator, authenticators from a given source of randomness,
// verification of requests and replies, the EAP, key and tunnel attributes with explicit salts and tags, a
// duplicate cache, and names for traces. Packets and attribute lists are layeh's own types, and its rfc2865,
// rfc2866, rfc2869 … packages read and write the plain attributes.
//
// A client makes a request with [NewRequest], adds attributes, signs it with [EncodeRequest] and checks the answer
// with [ParseReply]. A server reads with [ParseRequest], answers with [NewReply] and [EncodeReply].
//
// Nothing here reads a clock or a random source of its own, or keeps state, except [DuplicateCache], which is told
// the time.
package radius

import (
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"
	"io"

	lr "layeh.com/radius"
)

// Bounds of a RADIUS packet in octets (RFC 2865 section 3).
const (
	MinLength = 20
	MaxLength = 4096
)

// ErrMalformed is wrapped by every error about a datagram that is not a RADIUS packet.
var ErrMalformed = errors.New("radius: malformed packet")

// Trim returns the packet at the start of a datagram without the padding after it (RFC 2865 section 3). The
// result aliases b.
func Trim(b []byte) ([]byte, error) {
	if len(b) < MinLength {
		return nil, fmt.Errorf("%w: %d octets, at least %d", ErrMalformed, len(b), MinLength)
	}
	n := int(binary.BigEndian.Uint16(b[2:]))
	switch {
	case n < MinLength || n > MaxLength:
		return nil, fmt.Errorf("%w: length field %d, must be %d to %d", ErrMalformed, n, MinLength, MaxLength)
	case n > len(b):
		return nil, fmt.Errorf("%w: length field %d, but only %d octets are there", ErrMalformed, n, len(b))
	}
	return b[:n:n], nil
}

// Parse reads a datagram without verifying anything; for traces and decoders. The packet keeps no part of b.
func Parse(b, secret []byte) (*lr.Packet, error) {
	b, err := Trim(b)
	if err != nil {
		return nil, err
	}
	attrs, err := parseAttributes(bytes.Clone(b[MinLength:]))
	if err != nil {
		return nil, err
	}
	p := &lr.Packet{Code: lr.Code(b[0]), Identifier: b[1], Secret: secret, Attributes: attrs}
	copy(p.Authenticator[:], b[4:])
	return p, nil
}

// parseAttributes reads attributes that alias b. Unlike lr.ParseAttributes it does not allocate for each of them.
func parseAttributes(b []byte) (lr.Attributes, error) {
	n := 0
	for rest := b; len(rest) > 0; rest = rest[rest[1]:] {
		if len(rest) < 2 || rest[1] < 2 || int(rest[1]) > len(rest) {
			return nil, fmt.Errorf("%w: attribute at octet %d runs out of the packet", ErrMalformed, MinLength+len(b)-len(rest))
		}
		n++
	}
	values, attrs := make([]lr.AVP, n), make(lr.Attributes, n)
	for i := range values {
		values[i].Type = lr.Type(b[0])
		if b[1] > 2 { // an empty value is nil, as layeh has it
			values[i].Attribute = b[2:b[1]:b[1]]
		}
		attrs[i] = &values[i]
		b = b[b[1]:]
	}
	return attrs, nil
}

// CodeName is the name of a packet code, for example "Access-Request" or "CoA-NAK".
func CodeName(c lr.Code) string { return c.String() }

// NewRequest returns a request without attributes. Access-Request and Status-Server get an authenticator of 16
// octets read from rand; the authenticator of the others is computed by [EncodeRequest], and rand may be nil.
func NewRequest(code lr.Code, identifier byte, secret []byte, rand io.Reader) (*lr.Packet, error) {
	p := &lr.Packet{Code: code, Identifier: identifier, Secret: secret}
	if randomAuthenticator(code) {
		if _, err := io.ReadFull(rand, p.Authenticator[:]); err != nil {
			return nil, fmt.Errorf("radius: no randomness for the request authenticator: %w", err)
		}
	}
	return p, nil
}

// NewReply returns the reply to a request, with its identifier, its authenticator (which hides attributes and is
// replaced when the reply is encoded) and its Proxy-State attributes in their order (RFC 2865 section 5.33).
func NewReply(request *lr.Packet, code lr.Code) *lr.Packet {
	reply := request.Response(code)
	for _, a := range request.Attributes {
		if a.Type == typeProxyState {
			reply.Add(typeProxyState, a.Attribute)
		}
	}
	return reply
}

// randomAuthenticator tells the requests whose authenticator is a nonce from those where it is a signature.
func randomAuthenticator(code lr.Code) bool {
	return code == lr.CodeAccessRequest || code == lr.CodeStatusServer
}

// isRequest tells requests from replies.
func isRequest(code lr.Code) bool {
	switch code {
	case lr.CodeAccessRequest, lr.CodeStatusServer, lr.CodeAccountingRequest, lr.CodeCoARequest, lr.CodeDisconnectRequest:
		return true
	}
	return false
}

// Answers reports whether a reply of one code can follow a request of another.
func Answers(request, reply lr.Code) bool {
	switch request {
	case lr.CodeAccessRequest:
		return reply == lr.CodeAccessAccept || reply == lr.CodeAccessReject || reply == lr.CodeAccessChallenge
	case lr.CodeAccountingRequest:
		return reply == lr.CodeAccountingResponse
	case lr.CodeStatusServer: // RFC 5997 section 4.1: on a port for both, either may come
		return reply == lr.CodeAccessAccept || reply == lr.CodeAccountingResponse
	case lr.CodeCoARequest:
		return reply == lr.CodeCoAACK || reply == lr.CodeCoANAK
	case lr.CodeDisconnectRequest:
		return reply == lr.CodeDisconnectACK || reply == lr.CodeDisconnectNAK
	}
	return false
}
