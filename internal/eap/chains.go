package eap

import (
	"crypto/sha256"
	"crypto/x509"
	"encoding/binary"
	"hash"
	"sync"
	"time"
)

// DefaultMaxChains is how many chains [NewChains] remembers where its caller does not say.
const DefaultMaxChains = 10_000 // some 6 KiB each

// Chains verifies chains of certificates, and remembers those that were right: the same devices come back day after
// day, and checking their signatures again takes a fifth of a handshake.
//
// What is remembered is that these octets lead to one of these roots, for this use and name, whenever all of the chain is
// valid. What may change is looked at each time: the roots, which are others once the caller has another pool, and validity.
// Whether a certificate has been revoked, and whether the other side holds its key, is the caller's to ask and not
// remembered. A chain that was refused is verified anew.
//
// A nil Chains remembers nothing. Chains may be used from several goroutines.
type Chains struct {
	max int

	mu    sync.Mutex
	known map[chainKey]*knownChain
	order []chainKey // ring in the order of arrival; oldest is where the next one goes once it is full
	next  int
}

// A chainKey is what was sent, and what for.
type chainKey [sha256.Size]byte

// A knownChain is a chain that was right. It does not change.
type knownChain struct {
	roots       *x509.CertPool
	chain       []*x509.Certificate
	from, until time.Time // when all of it is valid
}

// NewChains returns an empty memory for at most max chains; zero or less means DefaultMaxChains. The one remembered
// longest makes room for a new one.
func NewChains(max int) *Chains {
	if max <= 0 {
		max = DefaultMaxChains
	}
	return &Chains{max: max, known: make(map[chainKey]*knownChain)}
}

// Verify returns the chain from the first of the certificates that the other side has sent to a root, or why there is
// none, as x509's Certificate.Verify does. The rest of them are the intermediates; those of the options are not used. The
// pool of roots must not be changed afterwards.
func (c *Chains) Verify(sent []*x509.Certificate, o x509.VerifyOptions) ([]*x509.Certificate, error) {
	if c == nil {
		return verifyChain(sent, o)
	}
	key := keyOfChain(sent, &o)
	c.mu.Lock()
	k := c.known[key]
	c.mu.Unlock()
	if k != nil && k.roots == o.Roots && !o.CurrentTime.Before(k.from) && !o.CurrentTime.After(k.until) {
		return k.chain, nil
	}
	chain, err := verifyChain(sent, o)
	if err == nil && !o.CurrentTime.IsZero() {
		c.remember(key, newKnownChain(o.Roots, chain))
	}
	return chain, err
}

// Len is how many chains are remembered.
func (c *Chains) Len() int {
	c.mu.Lock()
	defer c.mu.Unlock()
	return len(c.known)
}

func (c *Chains) remember(key chainKey, k *knownChain) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if _, known := c.known[key]; known {
		c.known[key] = k
		return
	}
	if len(c.order) < c.max {
		c.order = append(c.order, key)
	} else {
		delete(c.known, c.order[c.next])
		c.order[c.next] = key
		c.next = (c.next + 1) % c.max
	}
	c.known[key] = k
}

func newKnownChain(roots *x509.CertPool, chain []*x509.Certificate) *knownChain {
	k := &knownChain{roots: roots, chain: chain, from: chain[0].NotBefore, until: chain[0].NotAfter}
	for _, cert := range chain[1:] {
		if cert.NotBefore.After(k.from) {
			k.from = cert.NotBefore
		}
		if cert.NotAfter.Before(k.until) {
			k.until = cert.NotAfter
		}
	}
	return k
}

// verifyChain has crypto/x509 verify.
func verifyChain(sent []*x509.Certificate, o x509.VerifyOptions) ([]*x509.Certificate, error) {
	o.Intermediates = x509.NewCertPool()
	for _, cert := range sent[1:] {
		o.Intermediates.AddCert(cert)
	}
	chains, err := sent[0].Verify(o)
	if err != nil {
		return nil, err
	}
	return chains[0], nil
}

// keyOfChain is a digest of everything that a verdict depends on, except roots and time.
func keyOfChain(sent []*x509.Certificate, o *x509.VerifyOptions) (key chainKey) {
	h := sha256.New()
	digestPart(h, []byte(o.DNSName))
	usages := make([]byte, 0, 16)
	for _, usage := range o.KeyUsages {
		usages = binary.BigEndian.AppendUint64(usages, uint64(usage))
	}
	digestPart(h, usages)
	for _, cert := range sent {
		digestPart(h, cert.Raw)
	}
	h.Sum(key[:0])
	return key
}

// digestPart adds a part with its length, so that no two lists of parts look alike.
func digestPart(h hash.Hash, part []byte) {
	var length [4]byte
	binary.BigEndian.PutUint32(length[:], uint32(len(part)))
	h.Write(length[:])
	h.Write(part)
}
