package radiusd

import (
	"bytes"
	"crypto/hmac"
	"crypto/md5"
	"crypto/tls"
	"encoding/binary"
	"net/netip"
	"runtime"
	"testing"

	"nacsim/internal/eap"
	"nacsim/internal/eap/eaptest"
	"nacsim/internal/radius"

	lr "layeh.com/radius"
)

// A datagram under construction, octet by octet, so that it can be as wrong as it must.
type raw struct {
	code   byte
	attrs  []byte
	length int    // of the length field; zero means the right one
	secret []byte // nil means the right one
	sum    []byte // Message-Authenticator in place of the right one
	auth   []byte // Request Authenticator in place of a new or the right one
	after  []byte // what follows the packet
	cut    int    // how many octets of the datagram are left; zero means all
}

// attr is an attribute with its right length.
func attr(t byte, value ...byte) []byte { return append([]byte{t, byte(2 + len(value))}, value...) }

// words is a text attribute.
func words(t byte, value string) []byte { return attr(t, []byte(value)...) }

// signature is a Message-Authenticator that wire fills in.
var signature = attr(80, make([]byte, 16)...)

func cat(parts ...[]byte) []byte { return bytes.Join(parts, nil) }

// wire signs the packet as its secret says, by RFC 2866 section 3 and RFC 3579 section 3.2 anew.
func (r raw) wire(id byte) []byte {
	key := r.secret
	if key == nil {
		key = secret
	}
	b := append([]byte{r.code, id, 0, 0}, make([]byte, 16)...)
	b = append(b, r.attrs...)
	n := len(b)
	if r.length != 0 {
		n = r.length
	}
	binary.BigEndian.PutUint16(b[2:], uint16(n))
	nonce := md5.Sum([]byte{id, r.code})
	signed := r.code == 4 || r.code == 40 || r.code == 43
	if !signed {
		copy(b[4:], nonce[:])
	}
	if at := bytes.Index(b[20:], signature); at >= 0 {
		mac := hmac.New(md5.New, key)
		mac.Write(b)
		copy(b[20+at+2:], mac.Sum(nil))
		if r.sum != nil {
			copy(b[20+at+2:], r.sum)
		}
	}
	if signed {
		sum := md5.Sum(append(bytes.Clone(b), key...))
		copy(b[4:], sum[:])
	}
	if r.auth != nil {
		copy(b[4:], r.auth)
	}
	b = append(b, r.after...)
	if r.cut > 0 {
		b = b[:r.cut]
	}
	return b
}

// An oddity is a datagram, and what the RFCs ask of a server that gets it.
type oddity struct {
	name    string
	rule    string // where it is asked
	service Service
	raw     raw
	drop    DropReason // or
	code    lr.Code
}

// access and account make the packets of the tables. A signature is in front, as most malformed attributes run over
// what follows.
func access(attrs ...[]byte) raw {
	return raw{code: 1, attrs: append(bytes.Clone(signature), cat(attrs...)...)}
}
func unsigned(attrs ...[]byte) raw { return raw{code: 1, attrs: cat(attrs...)} }
func account(attrs ...[]byte) raw  { return raw{code: 4, attrs: cat(attrs...)} }

func (r raw) with(change func(*raw)) raw { change(&r); return r }

var (
	name       = words(1, "host/laptop")
	hello      = attr(79, identity("host/laptop")...)
	started    = attr(40, 0, 0, 0, 1)
	sessionID  = words(44, "0001")
	calling    = words(31, "00-1C-B3-09-85-15")
	long       = bytes.Repeat([]byte{'x'}, 253)
	eapStart   = []byte{79, 2}
	tlsNothing = attr(79, 2, 9, 0, 6, 13, 0)
)

