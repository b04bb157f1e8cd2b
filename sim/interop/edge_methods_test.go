package interop

import (
	"crypto/tls"
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

// medium is where a method can be used: a radio needs the keys that a method without TLS does not make.
func medium(c supplicant.Config) host.MediumKind {
	switch c.Method {
	case eap.TypeTLS, eap.TypeTTLS, eap.TypePEAP, eap.TypeTEAP:
		return host.Radio
	}
	return host.Cable
}

// TestInteropFreeRADIUSMethods plays every method that the supplicant offers with FreeRADIUS.
func TestInteropFreeRADIUSMethods(t *testing.T) {
	for _, version := range tlsVersions {
		f, config := corporate(t, version)
		for _, method := range eappeer.MethodNames() {
			t.Run("TLS "+version+"/"+method, func(t *testing.T) {
				c := withMethod(t, config, method)
				e := startEdge(t, medium(c), f, c)
				e.connect(t)
			})
		}
	}
}
