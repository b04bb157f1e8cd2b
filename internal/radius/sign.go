package radius

import (
	"crypto/hmac"
	"crypto/md5"
	"encoding/binary"
	"errors"
	"fmt"

	lr "layeh.com/radius"
)

// Why a packet is not authentic. Errors of the verifying functions wrap one of them or [ErrMalformed].
var (
	ErrNoMessageAuthenticator  = errors.New("radius: no Message-Authenticator")
	ErrBadMessageAuthenticator = errors.New("radius: wrong Message-Authenticator (wrong shared secret?)")
	ErrBadAuthenticator        = errors.New("radius: wrong authenticator (wrong shared secret?)")
	ErrNotRequested            = errors.New("radius: reply to another request")
	ErrCode                    = errors.New("radius: unexpected code")
)

// messageAuthenticatorLen is the length of the attribute, with its header.
const messageAuthenticatorLen = 2 + md5.Size

// EncodeRequest returns the signed wire form of a request: Message-Authenticator is the first attribute
// (RFC 3579 section 3.2), and for accounting and dynamic authorization the Request Authenticator is computed
// (RFC 2866 section 3, RFC 5176 section 2.3) and stored in p. Accounting-Request has no Message-Authenticator, as its
// authenticator signs it already, and network devices send none.
func EncodeRequest(p *lr.Packet) ([]byte, error) {
	if !isRequest(p.Code) {
		return nil, fmt.Errorf("%w %s in a request", ErrCode, CodeName(p.Code))
	}
	if !randomAuthenticator(p.Code) {
		p.Authenticator = [16]byte{}
	}
	b, err := marshal(p)
	if err != nil {
		return nil, err
	}
	if signsMessage(p.Code) {
		signMessage(b, p.Secret)
	}
	if !randomAuthenticator(p.Code) {
		p.Authenticator = digest(b, p.Authenticator[:], p.Secret)
		copy(b[4:], p.Authenticator[:])
	}
	return b, nil
}

// EncodeReply returns the signed wire form of a reply made by [NewReply], whose Authenticator is still that of
// the request: Message-Authenticator first, computed over the Request Authenticator, then the Response
// Authenticator over everything.
//
// Accounting-Response has no Message-Authenticator: no RFC says over which authenticator it would be computed, and
// FreeRADIUS, which takes zeros, drops one computed as for the other replies.
func EncodeReply(p *lr.Packet) ([]byte, error) {
	if isRequest(p.Code) {
		return nil, fmt.Errorf("%w %s in a reply", ErrCode, CodeName(p.Code))
	}
	b, err := marshal(p)
	if err != nil {
		return nil, err
	}
	if signsMessage(p.Code) {
		signMessage(b, p.Secret)
	}
	sum := digest(b, p.Authenticator[:], p.Secret)
	copy(b[4:], sum[:])
	return b, nil
}

// marshal writes the packet with room for a Message-Authenticator in front, if the code has one, and without any
// other.
func marshal(p *lr.Packet) ([]byte, error) {
	if len(p.Secret) == 0 {
		return nil, errors.New("radius: empty shared secret")
	}
	n := MinLength
	if signsMessage(p.Code) {
		n += messageAuthenticatorLen
	}
	for _, a := range p.Attributes {
		if a.Type < 0 || a.Type > 255 || len(a.Attribute) > 253 {
			return nil, fmt.Errorf("radius: attribute %d of %d octets cannot be encoded", a.Type, len(a.Attribute))
		}
		if a.Type != typeMessageAuthenticator {
			n += 2 + len(a.Attribute)
		}
	}
	if n > MaxLength {
		return nil, fmt.Errorf("radius: %s of %d octets, at most %d", CodeName(p.Code), n, MaxLength)
	}
	b := make([]byte, MinLength, n)
	b[0], b[1] = byte(p.Code), p.Identifier
	binary.BigEndian.PutUint16(b[2:], uint16(n))
	copy(b[4:], p.Authenticator[:])
	if signsMessage(p.Code) {
		b = append(b, byte(typeMessageAuthenticator), messageAuthenticatorLen)
		b = append(b, zeros[:]...)
	}
	for _, a := range p.Attributes {
		if a.Type != typeMessageAuthenticator {
			b = append(b, byte(a.Type), byte(2+len(a.Attribute)))
			b = append(b, a.Attribute...)
		}
	}
	return b, nil
}

// signsMessage reports whether packets with the code carry a Message-Authenticator when they are made here.
func signsMessage(code lr.Code) bool {
	return code != lr.CodeAccountingRequest && code != lr.CodeAccountingResponse
}

// signMessage fills in the Message-Authenticator that marshal left room for; the authenticator field holds
// what the sum is to be computed over.
func signMessage(b, secret []byte) {
	sum := hmacMD5(secret, b)
	copy(b[MinLength+2:], sum[:])
}

// hmacMD5 is HMAC-MD5 (RFC 2104) of a message in parts, MaxLength octets at most. Every packet needs it, and
// unlike crypto/hmac it does it on the stack.
func hmacMD5(secret []byte, message ...[]byte) [md5.Size]byte {
	var pad [md5.BlockSize]byte
	if len(secret) > len(pad) {
		sum := md5.Sum(secret)
		secret = sum[:]
	}
	copy(pad[:], secret)
	var room [md5.BlockSize + MaxLength]byte
	b := room[:0]
	for _, c := range pad {
		b = append(b, c^0x36)
	}
	for _, part := range message {
		b = append(b, part...)
	}
	inner := md5.Sum(b)
	b = room[:0]
	for _, c := range pad {
		b = append(b, c^0x5c)
	}
	return md5.Sum(append(b, inner[:]...))
}

