package config

import (
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"

	"github.com/goccy/go-yaml/ast"

	"nacsim/fakeap"
	"nacsim/fakeap/eappeer"
)

// credentials fills in how a supplicant authenticates.
func (r *reader) credentials(one *Supplicant, s *supplicantNode, n int) bool {
	one.Method = s.method
	switch {
	case s.method == "" && s.certificate != "":
		one.Method = "tls"
	case s.method == "" && s.password != "":
		one.Method = "ttls-pap"
	case s.method == "":
		r.Errorf(s.node, "there is no method, no certificate and no password; how shall it authenticate?")
		return false
	}
	if one.Expect.Result == "" {
		one.Expect.Result = fakeap.Accepted
	}
	if one.Method == MAB {
		return true
	}
	method, inner, err := eappeer.ParseMethod(one.Method)
	if err != nil {
		r.Errorf(s.at("method"), "%v", err)
		return false
	}
	e := &eappeer.Config{
		Identity: numbered(s.identity, n), Anonymous: numbered(s.anonymous, n), Method: method, Inner: inner,
		User: numbered(s.user, n), Password: numbered(s.password, n), ServerName: s.serverName, ServerSuffix: s.domain,
		MinTLS: s.minTLS, MaxTLS: s.maxTLS, FragmentSize: s.fragment, Profile: s.profile,
	}
	before := len(r.Errs)
	e.Machine = r.machine(s, n)
	e.NoUser = e.Machine != nil && s.certificate == "" && s.password == ""
	if e.NoUser {
		if e.Identity == "" {
			e.Identity = e.Machine.Identity
		}
	} else if s.certificate != "" {
		e.Certificate = r.pair(s.at, numbered(s.certificate, n), numbered(s.key, n))
	} else if strings.HasSuffix(one.Method, "tls") {
		r.Errorf(s.node, "method %s needs a certificate", one.Method)
	} else if s.password == "" {
		r.Errorf(s.node, "method %s needs a password", one.Method)
	}
	if e.AnyServer = len(s.ca) == 1 && s.ca[0] == "none"; !e.AnyServer {
		e.RootCAs = r.authorities(s.at("ca"), s.ca)
	}
	if e.Identity == "" {
		if e.Identity = e.User; e.Identity == "" {
			e.Identity = identityOf(e.Certificate)
		}
	}
	if len(r.Errs) > before {
		return false
	}
	checked := *e
	checked.Rand = strings.NewReader("") // who runs the peer gives it a source
	if _, err := checked.WithDefaults(); err != nil {
		r.Errorf(s.at("identity"), "%s", strings.TrimPrefix(err.Error(), "eappeer: "))
		return false
	}
	one.EAP = e
	return true
}

// machine fills in how the device itself authenticates.
func (r *reader) machine(s *supplicantNode, n int) *eappeer.Machine {
	m := s.machine
	if m == nil {
		return nil
	}
	out := &eappeer.Machine{Identity: numbered(m.identity, n), Password: numbered(m.password, n)}
	switch {
	case m.certificate != "" && m.password != "":
		r.Errorf(m.node, "machine has a certificate and a password; give it one of them")
	case m.certificate != "":
		out.Certificate = r.pair(func(string) ast.Node { return m.node }, numbered(m.certificate, n), numbered(m.key, n))
		if out.Identity == "" {
			out.Identity = identityOf(out.Certificate)
		}
	case m.password != "":
		out.Inner = eappeer.EAPMSCHAPv2
	default:
		r.Errorf(m.node, "machine needs a certificate or a password")
	}
	return out
}

// identityOf is what a certificate names: its DNS name as a machine, its e-mail address, or its common name.
func identityOf(c tls.Certificate) string {
	if c.Leaf == nil {
		return ""
	}
	switch {
	case len(c.Leaf.DNSNames) > 0:
		return "host/" + c.Leaf.DNSNames[0]
	case len(c.Leaf.EmailAddresses) > 0:
		return c.Leaf.EmailAddresses[0]
	}
	return c.Leaf.Subject.CommonName
}

// pair reads a certificate and its key, each pair of files once.
func (r *reader) pair(at func(key string) ast.Node, certificate, key string) tls.Certificate {
	names := [2]string{certificate, key}
	if key == "" {
		names[1] = certificate
	}
	if c, known := r.pairs[names]; known {
		return c
	}
	chain, ok1 := r.read(at("certificate"), "certificate", names[0])
	private, ok2 := chain, ok1
	if names[1] != names[0] {
		private, ok2 = r.read(at("key"), "key", names[1])
	}
	if !ok1 || !ok2 {
		return tls.Certificate{}
	}
	c, err := tls.X509KeyPair(chain, private)
	if err != nil {
		r.Errorf(at("certificate"), "certificate %s with key %s: %s", names[0], names[1], strings.TrimPrefix(err.Error(), "tls: "))
		return c
	}
	r.pairs[names] = c
	return c
}

// authorities reads who is believed about servers, each list of files once.
func (r *reader) authorities(at ast.Node, files []string) *x509.CertPool {
	id := strings.Join(files, "\x00")
	if pool := r.pools[id]; pool != nil {
		return pool
	}
	pool := x509.NewCertPool()
	for _, name := range files {
		if data, ok := r.read(at, "ca", name); ok && !pool.AppendCertsFromPEM(data) {
			r.Errorf(at, "ca %s has no certificates in PEM", name)
		}
	}
	r.pools[id] = pool
	return pool
}

// read reads a file that the configuration names.
func (r *reader) read(at ast.Node, what, name string) (data []byte, ok bool) {
	path := name
	if !filepath.IsAbs(path) {
		path = filepath.Join(r.dir, path)
	}
	info, err := os.Stat(path)
	switch {
	case err == nil && !info.Mode().IsRegular():
		err = errors.New("it is not a file")
	case err == nil && info.Size() > maxRead:
		err = fmt.Errorf("it has %d octets", info.Size())
	case err == nil:
		data, err = os.ReadFile(path)
	}
	if err != nil {
		if wrapped := (*fs.PathError)(nil); errors.As(err, &wrapped) {
			err = wrapped.Err
		}
		r.Errorf(at, "%s %s cannot be read: %v", what, name, err)
		return nil, false
	}
	return data, true
}
