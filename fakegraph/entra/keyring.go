package entra

import (
	"crypto/rsa"
	"crypto/sha1"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"math/big"
	"sync"
	"time"

	"nacsim/internal/host"
)

// A signingKey is one that tokens are signed with, in the certificate that it is published in.
type signingKey struct {
	key  *rsa.PrivateKey
	kid  string // the SHA-1 thumbprint of the certificate
	cert []byte // DER
	// since is when it began to sign. The one before is published until the last token that it signed has ended.
	since time.Time
}

// A keyring has the keys of the authority: first the configured one, then those that it was rolled to, which are durable.
type keyring struct {
	random io.Reader
	store  host.Store
	// keep is how long a token can be used after it was signed.
	keep time.Duration

	mu   sync.RWMutex
	keys []signingKey // in the order of since; the last signs
	next *signingKey  // published before its time, or nil
}

// A storedKey is a key in the store.
type storedKey struct {
	PKCS8 []byte
	Since time.Time
}

const (
	keySigning = "signing/" // and a number
	keyNext    = "next"
)

// openKeyring takes up the keys of earlier boots.
func openKeyring(h host.Host, first *rsa.PrivateKey, keep time.Duration, publishNext bool) (*keyring, error) {
	store, err := h.Store("entra")
	if err != nil {
		return nil, fmt.Errorf("open the key store: %w", err)
	}
	k := &keyring{random: steady{h.Rand("entra/key")}, store: store, keep: keep}
	configured, err := newSigningKey(first, time.Time{})
	if err != nil {
		return nil, err
	}
	k.keys = []signingKey{configured}
	err = errors.Join(store.Scan(keySigning, func(key string, value []byte) bool {
		var rolled signingKey
		if rolled, err = readKey(value); err != nil {
			err = fmt.Errorf("%s: %w", key, err)
		}
		k.keys = append(k.keys, rolled)
		return err == nil
	}), err)
	if err != nil {
		return nil, fmt.Errorf("read the key store: %w", err)
	}
	if publishNext {
		return k, k.prepare()
	}
	return k, nil
}

// newSigningKey puts a key into a certificate, which is always the same for it.
func newSigningKey(key *rsa.PrivateKey, since time.Time) (signingKey, error) {
	from := time.Date(2025, 1, 1, 0, 0, 0, 0, time.UTC)
	template := &x509.Certificate{
		SerialNumber: big.NewInt(1), Subject: pkix.Name{CommonName: "accounts.accesscontrol.windows.net"},
		NotBefore: from, NotAfter: from.AddDate(25, 0, 0), SignatureAlgorithm: x509.SHA256WithRSA,
	}
	der, err := x509.CreateCertificate(nil, template, template, &key.PublicKey, key)
	if err != nil {
		return signingKey{}, fmt.Errorf("signing key: %w", err)
	}
	sum := sha1.Sum(der)
	return signingKey{key, base64.RawURLEncoding.EncodeToString(sum[:]), der, since}, nil
}

func readKey(value []byte) (signingKey, error) {
	var s storedKey
	if err := json.Unmarshal(value, &s); err != nil {
		return signingKey{}, err
	}
	parsed, err := x509.ParsePKCS8PrivateKey(s.PKCS8)
	if err != nil {
		return signingKey{}, err
	}
	key, ok := parsed.(*rsa.PrivateKey)
	if !ok {
		return signingKey{}, errors.New("not an RSA key")
	}
	return newSigningKey(key, s.Since)
}

func (k *keyring) save(name string, s *signingKey) error {
	der, err := x509.MarshalPKCS8PrivateKey(s.key)
	if err != nil {
		return err
	}
	value, err := json.Marshal(storedKey{der, s.since})
	if err != nil {
		return err
	}
	return k.store.Put(name, value)
}

// generate makes a key. In the virtual world it is the same in each run.
func (k *keyring) generate(since time.Time) (signingKey, error) {
	key, err := rsa.GenerateKey(k.random, 2048)
	if err != nil {
		return signingKey{}, fmt.Errorf("signing key: %w", err)
	}
	return newSigningKey(key, since)
}

// prepare makes the next key, unless an earlier boot has. The caller holds the lock, or nobody else knows the keyring.
func (k *keyring) prepare() error {
	value, err := k.store.Get(keyNext)
	if err != nil {
		return err
	}
	var next signingKey
	if value != nil {
		next, err = readKey(value)
	} else if next, err = k.generate(time.Time{}); err == nil {
		err = k.save(keyNext, &next)
	}
	k.next = &next
	return err
}

// roll makes another key sign from now on: the one that was published before its time, or a new one.
func (k *keyring) roll(now time.Time) error {
	k.mu.Lock()
	defer k.mu.Unlock()
	var signs signingKey
	if k.next != nil {
		signs = *k.next
		signs.since = now
	} else {
		made, err := k.generate(now)
		if err != nil {
			return err
		}
		signs = made
	}
	if err := k.save(fmt.Sprintf("%s%06d", keySigning, len(k.keys)), &signs); err != nil {
		return fmt.Errorf("store the signing key: %w", err)
	}
	k.keys = append(k.keys, signs)
	if k.next == nil {
		return nil
	}
	if err := k.store.Delete(keyNext); err != nil {
		return err
	}
	return k.prepare()
}

// current is the key that signs.
func (k *keyring) current() signingKey {
	k.mu.RLock()
	defer k.mu.RUnlock()
	return k.keys[len(k.keys)-1]
}

// published are the keys that clients may meet in a token now or soon: that which signs, those before it whose tokens have not all ended,
// and the next one if it is published before its time.
func (k *keyring) published(now time.Time) []signingKey {
	k.mu.RLock()
	defer k.mu.RUnlock()
	var list []signingKey
	for i, key := range k.keys {
		if i == len(k.keys)-1 || now.Before(k.keys[i+1].since.Add(k.keep)) {
			list = append(list, key)
		}
	}
	if k.next != nil {
		list = append(list, *k.next)
	}
	return list
}

// steady is a stream of which reads of one octet take nothing: generating a key reads one or not by chance (randutil.MaybeReadByte),
// and a run of the virtual world is the same each time.
type steady struct{ io.Reader }

func (s steady) Read(b []byte) (int, error) {
	if len(b) == 1 {
		b[0] = 0
		return 1, nil
	}
	return io.ReadFull(s.Reader, b)
}
