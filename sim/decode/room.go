package decode

import (
	"log/slog"
	"sync"

	lr "layeh.com/radius"
)

// A room is memory for what a packet is taken apart into. Nothing of it is in the result, so it is used for one
// packet after the other.
type room struct {
	fields []slog.Attr // that the decoders add
	values []lr.AVP    // of RADIUS
	attrs  lr.Attributes
	eap    []byte // joined from the attributes
}

var rooms = sync.Pool{New: func() any {
	const attributes, fields = 32, 16 // enough for nearly every packet
	return &room{fields: make([]slog.Attr, 0, fields), values: make([]lr.AVP, 0, attributes), attrs: make(lr.Attributes, 0, attributes)}
}}

// release ends the use of the room. What refers to the packet or to its record is forgotten.
func (d *decoded) release() {
	r := d.room
	clear(r.fields)
	clear(r.values)
	r.fields, r.values = r.fields[:0], r.values[:0]
	rooms.Put(r)
	d.room = nil
}
