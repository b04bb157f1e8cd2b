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

// A conversation is an EAP conversation with what it needs on the RADIUS side, or a question to the directory about a
// password without EAP.
type conversation struct {
	state state
	nas   nasID // whose conversation it is

	mu      sync.Mutex // guards the rest
	eap     *eapserver.Conversation
	wait    *wait // what it waits for, if it does
	verdict Verdict
	judged  bool // Authorize or Rejected has been called
	decided bool // Authorize has been called, so that verdict is valid
	settled bool // the last reply has been written

	// Guarded by the table's mutex.
	used   time.Time
	since  time.Time // when it was begun
	proven bool      // it has been continued
	byUse  links
	byNAS  links
}

// conversationTable holds the conversations under way by State. Where there is no room, the one begun longest ago of
// those that have never been continued, for which one datagram is enough, is replaced by the newer one: of the same NAS
// when that has its share, and of all when the table is full. Those that have been continued are replaced only after
// they have been idle for a quarter of their time. So a NAS that floods the server starves neither the others nor its
// own clients that go on.
type conversationTable struct {
	max, share int
	ttl        time.Duration

	mu            sync.Mutex
	states        map[state]*conversation
	begun, proven list // in the order of last use
	nases         map[nasID]*nasConversations
}

// A nasID tells who sends: by the address, of which the port may change, and, as several with certificates of their own can
// be behind one, by the client. The name is empty over UDP, where whoever has an address is its client.
type nasID struct {
	addr   netip.Addr
	client string
}

func (r *Request) nasID() nasID {
	if r.Transport == UDP {
		return nasID{addr: r.NAS()}
	}
	return nasID{r.NAS(), r.Client.Name}
}

// nasConversations are those of one NAS.
type nasConversations struct {
	count         int
	begun, proven list
}

func (t *conversationTable) init(max, share int, ttl time.Duration) {
	t.max, t.share, t.ttl = max, share, ttl
	t.states, t.nases = make(map[state]*conversation), make(map[nasID]*nasConversations)
	t.begun.of, t.proven.of = linkByUse, linkByUse
}

func (t *conversationTable) len() int {
	t.mu.Lock()
	defer t.mu.Unlock()
	return len(t.states)
}

// maxLife is how many times its idle time a conversation may last, so that nobody keeps one by repeating himself.
const maxLife = 10

// find returns the conversation of a State and marks it as continued, unless it is that of another NAS or has lasted for too
// long.
func (t *conversationTable) find(now time.Time, s state, nas nasID) *conversation {
	t.mu.Lock()
	defer t.mu.Unlock()
	c := t.states[s]
	if c == nil || c.nas != nas || now.Sub(c.since) >= maxLife*t.ttl {
		return nil
	}
	t.unlink(c)
	c.used, c.proven = now, true
	t.link(c)
	return c
}

// add registers a conversation and reports whether there was room. The one that had to make room, if any, is to be
// ended by the caller.
func (t *conversationTable) add(now time.Time, c *conversation) (replaced *conversation, ok bool) {
	t.mu.Lock()
	defer t.mu.Unlock()
	n := t.nases[c.nas]
	switch {
	case t.states[c.state] != nil:
		return nil, false
	case n != nil && n.count >= t.share:
		replaced = t.dispensable(now, &n.begun, &n.proven)
	case len(t.states) >= t.max:
		replaced = t.dispensable(now, &t.begun, &t.proven)
	}
	if replaced != nil {
		t.drop(replaced)
	} else if len(t.states) >= t.max || n != nil && n.count >= t.share {
		return nil, false
	}
	if n = t.nases[c.nas]; n == nil {
		n = &nasConversations{begun: list{of: linkByNAS}, proven: list{of: linkByNAS}}
		t.nases[c.nas] = n
	}
	n.count++
	t.states[c.state] = c
	c.used, c.since = now, now
	t.link(c)
	return replaced, true
}

// dispensable is the conversation that makes room, nil if none can.
func (t *conversationTable) dispensable(now time.Time, begun, proven *list) *conversation {
	if begun.oldest != nil {
		return begun.oldest
	}
	if c := proven.oldest; c != nil && now.Sub(c.used) >= t.ttl/4 {
		return c
	}
	return nil
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
	for _, c := range [...]*conversation{t.begun.oldest, t.proven.oldest} {
		if c != nil && now.Sub(c.used) >= t.ttl {
			t.drop(c)
			return c
		}
	}
	return nil
}

// pop removes and returns a conversation, nil when none is left.
func (t *conversationTable) pop() *conversation {
	t.mu.Lock()
	defer t.mu.Unlock()
	c := t.begun.oldest
	if c == nil {
		c = t.proven.oldest
	}
	if c != nil {
		t.drop(c)
	}
	return c
}

// drop removes c if it is there. The caller holds the mutex, as for link and unlink.
func (t *conversationTable) drop(c *conversation) {
	if t.states[c.state] != c {
		return
	}
	delete(t.states, c.state)
	t.unlink(c)
	n := t.nases[c.nas]
	if n.count--; n.count == 0 {
		delete(t.nases, c.nas)
	}
}

func (t *conversationTable) link(c *conversation) {
	all, ofNAS := t.lists(c)
	all.append(c)
	ofNAS.append(c)
}

func (t *conversationTable) unlink(c *conversation) {
	all, ofNAS := t.lists(c)
	all.remove(c)
	ofNAS.remove(c)
}

// lists are those that a conversation is in.
func (t *conversationTable) lists(c *conversation) (all, ofNAS *list) {
	n := t.nases[c.nas]
	if c.proven {
		return &t.proven, &n.proven
	}
	return &t.begun, &n.begun
}

// A list is a doubly linked list of conversations through one of their links.
type list struct {
	of             func(*conversation) *links
	oldest, newest *conversation
}

type links struct{ prev, next *conversation }

func linkByUse(c *conversation) *links { return &c.byUse }
func linkByNAS(c *conversation) *links { return &c.byNAS }

func (l *list) append(c *conversation) {
	*l.of(c) = links{prev: l.newest}
	if l.newest != nil {
		l.of(l.newest).next = c
	} else {
		l.oldest = c
	}
	l.newest = c
}

func (l *list) remove(c *conversation) {
	at := l.of(c)
	if at.prev != nil {
		l.of(at.prev).next = at.next
	} else {
		l.oldest = at.next
	}
	if at.next != nil {
		l.of(at.next).prev = at.prev
	} else {
		l.newest = at.prev
	}
	*at = links{}
}
