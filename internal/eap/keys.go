package eap

import (
	"crypto/tls"
	"errors"
	"fmt"
)

// KeyLen is the length of the MSK and of the EMSK, in octets (RFC 5247 section 1.2).
const KeyLen = 64

var errNoKeys = errors.New("eap: no keys before the TLS handshake is complete")

// Keys derives the Master Session Key and the Extended Master Session Key of a TLS-based method from the
// completed handshake: RFC 5216 section 2.3 for EAP-TLS, RFC 5281 section 8 for EAP-TTLS and the PEAP
// specification with TLS 1.2, RFC 9190 section 2.3 and RFC 9427 section 2.1 with TLS 1.3. TEAP derives its
// own from [TLS.TEAPSeed]. MSK[0:32] is what the
// NAS receives as MS-MPPE-Recv-Key and MSK[32:64] as MS-MPPE-Send-Key.
//
// TLS 1.2 without extended master secret is accepted, as deployed peers need; that takes the go.mod setting
// tlsunsafeekm=1.
func (t *TLS) Keys(method Type) (msk, emsk []byte, err error) {
	if !t.complete {
		return nil, nil, errNoKeys
	}
	label, context, err := keyLabel(method, t.State().Version)
	if err != nil {
		return nil, nil, err
	}
	k, err := t.export(label, context, 2*KeyLen)
	if err != nil {
		return nil, nil, err
	}
	return k[:KeyLen:KeyLen], k[KeyLen:], nil
}

// keyLabel returns the exporter label and context. A nil context and an empty one differ in TLS 1.2.
func keyLabel(method Type, version uint16) (label string, context []byte, err error) {
	switch method {
	case TypeTLS, TypePEAP:
		label = "client EAP encryption"
	case TypeTTLS:
		label = "ttls keying material"
	default:
		return "", nil, fmt.Errorf("eap: no key derivation for %v", method)
	}
	if version >= tls.VersionTLS13 {
		return "EXPORTER_EAP_TLS_Key_Material", []byte{byte(method)}, nil
	}
	return label, nil, nil
}

// TEAPSeedLen is the length of TEAP's session key seed, in octets.
const TEAPSeedLen = 40

// TEAPSeed returns TEAP's session_key_seed (RFC 7170 section 5.1, RFC 9930 with TLS 1.3).
func (t *TLS) TEAPSeed() ([]byte, error) {
	return t.export("EXPORTER: teap session key seed", nil, TEAPSeedLen)
}

func (t *TLS) export(label string, context []byte, n int) ([]byte, error) {
	if !t.complete {
		return nil, errNoKeys
	}
	state := t.State()
	k, err := state.ExportKeyingMaterial(label, context, n)
	if err != nil {
		return nil, fmt.Errorf("eap: keys for %q: %w", label, err)
	}
	return k, nil
}
