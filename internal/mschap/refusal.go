package mschap

import (
	"encoding/hex"
	"errors"
	"fmt"
	"strconv"
	"strings"
)

// The error codes of RFC 2759 section 6.
const (
	RestrictedLogonHours  = 646
	AccountDisabled       = 647
	PasswordExpired       = 648
	NoDialinPermission    = 649
	AuthenticationFailure = 691
	ChangingPassword      = 709
)

// A Refusal is the message of an MS-CHAP-V2 Failure packet, and of the MS-CHAP-Error attribute (RFC 2759 section 6, RFC
// 2548 section 2.1.5), for example "E=691 R=0 C=00112233445566778899AABBCCDDEEFF V=3 M=Authentication failed".
type Refusal struct {
	Code      int      // E
	Retry     bool     // R: the client may try again, with Challenge
	Challenge [16]byte // C
	Version   int      // V: 3 for MS-CHAP-V2
	Message   string   // M: for the user
}

// String is the message on the wire.
func (r Refusal) String() string {
	retry := 0
	if r.Retry {
		retry = 1
	}
	s := fmt.Sprintf("E=%d R=%d C=%X V=%d", r.Code, retry, r.Challenge, r.Version)
	if r.Message != "" {
		s += " M=" + r.Message
	}
	return s
}

// ErrRefusal is returned for a message without the form of RFC 2759 section 6.
var ErrRefusal = errors.New("mschap: malformed failure message")

// ParseRefusal reads the message. Only E is required: servers leave out the others.
func ParseRefusal(message string) (Refusal, error) {
	var r Refusal
	fields, text, _ := strings.Cut(message, " M=")
	r.Message = text
	seen := false
	for f := range strings.FieldsSeq(fields) {
		key, value, ok := strings.Cut(f, "=")
		if !ok {
			return Refusal{}, fmt.Errorf("%w: %.64q", ErrRefusal, f)
		}
		if err := r.set(key, value); err != nil {
			return Refusal{}, err
		}
		seen = seen || key == "E"
	}
	if !seen {
		return Refusal{}, fmt.Errorf("%w: no error code", ErrRefusal)
	}
	return r, nil
}

func (r *Refusal) set(key, value string) (err error) {
	switch key {
	case "E":
		r.Code, err = strconv.Atoi(value)
	case "V":
		r.Version, err = strconv.Atoi(value)
	case "R":
		r.Retry = value == "1"
	case "C":
		if len(value) != 2*len(r.Challenge) {
			return fmt.Errorf("%w: challenge of %d digits", ErrRefusal, len(value))
		}
		_, err = hex.Decode(r.Challenge[:], []byte(value))
	}
	if err != nil {
		return fmt.Errorf("%w: %s=%.64q", ErrRefusal, key, value)
	}
	return nil
}
