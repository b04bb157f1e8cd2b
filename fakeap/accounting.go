package fakeap

import (
	"errors"
	"maps"
	"slices"
	"time"

	lr "layeh.com/radius"
	"layeh.com/radius/rfc2865"
	"layeh.com/radius/rfc2866"
	"layeh.com/radius/rfc2869"

	"nacsim/fakeap/dot11"
	"nacsim/fakeap/ether"
	"nacsim/internal/radius"
)

// No user traffic is simulated, so the counters of a session follow a constant rate: an office computer's mean,
// in octets a second, and the mean size of its packets.
const (
	inputRate  = 2_000
	outputRate = 12_000
	inputSize  = 250
	outputSize = 800
)

// reports are the accounting records of a session that wait to be sent, in order. Only the mutex of the NAS
// guards them.
type reports struct {
	queue   []report
	sending bool
}

// report is one accounting record.
type report struct {
	status rfc2866.AcctStatusType
	at     time.Time
	attrs  lr.Attributes
}

// report queues an accounting record of a session and sees that a task sends it. Records of one session are sent in
// order, each after the one before was acknowledged or given up; an interim update that still waits is replaced by
// the next, so a silent server makes no queue grow.
func (n *nas) report(c *client, s *session, now time.Time, status rfc2866.AcctStatusType, cause rfc2866.AcctTerminateCause) {
	if !n.cfg.RADIUS.accounts() {
		return
	}
	r := report{status: status, at: now, attrs: n.reportAttributes(c, s, now, status, cause)}
	q := &s.reports
	if last := len(q.queue) - 1; last >= 0 && q.queue[last].status == rfc2866.AcctStatusType_Value_InterimUpdate {
		q.queue[last] = r
	} else {
		q.queue = append(q.queue, r)
	}
	n.sendQueued(q)
}

// sendQueued sees that a task sends what is in a queue.
func (n *nas) sendQueued(q *reports) {
	if !q.sending {
		q.sending = true
		n.senders++
		n.h.Go("accounting", func() { n.sendReports(q) })
	}
}

func (n *nas) reportAttributes(c *client, s *session, now time.Time, status rfc2866.AcctStatusType, cause rfc2866.AcctTerminateCause) lr.Attributes {
	p := lr.Packet{}
	p.Add(rfc2866.AcctStatusType_Type, lr.NewInteger(uint32(status)))
	authentic := rfc2866.AcctAuthentic_Value_RADIUS
	if s.local {
		authentic = rfc2866.AcctAuthentic_Value_Local
	}
	p.Add(rfc2866.AcctAuthentic_Type, lr.NewInteger(uint32(authentic)))
	p.Attributes = append(p.Attributes, n.stationAttributes(c, s.user, rfc2865.ServiceType_Value_FramedUser)...)
	p.Add(rfc2866.AcctSessionID_Type, lr.Attribute(s.id))
	for _, class := range s.class {
		p.Add(rfc2865.Class_Type, class)
	}
	radius.SetEventTimestamp(&p, now)
	if status == rfc2866.AcctStatusType_Value_Start {
		return p.Attributes
	}
	seconds := uint64(max(now.Sub(s.started), 0) / time.Second)
	p.Add(rfc2866.AcctSessionTime_Type, lr.NewInteger(uint32(seconds)))
	in, out := seconds*inputRate, seconds*outputRate
	for _, counter := range []struct {
		typ   lr.Type
		value uint64
	}{
		{rfc2866.AcctInputOctets_Type, in & 0xffffffff},
		{rfc2866.AcctOutputOctets_Type, out & 0xffffffff},
		{rfc2869.AcctInputGigawords_Type, in >> 32},
		{rfc2869.AcctOutputGigawords_Type, out >> 32},
		{rfc2866.AcctInputPackets_Type, in / inputSize},
		{rfc2866.AcctOutputPackets_Type, out / outputSize},
	} {
		p.Add(counter.typ, lr.NewInteger(uint32(counter.value)))
	}
	if cause != 0 {
		p.Add(rfc2866.AcctTerminateCause_Type, lr.NewInteger(uint32(cause)))
	}
	return p.Attributes
}

