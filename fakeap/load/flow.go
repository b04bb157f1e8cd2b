package load

import (
	"bytes"
	"crypto/tls"
	"encoding/binary"
	"encoding/hex"
	"io"
	"net/netip"
	"time"

	lr "layeh.com/radius"
	"layeh.com/radius/rfc2865"
	"layeh.com/radius/rfc2866"

	"nacsim/fakeap/eappeer"
	"nacsim/internal/eap"
	"nacsim/internal/radius"
)

// flow is one authentication, and the accounting of its session.
type flow struct {
	lane     *lane
	client   *client
	number   int64
	intended time.Time // when it was to begin

	peer    *eappeer.Peer
	state   lr.Attribute
	session [16]byte // Acct-Session-Id
	class   []lr.Attribute
	began   time.Time // of the session

	request *lr.Packet
	wire    []byte
	to      netip.AddrPort

	due, giveUp time.Time
	interval    time.Duration
	left        int
}

// what names the request under way.
func (f *flow) what() string {
	switch {
	case f.request.Code == lr.CodeAccountingRequest:
		return "Accounting-Request"
	case f.state == nil:
		return "the first Access-Request"
	}
	return "Access-Request"
}

// start sends the first request.
func (f *flow) start(now time.Time) {
	r := f.lane.r
	var id [8]byte
	binary.BigEndian.PutUint32(id[:], uint32(r.start.Unix()))
	binary.BigEndian.PutUint32(id[4:], uint32(f.number))
	hex.Encode(f.session[:], id[:])
	f.to = r.cfg.Auth
	if f.client.eap == nil {
		if f.ask() {
			f.addPassword()
			f.lane.send(f, now)
		}
		return
	}
	peer, err := eappeer.New(*f.client.eap, f.prepare)
	if err != nil {
		f.finish(now, Failed, err.Error())
		return
	}
	f.peer = peer
	f.respond(now, identityRequest)
}

// prepare readies one TLS handshake.
func (f *flow) prepare(c *tls.Config) *tls.Config {
	r := f.lane.r
	t := r.h.TLS("eap/load/"+string(f.session[:]), c)
	if verify := t.VerifyConnection; verify != nil {
		t.VerifyConnection = func(s tls.ConnectionState) error { return r.servers.verify(f.client.eap, s, verify) }
	}
	return t
}

// identityRequest is what an access point asks first.
var identityRequest = eap.Packet{Code: eap.Request, Type: eap.TypeIdentity}.Append(nil)

// ask prepares the next Access-Request.
func (f *flow) ask() bool {
	r := f.lane.r
	request, err := radius.NewRequest(lr.CodeAccessRequest, 0, r.cfg.Secret, r.clients[0].random)
	if err != nil {
		f.finish(r.h.Now(), Failed, err.Error())
		return false
	}
	request.Attributes = append(make(lr.Attributes, 0, len(f.client.access)+10), f.client.access...)
	request.Add(rfc2866.AcctSessionID_Type, f.session[:])
	f.request = request
	return true
}

// addPassword proves the MAC address.
func (f *flow) addPassword() {
	c := f.client
	if c.chap {
		var challenge [16]byte
		_, _ = io.ReadFull(c.random, challenge[:]) // it has just given an authenticator
		id := byte(f.number)
		f.request.Add(rfc2865.CHAPPassword_Type, chapPassword(id, c.password, challenge[:]))
		f.request.Add(rfc2865.CHAPChallenge_Type, challenge[:])
		return
	}
	_ = rfc2865.UserPassword_SetString(f.request, c.password) // newClient has tried it
}

// respond lets the peer answer an EAP request and sends the answer.
func (f *flow) respond(now time.Time, packet []byte) {
	a := f.peer.Receive(now, packet)
	switch {
	case a.Response == nil && a.Outcome == eappeer.Failed:
		f.finish(now, Failed, a.Reason)
		return
	case a.Response == nil:
		f.finish(now, Failed, f.silence())
		return
	}
	if !f.ask() {
		return
	}
	radius.AddEAPMessage(f.request, a.Response)
	if f.state != nil {
		f.request.Add(rfc2865.State_Type, f.state)
	}
	f.lane.send(f, now)
}

// silence is why the peer does not answer.
func (f *flow) silence() string {
	if reason := f.peer.Reason(); reason != "" {
		return reason
	}
	return "the peer has no answer to the server's request"
}

