package eap

import (
	"bytes"
	"errors"
	"fmt"
	"testing"
)

// transfer sends message from one framer to another as a server and a peer do, and returns what arrives and the
// number of packets.
func transfer(t *testing.T, from, to *Framer, message []byte) (got []byte, packets int) {
	t.Helper()
	from.Send(message)
	for from.Pending() {
		data, last := from.Next()
		packets++
		m, complete, err := to.Receive(data)
		if err != nil {
			t.Fatalf("packet %d: %v", packets, err)
		}
		if complete != last {
			t.Fatalf("packet %d: last is %v for the sender and %v for the receiver", packets, last, complete)
		}
		if complete {
			return m, packets
		}
		if m, complete, err := from.Receive(to.Ack()); err != nil || !complete || len(m) > 0 {
			t.Fatalf("sender takes the acknowledgement as %x %v %v", m, complete, err)
		}
	}
	return nil, packets
}

func TestFragmentation(t *testing.T) {
	for _, c := range []struct{ fragment, size, packets int }{
		{1398, 1, 1}, {1398, 1398, 1}, {1398, 1399, 2}, {64, 64, 1}, {64, 65, 2}, {64, 6400, 100}, {1, 65, 2}, {100, 0, 1},
	} {
		t.Run(fmt.Sprintf("%d octets in fragments of %d", c.size, c.fragment), func(t *testing.T) {
			message := make([]byte, c.size)
			for i := range message {
				message[i] = byte(i)
			}
			a, b := NewFramer(c.fragment), NewFramer(1000)
			for range 2 { // a framer is used again and again
				got, packets := transfer(t, a, b, message)
				if !bytes.Equal(got, message) {
					t.Errorf("got %d octets %x…, want %d", len(got), got[:min(8, len(got))], len(message))
				}
				if packets != c.packets {
					t.Errorf("%d packets, want %d", packets, c.packets)
				}
			}
		})
	}
}

// TestFirstFragmentDeclaresLength follows RFC 5216 section 3.1: L on the first fragment only, and not on a message
// in one piece.
func TestFirstFragmentDeclaresLength(t *testing.T) {
	f := NewFramer(64)
	f.Send(make([]byte, 150))
	var flags []byte
	for f.Pending() {
		data, _ := f.Next()
		flags = append(flags, data[0])
		if len(data) > 64+5 {
			t.Errorf("fragment of %d octets", len(data))
		}
	}
	if want := []byte{0xc0, 0x40, 0x00}; !bytes.Equal(flags, want) {
		t.Errorf("flags are %x, want %x", flags, want)
	}
	f.Send([]byte{1})
	if data, last := f.Next(); !last || !bytes.Equal(data, []byte{0, 1}) {
		t.Errorf("message in one piece is %x, last %v", data, last)
	}
	f.Version = 1
	if data := f.Start(); data[0] != 0x21 {
		t.Errorf("PEAPv1 Start is %x", data)
	}
	if v, ok := IsStart([]byte{0x21}); v != 1 || !ok {
		t.Errorf("IsStart gives version %d, %v", v, ok)
	}
}

// TestReceive goes through what peers send, well-formed and not.
func TestReceive(t *testing.T) {
	for _, c := range []struct {
		name    string
		packets []string // all but the last are fragments
		message string   // of the last
		err     error
	}{
		{"without L in one piece (wpa_supplicant)", []string{"00 aabb"}, "aabb", nil},
		{"with L in one piece (Windows)", []string{"80 00000002 aabb"}, "aabb", nil},
		{"fragments", []string{"c0 00000004 aa", "40 bb", "00 ccdd"}, "aabbccdd", nil},
		{"L on every fragment", []string{"c0 00000003 aa", "c0 00000003 bb", "80 00000003 cc"}, "aabbcc", nil},
		{"acknowledgement", []string{"00"}, "", nil},
		{"acknowledgement with L of zero", []string{"80 00000000"}, "", nil},
		{"reserved bits set", []string{"1f aabb"}, "aabb", nil},
		{"no flags", []string{""}, "", ErrFrame},
		{"L without a length", []string{"80 0000"}, "", ErrFrame},
		{"L of another length", []string{"80 00000003 aabb"}, "", ErrFrame},
		{"L and nothing", []string{"80 00000003"}, "", ErrFrame},
		{"M on an empty packet", []string{"40"}, "", ErrFrame},
		{"M and L on an empty packet", []string{"c0 00000005"}, "", ErrFrame},
		{"first fragment without L", []string{"40 aabb"}, "", ErrFrame},
		{"first fragment is all", []string{"c0 00000002 aabb"}, "", ErrFrame},
		{"fragments exceed the length", []string{"c0 00000003 aabb", "00 ccdd"}, "", ErrFrame},
		{"fragments fall short of the length", []string{"c0 00000005 aabb", "00 cc"}, "", ErrFrame},
		{"empty last fragment", []string{"c0 00000005 aabb", "00"}, "", ErrFrame},
		{"length changes", []string{"c0 00000005 aabb", "c0 00000006 cc"}, "", ErrFrame},
		{"M after the last octet", []string{"c0 00000003 aabb", "40 cc"}, "", ErrFrame},
		{"too long", []string{"c0 00010001 aabb"}, "", ErrTooLong},
		{"length of 4 GiB", []string{"c0 ffffffff aabb"}, "", ErrTooLong},
	} {
		t.Run(c.name, func(t *testing.T) {
			f := NewFramer(1000)
			last := len(c.packets) - 1
			for i, p := range c.packets[:last] {
				if _, complete, err := f.Receive(unhex(t, p)); err != nil || complete {
					t.Fatalf("fragment %d: complete %v, error %v", i, complete, err)
				}
				if !f.Receiving() {
					t.Fatalf("fragment %d: Receiving is false", i)
				}
			}
			m, complete, err := f.Receive(unhex(t, c.packets[last]))
			if !errors.Is(err, c.err) || err == nil && (!complete || !bytes.Equal(m, unhex(t, c.message))) {
				t.Errorf("got %x, complete %v, error %v; want %s, error %v", m, complete, err, c.message, c.err)
			}
		})
	}
}

func TestDataInsteadOfAcknowledgement(t *testing.T) {
	f := NewFramer(64)
	f.Send(make([]byte, 100))
	f.Next()
	if _, _, err := f.Receive([]byte{0, 1, 2}); !errors.Is(err, ErrSequence) {
		t.Errorf("got %v, want %v", err, ErrSequence)
	}
	if !f.Pending() {
		t.Error("the error lost the second fragment")
	}
}

func FuzzFramerReceive(f *testing.F) {
	for _, s := range []string{"00aabb", "8000000002aabb", "c000000004aa", "40bb", "20", "", "c0ffffffff00"} {
		f.Add(unhex(f, s), unhex(f, "c000000003aa"), uint8(2))
	}
	f.Fuzz(func(t *testing.T, a, b []byte, n uint8) {
		framer := NewFramer(64)
		framer.MaxMessage = 1000
		for i := range int(n % 32) {
			data := a
			if i%2 == 1 {
				data = b
			}
			m, complete, err := framer.Receive(data)
			if len(m) > 1000 || len(framer.in) > 1000 {
				t.Fatalf("%d octets against a limit of 1000", max(len(m), len(framer.in)))
			}
			if err != nil && (m != nil || complete) {
				t.Fatal("a message together with an error")
			}
		}
	})
}
