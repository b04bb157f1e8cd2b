package cli

import (
	"crypto/ecdsa"
	"crypto/rand"
	"crypto/rsa"
	"crypto/tls"
	"crypto/x509"
	"encoding/pem"
	"errors"
	"fmt"
	"io/fs"
	"net/netip"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"time"

	"nacsim/sim/pki"
)

// Files in the folder of nacsim fakegraph.
const (
	caFile      = "ca.pem"
	caKeyFile   = "ca.key"
	signingFile = "signing.key"
)

// fakegraphLeaf is how long a server certificate is valid: what Apple's systems accept at most is 398 days. A new one is made
// at each start.
const fakegraphLeaf = 397 * 24 * time.Hour

// microsoftNames are the names under which clients look for Entra ID and Graph.
var microsoftNames = []string{
	"login.microsoftonline.com", "login.windows.net", "login.microsoft.com", "sts.windows.net", "graph.microsoft.com", "graph.windows.net",
	"api.manage.microsoft.com", "portal.manage.microsoft.com",
}

// microsoftService is what the names of Intune's own services end in. They are those of shards, such as
// fef.msub01.manage.microsoft.com.
const microsoftService = ".manage.microsoft.com"

// isMicrosoft reports whether a DNS name is one that Entra ID, Graph or Intune have.
func isMicrosoft(name string) bool {
	name = strings.ToLower(strings.TrimSuffix(name, "."))
	return slices.Contains(microsoftNames, name) || strings.HasSuffix(name, microsoftService)
}

// fakegraphKeys are what clients know a fakegraph by.
type fakegraphKeys struct {
	path    string // of the CA's certificate
	ca      *pki.Authority
	signing *rsa.PrivateKey
}

// openFakegraphKeys reads the keys in a folder, or makes what is not there.
func openFakegraphKeys(dir string, now time.Time) (*fakegraphKeys, error) {
	dir, err := filepath.Abs(dir)
	if err != nil {
		return nil, err
	}
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return nil, fmt.Errorf("cannot make the folder: %w", reason(err))
	}
	k := &fakegraphKeys{path: filepath.Join(dir, caFile)}
	if k.ca, err = openAuthority(dir, now); err != nil {
		return nil, err
	}
	k.signing, err = openSigningKey(filepath.Join(dir, signingFile))
	return k, err
}

// openAuthority reads the CA in a folder or makes one. One of two files alone is a mistake that is not made worse.
func openAuthority(dir string, now time.Time) (*pki.Authority, error) {
	cert, key := filepath.Join(dir, caFile), filepath.Join(dir, caKeyFile)
	keyDER, keyErr := readPEM(key, "PRIVATE KEY")
	certDER, certErr := readPEM(cert, "CERTIFICATE")
	if errors.Is(keyErr, fs.ErrNotExist) && errors.Is(certErr, fs.ErrNotExist) {
		return newAuthority(cert, key, now)
	}
	if err := errors.Join(certErr, keyErr); err != nil {
		return nil, fmt.Errorf("the CA is %s and %s together: %w", caFile, caKeyFile, errors.Join(certErr, keyErr))
	}
	certificate, err := x509.ParseCertificate(certDER)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", cert, err)
	}
	private, err := parseKey[*ecdsa.PrivateKey](keyDER, key, "ECDSA")
	if err != nil {
		return nil, err
	}
	if now.After(certificate.NotAfter) {
		return nil, fmt.Errorf("%s: the CA has expired on %s; remove the folder, and a new one is made", cert, certificate.NotAfter.Format(time.DateOnly))
	}
	return pki.OpenAuthority(certificate, private)
}

func newAuthority(cert, key string, now time.Time) (*pki.Authority, error) {
	ca, err := pki.NewAuthority("nacsim fakegraph CA", now.Add(-clockSkew), now.Add(caLifetime), rand.Reader)
	if err != nil {
		return nil, err
	}
	der, err := x509.MarshalPKCS8PrivateKey(ca.Key())
	if err != nil {
		return nil, err
	}
	if err := writePEM(key, "PRIVATE KEY", der, 0o600); err != nil {
		return nil, err
	}
	return ca, writePEM(cert, "CERTIFICATE", ca.Certificate().Raw, 0o644)
}

func openSigningKey(path string) (*rsa.PrivateKey, error) {
	der, err := readPEM(path, "PRIVATE KEY")
	if errors.Is(err, fs.ErrNotExist) {
		key, err := rsa.GenerateKey(rand.Reader, 2048)
		if err != nil {
			return nil, err
		}
		if der, err = x509.MarshalPKCS8PrivateKey(key); err != nil {
			return nil, err
		}
		return key, writePEM(path, "PRIVATE KEY", der, 0o600)
	}
	if err != nil {
		return nil, err
	}
	return parseKey[*rsa.PrivateKey](der, path, "RSA")
}