// receive takes the reply to the request under way.
func (f *flow) receive(reply *lr.Packet, now time.Time) {
	if f.request.Code == lr.CodeAccountingRequest {
		f.accounted(reply, now)
		return
	}
	packet, _ := radius.EAPMessage(reply.Attributes)
	switch reply.Code {
	case lr.CodeAccessChallenge:
		if f.peer == nil {
			f.finish(now, Failed, "Access-Challenge to a request without EAP")
			return
		}
		f.state, _ = reply.Lookup(rfc2865.State_Type)
		f.respond(now, packet)
	case lr.CodeAccessReject:
		reason := "Access-Reject"
		if f.peer != nil {
			if a := f.peer.Receive(now, packet); a.Reason != "" && a.Reason != "EAP-Failure" {
				reason += ": " + a.Reason
			}
		}
		f.lane.counts.latency.add(now.Sub(f.intended))
		f.finish(now, Rejected, reason)
	case lr.CodeAccessAccept:
		f.accepted(reply, packet, now)
	default:
		f.finish(now, Failed, "unexpected "+radius.CodeName(reply.Code))
	}
}

// accepted checks that the peer agrees, and that both sides have the same keys.
func (f *flow) accepted(reply *lr.Packet, packet []byte, now time.Time) {
	if f.peer != nil {
		a := f.peer.Receive(now, packet)
		switch {
		case a.Outcome != eappeer.Succeeded:
			f.finish(now, Failed, "Access-Accept, but the peer has not succeeded")
			return
		case len(a.MSK) > 0 && !sameKeys(a.MSK, reply, f.request):
			f.finish(now, Failed, "the MS-MPPE keys are not those of the peer")
			return
		}
		f.lane.counts.handshake(a.TLS, a.Resumed)
	}
	f.lane.counts.latency.add(now.Sub(f.intended))
	if !f.lane.r.cfg.Acct.IsValid() {
		f.finish(now, Accepted, "")
		return
	}
	for _, a := range reply.Attributes {
		if a.Type == rfc2865.Class_Type {
			f.class = append(f.class, a.Attribute)
		}
	}
	f.began = now
	f.account(rfc2866.AcctStatusType_Value_Start, now)
}

func sameKeys(msk []byte, reply, request *lr.Packet) bool {
	recv, send, err := radius.MPPEKeys(reply.Attributes, request)
	return err == nil && len(msk) >= 64 && bytes.Equal(recv, msk[:32]) && bytes.Equal(send, msk[32:64])
}

// account sends an accounting record.
func (f *flow) account(status rfc2866.AcctStatusType, now time.Time) {
	r := f.lane.r
	p := &lr.Packet{Code: lr.CodeAccountingRequest, Secret: r.cfg.Secret}
	p.Attributes = append(make(lr.Attributes, 0, len(f.client.acct)+8), f.client.acct...)
	p.Add(rfc2866.AcctStatusType_Type, lr.NewInteger(uint32(status)))
	p.Add(rfc2866.AcctSessionID_Type, f.session[:])
	for _, c := range f.class {
		p.Add(rfc2865.Class_Type, c)
	}
	radius.SetEventTimestamp(p, now)
	if status == rfc2866.AcctStatusType_Value_Stop {
		p.Add(rfc2866.AcctSessionTime_Type, lr.NewInteger(uint32(now.Sub(f.began)/time.Second)))
		p.Add(rfc2866.AcctTerminateCause_Type, lr.NewInteger(uint32(rfc2866.AcctTerminateCause_Value_UserRequest)))
	}
	f.request, f.to = p, r.cfg.Acct
	f.lane.send(f, now)
}

// accounted follows the acknowledgement of a record.
func (f *flow) accounted(reply *lr.Packet, now time.Time) {
	status := rfc2866.AcctStatusType_Get(f.request)
	switch {
	case reply.Code != lr.CodeAccountingResponse:
		f.finish(now, Failed, "unexpected "+radius.CodeName(reply.Code))
	case status == rfc2866.AcctStatusType_Value_Start:
		f.account(rfc2866.AcctStatusType_Value_Stop, now)
	default:
		f.finish(now, Accepted, "")
	}
}

// finish ends the flow.
func (f *flow) finish(now time.Time, result Result, reason string) {
	l := f.lane
	l.release(f)
	if f.peer != nil {
		f.peer.Close()
	}
	l.active--
	l.counts.finish(now, result, reason)
	*f = flow{}
	l.free = append(l.free, f)
}
