// Package mschap is what both ends of MS-CHAP need: the responses of MS-CHAP (RFC 2433) and MS-CHAP-V2 (RFC 2759), the
// keys that come of the latter (RFC 3079), the message that refuses a client, and the packets of EAP-MSCHAPv2.
//
// A server holds the MD4 hash of the password, [NTHash], and needs nothing else. LM responses, which RFC 2433 also
// has, are not computed here.
package mschap

import (
	"crypto/sha1"
	"encoding/hex"
	"strings"

	"layeh.com/radius/rfc2759"
	"layeh.com/radius/rfc3079"
)

// KeyLen is the length of the MSK that EAP-MSCHAPv2 gives, in octets.
const KeyLen = 64

// NTHash is the hash of a password, MD4 over its UTF-16 form (RFC 2759 section 8.3). What is not UTF-8 in the password
// counts as U+FFFD.
func NTHash(password []byte) [16]byte {
	text, _ := rfc2759.ToUTF16(password) // the encoder replaces what it cannot encode
	return [16]byte(rfc2759.NTPasswordHash(text))
}

// UserName is the part of a name that MS-CHAP-V2 responses are computed with: what follows the domain in
// "DOMAIN\user" (RFC 2759 section 4).
func UserName(name string) string {
	if _, user, ok := strings.Cut(name, `\`); ok {
		return user
	}
	return name
}

// Response is the NT response of MS-CHAP (RFC 2433 section A.5).
func Response(challenge [8]byte, hash [16]byte) [24]byte {
	return [24]byte(rfc2759.ChallengeResponse(challenge[:], hash[:]))
}

// ResponseV2 is the NT response of MS-CHAP-V2 (RFC 2759 section 8.1). User has no domain, see [UserName].
func ResponseV2(authenticator, peer [16]byte, user string, hash [16]byte) [24]byte {
	challenge := rfc2759.ChallengeHash(peer[:], authenticator[:], []byte(user))
	return Response([8]byte(challenge), hash)
}

// The constants of RFC 2759 section 8.7.
const (
	signing   = "Magic server to client signing constant"
	iteration = "Pad to make it do more than one iteration"
)

// AuthenticatorResponse is what a server that knows the password answers to a response of MS-CHAP-V2: "S=" and 40
// hexadecimal digits (RFC 2759 section 8.7).
func AuthenticatorResponse(authenticator, peer [16]byte, user string, hash [16]byte, response [24]byte) string {
	inner := sha1.New()
	inner.Write(rfc2759.NTPasswordHash(hash[:]))
	inner.Write(response[:])
	inner.Write([]byte(signing))
	outer := sha1.New()
	outer.Write(inner.Sum(nil))
	outer.Write(rfc2759.ChallengeHash(peer[:], authenticator[:], []byte(user)))
	outer.Write([]byte(iteration))
	return "S=" + strings.ToUpper(hex.EncodeToString(outer.Sum(nil)))
}

// MSK is the Master Session Key of EAP-MSCHAPv2: the session keys of RFC 3079 section 3.3, the one in which the server
// receives first, and 32 octets of zero. It is the same at both ends.
func MSK(hash [16]byte, response [24]byte) [KeyLen]byte {
	master := rfc3079.GetMasterKey(rfc2759.NTPasswordHash(hash[:]), response[:])
	var msk [KeyLen]byte
	for i, send := range []bool{false, true} {
		key, err := rfc3079.GetAsymmetricStartKey(master, rfc3079.KeyLength128Bit, send)
		if err != nil {
			panic(err) // the master key has the one length it complains of
		}
		copy(msk[i*16:], key)
	}
	return msk
}
