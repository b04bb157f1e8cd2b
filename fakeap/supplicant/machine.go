package supplicant

import (
	"bytes"
	"io"
	"slices"
	"time"

	"nacsim/fakeap/dot11"
	"nacsim/fakeap/eapol"
	"nacsim/fakeap/eappeer"
	"nacsim/fakeap/ether"
	"nacsim/fakeap/wpa"
)

// State is what the user of the station sees.
type State string

// States of a supplicant.
const (
	// Disconnected: not connected, and waiting before the next attempt if there will be one.
	Disconnected State = "disconnected"
	// Associating: looking for an access point, or joining it.
	Associating State = "associating"
	// Authenticating: EAP is running, or the 4-way handshake.
	Authenticating State = "authenticating"
	// Connected: authenticated, and on wireless in possession of the keys.
	Connected State = "connected"
	// Failed: refused. There may be another attempt after a while.
	Failed State = "failed"
)

// phase is what the machine waits for.
type phase uint8

const (
	phaseIdle      phase = iota // nothing, for good
	phaseWait                   // the next attempt
	phaseProbe                  // Probe Response
	phaseOpen                   // Authentication
	phaseAssociate              // Association Response
	phaseStart                  // first EAP request
	phaseEAP                    // next EAP packet
	phaseHandshake              // message 3
	phaseConnected              // nothing, until something happens
)

// change is a change of the state, for the trace.
type change struct {
	state  State
	reason string
	auth   eappeer.Answer // with Connected and Failed: the authentication that led there
}

// machine is the 802.1X supplicant of one link: PAE (IEEE 802.1X-2010 clause 8), on wireless also association
// and 4-way handshake, and the decision when to try again. Frames and the time go in; frames and changes come out
// through the fields out and changes, which the driver empties after each call:
//
//	m.connect(now)
//	for {
//		write m.out; trace m.changes; clear both
//		wait for a frame until m.deadline (zero: for ever)
//		m.receive(frame, now), m.expire(now) or m.carrierLost(now)
//	}
type machine struct {
	cfg  Config
	link Link
	rand io.Reader // nonces
	peer *eappeer.Peer

	phase    phase
	deadline time.Time
	tries    int // transmissions in this phase
	failures int // refusals in a row
	backoff  time.Duration
	state    State

	bssid ether.Addr
	// authenticator is where EAPOL goes on a cable: the group address, until the other end has answered to the
	// station's own (IEEE 802.1X-2004 clause 7.8 allows individual addresses once they are known). With a pair of
	// addresses a conversation can be followed in a capture.
	authenticator ether.Addr
	apRSN         []byte
	associated    bool
	keys          *wpa.Supplicant
	auth          eappeer.Answer   // the last outcome, without its key
	sequence      uint16           // of the last frame sent
	frames        dot11.Duplicates // of the access point

	out     [][]byte
	changes []change
}

// connect begins the first attempt.
func (m *machine) connect(now time.Time) { m.attempt(now) }

func (m *machine) attempt(now time.Time) {
	m.peer.Restart()
	m.tries = 0
	if m.link.wireless() {
		m.become(Associating, "")
		m.bssid, m.associated, m.keys = m.link.BSSID, false, nil
		m.frames = dot11.Duplicates{}
		m.phase = phaseProbe
	} else {
		m.become(Authenticating, "")
		m.authenticator = ether.PAEGroup
		m.phase = phaseStart
	}
	m.transmit(now)
}

// become notes a state for the trace, unless it is the present one with nothing new to say.
func (m *machine) become(s State, reason string) {
	if s == m.state && reason == "" {
		return
	}
	m.state = s
	c := change{state: s, reason: reason}
	if s == Connected || s == Failed {
		c.auth = m.auth
	}
	m.changes = append(m.changes, c)
}

// transmit sends the frame of the phase and sets the time to wait for its answer.
func (m *machine) transmit(now time.Time) {
	m.tries++
	wait := m.cfg.Timers.Associate
	switch m.phase {
	case phaseProbe:
		whom := m.link.BSSID
		if whom == (ether.Addr{}) {
			whom = ether.Broadcast
		}
		m.send(dot11.NewProbeRequest(whom, m.cfg.MAC, m.link.SSID))
	case phaseOpen:
		m.send(dot11.NewAuthentication(m.bssid, m.cfg.MAC, m.bssid, dot11.AuthenticationBody{Sequence: 1}))
	case phaseAssociate:
		m.send(dot11.NewAssociationRequest(m.cfg.MAC, m.bssid, m.link.SSID))
	case phaseStart:
		wait = m.cfg.Timers.Start
		if !m.link.wireless() {
			m.sendEAPOL(eapol.PDU{Type: eapol.TypeStart}.Append(nil))
		}
	}
	m.deadline = now.Add(wait)
}

func (m *machine) enter(p phase, now time.Time) {
	m.phase, m.tries = p, 0
	m.transmit(now)
}

