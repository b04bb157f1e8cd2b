package radsec

import (
	"encoding/binary"
	"fmt"

	"nacsim/internal/radius"

	lr "layeh.com/radius"
	"layeh.com/radius/rfc2865"
	"layeh.com/radius/rfc2868"
	"layeh.com/radius/rfc2869"
)

// A RADIUS/1.1 packet has the Token in the four octets after Length and nothing else in the header: no Identifier and
// no Authenticator (RFC 9765 section 4.1).
const tokenAt = 4

func tokenOf(b []byte) uint32 { return binary.BigEndian.Uint32(b[tokenAt:]) }

// encode11 writes a packet of RADIUS/1.1: the attributes of p without Message-Authenticator (RFC 9765 section 5.2) and
// with those that are hidden by authenticator, the Request Authenticator, in clear (section 5.1).
func encode11(p *lr.Packet, token uint32, authenticator [16]byte) ([]byte, error) {
	attrs, err := translate(p.Attributes, cipher{secret: p.Secret, authenticator: authenticator}.reveal)
	if err != nil {
		return nil, err
	}
	b := make([]byte, radius.MinLength, 256)
	b[0] = byte(p.Code)
	binary.BigEndian.PutUint32(b[tokenAt:], token)
	for _, a := range attrs {
		if a.Type == rfc2869.MessageAuthenticator_Type {
			continue
		}
		if len(a.Attribute) > 253 {
			return nil, fmt.Errorf("radsec: attribute %d of %d octets, at most 253", a.Type, len(a.Attribute))
		}
		b = append(b, byte(a.Type), byte(2+len(a.Attribute)))
		b = append(b, a.Attribute...)
	}
	if len(b) > radius.MaxLength {
		return nil, fmt.Errorf("radsec: packet of %d octets, at most %d", len(b), radius.MaxLength)
	}
	binary.BigEndian.PutUint16(b[2:], uint16(len(b)))
	return b, nil
}

// decode11 reads a packet of RADIUS/1.1 as one of RADIUS/1.0 with the given authenticator, which hides what is to be
// hidden. A Message-Authenticator has no meaning here and is left out (RFC 9765 section 5.2).
func decode11(b []byte, authenticator [16]byte) (*lr.Packet, error) {
	p, err := radius.Parse(b, []byte(Secret))
	if err != nil {
		return nil, err
	}
	p.Identifier, p.Authenticator = 0, authenticator
	p.Attributes, err = translate(p.Attributes, cipher{secret: p.Secret, authenticator: authenticator}.hide)
	p.Del(rfc2869.MessageAuthenticator_Type)
	return p, err
}

// hiding is how RADIUS/1.0 hides a value.
type hiding uint8

const (
	passwordHiding hiding = iota + 1 // RFC 2865 section 5.2
	saltedHiding                     // RFC 2868 section 3.5, RFC 2548 section 2.4.2
)

// Microsoft's keys (RFC 2548 section 2.4).
const (
	msCHAPMPPEKeys = 12
	msMPPESendKey  = 16
	msMPPERecvKey  = 17
)

// translate returns the attributes with f applied to the values that RADIUS/1.0 hides. The others are shared.
func translate(attrs lr.Attributes, f func(hiding, []byte) ([]byte, error)) (lr.Attributes, error) {
	out := make(lr.Attributes, 0, len(attrs))
	for _, a := range attrs {
		v, err := translateValue(a, f)
		if err != nil {
			return nil, fmt.Errorf("radsec: %s: %w", radius.AttributeName(a.Type), err)
		}
		out = append(out, &lr.AVP{Type: a.Type, Attribute: v})
	}
	return out, nil
}

func translateValue(a *lr.AVP, f func(hiding, []byte) ([]byte, error)) ([]byte, error) {
	v := a.Attribute
	switch a.Type {
	case rfc2865.UserPassword_Type:
		return f(passwordHiding, v)
	case rfc2868.TunnelPassword_Type:
		if len(v) == 0 {
			return v, nil
		}
		rest, err := f(saltedHiding, v[1:])
		return append([]byte{v[0]}, rest...), err
	case rfc2865.VendorSpecific_Type:
		if len(v) >= 6 && binary.BigEndian.Uint32(v) == radius.VendorMicrosoft {
			return translateMicrosoft(v, f)
		}
	}
	return v, nil
}

// translateMicrosoft translates the keys among the attributes in one of Microsoft's. What is no list of attributes is
// passed on as it is.
func translateMicrosoft(v []byte, f func(hiding, []byte) ([]byte, error)) ([]byte, error) {
	for b := v[4:]; len(b) > 0; b = b[b[1]:] {
		if len(b) < 2 || b[1] < 2 || int(b[1]) > len(b) {
			return v, nil
		}
	}
	out := append([]byte(nil), v[:4]...)
	for b := v[4:]; len(b) > 0; b = b[b[1]:] {
		value, how := b[2:b[1]], hiding(0)
		switch b[0] {
		case msCHAPMPPEKeys:
			how = passwordHiding
		case msMPPESendKey, msMPPERecvKey:
			how = saltedHiding
		}
		if how != 0 {
			var err error
			if value, err = f(how, value); err != nil {
				return nil, err
			}
		}
		out = append(out, b[0], byte(2+len(value)))
		out = append(out, value...)
	}
	if len(out) > 253 {
		return nil, fmt.Errorf("%d octets, at most 253", len(out))
	}
	return out, nil
}

// A cipher hides and reveals values with the Request Authenticator.
type cipher struct {
	secret        []byte
	authenticator [16]byte
}

func (c cipher) reveal(how hiding, v []byte) ([]byte, error) {
	if how == passwordHiding {
		return lr.UserPassword(v, c.secret, c.authenticator[:])
	}
	clear, _, err := lr.TunnelPassword(v, c.secret, c.authenticator[:])
	return clear, err
}

// hide hides a value. A salt need not be random where nobody sees the result; it differs with the value.
func (c cipher) hide(how hiding, v []byte) ([]byte, error) {
	if how == passwordHiding {
		return lr.NewUserPassword(v, c.secret, c.authenticator[:])
	}
	salt := [2]byte{0x80 | byte(len(v))}
	for _, x := range v {
		salt[1] = salt[1]*31 + x
	}
	return lr.NewTunnelPassword(v, salt[:], c.secret, c.authenticator[:])
}
