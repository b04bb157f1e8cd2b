package play

import (
	"strconv"
	"strings"

	"nacsim/sim/scenario"
	"nacsim/sim/trace"
)

// A client is what the trace has told of one device so far. The runner looks at nothing else: an expectation
// is judged by what the programs made known, never by reading their memory.
type client struct {
	device string

	connected  bool
	nas        string
	port       int
	portState  string
	vlan       string
	role       string
	rule       string
	rejected   bool
	compliance string
}

// state is the client's state in the words of scenario.Expect.
func (c *client) state() string {
	switch {
	case !c.connected:
		return scenario.StateDisconnected
	case c.portState == "authorized":
		return scenario.StateAuthorized
	case c.rejected:
		return scenario.StateRejected
	}
	return scenario.StateUnauthorized
}

// A view is all clients, kept up to date by the trace.
type view struct {
	byDevice map[string]*client
	byMAC    map[string]*client
	// byRecord finds a client by what the NAC calls its device record: the Intune device ID.
	byRecord map[string]*client
	order    []*client
}

func newView() *view {
	return &view{byDevice: map[string]*client{}, byMAC: map[string]*client{}, byRecord: map[string]*client{}}
}

// add makes a device known under its MAC addresses and the names of its record.
func (v *view) add(device string, macs, records []string) {
	c := &client{device: device, compliance: "none"}
	v.order = append(v.order, c)
	v.byDevice[device] = c
	for _, m := range macs {
		v.byMAC[m] = c
		v.byMAC[strings.ReplaceAll(m, ":", "")] = c
	}
	for _, r := range records {
		v.byRecord[strings.ToLower(r)] = c
	}
}

// stranger makes the ID of a device known that is on no network, so that it is not taken for one that has the same name.
func (v *view) stranger(id string) { v.byRecord[strings.ToLower(id)] = &client{compliance: "none"} }

// of finds the client a record is about, or nil.
func (v *view) of(r *trace.Record) *client {
	if mac := r.Field("client"); mac != "" {
		return v.byMAC[mac]
	}
	if mac := r.Field("mac"); mac != "" && r.Kind == "event" {
		return v.byMAC[mac]
	}
	if r.Kind == trace.KindPacket {
		return v.byDevice[r.Actor] // its id is that of RADIUS
	}
	// Names need not be unique, IDs are.
	for _, name := range []string{"id", "device"} {
		if c := v.byRecord[strings.ToLower(r.Field(name))]; c != nil {
			return c
		}
	}
	return v.byDevice[r.Actor]
}

// update takes one record in and returns the client whose state it may have changed.
func (v *view) update(r *trace.Record) *client {
	switch r.Kind {
	case "crash":
		v.down(r.Actor)
		return nil
	case "port", "supplicant", "decision", "lookup", "ddb":
	default: // most are packets; whose they are is of no interest here
		return nil
	}
	c := v.of(r)
	if c == nil {
		return nil
	}
	switch r.Kind {
	case "port":
		c.onPort(r)
	case "supplicant":
		c.connected = r.Field("state") != "disconnected"
		if !c.connected {
			c.rejected = false
		}
	case "decision":
		c.rule = r.Field("rule")
		c.rejected = r.Field("result") == "reject"
	case "lookup":
		switch r.Field("result") {
		case "found":
			c.compliance = r.Field("compliance")
		case "not_found":
			c.compliance = "none"
		}
	case "ddb":
		c.compliance = r.Field("compliance")
		if c.compliance == "" {
			c.compliance = "none"
		}
	}
	return c
}

func (c *client) onPort(r *trace.Record) {
	state := r.Field("state")
	if r.Actor != c.nas && state == "unauthorized" && c.nas != "" && c.portState == "authorized" {
		return // an access point the client has left lets go of it
	}
	c.nas, c.portState, c.vlan, c.role = r.Actor, state, "", ""
	c.port = portNumber(r.Field("port"))
	if state == "authorized" {
		c.vlan, c.role = r.Field("vlan"), r.Field("role")
		c.rejected = false
	}
}

// portNumber reads the port of a switch: "3" or "sw-1/3". An access point's is 0.
func portNumber(s string) int {
	n, err := strconv.Atoi(s[strings.LastIndexByte(s, '/')+1:])
	if err != nil {
		return 0
	}
	return n
}

// down is a crash: nothing is in force on a NAS that is down, and a device that is down is connected nowhere.
func (v *view) down(host string) {
	for _, c := range v.order {
		if c.nas == host {
			c.portState, c.vlan, c.role = "", "", ""
		}
		if c.device == host {
			c.connected, c.portState, c.vlan, c.role = false, "", "", ""
		}
	}
}
