package entra_test

import (
	"crypto/rand"
	"crypto/rsa"
	"crypto/sha1"
	"crypto/sha256"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/base64"
	"encoding/hex"
	"math/big"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/golang-jwt/jwt/v5"

	"nacsim/fakegraph"
	"nacsim/fakegraph/entra"
	"nacsim/fakegraph/fakegraphtest"
)

// A pair is a key and the certificate that an app has registered for it.
type pair struct {
	key  *rsa.PrivateKey
	cert *x509.Certificate
}

var otherKey = sync.OnceValue(func() *rsa.PrivateKey {
	key, err := rsa.GenerateKey(rand.Reader, 2048)
	if err != nil {
		panic(err)
	}
	return key
})

func certificate(t *testing.T, key *rsa.PrivateKey, end time.Time) pair {
	t.Helper()
	template := &x509.Certificate{SerialNumber: big.NewInt(1), Subject: pkix.Name{CommonName: "nac"}, NotBefore: fakegraphtest.Start.Add(-time.Hour), NotAfter: end}
	der, err := x509.CreateCertificate(rand.Reader, template, template, &key.PublicKey, key)
	if err != nil {
		t.Fatal(err)
	}
	cert, err := x509.ParseCertificate(der)
	if err != nil {
		t.Fatal(err)
	}
	return pair{key, cert}
}

func withCertificates(pairs ...pair) fakegraph.Config {
	cfg := fakegraphtest.Config()
	for _, p := range pairs {
		cfg.Directory.Apps[0].Certificates = append(cfg.Directory.Apps[0].Certificates, p.cert)
	}
	return cfg
}

// sum256 and sum1 are thumbprints.
func (p pair) sum256() []byte { s := sha256.Sum256(p.cert.Raw); return s[:] }
func (p pair) sum1() []byte   { s := sha1.Sum(p.cert.Raw); return s[:] }

// assertion makes one as MSAL does, with the header and the claims changed; nil removes one.
func (p pair) assertion(t *testing.T, method jwt.SigningMethod, header, claims map[string]any) string {
	t.Helper()
	now := fakegraphtest.Start
	all := jwt.MapClaims{"aud": fakegraphtest.TokenURL, "iss": fakegraphtest.Client, "sub": fakegraphtest.Client, "jti": "1",
		"nbf": now.Unix(), "exp": now.Add(10 * time.Minute).Unix()}
	token := jwt.NewWithClaims(method, all)
	for name, value := range claims {
		if all[name] = value; value == nil {
			delete(all, name)
		}
	}
	for name, value := range header {
		token.Header[name] = value
	}
	text, err := token.SignedString(p.key)
	if err != nil {
		t.Fatal(err)
	}
	return text
}

func withAssertion(text string) []string {
	return []string{"client_secret", "", "client_assertion_type", "urn:ietf:params:oauth:client-assertion-type:jwt-bearer", "client_assertion", text}
}

