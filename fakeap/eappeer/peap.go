package eappeer

import (
	"errors"
	"io"
	"slices"

	"nacsim/internal/eap"
	"nacsim/internal/eap/peap"
)

// peapInside is the second phase of PEAP version 0 ([MS-PEAP]): EAP, and at its end the Result TLV of the Extensions
// method, in which both sides protect the outcome. The server speaks first.
type peapInside struct {
	tls    *eap.TLS
	policy CryptoBinding
	rand   io.Reader
	eap    exchange
	agreed bool   // both sides have said success
	bound  []byte // the MSK, where both sides have bound the tunnel
	reason string
}

func newPEAP(p *Peer, tls *eap.TLS) *peapInside {
	return &peapInside{tls: tls, policy: p.cfg.CryptoBinding, rand: p.cfg.Rand, eap: p.innerExchange(p.cfg.credentials())}
}

func (i *peapInside) begin() ([]byte, error) { return nil, nil }

func (i *peapInside) receive(id uint8, data []byte) ([]byte, error) {
	q, err := peap.Unwrap(eap.Request, id, data)
	if err != nil {
		return nil, err
	}
	if q.Code != eap.Request {
		return nil, nil // version 0 protects the outcome by the Result TLV
	}
	r := eap.Packet{Code: eap.Response, ID: q.ID}
	if q.Type == peap.TypeExtensions {
		r.Type = peap.TypeExtensions
		if r.Data, err = i.extensions(q.Data); err != nil || r.Data == nil {
			return nil, err
		}
		return peap.Wrap(r), nil
	}
	var ok bool
	if r.Type, r.Data, ok = i.eap.respond(q); !ok {
		return nil, i.eap.aborted()
	}
	return peap.Wrap(r), nil
}

// extensions answers the Result TLV with this side's own verdict, and what it must know and does not with a NAK TLV.
func (i *peapInside) extensions(data []byte) ([]byte, error) {
	tlvs, err := peap.ParseTLVs(data)
	if err != nil {
		return nil, err
	}
	for _, v := range tlvs {
		if v.Mandatory && v.Type != peap.TLVResult && v.Type != peap.TLVCryptoBinding {
			nak := peap.TLV{Type: peap.TLVNAK, Mandatory: true, Data: []byte{0, 0, 0, 0, byte(v.Type >> 8), byte(v.Type)}}
			return nak.Append(nil), nil
		}
	}
	success, ok := peap.ResultOf(tlvs)
	if !ok {
		return nil, nil
	}
	// A resumed session has no inner method: the one before has authenticated both sides.
	convinced := i.eap.succeeded() || i.resumed()
	switch {
	case !success:
		i.reason = "server refuses the user inside the tunnel"
		return peap.Result(false).Append(nil), nil
	case !convinced:
		i.reason = errNotProven.Error()
		return peap.Result(false).Append(nil), nil
	}
	binding, err := i.bind(tlvs)
	if err != nil {
		i.reason = err.Error()
		return peap.Result(false).Append(nil), nil
	}
	i.agreed = true
	return append(peap.Result(true).Append(nil), binding...), nil
}

func (i *peapInside) resumed() bool { return i.eap.method == nil && i.tls.State().DidResume }

var errBinding = errors.New("server does not bind what is inside to the tunnel")

// bind verifies the server's Crypto-Binding TLV, and returns the answer to it.
func (i *peapInside) bind(tlvs []peap.TLV) ([]byte, error) {
	n := slices.IndexFunc(tlvs, func(v peap.TLV) bool { return v.Type == peap.TLVCryptoBinding })
	switch {
	case n < 0 && i.policy == RequireBinding:
		return nil, errBinding
	case n < 0 || i.policy == NoBinding:
		return nil, nil
	}
	msk, _, err := i.tls.Keys(eap.TypePEAP)
	if err != nil {
		return nil, err
	}
	b := peap.ResumedBinding([eap.KeyLen]byte(msk))
	if !i.resumed() {
		inner, _, err := i.eap.method.keys()
		if err != nil {
			return nil, err
		}
		var key [32]byte
		copy(key[:], inner)
		b = peap.NewBinding([eap.KeyLen]byte(msk), key)
	}
	if !b.Check(tlvs[n], false) {
		return nil, errBinding
	}
	var nonce [peap.NonceLen]byte
	if _, err := io.ReadFull(i.rand, nonce[:]); err != nil {
		return nil, err
	}
	i.bound = b.MSK()
	return b.TLV(true, nonce).Append(nil), nil
}

func (i *peapInside) keys() (msk, emsk []byte) { return i.bound, nil }

func (i *peapInside) succeeded() bool { return i.agreed }

func (i *peapInside) failure() string {
	if reason, _ := i.eap.failure(); reason != "" {
		return reason
	}
	return i.reason
}

func (i *peapInside) close() { i.eap.close() }
