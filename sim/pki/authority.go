package pki

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/sha1"
	"crypto/sha256"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/asn1"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"math/big"
	"math/rand/v2"
	"net/netip"
	"net/url"
	"strings"
	"time"
)

// Seeded returns an endless stream of octets that follows from a seed and a name. It is for simulated worlds
// only: anyone who knows the seed knows every key made from it.
func Seeded(seed uint64, name string) io.Reader {
	h := sha256.New()
	h.Write([]byte("nacsim pki\x00"))
	h.Write(binary.BigEndian.AppendUint64(nil, seed))
	h.Write([]byte(name))
	return rand.NewChaCha8([sha256.Size]byte(h.Sum(nil)))
}

// newKey makes a P-256 key from random octets.
func newKey(random io.Reader) (*ecdsa.PrivateKey, error) {
	var b [32]byte
	for {
		if _, err := io.ReadFull(random, b[:]); err != nil {
			return nil, fmt.Errorf("pki: random octets for a key: %w", err)
		}
		// All but 2^-32 of the values are below the order of the group and give a key.
		if key, err := ecdsa.ParseRawPrivateKey(elliptic.P256(), b[:]); err == nil {
			return key, nil
		}
	}
}

// newSerial makes a serial number of 127 random bits (RFC 5280 section 4.1.2.2: positive, at most 20 octets).
func newSerial(random io.Reader) (*big.Int, error) {
	var b [16]byte
	if _, err := io.ReadFull(random, b[:]); err != nil {
		return nil, fmt.Errorf("pki: random octets for a serial number: %w", err)
	}
	b[0] = b[0]&0x7f | 0x40
	return new(big.Int).SetBytes(b[:]), nil
}

// An Authority issues certificates.
type Authority struct {
	certificate *x509.Certificate
	key         *ecdsa.PrivateKey
	root        *x509.Certificate
	chain       [][]byte // the authority's own certificates below the root, its own first

	crl, responder string // see Publish
}

// NewAuthority makes a root CA with the given common name, valid from and to the given times.
func NewAuthority(commonName string, notBefore, notAfter time.Time, random io.Reader) (*Authority, error) {
	template, key, err := authorityTemplate(commonName, notBefore, notAfter, random)
	if err != nil {
		return nil, err
	}
	certificate, err := sign(template, template, key, key)
	if err != nil {
		return nil, err
	}
	return &Authority{certificate: certificate, key: key, root: certificate}, nil
}

// OpenAuthority returns the root CA of an earlier run by its certificate and its private key, which must belong together.
func OpenAuthority(certificate *x509.Certificate, key *ecdsa.PrivateKey) (*Authority, error) {
	switch {
	case !certificate.IsCA:
		return nil, fmt.Errorf("pki: the certificate of %s is not that of a CA", certificate.Subject)
	case !key.PublicKey.Equal(certificate.PublicKey):
		return nil, fmt.Errorf("pki: the private key is not that of the certificate of %s", certificate.Subject)
	case certificate.CheckSignatureFrom(certificate) != nil:
		return nil, fmt.Errorf("pki: the certificate of %s is not that of a root CA", certificate.Subject)
	}
	return &Authority{certificate: certificate, key: key, root: certificate}, nil
}

// Key returns the authority's private key, for keeping it.
func (a *Authority) Key() *ecdsa.PrivateKey { return a.key }

// Intermediate makes a CA below a. Certificates that it issues carry it along, so that a peer needs to know the root only.
func (a *Authority) Intermediate(commonName string, random io.Reader) (*Authority, error) {
	template, key, err := authorityTemplate(commonName, a.certificate.NotBefore, a.certificate.NotAfter, random)
	if err != nil {
		return nil, err
	}
	a.announce(template)
	certificate, err := sign(template, a.certificate, key, a.key)
	if err != nil {
		return nil, err
	}
	return &Authority{
		certificate: certificate,
		key:         key,
		root:        a.root,
		chain:       append([][]byte{certificate.Raw}, a.chain...),
	}, nil
}

func authorityTemplate(commonName string, notBefore, notAfter time.Time, random io.Reader) (*x509.Certificate, *ecdsa.PrivateKey, error) {
	template, key, err := newTemplate(notBefore, notAfter, random)
	if err != nil {
		return nil, nil, err
	}
	template.Subject = pkix.Name{CommonName: commonName, Organization: []string{"nacsim"}}
	template.IsCA = true
	template.BasicConstraintsValid = true
	template.KeyUsage = x509.KeyUsageCertSign | x509.KeyUsageCRLSign
	template.SubjectKeyId = keyID(key)
	return template, key, nil
}

// keyID is the identifier of a key (RFC 5280 section 4.2.1.2, method 1), which is an identifier and not a matter of security.
func keyID(key *ecdsa.PrivateKey) []byte {
	point, err := key.PublicKey.Bytes()
	if err != nil {
		panic(err) // a P-256 key always has an encoding
	}
	id := sha1.Sum(point)
	return id[:]
}

func newTemplate(notBefore, notAfter time.Time, random io.Reader) (*x509.Certificate, *ecdsa.PrivateKey, error) {
	if !notAfter.After(notBefore) {
		return nil, nil, fmt.Errorf("pki: the certificate would expire (%s) before it becomes valid (%s)",
			notAfter.UTC().Format(time.RFC3339), notBefore.UTC().Format(time.RFC3339))
	}
	key, err := newKey(random)
	if err != nil {
		return nil, nil, err
	}
	serial, err := newSerial(random)
	if err != nil {
		return nil, nil, err
	}
	return &x509.Certificate{
		SerialNumber: serial,
		// Certificates have whole seconds (RFC 5280 section 4.1.2.5).
		NotBefore: notBefore.UTC().Truncate(time.Second),
		NotAfter:  notAfter.UTC().Truncate(time.Second),
	}, key, nil
}

