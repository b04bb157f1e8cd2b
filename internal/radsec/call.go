package radsec

import (
	"crypto/sha256"
	"encoding/binary"
	"errors"
	"maps"
	"slices"
	"time"

	"nacsim/internal/host"
	"nacsim/internal/radius"

	lr "layeh.com/radius"
)

// Bounds of the requests that may be under way in one direction.
const (
	maxCalls10 = 256 // RFC 6613 section 2.6.5
	maxCalls11 = 4096
)

// errFull says that all identifiers are taken.
var errFull = errors.New("radsec: too many requests are unanswered")

// A call is a request that has been sent and is not answered.
type call struct {
	key     uint32 // Identifier or Token
	request *lr.Packet
	wake    host.Signal
	reply   *lr.Packet
	// abandoned has nobody who waits. Its key stays taken until the reply, or a later request would get that.
	abandoned bool
}

// calls are those of one connection. The mutex of the connection guards them.
type calls struct {
	pending   map[uint32]*call
	next      uint32
	max       int
	mask      uint32
	abandoned int
}

func (x *calls) init(v11 bool) {
	x.pending = map[uint32]*call{}
	x.max, x.mask = maxCalls10, 0xff
	if v11 {
		x.max, x.mask = maxCalls11, 1<<32-1
	}
}

// add takes a key for a call.
func (x *calls) add(c *call) bool {
	if len(x.pending) >= x.max {
		return false
	}
	for x.pending[x.next] != nil {
		x.next = (x.next + 1) & x.mask
	}
	c.key = x.next
	x.next = (x.next + 1) & x.mask
	x.pending[c.key] = c
	return true
}

// remove gives the key of a call back.
func (x *calls) remove(c *call) {
	if x.pending[c.key] != c {
		return
	}
	delete(x.pending, c.key)
	if c.abandoned {
		x.abandoned--
	}
}

// fail tells all who wait that there will be no replies.
func (x *calls) fail() {
	for _, key := range slices.Sorted(maps.Keys(x.pending)) {
		x.pending[key].wake.Set()
	}
}

// Exchange sends a request and blocks until the reply, which is verified, or until the deadline; zero means none. The
// request's Secret must be [Secret]; its Identifier is set here, and its Authenticator where that is a signature. A
// request is not sent again: an error that is an [Error] says that the connection has ended, so that it may be sent
// on another (RFC 6613 section 2.6.1); host.ErrTimeout is that of the deadline.
func (c *Conn) Exchange(request *lr.Packet, deadline time.Time) (*lr.Packet, error) {
	x, err := c.begin(request)
	for errors.Is(err, errFull) {
		if err := c.free.Wait(deadline); err != nil {
			return nil, err
		}
		if x, err = c.begin(request); !errors.Is(err, errFull) {
			c.free.Set() // there may be room for another one who waits, or nothing to wait for any more
		}
	}
	if err != nil {
		return nil, err
	}
	if err := x.wake.Wait(deadline); err != nil {
		c.abandon(x)
		return nil, err
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	if x.reply == nil {
		return nil, c.end
	}
	return x.reply, nil
}

// begin sends a request, and takes note that a reply is to come.
func (c *Conn) begin(request *lr.Packet) (*call, error) {
	x := &call{request: request, wake: c.h.NewSignal()}
	c.mu.Lock()
	end, ok := c.end, c.calls.add(x)
	c.mu.Unlock()
	switch {
	case end != nil:
		return nil, end
	case !ok:
		return nil, errFull
	}
	b, err := c.encode(x)
	if err != nil {
		c.mu.Lock()
		c.calls.remove(x)
		c.mu.Unlock()
		return nil, err
	}
	c.write(b)
	return x, nil
}

// encode signs a request and returns its wire form.
func (c *Conn) encode(x *call) ([]byte, error) {
	x.request.Identifier = byte(x.key)
	b, err := radius.EncodeRequest(x.request)
	if err == nil {
		c.carried(true, b)
	}
	if err == nil && c.v11 {
		b, err = encode11(x.request, x.key, x.request.Authenticator)
	}
	return b, err
}

// abandon leaves a call to itself. When nothing but such calls is left, the other end is as good as dead.
func (c *Conn) abandon(x *call) {
	c.mu.Lock()
	if c.calls.pending[x.key] == x && !x.abandoned {
		x.abandoned = true
		c.calls.abandoned++
	}
	stuck := c.calls.abandoned >= c.calls.max
	c.mu.Unlock()
	if stuck {
		c.Close(Silent)
	}
}

// reply takes a reply. One that answers nothing is discarded; one that is not authentic ends the connection (RFC 6613
// section 2.6.4).
func (c *Conn) reply(b []byte) error {
	key := uint32(b[1])
	if c.v11 {
		key = tokenOf(b)
	}
	c.mu.Lock()
	x := c.calls.pending[key]
	c.mu.Unlock()
	if x == nil || !radius.Answers(x.request.Code, lr.Code(b[0])) {
		return nil
	}
	reply, err := c.parseReply(b, x)
	if err != nil {
		return err
	}
	if !c.v11 {
		c.carried(false, b)
	}
	c.mu.Lock()
	c.answered = true
	x.reply = reply
	c.calls.remove(x)
	c.mu.Unlock()
	x.wake.Set()
	c.free.Set()
	return nil
}

func (c *Conn) parseReply(b []byte, x *call) (*lr.Packet, error) {
	if c.v11 {
		p, err := decode11(b, x.request.Authenticator)
		if err != nil {
			return nil, &Error{Malformed, err}
		}
		p.Identifier = x.request.Identifier
		return p, nil
	}
	p, err := radius.ParseReply(b, x.request, false)
	if err != nil {
		return nil, &Error{BadAuthenticator, err}
	}
	return p, nil
}

// nonces are the authenticators that stand in for those that requests of RADIUS/1.1 do not have.
type nonces [sha256.Size]byte

// newNonces returns those of a connection, which the label names: no two requests to a machine get the same.
func newNonces(label string) nonces { return sha256.Sum256([]byte(label)) }

func (n nonces) nonce(token uint32) [16]byte {
	sum := sha256.Sum256(binary.BigEndian.AppendUint32(n[:], token))
	return [16]byte(sum[:16])
}
