package radsec

import (
	"errors"
	"net"
	"sync"
	"time"

	"nacsim/internal/host"
)

// errSlow says that the other end lets too much wait.
var errSlow = errors.New("it does not read what it is sent")

// An outbox is a stream whose Write never blocks: a task of its own sends what is written. So TLS, which holds a mutex
// in Write, never blocks with it, and any task can send at any time.
type outbox struct {
	net.Conn // read from by TLS
	h        host.Host
	limit    int
	timeout  time.Duration
	work     host.Signal

	mu      sync.Mutex
	queue   []byte
	err     error
	closing bool
}

func newOutbox(h host.Host, conn net.Conn, s Settings) *outbox {
	o := &outbox{Conn: conn, h: h, limit: s.Queue, timeout: s.WriteTimeout, work: h.NewSignal()}
	h.Go("radsec writer", o.run)
	return o
}

func (o *outbox) Write(b []byte) (int, error) {
	o.mu.Lock()
	defer o.mu.Unlock()
	switch {
	case o.err != nil:
		return 0, o.err
	case o.closing:
		return 0, net.ErrClosed
	case len(o.queue)+len(b) > o.limit:
		o.err = errSlow
		o.work.Set()
		return 0, errSlow
	}
	o.queue = append(o.queue, b...)
	o.work.Set()
	return len(b), nil
}

// Close closes the stream when what is queued has been sent.
func (o *outbox) Close() error {
	o.mu.Lock()
	defer o.mu.Unlock()
	o.closing = true
	o.work.Set()
	return nil
}

// SetWriteDeadline does nothing: writing does not block. TLS calls it with the time of day when it closes.
func (o *outbox) SetWriteDeadline(time.Time) error { return nil }

// SetDeadline bounds reading only.
func (o *outbox) SetDeadline(t time.Time) error { return o.SetReadDeadline(t) }

// run sends until the stream is closed, and closes it.
func (o *outbox) run() {
	defer o.Conn.Close()
	var spare []byte
	for {
		b, done := o.take(spare)
		if done {
			return
		}
		if len(b) == 0 {
			if o.work.Wait(time.Time{}) != nil {
				return
			}
			continue
		}
		_ = o.Conn.SetWriteDeadline(o.h.Now().Add(o.timeout))
		if _, err := o.Conn.Write(b); err != nil {
			o.fail(err)
			return
		}
		spare = b[:0]
	}
}

// take returns what is to be sent, and leaves spare in its place, which the caller must not use any more. Without
// anything to send it leaves spare alone. Done says that there will be nothing any more.
func (o *outbox) take(spare []byte) (b []byte, done bool) {
	o.mu.Lock()
	defer o.mu.Unlock()
	if o.err != nil {
		return nil, true
	}
	if len(o.queue) == 0 {
		return nil, o.closing
	}
	b, o.queue = o.queue, spare
	return b, false
}

func (o *outbox) fail(err error) {
	o.mu.Lock()
	defer o.mu.Unlock()
	if errors.Is(err, host.ErrTimeout) {
		err = errSlow
	}
	if o.err == nil {
		o.err = err
	}
}

// failure is why nothing can be sent any more, or nil.
func (o *outbox) failure() error {
	o.mu.Lock()
	defer o.mu.Unlock()
	return o.err
}
