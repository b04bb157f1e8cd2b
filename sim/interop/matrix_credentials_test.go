package interop

import (
	"crypto"
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/rsa"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/asn1"
	"encoding/pem"
	"fmt"
	"math/big"
	"net/url"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"
)

// A cabinet is a folder with the credentials of the matrix: for each name a chain NAME.pem and a key NAME.key. The
// programs are started in it, so that configurations name files without a path.
type cabinet struct {
	dir    string
	serial int64
	rsa    []*rsa.PrivateKey // of 2,048, 2,048, 3,072 and 1,024 bits; RSA keys take long to find and are used again
	made   map[string]*issued
}

// issued is a certificate with its key and its chain, itself first, the root left out.
type issued struct {
	*x509.Certificate
	key   crypto.Signer
	chain []byte // PEM
}

// Roots of the matrix. The server trusts all but the foreign one.
const (
	caECDSA   = "ca"
	caRSA     = "ca-rsa"
	caP384    = "ca-p384"
	caExpired = "ca-expired"
	caForeign = "ca-foreign"
)

var trusted = []string{caECDSA, caRSA, caP384, caExpired}

// newCabinet makes all credentials.
func newCabinet(t *testing.T) *cabinet {
	t.Helper()
	c := &cabinet{dir: t.TempDir(), made: map[string]*issued{}, rsa: make([]*rsa.PrivateKey, 4)}
	var finding sync.WaitGroup
	for i, bits := range []int{2048, 2048, 3072, 1024} {
		finding.Go(func() {
			key, err := rsa.GenerateKey(rand.Reader, bits)
			if err != nil {
				t.Error(err)
			}
			c.rsa[i] = key
		})
	}
	finding.Wait()
	c.authorities(t)
	c.servers(t)
	c.clients(t)
	c.wrongClients(t)
	c.lists(t)
	var roots []byte
	for _, name := range trusted {
		roots = append(roots, c.read(t, name+".pem")...)
	}
	c.write(t, "trusted.pem", roots)
	return c
}

func (c *cabinet) write(t *testing.T, name string, content []byte) {
	t.Helper()
	writeFile(t, c.dir, name, content)
}

func (c *cabinet) read(t *testing.T, name string) []byte {
	t.Helper()
	content, err := os.ReadFile(filepath.Join(c.dir, name))
	if err != nil {
		t.Fatal(err)
	}
	return content
}

// key makes a key of a kind: "P-256", "P-384", "P-521", "Ed25519", or "RSA" with the number of one that was found.
func (c *cabinet) key(t *testing.T, kind string) crypto.Signer {
	t.Helper()
	curves := map[string]elliptic.Curve{"P-256": elliptic.P256(), "P-384": elliptic.P384(), "P-521": elliptic.P521()}
	if curve := curves[kind]; curve != nil {
		key, err := ecdsa.GenerateKey(curve, rand.Reader)
		if err != nil {
			t.Fatal(err)
		}
		return key
	}
	if kind == "Ed25519" {
		_, key, err := ed25519.GenerateKey(rand.Reader)
		if err != nil {
			t.Fatal(err)
		}
		return key
	}
	var n int
	if _, err := fmt.Sscanf(kind, "RSA %d", &n); err != nil {
		t.Fatalf("no key of kind %q", kind)
	}
	return c.rsa[n]
}

// issue makes a certificate under another, or a root if that is empty.
func (c *cabinet) issue(t *testing.T, name, under, kind string, template x509.Certificate) {
	t.Helper()
	c.serial++
	template.SerialNumber = big.NewInt(c.serial)
	now := time.Now()
	if template.NotBefore.IsZero() {
		template.NotBefore = now.Add(-time.Hour)
	}
	if template.NotAfter.IsZero() {
		template.NotAfter = now.Add(time.Hour)
	}
	own := &issued{key: c.key(t, kind)}
	parent, signer := &template, own.key
	if under != "" {
		parent, signer = c.made[under].Certificate, c.made[under].key
	}
	der, err := x509.CreateCertificate(rand.Reader, &template, parent, own.key.Public(), signer)
	if err != nil {
		t.Fatalf("%s: %v", name, err)
	}
	if own.Certificate, err = x509.ParseCertificate(der); err != nil {
		t.Fatalf("%s: %v", name, err)
	}
	own.chain = pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: der})
	if under != "" && c.made[under].Issuer.CommonName != c.made[under].Subject.CommonName {
		own.chain = append(own.chain, c.made[under].chain...)
	}
	c.made[name] = own
	c.write(t, name+".pem", own.chain)
	key, err := x509.MarshalPKCS8PrivateKey(own.key)
	if err != nil {
		t.Fatal(err)
	}
	c.write(t, name+".key", pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: key}))
}

