package config

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/rsa"
	"crypto/tls"
	"crypto/x509"
	"encoding/pem"
	"errors"
	"io/fs"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/youmark/pkcs8"

	"nacsim/internal/eap"
	"nacsim/internal/eap/eaptest"
	"nacsim/internal/eap/teap"
	"nacsim/internal/radsec"
	"nacsim/nac/coa"
	"nacsim/nac/credential"
	"nacsim/nac/eapserver"
	"nacsim/nac/policy"
	"nacsim/nac/radiusd"
)

// files are what a configuration may name, by their names in the folder of the configuration.
type files map[string][]byte

func (f files) read(name string) ([]byte, error) {
	inside, _ := filepath.Rel("conf", name)
	if data, ok := f[inside]; ok {
		return data, nil
	}
	return nil, &fs.PathError{Op: "open", Path: name, Err: fs.ErrNotExist}
}

const policyText = "labels: [{name: Corp VLAN, type: vlan, vlan: 750}]\nrules: [{name: Corp, action: allow, apply_tags: [Corp VLAN]}]\n"

func block(kind string, der []byte) []byte {
	return pem.EncodeToMemory(&pem.Block{Type: kind, Bytes: der})
}

func chainOf(c tls.Certificate) []byte {
	var out []byte
	for _, der := range c.Certificate {
		out = append(out, block("CERTIFICATE", der)...)
	}
	return out
}

func keyPEM(t testing.TB, key any) []byte {
	t.Helper()
	der, err := x509.MarshalPKCS8PrivateKey(key)
	if err != nil {
		t.Fatal(err)
	}
	return block("PRIVATE KEY", der)
}

// newFiles has a CA, a server certificate with its chain, and what else a configuration names.
func newFiles(t testing.TB) files {
	t.Helper()
	root := eaptest.NewCA(t, "corp")
	server := root.Sub("issuing").Issue("radius")
	return files{
		"ca.pem":      block("CERTIFICATE", root.Certificate().Raw),
		"server.pem":  chainOf(server),
		"server.key":  keyPEM(t, server.PrivateKey),
		"other.key":   keyPEM(t, newECDSA(t)),
		"policy.yaml": []byte(policyText),
		"bad.yaml":    []byte("rules: [{name: Corp, action: permit}]\n"),
		"users.yaml":  []byte("users:\n  - {name: anna, password: secret-of-anna, groups: [staff]}\n  - {name: Bob, nt_hash: 8846f7eaee8fb117ad06bdd830b7586c, disabled: true}\n"),
		"twice.yaml":  []byte("users:\n  - {name: anna, password: secret-of-anna}\n  - {name: Anna, password: secret-of-anna}\n"),
		"secret":      []byte("from-a-file\n"),
		"empty":       nil,
	}
}

func newECDSA(t testing.TB) *ecdsa.PrivateKey {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	return key
}

const minimal = `clients: [{address: 10.0.0.0/8, secret: sixteen-octets-16}]
certificate: {chain: server.pem, key: server.key}
client_cas: [ca.pem]
policy: policy.yaml
`

func load(t testing.TB, f files, text string) *Config {
	t.Helper()
	c, err := parse("conf/nac.yaml", []byte(text), f.read)
	if err != nil {
		t.Fatalf("%s\n%v", text, err)
	}
	return c
}

// TestMinimal holds that four keys make a NAC, and what it is then.
func TestMinimal(t *testing.T) {
	c := load(t, newFiles(t), minimal)
	if got := len(c.Certificates[0].Certificate); got != 2 {
		t.Errorf("the chain has %d certificates, want the server's and the intermediate CA's", got)
	}
	if got := c.methods(); !slices.Equal(got, []eap.Type{eap.TypeTLS}) {
		t.Errorf("methods without users are %v", got)
	}
	n := c.NAC
	if n.TLS.MinVersion != tls.VersionTLS12 || n.TLS.ClientCAs == nil || n.Resumption == nil || n.Policy == nil || n.MDM != nil || n.Users != nil ||
		n.Revocation != nil || !n.RADIUS.MAB.PAP || !n.RADIUS.MAB.CHAP || !n.RADIUS.MAB.EAPMD5 || c.Auth.IsValid() || c.RadSec.IsValid() || c.State != "" {
		t.Errorf("got %+v", c)
	}
	if w := c.Warnings(c.Certificates[0].Leaf.NotBefore); len(w) != 0 {
		t.Errorf("warnings: %q", w)
	}
}