func lengths() []oddity {
	const rule = "RFC 2865 section 3"
	full := access(name, hello)
	for range 15 {
		full.attrs = append(full.attrs, attr(200, long...)...)
	}
	full.attrs = append(full.attrs, attr(200, make([]byte, radius.MaxLength-radius.MinLength-len(full.attrs)-2)...)...)
	over := full.with(func(r *raw) { r.attrs = append(bytes.Clone(r.attrs), attr(200)...) })
	length := func(n int) raw { return access(hello).with(func(r *raw) { r.length = n }) }
	return []oddity{
		{"nothing", rule, Auth, access(hello).with(func(r *raw) { r.cut = -1 }), DropMalformed, 0},
		{"one octet", rule, Auth, access(hello).with(func(r *raw) { r.cut = 1 }), DropMalformed, 0},
		{"19 octets", rule, Auth, access(hello).with(func(r *raw) { r.cut = 19 }), DropMalformed, 0},
		{"a header alone", "RFC 3579 section 3.3", Auth, unsigned(), DropNoMessageAuthenticator, 0},
		{"length 0", rule, Auth, length(65536), DropMalformed, 0},
		{"length 1", rule, Auth, length(1), DropMalformed, 0},
		{"length 19", rule, Auth, length(19), DropMalformed, 0},
		{"length 20 in front of attributes", "RFC 3579 section 3.3", Auth, length(20), DropNoMessageAuthenticator, 0},
		{"length 4097", rule, Auth, over, DropMalformed, 0},
		{"length 65535", rule, Auth, length(65535), DropMalformed, 0},
		{"one octet fewer than length", rule, Auth, length(20 + 18 + len(hello) + 1), DropMalformed, 0},
		{"half of the octets", rule, Auth, full.with(func(r *raw) { r.cut = 2048 }), DropMalformed, 0},
		{"length ends in an attribute", rule, Auth, length(20 + 18 + len(hello) - 3), DropMalformed, 0},
		{"padding", rule, Auth, access(name, hello).with(func(r *raw) { r.after = make([]byte, 40) }), "", lr.CodeAccessChallenge},
		{"padding beyond 4096", rule, Auth, full.with(func(r *raw) { r.after = long }), "", lr.CodeAccessChallenge},
		{"4096 octets", rule, Auth, full, "", lr.CodeAccessChallenge},
		{"accounting, length 0", rule, Acct, account(started).with(func(r *raw) { r.length = 65536 }), DropMalformed, 0},
		{"accounting with padding", rule, Acct, account(started, sessionID).with(func(r *raw) { r.after = []byte{1} }), "", lr.CodeAccountingResponse},
	}
}

