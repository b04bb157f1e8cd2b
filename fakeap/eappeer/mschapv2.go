package eappeer

import (
	"errors"
	"io"
	"strconv"
	"strings"

	"nacsim/internal/mschap"
)

// errNotProven ends an authentication in which the server accepts a password that it does not know (RFC 2759 section
// 5: "the peer MUST disconnect").
var errNotProven = errors.New("server does not prove that it knows the password")

// mschapv2 is MS-CHAP-V2 as the client plays it (RFC 2759), wherever its octets are carried.
type mschapv2 struct {
	user, password string

	expected string // the server's authenticator response
	key      [mschap.KeyLen]byte
	proven   bool
}

// respond computes the response to a challenge.
func (m *mschapv2) respond(authenticator [16]byte, rand io.Reader) (challenge [16]byte, response [24]byte, err error) {
	if _, err := io.ReadFull(rand, challenge[:]); err != nil {
		return challenge, response, err
	}
	hash, user := mschap.NTHash([]byte(m.password)), mschap.UserName(m.user)
	response = mschap.ResponseV2(authenticator, challenge, user, hash)
	m.expected = mschap.AuthenticatorResponse(authenticator, challenge, user, hash, response)
	m.key, m.proven = mschap.MSK(hash, response), false
	return challenge, response, nil
}

// verify checks the message of a Success packet, "S=" and 40 digits, and perhaps " M=" and a text.
func (m *mschapv2) verify(message string) error {
	n := len(m.expected)
	if n == 0 || len(message) < n || !strings.EqualFold(message[:n], m.expected) {
		return errNotProven
	}
	m.proven = true
	return nil
}

// refusal says what an MS-CHAP error message means.
func refusal(message string) string {
	r, err := mschap.ParseRefusal(message)
	if err != nil {
		return "server refuses the password"
	}
	switch r.Code {
	case mschap.AuthenticationFailure:
		return "server refuses the password: MS-CHAP error 691, authentication failure"
	case mschap.RestrictedLogonHours:
		return "server refuses the user: MS-CHAP error 646, restricted logon hours"
	case mschap.AccountDisabled:
		return "server refuses the user: MS-CHAP error 647, account disabled"
	case mschap.PasswordExpired:
		return "server refuses the password: MS-CHAP error 648, password expired"
	case mschap.NoDialinPermission:
		return "server refuses the user: MS-CHAP error 649, no dial-in permission"
	}
	return "server refuses the password: MS-CHAP error " + strconv.Itoa(r.Code)
}

// mschapv2Method is EAP-MSCHAPv2 (draft-kamath-pppext-eap-mschapv2).
type mschapv2Method struct {
	mschapv2
	rand   io.Reader
	reason string
	final  bool
}

func (m *mschapv2Method) respond(_ uint8, data []byte) ([]byte, bool) {
	p, err := mschap.ParsePacket(data)
	if err != nil || p.Answer {
		return nil, false
	}
	switch p.Op {
	case mschap.OpChallenge:
		r := mschap.Packet{Op: mschap.OpResponse, ID: p.ID, Name: m.user}
		if r.Challenge, r.Response, err = m.mschapv2.respond(p.Challenge, m.rand); err != nil {
			m.reason, m.final = "no randomness for MS-CHAP-V2: "+err.Error(), true
			return nil, false
		}
		return r.Append(nil), true
	case mschap.OpSuccess:
		if err := m.verify(p.Message); err != nil {
			m.reason, m.final = err.Error(), true
			return nil, false
		}
	case mschap.OpFailure:
		// A retry with the same password is no use, and there is nobody to ask for another.
		m.proven, m.reason = false, refusal(p.Message)
	default:
		return nil, false
	}
	return mschap.Packet{Op: p.Op, Answer: true}.Append(nil), true
}

func (m *mschapv2Method) succeeded() bool { return m.proven }

func (m *mschapv2Method) keys() (msk, emsk []byte, err error) { return m.key[:], nil, nil }

func (m *mschapv2Method) failure() (string, bool) { return m.reason, m.final }

func (m *mschapv2Method) close() {}