// Facts 4.2: each algorithm, thumbprint and audience that clients have been seen to use.
func TestAssertion(t *testing.T) {
	p := certificate(t, otherKey(), fakegraphtest.Start.Add(24*time.Hour))
	w := newWorld(t, withCertificates(certificate(t, fakegraphtest.Key(), fakegraphtest.Start.Add(24*time.Hour)), p))
	headers := map[string]map[string]any{
		"MSAL Go: padded base64":          {"x5t#S256": base64.StdEncoding.EncodeToString(p.sum256())},
		"msal-node: base64url":            {"x5t#S256": base64.RawURLEncoding.EncodeToString(p.sum256())},
		"padded base64url":                {"x5t#S256": base64.URLEncoding.EncodeToString(p.sum256())},
		"unpadded base64":                 {"x5t#S256": base64.RawStdEncoding.EncodeToString(p.sum256())},
		"ISE: SHA-1 in base64":            {"x5t": base64.StdEncoding.EncodeToString(p.sum1())},
		"SHA-1 in base64url":              {"x5t": base64.RawURLEncoding.EncodeToString(p.sum1())},
		"as the portal shows it":          {"x5t": strings.ToUpper(hex.EncodeToString(p.sum1()))},
		"SHA-256 in hexadecimal":          {"x5t#S256": hex.EncodeToString(p.sum256())},
		"as a key id":                     {"kid": strings.ToUpper(hex.EncodeToString(p.sum1()))},
		"both thumbprints":                {"x5t": base64.RawURLEncoding.EncodeToString(p.sum1()), "x5t#S256": base64.RawURLEncoding.EncodeToString(p.sum256())},
		"a key id that means nothing too": {"kid": "my key", "x5t": base64.RawURLEncoding.EncodeToString(p.sum1())},
	}
	for name, header := range headers {
		for _, method := range []jwt.SigningMethod{jwt.SigningMethodPS256, jwt.SigningMethodRS256} {
			t.Run(name+" "+method.Alg(), func(t *testing.T) {
				w.T = t
				reply := w.tokens(fakegraphtest.TokenForm(withAssertion(p.assertion(t, method, header, nil))...))
				w.has(w.claims(reply["access_token"].(string)), "appidacr", "2", "idtyp", "app")
			})
		}
	}
	w.T = t
	x5t := map[string]any{"x5t": base64.RawURLEncoding.EncodeToString(p.sum1())}
	for _, audience := range []any{
		"https://login.microsoftonline.com/" + fakegraphtest.Tenant + "/oauth2/token", "https://login.microsoftonline.com/common/oauth2/v2.0/token",
		"https://login.microsoftonline.com/Contoso.example/oauth2/v2.0/token/", "https://login.microsoftonline.com/" + fakegraphtest.Tenant + "/v2.0",
		"https://sts.windows.net/" + fakegraphtest.Tenant + "/", "https://login.windows.net/" + strings.ToUpper(fakegraphtest.Tenant) + "/oauth2/token",
		"https://login.microsoftonline.com:443/" + fakegraphtest.Tenant + "/oauth2/v2.0/token", []string{"https://x.example", fakegraphtest.TokenURL},
	} {
		w.tokens(fakegraphtest.TokenForm(withAssertion(p.assertion(t, jwt.SigningMethodRS256, x5t, map[string]any{"aud": audience}))...))
	}
	// Under the name of this server, which is none of Microsoft's.
	own := p.assertion(t, jwt.SigningMethodPS256, x5t, map[string]any{"aud": "https://127.0.0.1:8443/" + fakegraphtest.Tenant + "/oauth2/v2.0/token"})
	fakegraphtest.Decode(t, fakegraphtest.Post(w.s, "https://127.0.0.1:8443/"+fakegraphtest.Tenant+"/oauth2/v2.0/token", fakegraphtest.FormType,
		fakegraphtest.TokenForm(withAssertion(own)...).Encode(), nil), 200, nil)
	w.refused(fakegraphtest.TokenForm(withAssertion(own)...), 401, 700023)
	// Entra ID does not remember a jti: the same assertion is good again.
	w.tokens(fakegraphtest.TokenForm(withAssertion(p.assertion(t, jwt.SigningMethodRS256, x5t, nil))...))
}

// RFC 7521 section 4.2: the assertion alone names the client, as ISE before 3.3 has it, to version 1 and with a scope that means nothing there. The
// same assertion is good for a second token.
func TestAssertionNamesTheClient(t *testing.T) {
	p := certificate(t, otherKey(), fakegraphtest.Start.Add(24*time.Hour))
	w := newWorld(t, withCertificates(p))
	v1 := strings.Replace(fakegraphtest.TokenURL, "/v2.0", "", 1)
	text := p.assertion(t, jwt.SigningMethodRS256, map[string]any{"x5t": base64.StdEncoding.EncodeToString(p.sum1())},
		map[string]any{"aud": v1, "iat": fakegraphtest.Start.Unix(), "exp": fakegraphtest.Start.Add(5 * time.Minute).Unix()})
	for _, resource := range []string{"https://graph.microsoft.com", "https://api.manage.microsoft.com/"} {
		f := fakegraphtest.TokenForm(append(withAssertion(text), "client_id", "", "scope", "openid", "resource", resource)...)
		fakegraphtest.Decode(t, fakegraphtest.Post(w.s, v1, fakegraphtest.FormType, f.Encode(), nil), 200, nil)
	}
	f := fakegraphtest.TokenForm(append(withAssertion(text), "client_id", "", "scope", "openid https://api.manage.microsoft.com//.default profile offline_access")...)
	reply := w.tokens(f)
	if _, err := w.s.Entra().Check(reply["access_token"].(string), entra.IntuneAudience); err != nil {
		t.Error(err)
	}
}

