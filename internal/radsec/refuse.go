package radsec

import (
	"errors"

	"nacsim/internal/radius"

	lr "layeh.com/radius"
)

// Check verifies a request as far as RFC 6613 section 2.6.4 wants it: the error, if there is one, is for a [Handler] to
// return, and ends the connection. A code that nobody knows is no reason for that.
func Check(request []byte) error {
	_, err := radius.ParseRequest(request, []byte(Secret), false)
	if errors.Is(err, radius.ErrBadAuthenticator) || errors.Is(err, radius.ErrBadMessageAuthenticator) {
		return &Error{BadAuthenticator, err}
	}
	return nil
}

// Refuse returns the reply of an end that takes no dynamic authorization: a NAK with the Error-Cause 406 (RFC 6614
// section 2.5), or nil for a request of another kind.
func Refuse(request []byte) (nak []byte, err error) {
	if err := Check(request); err != nil {
		return nil, err
	}
	p, err := radius.ParseRequest(request, []byte(Secret), false)
	if err != nil || p.Code != lr.CodeCoARequest && p.Code != lr.CodeDisconnectRequest {
		return nil, nil
	}
	reply := radius.NewReply(p, p.Code+2) // the code of the NAK: RFC 5176 section 2.3
	radius.SetErrorCause(reply, radius.UnsupportedExtension)
	return radius.EncodeReply(reply)
}