// sendReports is the task that empties a queue.
func (n *nas) sendReports(q *reports) {
	line, err := n.dialServer()
	if err == nil {
		defer line.close()
	}
	for {
		r, ok := n.nextReport(q, err == nil)
		if !ok {
			return
		}
		err = line.account(func(now time.Time) (*lr.Packet, error) { return n.accountingRequest(r, now) })
		if errors.Is(err, errNoReply) {
			n.radius.drops.countFrom(n.h, line.server(), "accounting record not acknowledged")
			err = nil
		}
	}
}

// nextReport takes a record off a queue. Without one, or when sending has failed for good, the task ends.
func (n *nas) nextReport(q *reports, working bool) (r report, ok bool) {
	n.mu.Lock()
	defer n.mu.Unlock()
	if !working {
		q.queue = nil
	}
	if len(q.queue) == 0 {
		q.sending = false
		if n.senders--; n.senders == 0 && n.drained != nil {
			n.drained.Set()
		}
		return report{}, false
	}
	r, q.queue = q.queue[0], q.queue[1:]
	return r, true
}

// accountingRequest is one transmission of a record.
func (n *nas) accountingRequest(r report, now time.Time) (*lr.Packet, error) {
	request, err := radius.NewRequest(lr.CodeAccountingRequest, 0, n.cfg.RADIUS.Secret, nil)
	if err != nil {
		return nil, err
	}
	request.Attributes = append(make(lr.Attributes, 0, len(r.attrs)+1), r.attrs...)
	request.Add(rfc2866.AcctDelayTime_Type, lr.NewInteger(uint32(max(now.Sub(r.at), 0)/time.Second)))
	return request, nil
}

// reportNAS tells the server that the NAS has booted (Accounting-On) or goes down (Accounting-Off), and so that every
// session it had is over (RFC 2866 section 5.1).
func (n *nas) reportNAS(status rfc2866.AcctStatusType, now time.Time) {
	if !n.cfg.RADIUS.accounts() {
		return
	}
	id, err := n.newSessionID()
	if err != nil {
		return
	}
	p := lr.Packet{}
	p.Add(rfc2866.AcctStatusType_Type, lr.NewInteger(uint32(status)))
	p.Attributes = append(p.Attributes, n.nasAttrs...)
	p.Add(rfc2866.AcctSessionID_Type, lr.Attribute(id))
	radius.SetEventTimestamp(&p, now)
	n.sendQueued(&reports{queue: []report{{status: status, at: now, attrs: p.Attributes}}})
}

// Shutdown ends all sessions as a restart by the administrator does, reports the end of each and then that the NAS
// goes down, and blocks until the server has acknowledged it all or the timeout has passed. The NAS takes no new
// clients after it.
func (n *nas) Shutdown(timeout time.Duration) error {
	deadline := n.h.Now().Add(timeout)
	n.mu.Lock()
	if n.drained != nil {
		n.mu.Unlock()
		return nil // by another task, or before
	}
	n.drained = n.h.NewSignal()
	now := n.h.Now()
	for _, mac := range slices.SortedFunc(maps.Keys(n.clients), ether.Addr.Compare) {
		c := n.clients[mac]
		n.stop(c, now, rfc2866.AcctTerminateCause_Value_AdminReboot)
		n.link.expel(c, dot11.ReasonLeaving)
		n.setState(c, Unauthorized, "NAS goes down")
		n.remove(c)
	}
	n.mu.Unlock()
	if err := n.drain(deadline); err != nil {
		return err
	}
	n.mu.Lock()
	n.reportNAS(rfc2866.AcctStatusType_Value_AccountingOff, n.h.Now())
	n.mu.Unlock()
	return n.drain(deadline)
}

// drain waits until no accounting record is under way.
func (n *nas) drain(deadline time.Time) error {
	for {
		n.mu.Lock()
		senders := n.senders
		n.mu.Unlock()
		if senders == 0 {
			return nil
		}
		if err := n.drained.Wait(deadline); err != nil {
			return err
		}
	}
}
