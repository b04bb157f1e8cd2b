package peap

import (
	"bytes"
	"testing"

	"nacsim/internal/eap"
)

func TestBinding(t *testing.T) {
	tunnel, inside, nonce := [eap.KeyLen]byte{1, 2, 63: 3}, [32]byte{4, 31: 5}, [NonceLen]byte{6}
	for name, b := range map[string]*Binding{"full": NewBinding(tunnel, inside), "resumed": ResumedBinding(tunnel)} {
		for _, response := range []bool{false, true} {
			v := b.TLV(response, nonce)
			wire := v.Append(nil)
			if len(wire) != 60 || wire[1] != 12 || wire[3] != 56 {
				t.Errorf("%s: TLV is %x", name, wire)
			}
			if !b.Check(v, response) || b.Check(v, !response) {
				t.Errorf("%s: TLV of response %v is not taken for that", name, response)
			}
			for i := range v.Data {
				changed := TLV{Type: v.Type, Data: bytes.Clone(v.Data)}
				changed.Data[i] ^= 1
				if b.Check(changed, response) {
					t.Errorf("%s: a change of octet %d is not noticed", name, i)
				}
			}
			if b.Check(TLV{Type: v.Type, Data: v.Data[:55]}, response) || b.Check(TLV{Type: TLVResult, Data: v.Data}, response) {
				t.Errorf("%s: another TLV is taken for it", name)
			}
			if NewBinding(tunnel, [32]byte{9}).Check(v, response) {
				t.Errorf("%s: other keys inside are not noticed", name)
			}
		}
		if msk := b.MSK(); len(msk) != eap.KeyLen || bytes.Equal(msk, tunnel[:]) {
			t.Errorf("%s: MSK is %x", name, msk)
		}
	}
}
