package cli

import (
	"bytes"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"embed"
	"encoding/base32"
	"encoding/pem"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"text/template"
	"time"

	"nacsim/sim/pki"
)

//go:embed nacinit
var nacTemplates embed.FS

// The names in the certificates of a new configuration, and for how long they are valid.
const (
	initServer   = "radius.corp.example"
	initClient   = "LAPTOP-1"
	initIdentity = "host/laptop-1.corp.example"
	initUser     = "anna"

	caLifetime   = 10 * 365 * 24 * time.Hour
	leafLifetime = 2 * 365 * 24 * time.Hour
	clockSkew    = time.Hour // of a device that is to believe a fresh certificate
)

// initial is what the files of a new configuration are made from.
type initial struct {
	Dir, Secret, Password    string
	Token                    string
	Server, Identity, User   string
	ServerExpires, CAExpires string
}

// A newFile is one file of a new configuration.
type newFile struct {
	name    string
	content []byte
	secret  bool
}

// initNAC makes a folder with a configuration to begin with. It overwrites nothing.
func initNAC(dir string, now time.Time, stdout io.Writer) error {
	absolute, err := filepath.Abs(dir)
	if err != nil {
		return badInput("nacsim nac: --init %s: %v", dir, reason(err))
	}
	in, files, err := newConfiguration(absolute, now)
	if err != nil {
		return &exitError{ExitFault, fmt.Errorf("nacsim nac: %w", err)}
	}
	if _, err := writeNew("nacsim nac: --init "+dir, dir, files); err != nil {
		return err
	}
	next, err := fill("next.txt", in)
	if err == nil {
		_, err = stdout.Write(next)
	}
	return err
}

// writeNew makes files in a folder, where there may be none of their names, and returns the path of the first.
func writeNew(who, dir string, files []newFile) (string, error) {
	if err := os.MkdirAll(dir, 0o755); err != nil {
		return "", badInput("%s: cannot make the folder: %v", who, reason(err))
	}
	for _, f := range files {
		if _, err := os.Lstat(filepath.Join(dir, f.name)); !errors.Is(err, fs.ErrNotExist) {
			return "", badInput("%s: there is a %s already; name a new folder", who, f.name)
		}
	}
	for _, f := range files {
		mode := os.FileMode(0o644)
		if f.secret {
			mode = 0o600
		}
		if err := os.WriteFile(filepath.Join(dir, f.name), f.content, mode); err != nil {
			return "", badInput("%s: cannot write %s: %v", who, f.name, reason(err))
		}
	}
	return filepath.Join(dir, files[0].name), nil
}

// newConfiguration makes the content of the files.
func newConfiguration(dir string, now time.Time) (*initial, []newFile, error) {
	in := &initial{Dir: dir, Secret: password(26), Password: password(13), Token: password(32), Server: initServer, Identity: initIdentity, User: initUser}
	files, err := newCertificates(in, now)
	if err != nil {
		return nil, nil, err
	}
	for _, f := range []newFile{{name: "nac.yaml", secret: true}, {name: "policy.yaml"}, {name: "users.yaml", secret: true}, {name: "eapol_test-tls.conf"}, {name: "eapol_test-ttls.conf", secret: true}} {
		if f.content, err = fill(f.name, in); err != nil {
			return nil, nil, err
		}
		files = append(files, f)
	}
	return in, files, nil
}

// newCertificates makes a CA, and what it issues to the server and to one client.
func newCertificates(in *initial, now time.Time) ([]newFile, error) {
	from := now.Add(-clockSkew)
	ca, err := pki.NewAuthority("nacsim Root CA", from, now.Add(caLifetime), rand.Reader)
	if err != nil {
		return nil, err
	}
	server, err := ca.Server([]string{initServer}, from, now.Add(leafLifetime), rand.Reader)
	if err != nil {
		return nil, err
	}
	client, err := ca.Client(pki.Profile{Subject: "CN=" + initClient, DNS: []string{strings.TrimPrefix(initIdentity, "host/")}},
		pki.Variables{}, from, now.Add(leafLifetime), rand.Reader)
	if err != nil {
		return nil, err
	}
	in.CAExpires = ca.Certificate().NotAfter.Format(time.DateOnly)
	in.ServerExpires = server.Leaf.NotAfter.Format(time.DateOnly)
	crl, err := ca.Revocations().CRL(now, caLifetime)
	if err != nil {
		return nil, err
	}
	files := []newFile{
		{name: "ca.pem", content: pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: ca.Certificate().Raw})},
		{name: "ca.crl", content: pem.EncodeToMemory(&pem.Block{Type: "X509 CRL", Bytes: crl})},
	}
	for _, c := range []struct {
		name string
		tls.Certificate
	}{{"server", server}, {"client", client}} {
		chain, key, err := pemOf(c.Certificate)
		if err != nil {
			return nil, err
		}
		files = append(files, newFile{name: c.name + ".pem", content: chain}, newFile{name: c.name + ".key", content: key, secret: true})
	}
	return files, nil
}

// pemOf encodes a certificate with its chain, and its key.
func pemOf(c tls.Certificate) (chain, key []byte, err error) {
	for _, der := range c.Certificate {
		chain = append(chain, pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: der})...)
	}
	der, err := x509.MarshalPKCS8PrivateKey(c.PrivateKey)
	return chain, pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: der}), err
}

// password is a random one of n characters with five bits each.
func password(n int) string {
	random := make([]byte, (n*5+7)/8)
	_, _ = rand.Read(random) // it does not fail
	return strings.ToLower(base32.StdEncoding.WithPadding(base32.NoPadding).EncodeToString(random))[:n]
}

// fill writes one of the templates.
func fill(name string, in *initial) ([]byte, error) {
	t, err := template.ParseFS(nacTemplates, "nacinit/"+name)
	if err != nil {
		return nil, err
	}
	var b bytes.Buffer
	err = t.Execute(&b, in)
	return b.Bytes(), err
}
