package interop

import (
	"fmt"
	"strings"

	"nacsim/nac/eapserver"
)

// matrixGroup is a server and what peers want of it.
type matrixGroup struct {
	name         string
	certificates []string // of the server; the first is the one that FreeRADIUS shows
	methods      []string // in order of preference, in the words of both configurations: tls, ttls, peap
	min, max     string   // TLS versions, 1.2 and 1.3 if empty
	fragment     int      // the server's longest EAP packet, or zero for the default
	ipv6         bool     // the NAC serves IPv6
	revocation   bool     // crl.pem is consulted
	ttlsInner    []string // inner methods, in the NAC's words; all if empty
	peapInner    []string
	cases        []matrixCase
}

// matrixCase is a run of eapol_test.
type matrixCase struct {
	name    string
	network []string // lines of wpa_supplicant's network block
	args    []string // more of eapol_test's command line
	openssl []string // settings of the peer's OpenSSL, as in the section system_default of its configuration
	want    verdict
}

// verdict is how a run has to end: accepted with a TLS version, refused for a reason, or left without an answer.
type verdict struct {
	accepted bool
	tls      string // "1.2", "1.3", or empty if it is of no matter
	rounds   int    // authentications; zero means one
	resumed  bool   // at least one of them without a full handshake

	reason eapserver.Reason // of the NAC
	alert  string           // that eapol_test reads or writes, in its words

	alone  bool // the peer does not wait for the server's refusal
	silent bool // there is no answer

	// not says why FreeRADIUS 3.2.1 does not do it.
	not string
}

func accepted(version string) verdict { return verdict{accepted: true, tls: version} }

func refused(reason eapserver.Reason, alert string) verdict {
	return verdict{reason: reason, alert: alert}
}

// Alerts as eapol_test prints them.
const (
	serverSays = "read (remote end reported an error):fatal:"
	clientSays = "write (local SSL3 detected an error):fatal:"
)

// phase1Line selects one TLS version, and more.
func phase1Line(version string, more ...string) string {
	return fmt.Sprintf("phase1=%q", strings.Join(append([]string{phase1[version]}, more...), " "))
}

// certified are the lines of a peer that has a certificate.
func certified(name, version string, more ...string) []string {
	return append([]string{
		"eap=TLS", `identity="host/LAPTOP-1"`, fmt.Sprintf(`client_cert="%s.pem"`, name), fmt.Sprintf(`private_key="%s.key"`, name), phase1Line(version),
	}, more...)
}

// tunnelled are the lines of a peer that sends a password through a tunnel.
func tunnelled(method, phase2, version string, more ...string) []string {
	return append([]string{
		"eap=" + method, `identity="alice"`, `anonymous_identity="anonymous"`, `password="wonderland"`, fmt.Sprintf("phase2=%q", phase2), phase1Line(version),
	}, more...)
}

const rsaRoot = `ca_cert="ca-rsa.pem"`

// matrix is everything that is asked of the server.
func matrix() []matrixGroup {
	both := []string{"tls", "ttls", "peap"}
	return []matrixGroup{
		{name: "EAP-TLS to ECDSA", certificates: []string{"server"}, methods: both, cases: concat(
			fragments("laptop"), goodClients(), keyKinds(), ciphers("ECDSA"), ciphers13(), identities(), badClients(), badServers(), radiusOddities())},
		{name: "EAP-TLS to RSA", certificates: []string{"server-rsa"}, methods: both, cases: concat(
			fragments("laptop-rsa", rsaRoot), ciphers("RSA", rsaRoot), groups(rsaRoot), versionsRefused(rsaRoot))},
		{name: "certificates of both kinds", certificates: []string{"server", "server-rsa"}, methods: both, cases: bothKinds()},
		{name: "IPv6", certificates: []string{"server"}, methods: both, ipv6: true, cases: longChains()},
		{name: "long chain", certificates: []string{"server-deep"}, methods: both, fragment: 253, cases: longChains()},
		{name: "long RSA chain", certificates: []string{"server-deep-rsa"}, methods: both, fragment: 1000, cases: longChains(rsaRoot)},
		{name: "huge server certificate", certificates: []string{"server-huge"}, methods: both, fragment: 400, cases: longChains()},
		{name: "P-384 server", certificates: []string{"server-p384"}, methods: both, cases: longChains(`ca_cert="ca-p384.pem"`)},
		{name: "expired server", certificates: []string{"server-expired"}, methods: both, cases: untrusted("certificate expired")},
		{name: "future server", certificates: []string{"server-future"}, methods: both, cases: untrusted("bad certificate")},
		{name: "server with another purpose", certificates: []string{"server-eku"}, methods: both, cases: untrusted("unsupported certificate")},
		{name: "revocation", certificates: []string{"server"}, methods: both, revocation: true, cases: revocations()},
		{name: "TTLS", certificates: []string{"server"}, methods: both, cases: concat(ttls(), ttlsRefused())},
		{name: "PEAP", certificates: []string{"server-rsa"}, methods: both, cases: concat(peap(rsaRoot), peapRefused(rsaRoot))},
		{name: "MS-CHAPv2 only", certificates: []string{"server"}, methods: both, ttlsInner: []string{"eap-mschapv2", "mschapv2"}, peapInner: []string{"eap-mschapv2"}, cases: innerMismatches()},
		{name: "no PEAP", certificates: []string{"server"}, methods: []string{"tls", "ttls"}, cases: negotiation()},
		{name: "policy", certificates: []string{"server"}, methods: both, cases: blocked()},
		{name: "TLS 1.2 only", certificates: []string{"server"}, methods: both, min: "1.2", max: "1.2", cases: oneVersion("1.2", "1.3")},
		{name: "TLS 1.3 only", certificates: []string{"server"}, methods: both, min: "1.3", max: "1.3", cases: oneVersion("1.3", "1.2")},
		{name: "resumption", certificates: []string{"server"}, methods: both, cases: resumptions()},
	}
}