// authority is the template of a CA.
func authority(name string) x509.Certificate {
	return x509.Certificate{
		Subject: pkix.Name{CommonName: name, Organization: []string{"Contoso"}}, IsCA: true, BasicConstraintsValid: true,
		KeyUsage: x509.KeyUsageCertSign | x509.KeyUsageCRLSign,
	}
}

// leaf is the template of an end entity.
func leaf(name string, purposes ...x509.ExtKeyUsage) x509.Certificate {
	return x509.Certificate{Subject: pkix.Name{CommonName: name}, KeyUsage: x509.KeyUsageDigitalSignature, ExtKeyUsage: purposes}
}

func (c *cabinet) authorities(t *testing.T) {
	t.Helper()
	c.issue(t, caECDSA, "", "P-256", authority("Contoso Root CA"))
	c.issue(t, caRSA, "", "RSA 0", authority("Contoso RSA Root CA"))
	c.issue(t, caP384, "", "P-384", authority("Contoso P-384 Root CA"))
	c.issue(t, caForeign, "", "P-256", authority("Foreign Root CA"))
	c.issue(t, caExpired, "", "P-256", func() x509.Certificate {
		ca := authority("Contoso First Root CA")
		ca.NotBefore, ca.NotAfter = time.Now().Add(-2*time.Hour), time.Now().Add(-time.Minute)
		return ca
	}())
	c.issue(t, "issuing", caECDSA, "P-256", authority("Contoso Issuing CA"))
	c.issue(t, "issuing-rsa", caRSA, "RSA 1", authority("Contoso RSA Issuing CA"))
	c.issue(t, "issuing-revoked", caECDSA, "P-256", authority("Contoso Revoked CA"))
	c.issue(t, "issuing-expired", caECDSA, "P-256", func() x509.Certificate {
		ca := authority("Contoso Old CA")
		ca.NotBefore, ca.NotAfter = time.Now().Add(-2*time.Hour), time.Now().Add(-time.Minute)
		return ca
	}())
	// Chains of two to five CAs below the root.
	c.issue(t, "deep-1", caECDSA, "P-384", authority("Contoso CA 1"))
	c.issue(t, "deep-rsa-1", caRSA, "RSA 2", authority("Contoso RSA CA 1"))
	for n := 2; n <= 5; n++ {
		c.issue(t, fmt.Sprintf("deep-%d", n), fmt.Sprintf("deep-%d", n-1), "P-384", authority(fmt.Sprintf("Contoso CA %d", n)))
		c.issue(t, fmt.Sprintf("deep-rsa-%d", n), fmt.Sprintf("deep-rsa-%d", n-1), "RSA 2", authority(fmt.Sprintf("Contoso RSA CA %d", n)))
	}
	named := authority("Contoso Named CA")
	named.PermittedDNSDomains, named.PermittedDNSDomainsCritical = []string{"corp.example"}, true
	c.issue(t, "issuing-named", caECDSA, "P-256", named)
	bounded := authority("Contoso Bounded CA")
	bounded.MaxPathLenZero = true
	c.issue(t, "bounded", caECDSA, "P-256", bounded)
	c.issue(t, "below-bounded", "bounded", "P-256", authority("Contoso CA too many"))
}

