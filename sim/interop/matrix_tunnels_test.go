package interop

import (
	"fmt"
	"strings"

	"nacsim/nac/eapserver"
)

// inner methods of EAP-TTLS, in wpa_supplicant's words.
var ttlsInner = []string{"auth=PAP", "auth=CHAP", "auth=MSCHAP", "auth=MSCHAPV2", "autheap=MSCHAPV2", "autheap=GTC", "autheap=MD5"}

const shortFragments = "FreeRADIUS 3.2.1 refuses what comes through the tunnel in several fragments"

// ttls are the inner methods of RFC 5281 and what may be odd about a user.
func ttls() (cases []matrixCase) {
	for _, inner := range ttlsInner {
		cases = append(cases, each(func(version string) matrixCase {
			return matrixCase{name: inner, network: tunnelled("TTLS", inner, version), want: accepted(version)}
		})...)
		cases = append(cases, each(func(version string) matrixCase {
			want := accepted(version)
			if version == "1.3" {
				want.not = shortFragments
			}
			return matrixCase{name: inner + ", fragments of 64", network: tunnelled("TTLS", inner, version, "fragment_size=64"), want: want}
		})...)
		cases = append(cases, each(func(version string) matrixCase {
			return matrixCase{name: inner + ", unusual user", network: tunnelled("TTLS", inner, version, `identity="zoë"`, `password="Straße 東京"`), want: accepted(version)}
		})...)
	}
	for _, odd := range []struct{ name, line string }{
		{"realm", `identity="alice@corp.example"`},
		{"Windows domain", `identity="CORP\alice"`},
		{"no anonymous identity", `anonymous_identity="alice"`},
		{"anonymous realm", `anonymous_identity="@corp.example"`},
		{"long anonymous identity", fmt.Sprintf("anonymous_identity=%q", strings.Repeat("a", 253))},
		{"another anonymous user", `anonymous_identity="mallory"`},
		{"length in every fragment", phase1Line("1.2", "include_tls_length=1") + "\nfragment_size=100"},
		{"long password", "identity=\"long\"\npassword=" + fmt.Sprintf("%q", strings.Repeat("p", 128))},
		{"spaces in the password", "identity=\"blank\"\npassword=\" s p a c e s \""},
	} {
		for _, inner := range []string{"auth=PAP", "autheap=MSCHAPV2"} {
			cases = append(cases, matrixCase{name: odd.name + ", " + inner, network: tunnelled("TTLS", inner, "1.2", odd.line), want: accepted("1.2")})
		}
	}
	// A client may have a certificate as well; the server does not ask for it.
	return append(cases, matrixCase{name: "with a certificate", network: tunnelled("TTLS", "auth=PAP", "1.3", `client_cert="laptop.pem"`, `private_key="laptop.key"`), want: accepted("1.3")})
}

// ttlsRefused are passwords and users that are wrong, for each inner method, and methods that the server does not have.
func ttlsRefused() (cases []matrixCase) {
	for _, inner := range ttlsInner {
		for _, wrong := range wrongUsers {
			cases = append(cases, each(func(version string) matrixCase {
				return matrixCase{name: wrong.name + ", " + inner, network: tunnelled("TTLS", inner, version, wrong.lines...), want: refused(wrong.reason, "")}
			})...)
		}
	}
	for _, inner := range []string{"autheap=TLS", "autheap=PWD", "autheap=GPSK"} {
		cases = append(cases, matrixCase{name: "no " + inner, network: tunnelled("TTLS", inner, "1.2", `client_cert2="laptop.pem"`, `private_key2="laptop.key"`), want: refused("", "")})
	}
	return cases
}

