package radiusd

import (
	"time"

	"nacsim/internal/radius"

	lr "layeh.com/radius"
)

// An exchange is one request that is being worked on, up to its answer.
type exchange struct {
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
	client := from.Client
	if client == nil {
		client = e.clients.lookup(from.Addr.Addr())
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
	switch status, reply := e.duplicates[service].Begin(now, from.Addr, datagram); status {
	case radius.InProgress:
		return nil, nil, DropDuplicate
	case radius.Answered:
		return nil, reply, ""
	}
	x = &exchange{service: service, from: from, packet: p, answer: answer}
	copy(x.head[:], datagram)
	if p.Code != lr.CodeStatusServer {
		x.request = newRequest(now, from, client, p)
	}
	return x, nil, ""
}

// finish answers the request, or forgets it so that a retransmission is taken up afresh. The caller holds no lock.
func (e *Engine) finish(x *exchange, reply []byte, drop DropReason) {
	e.duplicates[x.service].Finish(x.from.Addr, x.head[:], reply)
	e.tell(x.answer, x.from, reply, drop)
}

// tell counts what has become of a request and passes it on.
func (e *Engine) tell(answer Answer, to Source, reply []byte, drop DropReason) {
	if drop != "" {
		e.dropMu.Lock()
		e.drops[drop]++
		e.dropMu.Unlock()
	}
	answer(to, reply, drop)
}
