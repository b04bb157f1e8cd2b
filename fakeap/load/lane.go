package load

import (
	"errors"
	"net/netip"
	"time"

	"nacsim/internal/host"
	"nacsim/internal/radius"
)

// lane is one source port and the authentications that run over it.
type lane struct {
	r      *run
	number int
	conn   host.PacketConn
	share  int // authentications at a time
	buf    []byte

	flows  [perLane]*flow // by Identifier
	active int
	nextID byte
	free   []*flow

	// next is when the next authentication is to begin, with a rate; interval is the time between two.
	next     time.Time
	interval time.Duration
	drained  bool      // no more authentications begin
	tick     time.Time // when to look for requests that want to be sent again

	counts counts
}

// ticks is how many times within the first wait for an answer a lane looks for requests that want to be sent again.
const ticks = 20

func newLane(r *run, number int, conn host.PacketConn, share int) *lane {
	l := &lane{r: r, number: number, conn: conn, share: min(share, perLane), buf: make([]byte, radius.MaxLength)}
	if rate := r.cfg.Rate; rate > 0 {
		l.interval = max(time.Duration(float64(r.cfg.Lanes)*float64(time.Second)/rate), 1)
	}
	return l
}

// run is the task of a lane.
func (l *lane) run() {
	defer l.conn.Close()
	l.counts.end = l.r.end
	l.next = l.r.start.Add(l.interval * time.Duration(l.number) / time.Duration(l.r.cfg.Lanes))
	l.tick = l.r.start.Add(l.r.cfg.Timeout / ticks)
	for {
		now := l.r.h.Now()
		l.launch(now)
		if l.active == 0 && l.drained {
			return
		}
		n, from, err := l.conn.ReadFrom(l.buf, l.wake())
		switch now = l.r.h.Now(); {
		case err == nil:
			l.receive(l.buf[:n], from, now)
		case !errors.Is(err, host.ErrTimeout):
			return
		}
		if !now.Before(l.tick) {
			l.retransmit(now)
			l.tick = now.Add(l.r.cfg.Timeout / ticks)
		}
	}
}

// wake is until when to wait for an answer.
func (l *lane) wake() time.Time {
	if !l.drained && l.interval > 0 && l.active < l.share && l.next.Before(l.tick) {
		return l.next
	}
	return l.tick
}

// launch begins the authentications that are due and for which there is room.
func (l *lane) launch(now time.Time) {
	for !l.drained && l.active < l.share {
		intended := now
		if l.interval > 0 {
			if l.next.After(now) {
				l.drained = l.late(l.next)
				return
			}
			intended = l.next
		}
		if l.late(intended) || l.late(now) {
			l.drained = true
			return
		}
		n, ok := l.r.claim()
		if !ok {
			l.drained = true
			return
		}
		l.next = l.next.Add(l.interval)
		l.begin(n, intended, now)
	}
	if l.late(now) || l.r.cfg.Stop.Load() {
		l.drained = true
	}
}

func (l *lane) late(at time.Time) bool { return !l.r.end.IsZero() && !at.Before(l.r.end) }

// begin starts an authentication.
func (l *lane) begin(n int64, intended, now time.Time) {
	var f *flow
	if last := len(l.free) - 1; last >= 0 {
		f, l.free = l.free[last], l.free[:last]
	} else {
		f = new(flow)
	}
	*f = flow{lane: l, client: l.r.clients[n%int64(len(l.r.clients))], intended: intended, number: n}
	l.active++
	l.counts.begun++
	f.start(now)
}

// send gives a flow's request an Identifier and sends it.
func (l *lane) send(f *flow, now time.Time) {
	for l.flows[l.nextID] != nil { // there is one: a lane has no more flows than Identifiers
		l.nextID++
	}
	f.request.Identifier = l.nextID
	l.flows[l.nextID] = f
	l.nextID++
	b, err := radius.EncodeRequest(f.request)
	if err != nil {
		f.finish(now, Failed, err.Error())
		return
	}
	f.wire = b
	f.interval, f.left, f.giveUp = l.r.cfg.Timeout, max(l.r.cfg.Retries, 0), now.Add(maxDuration)
	f.due = now.Add(f.interval)
	l.counts.requests++
	l.write(f)
}

func (l *lane) write(f *flow) {
	_ = l.conn.WriteTo(f.wire, f.to) // a request that cannot be sent is a request lost: it is sent again
}

// release takes a flow's Identifier back.
func (l *lane) release(f *flow) {
	if f.request != nil && l.flows[f.request.Identifier] == f {
		l.flows[f.request.Identifier] = nil
	}
}

// receive takes a datagram. What is no answer to a request under way is counted and dropped.
func (l *lane) receive(b []byte, from netip.AddrPort, now time.Time) {
	if len(b) < radius.MinLength {
		l.counts.dropped++
		return
	}
	f := l.flows[b[1]]
	if f == nil || f.to != from {
		l.counts.dropped++
		return
	}
	reply, err := radius.ParseReply(b, f.request, false)
	if err != nil {
		l.counts.dropped++
		return
	}
	l.counts.replies++
	l.release(f)
	f.receive(reply, now)
}

// RFC 5080 section 2.2.1: the retransmission time doubles up to MRT, and a request is given up after MRD.
const (
	maxRetransmission = 16 * time.Second
	maxDuration       = 30 * time.Second
)

// retransmit sends the requests again that have waited too long, or gives them up.
func (l *lane) retransmit(now time.Time) {
	for _, f := range &l.flows {
		if f == nil || now.Before(f.due) {
			continue
		}
		if f.left == 0 || !now.Before(f.giveUp) {
			f.finish(now, NoReply, "no reply to "+f.what())
			continue
		}
		f.left--
		f.interval = min(2*f.interval, maxRetransmission)
		f.due = now.Add(f.interval)
		l.counts.retransmissions++
		l.write(f)
	}
}
