package eap

import (
	"bytes"
	"crypto/aes"
	"crypto/cipher"
	"crypto/hkdf"
	"crypto/sha256"
	"crypto/sha512"
	"crypto/tls"
	"encoding/binary"
	"encoding/hex"
	"hash"
	"io"

	"golang.org/x/crypto/chacha20poly1305"
)

// The parts of a TLS record that replaceAlert looks at (RFC 8446 section 5).
const (
	recordHeader       = 5 // type, version, length
	recordAlert        = 21
	recordApplication  = 23
	levelFatal         = 2
	alertBody          = 2   // level, description
	maxSequence        = 256 // records that replaceAlert believes were sealed under one secret
	trafficIVLen       = chacha20poly1305.NonceSize
	aeadTagLen         = chacha20poly1305.Overhead // the same for all three cipher suites
	sealedAlertContent = alertBody + 1 + aeadTagLen
)

// replaceAlert changes the alert that is the last of records, as crypto/tls wrote it, into the fatal alert a, and
// reports whether it could. crypto/tls sends bad_certificate whatever a verification callback finds, and a client does
// so whatever is wrong with the server's certificate.
//
// An unencrypted alert is rewritten. One of TLS 1.3 is opened and sealed anew; under which secret and sequence number
// crypto/tls sealed it is found by trying those that are possible. The same nonce then protects two plaintexts, but the
// first record is never sent. An encrypted alert of TLS 1.2 stays as it is.
func (t *TLS) replaceAlert(records []byte, a Alert) bool {
	record := lastRecord(records)
	if record == nil {
		return false
	}
	body := record[recordHeader:]
	switch {
	case record[0] == recordAlert && len(body) == alertBody:
		body[0], body[1] = levelFatal, byte(a)
		return true
	case record[0] != recordApplication || len(body) != sealedAlertContent:
		return false
	}
	for _, secret := range t.secrets.own {
		if reseal(t.State().CipherSuite, secret, record, a) {
			return true
		}
	}
	return false
}

// lastRecord returns the last of whole records, or nil.
func lastRecord(records []byte) []byte {
	for len(records) >= recordHeader {
		n := recordHeader + int(binary.BigEndian.Uint16(records[3:]))
		if n >= len(records) {
			if n == len(records) {
				return records
			}
			return nil
		}
		records = records[n:]
	}
	return nil
}

// reseal replaces the alert in a record that was sealed under the traffic secret, and reports whether it was.
func reseal(suite uint16, secret, record []byte, a Alert) bool {
	aead, iv := trafficKeys(suite, secret)
	if aead == nil {
		return false
	}
	header, body := record[:recordHeader], record[recordHeader:]
	var inner [sealedAlertContent]byte
	for seq := range uint64(maxSequence) {
		// RFC 8446 section 5.3: the nonce is the IV, exclusive-or the sequence number on the right.
		var nonce [trafficIVLen]byte
		binary.BigEndian.PutUint64(nonce[trafficIVLen-8:], seq)
		for i := range nonce {
			nonce[i] ^= iv[i]
		}
		plain, err := aead.Open(inner[:0], nonce[:], body, header)
		if err != nil {
			continue
		}
		if plain[alertBody] != recordAlert {
			return false
		}
		aead.Seal(body[:0], nonce[:], []byte{levelFatal, byte(a), recordAlert}, header)
		return true
	}
	return false
}

// trafficKeys derives what seals records under a traffic secret (RFC 8446 section 7.3).
func trafficKeys(suite uint16, secret []byte) (aead cipher.AEAD, iv []byte) {
	var newHash func() hash.Hash
	var keyLen int
	newAEAD := newGCM
	switch suite {
	case tls.TLS_AES_128_GCM_SHA256:
		newHash, keyLen = sha256.New, 16
	case tls.TLS_AES_256_GCM_SHA384:
		newHash, keyLen = sha512.New384, 32
	case tls.TLS_CHACHA20_POLY1305_SHA256:
		newHash, keyLen, newAEAD = sha256.New, chacha20poly1305.KeySize, chacha20poly1305.New
	default:
		return nil, nil
	}
	key, err := expandLabel(newHash, secret, "key", keyLen)
	if err != nil {
		return nil, nil
	}
	if iv, err = expandLabel(newHash, secret, "iv", trafficIVLen); err != nil {
		return nil, nil
	}
	if aead, err = newAEAD(key); err != nil {
		return nil, nil
	}
	return aead, iv
}

func newGCM(key []byte) (cipher.AEAD, error) {
	block, err := aes.NewCipher(key)
	if err != nil {
		return nil, err
	}
	return cipher.NewGCM(block)
}

// expandLabel is HKDF-Expand-Label of RFC 8446 section 7.1 with an empty context.
func expandLabel(h func() hash.Hash, secret []byte, label string, n int) ([]byte, error) {
	info := binary.BigEndian.AppendUint16(nil, uint16(n))
	info = append(info, byte(len("tls13 ")+len(label)))
	info = append(info, "tls13 "...)
	info = append(info, label...)
	info = append(info, 0)
	return hkdf.Expand(h, secret, string(info), n)
}

// A secretTap is a key log that keeps the TLS 1.3 traffic secrets under which its own side writes, and passes
// everything on.
type secretTap struct {
	next   io.Writer
	prefix []byte   // of the lines with its own secrets
	own    [][]byte // of the handshake and of application data
}

var (
	serverSecrets = []byte("SERVER_")
	clientSecrets = []byte("CLIENT_")
)

// Write takes lines like "SERVER_TRAFFIC_SECRET_0 <client random> <secret>". The exporter's secret has another prefix,
// and TLS 1.2's CLIENT_RANDOM is harmless: it opens no record.
func (s *secretTap) Write(line []byte) (int, error) {
	if bytes.HasPrefix(line, s.prefix) && bytes.Contains(line, []byte("TRAFFIC_SECRET")) {
		line := bytes.TrimSpace(line)
		if secret, err := hex.AppendDecode(nil, line[bytes.LastIndexByte(line, ' ')+1:]); err == nil {
			s.own = append(s.own, secret)
		}
	}
	if s.next == nil {
		return len(line), nil
	}
	return s.next.Write(line)
}