// TestEverything holds that each key comes through.
func TestEverything(t *testing.T) {
	c := load(t, newFiles(t), `
listen: {auth: "127.0.0.1:11812", acct: "[::1]:11813"}
radsec: {listen: "0.0.0.0:2084", client_cas: [ca.pem], radius_1_1: required, idle: 2m, connections: 7,
  peers: [{name: campus, names: ["*.net.example"], vendor: aruba, fingerprints: ["`+strings.Repeat("ab", 32)+`"]}]}
clients:
  - {address: 192.0.2.1, name: switch, secret: s1, message_authenticator: optional, unsigned_proxy_state: true, vendor: juniper, coa_port: 1700}
  - {address: "2001:db8::/32", secret: s2}
certificate: [{chain: server.pem, key: server.key}]
client_cas: [ca.pem]
tls: {min: 1.2, max: "1.3", ciphers: [TLS_ECDHE_ECDSA_WITH_AES_128_GCM_SHA256], groups: [x25519, secp256r1], resumption_lifetime: 2h, resumption_limit: 5}
eap: {methods: [peap, ttls, teap], peap_crypto_binding: true, teap: {inner: [eap-tls, eap-gtc], identities: [machine, user], machine_only: true, authority: me}, ttls_inner: [pap], peap_inner: [eap-gtc], fragment_size: 500, max_rounds: 50, timeout: 10s, identity_mismatch: reject, tunnel_client_certificate: true}
users: users.yaml
realms: [corp.example]
domains: ["*"]
plain_passwords: true
mab: {forms: [chap], password: x}
revocation: {crl: ["http://pki.example/ca.crl"], ocsp: {ask: true, url: "http://ocsp.example", max_age: 1h}, fail: hard, refresh: 5m, timeout: 2s}
policy: policy.yaml
compliance: {in_grace_period: noncompliant, not_found: noncompliant, stale: compliant}
intune: {tenant: t, client_id: c, secret_file: secret, secret_expires: 2027-05-01, credential_alarm: 10d, cas: [ca.pem], poll: 30m, authority: "https://a.example", graph: "https://g.example",
  max_age: 6h, stale_after: 30d, short_list: 80%, short_list_accept: 3, timeout: 5s, rate: 500,
  link: {redirect_uri: "https://nac.example/link/callback", consent: v1, tenants: [c0a80000-0000-4000-8000-000000000001], lifetime: 5m}}
api: {listen: "127.0.0.1:8443", token: a-token-of-24-characters, certificate: {chain: server.pem, key: server.key}}
coa: {kind: disconnect, timeout: 3s, tries: 4, backoff: 1m, per_hour: 9, min_firmware: "0.15", fallback: false}
state: state
limits: {sessions: 11, conversations: 13, conversations_per_nas: 6, waiting: 14}
`)
	n := c.NAC
	for what, ok := range map[string]bool{
		"addresses":  c.Auth.String() == "127.0.0.1:11812" && c.Acct.String() == "[::1]:11813" && c.RadSec.String() == "0.0.0.0:2084",
		"radsec":     n.RADIUS.RadSec.Versions == radsec.Require11 && n.RADIUS.RadSec.Idle == 2*time.Minute && n.RADIUS.RadSec.MaxConnections == 7 && n.RADIUS.RadSec.TLS().ClientCAs != nil,
		"peer":       n.RADIUS.RadSec.Peers[0].Client.Vendor == radiusd.Aruba && n.RADIUS.RadSec.Peers[0].Fingerprints[0][31] == 0xab && n.RADIUS.RadSec.Peers[0].Names[0] == "*.net.example",
		"client":     n.RADIUS.Clients[0].OptionalMessageAuthenticator && n.RADIUS.Clients[0].UnsignedProxyState && n.RADIUS.Clients[0].CoAPort == 1700 && n.RADIUS.Clients[0].Vendor == radiusd.Juniper && string(n.RADIUS.Clients[0].Secret) == "s1",
		"network":    n.RADIUS.Clients[1].Prefix.String() == "2001:db8::/32",
		"tls":        n.TLS.MaxVersion == tls.VersionTLS13 && n.TLS.CipherSuites[0] == tls.TLS_ECDHE_ECDSA_WITH_AES_128_GCM_SHA256 && slices.Equal(n.TLS.CurvePreferences, []tls.CurveID{tls.X25519, tls.CurveP256}),
		"resumption": n.Resumption.Lifetime == 2*time.Hour && n.Resumption.Max == 5,
		"eap": slices.Equal(n.RADIUS.EAP.Methods, []eap.Type{eap.TypePEAP, eap.TypeTTLS, eap.TypeTEAP}) && n.RADIUS.EAP.CryptoBinding && slices.Equal(n.RADIUS.EAP.TTLSInner, []eapserver.Inner{eapserver.PAP}) &&
			slices.Equal(n.RADIUS.EAP.PEAPInner, []eapserver.Inner{eapserver.EAPGTC}) && n.RADIUS.EAP.Fragment == 500 && n.RADIUS.EAP.MaxRounds == 50 && n.RADIUS.EAP.TunnelClientCertificate &&
			n.RADIUS.RejectOtherIdentity && n.RADIUS.ConversationTTL == 10*time.Second,
		"teap": slices.Equal(n.RADIUS.EAP.TEAP.Inner, []eapserver.Inner{eapserver.EAPTLS, eapserver.EAPGTC}) && slices.Equal(n.RADIUS.EAP.TEAP.Identities, []teap.Identity{teap.Machine, teap.User}) &&
			n.RADIUS.EAP.TEAP.MachineOnly && n.RADIUS.EAP.TEAP.Authority == "me",
		"users": len(n.Users.Users) == 2 && n.Users.Users[0].Groups[0] == "staff" && n.Users.Users[1].Disabled && n.Users.Realms[0] == "corp.example" && n.Users.Domains[0] == "*" && n.PlainPasswords,
		"mab":   n.RADIUS.MAB == (radiusd.MAB{CHAP: true, Password: "x"}),
		"revocation": n.Revocation.CRL[0] == "http://pki.example/ca.crl" && n.Revocation.OCSP.Ask && n.Revocation.OCSP.URL == "http://ocsp.example" && n.Revocation.OCSP.MaxAge == time.Hour &&
			n.Revocation.Fail == "hard" && n.Revocation.Refresh == 5*time.Minute && n.Revocation.Timeout == 2*time.Second,
		"intune": n.MDM.Tenant == "t" && n.MDM.ClientID == "c" && n.MDM.ClientSecret == "from-a-file" && n.MDM.PollInterval == 30*time.Minute && n.MDM.Authority == "https://a.example" && n.MDM.Graph == "https://g.example" && n.MDM.RootCAs != nil,
		"age":    n.MDM.MaxAge == 6*time.Hour && n.MDM.StaleAfter == 30*24*time.Hour && n.MDM.ShortList == 0.8 && n.MDM.ShortListAccept == 3 && n.MDM.Timeout == 5*time.Second && n.MDM.Rate == 500,
		"secret": n.MDM.SecretExpires.Equal(time.Date(2027, 5, 2, 0, 0, 0, 0, time.UTC)) && n.CredentialAlarm == 10*24*time.Hour,
		"link": n.Link.RedirectURI == "https://nac.example/link/callback" && n.Link.Version == 1 && n.Link.Tenants[0] == "c0a80000-0000-4000-8000-000000000001" && n.Link.Lifetime == 5*time.Minute &&
			n.Link.Authority == "https://a.example" && n.Link.ClientID == "c",
		"api":    c.API.String() == "127.0.0.1:8443" && n.API.Addr == c.API && n.API.Token == "a-token-of-24-characters" && len(n.API.TLS.Certificates) == 1 && n.API.Authority == "https://a.example",
		"coa":    n.CoA.Kind == coa.Disconnect && n.CoA.Timers == coa.Timers{Initial: 3 * time.Second, Tries: 4} && n.CoA.Limits.Backoff == time.Minute && n.CoA.Limits.PerHour == 9 && n.CoA.MinFirmware == "0.15" && n.CoA.NoFallback,
		"limits": n.MaxSessions == 11 && n.RADIUS.MaxConversations == 13 && n.RADIUS.MaxPerNAS == 6 && n.RADIUS.MaxWaiting == 14,
		"other":  n.Compliance == (policy.Mapping{InGracePeriod: policy.Noncompliant, NotFound: policy.Noncompliant, Stale: policy.Compliant}) && c.State == filepath.Join("conf", "state"),
	} {
		if !ok {
			t.Errorf("%s: got %+v", what, n)
		}
	}
	want := []string{"compliance.stale is compliant: a device that has not checked in", "can be forged", "secret has 2 characters", "peap is on", "plain_passwords is on"}
	warnings := strings.Join(c.Warnings(c.Certificates[0].Leaf.NotBefore), "\n")
	for _, w := range want {
		if !strings.Contains(warnings, w) {
			t.Errorf("no warning that %q in\n%s", w, warnings)
		}
	}
	if summary := strings.Join(c.Summary(time.Time{}), "\n"); !strings.Contains(summary, "authentication by PEAP, EAP-TTLS, TEAP, MAC authentication bypass, plain passwords") {
		t.Errorf("the summary is\n%s", summary)
	}
}

