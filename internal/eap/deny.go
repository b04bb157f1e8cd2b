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
)

// Deny returns the records with which a server refuses a client whose certificate was fine: the fatal alert
// access_denied of RFC 8446 section 6.2, in place of the success indication (RFC 9190 section 2.1.3). It is for a
// completed TLS 1.3 handshake and must be the first thing sent after it.
//
// crypto/tls has no way to send an alert of one's choice, so the record is sealed here, with the server's traffic
// secret. Where that cannot be done (TLS 1.2, a ChaCha20 cipher suite) the alert is close_notify: EAP-Failure,
// which follows in any case, carries the refusal. The alert sent is returned beside the records.
func (t *TLS) Deny() (out []byte, sent Alert, err error) {
	if t.complete && t.err == nil && !t.closed && !t.sealedOut && t.secret != nil {
		if record := t.secret.seal(t.State().CipherSuite, AlertAccessDenied); record != nil {
			t.sealedOut = true
			return record, AlertAccessDenied, nil
		}
	}
	out, err = t.CloseNotify()
	return out, AlertCloseNotify, err
}

// A secretTap is a key log that keeps the server's first TLS 1.3 application traffic secret, and passes
// everything on.
type secretTap struct {
	next   io.Writer
	secret []byte
}

func (s *secretTap) Write(line []byte) (int, error) {
	if rest, ok := bytes.CutPrefix(line, []byte("SERVER_TRAFFIC_SECRET_0 ")); ok {
		if _, secret, ok := bytes.Cut(bytes.TrimSpace(rest), []byte(" ")); ok {
			s.secret, _ = hex.AppendDecode(nil, secret)
		}
	}
	if s.next == nil {
		return len(line), nil
	}
	return s.next.Write(line)
}

// seal returns the alert as the first record under the traffic secret, or nil when that is impossible.
// RFC 8446 sections 5.2 (record), 5.3 (nonce: the IV itself for sequence number zero) and 7.3 (keys).
func (s *secretTap) seal(suite uint16, a Alert) []byte {
	var newHash func() hash.Hash
	var keyLen int
	switch suite {
	case tls.TLS_AES_128_GCM_SHA256:
		newHash, keyLen = sha256.New, 16
	case tls.TLS_AES_256_GCM_SHA384:
		newHash, keyLen = sha512.New384, 32
	}
	if keyLen == 0 || len(s.secret) == 0 {
		return nil
	}
	key, err := expandLabel(newHash, s.secret, "key", keyLen)
	if err != nil {
		return nil
	}
	iv, err := expandLabel(newHash, s.secret, "iv", 12)
	if err != nil {
		return nil
	}
	block, err := aes.NewCipher(key)
	if err != nil {
		return nil
	}
	aead, err := cipher.NewGCM(block)
	if err != nil {
		return nil
	}
	const (
		applicationData, alert = 23, 21
		fatal                  = 2
	)
	inner := []byte{fatal, byte(a), alert}
	header := []byte{applicationData, 3, 3, 0, byte(len(inner) + aead.Overhead())}
	return aead.Seal(header, iv, inner, header)
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
