package eap_test

import (
	"crypto/tls"
	"crypto/x509"
	"errors"
	"testing"
	"time"

	"nacsim/internal/eap"
	"nacsim/internal/eap/eaptest"
)

// parsed are the certificates that a client sends.
func parsed(t testing.TB, c tls.Certificate) []*x509.Certificate {
	t.Helper()
	var sent []*x509.Certificate
	for _, der := range c.Certificate {
		cert, err := x509.ParseCertificate(der)
		if err != nil {
			t.Fatal(err)
		}
		sent = append(sent, cert)
	}
	return sent
}

func forClients(roots *x509.CertPool, now time.Time) x509.VerifyOptions {
	return x509.VerifyOptions{Roots: roots, CurrentTime: now, KeyUsages: []x509.ExtKeyUsage{x509.ExtKeyUsageClientAuth}}
}

// TestChainsRemember holds that the same certificates give the same chain again, and that what is remembered is used: the
// memory hands out the very certificates of the first time.
func TestChainsRemember(t *testing.T) {
	ca := eaptest.NewCA(t, "root")
	roots, certificate := ca.Pool(), ca.Sub("sub").Issue("LAPTOP-1")
	chains := eap.NewChains(0)
	first, err := chains.Verify(parsed(t, certificate), forClients(roots, eaptest.Now))
	if err != nil || len(first) != 3 {
		t.Fatalf("got a chain of %d, %v", len(first), err)
	}
	again, err := chains.Verify(parsed(t, certificate), forClients(roots, eaptest.Now.Add(time.Hour)))
	if err != nil || &again[0] != &first[0] {
		t.Errorf("the chain is not the one remembered (%v)", err)
	}
	none, err := (*eap.Chains)(nil).Verify(parsed(t, certificate), forClients(roots, eaptest.Now))
	if err != nil || len(none) != 3 || &none[0] == &first[0] {
		t.Errorf("without a memory: a chain of %d, %v", len(none), err)
	}
}

// TestChainsDoNotRemember holds that nothing is taken from the memory that has become wrong since.
func TestChainsDoNotRemember(t *testing.T) {
	ca, other := eaptest.NewCA(t, "root"), eaptest.NewCA(t, "root")
	roots := ca.Pool()
	leaf := func(change ...func(*x509.Certificate)) []*x509.Certificate {
		return parsed(t, ca.Issue("LAPTOP-1", change...))
	}
	short := leaf(func(c *x509.Certificate) { c.NotAfter = eaptest.Now.Add(time.Hour) })
	sub := parsed(t, ca.Sub("sub").Issue("LAPTOP-2"))
	forged := append([]*x509.Certificate(nil), sub...)
	forged[1] = parsed(t, other.Sub("sub").Issue("LAPTOP-2"))[1]
	chains := eap.NewChains(0)
	for _, sent := range [][]*x509.Certificate{short, sub} {
		if _, err := chains.Verify(sent, forClients(roots, eaptest.Now)); err != nil {
			t.Fatal(err)
		}
	}
	server := forClients(roots, eaptest.Now)
	server.DNSName = "radius.example"
	email := forClients(roots, eaptest.Now)
	email.KeyUsages = []x509.ExtKeyUsage{x509.ExtKeyUsageEmailProtection}
	for what, c := range map[string]struct {
		sent []*x509.Certificate
		o    x509.VerifyOptions
		want error
	}{
		"the certificate has expired":      {short, forClients(roots, eaptest.Now.Add(2*time.Hour)), x509.CertificateInvalidError{}},
		"the CA has expired":               {sub, forClients(roots, eaptest.Now.AddDate(50, 0, 0)), x509.CertificateInvalidError{}},
		"the clock was set back":           {short, forClients(roots, eaptest.Now.AddDate(-50, 0, 0)), x509.CertificateInvalidError{}},
		"the CA is no longer trusted":      {short, forClients(other.Pool(), eaptest.Now), x509.UnknownAuthorityError{}},
		"the intermediate is missing":      {sub[:1], forClients(roots, eaptest.Now), x509.UnknownAuthorityError{}},
		"the intermediate is another one":  {forged, forClients(roots, eaptest.Now), x509.UnknownAuthorityError{}},
		"a name is asked for":              {short, server, x509.HostnameError{}},
		"it is asked for for another use":  {short, email, x509.CertificateInvalidError{}},
		"it is the same with another text": {leaf(func(c *x509.Certificate) { c.Issuer.CommonName = "x"; c.NotAfter = eaptest.Now.Add(-time.Hour) }), forClients(roots, eaptest.Now), x509.CertificateInvalidError{}},
	} {
		for range 2 { // a refusal is not remembered either
			_, err := chains.Verify(c.sent, c.o)
			if err == nil {
				t.Errorf("%s: it is taken", what)
				continue
			}
			switch c.want.(type) {
			case x509.CertificateInvalidError:
				if !errors.As(err, new(x509.CertificateInvalidError)) {
					t.Errorf("%s: %T %v", what, err, err)
				}
			case x509.UnknownAuthorityError:
				if !errors.As(err, new(x509.UnknownAuthorityError)) {
					t.Errorf("%s: %T %v", what, err, err)
				}
			case x509.HostnameError:
				if !errors.As(err, new(x509.HostnameError)) {
					t.Errorf("%s: %T %v", what, err, err)
				}
			}
		}
	}
	if chains.Len() != 2 {
		t.Errorf("%d chains are remembered", chains.Len())
	}
}

// TestChainsAreBounded holds that a memory that is full forgets what it has known longest.
func TestChainsAreBounded(t *testing.T) {
	ca := eaptest.NewCA(t, "root")
	roots := ca.Pool()
	chains := eap.NewChains(2)
	var sent, verified [][]*x509.Certificate
	for i := range 4 {
		sent = append(sent, parsed(t, ca.Issue("LAPTOP")))
		chain, err := chains.Verify(sent[i], forClients(roots, eaptest.Now))
		if err != nil {
			t.Fatal(err)
		}
		verified = append(verified, chain)
	}
	if chains.Len() != 2 {
		t.Errorf("%d chains are remembered", chains.Len())
	}
	for _, i := range []int{3, 2, 0} { // the last one puts itself back
		known := i >= 2
		chain, err := chains.Verify(sent[i], forClients(roots, eaptest.Now))
		if err != nil || known && &chain[0] != &verified[i][0] {
			t.Errorf("chain %d is not remembered (%v)", i, err)
		}
		if !known && &chain[0] == &verified[i][0] {
			t.Errorf("chain %d is still remembered", i)
		}
	}
}

// BenchmarkChains measures clients that come back, a thousand in turn, with memory and without.
func BenchmarkChains(b *testing.B) {
	ca := eaptest.NewCA(b, "root")
	roots := ca.Pool()
	var clients [][]*x509.Certificate
	for range 1000 {
		clients = append(clients, parsed(b, ca.Issue("LAPTOP")))
	}
	for name, chains := range map[string]*eap.Chains{"remembered": eap.NewChains(0), "anew": nil} {
		b.Run(name, func(b *testing.B) {
			b.ReportAllocs()
			for i := 0; b.Loop(); i++ {
				if _, err := chains.Verify(clients[i%len(clients)], forClients(roots, eaptest.Now)); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}
