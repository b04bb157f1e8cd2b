package eapserver

import (
	"crypto/tls"

	"nacsim/internal/eap"
	"nacsim/nac/credential"
)

// A tunnel is what EAP-TTLS and PEAP have in common on top of the TLS core: the user who authenticates inside, and the
// question to the directory.
type tunnel struct {
	tlsCore
	allowed []Inner
	outer   string // identity outside
	login   *login
	user    string // once the password is proven
	inner   Inner
	groups  []string
	msk     []byte
	drawn   uint8 // challenges given out
}

func newTunnel(config *Config, method eap.Type, outer string, allowed, fallback []Inner, u upper) tunnel {
	auth := tls.NoClientCert
	if config.TunnelClientCertificate {
		auth = tls.VerifyClientCertIfGiven
	}
	if allowed == nil {
		allowed = fallback
	}
	return tunnel{tlsCore: newTLSCore(config, method, auth, u), allowed: allowed, outer: outer}
}

// draw returns a challenge for a method in the tunnel. It comes from the TLS connection, to whose randomness both ends have
// given.
func (t *tunnel) draw() (c [16]byte) {
	t.drawn++
	state := t.engine.State()
	b, err := state.ExportKeyingMaterial("EXPORTER_nacsim_inner_challenge", []byte{t.drawn}, len(c))
	if err == nil {
		copy(c[:], b)
	}
	return c
}

// ask has the directory asked.
func (t *tunnel) ask(i Inner, q credential.Question) outcome {
	var o outcome
	t.inner = i
	t.login, o = t.config.ask(q)
	return o
}

// answer is the directory's answer, and the failure that it means if it is no.
func (t *tunnel) answer() (credential.Answer, *Failure) {
	a := t.login.get()
	if !a.OK {
		return a, t.about(t.login.refusal(a))
	}
	t.user, t.groups = t.login.question.User, a.Groups
	return a, nil
}

// about adds to a failure what is known of the client.
func (t *tunnel) about(f *Failure) *Failure {
	f.Chain = t.engine.State().PeerCertificates
	if f.User == "" {
		f.User = t.claimed()
	}
	return f
}

// claimed is who the client says or has proven to be, as far as it came to that.
func (t *tunnel) claimed() string {
	if t.login != nil {
		return t.login.question.User
	}
	return t.user
}

// resuming reports whether the client has resumed a session, in which it was authenticated before.
func (t *tunnel) resuming() bool { return t.engine.State().DidResume }

// again ends a resumed session with success, unless the user has lost the account since.
func (t *tunnel) again() (o outcome, lost *Failure) {
	t.user, t.inner, t.groups = t.used.user, Inner(t.used.inner), t.used.groups
	if register, ok := t.config.Directory.(credential.Register); ok {
		a := register.Standing(t.user)
		if !a.OK {
			return o, t.about(refusedUser(a, t.user, " resumes a session"))
		}
		t.groups = a.Groups
	}
	return t.authenticated(), nil
}

func (t *tunnel) failed(f *Failure) outcome { return outcome{kind: Failed, failure: t.about(f)} }

// authenticated ends the authentication inside with success.
func (t *tunnel) authenticated() outcome {
	msk, _, err := t.engine.Keys(t.method)
	if err != nil {
		return t.failed(&Failure{Reason: TLSFailure, Text: err.Error()})
	}
	t.msk = msk
	return outcome{kind: Authenticated}
}

func (t *tunnel) peer() *Peer {
	p := t.client()
	p.User, p.Inner, p.Groups, p.MSK = t.user, string(t.inner), t.groups, t.msk
	return p
}