// innerMismatches are clients that want other inner methods than the server has, and such that go along.
func innerMismatches() (cases []matrixCase) {
	for _, inner := range []string{"auth=MSCHAPV2", "autheap=MSCHAPV2", "autheap=GTC autheap=MSCHAPV2", "autheap=MD5 autheap=GTC autheap=MSCHAPV2"} {
		cases = append(cases, each(func(version string) matrixCase {
			return matrixCase{name: "TTLS " + inner, network: tunnelled("TTLS", inner, version), want: accepted(version)}
		})...)
	}
	for _, inner := range []string{"auth=PAP", "auth=CHAP", "auth=MSCHAP", "autheap=GTC", "autheap=MD5"} {
		cases = append(cases, each(func(version string) matrixCase {
			want := refused("", "")
			if inner == "auth=MSCHAP" {
				want.not = "FreeRADIUS has MS-CHAP wherever it has MS-CHAPv2"
			}
			return matrixCase{name: "TTLS " + inner, network: tunnelled("TTLS", inner, version), want: want}
		})...)
	}
	cases = append(cases, each(func(version string) matrixCase {
		return matrixCase{name: "PEAP auth=GTC", network: tunnelled("PEAP", "auth=GTC", version), want: refused("", "")}
	})...)
	return append(cases, each(func(version string) matrixCase {
		return matrixCase{name: "PEAP auth=GTC MSCHAPV2", network: tunnelled("PEAP", "auth=GTC auth=MSCHAPV2", version), want: accepted(version)}
	})...)
}

// wrongUsers must not get in with any method.
var wrongUsers = []struct {
	name   string
	lines  []string
	reason eapserver.Reason
}{
	{"wrong password", []string{`password="Wonderland"`}, eapserver.BadCredentials},
	{"password with more", []string{`password="wonderland1"`}, eapserver.BadCredentials},
	{"unknown user", []string{`identity="mallory"`}, eapserver.UnknownUser},
	{"user disabled", []string{`identity="carol"`}, ""},
}

// peap is version 0 with what clients send inside.
func peap(more ...string) (cases []matrixCase) {
	for _, inner := range []string{"auth=MSCHAPV2", "auth=GTC"} {
		for _, option := range []string{"", "peapver=0", "peaplabel=0", "crypto_binding=0"} {
			cases = append(cases, each(func(version string) matrixCase {
				lines := append(tunnelled("PEAP", inner, version, phase1Line(version, option)), more...)
				return matrixCase{name: strings.TrimSuffix(inner+" "+option, " "), network: lines, want: accepted(version)}
			})...)
		}
		for _, size := range []int{64, 254, 1398} {
			cases = append(cases, each(func(version string) matrixCase {
				lines := append(tunnelled("PEAP", inner, version, fmt.Sprintf("fragment_size=%d", size)), more...)
				want := accepted(version)
				if size == 64 {
					want.not = shortFragments
				}
				return matrixCase{name: fmt.Sprintf("%s, fragments of %d", inner, size), network: lines, want: want}
			})...)
		}
		for _, line := range []string{`identity="alice@corp.example"`, `identity="CORP\alice"`, `anonymous_identity="@corp.example"`, `anonymous_identity="alice"`} {
			cases = append(cases, matrixCase{name: inner + ", " + line, network: append(tunnelled("PEAP", inner, "1.2", line), more...), want: accepted("1.2")})
		}
	}
	return cases
}

func peapRefused(more ...string) (cases []matrixCase) {
	for _, inner := range []string{"auth=MSCHAPV2", "auth=GTC"} {
		for _, wrong := range wrongUsers {
			cases = append(cases, each(func(version string) matrixCase {
				lines := append(tunnelled("PEAP", inner, version, wrong.lines...), more...)
				return matrixCase{name: wrong.name + ", " + inner, network: lines, want: refused(wrong.reason, "")}
			})...)
		}
	}
	return append(cases,
		matrixCase{name: "server not trusted", network: tunnelled("PEAP", "auth=MSCHAPV2", "1.2", `ca_cert="ca-foreign.pem"`), want: refused(eapserver.ServerCertificate, clientSays+"unknown CA")},
		matrixCase{name: "no auth=PWD", network: append(tunnelled("PEAP", "auth=PWD", "1.2"), more...), want: refused("", "")},
	)
}

