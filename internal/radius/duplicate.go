package radius

import (
	"net/netip"
	"sync"
	"time"
)

// A DuplicateCache recognizes retransmitted requests (RFC 5080 section 2.2.2), so that none is acted on twice and
// each gets the same answer. A request is known by its source address and port, code, identifier and
// authenticator. It may be used from several goroutines.
//
//	switch status, reply := cache.Begin(now, from, b); status {
//	case radius.New:        // act on it, then cache.Finish(from, b, reply), reply nil to forget it
//	case radius.InProgress: // drop it: the answer is on its way
//	case radius.Answered:   // send reply again
//	}
type DuplicateCache struct {
	max int
	ttl time.Duration

	mu      sync.Mutex
	entries map[requestKey]*entry
	oldest  *entry // list in order of arrival, which is the order of expiry
	newest  *entry
}

type requestKey struct {
	from          netip.AddrPort
	code, id      byte
	authenticator [16]byte
}

type entry struct {
	key        requestKey
	reply      []byte
	expires    time.Time
	prev, next *entry
}

// A DuplicateStatus is what [DuplicateCache.Begin] found.
type DuplicateStatus int

const (
	New        DuplicateStatus = iota // not seen before; now in progress
	InProgress                        // being worked on, not answered yet
	Answered                          // answered; the reply is at hand
)

// NewDuplicateCache returns a cache of at most max requests, each of which is remembered for ttl from its arrival.
// Beyond max the oldest is forgotten.
func NewDuplicateCache(max int, ttl time.Duration) *DuplicateCache {
	return &DuplicateCache{max: max, ttl: ttl, entries: make(map[requestKey]*entry)}
}

// Begin looks up a request, given as a datagram that has been verified, and registers it when it is new. The
// reply is that of [DuplicateCache.Finish] and must not be changed.
func (c *DuplicateCache) Begin(now time.Time, from netip.AddrPort, request []byte) (status DuplicateStatus, reply []byte) {
	k, ok := keyOf(from, request)
	if !ok {
		return New, nil
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	for c.oldest != nil && (!now.Before(c.oldest.expires) || len(c.entries) > c.max) {
		c.remove(c.oldest)
	}
	if e := c.entries[k]; e != nil {
		if e.reply == nil {
			return InProgress, nil
		}
		return Answered, e.reply
	}
	if len(c.entries) >= c.max && c.oldest != nil {
		c.remove(c.oldest)
	}
	c.append(&entry{key: k, expires: now.Add(c.ttl)})
	return New, nil
}

// Finish stores the reply to a request that was new. A nil reply forgets the request, so that a retransmission
// is taken up afresh.
func (c *DuplicateCache) Finish(from netip.AddrPort, request, reply []byte) {
	k, ok := keyOf(from, request)
	if !ok {
		return
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	e := c.entries[k]
	switch {
	case e == nil:
	case reply == nil:
		c.remove(e)
	default:
		e.reply = reply
	}
}

// Len is the number of requests remembered.
func (c *DuplicateCache) Len() int {
	c.mu.Lock()
	defer c.mu.Unlock()
	return len(c.entries)
}

func keyOf(from netip.AddrPort, request []byte) (k requestKey, ok bool) {
	if len(request) < MinLength {
		return k, false
	}
	k = requestKey{from: from, code: request[0], id: request[1]}
	copy(k.authenticator[:], request[4:])
	return k, true
}

func (c *DuplicateCache) append(e *entry) {
	c.entries[e.key] = e
	if e.prev = c.newest; e.prev != nil {
		e.prev.next = e
	} else {
		c.oldest = e
	}
	c.newest = e
}

func (c *DuplicateCache) remove(e *entry) {
	delete(c.entries, e.key)
	if e.prev != nil {
		e.prev.next = e.next
	} else {
		c.oldest = e.next
	}
	if e.next != nil {
		e.next.prev = e.prev
	} else {
		c.newest = e.prev
	}
}
