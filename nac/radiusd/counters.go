package radiusd

import (
	"maps"

	lr "layeh.com/radius"
)

// Counters are what an engine has done since it was made, and what it is doing.
type Counters struct {
	// Requests counts the datagrams taken, whatever became of them.
	Requests uint64
	// Accepts, Rejects, Challenges and Accountings count the replies by their code, those to Status-Server not included.
	Accepts, Rejects, Challenges, Accountings uint64
	// StatusServers counts the answers to Status-Server, Repeats those that repeat an earlier reply because the request
	// was retransmitted.
	StatusServers, Repeats uint64
	// Unsigned counts Access-Requests that were taken without Message-Authenticator.
	Unsigned uint64
	// Replaced counts the conversations that had to make room for newer ones.
	Replaced uint64
	// Drops counts what was not answered.
	Drops map[DropReason]uint64
	// Conversations are under way now, and Waiting requests wait for somebody else.
	Conversations, Waiting int
}

// Counters returns the counts of this moment.
func (e *Engine) Counters() Counters {
	e.countMu.Lock()
	c := e.counts
	c.Drops = maps.Clone(c.Drops)
	e.countMu.Unlock()
	c.Conversations, c.Waiting = e.Conversations(), e.Waiting()
	return c
}

// Drops returns how many datagrams have been dropped for a reason.
func (e *Engine) Drops(reason DropReason) uint64 {
	e.countMu.Lock()
	defer e.countMu.Unlock()
	return e.counts.Drops[reason]
}

// Conversations is the number of conversations under way.
func (e *Engine) Conversations() int { return e.conversations.len() }

// Waiting is the number of requests whose answer depends on somebody else.
func (e *Engine) Waiting() int { return int(e.waiting.Load()) }

// count adds one to what is counted at p.
func (e *Engine) count(p *uint64) {
	e.countMu.Lock()
	*p++
	e.countMu.Unlock()
}

// countAnswer counts what has become of a request. Request is its code.
func (c *Counters) countAnswer(request lr.Code, reply []byte, drop DropReason) {
	switch {
	case drop != "":
		c.Drops[drop]++
	case request == lr.CodeStatusServer:
		c.StatusServers++
	case lr.Code(reply[0]) == lr.CodeAccessAccept:
		c.Accepts++
	case lr.Code(reply[0]) == lr.CodeAccessReject:
		c.Rejects++
	case lr.Code(reply[0]) == lr.CodeAccessChallenge:
		c.Challenges++
	default:
		c.Accountings++
	}
}
