package radiusd

import (
	"bytes"
	"net/netip"
	"testing"
	"time"

	"nacsim/internal/radius"

	lr "layeh.com/radius"
	"layeh.com/radius/rfc2865"
	"layeh.com/radius/rfc2866"
	"layeh.com/radius/rfc2869"
)

// account sends an Accounting-Request with the attributes and returns the reply.
func (b *bench) account(id byte, attrs ...*lr.AVP) (request *lr.Packet, wire, reply []byte) {
	b.t.Helper()
	request, _ = radius.NewRequest(lr.CodeAccountingRequest, id, secret, nil)
	request.Attributes = attrs
	wire, err := radius.EncodeRequest(request)
	if err != nil {
		b.t.Fatal(err)
	}
	reply, drop := b.handle(Acct, apAddr, wire)
	if drop != "" {
		b.t.Fatal(drop)
	}
	return request, wire, reply
}

func integer(t lr.Type, n uint32) *lr.AVP { return &lr.AVP{Type: t, Attribute: lr.NewInteger(n)} }
func text(t lr.Type, s string) *lr.AVP    { return &lr.AVP{Type: t, Attribute: lr.Attribute(s)} }

func TestAccounting(t *testing.T) {
	b := newBench(t)
	request, wire, reply := b.account(7,
		integer(rfc2866.AcctStatusType_Type, 2), text(rfc2866.AcctSessionID_Type, "0011223344556677"),
		text(rfc2865.CallingStationID_Type, "001c.b309.8515"), text(rfc2865.UserName_Type, "host/laptop"),
		integer(rfc2866.AcctSessionTime_Type, 3600), integer(rfc2866.AcctDelayTime_Type, 5),
		integer(rfc2866.AcctInputOctets_Type, 10), integer(rfc2869.AcctInputGigawords_Type, 2),
		integer(rfc2866.AcctOutputOctets_Type, 4_294_967_295), integer(rfc2869.AcctOutputGigawords_Type, 1),
		integer(rfc2866.AcctInputPackets_Type, 3), integer(rfc2866.AcctOutputPackets_Type, 4),
		integer(rfc2866.AcctTerminateCause_Type, 2), text(rfc2865.Class_Type, "a"), text(rfc2865.Class_Type, "b"),
		&lr.AVP{Type: rfc2865.FramedIPAddress_Type, Attribute: lr.Attribute{192, 0, 2, 7}})
	if p, err := radius.ParseReply(reply, request, true); err != nil || p.Code != lr.CodeAccountingResponse {
		t.Errorf("reply is %v, error %v", p, err)
	}
	if len(b.handler.records) != 1 {
		t.Fatalf("%d records", len(b.handler.records))
	}
	r := b.handler.records[0]
	if r.Status != AcctStop || r.Status.String() != "Stop" || r.SessionTime != time.Hour || r.InputOctets != 2<<32+10 ||
		r.OutputOctets != 2<<32-1 || r.InputPackets != 3 || r.OutputPackets != 4 || r.TerminateCauseName() != "Lost-Carrier" ||
		r.FramedIP != netip.MustParseAddr("192.0.2.7") || len(r.Class) != 2 || string(r.Class[1]) != "b" {
		t.Errorf("record is %+v", r)
	}
	if q := r.Request; q.AcctSessionID != "0011223344556677" || q.ClientMAC.String() != "00:1c:b3:09:85:15" || q.UserName != "host/laptop" {
		t.Errorf("request is %+v", q)
	}
	if want := b.now.Add(-5 * time.Second); !r.EventTime.Equal(want) {
		t.Errorf("it happened at %v, want %v", r.EventTime, want)
	}
	again, drop := b.handle(Acct, apAddr, wire)
	if drop != "" || !bytes.Equal(again, reply) || len(b.handler.records) != 1 {
		t.Errorf("retransmission gets %x (%s), %d records", again, drop, len(b.handler.records))
	}
}

func TestAccountingEventTimestamp(t *testing.T) {
	b := newBench(t)
	at := b.now.Add(-time.Hour)
	b.account(1, integer(rfc2866.AcctStatusType_Type, 3), integer(rfc2866.AcctDelayTime_Type, 5), integer(rfc2869.EventTimestamp_Type, uint32(at.Unix())))
	if r := b.handler.records[0]; !r.EventTime.Equal(at) || r.Status != AcctInterimUpdate {
		t.Errorf("%v happened at %v, want %v", r.Status, r.EventTime, at)
	}
}

// TestAccountingStatuses: statuses of other uses are acknowledged and no record.
func TestAccountingStatuses(t *testing.T) {
	for status, known := range map[uint32]bool{1: true, 2: true, 3: true, 7: true, 8: true, 9: false, 15: false, 4_000_000_000: false} {
		b := newBench(t)
		b.account(1, integer(rfc2866.AcctStatusType_Type, status))
		if got := len(b.handler.records) == 1; got != known {
			t.Errorf("status %d is reported: %v, want %v", status, got, known)
		}
	}
}
