package dot11

import (
	"testing"

	"nacsim/fakeap/ether"
)

func TestDuplicates(t *testing.T) {
	var d Duplicates
	for n := uint16(4090); n < 4096+20; n++ {
		frame := NewProbeRequest(ether.Broadcast, station, "corp")
		SetSequence(frame, n)
		f := parse(t, frame)
		if f.Sequence != n%4096 {
			t.Fatalf("sequence %d, want %d", f.Sequence, n%4096)
		}
		if d.Seen(f.Sequence) {
			t.Fatalf("frame %d is taken for a duplicate", n)
		}
		if !d.Seen(f.Sequence) {
			t.Fatalf("frame %d again is not recognized", n)
		}
	}
	if d.Seen(4090) {
		t.Error("a frame of long ago is taken for a duplicate")
	}
	if !d.Seen(10) {
		t.Error("a frame of lately is not recognized")
	}
}