func attributes() []oddity {
	const rule = "RFC 2865 section 5"
	const extended = "RFC 6929 section 2"
	return []oddity{
		{"attribute of length 0", rule, Auth, access(hello, []byte{1, 0}), DropMalformed, 0},
		{"attribute of length 1", rule, Auth, access(hello, []byte{1, 1}), DropMalformed, 0},
		{"attribute of length 0 among others", rule, Auth, access([]byte{1, 0}, hello), DropMalformed, 0},
		{"one octet at the end", rule, Auth, access(hello, []byte{1}), DropMalformed, 0},
		{"attribute over the end", rule, Auth, access(hello, []byte{1, 10, 'x'}), DropMalformed, 0},
		{"attribute far over the end", rule, Auth, access(hello, []byte{26, 255, 0}), DropMalformed, 0},
		{"EAP-Message over the end", rule, Auth, access([]byte{79, 100, 2, 1, 0, 98, 1}), DropMalformed, 0},
		{"empty User-Name", rule, Auth, access([]byte{1, 2}, hello), "", lr.CodeAccessChallenge},
		{"type 0", rule, Auth, access(attr(0, 1, 2), hello), "", lr.CodeAccessChallenge},
		{"unknown type", rule, Auth, access(attr(180, 1, 2), hello), "", lr.CodeAccessChallenge},
		{"type 255", rule, Auth, access(attr(255, 1), hello), "", lr.CodeAccessChallenge},
		{"experimental type", rule, Auth, access(attr(192, long...), hello), "", lr.CodeAccessChallenge},
		{"a thousand empty attributes", rule, Auth, access(hello, bytes.Repeat([]byte{200, 2}, 1000)), "", lr.CodeAccessChallenge},
		{"extended attribute without a type", extended, Auth, access(attr(241), hello), "", lr.CodeAccessChallenge},
		{"long extended attribute without flags", extended, Auth, access(attr(245, 1), hello), "", lr.CodeAccessChallenge},
		{"long extended attribute that goes on", extended, Auth, access(attr(246, 1, 0x80, 7), hello), "", lr.CodeAccessChallenge},
		{"Calling-Station-Id that is none", "RFC 3580 section 3.21", Auth, access(words(31, "\xff\x00:::"), hello), "", lr.CodeAccessChallenge},
		{"Called-Station-Id of 253 octets", "RFC 3580 section 3.20", Auth, access(attr(30, long...), hello), "", lr.CodeAccessChallenge},
		{"User-Name that is no UTF-8", "RFC 2865 section 5.1", Auth, access(attr(1, 0xff, 0xfe, 0), hello), "", lr.CodeAccessChallenge},
		{"NAS-IP-Address of 5 octets", "RFC 2865 section 5.4", Auth, access(attr(4, 1, 2, 3, 4, 5), hello), "", lr.CodeAccessChallenge},
		{"NAS-IPv6-Address of 4 octets", "RFC 3162 section 2.1", Auth, access(attr(95, 1, 2, 3, 4), hello), "", lr.CodeAccessChallenge},
		{"NAS-Port of 2 octets", "RFC 2865 section 5.5", Auth, access(attr(5, 1, 2), hello), "", lr.CodeAccessChallenge},
		{"two NAS-Ports", "RFC 2865 section 5.44", Auth, access(attr(5, 0, 0, 0, 1), attr(5, 0, 0, 0, 2), hello), "", lr.CodeAccessChallenge},
		{"Framed-MTU 0", "RFC 3579 section 2.4", Auth, access(attr(12, 0, 0, 0, 0), hello), "", lr.CodeAccessChallenge},
		{"Framed-MTU 1", "RFC 3579 section 2.4", Auth, access(attr(12, 0, 0, 0, 1), hello), "", lr.CodeAccessChallenge},
		{"Framed-MTU 4294967295", "RFC 3579 section 2.4", Auth, access(attr(12, 255, 255, 255, 255), hello), "", lr.CodeAccessChallenge},
		{"Framed-MTU of 1 octet", "RFC 3579 section 2.4", Auth, access(attr(12, 5), hello), "", lr.CodeAccessChallenge},
		{"two hundred Proxy-States", "RFC 2865 section 5.33", Auth, access(hello, bytes.Repeat(attr(33, 1, 2, 3), 200)), "", lr.CodeAccessChallenge},
		{"empty Proxy-State", "RFC 2865 section 5.33", Auth, access(hello, attr(33)), "", lr.CodeAccessChallenge},
		{"Proxy-States that fill the packet", rule, Auth, access(hello, bytes.Repeat(attr(33, long...), 15)), "", lr.CodeAccessChallenge},
	}
}

func vendorSpecific() []oddity {
	const rule = "RFC 2865 section 5.26"
	vsa := func(value ...byte) oddity {
		return oddity{"", rule, Auth, access(attr(26, value...), hello), "", lr.CodeAccessChallenge}
	}
	named := func(name string, o oddity) oddity { o.name = name; return o }
	return []oddity{
		named("empty VSA", vsa()),
		named("VSA of 3 octets", vsa(0, 0, 9)),
		named("VSA without a value", vsa(0, 0, 9, 9)),
		named("VSA with one octet", vsa(0, 0, 9, 9, 1)),
		named("VSA of length 0 inside", vsa(0, 0, 0, 9, 1, 0, 1, 2)),
		named("VSA of length 1 inside", vsa(0, 0, 0, 9, 1, 1, 1, 2)),
		named("VSA over the end inside", vsa(0, 0, 10, 0x4c, 52, 200, 'f')),
		named("two values in one VSA, the second cut", vsa(0, 0, 0, 9, 1, 3, 'x', 1, 9, 'y')),
		named("vendor of 4 octets", vsa(255, 255, 255, 255, 1, 3, 1)),
		named("unknown vendor", vsa(0, 0, 99, 99, 1, 3, 1)),
		named("vendor with types of 4 octets", vsa(0, 0, 1, 0xad, 0, 0, 0, 1, 7)),
	}
}

