// Package fakeap is the network edge: wireless access points and wired switches that authenticate their clients
// with 802.1X against a RADIUS server, put them into VLANs, account for them, and obey dynamic authorization.
//
// The protocols are engines without input and output of their own, here and in the packages below; [AP] and
// [Switch] drive them on a host.Host. Package supplicant is the client.
package fakeap

import (
	"encoding/binary"
	"io"
	"slices"
	"time"

	"layeh.com/radius/rfc2865"
	"layeh.com/radius/rfc2866"

	"nacsim/fakeap/dot11"
	"nacsim/fakeap/ether"
	"nacsim/fakeap/wpa"
	"nacsim/internal/host"
)

// AP is a wireless access point with one WPA2-Enterprise network. Its methods may be called from any task, also of
// other hosts; none of them blocks.
type AP struct {
	*nas
	cfg    APConfig
	port   host.Port
	group  [16]byte // GTK
	called string   // Called-Station-Id
	booted time.Time
	// sequence is the number of the last frame sent, guarded by the mutex of the NAS.
	sequence uint16
}

// StartAP opens an access point on the radio medium named after its SSID and tells the stations still associated
// with an earlier boot that they are not any more. It writes lines of the kinds "port", "das" and "drop" to the
// host's trace. The error names a wrong setting or a port in use.
func StartAP(h host.Host, cfg APConfig) (*AP, error) {
	cfg, err := cfg.withDefaults(h.Name())
	if err != nil {
		return nil, err
	}
	a := &AP{cfg: cfg, called: cfg.BSSID.Station() + ":" + cfg.SSID, booted: h.Now()}
	a.nas = newNAS(h, cfg.Settings, a)
	a.portType, a.connectInfo, a.firmware = rfc2865.NASPortType_Value_Wireless80211, "CONNECT 54Mbps 802.11a", cfg.Firmware
	var sequence [2]byte
	for _, b := range [][]byte{a.group[:], sequence[:]} {
		if _, err := io.ReadFull(a.nonces, b); err != nil {
			return nil, err
		}
	}
	a.sequence = binary.LittleEndian.Uint16(sequence[:])
	if a.port, err = h.Attach(host.Medium{Kind: host.Radio, Name: cfg.SSID}, cfg.BSSID.Hardware()); err != nil {
		return nil, err
	}
	if err := a.start(); err != nil {
		a.port.Close()
		return nil, err
	}
	a.send(dot11.NewDeauthentication(ether.Broadcast, cfg.BSSID, cfg.BSSID, dot11.ReasonLeaving))
	h.Go("radio", a.run)
	return a, nil
}

// AnswerCoA makes the dynamic authorization server answer the next count requests with a NAK of the given
// Error-Cause, for example 503.
func (a *AP) AnswerCoA(errorCause, count int) { a.answerCoA(errorCause, count) }

// Clients returns the associated stations in the order of their addresses.
func (a *AP) Clients() []ClientState { return a.list() }

func (a *AP) run() {
	for {
		frame, err := a.port.ReadFrame(time.Time{})
		if err != nil {
			return
		}
		a.receive(frame)
	}
}

// send transmits a frame. The caller holds the mutex, or is alone.
func (a *AP) send(frame []byte) {
	a.sequence++
	dot11.SetSequence(frame, a.sequence)
	_ = a.port.WriteFrame(frame) // a frame that cannot be sent is a frame lost: the timers deal with it
}

func (a *AP) receive(frame []byte) {
	f, err := dot11.Parse(frame)
	if err != nil || f.Addr2.IsGroup() || f.Addr1 != a.cfg.BSSID && f.Kind != dot11.ProbeRequest {
		return
	}
	a.mu.Lock()
	defer a.mu.Unlock()
	now := a.h.Now()
	c := a.clients[f.Addr2]
	if c != nil && f.Kind != dot11.Authentication && c.frames.Seen(f.Sequence) {
		return
	}
	switch f.Kind {
	case dot11.ProbeRequest:
		a.probed(f, now)
	case dot11.Authentication:
		a.authenticate(f)
	case dot11.AssociationRequest:
		a.associate(f, now)
	case dot11.Deauthentication, dot11.Disassociation:
		a.left(c, now)
	case dot11.Data, dot11.QoSData:
		a.data(f, c, now)
	}
}

func (a *AP) probed(f dot11.Frame, now time.Time) {
	ssid, err := dot11.ParseProbeRequest(f)
	if err != nil || ssid != "" && ssid != a.cfg.SSID {
		return
	}
	announce := dot11.NewProbeResponse
	if a.cfg.Open {
		announce = dot11.NewOpenProbeResponse
	}
	a.send(announce(f.Addr2, a.cfg.BSSID, a.cfg.SSID, uint64(now.Sub(a.booted).Microseconds())))
}

