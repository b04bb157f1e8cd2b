package pki

import (
	"bytes"
	"crypto/ecdsa"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"io"
	"net"
	"strings"
	"testing"
	"time"
)

var (
	notBefore = time.Date(2026, 1, 5, 7, 0, 0, 0, time.UTC)
	notAfter  = notBefore.Add(365 * 24 * time.Hour)
	during    = notBefore.Add(time.Hour)
)

var laptop = Variables{
	DeviceName: "LAPTOP-1", DeviceID: "3f2504e0-4f89-41d3-9a0c-0305e82c3301", EntraDeviceID: "9b2e4a10-7c55-4b0e-8d3f-6a1f0c2d4e5b",
	SerialNumber: "PF3K7M2Q", WiFiMACAddress: "001CB3098515", FullyQualifiedDomainName: "LAPTOP-1.corp.example",
	UserPrincipalName: "ada@corp.example", UserName: "ada",
}

func authority(t testing.TB, seed uint64) *Authority {
	t.Helper()
	a, err := NewAuthority("Corp Root", notBefore, notAfter, Seeded(seed, "root"))
	if err != nil {
		t.Fatal(err)
	}
	return a
}

func client(t testing.TB, a *Authority, p Profile, random io.Reader) tls.Certificate {
	t.Helper()
	c, err := a.Client(p, laptop, notBefore, notAfter, random)
	if err != nil {
		t.Fatal(err)
	}
	return c
}

func TestSameSeedSameCertificates(t *testing.T) {
	p := Profile{Subject: "CN={{DeviceName}}", DNS: []string{"{{DeviceId}}"}}
	make := func(seed uint64) []byte {
		a := authority(t, seed)
		i, err := a.Intermediate("Issuing CA", Seeded(seed, "issuing"))
		if err != nil {
			t.Fatal(err)
		}
		c := client(t, i, p, Seeded(seed, "laptop-1"))
		return bytes.Join(c.Certificate, nil)
	}
	if !bytes.Equal(make(1), make(1)) {
		t.Error("the same seed gave different certificates")
	}
	if bytes.Equal(make(1), make(2)) {
		t.Error("different seeds gave the same certificates")
	}
	a := authority(t, 1)
	if bytes.Equal(client(t, a, p, Seeded(1, "x")).Certificate[0], client(t, a, p, Seeded(1, "y")).Certificate[0]) {
		t.Error("different names gave the same certificates")
	}
}