func concat(parts ...[]matrixCase) []matrixCase {
	var all []matrixCase
	for _, p := range parts {
		all = append(all, p...)
	}
	return all
}

// each makes a case for every TLS version.
func each(make func(version string) matrixCase) []matrixCase {
	var cases []matrixCase
	for _, version := range tlsVersions {
		c := make(version)
		c.name += ", TLS " + version
		cases = append(cases, c)
	}
	return cases
}

// fragments are the client's, from the least that wpa_supplicant makes.
func fragments(certificate string, more ...string) (cases []matrixCase) {
	for _, size := range []int{64, 65, 100, 253, 254, 500, 1000, 1024, 1398} {
		cases = append(cases, each(func(version string) matrixCase {
			lines := append(certified(certificate, version, fmt.Sprintf("fragment_size=%d", size)), more...)
			return matrixCase{name: fmt.Sprintf("fragments of %d", size), network: lines, want: accepted(version)}
		})...)
	}
	return cases
}

// goodClients have certificates that are unusual and right.
func goodClients() (cases []matrixCase) {
	for _, name := range []string{
		"laptop-direct", "laptop-huge", "laptop-no-eku", "laptop-any-eku", "laptop-both-eku", "laptop-no-ku",
		"laptop-deep-2", "laptop-deep-3", "laptop-deep-4", "laptop-deep-5", "laptop-deep-rsa-2", "laptop-deep-rsa-5",
		"chain-with-root", "chain-out-of-order", "chain-with-more", "name-permitted",
		"name-utf8", "name-64", "name-none", "name-user", "name-uri", "name-several", "name-empty",
	} {
		cases = append(cases, each(func(version string) matrixCase {
			want := accepted(version)
			if name == "laptop-any-eku" {
				want.not = "OpenSSL does not take anyExtendedKeyUsage for a client's purpose, which RFC 5280 section 4.2.1.12 leaves to the application"
			}
			return matrixCase{name: name, network: certified(name, version), want: want}
		})...)
	}
	return cases
}

// keyKinds are the algorithms of clients' keys.
func keyKinds() (cases []matrixCase) {
	for _, name := range []string{"laptop", "laptop-p384", "laptop-p521", "laptop-ed25519", "laptop-rsa", "laptop-rsa3072"} {
		cases = append(cases, each(func(version string) matrixCase {
			return matrixCase{name: "key of " + name, network: certified(name, version, `fragment_size=400`), want: accepted(version)}
		})...)
	}
	return cases
}

