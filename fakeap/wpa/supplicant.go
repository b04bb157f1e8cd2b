package wpa

import (
	"bytes"

	"nacsim/fakeap/dot11"
	"nacsim/fakeap/eapol"
	"nacsim/fakeap/ether"
)

// Supplicant is the station's side of the handshake with one access point.
type Supplicant struct {
	aa, spa ether.Addr
	rsn     []byte
	apRSN   []byte

	state    State
	pmk      []byte
	anonce   [32]byte
	snonce   [32]byte
	ptk      PTK // proved by message 3
	fresh    PTK // derived from message 1, not proved yet
	haveM1   bool
	gtk      [16]byte
	replay   uint64
	authored bool // a frame with a valid MIC has set replay
	ignored  int
}

// NewSupplicant prepares handshakes of station spa with access point aa. Rsn is the RSN element of the station's
// Association Request, apRSN the one of the access point's Probe Response.
func NewSupplicant(aa, spa ether.Addr, rsn, apRSN []byte) *Supplicant {
	return &Supplicant{aa: aa, spa: spa, rsn: bytes.Clone(rsn), apRSN: bytes.Clone(apRSN)}
}

// SetPMK installs the key of an authentication that has just succeeded, with a fresh random nonce for the
// handshake that follows. Until then every PDU is ignored.
func (s *Supplicant) SetPMK(pmk []byte, nonce [32]byte) {
	s.pmk, s.snonce = bytes.Clone(pmk), nonce
	s.state, s.haveM1 = Running, false
}

// State is the state after the last input.
func (s *Supplicant) State() State { return s.state }

// Ignored is the number of PDUs discarded so far: wrong MIC, replayed, or not expected.
func (s *Supplicant) Ignored() int { return s.ignored }

// TK is the temporal key in use, zero before the first handshake is Done.
func (s *Supplicant) TK() [16]byte { return s.ptk.TK }

// GTK is the group key in use, zero before the first handshake is Done.
func (s *Supplicant) GTK() [16]byte { return s.gtk }

// Receive takes a whole EAPOL PDU of type Key from the access point. State is Done in the Output of message 3,
// also of a repeated one: the keys are then in use already, and only message 4 is sent again.
func (s *Supplicant) Receive(pdu []byte) Output {
	p, err := eapol.Parse(pdu)
	if err != nil || p.Type != eapol.TypeKey || s.pmk == nil {
		return s.ignore()
	}
	k, err := eapol.ParseKey(p.Body)
	if err != nil {
		return s.ignore()
	}
	const must, mustNot = eapol.KeyAck | eapol.KeyPairwise, eapol.KeyRequest | eapol.KeyError
	if k.Info&eapol.KeyVersionMask != eapol.KeyVersionAES || k.Info&must != must || k.Info&mustNot != 0 {
		return s.ignore()
	}
	if s.authored && k.ReplayCounter <= s.replay {
		return s.ignore()
	}
	if k.Info&eapol.KeyMIC == 0 {
		return s.message1(k)
	}
	return s.message3(k, pdu[:4+len(p.Body)])
}

func (s *Supplicant) message1(k eapol.Key) Output {
	s.anonce = k.Nonce
	s.fresh = DerivePTK(s.pmk, s.aa, s.spa, s.anonce, s.snonce)
	s.haveM1 = true
	return s.answer(k, s.rsn, 0)
}

func (s *Supplicant) message3(k eapol.Key, pdu []byte) Output {
	const must = eapol.KeyInstall | eapol.KeySecure | eapol.KeyEncrypted
	if !s.haveM1 || k.Info&must != must || k.Nonce != s.anonce || !verify(s.fresh.KCK, pdu) {
		return s.ignore()
	}
	rsn, gtk, err := unwrapKeyData(s.fresh.KEK, k.Data)
	if err != nil {
		return s.ignore()
	}
	if !bytes.Equal(rsn, s.apRSN) {
		s.state = Failed
		return Output{State: Failed, Reason: dot11.ReasonElementMismatch}
	}
	s.replay, s.authored = k.ReplayCounter, true
	if s.state != Done { // a repeated message 3 must not install the keys again (clause 12.7.6.4)
		s.ptk, s.gtk, s.state = s.fresh, gtk, Done
	}
	return s.answer(k, nil, eapol.KeySecure)
}

// answer builds message 2 or 4.
func (s *Supplicant) answer(to eapol.Key, data []byte, info eapol.KeyInfo) Output {
	k := eapol.Key{
		Descriptor:    eapol.DescriptorRSN,
		Info:          eapol.KeyVersionAES | eapol.KeyPairwise | eapol.KeyMIC | info,
		ReplayCounter: to.ReplayCounter,
		Data:          data,
	}
	if data != nil {
		k.Nonce = s.snonce
	}
	pdu := eapol.PDU{Type: eapol.TypeKey, Body: k.Append(nil)}.Append(nil)
	sign(s.fresh.KCK, pdu)
	return Output{Send: pdu, State: s.state}
}

func (s *Supplicant) ignore() Output {
	s.ignored++
	return Output{State: s.state}
}
