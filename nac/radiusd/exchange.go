package radiusd

import (
	"time"

	"nacsim/internal/radius"

	lr "layeh.com/radius"
)

// An exchange is one request that is being worked on, up to its answer.
type exchange struct {
	settings *settings // at its arrival
	service  Service
	from     Source
	head     [radius.MinLength]byte // what the duplicate cache knows the request by
	packet   *lr.Packet
	request  *Request // nil for Status-Server
	response []byte   // the EAP packet in it
	answer   Answer
}

// take verifies a datagram. Without an exchange the reply or the reason to drop is final.
func (e *Engine) take(now time.Time, service Service, from Source, datagram []byte, answer Answer) (x *exchange, reply []byte, drop DropReason) {
	set := e.settings.Load()
	client := from.Client
	if client == nil {
		client = set.clients.lookup(from.Addr.Addr())
	}
	if client == nil {
		return nil, nil, DropUnknownClient
	}
	p, err := radius.ParseRequest(datagram, client.Secret, !client.OptionalMessageAuthenticator)
	if err != nil {
		return nil, nil, dropReason(err)
	}
	if !service.takes(p.Code) {
		return nil, nil, DropUnknownCode
	}
	signed, drop := check(p, client, set.RequireNAS)
	if drop != "" {
		return nil, nil, drop
	}
	if p.Code == lr.CodeStatusServer { // each is answered afresh: it asks whether the server is alive now
		return &exchange{settings: set, service: service, from: from, packet: p, answer: answer}, nil, ""
	}
	switch status, reply := e.duplicates[service].Begin(now, from.Addr, datagram); status {
	case radius.InProgress:
		return nil, nil, DropDuplicate
	case radius.Answered:
		return nil, reply, ""
	}
	if p.Code == lr.CodeAccessRequest && !signed && from.Transport == UDP {
		e.unsigned(from)
	}
	x = &exchange{settings: set, service: service, from: from, packet: p, request: newRequest(now, from, client, p), answer: answer}
	copy(x.head[:], datagram)
	return x, nil, ""
}

// unsigned tells of an Access-Request that was taken without Message-Authenticator.
func (e *Engine) unsigned(from Source) {
	e.countMu.Lock()
	e.counts.Unsigned++
	n := e.counts.Unsigned
	e.countMu.Unlock()
	if e.env.Unsigned != nil {
		e.env.Unsigned(from, n)
	}
}

// finish answers the request, or forgets it so that a retransmission is taken up afresh. The caller holds no lock.
func (e *Engine) finish(x *exchange, reply []byte, drop DropReason) {
	e.duplicates[x.service].Finish(x.from.Addr, x.head[:], reply)
	e.countMu.Lock()
	e.counts.countAnswer(x.packet.Code, reply, drop)
	e.countMu.Unlock()
	x.answer(x.from, reply, drop)
}
