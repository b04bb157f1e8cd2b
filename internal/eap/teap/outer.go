package teap

import (
	"encoding/binary"
	"fmt"
)

// The bits of the flags octet that opens the data of a TEAP packet (RFC 7170 section 4.1); the others are those of all
// methods over TLS.
const (
	flagLength  = 0x80
	flagStart   = 0x20
	flagOuter   = 0x10 // an Outer TLV Length follows
	versionMask = 0x07
)

// maxOuter bounds the outer TLVs, in octets.
const maxOuter = 1024

// Start is the data of the server's first Request, with its outer TLVs.
func Start(outer []byte) []byte {
	b := append(make([]byte, 0, 5+len(outer)), flagStart|flagOuter|Version)
	b = binary.BigEndian.AppendUint32(b, uint32(len(outer)))
	return append(b, outer...)
}

// SplitOuter takes the outer TLVs out of the data of either side's first packet, and returns the data without them, and
// the version it has. The outer TLVs stand at the end of the packet.
func SplitOuter(data []byte) (rest, outer []byte, version byte, err error) {
	if len(data) == 0 {
		return nil, nil, 0, fmt.Errorf("%w: no flags octet", ErrMalformed)
	}
	flags := data[0]
	version = flags & versionMask
	if flags&flagOuter == 0 {
		return data, nil, version, nil
	}
	at := 1 // of the Outer TLV Length
	if flags&flagLength != 0 {
		at += 4
	}
	if len(data) < at+4 {
		return nil, nil, version, fmt.Errorf("%w: O flag without a length", ErrMalformed)
	}
	n := binary.BigEndian.Uint32(data[at:])
	body := data[at+4:]
	if n > maxOuter || int(n) > len(body) {
		return nil, nil, version, fmt.Errorf("%w: outer TLVs of %d octets, %d are there", ErrMalformed, n, len(body))
	}
	split := len(body) - int(n)
	outer = body[split:]
	if _, err := Parse(outer); err != nil {
		return nil, nil, version, err
	}
	rest = append(make([]byte, 0, at+split), flags&^flagOuter)
	if flags&flagLength != 0 {
		total := binary.BigEndian.Uint32(data[1:])
		if total < n+4 {
			return nil, nil, version, fmt.Errorf("%w: message length %d with outer TLVs of %d", ErrMalformed, total, n)
		}
		rest = binary.BigEndian.AppendUint32(rest, total-n-4)
	}
	return append(rest, body[:split]...), outer, version, nil
}
