package radsec

import (
	"bufio"
	"bytes"
	"errors"
	"io"
	"testing"
	"testing/iotest"

	"nacsim/internal/radius"

	lr "layeh.com/radius"
)

// FuzzFrames: whatever a stream holds, and in whatever pieces it comes, packets come out whole and in order until
// something is no packet.
func FuzzFrames(f *testing.F) {
	f.Add([]byte{})
	f.Add([]byte("\x01\x00\x00\x14aaaaaaaaaaaaaaaa\x02\x07\x00\x17bbbbbbbbbbbbbbbb\x01\x03x\x03\x00\x00\x13"))
	f.Add([]byte("\x01\x00\x00\x16aaaaaaaaaaaaaaaa\x01\x00"))
	f.Add(append([]byte{2, 0, 0x10, 0}, make([]byte, 4092)...))
	f.Fuzz(func(t *testing.T, stream []byte) {
		var got []byte
		frames := newFrames(bufio.NewReaderSize(iotest.OneByteReader(bytes.NewReader(stream)), frameRoom))
		for {
			b, err := frames.next()
			if err == nil {
				if _, err := radius.Parse(b, nil); err != nil || int(b[2])<<8|int(b[3]) != len(b) {
					t.Fatalf("packet %x: %v", b, err)
				}
				got = append(got, b...)
				continue
			}
			if !errors.Is(err, errMalformed) && !errors.Is(err, io.EOF) {
				t.Fatal(err)
			}
			if !bytes.HasPrefix(stream, got) {
				t.Fatalf("%x became %x", stream, got)
			}
			return
		}
	})
}

// FuzzVersion11: what a peer sends in RADIUS/1.1 becomes a packet of RADIUS/1.0 and back without change, except for
// what has no place there.
func FuzzVersion11(f *testing.F) {
	header := "\x01\x00\x00\x00\x00\x00\x00\x07\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00"
	f.Add([]byte(header + "\x02\x08secret\x50\x12aaaaaaaaaaaaaaaa"))
	f.Add([]byte(header + "\x45\x06\x01key\x1a\x0e\x00\x00\x01\x37\x10\x08\x00\x01\x02\x03\x04\x05"))
	f.Add([]byte(header + "\x1a\x0c\x00\x00\x01\x37\x0c\x06abcd\x1a\x09\x00\x00\x01\x37\x10\x09x"))
	f.Fuzz(func(t *testing.T, b []byte) {
		if len(b) < radius.MinLength || len(b) > radius.MaxLength {
			return
		}
		b[2], b[3] = byte(len(b)>>8), byte(len(b))
		n := newNonces("test").nonce(tokenOf(b))
		p, err := decode11(b, n)
		if err != nil {
			return
		}
		back, err := encode11(p, tokenOf(b), n)
		if err != nil {
			t.Fatalf("%x is read and cannot be written: %v", b, err)
		}
		q, err := decode11(back, n)
		if err != nil {
			t.Fatalf("%x came back as %x: %v", b, back, err)
		}
		// Once is not enough: RADIUS/1.0 cuts a password at its first zero.
		again, err := encode11(q, tokenOf(b), n)
		if err != nil || !bytes.Equal(again, back) {
			t.Fatalf("%x came back as %x and %x: %v", b, back, again, err)
		}
		if p.Code == lr.CodeAccessRequest {
			if _, err := radius.EncodeRequest(p); err != nil && len(b) < 3000 {
				t.Fatal(err)
			}
		}
	})
}
