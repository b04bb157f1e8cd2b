package fakeap

import (
	"bytes"
	"testing"
	"time"

	"nacsim/internal/eap"
)

var noon = time.Date(2026, 1, 5, 12, 0, 0, 0, time.UTC)

func packet(code eap.Code, id uint8, typ eap.Type, data string) []byte {
	return eap.Packet{Code: code, ID: id, Type: typ, Data: []byte(data)}.Append(nil)
}

// answered brings an authenticator to where the server has the client's identity.
func answered(t *testing.T, a *authenticator) {
	t.Helper()
	o := a.start(noon)
	if o.toClient == nil {
		t.Fatal("start sends nothing")
	}
	o = a.response(packet(eap.Response, o.toClient[1], eap.TypeIdentity, "host/laptop"), noon)
	if !o.begin || o.identity != "host/laptop" || o.toServer == nil || a.state != authServer {
		t.Fatalf("identity response: %+v", o)
	}
}

func TestAuthenticatorPassesThrough(t *testing.T) {
	var a authenticator
	answered(t, &a)
	request := packet(eap.Request, 9, eap.TypeTLS, "\x20")
	o, ok := a.challenge(append(request, 0, 0), noon)
	if !ok || !bytes.Equal(o.toClient, request) {
		t.Fatalf("challenge: %+v, %v", o, ok)
	}
	response := packet(eap.Response, 9, eap.TypeTLS, "\x00")
	if o = a.response(append(response, 0), noon); !bytes.Equal(o.toServer, response) || o.begin {
		t.Fatalf("response: %+v", o)
	}
	success := packet(eap.Success, 10, 0, "")
	if o = a.finish(eap.Success, success); !bytes.Equal(o.toClient, success) || a.busy() {
		t.Fatalf("finish: %+v", o)
	}
	if o = a.start(noon); o.toClient[1] != 11 {
		t.Errorf("the next identity request has identifier %d, want one not used just now", o.toClient[1])
	}
}

// RFC 3748 section 4.1: what does not answer the outstanding request is discarded.
func TestAuthenticatorDiscards(t *testing.T) {
	tests := map[string][]byte{
		"other identifier":        packet(eap.Response, 2, eap.TypeIdentity, "x"),
		"request":                 packet(eap.Request, 1, eap.TypeIdentity, "x"),
		"success":                 packet(eap.Success, 1, 0, ""),
		"not an identity":         packet(eap.Response, 1, eap.TypeTLS, "x"),
		"shorter than its header": {2, 1, 0},
		"length beyond the end":   {2, 1, 0, 9, 1},
		"nothing":                 nil,
	}
	for name, p := range tests {
		var a authenticator
		a.start(noon)
		if o := a.response(p, noon); o.toServer != nil || a.state != authIdentity {
			t.Errorf("%s: %+v", name, o)
		}
	}
	var a authenticator
	if o := a.response(packet(eap.Response, 0, eap.TypeIdentity, "x"), noon); o.toServer != nil {
		t.Error("a response nobody asked for reaches the server")
	}
	answered(t, &a)
	if o := a.response(packet(eap.Response, 1, eap.TypeIdentity, "x"), noon); o.toServer != nil {
		t.Error("a repeated response reaches the server twice")
	}
	for name, p := range map[string][]byte{"success": packet(eap.Success, 2, 0, ""), "nothing": nil} {
		if _, ok := a.challenge(p, noon); ok {
			t.Errorf("%s passes for a challenge", name)
		}
	}
}

func TestAuthenticatorRetransmits(t *testing.T) {
	var a authenticator
	first := a.start(noon).toClient
	now, sent := noon, 1
	for {
		if o := a.expire(a.deadline.Add(-1)); o.toClient != nil || o.silent {
			t.Fatal("expired before its time")
		}
		now = a.deadline
		o := a.expire(now)
		if o.silent {
			break
		}
		if !bytes.Equal(o.toClient, first) {
			t.Fatalf("retransmission %x, want %x", o.toClient, first)
		}
		sent++
	}
	if took := now.Sub(noon); sent != 4 || took != 21*time.Second || a.busy() {
		t.Errorf("%d transmissions in %v, want 4 in 21s", sent, took)
	}
}

func TestAuthenticatorStartTwice(t *testing.T) {
	var a authenticator
	first := a.start(noon).toClient
	if again := a.start(noon).toClient; !bytes.Equal(first, again) {
		t.Errorf("identity requests %x and %x differ: the answer to the first would be lost", first, again)
	}
	answered(t, &authenticator{})
	var b authenticator
	answered(t, &b)
	if o := b.start(noon); o.toClient == nil || b.state != authIdentity {
		t.Error("EAPOL-Start does not restart a running authentication")
	}
}

// RFC 3579 section 2.6.3: without EAP in the server's decision the authenticator speaks for it.
func TestAuthenticatorFinishesAlone(t *testing.T) {
	for name, p := range map[string][]byte{"none": nil, "contradiction": packet(eap.Success, 9, 0, ""), "malformed": {4, 9, 0}} {
		var a authenticator
		answered(t, &a)
		if o := a.finish(eap.Failure, p); !bytes.Equal(o.toClient, []byte{4, 1, 0, 4}) {
			t.Errorf("%s: %x, want EAP-Failure with the last identifier", name, o.toClient)
		}
	}
}

func TestAuthenticatorHeld(t *testing.T) {
	var a authenticator
	a.hold(noon.Add(time.Minute))
	if a.busy() || a.state != authHeld {
		t.Error("held is busy")
	}
	a.expire(noon.Add(time.Minute))
	if a.state != authIdle || !a.deadline.IsZero() {
		t.Error("the quiet period does not end")
	}
}