// RFC 7523 section 3; facts 4.3.
func TestAssertionRefused(t *testing.T) {
	p := certificate(t, otherKey(), fakegraphtest.Start.Add(24*time.Hour))
	expired := certificate(t, otherKey(), fakegraphtest.Start.Add(-time.Minute))
	w := newWorld(t, withCertificates(p, expired))
	now := fakegraphtest.Start
	rs, x5t := jwt.SigningMethodRS256, map[string]any{"x5t": base64.RawURLEncoding.EncodeToString(p.sum1())}
	forged := pair{fakegraphtest.Key(), p.cert}
	none := func(method jwt.SigningMethod, key any) string {
		token := jwt.NewWithClaims(method, jwt.MapClaims{"iss": fakegraphtest.Client, "sub": fakegraphtest.Client})
		token.Header["x5t"] = x5t["x5t"]
		text, err := token.SignedString(key)
		if err != nil {
			t.Fatal(err)
		}
		return text
	}
	for _, c := range []struct {
		name, text     string
		status, number int
		shown          string
	}{
		{"no JWT", "x", 400, 50027, ""},
		{"too long", strings.Repeat("x", 20000), 400, 50027, ""},
		{"no thumbprint", p.assertion(t, rs, nil, nil), 400, 50027, "No certificate thumbprint"},
		{"no signature", none(jwt.SigningMethodNone, jwt.UnsafeAllowNoneSignatureType), 401, 50012, "'none'"},
		{"a secret as the key", none(jwt.SigningMethodHS256, []byte(fakegraphtest.Secret)), 401, 50012, "'HS256'"},
		{"unknown certificate", p.assertion(t, rs, map[string]any{"x5t": base64.RawURLEncoding.EncodeToString(make([]byte, 20))}, nil), 401, 700027, "The key was not found"},
		{"wrong key", forged.assertion(t, rs, x5t, nil), 401, 700027, "did not match"},
		{"changed after signing", p.assertion(t, rs, x5t, nil) + "x", 401, 700027, ""},
		{"expired certificate", expired.assertion(t, rs, map[string]any{"x5t": base64.StdEncoding.EncodeToString(expired.sum1())}, nil), 401, 700027, "The key used is expired"},
		{"another issuer", p.assertion(t, rs, x5t, map[string]any{"iss": fakegraphtest.NumberedID(1)}), 401, 50013, ""},
		{"no subject", p.assertion(t, rs, x5t, map[string]any{"sub": nil}), 401, 50013, ""},
		{"another audience", p.assertion(t, rs, x5t, map[string]any{"aud": "https://login.example/" + fakegraphtest.Tenant + "/oauth2/token"}), 401, 700023, ""},
		{"another tenant", p.assertion(t, rs, x5t, map[string]any{"aud": "https://login.microsoftonline.com/x.example/oauth2/token"}), 401, 700023, ""},
		{"no audience", p.assertion(t, rs, x5t, map[string]any{"aud": nil}), 401, 700023, ""},
		{"no end", p.assertion(t, rs, x5t, map[string]any{"exp": nil}), 401, 700024, ""},
		{"too early", p.assertion(t, rs, x5t, map[string]any{"nbf": now.Add(5*time.Minute + time.Second).Unix()}), 401, 700024, "2026-01-05T08:00:00Z"},
		{"too late", p.assertion(t, rs, x5t, map[string]any{"exp": now.Add(-5 * time.Minute).Unix()}), 401, 700024, ""},
	} {
		t.Run(c.name, func(t *testing.T) {
			w.T = t
			if e := w.refused(fakegraphtest.TokenForm(withAssertion(c.text)...), c.status, c.number); !strings.Contains(e.Description, c.shown) {
				t.Errorf("description %q lacks %q", e.Description, c.shown)
			}
		})
	}
	w.T = t
	w.tokens(fakegraphtest.TokenForm(withAssertion(p.assertion(t, rs, x5t, map[string]any{"nbf": now.Add(5 * time.Minute).Unix()}))...))
	w.tokens(fakegraphtest.TokenForm(withAssertion(p.assertion(t, rs, x5t, map[string]any{"exp": now.Add(-5*time.Minute + time.Second).Unix()}))...))
	w.refused(fakegraphtest.TokenForm("client_secret", "", "client_assertion", "x", "client_assertion_type", "urn:x"), 400, 90023)
	// The certificate ends on the clock of the machine.
	w.h.Advance(25 * time.Hour)
	late := p.assertion(t, rs, x5t, map[string]any{"nbf": w.h.Now().Unix(), "exp": w.h.Now().Add(time.Minute).Unix()})
	w.refused(fakegraphtest.TokenForm(withAssertion(late)...), 401, 700027)
}
