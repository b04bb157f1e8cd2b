package radiusd

import "bytes"

// A wait is a request whose answer depends on somebody else, a directory or an OCSP responder. It holds no task and
// no lock. It belongs to its conversation, and ends with it if nothing has been heard until then.
type wait struct {
	x *exchange
	// resume goes on. It is called with the conversation's mutex held, and releases it.
	resume func(w *wait)
}

// suspend has a conversation wait for an answer to ask. The caller holds the conversation's mutex, which is released.
func (e *Engine) suspend(c *conversation, w *wait, ask func(done func())) {
	if e.waiting.Add(1) > int64(w.x.settings.MaxWaiting) {
		e.waiting.Add(-1)
		c.mu.Unlock()
		e.conversations.remove(c)
		e.end(c, DropWaitingFull)
		e.finish(w.x, nil, DropWaitingFull)
		return
	}
	c.wait = w
	c.mu.Unlock()
	ask(func() { e.resume(c, w) })
}

// resume goes on with a conversation once its wait is over. A wait that has been given up, or is over already, does
// nothing.
func (e *Engine) resume(c *conversation, w *wait) {
	c.mu.Lock()
	if c.wait != w {
		c.mu.Unlock()
		return
	}
	c.wait = nil
	e.waiting.Add(-1)
	w.resume(w)
}

// busy handles a request for a conversation that waits. A NAS that gives up on a request and sends the same response
// in a new one gets the answer to the new one. The caller holds the mutex, which is released.
func (e *Engine) busy(c *conversation, x *exchange) {
	if !bytes.Equal(x.response, c.wait.x.response) {
		c.mu.Unlock()
		e.finish(x, nil, DropUnexpectedEAP)
		return
	}
	old := c.wait.x
	c.wait.x = x
	c.mu.Unlock()
	e.finish(old, nil, DropSuperseded)
}

// end closes a conversation that is no longer in the table, and gives up the request that waits in it.
func (e *Engine) end(c *conversation, why DropReason) {
	c.mu.Lock()
	if c.eap != nil {
		c.eap.Close()
	}
	w := c.wait
	c.wait = nil
	c.mu.Unlock()
	if w != nil {
		e.waiting.Add(-1)
		e.finish(w.x, nil, why)
	}
}
