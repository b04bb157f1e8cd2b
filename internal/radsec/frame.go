package radsec

import (
	"bufio"
	"encoding/binary"
	"errors"
	"fmt"

	"nacsim/internal/radius"
)

// errMalformed is wrapped by the errors about octets that are not a RADIUS packet.
var errMalformed = errors.New("not a RADIUS packet")

// frames takes packets out of a stream by their Length (RFC 6613 section 2.6.4). After a time-out of the stream next
// may be called again: nothing is lost.
type frames struct {
	r    *bufio.Reader
	skip int // octets of the last packet
}

func newFrames(r *bufio.Reader) *frames { return &frames{r: r} }

// frameRoom is how large the reader of frames must be.
const frameRoom = radius.MaxLength

// next returns the next packet, which is valid until the following call. An error that wraps errMalformed is the end:
// where the next packet begins is not known.
func (f *frames) next() ([]byte, error) {
	if _, err := f.r.Discard(f.skip); err != nil {
		return nil, err
	}
	f.skip = 0
	head, err := f.r.Peek(4)
	if err != nil {
		return nil, err
	}
	length := int(binary.BigEndian.Uint16(head[2:]))
	if length < radius.MinLength || length > radius.MaxLength {
		return nil, fmt.Errorf("%w: its Length is %d, from %d to %d octets are possible", errMalformed, length, radius.MinLength, radius.MaxLength)
	}
	b, err := f.r.Peek(length)
	if err != nil {
		return nil, err
	}
	f.skip = length
	return b, checkAttributes(b)
}

// checkAttributes makes sure that the attributes fill the packet exactly.
func checkAttributes(b []byte) error {
	for i := radius.MinLength; i < len(b); {
		if i+2 > len(b) || b[i+1] < 2 || i+int(b[i+1]) > len(b) {
			return fmt.Errorf("%w: attribute at octet %d runs out of it or has no length", errMalformed, i)
		}
		i += int(b[i+1])
	}
	return nil
}