func authenticators() []oddity {
	const rule = "RFC 3579 section 3.2"
	const accounting = "RFC 2866 section 3"
	statusServer := raw{code: 12, attrs: signature}
	return []oddity{
		{"EAP without Message-Authenticator", rule, Auth, unsigned(hello), DropNoMessageAuthenticator, 0},
		{"password without Message-Authenticator", "CVE-2024-3596", Auth, unsigned(name, attr(2, make([]byte, 16)...)), DropNoMessageAuthenticator, 0},
		{"wrong Message-Authenticator", rule, Auth, access(hello).with(func(r *raw) { r.sum = long[:16] }), DropBadAuthenticator, 0},
		{"Message-Authenticator of zeros", rule, Auth, access(hello).with(func(r *raw) { r.sum = make([]byte, 16) }), DropBadAuthenticator, 0},
		{"Message-Authenticator with another secret", rule, Auth, access(hello).with(func(r *raw) { r.secret = []byte("x") }), DropBadAuthenticator, 0},
		{"Message-Authenticator of 15 octets", rule, Auth, unsigned(attr(80, make([]byte, 15)...), hello), DropMalformed, 0},
		{"Message-Authenticator of 17 octets", rule, Auth, unsigned(attr(80, make([]byte, 17)...), hello), DropMalformed, 0},
		{"empty Message-Authenticator", rule, Auth, unsigned(attr(80), hello), DropMalformed, 0},
		{"two Message-Authenticators", rule, Auth, access(hello, attr(80, make([]byte, 16)...)), DropMalformed, 0},
		{"a right and a wrong Message-Authenticator", rule, Auth, access(hello, attr(80, long[:16]...)), DropMalformed, 0},
		{"Message-Authenticator last", rule, Auth, raw{code: 1, attrs: cat(name, hello, signature)}, "", lr.CodeAccessChallenge},
		{"Message-Authenticator in the middle", rule, Auth, raw{code: 1, attrs: cat(name, signature, hello)}, "", lr.CodeAccessChallenge},
		{"Request Authenticator changed", rule, Auth, access(hello).with(func(r *raw) { r.auth = long[:16] }), DropBadAuthenticator, 0},
		{"Status-Server", "RFC 5997 section 4.1", Auth, statusServer, "", lr.CodeAccessAccept},
		{"Status-Server for accounting", "RFC 5997 section 4.1", Acct, statusServer, "", lr.CodeAccountingResponse},
		{"Status-Server without Message-Authenticator", "RFC 5997 section 3", Auth, raw{code: 12}, DropNoMessageAuthenticator, 0},
		{"Status-Server with a wrong Message-Authenticator", "RFC 5997 section 3", Auth, statusServer.with(func(r *raw) { r.sum = long[:16] }), DropBadAuthenticator, 0},
		{"Status-Server with a password", "RFC 5997 section 3", Auth, raw{code: 12, attrs: cat(signature, name, attr(2, make([]byte, 16)...))}, "", lr.CodeAccessAccept},
		{"accounting, wrong authenticator", accounting, Acct, account(started, sessionID).with(func(r *raw) { r.auth = long[:16] }), DropBadAuthenticator, 0},
		{"accounting, authenticator of zeros", accounting, Acct, account(started, sessionID).with(func(r *raw) { r.auth = make([]byte, 16) }), DropBadAuthenticator, 0},
		{"accounting with another secret", accounting, Acct, account(started, sessionID).with(func(r *raw) { r.secret = []byte("x") }), DropBadAuthenticator, 0},
		{"accounting with Message-Authenticator", "RFC 2869 section 5.14", Acct, account(signature, started, sessionID), "", lr.CodeAccountingResponse},
		{"accounting with a wrong Message-Authenticator", "RFC 2869 section 5.14", Acct, account(signature, started, sessionID).with(func(r *raw) { r.sum = long[:16] }), DropBadAuthenticator, 0},
	}
}

