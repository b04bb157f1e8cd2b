package interop

import (
	"crypto/tls"
	"crypto/x509"
	"slices"
	"strings"
	"testing"

	"nacsim/fakeap/eappeer"
	"nacsim/fakeap/supplicant"
	"nacsim/internal/eap"
	"nacsim/internal/host"
)

// The user whom FreeRADIUS knows.
const (
	user     = "alice"
	password = "correct horse battery staple"
)

// withMethod is the supplicant of a user with a password.
func withMethod(t *testing.T, config supplicant.Config, method string) supplicant.Config {
	t.Helper()
	var err error
	if config.Method, config.Inner, err = eappeer.ParseMethod(method); err != nil {
		t.Fatal(err)
	}
	config.Identity, config.Password = user, password
	if config.Method != eap.TypeTLS && config.Inner != eappeer.EAPTLS {
		config.Certificate = tls.Certificate{}
	}
	return config
}

// judged are the methods that the supplicant offers and FreeRADIUS can judge: Debian builds it without TEAP.
func judged() []string {
	return slices.DeleteFunc(eappeer.MethodNames(), func(name string) bool { return strings.HasPrefix(name, "teap-") })
}

// medium is where a method can be used: a radio needs the keys that a method without TLS does not make.
func medium(c supplicant.Config) host.MediumKind {
	switch c.Method {
	case eap.TypeTLS, eap.TypeTTLS, eap.TypePEAP, eap.TypeTEAP:
		return host.Radio
	}
	return host.Cable
}

// TestInteropFreeRADIUSMethods plays every method with FreeRADIUS.
func TestInteropFreeRADIUSMethods(t *testing.T) {
	for _, version := range tlsVersions {
		f, config := corporate(t, version)
		for _, method := range judged() {
			t.Run("TLS "+version+"/"+method, func(t *testing.T) {
				c := withMethod(t, config, method)
				e := startEdge(t, medium(c), f, c)
				e.connect(t)
			})
		}
	}
}

// refuse connects a supplicant that must be refused, and returns the reason that its user is told.
func refuse(t *testing.T, f *freeRADIUS, c supplicant.Config) string {
	t.Helper()
	c.NoRetry = true
	e := startEdge(t, medium(c), f, c)
	if err := e.supplicant.Connect(e.link); err != nil {
		t.Fatal(err)
	}
	r := e.await(t, 1, "supplicant", "state=failed")
	return r.Field("reason")
}

// TestInteropFreeRADIUSRefusesPassword checks what the user of a wrong password is told: by EAP-MSCHAPv2 that it was
// the password, by PEAP that it was the server's decision inside the tunnel, else no more than EAP-Failure.
func TestInteropFreeRADIUSRefusesPassword(t *testing.T) {
	const (
		wrong  = "server refuses the password: MS-CHAP error 691, authentication failure"
		inside = "server refuses the user inside the tunnel"
	)
	reasons := map[string]string{"mschapv2": wrong, "ttls-eap-mschapv2": wrong, "peap-mschapv2": wrong, "peap-gtc": inside, "peap-md5": inside}
	for _, version := range tlsVersions {
		f, config := corporate(t, version)
		for _, method := range judged() {
			if method == "tls" || strings.HasSuffix(method, "-tls") {
				continue
			}
			t.Run("TLS "+version+"/"+method, func(t *testing.T) {
				c := withMethod(t, config, method)
				c.Password = "wrong"
				want := reasons[method]
				if want == "" {
					want = "EAP-Failure"
				}
				if reason := refuse(t, f, c); reason != want+"; giving up" {
					t.Errorf("the supplicant says %q, want %q", reason, want)
				}
			})
		}
	}
}

// TestInteropFreeRADIUSDistrusted checks that a server nobody trusts gets the alert, and never the password.
func TestInteropFreeRADIUSDistrusted(t *testing.T) {
	foreign := newAuthority(t, "Foreign Root CA").Certificate()
	for _, version := range tlsVersions {
		f, config := corporate(t, version)
		for _, method := range []string{"tls", "ttls-pap", "peap-gtc"} {
			for _, tt := range []struct {
				name, reason, log string
				change            func(c *supplicant.Config)
			}{
				{"CA", "server certificate refused: x509: certificate signed by unknown authority", "Alert read:fatal:unknown CA",
					func(c *supplicant.Config) { c.RootCAs = x509.NewCertPool(); c.RootCAs.AddCert(foreign) }},
				{"name", "server certificate refused: x509: certificate is valid for " + serverName, "Alert read:fatal:certificate unknown",
					func(c *supplicant.Config) { c.ServerName = "radius.evil.example" }},
				{"domain", "server certificate refused: x509: certificate is valid for " + serverName, "Alert read:fatal:internal error",
					func(c *supplicant.Config) { c.ServerSuffix, c.NameAlert = "evil.example", eap.AlertInternalError }},
			} {
				t.Run("TLS "+version+"/"+method+"/"+tt.name, func(t *testing.T) {
					c := withMethod(t, config, method)
					tt.change(&c)
					seen := f.count(tt.log)
					if reason := refuse(t, f, c); !strings.HasPrefix(reason, tt.reason) {
						t.Errorf("the supplicant says %q, want %q", reason, tt.reason)
					}
					if !f.await(tt.log, seen+1) {
						t.Errorf("FreeRADIUS does not say %q", tt.log)
					}
				})
			}
		}
	}
}

// TestInteropFreeRADIUSResumes authenticates again with the TLS session of the first time, and the keys of the 4-way
// handshake still agree. FreeRADIUS 3.2.1 has tickets with TLS 1.3 only, and before that session IDs, which crypto/tls
// has not: there every handshake is a full one. It also wants a full one after a resumed one.
func TestInteropFreeRADIUSResumes(t *testing.T) {
	for _, version := range tlsVersions {
		f, config := corporate(t, version, func(f *freeRADIUS) { f.Resumes = true })
		for _, method := range []string{"tls", "ttls-pap", "ttls-mschapv2", "ttls-eap-md5", "peap-mschapv2", "peap-gtc"} {
			t.Run("TLS "+version+"/"+method, func(t *testing.T) {
				c := withMethod(t, config, method)
				c.Resume = true
				e := startEdge(t, medium(c), f, c)
				for n := 1; n <= 3; n++ {
					if err := e.supplicant.Connect(e.link); err != nil {
						t.Fatal(err)
					}
					r := e.await(t, n, "supplicant", "state=connected")
					if got, want := r.Field("resumed") == "true", n == 2 && version == "1.3"; got != want {
						t.Errorf("connection %d: resumed is %v, want %v", n, got, want)
					}
					if r.Field("tls") != version || r.Field("method") != method {
						t.Errorf("connection %d: method %s, TLS %s", n, r.Field("method"), r.Field("tls"))
					}
					e.supplicant.Disconnect()
				}
			})
		}
	}
}