func TestLiveRandomness(t *testing.T) {
	a, err := NewAuthority("Corp Root", notBefore, notAfter, rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	p := Profile{Subject: "CN={{DeviceName}}"}
	x, y := client(t, a, p, rand.Reader), client(t, a, p, rand.Reader)
	if x.Leaf.SerialNumber.Cmp(y.Leaf.SerialNumber) == 0 || x.PrivateKey.(*ecdsa.PrivateKey).Equal(y.PrivateKey) {
		t.Error("two certificates share a key or a serial number")
	}
}

func TestClientCertificate(t *testing.T) {
	a := authority(t, 1)
	c := client(t, a, Profile{
		Subject: "CN={{DeviceName}},OU=Laptops,O=Contoso,C=NL",
		DNS:     []string{"{{DeviceId}}", "{{devicename}}.corp.example"},
		URI:     []string{"IntuneDeviceId://{{DeviceID}}", "tag:microsoft.com,2022-09-14:sid:S-1-5-21-1-2-3-1001"},
		Email:   []string{"{{UserPrincipalName}}"},
	}, Seeded(1, "laptop-1"))
	leaf := c.Leaf
	if leaf.Subject.CommonName != "LAPTOP-1" || leaf.Subject.String() != "CN=LAPTOP-1,OU=Laptops,O=Contoso,C=NL" {
		t.Errorf("the subject is %s", leaf.Subject)
	}
	if strings.Join(leaf.DNSNames, " ") != laptop.DeviceID+" LAPTOP-1.corp.example" {
		t.Errorf("SAN DNS are %q", leaf.DNSNames)
	}
	if len(leaf.URIs) != 2 || leaf.URIs[0].Host != laptop.DeviceID || !strings.EqualFold(leaf.URIs[0].Scheme, "IntuneDeviceId") {
		t.Errorf("SAN URI are %v", leaf.URIs)
	}
	if len(leaf.EmailAddresses) != 1 || leaf.EmailAddresses[0] != "ada@corp.example" {
		t.Errorf("SAN email are %v", leaf.EmailAddresses)
	}
	if leaf.IsCA || leaf.KeyUsage != x509.KeyUsageDigitalSignature || len(leaf.ExtKeyUsage) != 1 || leaf.ExtKeyUsage[0] != x509.ExtKeyUsageClientAuth {
		t.Errorf("CA %v, key usage %v, extended %v", leaf.IsCA, leaf.KeyUsage, leaf.ExtKeyUsage)
	}
	if leaf.SerialNumber.Sign() <= 0 || len(leaf.SerialNumber.Bytes()) > 20 {
		t.Errorf("serial number %v: RFC 5280 section 4.1.2.2 wants 1 to 20 positive octets", leaf.SerialNumber)
	}
}

func TestChains(t *testing.T) {
	a := authority(t, 1)
	issuing, err := a.Intermediate("Issuing CA", Seeded(1, "issuing"))
	if err != nil {
		t.Fatal(err)
	}
	foreign := authority(t, 2)
	p := Profile{Subject: "CN={{DeviceName}}", DNS: []string{"{{DeviceId}}"}}
	for _, c := range []struct {
		name  string
		from  *Authority
		pool  *x509.CertPool
		at    time.Time
		usage x509.ExtKeyUsage
		want  string
	}{
		{"from the root", a, a.Pool(), during, x509.ExtKeyUsageClientAuth, ""},
		{"from an intermediate", issuing, a.Pool(), during, x509.ExtKeyUsageClientAuth, ""},
		{"of a foreign CA", foreign, a.Pool(), during, x509.ExtKeyUsageClientAuth, "unknown authority"},
		{"expired", a, a.Pool(), notAfter.Add(time.Second), x509.ExtKeyUsageClientAuth, "expired"},
		{"not yet valid", a, a.Pool(), notBefore.Add(-time.Second), x509.ExtKeyUsageClientAuth, "not yet valid"},
		{"used by a server", a, a.Pool(), during, x509.ExtKeyUsageServerAuth, "incompatible key usage"},
	} {
		certificate := client(t, c.from, p, Seeded(1, c.name))
		between := x509.NewCertPool()
		for _, der := range certificate.Certificate[1:] {
			x, err := x509.ParseCertificate(der)
			if err != nil {
				t.Fatal(err)
			}
			between.AddCert(x)
		}
		_, err := certificate.Leaf.Verify(x509.VerifyOptions{Roots: c.pool, Intermediates: between, CurrentTime: c.at, KeyUsages: []x509.ExtKeyUsage{c.usage}})
		if c.want == "" && err != nil || c.want != "" && (err == nil || !strings.Contains(err.Error(), c.want)) {
			t.Errorf("%s: got %v, want %q", c.name, err, c.want)
		}
	}
}

func TestMutualHandshake(t *testing.T) {
	a := authority(t, 1)
	server, err := a.Server([]string{"radius.corp.example", "10.0.0.1"}, notBefore, notAfter, Seeded(1, "server"))
	if err != nil {
		t.Fatal(err)
	}
	device := client(t, a, Profile{Subject: "CN={{DeviceName}}"}, Seeded(1, "laptop-1"))
	now := func() time.Time { return during }
	for _, name := range []string{"radius.corp.example", "10.0.0.1"} {
		x, y := net.Pipe()
		done := make(chan error, 1)
		go func() {
			defer x.Close()
			done <- tls.Server(x, &tls.Config{Certificates: []tls.Certificate{server}, ClientAuth: tls.RequireAndVerifyClientCert, ClientCAs: a.Pool(), Time: now}).Handshake()
		}()
		conn := tls.Client(y, &tls.Config{Certificates: []tls.Certificate{device}, RootCAs: a.Pool(), ServerName: name, Time: now})
		if err := conn.Handshake(); err != nil {
			t.Errorf("%s: the client refuses: %v", name, err)
		}
		_, _ = io.Copy(io.Discard, conn) // takes session tickets, so that the server is not kept waiting
		if err := <-done; err != nil {
			t.Errorf("%s: the server refuses: %v", name, err)
		}
		y.Close()
	}
}

func TestErrors(t *testing.T) {
	a := authority(t, 1)
	short := iotest("no entropy")
	noMAC := laptop
	noMAC.WiFiMACAddress = ""
	issue := func(p Profile, v Variables, from, to time.Time, random io.Reader) error {
		_, err := a.Client(p, v, from, to, random)
		return err
	}
	ok := Profile{Subject: "CN=x"}
	_, noName := a.Server(nil, notBefore, notAfter, Seeded(1, "x"))
	_, noRoot := NewAuthority("x", notBefore, notAfter, short)
	_, noIntermediate := a.Intermediate("x", short)
	for _, c := range []struct {
		err  error
		want string
	}{
		{issue(ok, laptop, notAfter, notBefore, Seeded(1, "x")), "would expire (2026-01-05T07:00:00Z) before it becomes valid"},
		{issue(ok, laptop, notBefore, notAfter, short), "no entropy"},
		{issue(Profile{Subject: "CN={{WiFiMacAddress}}"}, noMAC, notBefore, notAfter, Seeded(1, "x")), "the device has no value for {{WiFiMacAddress}}"},
		{issue(Profile{Subject: "CN=x", DNS: []string{"ü.example"}}, laptop, notBefore, notAfter, Seeded(1, "x")), `SAN DNS "ü.example"`},
		{issue(Profile{Subject: "CN=x", DNS: []string{""}}, laptop, notBefore, notAfter, Seeded(1, "x")), "at least one"},
		{issue(Profile{Subject: "CN=x", URI: []string{"no scheme"}}, laptop, notBefore, notAfter, Seeded(1, "x")), "is not a URI with a scheme"},
		{issue(Profile{Subject: "CN=x", Email: []string{"{{Mail}}"}}, laptop, notBefore, notAfter, Seeded(1, "x")), "SAN email: unknown variable {{Mail}}"},
		{Profile{Subject: "CN=x", URI: []string{"x"}}.Check(laptop), "SAN URI"},
		{noName, "needs a name"},
		{noRoot, "no entropy"},
		{noIntermediate, "no entropy"},
	} {
		if c.err == nil || !strings.Contains(c.err.Error(), c.want) || strings.Contains(c.err.Error(), "\n") {
			t.Errorf("got %v, want %q", c.err, c.want)
		}
	}
}

type iotest string

func (e iotest) Read([]byte) (int, error) { return 0, errors.New(string(e)) }

func BenchmarkClient(b *testing.B) {
	a := authority(b, 1)
	random := Seeded(1, "laptops")
	p := Profile{Subject: "CN={{DeviceName}},O=Contoso", DNS: []string{"{{DeviceId}}"}}
	for b.Loop() {
		client(b, a, p, random)
	}
}