// sign issues the template. Without a source of randomness the signature is deterministic.
func sign(template, parent *x509.Certificate, key, signer *ecdsa.PrivateKey) (*x509.Certificate, error) {
	der, err := x509.CreateCertificate(nil, template, parent, &key.PublicKey, signer)
	if err != nil {
		return nil, fmt.Errorf("pki: %w", err)
	}
	certificate, err := x509.ParseCertificate(der)
	if err != nil {
		return nil, fmt.Errorf("pki: %w", err)
	}
	return certificate, nil
}

// Certificate returns the authority's own certificate.
func (a *Authority) Certificate() *x509.Certificate { return a.certificate }

// Pool returns a new pool that contains the root.
func (a *Authority) Pool() *x509.CertPool {
	pool := x509.NewCertPool()
	pool.AddCert(a.root)
	return pool
}

// Server issues a certificate for servers with the given DNS names or IP addresses, the first of which is also the
// common name.
func (a *Authority) Server(names []string, notBefore, notAfter time.Time, random io.Reader) (tls.Certificate, error) {
	if len(names) == 0 {
		return tls.Certificate{}, errors.New("pki: a server certificate needs a name")
	}
	template, key, err := newTemplate(notBefore, notAfter, random)
	if err != nil {
		return tls.Certificate{}, err
	}
	template.Subject = pkix.Name{CommonName: names[0], Organization: []string{"nacsim"}}
	for _, name := range names {
		if ip, err := netip.ParseAddr(name); err == nil {
			template.IPAddresses = append(template.IPAddresses, ip.AsSlice())
		} else {
			template.DNSNames = append(template.DNSNames, name)
		}
	}
	template.ExtKeyUsage = []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth}
	return a.issue(template, key)
}

// A Profile is what an Intune SCEP profile says about certificates. Subject and the names may contain variables
// such as {{DeviceName}}; see [Variables].
type Profile struct {
	// Subject is in the notation of RFC 4514, for example "CN={{DeviceName}},O=Contoso".
	Subject string
	// DNS, URI and Email are subject alternative names. A DNS name need not be a valid host name, since
	// profiles put device IDs there.
	DNS   []string
	URI   []string
	Email []string
}

// Client issues a client certificate for the device that v describes.
func (a *Authority) Client(p Profile, v Variables, notBefore, notAfter time.Time, random io.Reader) (tls.Certificate, error) {
	template, key, err := newTemplate(notBefore, notAfter, random)
	if err != nil {
		return tls.Certificate{}, err
	}
	if err := p.fill(template, v); err != nil {
		return tls.Certificate{}, fmt.Errorf("pki: %w", err)
	}
	template.ExtKeyUsage = []x509.ExtKeyUsage{x509.ExtKeyUsageClientAuth}
	return a.issue(template, key)
}

// Check reports why no certificate could be issued to the device that v describes, without issuing one.
func (p Profile) Check(v Variables) error { return p.fill(new(x509.Certificate), v) }

// fill puts the profile's names into a template.
func (p *Profile) fill(template *x509.Certificate, v Variables) error {
	subject, err := parseSubject(p.Subject, v)
	if err != nil {
		return fmt.Errorf("subject: %w", err)
	}
	if template.RawSubject, err = asn1.Marshal(subject); err != nil {
		return fmt.Errorf("subject: %w", err)
	}
	if template.DNSNames, err = expandAll("SAN DNS", p.DNS, v); err != nil {
		return err
	}
	if template.EmailAddresses, err = expandAll("SAN email", p.Email, v); err != nil {
		return err
	}
	uris, err := expandAll("SAN URI", p.URI, v)
	if err != nil {
		return err
	}
	for _, uri := range uris {
		u, err := url.Parse(uri)
		if err != nil || u.Scheme == "" {
			return fmt.Errorf("SAN URI %q is not a URI with a scheme, such as IntuneDeviceId://…", uri)
		}
		template.URIs = append(template.URIs, u)
	}
	return nil
}

// expandAll fills in templates of names, which travel as IA5String and must therefore be ASCII.
func expandAll(kind string, templates []string, v Variables) ([]string, error) {
	var out []string
	for _, t := range templates {
		name, err := Expand(t, v)
		if err != nil {
			return nil, fmt.Errorf("%s: %w", kind, err)
		}
		if name == "" || strings.IndexFunc(name, func(r rune) bool { return r < ' ' || r > '~' }) >= 0 {
			return nil, fmt.Errorf("%s %q: a name has printable ASCII characters, and at least one", kind, name)
		}
		out = append(out, name)
	}
	return out, nil
}

// issue signs an end-entity certificate and returns it with its key and the CAs between it and the root.
func (a *Authority) issue(template *x509.Certificate, key *ecdsa.PrivateKey) (tls.Certificate, error) {
	template.KeyUsage = x509.KeyUsageDigitalSignature
	template.BasicConstraintsValid = true
	a.announce(template)
	certificate, err := sign(template, a.certificate, key, a.key)
	if err != nil {
		return tls.Certificate{}, err
	}
	return tls.Certificate{
		Certificate: append([][]byte{certificate.Raw}, a.chain...),
		PrivateKey:  key,
		Leaf:        certificate,
	}, nil
}

// announce makes a certificate name where its revocation can be learnt.
func (a *Authority) announce(template *x509.Certificate) {
	if a.crl != "" {
		template.CRLDistributionPoints = []string{a.crl}
	}
	if a.responder != "" {
		template.OCSPServer = []string{a.responder}
	}
}