// servers are the certificates of the server.
func (c *cabinet) servers(t *testing.T) {
	t.Helper()
	server := leaf(serverName, x509.ExtKeyUsageServerAuth)
	server.DNSNames = []string{serverName, "radius.alt.example"}
	server.KeyUsage |= x509.KeyUsageKeyEncipherment
	c.issue(t, "server", "issuing", "P-256", server)
	c.issue(t, "server-p384", caP384, "P-384", server)
	c.issue(t, "server-rsa", "issuing-rsa", "RSA 0", server)
	c.issue(t, "server-deep", "deep-5", "P-256", server)
	c.issue(t, "server-deep-rsa", "deep-rsa-5", "RSA 2", server)
	huge := server
	huge.DNSNames = append([]string{serverName}, manyNames()...)
	c.issue(t, "server-huge", "issuing", "P-256", huge)
	expired := server
	expired.NotAfter = time.Now().Add(-time.Minute)
	c.issue(t, "server-expired", "issuing", "P-256", expired)
	future := server
	future.NotBefore, future.NotAfter = time.Now().Add(time.Hour), time.Now().Add(2*time.Hour)
	c.issue(t, "server-future", "issuing", "P-256", future)
	purpose := server
	purpose.ExtKeyUsage = []x509.ExtKeyUsage{x509.ExtKeyUsageClientAuth}
	c.issue(t, "server-eku", "issuing", "P-256", purpose)
}

// manyNames make a certificate of more than eight KiB.
func manyNames() []string {
	names := make([]string, 200)
	for i := range names {
		names[i] = fmt.Sprintf("alternative-name-number-%03d.corp.example", i)
	}
	return names
}

// clients are certificates that must be accepted.
func (c *cabinet) clients(t *testing.T) {
	t.Helper()
	const purpose = x509.ExtKeyUsageClientAuth
	c.issue(t, "laptop", "issuing", "P-256", leaf("LAPTOP-1", purpose))
	c.issue(t, "stolen", "issuing", "P-256", leaf("LAPTOP-STOLEN", purpose))
	c.issue(t, "laptop-direct", caECDSA, "P-256", leaf("LAPTOP-1", purpose))
	c.issue(t, "laptop-p384", caP384, "P-384", leaf("LAPTOP-1", purpose))
	c.issue(t, "laptop-p521", "issuing", "P-521", leaf("LAPTOP-1", purpose))
	c.issue(t, "laptop-ed25519", "issuing", "Ed25519", leaf("LAPTOP-1", purpose))
	c.issue(t, "laptop-rsa", "issuing-rsa", "RSA 0", leaf("LAPTOP-1", purpose))
	c.issue(t, "laptop-rsa3072", "issuing-rsa", "RSA 2", leaf("LAPTOP-1", purpose))
	for n := 2; n <= 5; n++ {
		c.issue(t, fmt.Sprintf("laptop-deep-%d", n), fmt.Sprintf("deep-%d", n), "P-256", leaf("LAPTOP-1", purpose))
		c.issue(t, fmt.Sprintf("laptop-deep-rsa-%d", n), fmt.Sprintf("deep-rsa-%d", n), "RSA 2", leaf("LAPTOP-1", purpose))
	}
	huge := leaf("LAPTOP-1", purpose)
	huge.DNSNames = manyNames()
	c.issue(t, "laptop-huge", "issuing", "P-256", huge)
	c.issue(t, "laptop-no-eku", "issuing", "P-256", leaf("LAPTOP-1"))
	c.issue(t, "laptop-any-eku", "issuing", "P-256", leaf("LAPTOP-1", x509.ExtKeyUsageAny))
	c.issue(t, "laptop-both-eku", "issuing", "P-256", leaf("LAPTOP-1", x509.ExtKeyUsageServerAuth, purpose))
	no := leaf("LAPTOP-1", purpose)
	no.KeyUsage = 0
	c.issue(t, "laptop-no-ku", "issuing", "P-256", no)
	c.oddNames(t)
	c.oddChains(t)
}

// oddChains are the laptop's chain in other forms: with the root, with the certificates in another order, and with one
// that has nothing to do with it. A server makes the best of them (RFC 8446 section 4.4.2).
func (c *cabinet) oddChains(t *testing.T) {
	t.Helper()
	one := func(name string) []byte {
		return pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: c.made[name].Raw})
	}
	for name, chain := range map[string][]string{
		"chain-with-root":    {"laptop-deep-3", "deep-3", "deep-2", "deep-1", caECDSA},
		"chain-out-of-order": {"laptop-deep-3", "deep-1", "deep-2", "deep-3"},
		"chain-with-more":    {"laptop-deep-3", "deep-3", "issuing-rsa", "deep-2", "deep-1", caForeign},
	} {
		var b []byte
		for _, certificate := range chain {
			b = append(b, one(certificate)...)
		}
		c.write(t, name+".pem", b)
		c.write(t, name+".key", c.read(t, "laptop-deep-3.key"))
	}
}