func (m *machine) send(frame []byte) {
	if m.link.wireless() {
		m.sequence++
		dot11.SetSequence(frame, m.sequence)
	}
	m.out = append(m.out, frame)
}

func (m *machine) sendEAPOL(pdu []byte) {
	if m.link.wireless() {
		m.send(dot11.NewEAPOLToDS(m.cfg.MAC, m.bssid, pdu))
		return
	}
	m.send(ether.Frame{Dst: m.authenticator, Src: m.cfg.MAC, Type: ether.TypeEAPOL, Payload: pdu}.Append(nil))
}

// expire does what is due when the deadline has come. Before it does nothing.
func (m *machine) expire(now time.Time) {
	if m.deadline.IsZero() || now.Before(m.deadline) {
		return
	}
	switch m.phase {
	case phaseWait:
		m.attempt(now)
	case phaseProbe, phaseOpen, phaseAssociate:
		if m.tries < managementTries {
			m.transmit(now)
			return
		}
		m.lost(now, "no answer from an access point with SSID "+m.link.SSID)
	case phaseStart:
		if !m.link.wireless() && m.tries < m.cfg.Timers.MaxStart {
			m.transmit(now)
			return
		}
		m.leave(now, "no authenticator")
	case phaseEAP:
		reason := "authentication timed out"
		if why := m.peer.Reason(); why != "" {
			reason += ": " + why
		}
		m.leave(now, reason)
	case phaseHandshake:
		m.leave(now, "4-way handshake timed out")
	}
}

// leave gives up a link that has gone silent.
func (m *machine) leave(now time.Time, reason string) {
	if m.associated {
		m.send(dot11.NewDeauthentication(m.bssid, m.cfg.MAC, m.bssid, dot11.ReasonLeaving))
	}
	m.lost(now, reason)
}

// lost ends an attempt or a connection for a reason other than a refusal, and plans the next attempt.
func (m *machine) lost(now time.Time, reason string) {
	m.associated, m.keys = false, nil
	m.peer.Restart()
	m.become(Disconnected, reason)
	m.backoff = min(max(2*m.backoff, m.cfg.Timers.RetryMin), m.cfg.Timers.RetryMax)
	m.wait(now, m.backoff)
}

// refused ends an attempt with the server's or this side's verdict, and plans the next attempt after the held
// period, if there is to be one.
func (m *machine) refused(now time.Time, reason string) {
	m.failures++
	if m.cfg.NoRetry || m.cfg.MaxFailures > 0 && m.failures >= m.cfg.MaxFailures {
		m.become(Failed, reason+"; giving up")
		m.phase, m.deadline = phaseIdle, time.Time{}
		return
	}
	m.become(Failed, reason)
	m.phase, m.deadline = phaseWait, now.Add(m.cfg.Timers.Held)
}

func (m *machine) wait(now time.Time, d time.Duration) {
	m.phase, m.deadline = phaseWait, now.Add(d)
	if m.cfg.NoRetry {
		m.phase, m.deadline = phaseIdle, time.Time{}
	}
}

// carrierLost says that the other end of the cable has gone.
func (m *machine) carrierLost(now time.Time) { m.lost(now, "no carrier") }

// receive takes a frame. What is not meant for this station, malformed or not expected is ignored.
func (m *machine) receive(frame []byte, now time.Time) {
	if !m.link.wireless() {
		m.receiveEthernet(frame, now)
		return
	}
	f, err := dot11.Parse(frame)
	if err != nil || f.Addr1 != m.cfg.MAC && !f.Addr1.IsGroup() {
		return
	}
	if m.associated && f.Addr2 == m.bssid && f.Kind != dot11.Deauthentication && m.frames.Seen(f.Sequence) {
		return
	}
	switch f.Kind {
	case dot11.ProbeResponse:
		m.probeResponse(f, now)
	case dot11.Authentication:
		m.authenticationResponse(f, now)
	case dot11.AssociationResponse:
		m.associationResponse(f, now)
	case dot11.Deauthentication, dot11.Disassociation:
		m.deauthenticated(f, now)
	case dot11.Data, dot11.QoSData:
		if pdu, ok := dot11.EAPOL(f); ok && f.FromDS && m.associated && f.Addr2 == m.bssid {
			m.receiveEAPOL(pdu, now)
		}
	}
}

func (m *machine) receiveEthernet(frame []byte, now time.Time) {
	f, err := ether.Parse(frame)
	if err != nil || f.Type != ether.TypeEAPOL || f.Dst != ether.PAEGroup && f.Dst != m.cfg.MAC {
		return
	}
	if f.Dst == m.cfg.MAC {
		m.authenticator = f.Src
	}
	m.receiveEAPOL(f.Payload, now)
}

func (m *machine) probeResponse(f dot11.Frame, now time.Time) {
	if m.phase != phaseProbe || m.link.BSSID != (ether.Addr{}) && f.Addr2 != m.link.BSSID {
		return
	}
	ssid, rsnElement, err := dot11.ParseProbeResponse(f)
	if err != nil || ssid != m.link.SSID {
		return
	}
	rsn, err := dot11.ParseRSN(rsnElement)
	if err != nil || !slices.Contains(rsn.AKM, dot11.AKM8021X) {
		return
	}
	m.bssid, m.apRSN = f.Addr2, bytes.Clone(rsnElement)
	m.enter(phaseOpen, now)
}

