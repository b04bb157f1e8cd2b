package entra

import (
	"crypto/aes"
	"crypto/cipher"
	"crypto/hkdf"
	"crypto/rsa"
	"crypto/sha256"
	"crypto/x509"
	"encoding/base64"
	"encoding/json"
	"errors"
	"io"
)

// A sealer makes texts that only it can read and nobody can forge: codes, refresh tokens, sessions and the state of a page. So
// none of them takes memory here, and all of them outlive a restart, because the key comes from the configured signing key.
type sealer struct {
	aead   cipher.AEAD
	random io.Reader
}

// maxSealed bounds a sealed text, in octets.
const maxSealed = 16 << 10

var errUnsealed = errors.New("not sealed here")

func newSealer(key *rsa.PrivateKey, random io.Reader) (*sealer, error) {
	secret, err := hkdf.Key(sha256.New, x509.MarshalPKCS1PrivateKey(key), nil, "fakegraph/entra/seal", 32)
	if err != nil {
		return nil, err
	}
	block, err := aes.NewCipher(secret)
	if err != nil {
		return nil, err
	}
	aead, err := cipher.NewGCM(block)
	return &sealer{aead, random}, err
}

// seal makes a text of a value, for one purpose.
func (s *sealer) seal(purpose string, v any) (string, error) {
	plain, err := json.Marshal(v)
	if err != nil {
		return "", err
	}
	nonce := make([]byte, s.aead.NonceSize(), s.aead.NonceSize()+len(plain)+s.aead.Overhead())
	if _, err := io.ReadFull(s.random, nonce); err != nil {
		return "", err
	}
	return base64.RawURLEncoding.EncodeToString(s.aead.Seal(nonce, nonce, plain, []byte(purpose))), nil
}

// open reads a text that was made for the purpose.
func (s *sealer) open(purpose, text string, v any) error {
	if len(text) > maxSealed {
		return errUnsealed
	}
	sealed, err := base64.RawURLEncoding.DecodeString(text)
	if err != nil || len(sealed) < s.aead.NonceSize() {
		return errUnsealed
	}
	plain, err := s.aead.Open(nil, sealed[:s.aead.NonceSize()], sealed[s.aead.NonceSize():], []byte(purpose))
	if err != nil {
		return errUnsealed
	}
	return json.Unmarshal(plain, v)
}
