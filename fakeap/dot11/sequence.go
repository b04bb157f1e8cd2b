package dot11

import "encoding/binary"

// SetSequence writes a sequence number, modulo 4096, into a frame with a whole header.
func SetSequence(frame []byte, n uint16) {
	binary.LittleEndian.PutUint16(frame[22:24], n<<4)
}

// Duplicates recognizes frames of one transmitter that arrive more than once (IEEE 802.11-2020 clause
// 10.3.2.14). The zero value has seen nothing.
type Duplicates struct {
	recent [16]uint16 // sequence numbers + 1; zero is unused
	next   int
}

// Seen reports whether one of the last 16 frames had this sequence number, and otherwise remembers it.
func (d *Duplicates) Seen(sequence uint16) bool {
	for _, s := range d.recent {
		if s == sequence+1 {
			return true
		}
	}
	d.recent[d.next] = sequence + 1
	d.next = (d.next + 1) % len(d.recent)
	return false
}
