package virtual

import (
	"bytes"
	"crypto"
	"crypto/ecdsa"
	"crypto/tls"
	"io"
	"math/rand/v2"
)

// TLS makes a handshake repeatable. Four things are random in crypto/tls, and each is taken care of here:
//
//   - What it draws from Config.Rand: hellos, key shares, nonces. It honours Config.Rand only with the GODEBUG
//     setting cryptocustomrand=1, which go.mod sets.
//   - How much it draws: randutil.MaybeReadByte reads one octet or not, by chance, so one-octet reads are
//     answered without advancing the stream.
//   - ECDSA signatures: signing with a nil reader is deterministic (RFC 6979).
//   - X25519MLKEM768 ignores Config.Rand, so it is not offered.
//
// TestTLSIsRepeatable fails when a Go release changes any of this.
func (n *node) TLS(label string, config *tls.Config) *tls.Config {
	w := n.m.w
	c := config.Clone()
	c.Rand = tlsRand{rand.NewChaCha8(w.derive("tls", n.m.name, n.m.boots, label))}
	c.Time = n.Now
	c.CurvePreferences = []tls.CurveID{tls.X25519, tls.CurveP256}
	if !c.SessionTicketsDisabled {
		c.SetSessionTicketKeys([][32]byte{w.derive("tickets", n.m.name, 0, "")})
	}
	for i := range c.Certificates {
		if i == 0 {
			c.Certificates = append([]tls.Certificate(nil), c.Certificates...)
		}
		c.Certificates[i] = repeatable(c.Certificates[i])
	}
	if get := c.GetCertificate; get != nil {
		c.GetCertificate = func(hello *tls.ClientHelloInfo) (*tls.Certificate, error) {
			return repeatablePointer(get(hello))
		}
	}
	if get := c.GetClientCertificate; get != nil {
		c.GetClientCertificate = func(info *tls.CertificateRequestInfo) (*tls.Certificate, error) {
			return repeatablePointer(get(info))
		}
	}
	if w.cfg.Recorder != nil {
		c.KeyLogWriter = keyLog{n}
	}
	return c
}

// tlsRand is a stream of which one-octet reads take nothing.
type tlsRand struct{ s *rand.ChaCha8 }

func (r tlsRand) Read(b []byte) (int, error) {
	if len(b) == 1 {
		b[0] = 0
		return 1, nil
	}
	return r.s.Read(b)
}

func repeatablePointer(c *tls.Certificate, err error) (*tls.Certificate, error) {
	if c == nil || err != nil {
		return c, err
	}
	r := repeatable(*c)
	return &r, nil
}

func repeatable(c tls.Certificate) tls.Certificate {
	if k, ok := c.PrivateKey.(*ecdsa.PrivateKey); ok {
		c.PrivateKey = signer{k}
	}
	return c
}

// signer makes ECDSA signatures without randomness.
type signer struct{ k *ecdsa.PrivateKey }

func (s signer) Public() crypto.PublicKey { return s.k.Public() }

func (s signer) Sign(_ io.Reader, digest []byte, opts crypto.SignerOpts) ([]byte, error) {
	return s.k.Sign(nil, digest, opts)
}

// keyLog hands session secrets to the capture.
type keyLog struct{ n *node }

func (k keyLog) Write(line []byte) (int, error) {
	w := k.n.m.w
	w.cfg.Recorder.Secret(w.Now(), string(bytes.TrimRight(line, "\n")))
	return len(line), nil
}
