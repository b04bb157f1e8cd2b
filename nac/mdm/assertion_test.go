package mdm

import (
	"crypto"
	"crypto/rand"
	"crypto/rsa"
	"crypto/sha1"
	"crypto/sha256"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/base64"
	"encoding/json"
	"math/big"
	"net/http"
	"strings"
	"testing"
	"time"

	"nacsim/internal/guid"
)

// appCertificate is one of an app registration, valid for a month.
func appCertificate(t *testing.T) tls.Certificate {
	t.Helper()
	key, err := rsa.GenerateKey(rand.Reader, 2048)
	if err != nil {
		t.Fatal(err)
	}
	template := &x509.Certificate{SerialNumber: big.NewInt(1), Subject: pkix.Name{CommonName: "nac"}, NotBefore: start, NotAfter: start.Add(30 * 24 * time.Hour)}
	der, err := x509.CreateCertificate(rand.Reader, template, template, &key.PublicKey, key)
	if err != nil {
		t.Fatal(err)
	}
	return tls.Certificate{Certificate: [][]byte{der}, PrivateKey: key}
}

// facts 4.2: an assertion in place of the secret, signed PS256 with x5t#S256 or RS256 with x5t, for this token endpoint and
// for ten minutes, each with an ID of its own.
func TestAssertion(t *testing.T) {
	certificate := appCertificate(t)
	public := certificate.PrivateKey.(*rsa.PrivateKey).Public().(*rsa.PublicKey)
	sha, sha2 := sha1.Sum(certificate.Certificate[0]), sha256.Sum256(certificate.Certificate[0])
	for _, c := range []struct {
		signature, name, thumbprint string
		verify                      func(digest, signature []byte) error
	}{
		{"", "x5t#S256", base64.RawURLEncoding.EncodeToString(sha2[:]), func(digest, signature []byte) error {
			return rsa.VerifyPSS(public, crypto.SHA256, digest, signature, &rsa.PSSOptions{SaltLength: rsa.PSSSaltLengthEqualsHash})
		}},
		{"RS256", "x5t", base64.RawURLEncoding.EncodeToString(sha[:]), func(digest, signature []byte) error {
			return rsa.VerifyPKCS1v15(public, crypto.SHA256, digest, signature)
		}},
	} {
		cfg := Config{Tenant: "tenant", ClientID: "client", ClientCertificate: certificate, Signature: c.signature}
		l := newLink(t, cfg, &device{id: numberedID(1), name: "A"})
		ids := map[any]bool{}
		l.in.answer = func(r *http.Request) *http.Response {
			if r.Method != http.MethodPost {
				return nil
			}
			_ = r.ParseForm()
			if r.PostForm.Has("client_secret") || r.PostForm.Get("client_id") != "client" ||
				r.PostForm.Get("client_assertion_type") != "urn:ietf:params:oauth:client-assertion-type:jwt-bearer" {
				t.Errorf("%v", r.PostForm)
			}
			signed, last, _ := cutLast(r.PostForm.Get("client_assertion"))
			signature, err := base64.RawURLEncoding.DecodeString(last)
			digest := sha256.Sum256([]byte(signed))
			if err == nil {
				err = c.verify(digest[:], signature)
			}
			if err != nil {
				t.Errorf("%s: %v", c.signature, err)
			}
			var header, claims map[string]any
			for i, into := range []*map[string]any{&header, &claims} {
				text, _ := base64.RawURLEncoding.DecodeString(strings.Split(signed, ".")[i])
				_ = json.Unmarshal(text, into)
			}
			if header[c.name] != c.thumbprint || header["typ"] != "JWT" || c.signature != "" && header["alg"] != c.signature || c.signature == "" && header["alg"] != "PS256" {
				t.Errorf("header %v", header)
			}
			now := float64(l.h.Now().Unix())
			if claims["aud"] != "https://login.microsoftonline.com/tenant/oauth2/v2.0/token" || claims["iss"] != "client" || claims["sub"] != "client" ||
				claims["nbf"] != now || claims["exp"] != now+600 || !guid.Valid(claims["jti"].(string)) || ids[claims["jti"]] {
				t.Errorf("claims %v", claims)
			}
			ids[claims["jti"]] = true
			l.in.tokens++
			return reply(200, map[string]any{"expires_in": 3599, "access_token": l.in.token()})
		}
		l.Enqueue("a", keys(cn("A")))
		l.h.Advance(2 * time.Hour)
		l.Enqueue("b", keys(cn("A"), cn("B")))
		l.h.Advance(time.Minute)
		if l.state(cn("A")) == "none" || len(ids) < 2 {
			t.Errorf("%s: %s after %d tokens", c.signature, l.state(cn("A")), len(ids))
		}
		if st := l.Status(); !st.CredentialExpires.Equal(start.Add(30 * 24 * time.Hour)) {
			t.Errorf("%+v", st)
		}
	}
}

func cutLast(text string) (before, after string, ok bool) {
	at := strings.LastIndexByte(text, '.')
	if at < 0 {
		return "", "", false
	}
	return text[:at], text[at+1:], true
}

func TestCredentials(t *testing.T) {
	certificate := appCertificate(t)
	noKey := certificate
	noKey.PrivateKey = nil
	for want, change := range map[string]func(*Config){
		"both a client secret and a client certificate": func(c *Config) { c.ClientCertificate = certificate },
		"no private key": func(c *Config) { c.ClientSecret, c.ClientCertificate = "", noKey },
		`signature "ES256" is neither PS256 nor RS256`: func(c *Config) { c.ClientSecret, c.ClientCertificate, c.Signature = "", certificate, "ES256" },
		"no client secret or certificate":              func(c *Config) { c.ClientSecret = "" },
		"client certificate: x509":                     func(c *Config) { c.ClientSecret, c.ClientCertificate.Certificate = "", [][]byte{{1}} },
	} {
		cfg := testConfig()
		change(&cfg)
		if err := cfg.complete(); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%v, want %s", err, want)
		}
	}
}