// TestEntra holds that clients are led to what Entra ID can check where nobody else knows passwords.
func TestEntra(t *testing.T) {
	const entra = minimal + "directory: {entra: {tenant: corp.example, client_id: c, secret_file: secret, domain: corp.example, timeout: 3s, concurrent: 4, queue: 5}}\n"
	c := load(t, newFiles(t), entra)
	want := credential.EntraConfig{Tenant: "corp.example", ClientID: "c", ClientSecret: "from-a-file", Domain: "corp.example", Timeout: 3 * time.Second, Concurrent: 4, Queue: 5}
	if *c.NAC.Entra != want {
		t.Errorf("got %+v", c.NAC.Entra)
	}
	e := c.NAC.RADIUS.EAP
	if !slices.Equal(e.TTLSInner, []eapserver.Inner{eapserver.PAP, eapserver.EAPGTC}) || !slices.Equal(e.PEAPInner, []eapserver.Inner{eapserver.EAPGTC}) {
		t.Errorf("inner methods are %v and %v", e.TTLSInner, e.PEAPInner)
	}
	if got := c.methods(); !slices.Equal(got, []eap.Type{eap.TypeTLS, eap.TypeTTLS}) {
		t.Errorf("methods are %v", got)
	}
	if e := load(t, newFiles(t), entra+"users: users.yaml\n").NAC.RADIUS.EAP; e.TTLSInner != nil {
		t.Errorf("with users of its own the NAC takes %v only", e.TTLSInner)
	}
}

