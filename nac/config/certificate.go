package config

import (
	"crypto"
	"crypto/tls"
	"crypto/x509"
	"encoding/pem"
	"errors"
	"fmt"
	"io/fs"
	"strings"

	"github.com/goccy/go-yaml/ast"
	"github.com/youmark/pkcs8"

	"nacsim/internal/yamltable"
)

var certificateProperties = []yamltable.Property[certificateNode]{
	{Name: "chain", Required: true, Doc: "File with the certificate and the CAs between it and the root, in PEM, in this order. All of it is sent.",
		Schema: yamltable.Schema{"type": "string", "minLength": 1},
		Set:    func(r *yamltable.Reader, n ast.Node, to *certificateNode) { to.chain = fileName(r, n, "chain") }},
	{Name: "key", Doc: "File with the private key, RSA, ECDSA or Ed25519, in PEM: PKCS #8, PKCS #1 or SEC 1. The default is the file of the chain.",
		Schema: yamltable.Schema{"type": "string", "minLength": 1},
		Set:    func(r *yamltable.Reader, n ast.Node, to *certificateNode) { to.key = fileName(r, n, "key") }},
	{Name: "ocsp_staple", Doc: "File with the OCSP response for the certificate, in DER or PEM, which is sent to clients that want one. It is read again on SIGHUP.",
		Schema: yamltable.Schema{"type": "string", "minLength": 1},
		Set:    func(r *yamltable.Reader, n ast.Node, to *certificateNode) { to.staple = fileName(r, n, "ocsp_staple") }},
	{Name: "password", Doc: "Password of the private key, if it is encrypted.",
		Schema: yamltable.Schema{"type": "string", "minLength": 1},
		Set:    setSecret("password", func(to *certificateNode) *string { return &to.password })},
}

// certificates reads one certificate or a list of them.
func certificates(r *yamltable.Reader, n ast.Node) []certificateNode {
	place := func(c *certificateNode, n ast.Node) { c.node = n }
	if _, list := n.(*ast.SequenceNode); list {
		var out []certificateNode
		entries(r, n, "certificate", "a certificate", maxList, certificateProperties, &out, place)
		if len(out) == 0 && len(r.Errs) == 0 {
			r.Errorf(n, "certificate is empty; name the files of one")
		}
		return out
	}
	c := certificateNode{node: n}
	if !yamltable.Object(r, n, "certificate", certificateProperties, &c) {
		return nil
	}
	return []certificateNode{c}
}

func certificatesSchema() yamltable.Schema {
	return yamltable.Schema{"anyOf": []yamltable.Schema{
		yamltable.ObjectSchema(certificateProperties),
		{"type": "array", "minItems": 1, "items": yamltable.ObjectSchema(certificateProperties)},
	}}
}

// certificates reads the files of certificates.
func (r *reader) certificates(nodes []certificateNode) []tls.Certificate {
	var out []tls.Certificate
	for i := range nodes {
		if c, ok := r.certificate(&nodes[i]); ok {
			out = append(out, c)
		}
	}
	return out
}

// read returns the content of a file that the configuration names; the mistake of one that cannot be read is reported.
func (r *reader) read(file named, what string) []byte {
	if file.node == nil || file.text == "" {
		return nil // that has been reported
	}
	data, err := r.open(r.path(file.text))
	switch {
	case errors.Is(err, fs.ErrNotExist):
		r.Errorf(file.node, "%s: there is no file %s", what, r.path(file.text))
		return nil
	case err != nil:
		r.Errorf(file.node, "%s: %s cannot be read: %v", what, r.path(file.text), cause(err))
		return nil
	case len(data) > maxNamed:
		r.Errorf(file.node, "%s: %s has more than %d octets", what, r.path(file.text), maxNamed)
		return nil
	}
	return data
}

// cause is an error without the path, which the message has already.
func cause(err error) error {
	var path *fs.PathError
	if errors.As(err, &path) {
		return path.Err
	}
	return err
}

// certificate reads a certificate with its key.
func (r *reader) certificate(n *certificateNode) (tls.Certificate, bool) {
	if n.key.node == nil {
		n.key = n.chain
	}
	chain, key := r.read(n.chain, "chain"), r.read(n.key, "key")
	if chain == nil || key == nil {
		return tls.Certificate{}, false
	}
	certificates, err := certificatesOf(chain)
	if err != nil {
		r.Errorf(n.chain.node, "chain: %s: %v", r.path(n.chain.text), err)
		return tls.Certificate{}, false
	}
	signer, err := keyOf(key, n.password)
	if err != nil {
		r.Errorf(n.key.node, "key: %s: %v", r.path(n.key.text), err)
		return tls.Certificate{}, false
	}
	c := tls.Certificate{PrivateKey: signer, Leaf: certificates[0]}
	for _, one := range certificates {
		c.Certificate = append(c.Certificate, one.Raw)
	}
	public, comparable := signer.Public().(interface{ Equal(crypto.PublicKey) bool })
	if !comparable || !public.Equal(c.Leaf.PublicKey) {
		r.Errorf(n.key.node, "key: %s is not the key of the certificate in %s", r.path(n.key.text), r.path(n.chain.text))
		return tls.Certificate{}, false
	}
	for i, issuer := range certificates[1:] {
		if err := certificates[i].CheckSignatureFrom(issuer); err != nil {
			r.Errorf(n.chain.node, "chain: %s: certificate %d, %q, has not issued the one before it, %q: put the server's own first, and after each its issuer",
				r.path(n.chain.text), i+2, name(issuer), name(certificates[i]))
			return tls.Certificate{}, false
		}
	}
	r.staple(n.staple, &c, certificates)
	return c, true
}

