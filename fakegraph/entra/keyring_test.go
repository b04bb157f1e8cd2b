package entra_test

import (
	"bytes"
	"crypto/rsa"
	"crypto/sha1"
	"crypto/x509"
	"encoding/base64"
	"math/big"
	"net/http"
	"testing"
	"time"

	"nacsim/fakegraph"
	"nacsim/fakegraph/fakegraphtest"
)

const keysURL = "https://login.microsoftonline.com/" + fakegraphtest.Tenant + "/discovery/v2.0/keys"

// keys are those of the JWK set, by kid. Each must be the same in all its forms.
func keys(t *testing.T, s *fakegraph.Server) map[string]*rsa.PublicKey {
	t.Helper()
	var set struct {
		Keys []struct {
			Kty, Use, Kid, X5t, N, E, Issuer string
			X5c                              []string
		}
	}
	fakegraphtest.Decode(t, fakegraphtest.Get(s, keysURL, nil), 200, &set)
	found := map[string]*rsa.PublicKey{}
	for _, k := range set.Keys {
		n, _ := base64.RawURLEncoding.DecodeString(k.N)
		e, _ := base64.RawURLEncoding.DecodeString(k.E)
		der, err := base64.StdEncoding.DecodeString(k.X5c[0])
		if err != nil {
			t.Fatal(err)
		}
		c, err := x509.ParseCertificate(der)
		if err != nil {
			t.Fatal(err)
		}
		sum := sha1.Sum(der)
		found[k.Kid] = &rsa.PublicKey{N: new(big.Int).SetBytes(n), E: int(new(big.Int).SetBytes(e).Int64())}
		if !c.PublicKey.(*rsa.PublicKey).Equal(found[k.Kid]) || k.X5t != base64.RawURLEncoding.EncodeToString(sum[:]) || k.Kty != "RSA" || k.Use != "sig" ||
			k.Issuer != "https://login.microsoftonline.com/"+fakegraphtest.Tenant+"/v2.0" {
			t.Errorf("key %+v", k)
		}
	}
	return found
}

// The key before a rollover is published as long as a token that it has signed can be used, over a restart too.
func TestKeyRollover(t *testing.T) {
	s, h := fakegraphtest.New(t, fakegraphtest.Config())
	before := keys(t, s)
	old := fakegraphtest.Token(t, s)
	roll := func() {
		t.Helper()
		if err := s.Entra().RollKey(); err != nil {
			t.Fatal(err)
		}
	}
	roll()
	s, err := fakegraph.New(h.Restart(), fakegraphtest.Config())
	if err != nil {
		t.Fatal(err)
	}
	after := keys(t, s)
	if len(before) != 1 || len(after) != 2 {
		t.Fatalf("%d keys before and %d after a rollover", len(before), len(after))
	}
	fresh := fakegraphtest.Token(t, s)
	if fresh == old {
		t.Error("the token of before was handed out again")
	}
	status := func(token string) int {
		return fakegraphtest.Get(s, fakegraphtest.ListURL, http.Header{"Authorization": {"Bearer " + token}}).Code
	}
	if status(old) != 200 || status(fresh) != 200 {
		t.Errorf("token of the old key: %d, of the new: %d", status(old), status(fresh))
	}
	h.Advance(3599*time.Second + 5*time.Minute)
	if now := keys(t, s); len(now) != 1 {
		t.Errorf("%d keys after the last token of the old one has ended", len(now))
	} else {
		for kid := range now {
			if before[kid] != nil {
				t.Error("the old key is published and the new one is not")
			}
		}
	}
}

func TestNextKeyIsPublishedBefore(t *testing.T) {
	cfg := fakegraphtest.Config()
	cfg.Entra.PublishNextKey = true
	s, h := fakegraphtest.New(t, cfg)
	before := keys(t, s)
	s, err := fakegraph.New(h.Restart(), cfg)
	if err != nil {
		t.Fatal(err)
	}
	if again := keys(t, s); len(before) != 2 || len(again) != 2 {
		t.Errorf("%d keys, after a restart %d", len(before), len(again))
	}
	if err := s.Entra().RollKey(); err != nil {
		t.Fatal(err)
	}
	after := keys(t, s)
	for kid := range before {
		if after[kid] == nil {
			t.Error("a key that was published before the rollover is not after it")
		}
	}
	if len(after) != 3 {
		t.Errorf("%d keys after the rollover, want the old, the new and the next", len(after))
	}
}

// The virtual world is the same in each run: so are keys that are made in it.
func TestKeysAreRepeatable(t *testing.T) {
	var texts [2][]byte
	for i := range texts {
		s, _ := fakegraphtest.New(t, fakegraphtest.Config())
		if err := s.Entra().RollKey(); err != nil {
			t.Fatal(err)
		}
		texts[i] = fakegraphtest.Get(s, keysURL, nil).Body.Bytes()
	}
	if !bytes.Equal(texts[0], texts[1]) {
		t.Error("two runs make different keys")
	}
}
