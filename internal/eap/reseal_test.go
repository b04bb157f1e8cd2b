package eap

import (
	"bytes"
	"crypto/tls"
	"encoding/binary"
	"testing"
)

// sealedAlert is the alert record that crypto/tls would write under the secret as the given record.
func sealedAlert(t *testing.T, suite uint16, secret []byte, seq uint64, inner ...byte) []byte {
	t.Helper()
	aead, iv := trafficKeys(suite, secret)
	if aead == nil {
		t.Fatalf("no keys for suite %#x", suite)
	}
	nonce := bytes.Clone(iv)
	tail := nonce[len(nonce)-8:]
	binary.BigEndian.PutUint64(tail, binary.BigEndian.Uint64(tail)^seq)
	header := []byte{recordApplication, 3, 3, 0, byte(len(inner) + aead.Overhead())}
	return aead.Seal(bytes.Clone(header), nonce, inner, header)
}

var suites = map[string]uint16{
	"AES-128-GCM": tls.TLS_AES_128_GCM_SHA256, "AES-256-GCM": tls.TLS_AES_256_GCM_SHA384, "ChaCha20-Poly1305": tls.TLS_CHACHA20_POLY1305_SHA256,
}

// TestReseal seals the alert anew in its place, whichever the suite and however many records came before.
func TestReseal(t *testing.T) {
	secret := bytes.Repeat([]byte{7}, 48)
	for name, suite := range suites {
		t.Run(name, func(t *testing.T) {
			for _, seq := range []uint64{0, 1, 255} {
				record := sealedAlert(t, suite, secret, seq, 1, byte(AlertCloseNotify), recordAlert)
				if !reseal(suite, secret, record, AlertCertificateRevoked) {
					t.Fatalf("record %d is not opened", seq)
				}
				if want := sealedAlert(t, suite, secret, seq, levelFatal, byte(AlertCertificateRevoked), recordAlert); !bytes.Equal(record, want) {
					t.Errorf("record %d is %x, want %x", seq, record, want)
				}
			}
		})
	}
}

func TestResealLeavesOthersAlone(t *testing.T) {
	secret, suite := bytes.Repeat([]byte{7}, 32), uint16(tls.TLS_AES_128_GCM_SHA256)
	for name, record := range map[string][]byte{
		"another secret":   sealedAlert(t, suite, bytes.Repeat([]byte{8}, 32), 0, 2, 42, recordAlert),
		"application data": sealedAlert(t, suite, secret, 0, 2, 42, recordApplication),
		"beyond the limit": sealedAlert(t, suite, secret, maxSequence, 2, 42, recordAlert),
	} {
		before := bytes.Clone(record)
		if reseal(suite, secret, record, AlertUnknownCA) || !bytes.Equal(record, before) {
			t.Errorf("%s: the record is changed", name)
		}
	}
	if reseal(tls.TLS_ECDHE_ECDSA_WITH_AES_128_GCM_SHA256, secret, sealedAlert(t, suite, secret, 0, 2, 42, recordAlert), AlertUnknownCA) {
		t.Error("a suite of TLS 1.2 is taken")
	}
}

func TestLastRecord(t *testing.T) {
	for _, c := range []struct{ records, want string }{
		{"", ""}, {"15030300", ""}, {"1503030002022a", "1503030002022a"}, {"1603030001aa 1503030002022a", "1503030002022a"},
		{"1503030003022a", ""}, {"1603030001aa 15030300", ""},
	} {
		if got := lastRecord(unhex(t, c.records)); !bytes.Equal(got, unhex(t, c.want)) {
			t.Errorf("last of %q is %x, want %q", c.records, got, c.want)
		}
	}
}