func codes() []oddity {
	const rule = "RFC 2865 section 3"
	code := func(c byte, service Service) oddity {
		return oddity{lr.Code(c).String(), rule, service, raw{code: c, attrs: cat(signature, hello)}, DropUnknownCode, 0}
	}
	return []oddity{
		code(0, Auth), code(2, Auth), code(3, Auth), code(4, Auth), code(5, Auth), code(11, Auth), code(13, Auth), code(40, Auth), code(43, Auth),
		code(44, Auth), code(255, Auth), code(1, Acct), code(2, Acct), code(5, Acct), code(40, Acct),
	}
}

func credentialKinds() []oddity {
	const kinds = "RFC 3579 section 3.3, note 1"
	const repeated = "RFC 2865 section 5.44"
	password, chap, arap := attr(2, make([]byte, 16)...), attr(3, make([]byte, 17)...), attr(70, make([]byte, 16)...)
	return []oddity{
		{"User-Password and EAP-Message", kinds, Auth, access(name, password, hello), DropManyCredentials, 0},
		{"CHAP-Password and EAP-Message", kinds, Auth, access(name, chap, hello), DropManyCredentials, 0},
		{"ARAP-Password and EAP-Message", kinds, Auth, access(name, arap, hello), DropManyCredentials, 0},
		{"User-Password and CHAP-Password", kinds, Auth, access(name, password, chap), DropManyCredentials, 0},
		{"two User-Names", repeated, Auth, access(name, words(1, "root"), hello), DropRepeatedAttribute, 0},
		{"two User-Passwords", repeated, Auth, access(name, password, password), DropRepeatedAttribute, 0},
		{"two CHAP-Passwords", repeated, Auth, access(name, chap, chap), DropRepeatedAttribute, 0},
		{"two CHAP-Challenges", repeated, Auth, access(name, chap, attr(60, 1), attr(60, 2)), DropRepeatedAttribute, 0},
		{"two Calling-Station-Ids", repeated, Auth, access(name, calling, words(31, "00-1C-B3-09-85-16"), hello), DropRepeatedAttribute, 0},
		{"two States", repeated, Auth, access(name, attr(24, long[:16]...), attr(24, long[:16]...), tlsNothing), DropRepeatedAttribute, 0},
		{"no credentials", kinds, Auth, access(name), "", lr.CodeAccessReject},
		{"no credentials and no Message-Authenticator", kinds, Auth, unsigned(name), DropNoMessageAuthenticator, 0},
		{"ARAP-Password", "RFC 2869 section 5.4", Auth, access(name, arap), "", lr.CodeAccessReject},
		{"User-Password of 15 octets", "RFC 2865 section 5.2", Auth, access(name, attr(2, make([]byte, 15)...)), "", lr.CodeAccessReject},
		{"User-Password of 144 octets", "RFC 2865 section 5.2", Auth, access(name, attr(2, make([]byte, 144)...)), "", lr.CodeAccessReject},
		{"empty User-Password", "RFC 2865 section 5.2", Auth, access(name, attr(2)), "", lr.CodeAccessReject},
		{"empty User-Password of a device", "RFC 2865 section 5.2", Auth, access(words(1, "001cb3098515"), calling, attr(2)), "", lr.CodeAccessReject},
		{"CHAP-Password of 16 octets", "RFC 2865 section 5.3", Auth, access(name, attr(3, make([]byte, 16)...)), "", lr.CodeAccessReject},
		{"CHAP-Password of a device, wrong", "RFC 2865 section 5.3", Auth, access(words(1, "001cb3098515"), calling, chap), "", lr.CodeAccessReject},
		{"empty CHAP-Challenge", "RFC 2865 section 5.40", Auth, access(words(1, "001cb3098515"), calling, chap, attr(60)), "", lr.CodeAccessReject},
		{"Authorize-Only", "RFC 5176 section 3.2", Auth, access(name, attr(6, 0, 0, 0, 17)), "", lr.CodeAccessReject},
	}
}

