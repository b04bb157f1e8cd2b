package config

import (
	"crypto/tls"
	"slices"
	"strings"
	"testing"

	"nacsim/internal/eap/eaptest"
)

// TestCiphers holds which cipher suites of TLS 1.2 a file can name, and that those off by default are warned of.
func TestCiphers(t *testing.T) {
	names := cipherNames()
	for name, want := range map[string]bool{
		"TLS_ECDHE_ECDSA_WITH_AES_128_GCM_SHA256": true,
		"TLS_ECDHE_RSA_WITH_AES_128_CBC_SHA256":   true,
		"TLS_ECDHE_ECDSA_WITH_AES_128_CBC_SHA256": true,
		"TLS_ECDHE_RSA_WITH_RC4_128_SHA":          false,
		"TLS_ECDHE_RSA_WITH_3DES_EDE_CBC_SHA":     false,
		"TLS_RSA_WITH_AES_128_GCM_SHA256":         false,
		"TLS_AES_128_GCM_SHA256":                  false, // of TLS 1.3
	} {
		if slices.Contains(names, name) != want {
			t.Errorf("%s can be named: %v", name, !want)
		}
	}
	for name, warned := range map[string]bool{"TLS_ECDHE_ECDSA_WITH_AES_128_CBC_SHA256": true, "TLS_ECDHE_ECDSA_WITH_AES_128_GCM_SHA256": false} {
		c := load(t, newFiles(t), minimal+"tls: {ciphers: ["+name+"]}\n")
		if got := c.NAC.TLS.CipherSuites; len(got) != 1 || tls.CipherSuiteName(got[0]) != name {
			t.Errorf("%s: suites are %v", name, got)
		}
		if got := strings.Contains(strings.Join(c.Warnings(eaptest.Now), "\n"), name); got != warned {
			t.Errorf("%s: warned %v", name, got)
		}
	}
	if c := load(t, newFiles(t), minimal); c.NAC.TLS.CipherSuites != nil {
		t.Errorf("the default is %v", c.NAC.TLS.CipherSuites)
	}
}
