package revocation

import (
	"crypto/x509"
	"fmt"
	"log/slog"
	"slices"
	"strings"
	"time"

	"golang.org/x/crypto/ocsp"
)

// A check is one call of [Service.Check].
type check struct {
	s       *Service
	now     time.Time
	chain   []*x509.Certificate
	staple  []byte
	verdict func(Verdict)

	asked     bool     // about the certificate at the front of the chain
	badStaple string   // what is wrong with the staple
	unknown   *Verdict // the first certificate of which nothing could be found out
}

// Check is that of [Checker]. What lists, the staple and kept answers of responders say is said at once.
func (s *Service) Check(now time.Time, chain []*x509.Certificate, staple []byte, verdict func(Verdict)) {
	c := &check{s: s, now: now, chain: chain, staple: staple, verdict: verdict}
	c.run()
}

// run goes on along the chain until it ends or somebody has to be asked.
func (c *check) run() {
	for len(c.chain) > 1 { // the last one is trusted
		cert, issuer := c.chain[0], c.chain[1]
		v, known := c.look(cert, issuer)
		if !known {
			url := c.s.responder(cert)
			if url != "" && !c.asked {
				c.asked = true
				if c.s.ask(url, cert, issuer, c.run) {
					return
				}
			}
			v = c.undetermined(cert, url)
		}
		if v.Status != Good && (known || c.s.config.Load().Fail == Hard) {
			c.verdict(v)
			return
		}
		if v.Status != Good && c.unknown == nil {
			c.unknown = &v
		}
		c.chain, c.staple, c.asked = c.chain[1:], nil, false
	}
	good := Verdict{}
	if c.unknown != nil {
		good.Text = c.unknown.Text
	}
	c.verdict(good)
}

// look finds out what is known of a certificate without asking. A revocation counts wherever it is found.
func (c *check) look(cert, issuer *x509.Certificate) (v Verdict, known bool) {
	listed, known := c.s.listed(c.now, cert, issuer)
	if listed.Status == Revoked {
		return listed, true
	}
	if len(c.staple) > 0 {
		r, err := checkResponse(c.staple, cert, issuer, c.now)
		if err != nil {
			c.badStaple = err.Error()
		} else if v := verdictOf(r, cert, "ocsp stapled"); v.Status != Good || !known {
			return v, true
		}
	}
	if known {
		return listed, true
	}
	c.s.mu.Lock()
	defer c.s.mu.Unlock()
	a := c.s.answers.find(questionOf(cert, issuer), c.now)
	if a == nil && c.asked { // the answer has come, later than this check began
		a = c.s.answers.kept[questionOf(cert, issuer)]
	}
	if a == nil || a.err != nil {
		return Verdict{}, false
	}
	return verdictOf(a.response, cert, a.source), true
}

// listed says what the lists say; known is false if they do not cover the certificate now. An entry counts in an
// expired list, too.
func (s *Service) listed(now time.Time, cert, issuer *x509.Certificate) (v Verdict, known bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	serial := string(cert.SerialNumber.Bytes())
	for _, l := range s.covering(cert, issuer) {
		if e, ok := l.serial[serial]; ok {
			return revokedVerdict(cert, e.at, e.reason, "crl "+l.source), true
		}
		known = known || l.current(now) && l.complete(cert)
	}
	return Verdict{}, known
}

// covering returns the lists that cover a certificate, without those that others of them replace. That is decided here
// and not when a list comes, because only now the key is known that must have signed it. The caller holds the mutex.
func (s *Service) covering(cert, issuer *x509.Certificate) []*list {
	var lists []*list
	for _, l := range s.lists {
		if !l.covers(cert, issuer) || slices.ContainsFunc(lists, func(other *list) bool { return other.replaces(l) }) {
			continue
		}
		lists = append(slices.DeleteFunc(lists, l.replaces), l)
	}
	return lists
}

// verdictOf is what a response says. An issuer that does not know the certificate has not issued it.
func verdictOf(r *ocsp.Response, cert *x509.Certificate, source string) Verdict {
	switch r.Status {
	case ocsp.Good:
		return Verdict{}
	case ocsp.Revoked:
		return revokedVerdict(cert, r.RevokedAt, r.RevocationReason, source)
	}
	return Verdict{Status: Undetermined, Certificate: cert, Source: source,
		Text: fmt.Sprintf("%s is unknown to its issuer, says %s", describe(cert), source)}
}

func revokedVerdict(cert *x509.Certificate, at time.Time, reason int, source string) Verdict {
	text := fmt.Sprintf("%s was revoked at %s", describe(cert), stamp(at))
	if name := reasons[reason]; name != "" {
		text += " (" + name + ")"
	}
	return Verdict{Status: Revoked, Certificate: cert, RevokedAt: at, Reason: reason, Source: source, Text: text + ", says " + source}
}

// undetermined is that nothing could be found out.
func (c *check) undetermined(cert *x509.Certificate, url string) Verdict {
	v := Verdict{Status: Undetermined, Certificate: cert, BadStaple: c.badStaple != ""}
	v.Text = "nothing can be found out about the revocation of " + describe(cert)
	var why []string
	if c.badStaple != "" {
		why = append(why, "its OCSP staple is not good: "+c.badStaple)
	}
	if url != "" {
		v.Source = "ocsp " + url
		why = append(why, url+" does not answer")
	}
	if len(c.s.config.Load().CRL) > 0 {
		why = append(why, "no current list covers it")
	}
	if len(why) > 0 {
		v.Text += ": " + strings.Join(why, "; ")
	}
	return v
}

// traceAnswer says whether a responder has answered.
func (s *Service) traceAnswer(a *answer, cert *x509.Certificate) {
	fields := []slog.Attr{slog.String("source", a.source), slog.String("serial", cert.SerialNumber.Text(16))}
	if a.err != nil {
		fields = append(fields, slog.String("result", "error"), slog.String("error", a.err.Error()))
	} else {
		fields = append(fields, slog.String("result", "ok"), slog.String("status", statuses[a.response.Status]))
	}
	s.h.Trace("revocation", fields...)
}

var statuses = map[int]string{ocsp.Good: "good", ocsp.Revoked: "revoked", ocsp.Unknown: "unknown"}

// reasons are those of RFC 5280 section 5.3.1, in words.
var reasons = map[int]string{
	ocsp.KeyCompromise: "key compromise", ocsp.CACompromise: "CA compromise", ocsp.AffiliationChanged: "affiliation changed",
	ocsp.Superseded: "superseded", ocsp.CessationOfOperation: "cessation of operation", ocsp.CertificateHold: "certificate hold",
	ocsp.RemoveFromCRL: "removed from the list", ocsp.PrivilegeWithdrawn: "privilege withdrawn", ocsp.AACompromise: "AA compromise",
}

// describe names a certificate, whose subject is a stranger's text.
func describe(c *x509.Certificate) string {
	name := c.Subject.CommonName
	if name == "" {
		name = c.Subject.String()
	}
	return fmt.Sprintf("certificate %.64q (serial %s)", name, c.SerialNumber.Text(16))
}

func stamp(t time.Time) string { return t.UTC().Format(time.RFC3339) }

func stripX509(err error) string { return strings.TrimPrefix(err.Error(), "x509: ") }