// ciphers are the cipher families of TLS 1.2, and those that must stay off.
func ciphers(key string, more ...string) (cases []matrixCase) {
	for _, suite := range []string{"AES128-GCM-SHA256", "AES256-GCM-SHA384", "CHACHA20-POLY1305", "AES128-SHA", "AES256-SHA"} {
		lines := append(certified("laptop", "1.2", fmt.Sprintf("openssl_ciphers=%q", "ECDHE-"+key+"-"+suite)), more...)
		cases = append(cases, matrixCase{name: suite, network: lines, want: accepted("1.2")})
	}
	other := map[string]string{"ECDSA": "RSA", "RSA": "ECDSA"}[key]
	off := []string{"ECDHE-" + other + "-AES128-GCM-SHA256"}
	if key == "RSA" {
		off = append(off, "AES128-SHA", "AES256-GCM-SHA384", "DHE-RSA-AES128-GCM-SHA256")
	}
	// MAC-then-encrypt with SHA-256 or SHA-384 is held to be insecure by crypto/tls, which lacks the latter.
	off = append(off, "ECDHE-"+key+"-AES128-SHA256", "ECDHE-"+key+"-AES256-SHA384")
	for i, suite := range off {
		want := refused(eapserver.TLSFailure, serverSays+"handshake failure")
		if i > 0 {
			want.not = "FreeRADIUS has it on"
		}
		lines := append(certified("laptop", "1.2", fmt.Sprintf("openssl_ciphers=%q", suite)), more...)
		cases = append(cases, matrixCase{name: suite + " is off", network: lines, want: want})
	}
	return cases
}

// ciphers13 are the cipher suites of TLS 1.3.
func ciphers13() (cases []matrixCase) {
	for _, suite := range []string{"TLS_AES_128_GCM_SHA256", "TLS_AES_256_GCM_SHA384", "TLS_CHACHA20_POLY1305_SHA256"} {
		cases = append(cases, matrixCase{name: suite, network: certified("laptop", "1.3"), openssl: []string{"Ciphersuites = " + suite}, want: accepted("1.3")})
		bad := refused(eapserver.Expired, serverSays+"certificate expired")
		cases = append(cases, matrixCase{name: suite + ", refused", network: certified("expired", "1.3"), openssl: []string{"Ciphersuites = " + suite}, want: bad})
	}
	return cases
}

// groups are those of the key exchange; and what else old libraries lack.
func groups(more ...string) (cases []matrixCase) {
	peer := func(version string) []string { return append(certified("laptop-rsa", version), more...) }
	for _, setting := range []string{"Groups = X25519", "Groups = P-256", "Groups = P-384", "Groups = P-521", "Groups = P-521:P-256"} {
		cases = append(cases, each(func(version string) matrixCase {
			return matrixCase{name: setting, network: peer(version), openssl: []string{setting}, want: accepted(version)}
		})...)
	}
	for _, setting := range []string{"Options = -ExtendedMasterSecret", "Options = -EncryptThenMac"} {
		cases = append(cases,
			matrixCase{name: setting, network: peer("1.2"), openssl: []string{setting}, want: accepted("1.2")},
			matrixCase{name: "TTLS, " + setting, network: append(tunnelled("TTLS", "auth=MSCHAPV2", "1.2"), more...), openssl: []string{setting}, want: accepted("1.2")},
		)
	}
	none := refused(eapserver.TLSFailure, serverSays+"handshake failure")
	none.not = "FreeRADIUS has it on"
	return append(cases, matrixCase{name: "Groups = X448", network: peer("1.3"), openssl: []string{"Groups = X448"}, want: none})
}

// bothKinds are answered with the certificate that the client can check.
func bothKinds() (cases []matrixCase) {
	const alone = "FreeRADIUS 3.2.1 has one certificate"
	for _, kind := range []struct{ name, cipher, signature, root string }{
		{"ECDSA", "ECDHE-ECDSA-AES128-GCM-SHA256", "ECDSA+SHA256", `ca_cert="ca.pem"`},
		{"RSA", "ECDHE-RSA-AES128-GCM-SHA256", "RSA-PSS+SHA256:RSA+SHA256", rsaRoot},
	} {
		want := accepted("1.2")
		want.not = alone
		cases = append(cases, matrixCase{name: kind.name + ", TLS 1.2", network: tunnelled("TTLS", "auth=PAP", "1.2", kind.root, fmt.Sprintf("openssl_ciphers=%q", kind.cipher)), want: want})
		want.tls = "1.3"
		cases = append(cases, matrixCase{name: kind.name + ", TLS 1.3", network: tunnelled("TTLS", "auth=PAP", "1.3", kind.root), openssl: []string{"SignatureAlgorithms = " + kind.signature}, want: want})
	}
	return cases
}

// versionsRefused are the TLS versions that are no longer to be used (RFC 8996).
func versionsRefused(more ...string) (cases []matrixCase) {
	for _, v := range []struct{ name, phase1 string }{
		{"TLS 1.0", "tls_disable_tlsv1_0=0 tls_disable_tlsv1_1=1 tls_disable_tlsv1_2=1 tls_disable_tlsv1_3=1"},
		{"TLS 1.1", "tls_disable_tlsv1_0=1 tls_disable_tlsv1_1=0 tls_disable_tlsv1_2=1 tls_disable_tlsv1_3=1"},
	} {
		lines := append(certified("laptop-rsa", "1.2", fmt.Sprintf("phase1=%q", v.phase1), `openssl_ciphers="DEFAULT@SECLEVEL=0"`), more...)
		cases = append(cases, matrixCase{name: v.name, network: lines, want: refused(eapserver.TLSFailure, serverSays+"protocol version")})
	}
	return cases
}