// parseKey reads a private key out of a file, which must be of the kind.
func parseKey[K any](der []byte, path, kind string) (key K, err error) {
	private, err := x509.ParsePKCS8PrivateKey(der)
	if err != nil {
		return key, fmt.Errorf("%s: %w", path, err)
	}
	key, ok := private.(K)
	if !ok {
		return key, fmt.Errorf("%s: the key is of type %T, want %s", path, private, kind)
	}
	return key, nil
}

// readPEM reads the first block of a file, which must be of the type.
func readPEM(path, blockType string) ([]byte, error) {
	data, err := os.ReadFile(path)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", path, reason(err))
	}
	block, _ := pem.Decode(data)
	if block == nil || block.Type != blockType {
		return nil, fmt.Errorf("%s: the file has no PEM block %q", path, blockType)
	}
	return block.Bytes, nil
}

// writePEM makes a file that is not there.
func writePEM(path, blockType string, der []byte, mode fs.FileMode) error {
	f, err := os.OpenFile(path, os.O_CREATE|os.O_EXCL|os.O_WRONLY, mode)
	if err != nil {
		return fmt.Errorf("%s: %w", path, reason(err))
	}
	if err := errors.Join(pem.Encode(f, &pem.Block{Type: blockType, Bytes: der}), f.Close()); err != nil {
		return fmt.Errorf("%s: %w", path, reason(err))
	}
	return nil
}

// serverTLS is the configuration of a server that has the names. Intune's shards get a certificate when they are asked for.
func (k *fakegraphKeys) serverTLS(names []string, now time.Time) (*tls.Config, error) {
	from, to := now.Add(-clockSkew), now.Add(fakegraphLeaf)
	if end := k.ca.Certificate().NotAfter; to.After(end) {
		to = end
	}
	certificate, err := k.ca.Server(names, from, to, rand.Reader)
	if err != nil {
		return nil, err
	}
	shards := &shardCertificates{issue: func(name string) (tls.Certificate, error) {
		return k.ca.Server([]string{name}, from, to, rand.Reader)
	}}
	return &tls.Config{
		MinVersion: tls.VersionTLS12,
		GetCertificate: func(hello *tls.ClientHelloInfo) (*tls.Certificate, error) {
			if name := strings.ToLower(hello.ServerName); isMicrosoft(name) && !slices.Contains(names, name) {
				return shards.get(name)
			}
			return &certificate, nil
		},
	}, nil
}

// shardCertificates are those of names that are known by their end only.
type shardCertificates struct {
	issue func(name string) (tls.Certificate, error)

	mu    sync.Mutex
	known map[string]*tls.Certificate
}

// maxShards bounds the certificates that are kept.
const maxShards = 100

func (s *shardCertificates) get(name string) (*tls.Certificate, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if c := s.known[name]; c != nil {
		return c, nil
	}
	c, err := s.issue(name)
	if err != nil {
		return nil, err
	}
	if s.known == nil || len(s.known) == maxShards {
		s.known = map[string]*tls.Certificate{}
	}
	s.known[name] = &c
	return &c, nil
}

// serverNames are the names in the certificate: those of this computer at the address, those of Microsoft, and more.
func serverNames(at netip.AddrPort, hostname string, more []string) []string {
	names := []string{"localhost", "127.0.0.1", "::1"}
	add := func(list ...string) {
		for _, name := range list {
			if name = strings.ToLower(name); name != "" && !slices.Contains(names, name) {
				names = append(names, name)
			}
		}
	}
	if a := at.Addr(); !a.IsUnspecified() {
		add(a.Unmap().WithZone("").String())
	}
	if isDNSName(hostname) {
		add(hostname)
	}
	add(microsoftNames...)
	add(more...)
	return names
}

// isDNSName reports whether a certificate can have the name: letters, digits and hyphens, between dots.
func isDNSName(name string) bool {
	if name == "" || len(name) > 253 {
		return false
	}
	for label := range strings.SplitSeq(strings.TrimPrefix(name, "*."), ".") {
		if label == "" || len(label) > 63 || strings.Trim(label, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-_") != "" {
			return false
		}
	}
	return true
}

func isServerName(name string) bool {
	_, err := netip.ParseAddr(name)
	return err == nil || isDNSName(name)
}