// name is what a certificate calls its holder.
func name(c *x509.Certificate) string {
	if c.Subject.CommonName != "" {
		return c.Subject.CommonName
	}
	return c.Subject.String()
}

// certificatesOf reads the certificates in a PEM file, and skips what else is in it.
func certificatesOf(data []byte) ([]*x509.Certificate, error) {
	var out []*x509.Certificate
	for block, rest := pem.Decode(data); block != nil; block, rest = pem.Decode(rest) {
		if block.Type != "CERTIFICATE" {
			continue
		}
		c, err := x509.ParseCertificate(block.Bytes)
		if err != nil {
			return nil, fmt.Errorf("certificate %d is broken: %s", len(out)+1, strings.TrimPrefix(err.Error(), "x509: "))
		}
		out = append(out, c)
	}
	if len(out) == 0 {
		return nil, errors.New(`it has no certificate in PEM ("-----BEGIN CERTIFICATE-----")`)
	}
	return out, nil
}

// keyOf reads the first private key in a PEM file.
func keyOf(data []byte, password string) (crypto.Signer, error) {
	for block, rest := pem.Decode(data); block != nil; block, rest = pem.Decode(rest) {
		if block.Type != "PRIVATE KEY" && !strings.HasSuffix(block.Type, " PRIVATE KEY") {
			continue
		}
		key, err := decodeKey(block, password)
		if err != nil {
			return nil, err
		}
		signer, ok := key.(crypto.Signer)
		if !ok {
			return nil, fmt.Errorf("it has a key of a kind that cannot sign (%T)", key)
		}
		return signer, nil
	}
	return nil, errors.New(`it has no private key in PEM ("-----BEGIN PRIVATE KEY-----")`)
}

func decodeKey(block *pem.Block, password string) (key any, err error) {
	der := block.Bytes
	encrypted := block.Type == "ENCRYPTED PRIVATE KEY"
	//nolint:staticcheck // RFC 1423 encryption is weak, but it is what old versions of OpenSSL write.
	if legacy := x509.IsEncryptedPEMBlock(block); encrypted || legacy {
		if password == "" {
			return nil, errors.New("the private key is encrypted; give its password")
		}
		if legacy {
			if der, err = x509.DecryptPEMBlock(block, []byte(password)); err != nil {
				return nil, errors.New("the private key cannot be decrypted with the password")
			}
		}
	}
	switch {
	case encrypted:
		// Neither the standard library nor golang.org/x/crypto reads encrypted PKCS #8 (RFC 5958), which is what OpenSSL
		// has written since version 1.0; youmark/pkcs8 (MIT) does, with PBKDF2 and scrypt, and nothing else.
		if key, err = pkcs8.ParsePKCS8PrivateKey(der, []byte(password)); err != nil {
			return nil, errors.New("the private key cannot be decrypted with the password")
		}
		return key, nil
	case block.Type == "RSA PRIVATE KEY":
		key, err = x509.ParsePKCS1PrivateKey(der)
	case block.Type == "EC PRIVATE KEY":
		key, err = x509.ParseECPrivateKey(der)
	default:
		key, err = x509.ParsePKCS8PrivateKey(der)
	}
	if err != nil {
		return nil, fmt.Errorf("the private key is broken: %s", strings.TrimPrefix(err.Error(), "x509: "))
	}
	return key, nil
}

// authorities reads the CAs for clients.
func (r *reader) authorities(files []named) (pool *x509.CertPool, all []*x509.Certificate) {
	return r.pool("client_cas", files)
}

// roots reads the CAs for servers.
func (r *reader) roots(what string, files []named) *x509.CertPool {
	pool, _ := r.pool(what, files)
	return pool
}

// pool reads CAs.
func (r *reader) pool(what string, files []named) (pool *x509.CertPool, all []*x509.Certificate) {
	pool = x509.NewCertPool()
	for _, file := range files {
		data := r.read(file, what)
		if data == nil {
			continue
		}
		certificates, err := certificatesOf(data)
		if err != nil {
			r.Errorf(file.node, "%s: %s: %v", what, r.path(file.text), err)
			continue
		}
		for _, c := range certificates {
			pool.AddCert(c)
		}
		all = append(all, certificates...)
	}
	return pool, all
}