// identities of EAP-TLS say nothing about who is let in, the certificate does.
func identities() (cases []matrixCase) {
	for _, identity := range []struct{ name, line string }{
		{"user and realm", `identity="alice@corp.example"`},
		{"Windows domain", `identity="CORP\alice"`},
		{"anonymous realm", `identity="@corp.example"`},
		{"UTF-8", `identity="zoë@例え.example"`},
		{"253 octets", fmt.Sprintf("identity=%q", strings.Repeat("i", 253))},
		{"a space", `identity="host/LAPTOP 1"`},
		{"octets that are no UTF-8", `identity=ff00fe80`},
		{"quotes", `identity="he said "hello""`},
		{"percent and braces", `identity="%{User-Name} ${x} %n"`},
	} {
		cases = append(cases, each(func(version string) matrixCase {
			return matrixCase{name: "identity with " + identity.name, network: certified("laptop", version, identity.line), want: accepted(version)}
		})...)
	}
	return cases
}

// badClients have certificates for which they are refused.
func badClients() (cases []matrixCase) {
	for _, bad := range []struct {
		name, certificate string
		reason            eapserver.Reason
		alert             string
	}{
		{"expired", "expired", eapserver.Expired, "certificate expired"},
		{"RSA, expired", "expired-rsa", eapserver.Expired, "certificate expired"},
		{"not yet valid", "future", eapserver.NotYetValid, "certificate expired"},
		{"issuing CA expired", "issuer-expired", eapserver.Expired, "certificate expired"},
		{"for servers", "eku-server", eapserver.BadEKU, ""},
		{"for mail and code", "eku-mail", eapserver.BadEKU, ""},
		{"not for signatures", "ku-encipherment", eapserver.BadEKU, ""},
		{"foreign CA", "foreign", eapserver.UnknownCA, "unknown CA"},
		{"self-signed", "self-signed", eapserver.UnknownCA, "unknown CA"},
		{"issuing CA left out", "incomplete", eapserver.UnknownCA, "unknown CA"},
		{"issued by no CA", "below-leaf", "", ""},
		{"path too long", "path-length", "", ""},
		{"signature not its issuer's", "forged", "", ""},
		{"is a CA", "issuing", "", ""},
		{"below an expired root", "root-expired", eapserver.Expired, "certificate expired"},
		{"name not permitted", "name-forbidden", "", ""},
		{"with a critical extension nobody knows", "critical", "", ""},
	} {
		cases = append(cases, each(func(version string) matrixCase {
			want := refused(bad.reason, "")
			if bad.alert != "" {
				want.alert = serverSays + bad.alert
			}
			return matrixCase{name: "client " + bad.name, network: certified(bad.certificate, version), want: want}
		})...)
	}
	cases = append(cases, each(func(version string) matrixCase {
		lines := certified("weak", version, `openssl_ciphers="DEFAULT@SECLEVEL=0"`)
		return matrixCase{name: "client with a key of 1,024 bits", network: lines, want: refused(eapserver.Certificate, serverSays+"bad certificate")}
	})...)
	// This never comes to a handshake: wpa_supplicant finds that it cannot do EAP-TLS and wants another method.
	return append(cases, matrixCase{name: "client without a certificate", network: []string{"eap=TLS", `identity="host/LAPTOP-1"`}, want: refused(eapserver.NoMethod, "")})
}

// badServers are for the client to refuse.
func badServers() (cases []matrixCase) {
	for _, bad := range []struct{ name, line, alert string }{
		{"another CA", `ca_cert="ca-foreign.pem"`, "unknown CA"},
		{"domain_match", `domain_match="radius.other.example"`, ""},
		{"domain_suffix_match", `domain_suffix_match="other.example"`, ""},
		{"altsubject_match", `altsubject_match="DNS:radius.other.example"`, ""},
		{"subject_match", `subject_match="CN=other"`, ""},
	} {
		cases = append(cases, each(func(version string) matrixCase {
			want := refused(eapserver.ServerCertificate, "")
			if bad.alert != "" {
				want.alert = clientSays + bad.alert
			}
			return matrixCase{name: "server fails " + bad.name, network: certified("laptop", version, bad.line), want: want}
		})...)
		cases = append(cases, matrixCase{name: "TTLS, server fails " + bad.name, network: tunnelled("TTLS", "auth=PAP", "1.2", bad.line),
			want: refused(eapserver.ServerCertificate, "")})
	}
	for _, good := range []string{
		`domain_match="radius.corp.example"`, `domain_match="radius.alt.example"`, `domain_suffix_match="corp.example"`,
		`altsubject_match="DNS:radius.alt.example"`, `subject_match="radius.corp"`,
	} {
		cases = append(cases, matrixCase{name: "server passes " + good, network: certified("laptop", "1.2", good), want: accepted("1.2")})
	}
	return cases
}

