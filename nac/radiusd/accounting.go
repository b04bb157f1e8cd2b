package radiusd

import (
	"net/netip"
	"time"

	"nacsim/internal/radius"

	lr "layeh.com/radius"
	"layeh.com/radius/rfc2865"
	"layeh.com/radius/rfc2866"
	"layeh.com/radius/rfc2869"
)

// An AcctStatus is the Acct-Status-Type of a record (RFC 2866 section 5.1).
type AcctStatus uint32

const (
	AcctStart         AcctStatus = 1
	AcctStop          AcctStatus = 2
	AcctInterimUpdate AcctStatus = 3
	AccountingOn      AcctStatus = 7 // the NAS has started: none of its earlier sessions is left
	AccountingOff     AcctStatus = 8 // the NAS is about to stop
)

// String returns the name of the dictionary, for example "Interim-Update".
func (s AcctStatus) String() string { return rfc2866.AcctStatusType(s).String() }

// An AccountingRecord is an Accounting-Request. Absent attributes are zero.
type AccountingRecord struct {
	Request *Request // with Acct-Session-Id
	Status  AcctStatus
	// EventTime is when it happened: Event-Timestamp, or else the time of arrival less Acct-Delay-Time.
	EventTime time.Time
	// Delay is Acct-Delay-Time: for how long the NAS has been trying to send the record. Unlike EventTime it does not
	// depend on the NAS's clock.
	Delay       time.Duration
	SessionTime time.Duration
	// InputOctets and the others count from the client's side of the NAS port, with the Gigawords included (RFC
	// 2869 section 5.1).
	InputOctets, OutputOctets   uint64
	InputPackets, OutputPackets uint32
	// TerminateCause is Acct-Terminate-Cause, with Stop.
	TerminateCause uint32
	FramedIP       netip.Addr
	// Class holds what Access-Accept said, if the NAS returns it.
	Class [][]byte
}

// TerminateCauseName is the name of the dictionary, for example "Lost-Carrier". It is empty where the NAS gives no cause.
func (r *AccountingRecord) TerminateCauseName() string {
	if r.TerminateCause == 0 {
		return ""
	}
	return rfc2866.AcctTerminateCause(r.TerminateCause).String()
}

// newAccountingRecord reads a record; ok is false without a well-formed Acct-Status-Type, which is mandatory.
func newAccountingRecord(r *Request) (rec AccountingRecord, ok bool) {
	rec.Request = r
	var status, seconds, delay, inLow, inHigh, outLow, outHigh uint32
	for _, a := range r.Attributes {
		v := a.Attribute
		switch a.Type {
		case rfc2866.AcctStatusType_Type:
			setInteger(&status, v)
		case rfc2866.AcctSessionTime_Type:
			setInteger(&seconds, v)
		case rfc2866.AcctDelayTime_Type:
			setInteger(&delay, v)
		case rfc2866.AcctInputOctets_Type:
			setInteger(&inLow, v)
		case rfc2869.AcctInputGigawords_Type:
			setInteger(&inHigh, v)
		case rfc2866.AcctOutputOctets_Type:
			setInteger(&outLow, v)
		case rfc2869.AcctOutputGigawords_Type:
			setInteger(&outHigh, v)
		case rfc2866.AcctInputPackets_Type:
			setInteger(&rec.InputPackets, v)
		case rfc2866.AcctOutputPackets_Type:
			setInteger(&rec.OutputPackets, v)
		case rfc2866.AcctTerminateCause_Type:
			setInteger(&rec.TerminateCause, v)
		case rfc2865.FramedIPAddress_Type:
			rec.FramedIP, _ = netip.AddrFromSlice(v)
		case rfc2865.Class_Type:
			rec.Class = append(rec.Class, v)
		}
	}
	rec.Status = AcctStatus(status)
	rec.SessionTime = time.Duration(seconds) * time.Second
	rec.InputOctets = uint64(inHigh)<<32 | uint64(inLow)
	rec.OutputOctets = uint64(outHigh)<<32 | uint64(outLow)
	rec.EventTime = eventTime(r, delay)
	rec.Delay = time.Duration(delay) * time.Second
	return rec, status != 0
}

func eventTime(r *Request, delay uint32) time.Time {
	if t, ok := radius.EventTimestamp(r.Attributes); ok {
		return t
	}
	return r.Received.Add(-time.Duration(delay) * time.Second)
}

// known reports whether the handler is told of records with this status. Others (tunnel accounting, vendors') are
// acknowledged, or the NAS would send them for ever.
func (s AcctStatus) known() bool {
	switch s {
	case AcctStart, AcctStop, AcctInterimUpdate, AccountingOn, AccountingOff:
		return true
	}
	return false
}

// accounting answers an Accounting-Request.
func (e *Engine) accounting(r *Request, p *lr.Packet) ([]byte, DropReason) {
	rec, ok := newAccountingRecord(r)
	if !ok {
		return nil, DropMalformed
	}
	if rec.Status.known() {
		if err := e.handler.Accounting(rec); err != nil {
			return nil, DropNotRecorded // so that the NAS sends it again (RFC 2866 section 4.1)
		}
	}
	return e.encode(radius.NewReply(p, lr.CodeAccountingResponse))
}