func (m *machine) authenticationResponse(f dot11.Frame, now time.Time) {
	a, err := dot11.ParseAuthentication(f)
	if m.phase != phaseOpen || err != nil || f.Addr2 != m.bssid || a.Sequence != 2 {
		return
	}
	if a.Status != dot11.StatusSuccess {
		m.lost(now, "access point refuses authentication: "+a.Status.String())
		return
	}
	m.enter(phaseAssociate, now)
}

func (m *machine) associationResponse(f dot11.Frame, now time.Time) {
	status, _, err := dot11.ParseAssociationResponse(f)
	if m.phase != phaseAssociate || err != nil || f.Addr2 != m.bssid {
		return
	}
	if status != dot11.StatusSuccess {
		m.lost(now, "access point refuses association: "+status.String())
		return
	}
	m.associated = true
	m.keys = wpa.NewSupplicant(m.bssid, m.cfg.MAC, dot11.WPA2Enterprise(), m.apRSN)
	m.become(Authenticating, "")
	m.enter(phaseStart, now)
}

func (m *machine) deauthenticated(f dot11.Frame, now time.Time) {
	reason, err := dot11.ParseReason(f)
	if err != nil || f.Addr2 != m.bssid {
		return
	}
	switch m.phase {
	case phaseOpen, phaseAssociate, phaseStart, phaseEAP, phaseHandshake, phaseConnected:
		m.lost(now, "deauthenticated: "+reason.String())
	default:
		m.associated = false // it follows a refusal: the next attempt is planned already
	}
}

func (m *machine) receiveEAPOL(payload []byte, now time.Time) {
	pdu, err := eapol.Parse(payload)
	if err != nil {
		return
	}
	switch pdu.Type {
	case eapol.TypeEAP:
		m.receiveEAP(pdu.Body, now)
	case eapol.TypeKey:
		m.receiveKey(payload, now)
	}
}

func (m *machine) receiveEAP(packet []byte, now time.Time) {
	a := m.peer.Receive(now, packet)
	if a.Response != nil {
		if !a.Repeated {
			m.begin(now)
		}
		m.sendEAPOL(eapol.PDU{Type: eapol.TypeEAP, Body: a.Response}.Append(nil))
	}
	if a.Outcome != eappeer.Undecided {
		if m.cfg.Finished != nil {
			m.cfg.Finished(a)
		}
		m.auth = a
		m.auth.MSK = nil
	}
	switch a.Outcome {
	case eappeer.Succeeded:
		m.succeeded(a.MSK, now)
	case eappeer.Failed:
		m.refused(now, a.Reason)
	}
}

// begin follows a request that has been answered. One that comes unasked starts a re-authentication, or ends
// the wait of a station that had been refused (IEEE 802.1X-2010 clause 8.5, state HELD to RESTART).
func (m *machine) begin(now time.Time) {
	switch m.phase {
	case phaseConnected, phaseHandshake:
		m.become(Authenticating, "re-authentication")
	case phaseIdle, phaseWait:
		m.become(Authenticating, "asked for identity")
	}
	m.phase, m.deadline = phaseEAP, now.Add(m.cfg.Timers.Auth)
}

func (m *machine) succeeded(msk []byte, now time.Time) {
	if !m.link.wireless() {
		m.connected()
		return
	}
	var nonce [32]byte
	if _, err := io.ReadFull(m.rand, nonce[:]); err != nil {
		m.leave(now, "no randomness for the 4-way handshake: "+err.Error())
		return
	}
	m.keys.SetPMK(msk[:wpa.PMKLen], nonce)
	m.phase, m.deadline = phaseHandshake, now.Add(m.cfg.Timers.Handshake)
}

func (m *machine) connected() {
	m.failures, m.backoff = 0, 0
	m.phase, m.deadline = phaseConnected, time.Time{}
	m.become(Connected, "")
}

func (m *machine) receiveKey(pdu []byte, now time.Time) {
	if m.keys == nil {
		return
	}
	out := m.keys.Receive(pdu)
	if out.Send != nil {
		m.sendEAPOL(out.Send)
	}
	switch {
	case out.State == wpa.Failed:
		m.leave(now, "4-way handshake: "+out.Reason.String())
	case out.State == wpa.Done && m.phase == phaseHandshake:
		m.connected()
	}
}

// disconnect says goodbye, where there is somebody to hear it.
func (m *machine) disconnect() {
	if m.associated {
		m.send(dot11.NewDeauthentication(m.bssid, m.cfg.MAC, m.bssid, dot11.ReasonLeaving))
	}
	m.associated, m.phase, m.deadline = false, phaseIdle, time.Time{}
	m.peer.Close()
	m.become(Disconnected, "left")
}
