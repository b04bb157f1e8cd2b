// Package wpa plays the 4-way handshake of WPA2-Enterprise (IEEE 802.11-2020 clause 12.7.6) for AKM 00-0F-AC:1
// with CCMP: key descriptor version 2, HMAC-SHA1-128 MICs and AES key wrap.
//
// Both sides are engines without input and output of their own. The authenticator is driven like this:
//
//	out := a.Start(pmk, nonce, now)
//	for {
//		send(out.Send)                       // if not nil
//		if out.State != wpa.Running { break }
//		out = a.Receive(pdu, now)            // when an EAPOL-Key PDU arrives before out.Deadline, or
//		out = a.Timeout(now)                 // when out.Deadline has come
//	}
//
// The supplicant only answers: Receive for each EAPOL-Key PDU. The same engines play the handshake again, with
// the PMK of a re-authentication, without starting their replay counters anew. Neither is safe for concurrent
// use.
//
// A PMK that differs between the two sides shows as it does on air: the authenticator finds the MIC of message 2
// wrong, ignores it, sends message 1 again and at last gives up with reason code 15.
package wpa

import (
	"bytes"
	"time"

	"nacsim/fakeap/dot11"
	"nacsim/fakeap/eapol"
	"nacsim/fakeap/ether"
)

// State tells how far a handshake is.
type State uint8

// States of a handshake.
const (
	// Idle is the state before the first handshake.
	Idle State = iota
	Running
	// Done means that both sides have proved the same PMK and the keys are in use.
	Done
	// Failed means that the station must be deauthenticated with the Reason of the Output.
	Failed
)

// Transmissions of messages 1 and 3, and the wait after the first and after each later one, are those of
// hostapd: four in all.
const (
	maxTransmissions = 4
	firstTimeout     = 100 * time.Millisecond
	laterTimeout     = time.Second
)

// Output is what an engine wants done after an input.
type Output struct {
	// Send is an EAPOL PDU for the peer, or nil.
	Send  []byte
	State State
	// Deadline is when Timeout is due; zero means never.
	Deadline time.Time
	// Reason is set when State is Failed.
	Reason dot11.Reason
}

// Authenticator is the access point's side of the handshake with one station.
type Authenticator struct {
	aa, spa    ether.Addr
	rsn        []byte
	stationRSN []byte
	gtk        [16]byte

	state    State
	message  int // the one sent last: 1 or 3
	sent     int // transmissions of it
	deadline time.Time
	pmk      []byte
	anonce   [32]byte
	ptk      PTK
	replay   uint64 // counter of the last PDU sent
	oldest   uint64 // counter of the first transmission of message
	ignored  int
}

// NewAuthenticator prepares handshakes between access point aa and station spa. Rsn is the RSN element the access
// point announces, stationRSN the one of the station's Association Request; gtk is the group key of the BSS.
func NewAuthenticator(aa, spa ether.Addr, rsn, stationRSN []byte, gtk [16]byte) *Authenticator {
	return &Authenticator{aa: aa, spa: spa, rsn: rsn, stationRSN: bytes.Clone(stationRSN), gtk: gtk}
}

// Start begins a handshake with a fresh random nonce. One that is running is abandoned.
func (a *Authenticator) Start(pmk []byte, nonce [32]byte, now time.Time) Output {
	a.state, a.message, a.sent = Running, 1, 0
	a.pmk, a.anonce = bytes.Clone(pmk), nonce
	a.oldest = a.replay + 1
	return a.transmit(now)
}

// Stop abandons a handshake that is running.
func (a *Authenticator) Stop() {
	if a.state == Running {
		a.state = Idle
	}
}

// State is the state after the last input.
func (a *Authenticator) State() State { return a.state }

// Deadline is when Timeout is due; zero means never.
func (a *Authenticator) Deadline() time.Time {
	if a.state != Running {
		return time.Time{}
	}
	return a.deadline
}

// Ignored is the number of PDUs discarded so far: wrong MIC, replayed, or not expected.
func (a *Authenticator) Ignored() int { return a.ignored }