// blocked are those whom the policy does not let in although they are who they say.
func blocked() (cases []matrixCase) {
	want := refused("", "")
	want.not = "the policy is the NAC's"
	for _, inner := range []string{"auth=PAP", "auth=MSCHAPV2", "autheap=MSCHAPV2", "autheap=GTC"} {
		cases = append(cases, each(func(version string) matrixCase {
			return matrixCase{name: "TTLS " + inner, network: tunnelled("TTLS", inner, version, `identity="visitor"`), want: want}
		})...)
	}
	for _, inner := range []string{"auth=MSCHAPV2", "auth=GTC"} {
		cases = append(cases, each(func(version string) matrixCase {
			return matrixCase{name: "PEAP " + inner, network: tunnelled("PEAP", inner, version, `identity="visitor"`), want: want}
		})...)
	}
	return append(cases, each(func(version string) matrixCase {
		want := want
		if version == "1.3" { // with TLS 1.2 the handshake is over when the policy decides
			want.alert = serverSays + "access denied"
		}
		return matrixCase{name: "EAP-TLS", network: certified("stolen", version), want: want}
	})...)
}

// untrusted is a server that no client takes.
func untrusted(alert string) []matrixCase {
	return concat(
		each(func(version string) matrixCase {
			return matrixCase{name: "EAP-TLS", network: certified("laptop", version), want: refused(eapserver.ServerCertificate, clientSays+alert)}
		}),
		each(func(version string) matrixCase {
			return matrixCase{name: "TTLS", network: tunnelled("TTLS", "auth=PAP", version), want: refused(eapserver.ServerCertificate, clientSays+alert)}
		}),
	)
}

// longChains go both ways. wpa_supplicant gives up after 100 rounds.
func longChains(more ...string) (cases []matrixCase) {
	for _, name := range []string{"laptop", "laptop-deep-5", "laptop-deep-rsa-5", "laptop-huge"} {
		for _, size := range []int{254, 1398} {
			cases = append(cases, each(func(version string) matrixCase {
				lines := append(certified(name, version, fmt.Sprintf("fragment_size=%d", size)), more...)
				want := accepted(version)
				if size == 254 && (name == "laptop-huge" || name == "laptop-deep-rsa-5") {
					want.not = "FreeRADIUS gives up after 50 rounds"
				}
				return matrixCase{name: fmt.Sprintf("%s, fragments of %d", name, size), network: lines, want: want}
			})...)
		}
	}
	return append(cases, each(func(version string) matrixCase {
		return matrixCase{name: "TTLS", network: append(tunnelled("TTLS", "auth=PAP", version), more...), want: accepted(version)}
	})...)
}

// radiusOddities are in the packets around EAP.
func radiusOddities() []matrixCase {
	plain := func(name string, want verdict, args ...string) matrixCase {
		return matrixCase{name: name, network: certified("laptop", "1.3"), args: args, want: want}
	}
	return []matrixCase{
		plain("wrong secret", verdict{silent: true}, "-s", "guess", "-t", "1"),
		plain("Framed-MTU of 64", accepted("1.3"), "-N", "12:d:64"),
		plain("Framed-MTU of 256", accepted("1.3"), "-N", "12:d:256"),
		plain("Framed-MTU of 1500", accepted("1.3"), "-N", "12:d:1500"),
		plain("Framed-MTU of 9000", accepted("1.3"), "-N", "12:d:9000"),
		plain("NAS-Port-Type of Ethernet", accepted("1.3"), "-N", "61:d:15"),
		plain("Proxy-States", accepted("1.3"), "-N", "33:s:one", "-N", "33:s:two"),
		plain("unknown vendor and attribute", accepted("1.3"), "-N", "26:x:0000fffe0106aabbccdd", "-N", "250:s:what"),
		plain("Connect-Info", accepted("1.3"), "-C", "CONNECT 0Mbps 802.11b"),
		plain("EAP-Key-Name", verdict{accepted: true, tls: "1.3"}, "-e"),
	}
}