// TestMistakes holds that each mistake is found at its place and says what was expected.
func TestMistakes(t *testing.T) {
	f := newFiles(t)
	f["both.pem"] = slices.Concat(f["server.pem"], f["ca.pem"], f["ca.pem"])
	chain := strings.SplitAfter(string(f["server.pem"]), "-----END CERTIFICATE-----\n")
	f["reverse.pem"] = []byte(chain[1] + chain[0])
	f["broken.pem"] = block("CERTIFICATE", []byte("x"))
	for _, c := range []struct{ name, text, want string }{
		{"nothing", "", "conf/nac.yaml: the file is empty; a configuration has the keys clients, certificate and policy"},
		{"no clients", strings.SplitAfterN(minimal, "\n", 2)[1], "1:1: the configuration has no clients; nobody could ask"},
		{"no policy", strings.Replace(minimal, "policy: policy.yaml", "", 1), `1:1: the configuration lacks the key "policy"`},
		{"no policy file", strings.Replace(minimal, "policy.yaml", "none.yaml", 1), "4:9: policy: there is no file conf/none.yaml"},
		{"bad policy", strings.Replace(minimal, "policy.yaml", "bad.yaml", 1), `conf/bad.yaml:1:30: the action of a rule is "permit"; expected one of allow, block`},
		{"client twice", strings.Replace(minimal, "[{", "[{address: 10.0.0.0/8, secret: x}, {", 1), "1:45: client 10.0.0.0/8 stands here and on line 1"},
		{"number as secret", strings.Replace(minimal, "sixteen-octets-16", "1234", 1), "1:41: secret must be a text; write it in quotes"},
		{"wrong key", strings.Replace(minimal, "server.key", "other.key", 1), "2:39: key: conf/other.key is not the key of the certificate in conf/server.pem"},
		{"key without PEM", strings.Replace(minimal, "server.key", "secret", 1), "2:39: key: conf/secret: it has no private key in PEM"},
		{"chain without certificate", strings.Replace(minimal, "server.pem", "other.key", 1), "2:22: chain: conf/other.key: it has no certificate in PEM"},
		{"chain in the wrong order", strings.Replace(minimal, "server.pem", "reverse.pem", 1), "2:40: key: conf/server.key is not the key of the certificate in conf/reverse.pem"},
		{"broken certificate", strings.Replace(minimal, "ca.pem", "broken.pem", 1), "3:14: client_cas: conf/broken.pem: certificate 1 is broken"},
		{"TLS 1.1", minimal + "tls: {min: 1.1}", `5:12: min is "1.1"; expected one of 1.2, 1.3`},
		{"TLS upside down", minimal + "tls: {min: 1.3, max: 1.2}", "5:22: tls: min is newer than max"},
		{"unknown cipher", minimal + "tls: {ciphers: [RC4]}", `5:17: a cipher suite is "RC4"; expected one of TLS_`},
		{"no methods", minimal + "eap: {methods: []}", "5:16: methods is empty; leave it out or name one of tls, ttls, peap, teap"},
		{"method twice", minimal + "eap: {methods: [tls, tls]}", "5:22: tls stands in methods twice"},
		{"password beside others", minimal + "eap: {teap: {inner: [password, eap-gtc]}}", "5:13: inner of teap has password, which is taken alone"},
		{"fragment too small", minimal + "eap: {fragment_size: 63}", `5:22: fragment_size is "63"; expected a number from 64 to 3000`},
		{"no unit", minimal + "eap: {timeout: 10}", `5:16: timeout is "10"; expected a duration such as 30s, 1h30m or 2d, from 1s to 1h0m0s`},
		{"too short", minimal + "eap: {timeout: 1ms}", `5:16: timeout is "1ms"; expected a duration such as 30s, 1h30m or 2d, from 1s to 1h0m0s`},
		{"user twice in a file", minimal + "users: twice.yaml", `conf/twice.yaml:3:5: user "Anna" stands here and on line 2`},
		{"user without password", minimal + "users: [{name: anna}]", `5:9: user "anna" has neither password nor nt_hash`},
		{"user with both", minimal + "users: [{name: anna, password: x, nt_hash: 8846f7eaee8fb117ad06bdd830b7586c}]", `5:9: user "anna" has both password and nt_hash`},
		{"bad hash", minimal + "users: [{name: anna, nt_hash: xyz}]", "5:31: nt_hash is not 32 hexadecimal digits"},
		{"intune without secret", minimal + "intune: {tenant: t, client_id: c}", "5:9: intune lacks the key secret, secret_file or certificate"},
		{"intune with two", minimal + "intune: {tenant: t, client_id: c, secret: s, secret_file: secret}", "5:9: intune has both secret and secret_file"},
		{"intune with an empty file", minimal + "intune: {tenant: t, client_id: c, secret_file: empty}", "5:48: secret_file: conf/empty is empty"},
		{"intune with a certificate too", minimal + "intune: {tenant: t, client_id: c, secret: s, certificate: {chain: server.pem, key: server.key}}", "5:9: intune has both a secret and a certificate"},
		{"intune with an ECDSA key", minimal + "intune: {tenant: t, client_id: c, certificate: {chain: server.pem, key: server.key}}", "5:9: intune: client certificate: its key is"},
		{"intune for all tenants", minimal + "intune: {tenant: common, client_id: c, secret: s}", "5:9: intune: tenant \"common\" stands for many"},
		{"intune by HTTP", minimal + "intune: {tenant: t, client_id: c, secret: s, graph: 'http://g'}", "5:9: intune: address \"http://g\" is not like https://graph.microsoft.com"},
		{"short list without percent", minimal + "intune: {client_id: c, secret: s, short_list: '0.5'}", `5:47: short_list is "0.5"; expected a share such as "50%"`},
		{"secret ends at a bad time", minimal + "intune: {client_id: c, secret: s, secret_expires: soon}", `5:51: secret_expires is "soon"; expected a day such as 2027-05-01`},
		{"link without api", minimal + "intune: {client_id: c, secret: s, link: {lifetime: 5m}}", "5:41: link needs the section api"},
		{"link back by HTTP", minimal + "intune: {client_id: c, secret: s, link: {redirect_uri: 'http://nac.example/link/callback'}}", `5:56: redirect URI "http://nac.example/link/callback" does not begin with https://`},
		{"link of a domain", minimal + "intune: {client_id: c, secret: s, link: {tenants: [corp.example]}}", `5:52: an entry of tenants is "corp.example"; expected the ID of a tenant`},
		{"compliance in Intune's words", minimal + "compliance: {inGracePeriod: compliant}", `5:14: unknown key "inGracePeriod" in compliance; expected one of compliant,`},
		{"compliance that is none", minimal + "compliance: {stale: inGracePeriod}", `5:21: stale is "inGracePeriod"; expected one of compliant, noncompliant, unknown`},
		{"api without token", minimal + "api: {listen: '127.0.0.1:8443'}", "5:6: api: the token is too short; 32 random characters are hard to guess"},
		{"api with two", minimal + "api: {listen: '127.0.0.1:8443', token: sixteen-octets-16, token_file: secret}", "5:6: api has both token and token_file"},
		{"api without address", minimal + "api: {token: sixteen-octets-16}", `5:6: api lacks the key "listen"`},
		{"entra with two", minimal + "directory: {entra: {tenant: t, client_id: c, secret: s, secret_file: secret}}", "5:20: entra has both secret and secret_file"},
		{"entra without client", minimal + "directory: {entra: {tenant: t}}", `5:20: entra lacks the key "client_id"`},
		{"mab", minimal + "mab: [pap]", "5:6: mab must be a mapping of keys to values, not a list"},
		{"port without address", minimal + "listen: {auth: \"1812\"}", `5:16: auth is "1812"; expected an address of this computer and a port`},
		{"CRL by FTP", minimal + "revocation: {crl: [\"ftp://x\"]}", `5:20: crl: "ftp://x" is neither the name of a file nor an http:// or https:// URL`},
		{"no CRL", minimal + "revocation: {crl: [none.crl]}", "5:20: crl: there is no file conf/none.crl"},
		{"not a CRL", minimal + "revocation: {crl: [ca.pem]}", "5:20: crl: conf/ca.pem: no certificate revocation list in it"},
		{"peer who is anybody", minimal + "radsec: {client_cas: [ca.pem], peers: [{name: x}]}", `5:40: peer "x" could be anybody; give its address, names, issuers or fingerprints`},
		{"bad fingerprint", minimal + "radsec: {client_cas: [ca.pem], peers: [{name: x, fingerprints: [abcd]}]}", "5:65: a fingerprint has 64 hexadecimal digits"},
	} {
		_, err := parse("conf/nac.yaml", []byte(c.text), f.read)
		if err == nil {
			t.Errorf("%s: accepted, want %s", c.name, c.want)
			continue
		}
		first, _, _ := strings.Cut(err.Error(), "\n")
		if !strings.HasPrefix(strings.TrimPrefix(first, "conf/nac.yaml:"), c.want) && !strings.HasPrefix(first, c.want) {
			t.Errorf("%s:\n got %s\nwant %s", c.name, first, c.want)
		}
		if strings.Contains(err.Error(), "sixteen") || strings.Contains(err.Error(), "secret-of-anna") {
			t.Errorf("%s: the error shows a secret:\n%v", c.name, err)
		}
		if all := (Errors)(nil); !errors.As(err, &all) {
			t.Errorf("%s: the error is a %T", c.name, err)
		}
	}
	if got := len(load(t, f, strings.Replace(minimal, "server.pem", "both.pem", 1)+"").Certificates[0].Certificate); got != 4 {
		t.Errorf("a chain with its root, twice, has %d certificates", got)
	}
}