// negotiation is RFC 3748 section 5.3: the server proposes, the client says what it wants instead.
func negotiation() []matrixCase {
	password := func(name, eap string, want verdict, more ...string) matrixCase {
		lines := []string{"eap=" + eap, `identity="alice"`, `password="wonderland"`, `phase2="auth=MSCHAPV2"`,
			`client_cert="laptop.pem"`, `private_key="laptop.key"`, phase1Line("1.2")}
		return matrixCase{name: name, network: append(lines, more...), want: want}
	}
	return []matrixCase{
		password("PEAP is off", "PEAP", refused(eapserver.NoMethod, "")),
		password("PEAP or TTLS", "PEAP TTLS", accepted("1.2")),
		password("PEAP or TLS", "PEAP TLS", accepted("1.2")),
		password("everything", "PEAP TTLS TLS MD5 GTC MSCHAPV2 PWD", accepted("1.2")),
		password("EAP-MD5 outside", "MD5", refused(eapserver.NoMethod, "")),
		password("EAP-GTC outside", "GTC", refused(eapserver.NoMethod, "")),
		password("EAP-MSCHAPv2 outside", "MSCHAPV2", refused(eapserver.NoMethod, "")),
		password("EAP-pwd", "PWD", refused(eapserver.NoMethod, "")),
		password("EAP-FAST", "FAST", refused(eapserver.NoMethod, ""), phase1Line("1.2", "fast_provisioning=2"), `pac_file="blob://pac"`),
		password("EAP-PSK", "PSK", refused(eapserver.NoMethod, ""), "password=0123456789abcdef0123456789abcdef"),
		password("LEAP", "LEAP", refused(eapserver.NoMethod, "")),
	}
}

// oneVersion is a server that has one TLS version and a peer that has the other only.
func oneVersion(has, wants string) []matrixCase {
	refusal := refused(eapserver.TLSFailure, serverSays+"protocol version")
	alone := refusal
	alone.alone = true // wpa_supplicant's EAP-TTLS does not answer an alert
	return []matrixCase{
		{name: "EAP-TLS", network: certified("laptop", has), want: accepted(has)},
		{name: "TTLS", network: tunnelled("TTLS", "auth=PAP", has), want: accepted(has)},
		{name: "PEAP", network: tunnelled("PEAP", "auth=MSCHAPV2", has), want: accepted(has)},
		{name: "EAP-TLS, other version", network: certified("laptop", wants), want: refusal},
		{name: "TTLS, other version", network: tunnelled("TTLS", "auth=PAP", wants), want: alone},
		{name: "either version", network: certified("laptop", has, `phase1="tls_disable_tlsv1_2=0 tls_disable_tlsv1_3=0"`), want: accepted(has)},
	}
}

// revocations are judged by the lists of the CAs.
func revocations() []matrixCase {
	return concat(
		each(func(version string) matrixCase {
			return matrixCase{name: "good", network: certified("laptop", version), want: accepted(version)}
		}),
		each(func(version string) matrixCase {
			return matrixCase{name: "good, RSA", network: certified("laptop-rsa", version), want: accepted(version)}
		}),
		each(func(version string) matrixCase {
			return matrixCase{name: "revoked", network: certified("revoked", version), want: refused(eapserver.Revoked, serverSays+"certificate revoked")}
		}),
		each(func(version string) matrixCase {
			return matrixCase{name: "issuing CA revoked", network: certified("issuer-revoked", version), want: refused(eapserver.Revoked, serverSays+"certificate revoked")}
		}),
		// There is no list of the third CA.
		each(func(version string) matrixCase {
			return matrixCase{name: "list missing", network: certified("laptop-deep-3", version), want: refused(eapserver.RevocationUnknown, "")}
		}),
	)
}

// resumptions authenticate three times in a row, the second and third time with what the first has left.
func resumptions() []matrixCase {
	again := func(name string, network func(version string, more ...string) []string) []matrixCase {
		return concat(
			each(func(version string) matrixCase {
				return matrixCase{name: name + ", in full", network: network(version), args: []string{"-r", "2"}, want: verdict{accepted: true, tls: version, rounds: 3}}
			}),
			each(func(version string) matrixCase {
				lines := network(version, phase1Line(version, "tls_disable_session_ticket=0"))
				return matrixCase{name: name + ", resumed", network: lines, args: []string{"-r", "2"}, want: verdict{accepted: true, tls: version, rounds: 3, resumed: true}}
			}),
		)
	}
	return concat(
		again("EAP-TLS", func(version string, more ...string) []string { return certified("laptop", version, more...) }),
		again("EAP-TLS of a long chain", func(version string, more ...string) []string { return certified("laptop-deep-rsa-5", version, more...) }),
		again("TTLS", func(version string, more ...string) []string { return tunnelled("TTLS", "auth=PAP", version, more...) }),
		again("TTLS with EAP", func(version string, more ...string) []string {
			return tunnelled("TTLS", "autheap=MSCHAPV2", version, more...)
		}),
		again("PEAP", func(version string, more ...string) []string {
			return tunnelled("PEAP", "auth=MSCHAPV2", version, more...)
		}),
	)
}