// TK is the temporal key in use, zero before the first handshake is Done.
func (a *Authenticator) TK() [16]byte { return a.ptk.TK }

// Timeout repeats the message the station has not answered, or gives up. Before the deadline it does nothing.
func (a *Authenticator) Timeout(now time.Time) Output {
	if a.state != Running || now.Before(a.deadline) {
		return a.output(nil)
	}
	if a.sent >= maxTransmissions {
		return a.fail(dot11.ReasonHandshakeTimeout)
	}
	return a.transmit(now)
}

// Receive takes a whole EAPOL PDU of type Key from the station. What is malformed, replayed, not authentic or
// not expected is ignored, as clause 12.7.6 demands.
func (a *Authenticator) Receive(pdu []byte, now time.Time) Output {
	p, err := eapol.Parse(pdu)
	if err != nil || p.Type != eapol.TypeKey || a.state != Running {
		return a.ignore()
	}
	k, err := eapol.ParseKey(p.Body)
	if err != nil || !a.expected(k) {
		return a.ignore()
	}
	pdu = pdu[:4+len(p.Body)]
	if a.message == 1 {
		return a.message2(k, pdu, now)
	}
	if !verify(a.ptk.KCK, pdu) {
		return a.ignore()
	}
	a.state = Done
	return a.output(nil)
}

// expected checks what messages 2 and 4 have in common. Answers to earlier transmissions of the same message
// count: on a slow link the answer crosses the retransmission.
func (a *Authenticator) expected(k eapol.Key) bool {
	const must, mustNot = eapol.KeyMIC | eapol.KeyPairwise, eapol.KeyAck | eapol.KeyRequest | eapol.KeyError
	if k.Info&eapol.KeyVersionMask != eapol.KeyVersionAES || k.Info&must != must || k.Info&mustNot != 0 {
		return false
	}
	return k.ReplayCounter >= a.oldest && k.ReplayCounter <= a.replay
}

func (a *Authenticator) message2(k eapol.Key, pdu []byte, now time.Time) Output {
	ptk := DerivePTK(a.pmk, a.aa, a.spa, a.anonce, k.Nonce)
	if !verify(ptk.KCK, pdu) {
		return a.ignore()
	}
	if !bytes.Equal(k.Data, a.stationRSN) {
		return a.fail(dot11.ReasonElementMismatch)
	}
	a.ptk = ptk
	a.message, a.sent = 3, 0
	a.oldest = a.replay + 1
	return a.transmit(now)
}

func (a *Authenticator) transmit(now time.Time) Output {
	a.sent++
	a.replay++
	a.deadline = now.Add(laterTimeout)
	if a.sent == 1 {
		a.deadline = now.Add(firstTimeout)
	}
	k := eapol.Key{
		Descriptor:    eapol.DescriptorRSN,
		Info:          eapol.KeyVersionAES | eapol.KeyPairwise | eapol.KeyAck,
		Length:        16,
		ReplayCounter: a.replay,
		Nonce:         a.anonce,
	}
	if a.message == 1 {
		return a.output(eapol.PDU{Type: eapol.TypeKey, Body: k.Append(nil)}.Append(nil))
	}
	data, err := wrapKeyData(a.ptk.KEK, a.rsn, a.gtk, 1)
	if err != nil {
		return a.fail(dot11.ReasonUnspecified)
	}
	k.Info |= eapol.KeyMIC | eapol.KeyInstall | eapol.KeySecure | eapol.KeyEncrypted
	k.Data = data
	pdu := eapol.PDU{Type: eapol.TypeKey, Body: k.Append(nil)}.Append(nil)
	sign(a.ptk.KCK, pdu)
	return a.output(pdu)
}

func (a *Authenticator) output(send []byte) Output {
	return Output{Send: send, State: a.state, Deadline: a.Deadline()}
}

func (a *Authenticator) fail(reason dot11.Reason) Output {
	a.state = Failed
	return Output{State: Failed, Reason: reason}
}

func (a *Authenticator) ignore() Output {
	a.ignored++
	return a.output(nil)
}
