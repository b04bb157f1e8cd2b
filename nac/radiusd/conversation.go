package radiusd

import (
	"net/netip"
	"sync"
	"time"

	"nacsim/nac/eapserver"
)

// stateLen is the length of the State attribute.
const stateLen = 16

type state [stateLen]byte

// A conversation is an EAP conversation with what it needs on the RADIUS side.
type conversation struct {
	state state
	nas   netip.Addr // whose conversation it is; the port may change

	mu      sync.Mutex // guards the rest
	eap     *eapserver.Conversation
	wait    *wait   // what it waits for, if it does
	verdict Verdict // after Authorize
	judged  bool    // Authorize or Rejected has been called
	decided bool    // Authorize has been called, so that verdict is valid
	told    bool    // verdict.Sent has been called, and said toldErr
	toldErr error

	// Guarded by the table's mutex.
	used       time.Time
	prev, next *conversation
}

// tell has the handler know that the NAS learns of the verdict now. The caller holds the mutex.
func (c *conversation) tell() error {
	if c.decided && !c.told && c.verdict.Sent != nil {
		c.told, c.toldErr = true, c.verdict.Sent()
	}
	return c.toldErr
}

// conversationTable holds the conversations under way by State, in the order of their last use.
type conversationTable struct {
	max int
	ttl time.Duration

	mu     sync.Mutex
	states map[state]*conversation
	oldest *conversation
	newest *conversation
}

func (t *conversationTable) init(max int, ttl time.Duration) {
	t.max, t.ttl, t.states = max, ttl, make(map[state]*conversation)
}

func (t *conversationTable) len() int {
	t.mu.Lock()
	defer t.mu.Unlock()
	return len(t.states)
}

// find returns the conversation of a State and marks it as used, unless it is that of another NAS.
func (t *conversationTable) find(now time.Time, s state, nas netip.Addr) *conversation {
	t.mu.Lock()
	defer t.mu.Unlock()
	c := t.states[s]
	if c == nil || c.nas != nas {
		return nil
	}
	t.unlink(c)
	t.link(now, c)
	return c
}

// add registers a conversation and reports whether there was room.
func (t *conversationTable) add(now time.Time, c *conversation) bool {
	t.mu.Lock()
	defer t.mu.Unlock()
	if len(t.states) >= t.max || t.states[c.state] != nil {
		return false
	}
	t.states[c.state] = c
	t.link(now, c)
	return true
}

// remove forgets a conversation that is over.
func (t *conversationTable) remove(c *conversation) {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.drop(c)
}

// popExpired removes and returns the longest idle conversation if its time is up.
func (t *conversationTable) popExpired(now time.Time) *conversation {
	t.mu.Lock()
	defer t.mu.Unlock()
	c := t.oldest
	if c == nil || now.Sub(c.used) < t.ttl {
		return nil
	}
	t.drop(c)
	return c
}

// pop removes and returns the longest idle conversation.
func (t *conversationTable) pop() *conversation {
	t.mu.Lock()
	defer t.mu.Unlock()
	c := t.oldest
	if c != nil {
		t.drop(c)
	}
	return c
}

// drop removes c if it is there. The caller holds the mutex, as for link and unlink.
func (t *conversationTable) drop(c *conversation) {
	if t.states[c.state] == c {
		delete(t.states, c.state)
		t.unlink(c)
	}
}

func (t *conversationTable) link(now time.Time, c *conversation) {
	c.used, c.prev, c.next = now, t.newest, nil
	if t.newest != nil {
		t.newest.next = c
	} else {
		t.oldest = c
	}
	t.newest = c
}

func (t *conversationTable) unlink(c *conversation) {
	if c.prev != nil {
		c.prev.next = c.next
	} else {
		t.oldest = c.next
	}
	if c.next != nil {
		c.next.prev = c.prev
	} else {
		t.newest = c.prev
	}
}