// digest is the MD5 sum of a packet with another authenticator in place of its own, and the secret.
func digest(b, authenticator, secret []byte) (sum [16]byte) {
	var room [MaxLength + 256]byte // for secrets of the usual lengths; append takes more where it must
	c := append(room[:0], b[:4]...)
	c = append(c, authenticator...)
	c = append(c, b[MinLength:]...)
	return md5.Sum(append(c, secret...))
}

// findMessageAuthenticator returns the offset of the attribute's value in a trimmed packet, or 0. More than one
// is malformed.
func findMessageAuthenticator(b []byte) (at int, err error) {
	for i := MinLength; i < len(b); {
		if i+2 > len(b) || b[i+1] < 2 || i+int(b[i+1]) > len(b) {
			return 0, fmt.Errorf("%w: attribute at octet %d runs out of the packet", ErrMalformed, i)
		}
		if b[i] == byte(typeMessageAuthenticator) {
			if at != 0 || b[i+1] != messageAuthenticatorLen {
				return 0, fmt.Errorf("%w: Message-Authenticator is repeated or has a length of %d", ErrMalformed, b[i+1])
			}
			at = i + 2
		}
		i += int(b[i+1])
	}
	return at, nil
}

// verifyMessage checks the Message-Authenticator of a trimmed packet against another authenticator than its own,
// and reports whether there is one.
func verifyMessage(b, authenticator, secret []byte) (present bool, err error) {
	at, err := findMessageAuthenticator(b)
	if err != nil || at == 0 {
		return false, err
	}
	sum := hmacMD5(secret, b[:4], authenticator, b[MinLength:at], zeros[:], b[at+md5.Size:])
	if !hmac.Equal(sum[:], b[at:at+md5.Size]) {
		return true, ErrBadMessageAuthenticator
	}
	return true, nil
}

var zeros [16]byte

// ParseRequest reads and verifies a request from a datagram. A Message-Authenticator is checked wherever there is
// one, and must be there in Status-Server (RFC 5997 section 3), in an Access-Request with EAP-Message (RFC 3579
// section 3.2), and in any Access-Request or dynamic authorization request if requireMessageAuthenticator. It is
// not demanded of accounting, where NASes do not send it and the Request Authenticator already signs.
func ParseRequest(b, secret []byte, requireMessageAuthenticator bool) (*lr.Packet, error) {
	p, err := Parse(b, secret)
	if err != nil {
		return nil, err
	}
	if !isRequest(p.Code) {
		return nil, fmt.Errorf("%w %s in a request", ErrCode, CodeName(p.Code))
	}
	b = b[:binary.BigEndian.Uint16(b[2:])]
	over := p.Authenticator
	if !randomAuthenticator(p.Code) {
		over = zeros
		if sum := digest(b, zeros[:], secret); !hmac.Equal(sum[:], p.Authenticator[:]) {
			return nil, ErrBadAuthenticator
		}
	}
	present, err := verifyMessage(b, over[:], secret)
	if err != nil {
		return nil, err
	}
	if !present && needsMessageAuthenticator(p, requireMessageAuthenticator) {
		return nil, ErrNoMessageAuthenticator
	}
	return p, nil
}

func needsMessageAuthenticator(p *lr.Packet, require bool) bool {
	switch p.Code {
	case lr.CodeStatusServer:
		return true
	case lr.CodeAccountingRequest:
		return false
	case lr.CodeAccessRequest:
		if _, eap := p.Lookup(typeEAPMessage); eap {
			return true
		}
	}
	return require
}

// ParseReply reads and verifies the reply to a request, given by its identifier and authenticator as sent. A
// Message-Authenticator is checked wherever there is one, and must be there in a reply with EAP-Message and, if
// requireMessageAuthenticator, in every other. In Accounting-Response it is neither demanded nor looked at: see
// [EncodeReply].
func ParseReply(b []byte, request *lr.Packet, requireMessageAuthenticator bool) (*lr.Packet, error) {
	p, err := Parse(b, request.Secret)
	if err != nil {
		return nil, err
	}
	if isRequest(p.Code) {
		return nil, fmt.Errorf("%w %s in a reply", ErrCode, CodeName(p.Code))
	}
	if p.Identifier != request.Identifier {
		return nil, fmt.Errorf("%w: identifier %d, sent was %d", ErrNotRequested, p.Identifier, request.Identifier)
	}
	b = b[:binary.BigEndian.Uint16(b[2:])]
	if sum := digest(b, request.Authenticator[:], request.Secret); !hmac.Equal(sum[:], p.Authenticator[:]) {
		return nil, ErrBadAuthenticator
	}
	if !signsMessage(p.Code) {
		return p, nil
	}
	present, err := verifyMessage(b, request.Authenticator[:], request.Secret)
	if err != nil {
		return nil, err
	}
	if _, eap := p.Lookup(typeEAPMessage); !present && (eap || requireMessageAuthenticator) {
		return nil, ErrNoMessageAuthenticator
	}
	return p, nil
}