// TestKeys holds that private keys are read in every form that is about.
func TestKeys(t *testing.T) {
	ec := newECDSA(t)
	rsaKey, err := rsa.GenerateKey(rand.Reader, 2048)
	if err != nil {
		t.Fatal(err)
	}
	sec1, err := x509.MarshalECPrivateKey(ec)
	if err != nil {
		t.Fatal(err)
	}
	encrypted, err := pkcs8.ConvertPrivateKeyToPKCS8(ec, []byte("open"))
	if err != nil {
		t.Fatal(err)
	}
	//lint:ignore SA1019 old versions of OpenSSL write it
	legacy, err := x509.EncryptPEMBlock(rand.Reader, "RSA PRIVATE KEY", x509.MarshalPKCS1PrivateKey(rsaKey), []byte("open"), x509.PEMCipherAES128)
	if err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct {
		name, password string
		pem            []byte
		want           string // in the error; empty for none
	}{
		{"PKCS #8, ECDSA", "", keyPEM(t, ec), ""},
		{"PKCS #8, RSA", "", keyPEM(t, rsaKey), ""},
		{"SEC 1 behind its parameters", "", slices.Concat(block("EC PARAMETERS", []byte{5, 0}), block("EC PRIVATE KEY", sec1)), ""},
		{"PKCS #1", "", block("RSA PRIVATE KEY", x509.MarshalPKCS1PrivateKey(rsaKey)), ""},
		{"encrypted PKCS #8", "open", block("ENCRYPTED PRIVATE KEY", encrypted), ""},
		{"encrypted PKCS #8, wrong password", "shut", block("ENCRYPTED PRIVATE KEY", encrypted), "cannot be decrypted with the password"},
		{"encrypted PKCS #8, no password", "", block("ENCRYPTED PRIVATE KEY", encrypted), "give its password"},
		{"encrypted PKCS #1", "open", pem.EncodeToMemory(legacy), ""},
		{"encrypted PKCS #1, wrong password", "shut", pem.EncodeToMemory(legacy), "cannot be decrypted with the password"},
		{"broken", "", block("PRIVATE KEY", []byte("x")), "the private key is broken"},
	} {
		key, err := keyOf(c.pem, c.password)
		switch {
		case c.want == "" && (err != nil || key == nil):
			t.Errorf("%s: %v", c.name, err)
		case c.want != "" && (err == nil || !strings.Contains(err.Error(), c.want)):
			t.Errorf("%s: got %v, want %s", c.name, err, c.want)
		}
	}
}

