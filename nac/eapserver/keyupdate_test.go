package eapserver

import (
	"bytes"
	"crypto/aes"
	"crypto/cipher"
	"crypto/hkdf"
	"crypto/sha256"
	"crypto/tls"
	"encoding/binary"
	"encoding/hex"
	"testing"

	"nacsim/internal/eap"
)

// A rekeyer writes the client's records of TLS 1.3 itself, since crypto/tls never begins a KeyUpdate. It learns the secret
// from the key log.
type rekeyer struct {
	t      *testing.T
	secret []byte
	seq    byte
}

func (r *rekeyer) Write(line []byte) (int, error) {
	if bytes.HasPrefix(line, []byte("CLIENT_TRAFFIC_SECRET_0 ")) {
		line := bytes.TrimSpace(line)
		r.secret, _ = hex.DecodeString(string(line[bytes.LastIndexByte(line, ' ')+1:]))
	}
	return len(line), nil
}

// expand is HKDF-Expand-Label (RFC 8446 section 7.1) with SHA-256.
func (r *rekeyer) expand(label string, n int) []byte {
	info := binary.BigEndian.AppendUint16(nil, uint16(n))
	info = append(append(append(info, byte(6+len(label))), "tls13 "+label...), 0)
	b, err := hkdf.Expand(sha256.New, r.secret, string(info), n)
	if err != nil {
		r.t.Fatal(err)
	}
	return b
}

// record seals a record of TLS_AES_128_GCM_SHA256.
func (r *rekeyer) record(typ byte, data []byte) []byte {
	block, err := aes.NewCipher(r.expand("key", 16))
	if err != nil {
		r.t.Fatal(err)
	}
	aead, err := cipher.NewGCM(block)
	if err != nil {
		r.t.Fatal(err)
	}
	nonce := r.expand("iv", 12)
	nonce[11] ^= r.seq
	r.seq++
	plain := append(bytes.Clone(data), typ)
	header := binary.BigEndian.AppendUint16([]byte{23, 3, 3}, uint16(len(plain)+aead.Overhead()))
	return aead.Seal(header, nonce, plain, header)
}

// seal has new keys on both sides in front of the data (RFC 8446 section 4.6.3).
func (r *rekeyer) seal(data []byte) []byte {
	update := r.record(22, []byte{24, 0, 0, 1, 1})
	r.secret, r.seq = r.expand("traffic upd", sha256.Size), 0
	return append(update, r.record(23, data)...)
}

// TestKeyUpdate: a client may ask for new keys at any time, and reads what the server says then.
func TestKeyUpdate(t *testing.T) {
	for name, r := range map[string]*tunnelRun{
		"EAP-TTLS": newTunnelRun(t, eap.TypeTTLS, tls.VersionTLS13, mschap2),
		"PEAP":     newTunnelRun(t, eap.TypePEAP, tls.VersionTLS13, inPEAP(eapMSCHAPv2)),
	} {
		keys := &rekeyer{t: t}
		r.peer.config.KeyLogWriter, r.peer.seal = keys, keys.seal
		r.play(t)
		if r.peer.code != eap.Success || r.peer.err != nil || r.peer.told != "success" {
			t.Errorf("%s: peer gets %v, has %v, is told %q, server has %v", name, r.peer.code, r.peer.err, r.peer.told, r.failure)
		}
	}
}