func eapMessages() []oddity {
	const message = "RFC 3579 section 3.1"
	const packet = "RFC 3748 section 4.1"
	const method = "RFC 3748 section 5"
	whole := identity("host/laptop")
	big := eap.Packet{Code: eap.Response, ID: 1, Type: eap.TypeIdentity, Data: bytes.Repeat([]byte{'a'}, 1000)}.Append(nil)
	split := func(b []byte) (out []byte) {
		for ; len(b) > 253; b = b[253:] {
			out = append(out, attr(79, b[:253]...)...)
		}
		return append(out, attr(79, b...)...)
	}
	one := func(b ...byte) raw { return access(name, attr(79, b...)) }
	return []oddity{
		{"EAP-Message in two places", message, Auth, access(attr(79, whole[:5]...), name, attr(79, whole[5:]...)), DropMalformedEAP, 0},
		{"EAP-Message in four parts", message, Auth, access(attr(79, whole[0]), attr(79, whole[1]), attr(79, whole[2:4]...), attr(79, whole[4:]...), name), "", lr.CodeAccessChallenge},
		{"empty EAP-Message among others", message, Auth, access(attr(79, whole[:5]...), eapStart, attr(79, whole[5:]...)), "", lr.CodeAccessChallenge},
		{"EAP of 1 octet", packet, Auth, one(2), DropMalformedEAP, 0},
		{"EAP of 3 octets", packet, Auth, one(2, 1, 0), DropMalformedEAP, 0},
		{"EAP of length 0", packet, Auth, one(2, 1, 0, 0, 1), DropMalformedEAP, 0},
		{"EAP-Response without a type", packet, Auth, one(2, 1, 0, 4), DropMalformedEAP, 0},
		{"EAP shorter than it says", packet, Auth, one(2, 1, 0, 50, 1, 'x'), DropMalformedEAP, 0},
		{"EAP much shorter than it says", packet, Auth, one(2, 1, 255, 255, 1, 'x'), DropMalformedEAP, 0},
		{"EAP longer than it says", packet, Auth, access(name, attr(79, append(bytes.Clone(whole), 0, 0)...)), "", lr.CodeAccessChallenge},
		{"EAP code 0", packet, Auth, one(0, 1, 0, 5, 1), DropMalformedEAP, 0},
		{"EAP code 7", packet, Auth, one(7, 1, 0, 5, 1), DropMalformedEAP, 0},
		{"EAP-Request from the NAS", "RFC 3579 section 2.1", Auth, one(1, 1, 0, 5, 1), DropUnexpectedEAP, 0},
		{"EAP-Success from the NAS", "RFC 3579 section 2.1", Auth, one(3, 1, 0, 4), DropUnexpectedEAP, 0},
		{"EAP-Failure from the NAS", "RFC 3579 section 2.1", Auth, one(4, 1, 0, 4), DropUnexpectedEAP, 0},
		{"EAP-Success with data", packet, Auth, one(3, 1, 0, 6, 1, 2), DropMalformedEAP, 0},
		{"EAP-Start", "RFC 3579 section 2.1", Auth, access(eapStart), "", lr.CodeAccessChallenge},
		{"EAP-Start twice", "RFC 3579 section 2.1", Auth, access(eapStart, eapStart), "", lr.CodeAccessChallenge},
		{"EAP-Start with a stale State", "RFC 3579 section 2.1", Auth, access(eapStart, attr(24, long[:16]...)), "", lr.CodeAccessChallenge},
		{"empty identity", method, Auth, one(2, 1, 0, 5, 1), "", lr.CodeAccessChallenge},
		{"identity with a NUL", method, Auth, one(2, 1, 0, 8, 1, 'a', 0, 'b'), "", lr.CodeAccessChallenge},
		{"identity of 1000 octets", method, Auth, access(split(big)), "", lr.CodeAccessReject},
		{"EAP-TLS without a conversation", method, Auth, access(tlsNothing), "", lr.CodeAccessReject},
		{"NAK without a conversation", method, Auth, one(2, 1, 0, 6, 3, 13), "", lr.CodeAccessReject},
		{"Expanded type without a conversation", method, Auth, one(2, 1, 0, 12, 254, 0, 0, 0, 0, 0, 0, 1), "", lr.CodeAccessReject},
		{"unknown type without a conversation", method, Auth, one(2, 1, 0, 6, 99, 1), "", lr.CodeAccessReject},
		{"unknown State", "RFC 2865 section 5.24", Auth, access(attr(24, long[:16]...), tlsNothing), "", lr.CodeAccessReject},
		{"State of 15 octets", "RFC 2865 section 5.24", Auth, access(attr(24, long[:15]...), tlsNothing), "", lr.CodeAccessReject},
		{"State of 253 octets", "RFC 2865 section 5.24", Auth, access(attr(24, long...), tlsNothing), "", lr.CodeAccessReject},
		{"empty State", "RFC 2865 section 5.24", Auth, access(attr(24), hello), "", lr.CodeAccessChallenge},
		{"stale State with an identity", "RFC 2865 section 5.24", Auth, access(attr(24, long[:16]...), hello), "", lr.CodeAccessChallenge},
	}
}

