package interop

import (
	"bytes"
	"fmt"
	"strings"
	"testing"
	"time"

	"nacsim/internal/host"
)

// onStation identifies the session of the station as the NAS did in its requests.
const onStation = `Calling-Station-Id = "00-1C-B3-09-85-15"`

// TestInteropRadclientReauthenticates has radclient change the authorization of a session (RFC 5176 section 2.2 with
// Cisco's command): the NAS acknowledges, the client authenticates again, and its session goes on.
func TestInteropRadclientReauthenticates(t *testing.T) {
	program(t, "radclient")
	for _, m := range media {
		t.Run(m.name, func(t *testing.T) {
			f, config := corporate(t, "1.3")
			e := startEdge(t, m.kind, f, config)
			e.connect(t)
			e.change(t, "coa", onStation+`, Cisco-AVPair = "subscriber:command=reauthenticate", Message-Authenticator = 0x00`, "CoA-ACK", "")
			e.await(t, 1, "port", "client="+station.String(), "state=authorized", "vlan=750", "reason=re-authenticated")
			if !f.await("Sent Access-Accept", 2) {
				t.Error("the client has not authenticated again")
			}
			if stops := f.count("Acct-Status-Type = Stop"); stops > 0 {
				t.Error("the session has ended")
			}
		})
	}
}

// TestInteropRadclientDisconnects has radclient end a session (RFC 5176 section 2.1): FreeRADIUS is told of the end and
// of its cause, and the client comes back.
func TestInteropRadclientDisconnects(t *testing.T) {
	program(t, "radclient")
	for _, m := range media {
		t.Run(m.name, func(t *testing.T) {
			f, config := corporate(t, "1.2")
			e := startEdge(t, m.kind, f, config)
			e.connect(t)
			e.change(t, "disconnect", onStation+`, User-Name = "host/LAPTOP-1", Message-Authenticator = 0x00`, "Disconnect-ACK", "")
			e.await(t, 1, "port", "client="+station.String(), "state=unauthorized")
			e.await(t, 2, "supplicant", "client="+station.String(), "state=connected")
			if !f.await("Acct-Status-Type = Start", 2) || f.count("Acct-Terminate-Cause = Admin-Reset") != 1 {
				t.Error("FreeRADIUS was not told that the session was ended by the administrator and began anew")
			}
		})
	}
}

// TestInteropRadclientIsRefused covers the Error-Cause of what the NAS does not do (RFC 5176 section 3.5), and its
// silence to what is not authentic or not recent (sections 2.3 and 6.3).
func TestInteropRadclientIsRefused(t *testing.T) {
	program(t, "radclient")
	f, config := corporate(t, "1.3")
	e := startEdge(t, host.Radio, f, config)
	e.connect(t)
	const command = `, Cisco-AVPair = "subscriber:command=reauthenticate"`
	for _, tt := range []struct{ command, attributes, reply, cause string }{
		{"disconnect", `Calling-Station-Id = "00-1C-B3-09-85-16"`, "Disconnect-NAK", "Session-Context-Not-Found"},
		{"disconnect", `Acct-Session-Id = "0"`, "Disconnect-NAK", "Session-Context-Not-Found"},
		{"disconnect", `NAS-Identifier = "ap-1"`, "Disconnect-NAK", "Missing-Attribute"},
		{"disconnect", onStation + `, NAS-Identifier = "ap-2"`, "Disconnect-NAK", "NAS-Identification-Mismatch"},
		{"disconnect", onStation + `, NAS-IP-Address = 10.0.1.2`, "Disconnect-NAK", "NAS-Identification-Mismatch"},
		{"disconnect", onStation + `, Filter-Id = "guest"`, "Disconnect-NAK", "Unsupported-Attribute"},
		{"disconnect", `Calling-Station-Id = "laptop"`, "Disconnect-NAK", "Invalid-Attribute-Value"},
		{"coa", onStation, "CoA-NAK", "Missing-Attribute"},
		{"coa", onStation + `, Service-Type = Authorize-Only`, "CoA-NAK", "Unsupported-Service"},
		{"coa", onStation + `, Cisco-AVPair = "subscriber:command=bounce-host-port"`, "CoA-NAK", "Unsupported-Extension"},
		{"coa", onStation + `, Tunnel-Private-Group-Id = "751"` + command, "CoA-NAK", "Unsupported-Attribute"},
		{"coa", `User-Name = "host/LAPTOP-2"` + command, "CoA-NAK", "Session-Context-Not-Found"},
	} {
		e.change(t, tt.command, tt.attributes, tt.reply, tt.cause)
	}
	for _, tt := range []struct {
		name, attributes string
		client           radclient
	}{
		{"wrong secret", onStation, radclient{command: "disconnect", secret: "guess"}},
		{"old", fmt.Sprintf("%s, Event-Timestamp = %q", onStation, stamp(time.Now().Add(-time.Hour))), radclient{command: "disconnect"}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel() // radclient waits for the answer in vain
			tt.client.server = e.das
			if o := tt.client.run(t, tt.attributes); o.code == 0 || !strings.Contains(o.output, "No reply from server") {
				t.Errorf("radclient has an answer:\n%s", o.output)
			}
		})
	}
	t.Cleanup(func() {
		if n := len(e.find("das", "result=dropped")); n != 2 {
			t.Errorf("the NAS has dropped %d requests, want 2", n)
		}
		if n := len(e.find("port", "state=authorized")); n != 1 {
			t.Errorf("the client was authorized %d times, want once", n)
		}
	})
}

// TestInteropRadclientRepeats replays a request: the NAS gives the same answer and does nothing again (RFC 5080
// section 2.2.2).
func TestInteropRadclientRepeats(t *testing.T) {
	program(t, "radclient")
	f, config := corporate(t, "1.3")
	e := startEdge(t, host.Radio, f, config)
	e.connect(t)
	between := &relay{replays: 3}
	between.start(t, e.das)
	e.das = between.addr
	e.change(t, "coa", onStation+`, Cisco-AVPair = "subscriber:command=reauthenticate", Event-Timestamp = "`+stamp(time.Now())+`"`, "CoA-ACK", "")
	e.await(t, 1, "port", "state=authorized", "reason=re-authenticated")
	replies := between.seen()[0].replies
	for _, reply := range replies {
		if !bytes.Equal(reply, replies[0]) {
			t.Errorf("two replies to one request:\n%x\n%x", replies[0], reply)
		}
	}
	if len(replies) != 4 {
		t.Errorf("%d replies, want 4", len(replies))
	}
	if commands := e.find("das", "result=ack", "client="+station.String()); len(commands) != 1 {
		t.Errorf("%d commands, want 1", len(commands))
	}
}

// stamp is a time as FreeRADIUS reads one.
func stamp(at time.Time) string { return at.UTC().Format("Jan _2 2006 15:04:05 MST") }

// change sends a request and checks the reply and its Error-Cause.
func (e *liveEdge) change(t *testing.T, command, attributes, reply, cause string) {
	t.Helper()
	o := radclient{server: e.das, command: command}.run(t, attributes)
	_, got, received := strings.Cut(o.output, "Received "+reply+" ")
	if !received || strings.Contains(got, "Error-Cause = ") != (cause != "") || cause != "" && !strings.Contains(got, "Error-Cause = "+cause+"\n") {
		t.Errorf("%s of %s: want %s with Error-Cause %q:\n%s", command, attributes, reply, cause, o.output)
	}
}