// TestCertificateWarnings holds that a certificate that clients refuse, or soon will, is told of.
func TestCertificateWarnings(t *testing.T) {
	c := load(t, newFiles(t), minimal)
	leaf := c.Certificates[0].Leaf
	for _, tt := range []struct {
		now  time.Time
		want string
	}{
		{leaf.NotAfter.Add(-10 * 24 * time.Hour), "expires in 10 days"},
		{leaf.NotAfter.Add(time.Second), "has expired"},
		{leaf.NotBefore.Add(-time.Second), "is not valid before"},
	} {
		if got := strings.Join(c.Warnings(tt.now), "\n"); !strings.Contains(got, tt.want) {
			t.Errorf("at %v the warnings are %q, want %q", tt.now, got, tt.want)
		}
	}
	ca := c.CAs[0]
	for _, tt := range []struct {
		now  time.Time
		want string
	}{
		{ca.NotAfter.Add(-10 * 24 * time.Hour), `client_cas: "corp" expires in 10 days`},
		{ca.NotAfter.Add(time.Second), `client_cas: "corp" has expired`},
	} {
		if got := strings.Join(c.Warnings(tt.now), "\n"); !strings.Contains(got, tt.want) {
			t.Errorf("at %v the warnings are %q, want %q", tt.now, got, tt.want)
		}
	}
	c = load(t, newFiles(t), strings.Replace(minimal, "[ca.pem]", "[server.pem]", 1))
	if got := strings.Join(c.Warnings(leaf.NotBefore), "\n"); !strings.Contains(got, "is not the certificate of a CA") {
		t.Errorf("with a server's certificate for a CA the warnings are %q", got)
	}
	c = load(t, newFiles(t), minimal)
	leaf = c.Certificates[0].Leaf
	leaf.ExtKeyUsage = []x509.ExtKeyUsage{x509.ExtKeyUsageClientAuth}
	if got := strings.Join(c.Warnings(leaf.NotBefore), "\n"); !strings.Contains(got, "is not for servers") {
		t.Errorf("the warnings are %q", got)
	}
}

