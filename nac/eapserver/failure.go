package eapserver

import (
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"errors"
	"fmt"
	"io"
	"strconv"
	"strings"
	"time"

	"nacsim/internal/eap"
	"nacsim/internal/eap/teap"
	"nacsim/nac/revocation"
)

// A Reason classifies why an authentication failed.
type Reason string

// The reasons. Those up to Certificate are the server's verdict on the client's certificate.
const (
	Expired       Reason = "expired"        // a certificate of the client's chain is past its NotAfter
	NotYetValid   Reason = "not_yet_valid"  // or before its NotBefore
	UnknownCA     Reason = "unknown_ca"     // it leads to no CA that is trusted
	NoCertificate Reason = "no_certificate" // the client has none
	BadEKU        Reason = "bad_eku"        // it is for other uses: no client authentication, no signatures
	Revoked       Reason = "revoked"        // it has been revoked by its CA
	Certificate   Reason = "certificate"    // it is wrong in another way

	// RevocationUnknown is that nothing could be found out about revocation, where that means refusal.
	RevocationUnknown Reason = "revocation_unknown"

	ServerCertificate Reason = "server_certificate" // the client does not accept the server's certificate
	PeerAlert         Reason = "peer_alert"         // the client gave up with another TLS alert
	TLSFailure        Reason = "tls"                // no TLS handshake: version, cipher suite, broken messages
	NoMethod          Reason = "no_method"          // the client wants EAP methods the server does not have
	Denied            Reason = "denied"             // authenticated, but not authorized by the caller
	Protocol          Reason = "protocol"           // the client broke the rules of EAP or of the method
	TooManyRounds     Reason = "too_many_rounds"    // the conversation reached its limit
)

// AboutClientCertificate reports whether the reason is the server's verdict on the client's certificate.
func (r Reason) AboutClientCertificate() bool {
	switch r {
	case Expired, NotYetValid, UnknownCA, NoCertificate, BadEKU, Revoked, Certificate, RevocationUnknown:
		return true
	}
	return false
}

// A Failure says why an authentication failed.
type Failure struct {
	Reason Reason
	Text   string // for people, for example `certificate "laptop-1" has expired at 2026-01-05T07:00:00Z`

	// Alert is the TLS alert that told the other side, if HasAlert; FromPeer if the client sent it.
	Alert    eap.Alert
	HasAlert bool
	FromPeer bool

	// Chain is what the client sent, its own certificate first, as far as it came to that. It has not been
	// verified.
	Chain []*x509.Certificate

	// User is who the client claims to be inside the tunnel, if it came to that.
	User string

	// As is whose authentication failed inside of TEAP, if it came to that and somebody in particular was asked for.
	// Machine and MachineChain are those of the machine that had been proven before, if one had, as in [Peer].
	As           teap.Identity
	Machine      string
	MachineChain []*x509.Certificate
}

// Error returns the reason and the text.
func (f *Failure) Error() string { return "eap: " + string(f.Reason) + ": " + f.Text }

// classify turns the error that ended a TLS connection into a failure. Out is what the TLS engine wants to send
// because of it, and now the time on which certificates were checked.
func classify(err error, engine *eap.TLS, out []byte, now time.Time) *Failure {
	f := &Failure{Reason: TLSFailure, Text: strings.TrimPrefix(err.Error(), "tls: "), Chain: engine.State().PeerCertificates}
	if a, ok := eap.RemoteAlert(err); ok {
		f.Alert, f.HasAlert, f.FromPeer = a, true, true
		f.Reason, f.Text = PeerAlert, "client gave up: "+a.String()
		if a.AboutCertificate() || a == eap.AlertInternalError && awaitsClient(engine) {
			f.Reason, f.Text = ServerCertificate, "client refuses the server's certificate: "+a.String()
		}
		return f
	}
	if errors.Is(err, io.EOF) {
		f.Alert, f.HasAlert, f.FromPeer, f.Reason = eap.AlertCloseNotify, true, true, PeerAlert
		f.Text = "client closed the connection"
		return f
	}
	if f.Alert, f.HasAlert = eap.LocalAlert(err); !f.HasAlert {
		f.Alert, f.HasAlert = eap.PlainAlert(out)
	}
	if verdict, ok := errors.AsType[*tls.CertificateVerificationError](err); ok {
		f.Chain = verdict.UnverifiedCertificates
		f.Reason, f.Text = judge(verdict, now)
	} else if errors.Is(err, errNoCertificate) {
		f.Reason, f.Text = NoCertificate, errNoCertificate.Error()
	} else if wrong, ok := errors.AsType[certificateError](err); ok {
		f.Reason, f.Text = wrong.reason, wrong.text
	} else if revoked, ok := errors.AsType[*revocationError](err); ok {
		f.Reason, f.Text = RevocationUnknown, revoked.Error()
		if revoked.verdict.Status == revocation.Revoked {
			f.Reason = Revoked
		}
	} else if strings.Contains(f.Text, "client certificate") || strings.Contains(f.Text, "client sent certificate") {
		// crypto/tls has no type for a certificate that it cannot read or use, or whose key did not sign.
		f.Reason = Certificate
	}
	return f
}