// oddNames are subjects and alternative names that are no reason to refuse anybody.
func (c *cabinet) oddNames(t *testing.T) {
	t.Helper()
	const purpose = x509.ExtKeyUsageClientAuth
	c.issue(t, "name-utf8", "issuing", "P-256", leaf("Zoë's Läptop 東京", purpose))
	c.issue(t, "name-64", "issuing", "P-256", leaf(strings.Repeat("L", 64), purpose))
	c.issue(t, "name-none", "issuing", "P-256", func() x509.Certificate {
		l := leaf("", purpose)
		l.DNSNames = []string{"laptop-1.corp.example"}
		return l
	}())
	c.issue(t, "name-empty", "issuing", "P-256", leaf("", purpose))
	c.issue(t, "name-user", "issuing", "P-256", func() x509.Certificate {
		l := leaf("Alice Example", purpose)
		l.EmailAddresses = []string{"alice@corp.example"}
		upn, err := asn1.Marshal(alternativeNames())
		if err != nil {
			t.Fatal(err)
		}
		l.EmailAddresses, l.ExtraExtensions = nil, []pkix.Extension{{Id: asn1.ObjectIdentifier{2, 5, 29, 17}, Value: upn}}
		return l
	}())
	c.issue(t, "name-permitted", "issuing-named", "P-256", func() x509.Certificate {
		l := leaf("LAPTOP-1", purpose)
		l.DNSNames = []string{"laptop-1.corp.example"}
		return l
	}())
	c.issue(t, "name-uri", "issuing", "P-256", func() x509.Certificate {
		l := leaf("LAPTOP-1", purpose)
		l.URIs = []*url.URL{{Scheme: "IntuneDeviceId", Opaque: "//b3ab8d14-9d1c-4f1e-9a0e-4d2a6f0a7f11"}}
		return l
	}())
	c.issue(t, "name-several", "issuing", "P-256", func() x509.Certificate {
		l := leaf("LAPTOP-1", purpose)
		cn := asn1.ObjectIdentifier{2, 5, 4, 3}
		l.Subject.ExtraNames = []pkix.AttributeTypeAndValue{{Type: cn, Value: "FIRST"}, {Type: cn, Value: "LAPTOP-1"}}
		return l
	}())
}

// alternativeNames is a subjectAltName with a Microsoft user principal name (an otherName) and a mail address.
func alternativeNames() []asn1.RawValue {
	name, _ := asn1.MarshalWithParams("alice@corp.example", "utf8,explicit,tag:0") // a fixed value
	oid, _ := asn1.Marshal(asn1.ObjectIdentifier{1, 3, 6, 1, 4, 1, 311, 20, 2, 3})
	return []asn1.RawValue{
		{Class: asn1.ClassContextSpecific, Tag: 0, IsCompound: true, Bytes: append(oid, name...)},
		{Class: asn1.ClassContextSpecific, Tag: 1, Bytes: []byte("alice@corp.example")},
	}
}