// FuzzParse holds that no configuration brings the parser down, that each mistake has words, and that errors show no
// secret of the seeds.
func FuzzParse(f *testing.F) {
	all := newFiles(f)
	f.Add([]byte(minimal))
	f.Add([]byte(minimal + "users: users.yaml\neap: {methods: [peap]}\nradsec: {client_cas: [ca.pem], peers: [{name: x, names: [a]}]}\n"))
	f.Add([]byte(minimal + "intune: {tenant: t, client_id: c, secret: [a]}\nrevocation: {crl: [none]}\nmab: true\ntls: {min: 1.3, max: [1]}\n"))
	f.Add([]byte(minimal + "intune: {client_id: c, certificate: {chain: server.pem, key: server.key}, short_list: 5%, secret_expires: 2027-05-01, link: {tenants: [x]}}\n" +
		"api: {listen: \"[::]:1\", token_file: secret}\ncompliance: {stale: compliant, error: x}\n"))
	f.Fuzz(func(t *testing.T, data []byte) {
		c, err := parse("conf/nac.yaml", data, all.read)
		if (c == nil) == (err == nil) {
			t.Fatalf("got %v and %v", c, err)
		}
		if err != nil {
			if strings.TrimSpace(err.Error()) == "" {
				t.Fatal("an error without words")
			}
			return
		}
		c.Warnings(time.Time{})
		c.Summary(time.Time{})
	})
}
