package fleet

import "fmt"

// Prefixes that the IEEE has assigned to vendors, all universally administered: a NAC tells randomized addresses by the other bit.
var (
	intel   = []uint32{0x3ca9f4, 0xa4c3f0, 0x8c8d28, 0xe4a471, 0x94659c, 0xdc1ba1, 0xf8e4e3, 0x001b21}
	apple   = []uint32{0x3c22fb, 0xa483e7, 0xf01898, 0xacbc32, 0x147dda, 0xd0817a, 0x88665a}
	samsung = []uint32{0x8cf5a3, 0x5cf6dc, 0xa08cfd, 0x34145f}
	google  = []uint32{0x3c5ab4, 0xf4f5e8, 0x94eb2c}
	wired   = []uint32{0xf8bc12, 0x8c04ba, 0x3c5282, 0x54ee75, 0x98fa9b}
	docks   = []uint32{0x00e04c, 0x0050b6}
)

// addresses hands out each address once.
type addresses struct {
	offset uint32
	used   map[uint32]uint32 // by prefix
	total  int
	lent   int // docks, four times each
	last   string
}

func newAddresses(seed uint64) *addresses {
	return &addresses{offset: uint32(seed), used: map[uint32]uint32{}}
}

// next is one with one of the prefixes.
func (a *addresses) next(prefixes []uint32) string {
	prefix := prefixes[a.total%len(prefixes)]
	a.total++
	a.used[prefix]++
	// An odd factor visits every value of 24 bits before the first comes again.
	return fmt.Sprintf("%06X%06X", prefix, (a.used[prefix]*0x9e3779+a.offset)&0xffffff)
}

// dock is an address that four devices share.
func (a *addresses) dock() string {
	if a.lent%4 == 0 {
		a.last = a.next(docks)
	}
	a.lent++
	return a.last
}