func accountingRecords() []oddity {
	const status = "RFC 2866 section 5.1"
	ok := func(name, rule string, attrs ...[]byte) oddity {
		return oddity{name, rule, Acct, account(attrs...), "", lr.CodeAccountingResponse}
	}
	return []oddity{
		{"no Acct-Status-Type", status, Acct, account(sessionID), DropMalformed, 0},
		{"Acct-Status-Type of 3 octets", status, Acct, account(attr(40, 0, 0, 1), sessionID), DropMalformed, 0},
		{"Acct-Status-Type 0", status, Acct, account(attr(40, 0, 0, 0, 0), sessionID), DropMalformed, 0},
		{"two Acct-Status-Types", "RFC 2866 section 5.13", Acct, account(started, attr(40, 0, 0, 0, 2), sessionID), DropRepeatedAttribute, 0},
		{"two Acct-Session-Ids", "RFC 2866 section 5.13", Acct, account(started, sessionID, words(44, "0002")), DropRepeatedAttribute, 0},
		{"attribute over the end", "RFC 2865 section 5", Acct, account(started, sessionID, []byte{1, 99}), DropMalformed, 0},
		ok("unknown Acct-Status-Type", status, attr(40, 0, 0, 1, 0), sessionID),
		ok("Acct-Status-Type Failed", status, attr(40, 0, 0, 0, 15), sessionID),
		ok("no Acct-Session-Id", "RFC 2866 section 5.5", started, calling),
		ok("no Calling-Station-Id", status, started, sessionID),
		ok("Stop of a session that never was", status, attr(40, 0, 0, 0, 2), words(44, "never"), calling),
		ok("Interim-Update of a session that never was", status, attr(40, 0, 0, 0, 3), words(44, "never"), calling),
		ok("Acct-Delay-Time of 136 years", "RFC 2866 section 5.2", started, sessionID, attr(41, 255, 255, 255, 255)),
		ok("Acct-Input-Octets of 8 octets", "RFC 2866 section 5.3", started, sessionID, attr(42, 1, 2, 3, 4, 5, 6, 7, 8)),
		ok("Gigawords without octets", "RFC 2869 section 5.1", started, sessionID, attr(52, 255, 255, 255, 255)),
		ok("Event-Timestamp of 2 octets", "RFC 2869 section 5.3", started, sessionID, attr(55, 1, 2)),
		ok("Event-Timestamp of 2106", "RFC 2869 section 5.3", started, sessionID, attr(55, 255, 255, 255, 255)),
		ok("twenty Classes", "RFC 2865 section 5.25", started, sessionID, bytes.Repeat(attr(25, 1, 2), 20)),
		ok("password in accounting", "RFC 2866 section 4.1", started, sessionID, attr(2, make([]byte, 16)...)),
		ok("EAP in accounting", "RFC 3579 section 3.3", started, sessionID, hello),
	}
}

func oddities() [][]oddity {
	return [][]oddity{lengths(), attributes(), vendorSpecific(), authenticators(), codes(), credentialKinds(), eapMessages(), accountingRecords()}
}