// wrongClients are certificates that must be refused.
func (c *cabinet) wrongClients(t *testing.T) {
	t.Helper()
	const purpose = x509.ExtKeyUsageClientAuth
	now := time.Now()
	c.issue(t, "expired", "issuing", "P-256", func() x509.Certificate {
		l := leaf("LAPTOP-1", purpose)
		l.NotAfter = now.Add(-time.Minute)
		return l
	}())
	c.issue(t, "future", "issuing", "P-256", func() x509.Certificate {
		l := leaf("LAPTOP-1", purpose)
		l.NotBefore, l.NotAfter = now.Add(time.Hour), now.Add(2*time.Hour)
		return l
	}())
	c.issue(t, "expired-rsa", "issuing-rsa", "RSA 1", func() x509.Certificate {
		l := leaf("LAPTOP-1", purpose)
		l.NotAfter = now.Add(-time.Minute)
		return l
	}())
	c.issue(t, "issuer-expired", "issuing-expired", "P-256", leaf("LAPTOP-1", purpose))
	c.issue(t, "eku-server", "issuing", "P-256", leaf("LAPTOP-1", x509.ExtKeyUsageServerAuth))
	c.issue(t, "eku-mail", "issuing", "P-256", leaf("LAPTOP-1", x509.ExtKeyUsageEmailProtection, x509.ExtKeyUsageCodeSigning))
	c.issue(t, "ku-encipherment", "issuing-rsa", "RSA 0", func() x509.Certificate {
		l := leaf("LAPTOP-1", purpose)
		l.KeyUsage = x509.KeyUsageKeyEncipherment
		return l
	}())
	c.issue(t, "foreign", caForeign, "P-256", leaf("LAPTOP-1", purpose))
	c.issue(t, "self-signed", "", "P-256", leaf("LAPTOP-1", purpose))
	c.issue(t, "below-leaf", "laptop", "P-256", leaf("LAPTOP-2", purpose))
	c.issue(t, "path-length", "below-bounded", "P-256", leaf("LAPTOP-1", purpose))
	c.issue(t, "revoked", "issuing", "P-256", leaf("LAPTOP-1", purpose))
	c.issue(t, "issuer-revoked", "issuing-revoked", "P-256", leaf("LAPTOP-1", purpose))
	c.issue(t, "weak", "issuing-rsa", "RSA 3", leaf("LAPTOP-1", purpose))
	c.issue(t, "root-expired", caExpired, "P-256", leaf("LAPTOP-1", purpose))
	c.issue(t, "name-forbidden", "issuing-named", "P-256", func() x509.Certificate {
		l := leaf("LAPTOP-1", purpose)
		l.DNSNames = []string{"laptop-1.other.example"}
		return l
	}())
	c.issue(t, "critical", "issuing", "P-256", func() x509.Certificate {
		l := leaf("LAPTOP-1", purpose)
		l.ExtraExtensions = []pkix.Extension{{Id: asn1.ObjectIdentifier{1, 3, 6, 1, 4, 1, 32473, 1}, Critical: true, Value: []byte{5, 0}}}
		return l
	}())
	c.incomplete(t)
	c.forged(t)
}

// incomplete is a client that leaves its issuing CA out, which the server does not know.
func (c *cabinet) incomplete(t *testing.T) {
	t.Helper()
	c.write(t, "incomplete.pem", pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: c.made["laptop"].Raw}))
	c.write(t, "incomplete.key", c.read(t, "laptop.key"))
}

// forged has a CA with the name of the issuing one but a key of its own, below which the certificates stand that claim
// to be the issuing CA's.
func (c *cabinet) forged(t *testing.T) {
	t.Helper()
	c.issue(t, "impostor", "", "P-256", func() x509.Certificate {
		ca := authority("Contoso Issuing CA")
		ca.SubjectKeyId = c.made["issuing"].SubjectKeyId
		return ca
	}())
	c.issue(t, "forged", "impostor", "P-256", leaf("LAPTOP-1", x509.ExtKeyUsageClientAuth))
	c.write(t, "forged.pem", append(pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: c.made["forged"].Raw}), c.made["issuing"].chain...))
}

// lists are the revocation lists of the CAs.
func (c *cabinet) lists(t *testing.T) {
	t.Helper()
	now := time.Now()
	list := func(ca string, until time.Time, revoked ...string) []byte {
		l := x509.RevocationList{Number: big.NewInt(1), ThisUpdate: now.Add(-time.Hour), NextUpdate: until}
		for _, name := range revoked {
			l.RevokedCertificateEntries = append(l.RevokedCertificateEntries, x509.RevocationListEntry{
				SerialNumber: c.made[name].SerialNumber, RevocationTime: now.Add(-30 * time.Minute), ReasonCode: 1,
			})
		}
		der, err := x509.CreateRevocationList(rand.Reader, &l, c.made[ca].Certificate, c.made[ca].key)
		if err != nil {
			t.Fatal(err)
		}
		return pem.EncodeToMemory(&pem.Block{Type: "X509 CRL", Bytes: der})
	}
	until := now.Add(time.Hour)
	c.write(t, "crl.pem", slices.Concat(
		list(caECDSA, until, "issuing-revoked"), list("issuing", until, "revoked"), list("issuing-revoked", until),
		list(caRSA, until), list("issuing-rsa", until),
	))
}
