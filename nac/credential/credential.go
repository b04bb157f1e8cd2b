// Package credential is what the NAC knows of users and their passwords, and how it asks.
//
// A tunnelled EAP method ends in a question: does this client know the password of that user? The question goes to a
// [Directory], which may answer at once, as a file of users does, or later, as one reached over HTTPS does. Nobody
// waits for it holding a task: the EAP conversation goes on when the answer comes.
package credential

// A Question asks whether a client has proven to know the password of a user.
type Question struct {
	// User is who the client claims to be inside the tunnel, as it wrote it, for example "anna@corp.example".
	User string
	// Outer is the EAP identity outside of the tunnel, which may be anonymous.
	Outer string
	// Proof is what the client showed.
	Proof Proof
}

// A Proof is what a client shows in place of, or as, its password: one of [PAP], [CHAP], [MSCHAP] and [MSCHAPv2].
type Proof interface {
	// Name is that of the mechanism, for example "mschapv2".
	Name() string
}

// PAP is the password itself, from PAP, EAP-GTC or User-Password.
type PAP struct{ Password []byte }

// CHAP is a response of CHAP (RFC 1994) or EAP-MD5: MD5 over the identifier, the password and the challenge.
type CHAP struct {
	ID        byte
	Challenge []byte
	Response  [16]byte
}

// MSCHAP is a response of MS-CHAP (RFC 2433). Only the NT response counts: LM responses are not accepted.
type MSCHAP struct {
	Challenge [8]byte
	Response  [24]byte
}

// MSCHAPv2 is a response of MS-CHAP-V2 (RFC 2759).
type MSCHAPv2 struct {
	// UserName is the one the response was computed with, without the domain.
	UserName                              string
	AuthenticatorChallenge, PeerChallenge [16]byte
	Response                              [24]byte
}

// Name is "pap".
func (PAP) Name() string { return "pap" }

// Name is "chap".
func (CHAP) Name() string { return "chap" }

// Name is "mschap".
func (MSCHAP) Name() string { return "mschap" }

// Name is "mschapv2".
func (MSCHAPv2) Name() string { return "mschapv2" }

// A Reason says why a client was not believed.
type Reason string

const (
	UnknownUser   Reason = "unknown_user"
	WrongPassword Reason = "wrong_password"
	Disabled      Reason = "disabled"    // the account is, or the password has expired
	Unsupported   Reason = "unsupported" // the directory cannot check this kind of proof
	Unavailable   Reason = "unavailable" // the directory did not answer
)

// An Answer is what a directory says.
type Answer struct {
	// OK says that the client knows the password.
	OK bool
	// Reason and Text say why it is not OK, the text for people.
	Reason Reason
	Text   string
	// NTHash is the MD4 hash of the password, with OK for an MSCHAPv2 proof: the server proves itself with it and
	// derives keys (RFC 2759 section 8.7, RFC 3079).
	NTHash [16]byte
	// Groups are those the user is in.
	Groups []string
}

// A Register is a directory that can say at once, without a password, whether a user still has an account. It is asked
// about users who resume a TLS session, in which they were authenticated earlier.
type Register interface {
	// Standing is an Answer with OK and the groups of today, or with the reason for which the user is not let in.
	Standing(user string) Answer
}

// A Directory answers questions. It calls answer exactly once, before Ask returns or later, from any task, with no
// lock held that a later Ask needs. Ask itself must not block.
type Directory interface {
	Ask(q Question, answer func(Answer))
}