// TestHostilePackets sends each datagram, expects what the RFCs ask for, and then has a client authenticate as if
// nothing had been.
func TestHostilePackets(t *testing.T) {
	before := runtime.NumGoroutine()
	b := newBench(t, func(c *Config) { c.MAB = MAB{PAP: true, CHAP: true} })
	cert := b.ca.Issue("laptop")
	client := eaptest.ClientTLS(b.ca, tls.VersionTLS13, cert)
	id, count := byte(0), 0
	for _, table := range oddities() {
		for _, o := range table {
			count++
			t.Run(o.name, func(t *testing.T) {
				b.t = t
				id++
				b.meet(o, id)
				good := b.nas(tls.VersionTLS13, uint32(count))
				good.peer.TLS = client
				good.authenticate()
				if good.peer.Code != eap.Success {
					t.Errorf("after that a client gets %v", good.peer.Code)
				}
			})
		}
	}
	b.t = t
	if count < 90 {
		t.Errorf("only %d datagrams", count)
	}
	if len(b.handler.accesses) != count {
		t.Errorf("%d clients were let in, want %d", len(b.handler.accesses), count)
	}
	b.engine.Close()
	if after := runtime.NumGoroutine(); after > before+2 {
		t.Errorf("%d goroutines, %d before", after, before)
	}
}

// meet has the engine take an oddity and compares what becomes of it.
func (b *bench) meet(o oddity, id byte) {
	b.t.Helper()
	wire := o.raw.wire(id)
	if o.raw.cut < 0 {
		wire = nil
	}
	conversations, dropped := b.engine.Conversations(), b.engine.Drops(o.drop)
	reply, drop := b.handle(o.service, apAddr, wire)
	switch {
	case drop != o.drop:
		b.t.Errorf("got drop %q, want %q (%s)", drop, o.drop, o.rule)
	case drop == "" && lr.Code(reply[0]) != o.code:
		b.t.Errorf("got %v, want %v (%s)", lr.Code(reply[0]), o.code, o.rule)
	case drop != "" && b.engine.Drops(drop) != dropped+1:
		b.t.Error("the drop is not counted")
	case drop != "" && b.engine.Conversations() != conversations:
		b.t.Error("what was dropped has begun a conversation")
	}
	if drop != "" {
		return
	}
	request, err := radius.Parse(wire, secret)
	if err != nil {
		b.t.Fatal(err)
	}
	if _, err := radius.ParseReply(reply, request, true); err != nil {
		b.t.Errorf("reply: %v", err)
	}
}

// TestStrangers: only clients are answered, and each by its own secret.
func TestStrangers(t *testing.T) {
	b := newBench(t, func(c *Config) {
		c.Clients = append(c.Clients, Client{Prefix: netip.MustParsePrefix("10.0.1.9/32"), Secret: []byte("another secret")},
			Client{Prefix: netip.MustParsePrefix("2001:db8::/32"), Secret: []byte("six")})
	})
	six := netip.MustParseAddrPort("[2001:db8::7]:5000")
	for _, c := range []struct {
		from   netip.AddrPort
		secret string
		drop   DropReason
	}{
		{netip.MustParseAddrPort("192.0.2.1:1"), string(secret), DropUnknownClient},
		{netip.MustParseAddrPort("10.0.1.9:1"), string(secret), DropBadAuthenticator},
		{netip.MustParseAddrPort("10.0.1.9:1"), "another secret", ""},
		{netip.MustParseAddrPort("[::ffff:10.0.1.9]:1"), "another secret", ""},
		{apAddr, "another secret", DropBadAuthenticator},
		{six, "six", ""},
		{six, string(secret), DropBadAuthenticator},
		{netip.MustParseAddrPort("[2001:db9::7]:5000"), "six", DropUnknownClient},
	} {
		wire := access(hello).with(func(r *raw) { r.secret = []byte(c.secret) }).wire(9)
		if _, drop := b.handle(Auth, c.from, wire); drop != c.drop {
			t.Errorf("%v with %q: got %q, want %q", c.from, c.secret, drop, c.drop)
		}
	}
}