// authenticate answers open-system authentication. It proves nothing, so nothing is remembered of it that a
// flood could fill; a station that authenticates anew counts its frames anew.
func (a *AP) authenticate(f dot11.Frame) {
	body, err := dot11.ParseAuthentication(f)
	if err != nil || body.Sequence != 1 {
		return
	}
	status := dot11.StatusSuccess
	if body.Algorithm != 0 {
		status = dot11.StatusAuthAlgorithm
	}
	if c := a.clients[f.Addr2]; c != nil {
		c.frames = dot11.Duplicates{}
	}
	a.send(dot11.NewAuthentication(f.Addr2, a.cfg.BSSID, a.cfg.BSSID, dot11.AuthenticationBody{Algorithm: body.Algorithm, Sequence: 2, Status: status}))
}

func (a *AP) associate(f dot11.Frame, now time.Time) {
	ssid, rsn, err := dot11.ParseAssociationRequest(f)
	if err != nil {
		return
	}
	status, aid := a.admit(f.Addr2, ssid, rsn)
	a.send(dot11.NewAssociationResponse(f.Addr2, a.cfg.BSSID, status, aid))
	if status != dot11.StatusSuccess {
		return
	}
	if old := a.clients[f.Addr2]; old != nil {
		a.stop(old, now, rfc3580SupplicantRestart)
		a.remove(old)
	}
	c := &client{
		mac: f.Addr2, port: a.portID(a.cfg.SSID), number: uint32(aid), ssid: a.cfg.SSID,
	}
	if !a.cfg.Open {
		c.keys = wpa.NewAuthenticator(a.cfg.BSSID, f.Addr2, dot11.WPA2Enterprise(), rsn, a.group)
	}
	c.frames.Seen(f.Sequence)
	a.add(c, now)
	a.arm(c, now)
}

// admit decides about an association and gives it an ID.
func (a *AP) admit(mac ether.Addr, ssid string, rsnElement []byte) (dot11.Status, uint16) {
	if ssid != a.cfg.SSID {
		return dot11.StatusFailure, 0
	}
	if status := a.suits(rsnElement); status != dot11.StatusSuccess {
		return status, 0
	}
	if c := a.clients[mac]; c != nil {
		return dot11.StatusSuccess, uint16(c.number)
	}
	if len(a.clients) >= a.cfg.MaxClients {
		return dot11.StatusFull, 0
	}
	return dot11.StatusSuccess, a.freeID()
}

// suits judges the RSN element of an association: an open network takes none, any other needs the right one.
func (a *AP) suits(rsnElement []byte) dot11.Status {
	if a.cfg.Open {
		if rsnElement != nil {
			return dot11.StatusInvalidElement
		}
		return dot11.StatusSuccess
	}
	rsn, err := dot11.ParseRSN(rsnElement)
	if err != nil {
		return dot11.StatusInvalidElement
	}
	return rsn.Accepts()
}

// freeID returns the lowest association ID not in use. There is one, as clients are bounded.
func (a *AP) freeID() uint16 {
	used := make([]bool, a.cfg.MaxClients+2)
	for _, c := range a.clients { // order-free: it only marks
		used[c.number] = true
	}
	return uint16(1 + slices.Index(used[1:], false))
}

func (a *AP) left(c *client, now time.Time) {
	if c == nil {
		return
	}
	a.stop(c, now, rfc2866.AcctTerminateCause_Value_UserRequest)
	a.setState(c, Unauthorized, "station left")
	a.remove(c)
}

// data takes a data frame. One from a station that is not associated is of class 3 and is answered as such
// (IEEE 802.11-2020 clause 11.3.3), which tells the stations of an access point that has rebooted.
func (a *AP) data(f dot11.Frame, c *client, now time.Time) {
	if !f.ToDS {
		return
	}
	if c == nil {
		a.send(dot11.NewDeauthentication(f.Addr2, a.cfg.BSSID, a.cfg.BSSID, dot11.ReasonClass3))
		return
	}
	if pdu, ok := dot11.EAPOL(f); ok {
		a.receiveEAPOL(c, pdu, now)
		a.arm(c, now)
	}
}

func (a *AP) transmit(c *client, pdu []byte) {
	a.send(dot11.NewEAPOLFromDS(c.mac, a.cfg.BSSID, pdu))
}

func (a *AP) expel(c *client, reason dot11.Reason) (detached bool) {
	a.send(dot11.NewDeauthentication(c.mac, a.cfg.BSSID, a.cfg.BSSID, reason))
	return true
}

func (a *AP) calledStation(*client) string { return a.called }