// awaitsClient reports whether the client has seen the server's certificate and not answered yet. A wpa_supplicant
// that expects another name in it (domain_match, altsubject_match) says internal_error then, as OpenSSL does for a
// verification callback that gives no better reason.
func awaitsClient(engine *eap.TLS) bool {
	return !engine.Done() && !engine.State().DidResume && len(engine.State().PeerCertificates) == 0
}

// judge puts the verdict of crypto/x509 on a chain into a reason and a sentence.
func judge(verdict *tls.CertificateVerificationError, now time.Time) (Reason, string) {
	leaf := verdict.UnverifiedCertificates[0] // there is one, or there would be no verdict
	var unknown x509.UnknownAuthorityError
	var invalid x509.CertificateInvalidError
	switch {
	case errors.As(verdict.Err, &unknown):
		text := "certificate " + name(leaf.Subject) + " is issued by " + name(leaf.Issuer) + ", which leads to no trusted CA"
		if why := obstacle(unknown); why != "" {
			text += " (" + why + ")"
		}
		return UnknownCA, text
	case errors.As(verdict.Err, new(x509.UnhandledCriticalExtension)):
		return Certificate, unhandled(verdict.UnverifiedCertificates)
	case !errors.As(verdict.Err, &invalid) || invalid.Cert == nil:
		return Certificate, strings.TrimPrefix(verdict.Err.Error(), "x509: ")
	}
	subject := "certificate " + name(invalid.Cert.Subject)
	switch {
	case invalid.Reason == x509.IncompatibleUsage:
		return BadEKU, subject + " is not for client authentication"
	case invalid.Reason != x509.Expired:
		return Certificate, subject + ": " + strings.TrimPrefix(verdict.Err.Error(), "x509: ")
	case now.Before(invalid.Cert.NotBefore):
		return NotYetValid, subject + " is not valid before " + invalid.Cert.NotBefore.UTC().Format(time.RFC3339)
	}
	return Expired, subject + " has expired at " + invalid.Cert.NotAfter.UTC().Format(time.RFC3339)
}

// obstacle is why a CA of the right name does not count as the issuer of a certificate: an algorithm that is no longer
// taken, a signature that is wrong, a certificate that is not one of a CA. It is empty if no CA has that name.
// crypto/x509 has it in the text of its error only.
func obstacle(err x509.UnknownAuthorityError) string {
	_, rest, found := strings.Cut(err.Error(), "possibly because of ")
	if !found {
		return ""
	}
	quoted, parse := strconv.QuotedPrefix(rest)
	why, unquote := strconv.Unquote(quoted)
	if parse != nil || unquote != nil {
		return ""
	}
	return strings.TrimPrefix(why, "x509: ")
}

// unhandled names the certificate with a critical extension that is not known (RFC 5280 section 4.2).
func unhandled(chain []*x509.Certificate) string {
	for _, c := range chain {
		if len(c.UnhandledCriticalExtensions) > 0 {
			return "certificate " + name(c.Subject) + " has the critical extension " + c.UnhandledCriticalExtensions[0].String() + ", which is not known"
		}
	}
	return "a CA has a critical extension that is not known"
}

// name quotes what a certificate calls its subject or issuer: the common name, or the whole where it has none. It is
// a stranger's text, so it is cut to the 64 characters of RFC 5280's common names.
func name(n pkix.Name) string {
	s := n.CommonName
	if s == "" {
		s = n.String()
	}
	return fmt.Sprintf("%.64q", s)
}
