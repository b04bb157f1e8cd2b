package credential

import (
	"crypto/md5"
	"crypto/subtle"

	"nacsim/internal/mschap"
)

// A Secret is what a directory knows of a user's password: the password itself, or only its MD4 hash.
type Secret struct {
	password []byte // nil with a hash alone
	hash     [16]byte
}

// Password is the secret of a directory that knows the password, which must be UTF-8 for MS-CHAP.
func Password(password string) Secret {
	return Secret{password: append([]byte{}, password...), hash: mschap.NTHash([]byte(password))}
}

// NTHash is the secret of a directory that knows the MD4 hash of the password, as Windows domains do. It is
// enough for PAP, MS-CHAP and MS-CHAP-V2, but not for CHAP.
func NTHash(hash [16]byte) Secret { return Secret{hash: hash} }

// Check compares a proof with a secret, in a time that does not depend on where they differ.
func Check(p Proof, s Secret) Answer {
	var ok bool
	switch p := p.(type) {
	case PAP:
		ok = s.checkPAP(p)
	case CHAP:
		if s.password == nil {
			return Answer{Reason: Unsupported, Text: "a hash of the password is not enough for " + p.Name()}
		}
		ok = s.checkCHAP(p)
	case MSCHAP:
		want := mschap.Response(p.Challenge, s.hash)
		ok = subtle.ConstantTimeCompare(p.Response[:], want[:]) == 1
	case MSCHAPv2:
		want := mschap.ResponseV2(p.AuthenticatorChallenge, p.PeerChallenge, p.UserName, s.hash)
		ok = subtle.ConstantTimeCompare(p.Response[:], want[:]) == 1
	default:
		return Answer{Reason: Unsupported, Text: "no way to check the proof"}
	}
	if !ok {
		return Answer{Reason: WrongPassword, Text: "wrong password"}
	}
	a := Answer{OK: true}
	if _, v2 := p.(MSCHAPv2); v2 {
		a.NTHash = s.hash
	}
	return a
}

// checkPAP compares hashes, which have one length. Where the password itself is known it decides, since different
// passwords that are not UTF-8 may have the same hash.
func (s Secret) checkPAP(p PAP) bool {
	hash := mschap.NTHash(p.Password)
	same := subtle.ConstantTimeCompare(hash[:], s.hash[:])
	if s.password != nil {
		same &= subtle.ConstantTimeCompare(p.Password, s.password)
	}
	return same == 1
}

// checkCHAP is RFC 1994 section 4.1.
func (s Secret) checkCHAP(p CHAP) bool {
	message := append([]byte{p.ID}, s.password...)
	want := md5.Sum(append(message, p.Challenge...))
	return subtle.ConstantTimeCompare(p.Response[:], want[:]) == 1
}
